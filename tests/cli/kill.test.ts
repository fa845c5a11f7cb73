/** A run that is killed with SIGKILL at any moment and resumed ends in the same checkpoint as one that is left alone. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { Chance } from "../support/random.ts";
import { folder, json, start } from "./support.ts";

const test = suite("killed and resumed");

const ITERATIONS = 3000;
const KILLS = 10;
/** A temporary file on its way to become the checkpoint, or left by a writer that was killed. */
const PARTIAL = /\.tmp$/;

const train = ["train", "--task", "sinusoid", "--meta-batch", "4", "--seed", "3", "--iterations", `${ITERATIONS}`];
const saving = (path: string, every: number) => [...train, "--checkpoint", path, "--checkpoint-every", `${every}`];

/** Iterations that the file holds; 0 while there is none. Whenever it is read, it must be whole. */
function iterationsIn(path: string): number {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch {
    return 0;
  }
  return decodeCheckpoint(bytes).iteration;
}

test(`killed at ${KILLS} random moments, by any number of workers, to the bytes of a straight run`, async () => {
  const straight = join(folder, "straight.safetensors");
  const expected = await json(saving(straight, 1000));

  const work = join(folder, "work");
  mkdirSync(work);
  const path = join(work, "run.safetensors");
  const chance = new Chance(20);
  const killedAt: number[] = [];
  let leftovers = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const before = iterationsIn(path);
    const workers = chance.pick([1, 1, 2, 3]);
    const { child, outcome } = start([...saving(path, 3), "--resume", "--workers", `${workers}`]);
    let ended = false;
    child.on("exit", () => {
      ended = true;
    });
    // Some are killed while they start; the others after some progress, and then at any moment of an iteration or a write.
    const goal = kill % 4 === 3 ? 0 : before + chance.whole(1, Math.floor(ITERATIONS / KILLS) - 20);
    while (!ended && iterationsIn(path) < goal) await setTimeout(1);
    await setTimeout(chance.uniform(0, goal === 0 ? 300 : 12));
    child.kill("SIGKILL");
    const { signal, code, stderr } = await outcome;
    assert.is(signal, "SIGKILL", `kill ${kill} came too late: the run ended with code ${code} ${stderr}`);
    killedAt.push(iterationsIn(path));
    leftovers += readdirSync(work).filter((name) => PARTIAL.test(name)).length;
  }
  assert.equal(
    killedAt,
    killedAt.toSorted((a, b) => a - b),
    "progress was lost",
  );
  assert.ok(new Set(killedAt).size > KILLS / 2, `killed after iterations ${killedAt}`);
  const result = await json([...saving(path, 500), "--resume"]);
  assert.is(result.parameters, expected.parameters);
  assert.ok(readFileSync(path).equals(readFileSync(straight)), `killed after iterations ${killedAt}`);
  assert.equal(readdirSync(work), ["run.safetensors"], "what killed writers left is cleared away");
  console.log(`note: killed after iterations ${killedAt.join(", ")}; ${leftovers} times in the middle of a write`);
});

test.run();
