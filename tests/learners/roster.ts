/** Every learner on the list, with variants that its options ask for: what the laws go through. */
import { LEARNERS } from "../../src/learners/index.ts";
import { INNER_OPTIONS } from "../../src/learners/inner-options.ts";
import type { Learner } from "../../src/learners/learner.ts";
import type { LearnerRecord } from "../../src/learners/record.ts";
import type { Selection } from "../../src/learners/selection.ts";
import type { BatchNormMode } from "../../src/nn/layer.ts";
import { flatten } from "../../src/nn/layers.ts";
import { type Model, model } from "../../src/nn/model.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification, type Objective } from "../../src/nn/objective.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import type { Given, OptionTable } from "../../src/options.ts";

type Options = Given<OptionTable>;

export interface Entry {
  /** The learner's name, and what is not its default. */
  readonly name: string;
  readonly record: LearnerRecord;
  readonly options: Options;
  /** Has an inner loop, whose steps may be asked for. */
  readonly inner: boolean;
  /** @param objective three classes by default */
  make(model: Model, more?: Options, objective?: Objective): Learner;
}

/** Options under which a few inner steps on small tasks learn something. */
const SETTINGS: Readonly<Record<string, unknown>> = {
  innerRate: 0.05,
  innerSteps: 3,
  width: 32,
  depth: 2,
  layers: 1,
  units: 16,
  slots: 8,
  slotWidth: 8,
  blockWidth: 8,
  reach: 4,
  contextSize: 32,
};

/** Values beside the default: all of a choice's, and one of each of these. */
const SAMPLES: Readonly<Record<string, Options>> = {
  innerOptimizer: { innerOptimizer: sgd(0.02, { momentum: 0.9 }), innerRate: undefined },
  weightDecay: { weightDecay: 0.01 },
  innerClip: { innerClip: 2 },
  firstOrder: { firstOrder: 2 },
  innerBatch: { innerBatch: 8 },
  scale: { scale: 2 },
  fullContext: { fullContext: true, capacity: 16, attentionSteps: 2 },
};

/** Options that a learner before has been varied in: one that several learners share is varied in the first of them. */
const varied = new Set<unknown>();

function variantsOf({ options }: LearnerRecord): readonly (readonly [string, Options])[] {
  const variants: [string, Options][] = [["", {}]];
  for (const [name, option] of Object.entries(options)) {
    if (varied.has(option)) continue;
    varied.add(option);
    const sample = SAMPLES[name];
    if (sample !== undefined) variants.push([` with ${name}`, sample]);
    if (option.kind !== "choice") continue;
    const others = option.range.split(", ").filter((each) => each !== `${option.default}`);
    for (const each of others) {
      const value = typeof option.default === "number" ? Number(each) : each;
      // Adaptive rules go as far at the first step wherever they are.
      const slower = name === "innerRule" ? { innerRate: 0.02 } : {};
      variants.push([`, ${name} ${each}`, { [name]: value, ...slower }]);
    }
  }
  return variants;
}

function entriesOf(record: LearnerRecord): Entry[] {
  const usual: OptionTable = INNER_OPTIONS;
  const known = Object.entries(SETTINGS).filter(
    ([name]) => name in record.options && (!(name in usual) || record.options[name] === usual[name]),
  );
  return variantsOf(record).map(([suffix, variant]) => {
    const options: Options = { ...Object.fromEntries(known), ...variant };
    return {
      name: record.name + suffix,
      record,
      options,
      inner: Object.hasOwn(record.options, "innerSteps"),
      make: (model, more = {}, objective = classification(3)) => record.make(model, { ...options, ...more }, objective),
    };
  });
}

export const ROSTER: readonly Entry[] = LEARNERS.flatMap(entriesOf);

/** What makes the networks of a learner's own small: in f64 they are slow. */
const SMALL: Options = {
  width: 8,
  depth: 1,
  layers: 1,
  heads: 2,
  hidden: 4,
  units: 3,
  slots: 4,
  slotWidth: 3,
  blockWidth: 2,
  reach: 2,
};
export const smallOf = ({ record }: Entry): Options =>
  Object.fromEntries(Object.entries(SMALL).filter(([name]) => Object.hasOwn(record.options, name)));
/** What the inner loop of an entry adapts. */
export const adaptsOf = ({ record, options }: Entry): Selection =>
  (options.adapts as Selection | undefined) ?? record.adapts ?? "all";

/** Modes of batch normalisation that a learner takes. */
export const modesOf = ({ inner }: Entry): readonly BatchNormMode[] =>
  inner ? ["support", "transductive", "none"] : ["support", "transductive", "running", "none"];

/** Whether a learner can learn tasks of an objective: what its record says, and what it says itself under its options. */
export function serves(entry: Entry, objective: Objective): boolean {
  if (entry.record.objectives?.includes(objective.name) === false) return false;
  return objective.classes === true || !entry.make(networkOf(entry, 3, objective), {}, objective).classes;
}

/** A small smooth network of the kind that the learner takes. */
export function networkOf(
  { record }: Entry,
  inputs: number,
  objective: Objective,
  options: { readonly hidden?: readonly number[]; readonly batchNorm?: BatchNormMode } = {},
): Model {
  const { hidden = [16], batchNorm = "none" } = options;
  if (record.model === "raw") return model([inputs], flatten());
  const outputs = record.model === "predictor" ? objective.width : 5;
  return mlp({ inputShape: inputs, hidden, outputs, activation: "tanh", batchNorm });
}
