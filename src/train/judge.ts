import type { Arrays } from "../core/loaded.ts";
import type { Executor, Job } from "../executors/executor.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { withinBand } from "../nn/metrics.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import type { Key } from "../random.ts";
import type { Batch, Task, TaskSpec } from "../tasks/types.ts";
import {
  adaptProgram,
  evaluationProgram,
  iterationInput,
  META,
  outputShapes,
  predictProgram,
  QUERIES,
  type Shapes,
  STATE,
  segmentPrefix,
  type UseOptions,
} from "./programs.ts";
import type { Trained } from "./trained.ts";

/** What was predicted for some examples of a task, and what they are. */
export interface Predicted {
  /** Named outputs, row-major, one row per example. */
  readonly outputs: Arrays;
  /** Inputs, targets and weights. */
  readonly examples: Batch;
}

/** A task that is to be judged. */
export interface Episode {
  readonly key: Key;
  readonly task: Task;
  readonly spec: number;
  /** The task as inputs of Programs. */
  readonly inputs: Arrays;
}

export interface Verdict {
  readonly value: number;
  readonly diverged: boolean;
  /** Part of the targets within the predicted 95 % band; undefined where no deviation is predicted. */
  readonly inBand: number | undefined;
  /** The queries; of a stream, each of its segments that is not all padding. */
  readonly predictions: readonly Predicted[];
}

/** Predicts tasks and measures the predictions; a Program for each spec, compiled on first use. */
export class Judge {
  private readonly jobs = new Map<string, Promise<{ readonly job: Job; readonly outputs: Shapes }>>();
  private readonly shared: Arrays;

  constructor(
    private readonly trained: Trained,
    private readonly specs: readonly TaskSpec[],
    private readonly executor: Executor,
    private readonly queries: "batch" | "one by one",
    private readonly options: UseOptions,
  ) {
    this.shared = { ...prefixed(META, trained.meta), iteration: iterationInput(trained.iterations) };
  }

  /** The verdict on each of some tasks, in their order. */
  async measure(episodes: readonly Episode[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (const spec of new Set(episodes.map((each) => each.spec))) {
      const group = [...episodes.entries()].filter(([, each]) => each.spec === spec);
      const list = group.map(([, each]) => each);
      const outputs = await (this.queries === "batch" ? this.together(list, spec) : this.oneByOne(list, spec));
      for (const [i, [place, { task }]] of group.entries()) {
        verdicts[place] = this.judge(task, this.spec(spec), outputs[i] as Arrays);
      }
    }
    return verdicts;
  }

  private spec(index: number): TaskSpec {
    return this.specs[index] as TaskSpec;
  }

  private async together(episodes: readonly Episode[], spec: number): Promise<Arrays[]> {
    const { plan } = this.trained;
    const { job } = await this.load(`whole ${spec}`, () => evaluationProgram(plan, this.spec(spec), this.options));
    return job.map(
      this.shared,
      episodes.map(({ inputs }) => inputs),
    );
  }

  /** As an application: adapts once, then predicts each query on its own. */
  private async oneByOne(episodes: readonly Episode[], spec: number): Promise<Arrays[]> {
    const { plan } = this.trained;
    const whole = this.spec(spec);
    const one: TaskSpec = { ...whole, queries: 1 };
    const adapting = await this.load(`adapt ${spec}`, () => adaptProgram(plan, whole, this.options));
    const predicting = await this.load(`predict ${spec}`, () => predictProgram(plan, adapting.outputs, one));
    const segments = episodes.map(({ inputs }) =>
      Object.fromEntries(Object.entries(inputs).filter(([name]) => !name.startsWith(QUERIES))),
    );
    const states = await adapting.job.map(this.shared, segments);
    const results: Arrays[] = [];
    for (const [i, { inputs }] of episodes.entries()) {
      const shared = { ...this.shared, ...prefixed(STATE, states[i] as Arrays), key: inputs.key as Float32Array };
      const rows = rowsOf(unprefixed(QUERIES, inputs), whole);
      results.push(prefixed(QUERIES, joined(await predicting.job.map(shared, rows))));
    }
    return results;
  }

  private load(
    name: string,
    compile: () => Parameters<typeof outputShapes>[0] & Parameters<Executor["load"]>[0]["task"],
  ) {
    const known = this.jobs.get(name);
    if (known !== undefined) return known;
    const program = compile();
    const made = this.executor.load({ task: program }).then((job) => ({ job, outputs: outputShapes(program) }));
    this.jobs.set(name, made);
    return made;
  }

  private judge(task: Task, { objective, queries, segments }: TaskSpec, outputs: Arrays): Verdict {
    const parts =
      queries > 0
        ? [{ prefix: QUERIES, batch: task.queries, n: queries }]
        : task.segments.map((batch, i) => ({ prefix: segmentPrefix(i), batch, n: segments[i] as number }));
    let [total, inBand] = [0, 0];
    let diverged = false;
    const predictions: Predicted[] = [];
    for (const { prefix, batch, n } of parts) {
      // A segment that is all padding has nothing to measure.
      if (batch.weight?.every((weight) => weight === 0)) continue;
      const predicted = unprefixed(prefix, outputs);
      predictions.push({ outputs: predicted, examples: batch });
      if (!Object.values(predicted).every((data) => isPrediction(data, n))) diverged = true;
      total += objective.metric.measure(predicted, batch);
      inBand += hasBand(predicted, batch) ? withinBand(predicted, batch) : Number.NaN;
    }
    const counted = predictions.length;
    const value = total / counted;
    return {
      value,
      predictions,
      diverged: diverged || !Number.isFinite(value),
      inBand: counted === 0 || Number.isNaN(inBand) ? undefined : inBand / counted,
    };
  }

  async release(): Promise<void> {
    const loaded = await Promise.allSettled(this.jobs.values());
    await Promise.allSettled(loaded.map(async (each) => each.status === "fulfilled" && each.value.job.release()));
  }
}

/** Whether predictions are those of numbers `y`, with their uncertainty; an objective of one's own may have others. */
const hasBand = ({ mean, deviation }: Arrays, { y }: Batch): boolean =>
  mean !== undefined && deviation?.length === mean.length && y?.length === mean.length;

/** Whether every row has a finite number, and neither NaN nor +infinity; -infinity is the logit of a masked class. */
function isPrediction(data: Float32Array, n: number): boolean {
  const width = data.length / n;
  for (let row = 0; row < n; row++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const value = data[i] as number;
      if (Number.isNaN(value)) return false;
      if (value > top) top = value;
    }
    if (!Number.isFinite(top)) return false;
  }
  return true;
}

/** The inputs of each query alone. */
function rowsOf(columns: Arrays, { inputs, queries, weighted }: TaskSpec): Arrays[] {
  const shapes: Readonly<Record<string, Shape>> = { ...inputs, ...(weighted ? { weight: [] } : {}) };
  return Array.from({ length: queries }, (_, row) =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const size = sizeOf(shape);
        return [QUERIES + name, (columns[name] as Float32Array).subarray(row * size, (row + 1) * size)];
      }),
    ),
  );
}

/** Outputs of single rows as those of a batch. */
function joined(rows: readonly Arrays[]): Arrays {
  const [first = {}] = rows;
  return Object.fromEntries(
    Object.keys(first).map((name) => {
      const width = (first[name] as Float32Array).length;
      const all = new Float32Array(rows.length * width);
      for (const [i, row] of rows.entries()) all.set(row[name] as Float32Array, i * width);
      return [name, all];
    }),
  );
}
