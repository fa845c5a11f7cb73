/** Misuses of learners, of what learners are made from, and of tables of options. */
import { ones, sum, zeros } from "../../src/graph/operators/index.ts";
import { withTrace } from "../../src/graph/tensor.ts";
import { take } from "../../src/graph/tensors.ts";
import { anil } from "../../src/learners/anil.ts";
import { anp } from "../../src/learners/anp.ts";
import { boil } from "../../src/learners/boil.ts";
import { cavia } from "../../src/learners/cavia.ts";
import { cnp } from "../../src/learners/cnp.ts";
import { fineTune } from "../../src/learners/fine-tune.ts";
import { fomaml } from "../../src/learners/fomaml.ts";
import { imaml } from "../../src/learners/imaml.ts";
import { innerLoop } from "../../src/learners/inner-loop.ts";
import { learnedDescent } from "../../src/learners/learned-descent.ts";
import { learnedOptimizer } from "../../src/learners/learned-optimizer.ts";
import {
  allExamples,
  type Context,
  describeModel,
  drawRows,
  foldLoss,
  gradients,
  initModel,
  modelTraits,
  passOf,
} from "../../src/learners/learner.ts";
import { lstm } from "../../src/learners/lstm.ts";
import { maml } from "../../src/learners/maml.ts";
import { mamlPlusPlus } from "../../src/learners/maml-plus-plus.ts";
import { mann } from "../../src/learners/mann.ts";
import { matching } from "../../src/learners/matching.ts";
import { metaCurvature } from "../../src/learners/meta-curvature.ts";
import { metaOptNet } from "../../src/learners/meta-opt-net.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { nearestCentroid } from "../../src/learners/nearest-centroid.ts";
import { oml } from "../../src/learners/oml.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { r2d2 } from "../../src/learners/r2d2.ts";
import { rbml } from "../../src/learners/rbml.ts";
import { relation } from "../../src/learners/relation.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { ridge } from "../../src/learners/ridge.ts";
import { scratch } from "../../src/learners/scratch.ts";
import { snail } from "../../src/learners/snail.ts";
import { supervised } from "../../src/learners/supervised.ts";
import { tnp } from "../../src/learners/tnp.ts";
import { mlp } from "../../src/nn/networks.ts";
import { regression } from "../../src/nn/objective.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import {
  choice,
  describeOptions,
  number as numberOption,
  onlyWith,
  readOptions,
  toggle,
  value,
  whole as wholeOption,
} from "../../src/options.ts";
import { type Argument, type Entry, number, optional, options, thing, whole } from "./runner.ts";

const body = mlp({ inputShape: 1, hidden: [2], outputs: 1 });
const learner = maml(body, { innerSteps: 1 });
const aModel = (): Argument => ({
  ...thing(body),
  refuses: ["inputs", "outputShape", "parameters", "apply", "init"].map((name) => ({ ...body, [name]: null })),
});
const aRule = (): Argument => ({ ...thing(sgd(0.1)), refuses: [{ ...sgd(0.1), start: 1 }, { name: "mine" }] });
const inner = (): Record<string, Argument> => ({
  innerSteps: optional(whole(1, 0)),
  evaluationSteps: optional(whole(1, 0)),
  innerRate: optional(number(0.1, -1.5, 0, 1e308)),
  innerClip: optional(number(0.1, -1.5, 0, 1e308)),
  adapts: optional(thing("head", "a function")),
});
const solved = (): Record<string, Argument> => ({
  regularisation: optional(number(1, -1.5, 0, 1e308)),
  capacity: optional(whole(64)),
});
const attending = (): Record<string, Argument> => ({
  width: optional(whole(4)),
  heads: optional(whole(2)),
  capacity: optional(whole(8)),
});
const anObjective = (): Argument => ({
  ...thing(regression(1)),
  refuses: ["name", "targets", "read", "loss"].map((name) => ({ ...regression(1), [name]: null })),
});
const aToggle = (): Argument => optional(thing(false, "a boolean"));
const order = (): Argument => optional({ ...thing(1), refuses: [3, "2"] });

const columns = () => ({ x: ones([2, 1]), y: ones([2, 1]), weight: ones([2]) });
const examples = (): Argument => ({
  ...thing(columns()),
  refuses: [
    { ...columns(), weight: null },
    { ...columns(), weight: 1 },
  ],
});
const aTask = (): Argument => {
  const task = { segments: [columns()], queries: columns() };
  return {
    ...thing(task),
    refuses: [{ ...task, segments: null }, { ...task, segments: [null] }, { ...task, queries: { x: 1 } }, [task]],
  };
};
const aContext = (): Argument => {
  const context: Context = {
    spec: { inputs: { x: [1] }, objective: regression(1), segments: [2], queries: 2 },
    training: true,
    role: "support",
    innerStep: zeros([]),
    iteration: zeros([]),
    key: zeros([4]),
  };
  return { ...thing(context), refuses: ["spec", "role", "key"].map((name) => ({ ...context, [name]: null })) };
};
const tensor = (...shape: readonly number[]): Argument => thing(ones(shape));
const within = (body: () => void): void => withTrace(body);

const table = { steps: wholeOption("steps", { least: 0, default: 5 }) };
const aTable = (): Argument => ({ ...thing(table), refuses: [{ steps: 5 }, { steps: null }] });
const text = (given: string): Argument => thing(given, "a string");

const algorithmEntries: readonly Entry[] = [
  {
    operation: "maml",
    call: maml,
    given: () => [aModel(), optional(options({ ...inner(), innerRule: optional(thing("sgd")), order: order() }))],
  },
  {
    operation: "maml",
    call: maml,
    given: () => [aModel(), optional(options({ innerOptimizer: optional(aRule()) }))],
  },
  {
    operation: "fomaml",
    call: fomaml,
    given: () => [aModel(), optional(options({ ...inner(), innerRule: optional(thing("sgd")) }))],
  },
  ...Object.entries({ anil, boil }).map(([operation, call]) => ({
    operation,
    call,
    given: () => {
      const { adapts: _, ...rest } = inner();
      return [aModel(), optional(options({ ...rest, innerRule: optional(thing("sgd")), order: order() }))];
    },
  })),
  {
    operation: "oml",
    call: oml,
    given: () => {
      const { adapts: _, ...rest } = inner();
      return [aModel(), optional(options({ ...rest, order: order(), trajectory: optional(whole(2, 0)) }))];
    },
  },
  {
    operation: "metaCurvature",
    call: metaCurvature,
    given: () => [aModel(), optional(options({ ...inner(), order: order() }))],
  },
  {
    operation: "mamlPlusPlus",
    call: mamlPlusPlus,
    given: () => {
      const { adapts: _, ...rest } = inner();
      const toggles = ["learnedRates", "stepStatistics", "stepWeights"].map((name) => [name, aToggle()]);
      const counts = { multiStep: optional(whole(5, 0)), firstOrder: optional(whole(2, 0)) };
      return [aModel(), optional(options({ ...rest, ...counts, ...Object.fromEntries(toggles) }))];
    },
  },
  {
    operation: "cavia",
    call: cavia,
    given: () => {
      const { adapts: _, ...rest } = inner();
      const own = { contextSize: optional(whole(2)), innerRule: optional(thing("sgd")) };
      return [aModel(), optional(options({ ...rest, ...own, order: order() }))];
    },
  },
  {
    operation: "imaml",
    call: imaml,
    given: () => {
      const own = {
        proximity: optional(number(0.1, -1.5, 0, 1e308)),
        conjugateSteps: optional(whole(2, 0)),
        damping: optional(number(0.1, -1.5, 1e308)),
      };
      return [aModel(), optional(options({ ...inner(), ...own, innerRule: optional(thing("sgd")) }))];
    },
  },
  ...Object.entries({ metaSgd, rbml }).map(([operation, call]) => ({
    operation,
    call,
    given: () => [
      aModel(),
      optional(options({ ...inner(), order: order(), weightDecay: optional(number(0.1, -1.5, 1e308)) })),
    ],
  })),
  {
    operation: "reptile",
    call: reptile,
    given: () => [
      aModel(),
      optional(options({ ...inner(), innerRule: optional(thing("adam")), innerBatch: optional(whole(2)) })),
    ],
  },
  {
    operation: "protoNet",
    call: protoNet,
    given: () => [
      aModel(),
      optional(options({ distance: optional(thing("cosine")), scale: optional(number(1, -1.5)) })),
    ],
  },
  {
    operation: "matching",
    call: matching,
    given: () => [
      aModel(),
      optional(
        options({
          capacity: optional(whole(4)),
          fullContext: optional(thing(true, "a boolean")),
          attentionSteps: optional(whole(5)),
          scale: optional(number(1, -1.5)),
        }),
      ),
    ],
  },
  { operation: "relation", call: relation, given: () => [aModel(), optional(options({ units: optional(whole(2)) }))] },
  { operation: "nearestCentroid", call: nearestCentroid, given: () => [aModel(), optional(options({}))] },
  {
    operation: "learnedDescent",
    call: learnedDescent,
    given: () => [
      aModel(),
      optional(
        options({
          innerSteps: optional(whole(1, 0)),
          evaluationSteps: optional(whole(1, 0)),
          units: optional(whole(2)),
          updateScale: optional(number(0.1, -1.5, 0)),
          preprocessing: optional(thing("none")),
          initialisation: optional(thing("drawn")),
          window: optional(whole(2)),
        }),
      ),
    ],
  },
  {
    operation: "learnedOptimizer",
    call: learnedOptimizer,
    given: () => [
      optional(
        options({
          units: optional(whole(2)),
          updateScale: optional(number(0.1, -1.5, 0)),
          preprocessing: optional(thing("none")),
        }),
      ),
    ],
  },
  {
    operation: "r2d2",
    call: r2d2,
    given: () => [
      aModel(),
      optional(options({ head: optional(thing("ridge")), ...solved(), newtonSteps: optional(whole(5)) })),
    ],
  },
  {
    operation: "metaOptNet",
    call: metaOptNet,
    given: () => [
      aModel(),
      optional(
        options({
          head: optional(thing("svm")),
          ...solved(),
          penalty: optional(number(0.1, -1.5, 0, 1e308)),
          solverSteps: optional(whole(15)),
        }),
      ),
    ],
  },
  { operation: "ridge", call: ridge, given: () => [aModel(), optional(options(solved()))] },
  {
    operation: "cnp",
    call: cnp,
    given: () => [aModel(), anObjective(), optional(options({ width: optional(whole(4)), depth: optional(whole(1)) }))],
  },
  {
    operation: "anp",
    call: anp,
    given: () => [
      aModel(),
      anObjective(),
      optional(options({ ...attending(), depth: optional(whole(1)), layers: optional(whole(1, 0)) })),
    ],
  },
  {
    operation: "tnp",
    call: tnp,
    given: () => [
      aModel(),
      anObjective(),
      optional(options({ ...attending(), layers: optional(whole(1)), hidden: optional(whole(4)) })),
    ],
  },
  {
    operation: "lstm",
    call: lstm,
    given: () => [aModel(), anObjective(), optional(options({ units: optional(whole(2)) }))],
  },
  {
    operation: "mann",
    call: mann,
    given: () => [
      aModel(),
      anObjective(),
      optional(
        options({
          units: optional(whole(2)),
          slots: optional(whole(2)),
          slotWidth: optional(whole(2)),
          usageDecay: optional(number(0.9, -1.5, 1)),
        }),
      ),
    ],
  },
  {
    operation: "snail",
    call: snail,
    given: () => [
      aModel(),
      anObjective(),
      optional(options({ blockWidth: optional(whole(2)), reach: optional(whole(4)), capacity: optional(whole(8)) })),
    ],
  },
  {
    operation: "fineTune",
    call: fineTune,
    given: () => [aModel(), optional(options({ ...inner(), innerRule: optional(thing("adam")) }))],
  },
  {
    operation: "scratch",
    call: scratch,
    given: () => {
      const { adapts: _, ...rest } = inner();
      return [aModel(), optional(options({ ...rest, innerRule: optional(thing("adam")) }))];
    },
  },
  { operation: "supervised", call: supervised, given: () => [aModel()] },
  {
    operation: "innerLoop",
    call: innerLoop,
    given: () => [
      options({
        ...inner(),
        innerSteps: whole(1, 0),
        adapts: thing("head", "a function"),
        name: text("innerLoop"),
        model: aModel(),
        rule: aRule(),
        order: { ...order(), takes: ["a function"] },
        proximity: optional(number(0.1, -1.5, 1e308)),
        examplesOf: optional(thing((given: unknown) => given, "a function")),
      }),
    ],
  },
];

const partEntries: readonly Entry[] = [
  { operation: "allExamples", call: allExamples, given: () => [aTask()], within },
  {
    operation: "drawRows",
    call: drawRows,
    given: () => [examples(), whole(3), tensor(4), whole(1, 0)],
    within,
  },
  {
    operation: "foldLoss",
    call: foldLoss,
    given: () => [
      { ...thing(learner), refuses: [{ ...learner, predict: null }] },
      { ...thing(learner.init(ones([4])).learned), refuses: [{ head: 1 }] },
      aTask(),
      aContext(),
      optional(whole(1)),
    ],
    within,
  },
  {
    operation: "gradients",
    call: gradients,
    given: () => {
      const x = ones([2]);
      return [thing(sum(x)), { ...thing({ x }), refuses: [{ x: null }, { x: 1 }] }];
    },
    within,
  },
  { operation: "passOf", call: passOf, given: () => [aContext(), examples(), thing({})], within },
  { operation: "initModel", call: initModel, given: () => [aModel(), tensor(4)], within },
  { operation: "modelTraits", call: modelTraits, given: () => [aModel()] },
  { operation: "describeModel", call: describeModel, given: () => [aModel()] },
  { operation: "take", call: take, given: () => [thing({ mean: 1 }), thing("mean")] },
];

const optionEntries: readonly Entry[] = [
  {
    operation: "whole",
    call: wholeOption,
    given: () => [
      text("steps"),
      options({ least: whole(1, 0), most: optional(whole(9)), default: optional(whole(5)) }),
    ],
  },
  {
    operation: "number",
    call: numberOption,
    given: () => [
      text("a rate"),
      options({
        above: optional(number(0, 1e308)),
        below: optional(number(1, 1e308)),
        default: optional(number(0.5, -1.5, 0, 1)),
      }),
    ],
  },
  {
    operation: "choice",
    call: choice,
    given: () => [text("a rule"), { ...thing(["sgd", "adam"]), refuses: [[null], [{}]] }, thing("sgd")],
  },
  { operation: "toggle", call: toggle, given: () => [text("on or off"), optional(thing(true, "a boolean"))] },
  {
    operation: "value",
    call: value,
    given: () => [text("a rule"), text("a rule"), thing(() => undefined, "a function")],
  },
  {
    operation: "onlyWith",
    call: onlyWith,
    given: () => [thing({ head: "svm" }, "an object"), thing(wholeOption("steps", { least: 1, default: 1 }))],
  },
  {
    operation: "readOptions",
    call: readOptions,
    given: () => [{ ...text("readOptions"), takes: ["a string"] }, aTable(), options({ steps: optional(whole(1, 0)) })],
  },
  { operation: "describeOptions", call: describeOptions, given: () => [aTable(), thing({ steps: 3 }, "an object")] },
];

export const learnerEntries: readonly Entry[] = [...algorithmEntries, ...partEntries, ...optionEntries];
