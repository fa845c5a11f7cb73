import { requireOptions, requireWhole, show, wrong } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import { fold, type Key } from "../random.ts";
import { type Dataset, requireDataset } from "./dataset.ts";
import { episodes } from "./episodes.ts";
import { hashValues } from "./hash.ts";
import { isPromise } from "./loading.ts";
import { requireSource } from "./require.ts";
import type { Batch, Task, TaskSource, TaskSpec } from "./types.ts";

/** Options of `classIncremental`. */
export interface IncrementalOptions {
  /** Classes of a task. */
  readonly classes: number;
  /** Classes that arrive together; 1 by default. It divides `classes`. */
  readonly perStep?: number;
  /** Support examples of each class. */
  readonly shots: number;
  /** Query examples of each class. */
  readonly queries: number;
}

/**
 * Classes that arrive one after another: segments of `perStep` new classes each, numbered as they come, then queries of all of
 * them. A learner that forgets the first ones while it learns the last ones is found out.
 * @throws OptionError for an unknown option, a count that is not a whole number, and more classes than there are; DataError where a
 *   class has fewer than shots + queries examples
 */
export function classIncremental(
  dataset: Dataset,
  options: IncrementalOptions,
): TaskSource & { readonly dataset: Dataset } {
  requireDataset("classIncremental", dataset);
  requireOptions("classIncremental", options, ["classes", "perStep", "shots", "queries"]);
  const { classes, perStep = 1, shots, queries } = options;
  requireWhole("classIncremental: classes", classes, 2);
  requireWhole("classIncremental: perStep", perStep, 1, classes);
  requireWhole("classIncremental: shots", shots, 1);
  requireWhole("classIncremental: queries", queries, 1);
  if (classes % perStep !== 0) throw wrong("classIncremental: perStep", `a divisor of the ${classes} classes`, perStep);
  const short = dataset.classes.find(({ size }) => size < shots + queries);
  if (short !== undefined || classes > dataset.classes.length) {
    const [rule, got] =
      short === undefined
        ? [`classes must be at most the ${dataset.classes.length} of the data set`, `${classes}`]
        : [
            `every class must have shots + queries = ${shots + queries} examples`,
            `${short.size} in ${show(short.name)}`,
          ];
    throw new DataError(
      `classIncremental: ${rule}, got ${got} (${dataset.name}); lower them, or leave classes out with subset`,
    );
  }
  const whole = episodes(dataset, { ways: classes, shots, queries });
  const size = perStep * shots;
  const segments = Array<number>(classes / perStep).fill(size);
  const spec: TaskSpec = { ...whole.spec, segments };
  const cut = ({ segments: [support = {}], queries: asked }: Task): Task => ({
    segments: segments.map((_, i) => rowsFrom(support, spec, i * size, size)),
    queries: asked,
  });
  return {
    name: `${dataset.name}, ${classes} classes ${perStep} at a time, ${shots}-shot`,
    dataset,
    specs: [spec],
    fingerprint: hashValues("classIncremental", whole.fingerprint, perStep),
    sample(key) {
      // A data set that is loaded gives a promise.
      const task: Task | Promise<Task> = whole.sample(key);
      return isPromise(task) ? task.then(cut) : cut(task);
    },
  };
}

/** Some of the rows of a batch that follow one another, as views. */
function rowsFrom(batch: Batch, spec: TaskSpec, from: number, count: number): Batch {
  const shapes = { ...spec.inputs, ...spec.objective.targets, ...(spec.weighted ? { weight: [] } : {}) };
  const columns = Object.entries(shapes).map(([name, shape]) => {
    const length = sizeOf(shape);
    return [name, (batch[name] as Float32Array).subarray(from * length, (from + count) * length)] as const;
  });
  return Object.fromEntries(columns);
}

/** Options of `sequence`. */
export interface SequenceOptions {
  /** Tasks that follow one another. */
  readonly tasks: number;
}

/**
 * Tasks of a source one after another as one task: the segments of the first, of the second, and so on, and the queries of all of
 * them together. Of a source of streams it is a stream whose world changes abruptly; of episodes, tasks in sequence, after which
 * all of them are asked for.
 * @throws OptionError for an unknown option, or a source of several specs
 */
export function sequence(source: TaskSource, options: SequenceOptions): TaskSource {
  requireSource("sequence: source", source);
  requireOptions("sequence", options, ["tasks"]);
  const tasks = requireWhole("sequence: tasks", options.tasks, 1, 100_000);
  const [spec, other] = source.specs as readonly [TaskSpec, TaskSpec?];
  if (other !== undefined) {
    throw new OptionError(`sequence: source must have one spec, got ${source.specs.length} in ${source.name}`);
  }
  const { name, fingerprint, ordered } = source;
  const repeated = Array.from({ length: tasks }, () => spec.segments).flat();
  return {
    name: `${tasks} of ${name} in sequence`,
    specs: [{ ...spec, segments: repeated, queries: tasks * spec.queries }],
    fingerprint: hashValues("sequence", fingerprint, tasks),
    ...(ordered ? { ordered } : {}),
    sample(key: Key) {
      const drawn = Array.from({ length: tasks }, (_, i) => source.sample(fold(key, i), 0));
      return drawn.some(isPromise) ? Promise.all(drawn).then(joined) : joined(drawn as Task[]);
    },
  };
}

function joined(tasks: readonly Task[]): Task {
  const names = Object.keys(tasks[0]?.queries ?? {});
  const queries = names.map((name) => {
    const parts = tasks.map(({ queries }) => queries[name] as Float32Array);
    const all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return [name, all] as const;
  });
  return { segments: tasks.flatMap(({ segments }) => segments), queries: Object.fromEntries(queries) };
}
