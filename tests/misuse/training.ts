/** Misuses of training, evaluation and adaptation. */
import { Core } from "../../src/core/core.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import { adam } from "../../src/optim/optimizer.ts";
import { type EpisodeOptions, episodes } from "../../src/tasks/episodes.ts";
import { mixture } from "../../src/tasks/mixture.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { profileTask } from "../../src/train/profile-task.ts";
import { remember } from "../../src/train/remembering.ts";
import { selectModel } from "../../src/train/select-model.ts";
import type { Inputs, SupportSet } from "../../src/train/support-set.ts";
import { type AdaptOptions, restore } from "../../src/train/trained.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";

const body = mlp({ inputShape: 1, hidden: [2], outputs: 1 });
const learner = maml(body, { innerSteps: 1 });
const tasks = sinusoid({ shots: 2, queries: 2 });
const [spec] = tasks.specs;
const trained = await metaTrain(learner, tasks, { iterations: 1, metaBatch: 1 });
const adapted = trained.adapt({ x: [0, 1], y: [0, 1] });
const data = fromArrays({
  x: Array.from({ length: 24 }, (_, i) => [i]),
  y: Array.from({ length: 24 }, (_, i) => i % 4),
});
const ofClasses = await metaTrain(
  maml(mlp({ inputShape: 1, hidden: [2], outputs: 2 }), { innerSteps: 1 }),
  episodes(data, { ways: 2, shots: 1, queries: 1 }),
  { iterations: 1, metaBatch: 1 },
);
const classified = ofClasses.adapt({ x: [0, 1], y: [0, 1] });
const core = Core.create();

/** An object of ours, and copies of it that lack a member or hold something else there. */
const without = (value: object, ...members: readonly string[]): Argument => ({
  ...thing(value),
  refuses: members.flatMap((name) => [undefined, null, "3x"].map((bad) => ({ ...value, [name]: bad }))),
});
const aLearner = (): Argument => without(learner, "init", "start", "observe", "predict", "inputs");
const aSource = (): Argument => ({
  ...without(tasks, "specs"),
  refuses: [
    ...without({ ...tasks, sample: tasks.sample.bind(tasks) }, "specs", "sample").refuses,
    ...["inputs", "objective", "segments", "queries"].flatMap((name) =>
      [undefined, null, "3x"].map((bad) => ({
        ...tasks,
        sample: tasks.sample.bind(tasks),
        specs: [{ ...spec, [name]: bad }],
      })),
    ),
  ],
});
const seed = (): Argument => optional(whole(1, 0));
const steps = (): Argument => optional(whole(1, 0));
const executor = (): Argument => optional(without(inThread(), "load"));
const signal = (): Argument => optional(thing(new AbortController().signal));
const finite = (...values: readonly number[]): Argument =>
  list(values.map((value) => ({ ...number(value), refuses: ["5", 1e308] })));
const batch = (): Argument => options({ x: finite(0, 1), y: finite(0, 1) });
const labelled = (): Argument =>
  options({ x: finite(0, 1), y: list([{ ...whole(0, 0), refuses: [-1, 0.5, "0"] }, whole(1, 0)]) });
const adaptation = (): Argument => optional(options({ innerSteps: steps(), ways: optional(whole(2)) }));
const store = (): object => ({ read: async () => undefined, write: async () => undefined });

export const trainingEntries: readonly Entry[] = [
  {
    operation: "metaTrain",
    call: (window: number) =>
      metaTrain(learner, sinusoid({ segments: [2, 2] }), { iterations: 1, metaBatch: 1, window }),
    given: () => [optional(whole(1))],
  },
  {
    operation: "metaTrain",
    call: metaTrain,
    given: () => [
      aLearner(),
      aSource(),
      options({
        iterations: whole(1, 0),
        metaBatch: optional(whole(1)),
        optimizer: optional(without(adam(1e-3), "start", "step")),
        seed: seed(),
        executor: executor(),
        from: optional(thing(trained)),
        freeze: optional(thing("head")),
        average: optional(number(0.9, -1.5, 0, 1)),
        validation: optional(options({ tasks: aSource(), every: whole(1), episodes: optional(whole(1)) })),
        checkpoint: optional(options({ store: without(store(), "read", "write"), every: whole(1) })),
        resume: optional(thing(false, "a boolean")),
        preprocessing: optional(thing(undefined)),
        metadata: optional(thing({ name: "first" })),
        memory: optional(thing("bounded")),
        memoryLimit: optional({ ...number(2 ** 24, -1.5), refuses: [0, "5"] }),
        signal: signal(),
        onProgress: optional(thing(() => undefined, "a function")),
        onWarning: optional(thing(() => undefined, "a function")),
      }),
    ],
  },
  {
    operation: "fit",
    call: fit,
    given: () => [
      { ...thing(body), refuses: ["inputs", "parameters", "apply"].map((name) => ({ ...body, [name]: null })) },
      batch(),
      options({
        objective: without(regression(1), "loss", "read", "resize"),
        epochs: whole(1),
        batchSize: optional(whole(1)),
        optimizer: optional(without(adam(1e-3), "start", "step")),
        seed: seed(),
        validation: optional({ ...number(0.5, -1.5, 0, 1), refuses: [{ x: [0] }, { x: [0], y: [5, 6] }] }),
        patience: optional(whole(1)),
        from: optional(thing(trained)),
        freeze: optional(thing("head")),
        executor: executor(),
        signal: signal(),
        onProgress: optional(thing(() => undefined, "a function")),
      }),
    ],
  },
  {
    operation: "selectModel",
    call: selectModel,
    given: () => [
      { ...thing({ one: learner }), refuses: [{}, { one: null }, { one: { ...learner, observe: 3 } }] },
      aSource(),
      options({
        iterations: whole(1),
        validation: options({ tasks: aSource(), episodes: optional(whole(1)) }),
        metaBatch: optional(whole(1)),
        optimizer: optional(without(adam(1e-3), "start", "step")),
        seed: seed(),
        executor: executor(),
        signal: signal(),
        onProgress: optional(thing(() => undefined, "a function")),
      }),
    ],
  },
  { operation: "measure", call: (examples: SupportSet) => classified.measure(examples), given: () => [labelled()] },
  {
    operation: "start",
    call: (given?: { ways?: number }) => ofClasses.start(given),
    given: () => [optional(options({ ways: optional(whole(2)) }))],
  },
  {
    operation: "evaluate",
    call: evaluate,
    given: () => [
      thing(trained),
      aSource(),
      optional(
        options({
          episodes: optional(whole(1)),
          seed: seed(),
          queries: optional(thing("batch")),
          executor: executor(),
          signal: signal(),
          innerSteps: steps(),
        }),
      ),
    ],
  },
  {
    operation: "evaluate",
    call: evaluate,
    given: () => {
      const { name } = tasks;
      const feed = { name, specs: [spec], tasks: [tasks.sample([0, 1])] };
      return [
        thing(trained),
        { ...thing(feed), refuses: [null, 5, "3x", async () => []].map((bad) => ({ ...feed, tasks: bad })) },
      ];
    },
  },
  {
    operation: "restore",
    call: restore,
    given: () => [
      aLearner(),
      thing(trained.save()),
      optional(
        options({
          objective: optional(without(regression(1), "name", "loss", "read", "resize")),
          core: optional(thing(core)),
        }),
      ),
    ],
  },
  {
    operation: "resume",
    call: (bytes: Uint8Array) => trained.resume(bytes),
    given: () => [thing(adapted.save())],
  },
  {
    operation: "adapt",
    call: (support: SupportSet, given?: AdaptOptions) => ofClasses.adapt(support, given),
    given: () => [labelled(), adaptation()],
  },
  { operation: "adapt", call: (support: SupportSet) => trained.adapt(support), given: () => [batch()] },
  {
    operation: "adaptMany",
    call: (supports: readonly SupportSet[], given?: AdaptOptions) => ofClasses.adaptMany(supports, given),
    given: () => [list([labelled(), labelled()]), adaptation()],
  },
  {
    operation: "observe",
    call: (examples: SupportSet, given?: { innerSteps?: number }) => adapted.observe(examples, given),
    given: () => [batch(), optional(options({ innerSteps: steps() }))],
  },
  { operation: "predict", call: (inputs: Inputs) => adapted.predict(inputs), given: () => [finite(0, 1)] },
  {
    operation: "predict",
    call: (inputs: Inputs) => adapted.predict(inputs),
    given: () => [options({ x: finite(0, 1) })],
  },
  { operation: "classify", call: (inputs: Inputs) => classified.classify(inputs), given: () => [finite(0, 1)] },
  {
    operation: "remember",
    call: remember,
    given: () => [
      thing(ofClasses),
      optional(options({ capacity: optional(whole(3)), innerSteps: steps(), ways: optional(whole(2)) })),
    ],
  },
  {
    operation: "remember",
    call: (examples: SupportSet) => remember(trained).observe(examples),
    given: () => [batch()],
  },
  {
    operation: "remember",
    call: (examples: SupportSet) => remember(ofClasses).observe(examples),
    given: () => [labelled()],
  },
  {
    operation: "profileTask",
    call: profileTask,
    given: () => [
      aLearner(),
      aSource(),
      optional(
        options({
          meta: optional(thing(trained.meta)),
          seed: seed(),
          by: optional(thing("shape")),
          seconds: optional(number(0.001, -1.5, 0)),
          core: optional(thing(core)),
        }),
      ),
    ],
  },
  {
    operation: "episodes",
    call: (given: EpisodeOptions) => episodes(data, given),
    given: () => [options({ ways: whole(3, 2), shots: list([whole(1), whole(2)]), queries: whole(2) })],
  },
  {
    operation: "mixture",
    call: mixture,
    given: () => [
      list([aSource(), aSource()]),
      optional(options({ shares: optional(list([whole(1), whole(2)])), heads: optional(thing(true, "a boolean")) })),
    ],
  },
];
