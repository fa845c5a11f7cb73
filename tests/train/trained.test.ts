/** A trained learner in use: adapting, predicting, saving, restoring; and what bad input gets. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { DataError, FormatError, OptionError, ShapeError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { reptile } from "../../src/learners/reptile.ts";
import type { Layer } from "../../src/nn/layer.ts";
import {
  activation,
  batchNorm,
  conv2d,
  flatten,
  layerNorm,
  linear,
  maxPool,
  meanPool,
  sequential,
} from "../../src/nn/layers.ts";
import { model } from "../../src/nn/model.ts";
import { conv4, mlp } from "../../src/nn/networks.ts";
import { clusters } from "../../src/tasks/clusters.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { Adapted } from "../../src/train/adapted.ts";
import { hashParameters } from "../../src/train/hash-parameters.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { restore, type Trained } from "../../src/train/trained.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { clouds, MemoryStore, sameBytes, smallMaml } from "./support.ts";

const test = suite("trained");

const curves = sinusoid({ shots: 5, queries: 6 });
const classes = clouds({ ways: 3, shots: 2, queries: 4 });
const body = mlp({ inputShape: 4, hidden: [6], outputs: 3, activation: "tanh" });
const regression = await metaTrain(smallMaml(), curves, { iterations: 10, metaBatch: 3 });
const classification = await metaTrain(maml(body, { innerRate: 0.2 }), classes, { iterations: 10, metaBatch: 3 });
const prototypes = await metaTrain(protoNet(body), classes, { iterations: 10, metaBatch: 3 });
const { support, queries: query } = classes.sample([3, 4]);
const logitsOf = (adapted: Adapted, x: ArrayLike<number>) => adapted.predict(x).logits as Float32Array;
/** The only output, whatever its name. */
const outputOf = (adapted: Adapted, x: ArrayLike<number>) => Object.values(adapted.predict(x))[0] as Float32Array;

test("adapting gives a new object; the trained one and earlier ones stay as they are", () => {
  const before = classification.save();
  const first = classification.adapt(support);
  const predicted = logitsOf(first, query.x);
  const state = structuredClone(first.state);
  const other = classes.sample([5, 6]);
  const second = classification.adapt(other.support);
  const x = Float32Array.from(support.x);
  const third = classification.adapt({ x, y: support.y });
  x.fill(9);
  assert.not.ok(sameBits(logitsOf(second, query.x), predicted));
  for (const again of [first, third, classification.adapt(support)]) {
    assert.ok(sameBits(logitsOf(again, query.x), predicted));
    assert.equal(again.state, state);
  }
  assert.ok(sameBytes(classification.save(), before));
});

test("numbers may come as plain arrays, one example alone, or in any company", () => {
  const adapted = classification.adapt({ x: Array.from(support.x), y: Array.from(support.y) });
  const all = logitsOf(adapted, Array.from(query.x));
  assert.ok(sameBits(all, logitsOf(classification.adapt(support), query.x)));
  assert.is(adapted.outputs, 3);
  for (let i = 0; i < query.y.length; i++) {
    const one = logitsOf(adapted, query.x.subarray(4 * i, 4 * i + 4));
    near(one, all.subarray(3 * i, 3 * i + 3), 1e-6, `example ${i}`);
    assert.is(adapted.classify(query.x.subarray(4 * i, 4 * i + 4))[0], adapted.classify(query.x)[i]);
  }
  assert.is(logitsOf(adapted, []).length, 0);
  assert.is(adapted.classify([]).length, 0);
});

test("more sizes than programs are kept for", () => {
  const adapted = classification.adapt(support);
  const expected = logitsOf(adapted, query.x);
  for (let n = 1; n <= 40; n++) {
    const x = Float32Array.from({ length: 4 * n }, (_, i) => query.x[i % query.x.length] as number);
    near(logitsOf(adapted, x).subarray(0, 3), expected.subarray(0, 3), 1e-6, `${n} examples`);
    const grown = {
      x: Float32Array.from([...support.x, ...x]),
      y: [...support.y, ...Array.from({ length: n }, () => 1)],
    };
    assert.is(logitsOf(classification.adapt(grown), query.x).length, expected.length);
  }
  assert.ok(sameBits(logitsOf(adapted, query.x), expected));
});

test("padded buckets keep the number of Programs small", () => {
  const core = Core.create();
  const trained = restore(maml(body, { innerRate: 0.2 }), classification.save(), { core });
  const loadedAt: number[] = [];
  for (let n = 1; n <= 64; n++) {
    const before = core.programs.bytes;
    const x = Float32Array.from({ length: 4 * n }, (_, i) => query.x[i % query.x.length] as number);
    const adapted = trained.adapt({ x, y: Array.from({ length: n }, (_, i) => i % 3) });
    assert.is(adapted.predict(x).logits?.length, 3 * n);
    if (core.programs.bytes > before) loadedAt.push(n);
  }
  assert.equal(loadedAt, [1, 2, 3, 5, 9, 17, 33], "a Program for 1, 2, 4, … 64 examples each");
  trained.dispose();
  throwsA(OptionError, () => trained.adapt(support), "disposed");
});

const learners: Readonly<Record<string, () => Promise<Trained>>> = {
  maml: async () => classification,
  "maml on curves": async () => regression,
  protoNet: async () => prototypes,
  "metaSgd with decay": () =>
    metaTrain(metaSgd(body, { innerRate: 0.1, weightDecay: 0.01 }), classes, { iterations: 3, metaBatch: 2 }),
  "reptile with support statistics": () =>
    metaTrain(reptile(mlp({ inputShape: 4, hidden: [5], outputs: 3, batchNorm: "support" })), classes, {
      iterations: 3,
      metaBatch: 2,
    }),
};
for (const [name, make] of Object.entries(learners)) {
  test(`${name}: a saved file gives the same bytes and predictions again`, async () => {
    const trained = await make();
    const bytes = trained.save();
    const again = restore(trained.learner, bytes);
    assert.ok(sameBytes(again.save(), bytes));
    assert.equal([again.objective.name, again.iterations], [trained.objective.name, trained.iterations]);
    assert.is(again.objective.outputs, trained.objective.outputs);
    assert.is(hashParameters(again.meta), hashParameters(trained.meta));
    const episode = trained.objective.classes ? classes.sample([3, 4]) : curves.sample([7, 8]);
    const predictions = outputOf(trained.adapt(episode.support), episode.queries.x);
    assert.ok(predictions.every((value) => Number.isFinite(value)));
    assert.ok(sameBits(outputOf(again.adapt(episode.support), episode.queries.x), predictions));
    const damaged = bytes.slice(0, -4);
    throwsA(FormatError, () => restore(trained.learner, damaged));
  });
}

test("a checkpoint restores as well as what save() gives", async () => {
  const store = new MemoryStore();
  const trained = await metaTrain(smallMaml(), curves, {
    iterations: 2,
    metaBatch: 2,
    checkpoint: { store, every: 9 },
  });
  assert.ok(sameBytes(restore(smallMaml(), store.last).save(), trained.save()));
});

/** Models with the same parameters that compute something else. */
const twins: Readonly<Record<string, readonly [Layer, Layer]>> = {
  "an activation": [activation("relu"), activation("tanh")],
  "an activation more": [activation("relu"), sequential([activation("relu"), activation("relu")])],
  "a stride": [conv2d(3, { stride: 1, pad: 1 }), conv2d(3, { stride: 2, pad: 1 })],
  "a pad": [conv2d(3, { pad: 0 }), conv2d(3, { pad: 1 })],
  "uneven pads": [conv2d(3, { size: 2, pad: [1, 0, 0, 1] }), conv2d(3, { size: 2, pad: [0, 1, 1, 0] })],
  "a kind of pool": [maxPool({ size: 2 }), meanPool({ size: 2 })],
  "a size of pool": [maxPool({ size: 2 }), maxPool({ size: 3, stride: 2 })],
  "an epsilon": [layerNorm(), layerNorm({ epsilon: 1e-3 })],
  "an epsilon of batch norm": [batchNorm({ mode: "support" }), batchNorm({ mode: "support", epsilon: 1e-3 })],
  "a prior of batch norm": [batchNorm({ mode: "support" }), batchNorm({ mode: "support", prior: 2 })],
  "an order of layers": [
    sequential([maxPool({ size: 2 }), activation("relu")]),
    sequential([activation("relu"), maxPool({ size: 2 })]),
  ],
};
for (const [what, pair] of Object.entries(twins)) {
  test(`a file of a model that differs in ${what} is refused`, () => {
    const [one, other] = pair.map((layer) => {
      const head = [flatten(), linear(3)];
      const bodies = [conv2d(2, { size: 1 }), layer, ...head];
      return maml(model([6, 6, 1], sequential(bodies)));
    }) as [ReturnType<typeof maml>, ReturnType<typeof maml>];
    assert.is.not(one.description, other.description);
  });
}

test("a file of another learner is refused, with both named", async () => {
  const bytes = classification.save();
  throwsA(FormatError, () => restore(protoNet(body), bytes), "maml innerRate 0.2", "protoNet");
  throwsA(FormatError, () => restore(maml(body, { innerRate: 0.1 }), bytes));
  const relu = mlp({ inputShape: 4, hidden: [6], outputs: 3, activation: "relu" });
  throwsA(FormatError, () => restore(maml(relu, { innerRate: 0.2 }), bytes), "relu", "tanh");
  const image = { inputShape: [16, 16, 1], filters: 3 } as const;
  const [strided, pooled] = (["stride", "maxPool"] as const).map((downsampling) =>
    protoNet(conv4({ ...image, downsampling })),
  );
  const trained = await metaTrain(
    strided as ReturnType<typeof protoNet>,
    clouds({ ways: 2, shots: 1, queries: 1 }, { shape: [16, 16, 1] }),
    { iterations: 0 },
  );
  throwsA(FormatError, () => restore(pooled as ReturnType<typeof protoNet>, trained.save()));
});

test("a file whose arrays are not the learner's is refused", () => {
  const { tensors, metadata } = decodeTensors(classification.save());
  const one = { shape: [1], data: Float32Array.of(1) };
  for (const [changed, part] of [
    [{ ...tensors, "meta.more": one }, "more"],
    [{ ...tensors, "meta.hidden1.weight": one }, "hidden1.weight"],
    [{}, "hidden1.weight"],
  ] as const) {
    throwsA(FormatError, () => restore(classification.learner, encodeTensors({ tensors: changed, metadata })), part);
  }
  const { learner, ...rest } = metadata;
  assert.ok(learner);
  throwsA(
    FormatError,
    () => restore(classification.learner, encodeTensors({ tensors, metadata: rest })),
    "unknown learner",
  );
});

const { x, y } = support;
const nan = (length: number) => Float32Array.from({ length }, (_, i) => (i === 2 ? Number.NaN : 0));
const refusals: Readonly<Record<string, readonly [new (...args: never[]) => Error, () => unknown, ...string[]]>> = {
  "no examples": [DataError, () => classification.adapt({ x: [], y: [] }), "adapt: the examples must be at least one"],
  "nothing at all": [OptionError, () => classification.adapt(undefined as never), "adapt: examples", "got undefined"],
  "a promise": [OptionError, () => classification.adapt(Promise.resolve({ x, y }) as never), "a promise (await it)"],
  "a list": [OptionError, () => classification.adapt([1, 2] as never), "adapt: examples must be an object of columns"],
  "no labels": [OptionError, () => classification.adapt({ x }), "adapt: y must be a flat array", "got undefined"],
  "text for numbers": [OptionError, () => classification.adapt({ x: "1234", y } as never), "adapt: x", '"1234"'],
  "rows of rows": [DataError, () => classification.adapt({ x: [[1], [2], [3], [4]], y: [0] } as never), "adapt: x"],
  "null in a row": [DataError, () => classification.adapt({ x: [1, null, 3, 4], y: [0] } as never), "got null at 1"],
  "a column too many": [OptionError, () => classification.adapt({ x, y, z: [1] }), "adapt: columns", '"z"'],
  "an unknown option": [OptionError, () => classification.adapt(support, { innerStep: 3 } as never), "innerSteps?"],
  "inner steps without an inner loop": [
    OptionError,
    () => prototypes.adapt(support, { innerSteps: 3 }),
    "no inner loop",
  ],
  "an option of observe": [OptionError, () => classification.adapt(support).observe(support, 3 as never), "observe: "],
  "half an example": [ShapeError, () => classification.adapt({ x: x.subarray(1), y }), "adapt: x", "[4]"],
  "fewer labels than examples": [ShapeError, () => classification.adapt({ x, y: y.subarray(1) }), "adapt: y", "6", "5"],
  "more labels than examples": [ShapeError, () => classification.adapt({ x, y: [...y, 0] }), "adapt: y", "6", "7"],
  "a label too high": [DataError, () => classification.adapt({ x, y: [0, 1, 2, 3, 0, 1] }), "0 to 2", "3"],
  "a negative label": [DataError, () => classification.adapt({ x, y: [0, 1, 2, -1, 0, 1] }), "0 to 2", "-1"],
  "half a label": [DataError, () => classification.adapt({ x, y: [0, 1, 2, 0.5, 0, 1] }), "0 to 2", "0.5"],
  "a label that is NaN": [DataError, () => classification.adapt({ x, y: [0, 1, 2, Number.NaN, 0, 1] }), "NaN at 3"],
  "an example that is NaN": [DataError, () => classification.adapt({ x: nan(24), y }), "adapt: x", "NaN at 2"],
  "a number that f32 cannot hold": [DataError, () => regression.adapt({ x: [1e39], y: [1] }), "1e+39 at 0"],
  "an infinite target": [
    DataError,
    () => regression.adapt({ x: [1, 2], y: [1, Number.NEGATIVE_INFINITY] }),
    "adapt: y",
  ],
  "targets of another width": [
    ShapeError,
    () => regression.adapt({ x: [1, 2], y: [1, 2, 3, 4] }),
    "adapt: y must have 2 numbers for 2 examples, got 4",
  ],
  "a negative weight": [DataError, () => regression.adapt({ x: [1], y: [1], weight: [-1] }), "weight", "-1"],
  "too few weights": [ShapeError, () => regression.adapt({ x: [1, 2], y: [1, 2], weight: [1] }), "weight", "got 1"],
  "a class without an example": [
    DataError,
    () => prototypes.adapt({ x, y: [0, 0, 0, 2, 2, 2] }),
    "every class",
    "0 to 2",
  ],
  "a half class of prototypes": [
    DataError,
    () => prototypes.adapt({ x, y: [0, 0, 0, 1, 1, 1.5] }),
    "whole numbers from 0",
    "1.5",
  ],
  "a class of prototypes that is NaN": [
    DataError,
    () => prototypes.adapt({ x, y: [0, 0, 0, 1, 1, Number.NaN] }),
    "whole numbers from 0",
    "NaN",
  ],
  "ways of a fixed head": [OptionError, () => classification.adapt(support, { ways: 4 }), "adapt: ways must be 3"],
  "ways of curves": [OptionError, () => regression.adapt({ x: [1], y: [1] }, { ways: 2 }), "left out for regression"],
  "half a way": [OptionError, () => prototypes.adapt(support, { ways: 2.5 }), "adapt: ways", "2.5"],
  "negative steps": [OptionError, () => classification.adapt(support, { innerSteps: -1 }), "innerSteps", "-1"],
  "half a step": [OptionError, () => classification.adapt(support, { innerSteps: 0.5 }), "innerSteps", "0.5"],
  "more steps than memory": [OptionError, () => classification.adapt(support, { innerSteps: 1e308 }), "innerSteps"],
  "a query of half an example": [
    ShapeError,
    () => classification.adapt(support).predict([1, 2, 3]),
    "predict: x",
    "[4]",
  ],
  "a query that is NaN": [DataError, () => classification.adapt(support).predict(nan(4)), "predict: x", "NaN at 2"],
  "no query": [OptionError, () => classification.adapt(support).predict(undefined as never), "predict: x", "undefined"],
  "classes of curves": [OptionError, () => regression.adapt(curves.sample([1, 1]).support).classify([1]), "classify"],
  "a single support set for many": [
    OptionError,
    () => classification.adaptMany(support as never),
    "adaptMany: supports",
  ],
};
for (const [what, [kind, body, ...parts]] of Object.entries(refusals)) {
  test(`refused: ${what}`, () => {
    const message = throwsA(kind, body, ...parts);
    assert.not.match(message, /0 to (NaN|\d*\.\d|-)/);
    assert.not.match(message, /\n/);
  });
}

test("as many labels as examples, by mistake, are refused and no crash", () => {
  const count = 200_000;
  const flat = { x: new Float32Array(4 * count), y: Float32Array.from({ length: count }, (_, i) => i + 0.5) };
  throwsA(DataError, () => prototypes.adapt(flat), "whole numbers");
});

test("the hash of parameters goes by their names and bits, not by their order", () => {
  const [a, b] = [Float32Array.of(1, 2), Float32Array.of(3)];
  assert.is(hashParameters({ a, b }), hashParameters({ b, a }));
  assert.is.not(hashParameters({ a, b }), hashParameters({ a: b, b: a }));
  assert.is.not(hashParameters({ a: Float32Array.of(0) }), hashParameters({ a: Float32Array.of(-0) }));
  // SHA-256 of the four bytes of 1.
  assert.is(
    hashParameters({ a: Float32Array.of(1) }),
    "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c",
  );
});

test("a state that diverged is not saved: nobody could go on from it", async () => {
  const body = mlp({ inputShape: 1, hidden: [5], outputs: 1 });
  const lost = await metaTrain(maml(body, { innerRate: 1e30 }), sinusoid({ shots: 5 }), { iterations: 0 });
  const adapted = lost.adapt({ x: [1, 2], y: [3, 4] }, { innerSteps: 9 });
  throwsA(DataError, () => adapted.save(), "save: ", "must be finite", "lower the inner steps or rates");
});

test("a task's file that names other outputs is refused before anything is made of it", async () => {
  const classes = await metaTrain(
    protoNet(mlp({ inputShape: 4, hidden: [3], outputs: 2 })),
    clusters({ features: 4 }),
    {
      iterations: 0,
    },
  );
  const bytes = classes.adapt({ x: [0, 1, 2, 3, 4, 5, 6, 7], y: [0, 1] }).save();
  const { tensors, metadata } = decodeTensors(bytes);
  const { checksum: _, ...rest } = metadata;
  for (const [outputs, part] of [
    ["3", "must have 6 numbers, the file has 4"],
    ["1000000000", "outputs must be at most 65536"],
    ["x", "must name its objective and outputs"],
  ] as const) {
    throwsA(
      FormatError,
      () => classes.resume(encodeTensors({ tensors, metadata: { ...rest, outputs } })),
      "resume: ",
      part,
    );
  }
});

test.run();
