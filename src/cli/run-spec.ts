/** What a training run is made of, as the command line says it and a checkpoint remembers it: read off the records. */
import { isRecord, nearest, show } from "../arguments.ts";
import { TASKS } from "../data/node/tasks.ts";
import { FormatError, OptionError } from "../errors.ts";
import { LEARNERS } from "../learners/index.ts";
import type { Learner } from "../learners/learner.ts";
import type { LearnerRecord } from "../learners/record.ts";
import { flatten } from "../nn/layers.ts";
import { join, type Model } from "../nn/model.ts";
import { servedBy } from "../nn/objective.ts";
import { adam, clipped, sgd } from "../optim/optimizer.ts";
import type { Optimizer } from "../optim/rule.ts";
import { cosineDecay, type Rate, stepDecay } from "../optim/schedule.ts";
import { number, type Option, type OptionTable, type Settings, whole, whyIdle } from "../options.ts";
import type { TaskRecord } from "../tasks/record.ts";
import type { TaskSpec } from "../tasks/types.ts";

/** Settings of the outer loop. */
export const RUN_OPTIONS = {
  metaBatch: whole("tasks of an outer step", { least: 1, most: 65_536, default: 25 }),
  metaRate: number("rate of the outer loop", { above: 0, default: 1e-3 }),
  halveEvery: whole("halve the meta rate every so many iterations; 0: never", { least: 0, default: 0 }),
  cosineOver: whole("iterations over which the meta rate decays to 1 % along a cosine; 0: no decay", {
    least: 0,
    default: 0,
  }),
  metaClip: number("common norm that meta-gradients are scaled down to; 0: never", { from: 0, default: 0 }),
  average: number("decay of a moving average of the meta-parameters, which is then the result; 0: none", {
    from: 0,
    below: 1,
    default: 0,
  }),
  seed: whole("fixes every random choice", { least: 0, default: 1 }),
};

/** A value of an option that a command line or a file can name. */
export type Value = number | string | boolean;

/** Every setting that shapes the result. Learner, task and outer loop have no two options of one name. */
export interface RunSpec {
  readonly task: TaskRecord;
  readonly learner: LearnerRecord;
  readonly settings: Readonly<Record<string, Value | undefined>>;
}

/** The option of a setting: `--inner-steps` of `innerSteps`. */
export const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What a list has under a name. @throws OptionError naming the list and what is close */
export function find<T extends { readonly name: string }>(what: string, list: readonly T[], name: unknown): T {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = list.map((each) => each.name);
  const near = typeof name === "string" ? nearest(name, names) : undefined;
  throw new OptionError(
    `${what} must be one of ${names.join(", ")}, got ${show(name)}${near === undefined ? "" : `; did you mean ${near}?`}`,
  );
}

/** What the documents name beside the learners and tasks of the command line, and where it is. */
const EXAMPLES: Readonly<Record<string, string>> = {
  rl2: "examples/rl2-bandits.ts",
  bandits: "examples/rl2-bandits.ts",
};

/** @throws OptionError for what is an example of the repository, and nothing that this command knows */
function refuseExample(what: string, name: unknown): void {
  if (typeof name !== "string" || !Object.hasOwn(EXAMPLES, name)) return;
  throw new OptionError(
    `${what}: ${name} must be run as an example, since its tasks answer to what it does: node --import tsx ${EXAMPLES[name]}`,
  );
}

export function taskNamed(name: unknown): TaskRecord {
  refuseExample("--task", name);
  return find("--task", TASKS, name);
}

/** @param what the option that names it */
export function learnerNamed(name: unknown, what = "--learner"): LearnerRecord {
  refuseExample(what, name);
  return find(what, LEARNERS, name);
}

/** The options that a command line or file can set for a task and a learner, and those that are read off the data. */
export function tableOf(task: TaskRecord, learner: LearnerRecord): OptionTable {
  const all = { ...RUN_OPTIONS, ...task.options, ...learner.options } as OptionTable;
  return Object.fromEntries(Object.entries(all).filter(([, { kind }]) => kind !== "value"));
}

/** An option as all the records have it that do. */
export interface OptionRow {
  readonly name: string;
  readonly option: Option<unknown>;
  /** Tasks and learners; none for an option of the outer loop. */
  readonly owners: string[];
  /** The option of each owner: range and default may differ. */
  readonly variants: { readonly owner: string; readonly option: Option<unknown> }[];
}

/** Every option of every record, and whose it is. */
export function allOptions(): OptionRow[] {
  const rows = new Map<string, OptionRow>();
  const add = (table: OptionTable, owner?: string) => {
    for (const [name, option] of Object.entries(table)) {
      if (option.kind === "value" || option.found) continue;
      const row = rows.get(name) ?? { name, option, owners: [], variants: [] };
      if (owner !== undefined) {
        row.owners.push(owner);
        row.variants.push({ owner, option });
      }
      rows.set(name, row);
    }
  };
  add(RUN_OPTIONS);
  for (const { name, options } of [...TASKS, ...LEARNERS]) add(options, name);
  return [...rows.values()];
}

/** @throws OptionError for an option that would do nothing */
export function refuseIdle(task: TaskRecord, learner: LearnerRecord, given: readonly string[]): void {
  const table = tableOf(task, learner);
  for (const name of given) {
    if (name === "data") {
      if (task.data === undefined)
        throw new OptionError(`--data: does nothing on ${task.name}, which has no files; leave it out`);
      continue;
    }
    if (Object.hasOwn(table, name)) continue;
    const owners = allOptions().find((each) => each.name === name)?.owners ?? [];
    const learners = LEARNERS.map((each) => each.name).filter((each) => owners.includes(each));
    throw new OptionError(
      learners.length > 0
        ? `${flag(name)}: does nothing with --learner ${learner.name}, only with ${learners.join(", ")}`
        : `${flag(name)}: does nothing on ${task.name}, only on ${owners.join(", ")}; leave it out`,
    );
  }
}

/** The setting that a text on the command line means. @throws OptionError when it is out of range */
export function parseSetting(name: string, option: Option<unknown>, text: Value): Value {
  if (option.kind === "boolean" && (text === "true" || text === "false")) return text === "true";
  const numeric = typeof text === "string" && text.trim() !== "" ? Number(text) : text;
  const numbers = option.kind === "whole" || option.kind === "number" || typeof option.default === "number";
  // What is no number is shown as it was written.
  return option.check(flag(name), numbers && !Number.isNaN(numeric) ? numeric : text) as Value;
}

/**
 * Settings of a run: what the learner's paper has for the task, then the defaults, where the user says nothing.
 * @throws OptionError for options out of range, options that would do nothing, and learners that do not fit the task
 */
export function runSpec(taskName: unknown, learnerName: unknown, given: Readonly<Record<string, Value>>): RunSpec {
  const [task, learner] = [taskNamed(taskName), learnerNamed(learnerName)];
  refuseIdle(task, learner, Object.keys(given));
  const table = tableOf(task, learner);
  const published = learner.settings[task.name];
  const own = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, parseSetting(name, table[name] as Option<unknown>, value)]),
  );
  const { iterations: _, ...run } = task.run;
  const settings: Record<string, Value | undefined> = {
    ...defaultsOf(table),
    ...run,
    ...(published?.run as Record<string, Value> | undefined),
    ...published?.task,
    ...(published?.options as Record<string, Value> | undefined),
    ...own,
  };
  // Whoever asks for more steps in training does not want fewer in evaluation.
  const { innerSteps, evaluationSteps } = settings;
  if (own.innerSteps !== undefined && own.evaluationSteps === undefined && evaluationSteps !== undefined) {
    settings.evaluationSteps = Math.max(innerSteps as number, evaluationSteps as number);
  }
  for (const [name, value] of Object.entries(own)) {
    const option = table[name] as Option<unknown>;
    // A configuration file may hold every setting of a run, those at their defaults too.
    const idle = value === option.default ? undefined : whyIdle(option, settings, flag);
    if (idle !== undefined) throw new OptionError(`${flag(name)}: ${idle}`);
  }
  const spec = { task, learner, settings };
  checkServed(spec);
  return spec;
}

function defaultsOf(table: OptionTable): Record<string, Value | undefined> {
  return Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default as Value | undefined]));
}

function checkServed(spec: RunSpec): void {
  const { objective } = taskSpecOf(spec);
  const { objectives, name } = spec.learner;
  if (objectives === undefined || objectives.includes(servedBy(objective).name)) return;
  throw new OptionError(
    `--learner ${name}: learns ${objectives.join(" or ")}, and ${spec.task.name} is a task of ${objective.name}; use another learner`,
  );
}

/** The settings that are options of a table. */
function settingsOf<T extends OptionTable>(table: T, { settings }: RunSpec): Settings<T> {
  const entries = Object.keys(table).map((name) => [name, settings[name]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Settings<T>;
}

/** What the tasks of a run have in common. */
export const taskSpecOf = (spec: RunSpec): TaskSpec => spec.task.spec(taskSettings(spec));

/** The usual model of a run's learner and task. */
function modelOf(spec: RunSpec): Model {
  const { task, learner } = spec;
  const { inputs, objective } = taskSpecOf(spec);
  if (learner.model !== "raw") return task.model(taskSettings(spec), learner.model, objective.width);
  return join(
    Object.fromEntries(Object.entries(inputs).map(([column, shape]) => [column, [shape, flatten()] as const])),
    flatten(),
  );
}

/** The learner of a run. */
export function learnerOf(spec: RunSpec): Learner {
  const { learner } = spec;
  return learner.make(modelOf(spec), settingsOf(learner.options, spec), taskSpecOf(spec).objective);
}

/** The outer update rule of a run: Adam, or gradient descent for a learner whose own rule it is. */
export function optimizerOf(spec: RunSpec): Optimizer {
  const settings = settingsOf(RUN_OPTIONS, spec);
  const rate = metaRateOf(settings);
  const optimizer = learnerOf(spec).outerOptimizer === undefined ? adam(rate) : sgd(rate);
  return settings.metaClip > 0 ? clipped(optimizer, settings.metaClip) : optimizer;
}

function metaRateOf({ metaRate, halveEvery, cosineOver }: Settings<typeof RUN_OPTIONS>): Rate {
  if (cosineOver === 0) return halveEvery > 0 ? stepDecay(metaRate, { every: halveEvery }) : metaRate;
  if (halveEvery === 0) return cosineDecay(metaRate, { steps: cosineOver, final: metaRate / 100 });
  throw new OptionError(
    `--cosine-over: must be given without --halve-every, got ${cosineOver} and ${halveEvery}; --halve-every 0 turns it off`,
  );
}

/** The settings of the outer loop of a run. */
export const outerSettings = (spec: RunSpec): Settings<typeof RUN_OPTIONS> => settingsOf(RUN_OPTIONS, spec);

/** The same run with other settings. */
export function withSettings(spec: RunSpec, settings: Readonly<Record<string, Value | undefined>>): RunSpec {
  return { ...spec, settings: { ...spec.settings, ...settings } };
}

/** What a run's task is told of its settings. */
export const taskSettings = (spec: RunSpec) => settingsOf(spec.task.options, spec);

/** Of the settings in a checkpoint. It changes where an older reader would misread them: a new setting does not change it. */
const RUN_VERSION = 2;

/** The settings of a run, for a checkpoint's metadata. */
export function encodeRunSpec({ task, learner, settings }: RunSpec): string {
  return JSON.stringify({ version: RUN_VERSION, task: task.name, learner: learner.name, ...settings });
}

/**
 * Reads the settings that a checkpoint remembers. A setting that is missing did not exist when it was written, and has its
 * default.
 * @throws FormatError when it has none, or has some that this version does not know
 */
export function decodeRunSpec(text: string | undefined): RunSpec {
  const wrong = new FormatError("checkpoint: it was not written by quickstudy train (its metadata holds no run)");
  if (text === undefined) throw wrong;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (!isRecord(value)) throw wrong;
  if (value.version !== RUN_VERSION) {
    throw new FormatError(
      `checkpoint: its run must be of version ${RUN_VERSION}, got ${show(value.version)}; use the package that wrote it`,
    );
  }
  const { version: _, task: taskName, learner: learnerName, ...given } = value;
  try {
    const [task, learner] = [taskNamed(taskName), learnerNamed(learnerName)];
    const table = tableOf(task, learner);
    const foreign = Object.keys(given).find((name) => !Object.hasOwn(table, name));
    if (foreign !== undefined) throw new OptionError(`${foreign} is no setting that this version knows`);
    const own = Object.entries(given).map(([name, each]) => [name, (table[name] as Option<unknown>).check(name, each)]);
    return { task, learner, settings: { ...defaultsOf(table), ...Object.fromEntries(own) } };
  } catch (error) {
    if (error instanceof OptionError) throw new FormatError(`checkpoint: its run cannot be read: ${error.message}`);
    throw error;
  }
}
