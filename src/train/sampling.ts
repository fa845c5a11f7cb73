/** Tasks of a source, checked and laid out as inputs of Programs. */
import { DataError, OptionError } from "../errors.ts";
import { keyToArray } from "../graph/operators/index.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { Draw, fold, type Key } from "../random.ts";
import { isPromise } from "../tasks/loading.ts";
import type { Batch, Task, TaskFeed, TaskSource, TaskSpec } from "../tasks/types.ts";
import { QUERIES, segmentPrefix } from "./programs.ts";

/** Streams of keys below a task's. */
const SHUFFLE_STREAM = 0x5f1e;
const SPEC_STREAM = 0x59ec;

/** Which spec of a source a key picks. */
export function specOf({ specs, shares }: TaskSource, key: Key): number {
  if (specs.length === 1) return 0;
  const draw = new Draw(fold(key, SPEC_STREAM));
  if (shares === undefined) return draw.below(specs.length);
  let left = draw.uniform(
    0,
    shares.reduce((sum, each) => sum + each, 0),
  );
  const found = shares.findIndex((share) => {
    left -= share;
    return left < 0;
  });
  return found < 0 ? specs.length - 1 : found;
}

interface Column {
  readonly name: string;
  /** Numbers of an example. */
  readonly size: number;
}

/** The columns that each batch of a spec must have. */
function columnsOf(spec: TaskSpec): Column[] {
  const shapes = { ...spec.inputs, ...spec.objective.targets, ...(spec.weighted ? { weight: [] } : {}) };
  return Object.entries(shapes).map(([name, shape]) => ({ name, size: sizeOf(shape) }));
}

/** Takes tasks of one source or feed, for one learner. */
export class Sampler {
  private readonly columns: readonly (readonly Column[])[];
  private readonly places: readonly (readonly Place[])[];
  /** Whether rows are shuffled, by spec. */
  private readonly shuffles: readonly boolean[];

  constructor(
    private readonly source: TaskSource | TaskFeed,
    learner: Learner,
  ) {
    this.columns = source.specs.map(columnsOf);
    this.places = source.specs.map((spec, i) => placesOf(spec, this.columns[i] as readonly Column[]));
    this.shuffles = source.specs.map(({ ordered }) => learner.ordered && !source.ordered && !ordered);
  }

  /**
   * The task of a key; a promise where the source gives one.
   * @throws DataError for arrays that are not what the source says of its tasks
   */
  sample(key: Key, spec: number, into?: Task): Task | Promise<Task> {
    if (this.source.sample === undefined)
      throw new OptionError(`tasks ${this.source.name}: a feed cannot be sampled by key`);
    const task = this.source.sample(key, spec, into);
    return isPromise(task) ? task.then((each) => this.checked(each, key, spec)) : this.checked(task, key, spec);
  }

  checked(task: Task, key: Key, spec: number): Task {
    const of = this.source.specs[spec] as TaskSpec;
    const columns = this.columns[spec] as readonly Column[];
    const count = of.segments.length;
    if (task?.segments?.length !== count) {
      const got = task?.segments?.length ?? "none";
      throw this.refused("list of segments", key, `must have ${count} batches, got ${got}`);
    }
    for (let i = 0; i < count; i++) {
      const problem = problemOf(of, columns, task.segments[i] as Batch, of.segments[i] as number);
      if (problem !== undefined) throw this.refused(`segment ${i}`, key, problem);
    }
    const problem = of.queries > 0 ? problemOf(of, columns, task.queries, of.queries) : undefined;
    if (problem !== undefined) throw this.refused("query set", key, problem);
    return task;
  }

  private refused(part: string, key: Key, problem: string): DataError {
    return new DataError(`tasks ${this.source.name}: the ${part} of the task with key [${key}] ${problem}`);
  }

  /**
   * The task with the rows of each segment in the order that the learner sees. The source's own arrays stay as they are: it
   * may be handed them to write the next task into.
   */
  arranged(task: Task, key: Key, spec: number): Task {
    if (!this.shuffles[spec]) return task;
    const columns = this.columns[spec] as readonly Column[];
    return {
      ...task,
      segments: task.segments.map((batch, i) => shuffled(batch, columns, fold(key, SHUFFLE_STREAM + i))),
    };
  }

  /**
   * The inputs that a task is for the Programs of its spec.
   * @param into those of an earlier task of the spec, which are written over and returned
   */
  inputs(task: Task, key: Key, spec: number, into: Inputs = {}): Inputs {
    const inputs = into;
    for (const { input, segment, column } of this.places[spec] as readonly Place[]) {
      const batch = segment < 0 ? task.queries : (task.segments[segment] as Batch);
      inputs[input] = batch[column] as Float32Array;
    }
    inputs.key = keyToArray(key);
    return inputs;
  }
}

/** Inputs of a Program, by name. */
export type Inputs = Record<string, Float32Array>;

/** Where an input of a Program is in a task. Names are put together once: there are many tasks in a second. */
interface Place {
  readonly input: string;
  /** Of the segment; -1 for the queries. */
  readonly segment: number;
  readonly column: string;
}

function placesOf({ segments, queries }: TaskSpec, columns: readonly Column[]): Place[] {
  const of = (prefix: string, segment: number) =>
    columns.map(({ name }) => ({ input: prefix + name, segment, column: name }));
  return [...segments.flatMap((_, i) => of(segmentPrefix(i), i)), ...(queries > 0 ? of(QUERIES, -1) : [])];
}

/** What is wrong with a batch of `n` examples, if anything. It is asked of every task, and so makes nothing that is collected. */
function problemOf({ objective }: TaskSpec, columns: readonly Column[], batch: Batch, n: number): string | undefined {
  for (const { name, size } of columns) {
    const data = batch?.[name];
    if (!(data instanceof Float32Array)) return `must have the column ${name} as a Float32Array`;
    if (data.length !== n * size) return `must have ${n} examples: ${name} of ${n * size} numbers, got ${data.length}`;
  }
  const { weight } = batch;
  if (weight?.some((each) => !(each >= 0 && Number.isFinite(each)))) {
    return "must have weights that are finite and not negative";
  }
  return objective.classes || objective.levels
    ? problemOfLabels(batch.y as Float32Array, objective.outputs)
    : undefined;
}

function problemOfLabels(labels: Float32Array, ways: number): string | undefined {
  for (const label of labels) {
    if (Number.isInteger(label) && label >= 0 && label < ways) continue;
    return `must have labels that are whole numbers from 0 to ${ways - 1}, got ${label}`;
  }
  return undefined;
}

/** The rows of a batch in a random order that its key fixes, in new arrays. */
function shuffled(batch: Batch, columns: readonly Column[], key: Key): Batch {
  const [first] = columns;
  const n = first === undefined ? 0 : (batch[first.name] as Float32Array).length / first.size;
  const order = new Draw(key).choose(n, n);
  const moved = columns.map(({ name, size }) => {
    const data = batch[name] as Float32Array;
    const target = new Float32Array(data.length);
    for (const [to, from] of order.entries()) target.set(data.subarray(from * size, (from + 1) * size), to * size);
    return [name, target] as const;
  });
  return Object.fromEntries(moved);
}
