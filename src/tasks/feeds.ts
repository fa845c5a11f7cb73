import { requireOptions, requireShapes, requireText, requireWhole, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { type Objective, requireObjective } from "../nn/objective.ts";
import type { Batch, Task, TaskFeed } from "./types.ts";

/** One observation: a number or numbers for each column, `{ x: [0.2, 0.7], y: 1 }`. */
export type Observation = Readonly<Record<string, number | ArrayLike<number>>>;

/** Options of `fromIterable`. */
export interface FeedOptions {
  /** Shape of one example, by column. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Says which targets an observation has, and what is reported. */
  readonly objective: Objective;
  /** Observations that arrive together; 1 by default. */
  readonly size?: number;
  /** Segments of a task. */
  readonly segments: number;
  /** For messages and reports; `"feed"` by default. */
  readonly name?: string;
}

/**
 * Observations as they come, such as those of a log, a sensor or a socket, as a feed of streams: every task is the next `segments`
 * times `size` of them. The last one is padded with weight 0 where the observations end within it.
 *
 * A feed serves evaluation alone: it cannot be replayed.
 * @throws OptionError for options that are not of their types; while it is read, DataError for an observation that lacks a column, or
 *   whose numbers are too many, too few or not finite
 */
export function fromIterable(
  observations: Iterable<Observation> | AsyncIterable<Observation>,
  options: FeedOptions,
): TaskFeed {
  requireIterable(observations);
  requireOptions("fromIterable", options, ["inputs", "objective", "size", "segments", "name"]);
  const { inputs, objective, size = 1, segments, name = "feed" } = options;
  requireShapes("fromIterable: inputs", inputs);
  requireObjective("fromIterable: objective", objective);
  requireWhole("fromIterable: size", size, 1);
  requireWhole("fromIterable: segments", segments, 1);
  requireText("fromIterable: name", name);
  const shapes = { ...inputs, ...objective.targets };
  return {
    name,
    specs: [{ inputs, objective, segments: Array<number>(segments).fill(size), queries: 0, weighted: true }],
    ordered: true,
    tasks: { [Symbol.asyncIterator]: () => tasksOf(name, observations, shapes, size, segments) },
  };
}

async function* tasksOf(
  name: string,
  observations: Iterable<Observation> | AsyncIterable<Observation>,
  shapes: Readonly<Record<string, Shape>>,
  size: number,
  segments: number,
): AsyncGenerator<Task> {
  const lengths = Object.entries(shapes).map(([column, shape]) => [column, sizeOf(shape)] as const);
  const batch = (): Batch & { readonly weight: Float32Array } => ({
    ...Object.fromEntries(lengths.map(([column, length]) => [column, new Float32Array(size * length)])),
    weight: new Float32Array(size),
  });
  let [seen, place] = [0, 0];
  let task = Array.from({ length: segments }, batch);
  for await (const observation of observations) {
    const segment = task[Math.floor(place / size)] as ReturnType<typeof batch>;
    const row = place % size;
    for (const [column, length] of lengths) {
      const numbers = numbersOf(`${name}: observation ${seen}: ${column}`, observation?.[column], length);
      (segment[column] as Float32Array).set(numbers, row * length);
    }
    segment.weight[row] = 1;
    seen++;
    place++;
    if (place === size * segments) {
      yield { segments: task, queries: {} };
      task = Array.from({ length: segments }, batch);
      place = 0;
    }
  }
  if (place > 0) yield { segments: task, queries: {} };
}

function numbersOf(what: string, value: number | ArrayLike<number> | undefined, length: number): ArrayLike<number> {
  const numbers = typeof value === "number" ? [value] : (value ?? []);
  const sound = typeof numbers === "object" && numbers.length === length;
  if (!sound || !Array.from(numbers).every((each) => Number.isFinite(Math.fround(each)))) {
    throw new DataError(`${what} must be ${length} finite numbers, got ${show(value)}`);
  }
  return numbers;
}

/** @throws OptionError */
function requireIterable(value: unknown): void {
  const { [Symbol.iterator]: iterator, [Symbol.asyncIterator]: asyncIterator } = (value ?? {}) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  if (typeof value === "object" && [iterator, asyncIterator].some((each) => typeof each === "function")) return;
  throw wrong("fromIterable: observations", "a list or an asynchronous iterable of observations", value);
}
