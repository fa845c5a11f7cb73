/** Training neither grows the core's memory nor the process's: iteration 10,000 needs what iteration 30 needed. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCore } from "../../src/core/core.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { smallMaml } from "./support.ts";

const test = suite("memory");

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const MEBIBYTE = 2 ** 20;
const tasks = sinusoid({ shots: 3, queries: 3 });

/** What the process and the core hold once garbage is collected. */
function held() {
  collect();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const { highWater, exports } = defaultCore();
  return { rss, js: heapUsed + external + arrayBuffers, highWater, core: exports.memory.buffer.byteLength };
}

/**
 * Bound of what the process may hold more, in MiB: V8 lets its young generation grow by some tens while there is garbage
 * to make, whatever is kept of it. A leak outside of V8's heap would be above it after thousands of iterations.
 */
const RSS_BOUND = 96;

/** Holds two moments of one process to one another: the core to the byte, the rest to less than a leak would be. */
function requireStill(early: ReturnType<typeof held>, late: ReturnType<typeof held>, most = 1): void {
  assert.is(late.highWater, early.highWater, "the arena's high-water mark");
  assert.is(late.core, early.core, "the core's memory");
  const [js, rss] = [(late.js - early.js) / MEBIBYTE, (late.rss - early.rss) / MEBIBYTE];
  console.log(`note: memory: ${js.toFixed(2)} MiB of JavaScript and ${rss.toFixed(2)} MiB of the process more`);
  // A leak of a hundred bytes an iteration would be above it.
  assert.ok(js < most, `JavaScript holds ${js.toFixed(2)} MiB more`);
  assert.ok(rss < RSS_BOUND, `the process holds ${rss.toFixed(2)} MiB more`);
}

test("between iteration 30 and iteration 10,000 nothing moves", async () => {
  const moments = new Map<number, ReturnType<typeof held>>();
  const onProgress = ({ iteration }: { iteration: number }) => {
    // At iteration 20, what inner steps do to the support loss is looked at.
    if (iteration === 30 || iteration === 10_000) moments.set(iteration, held());
  };
  await metaTrain(smallMaml([16]), tasks, { iterations: 10_000, metaBatch: 1, onProgress });
  requireStill(moments.get(30) as ReturnType<typeof held>, moments.get(10_000) as ReturnType<typeof held>);
});

test("with validation, checkpoints and a signal, nothing moves either", async () => {
  const learner = maml(mlp({ inputShape: 1, hidden: [6], outputs: 1, batchNorm: "support" }));
  const moments: ReturnType<typeof held>[] = [];
  let bytes = new Uint8Array(0);
  const store = {
    read: async () => bytes,
    write: async (written: Uint8Array) => {
      bytes = Uint8Array.from(written);
    },
  };
  await metaTrain(learner, tasks, {
    iterations: 1600,
    metaBatch: 2,
    checkpoint: { store, every: 5 },
    validation: { tasks: sinusoid({ shots: 4, queries: 5 }), every: 20, episodes: 5 },
    signal: new AbortController().signal,
    onProgress({ iteration }) {
      // The engine compiles what validation runs in the first hundreds of iterations.
      if (iteration === 800 || iteration === 1600) moments.push(held());
    },
  });
  const [early, late] = moments as [ReturnType<typeof held>, ReturnType<typeof held>];
  // Forty validations: one that left its Program behind would hold several MiB.
  requireStill(early, late, 2);
});

test("run after run in one process: each gives its memory back", async () => {
  const train = () => metaTrain(smallMaml([16]), tasks, { iterations: 2, metaBatch: 2 });
  const cycle = async () => {
    for (let i = 0; i < 10; i++) {
      const trained = await train();
      trained.adapt({ x: [1, 2], y: [0, 1] }).predict([1, 2, 3]);
      trained.dispose();
    }
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await cycle();
  await cycle();
  const early = held();
  for (let i = 0; i < 8; i++) await cycle();
  const late = held();
  assert.is(late.highWater, early.highWater);
  assert.ok(late.js - early.js < 2 * MEBIBYTE, `JavaScript holds ${(late.js - early.js) / MEBIBYTE} MiB more`);
});

test.run();
