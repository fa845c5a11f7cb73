/** What training promises to a store, to the metadata it is given, and to whoever listens to its progress. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../../src/errors.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { CheckpointStore } from "../../src/train/checkpoint.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { MemoryStore, rejectsA, smallMaml } from "./support.ts";

const test = suite("stores and progress");
const tasks = sinusoid({ shots: 2, queries: 2 });

/** A store that writes down what is called. */
class Recorder extends MemoryStore implements CheckpointStore {
  readonly calls: string[] = [];

  async open(): Promise<void> {
    this.calls.push("open");
  }
  override async read(): Promise<Uint8Array | undefined> {
    this.calls.push("read");
    return super.read();
  }
  override async write(bytes: Uint8Array): Promise<void> {
    this.calls.push("write");
    await super.write(bytes);
  }
  async close(): Promise<void> {
    this.calls.push("close");
  }
}

const with2 = (store: CheckpointStore) => ({ iterations: 2, metaBatch: 2, checkpoint: { store, every: 1 } });

test("a store is opened before it is read or written, and closed at the end", async () => {
  const store = new Recorder();
  await metaTrain(smallMaml(), tasks, { ...with2(store), resume: true });
  assert.equal(store.calls, ["open", "read", "write", "write", "write", "close"]);
});

test("a store is closed when the run fails, wherever it does", async () => {
  for (const [where, options] of Object.entries({
    "before training": { memoryLimit: 1 },
    "while it resumes": { resume: true, seed: 5 },
    "in what listens": {
      onProgress: () => {
        throw new RangeError("enough");
      },
    },
  })) {
    const store = new Recorder(Uint8Array.of(1, 2, 3));
    const ended = await metaTrain(smallMaml(), tasks, { ...with2(store), ...options }).then(
      () => "well",
      () => "badly",
    );
    assert.is(ended, "badly", where);
    assert.equal([store.calls[0], store.calls.at(-1)], ["open", "close"], where);
    assert.is(store.calls.filter((each) => each === "close").length, 1, where);
  }
});

test("a run that cannot open its store neither reads, nor writes, nor closes it", async () => {
  const store = new Recorder();
  store.open = () => Promise.reject(new RangeError("taken"));
  await rejectsA(RangeError, metaTrain(smallMaml(), tasks, { ...with2(store), resume: true }), "taken");
  assert.equal(store.calls, []);
});

/** What a checkpoint holds itself. */
const RESERVED = [
  ...["format", "iteration", "version", "objective", "outputs", "learner", "optimizer", "tasks"],
  ...["metaBatch", "seed", "core", "average", "window", "frozen", "from"],
];

test("options out of range are refused before the store is opened", async () => {
  const store = new Recorder();
  await rejectsA(OptionError, metaTrain(smallMaml(), tasks, { ...with2(store), metaBatch: 0 }), "metaBatch");
  assert.equal(store.calls, []);
});

test("metadata that could not be read back is refused before anything is written", async () => {
  for (const [metadata, part] of [
    [{ run: 3 }, "metadata.run must be a string, got 3"],
    [{ run: { task: "sinusoid" } }, "metadata.run must be a string, got { task }"],
    [{ run: undefined }, "metadata.run must be a string, got undefined"],
    [["run"], "metadata must be an object of strings"],
    [null, "metadata must be an object of strings"],
    ["run", "metadata must be an object of strings"],
    [{ checksum: "0" }, "the name checksum is taken"],
    ...RESERVED.map((name) => [{ [name]: "mine" }, `the name ${name} is taken`] as const),
  ] as const) {
    const store = new Recorder();
    const run = metaTrain(smallMaml(), tasks, { ...with2(store), metadata: metadata as never });
    await rejectsA(OptionError, run, "metaTrain: ", part);
    assert.not(store.calls.includes("write"), part);
  }
});

test("a promise of onProgress is awaited before the next iteration", async () => {
  const order: string[] = [];
  await metaTrain(smallMaml(), tasks, {
    iterations: 3,
    metaBatch: 2,
    async onProgress({ iteration }) {
      order.push(`${iteration} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(`${iteration} ends`);
    },
  });
  assert.equal(order, ["1 begins", "1 ends", "2 begins", "2 ends", "3 begins", "3 ends"]);
});

test("an error of onProgress ends the run, thrown or in a promise, and the last checkpoint stays", async () => {
  const fail = () => {
    throw new RangeError("the listener failed");
  };
  for (const onProgress of [fail, async () => fail()]) {
    const store = new Recorder();
    const run = metaTrain(smallMaml(), tasks, { ...with2(store), onProgress });
    await rejectsA(RangeError, run, "the listener failed");
    assert.is(decodeCheckpoint(store.last).iteration, 1);
  }
});

test.run();
