/** Tasks of rows: which rows are which batch is a source's affair, writing them is done here. */
import { sizeOf } from "../graph/shape.ts";
import type { Examples } from "./examples.ts";
import { whenLoaded } from "./loading.ts";
import type { Episode, LabelledBatch, Task, TaskSpec } from "./types.ts";

/** The rows of a task. */
export interface TaskRows {
  readonly segments: readonly (readonly number[])[];
  readonly queries: readonly number[];
}

/** Writes rows of examples as the tasks of one spec. */
export class RowTasks {
  /** Numbers of an example, by column that the examples have. */
  private readonly lengths: readonly (readonly [string, number])[];

  /** @param labels the class of each row, where targets are classes and no column of the examples */
  constructor(
    private readonly examples: Examples,
    private readonly spec: TaskSpec,
    private readonly labels?: ArrayLike<number>,
  ) {
    const columns = { ...spec.inputs, ...(labels === undefined ? spec.objective.targets : {}) };
    this.lengths = Object.entries(columns).map(([name, shape]) => [name, sizeOf(shape)]);
  }

  /** The task of some rows; a batch with fewer rows than the spec has is padded with the first row of the task, at weight 0. */
  task(rows: TaskRows, into?: Task): Episode | Promise<Episode> {
    const all = () => [...rows.segments.flat(), ...rows.queries];
    return whenLoaded(this.examples, all, (writer) => this.written(writer, rows, into as Episode | undefined));
  }

  private written(writer: Pick<Examples, "write">, rows: TaskRows, into: Episode | undefined): Episode {
    const { spec } = this;
    const segments = into?.segments ?? spec.segments.map((n) => this.empty(n));
    const queries = into?.queries ?? this.empty(spec.queries);
    const filling = rows.segments.find((each) => each.length > 0)?.[0] ?? 0;
    for (const [i, batch] of segments.entries()) {
      this.fill(writer, batch as LabelledBatch, rows.segments[i] ?? [], spec.segments[i] as number, filling);
    }
    this.fill(writer, queries, rows.queries, spec.queries, filling);
    return into ?? { segments, support: segments[0] as LabelledBatch, queries };
  }

  private empty(n: number): LabelledBatch {
    const columns = this.lengths.map(([name, length]) => [name, new Float32Array(n * length)]);
    return {
      ...(this.labels === undefined ? {} : { y: new Float32Array(n) }),
      ...Object.fromEntries(columns),
      ...(this.spec.weighted ? { weight: new Float32Array(n) } : {}),
    };
  }

  private fill(
    writer: Pick<Examples, "write">,
    batch: LabelledBatch,
    rows: readonly number[],
    n: number,
    filling: number,
  ): void {
    for (let i = 0; i < n; i++) {
      const row = rows[i] ?? filling;
      for (const [name, length] of this.lengths) writer.write(name, row, batch[name] as Float32Array, i * length);
      if (this.labels !== undefined) batch.y[i] = this.labels[row] as number;
      if (batch.weight !== undefined) batch.weight[i] = i < rows.length ? 1 : 0;
    }
  }
}

/** Some of the rows, chosen by their places among them. */
export const pickRows = (rows: readonly number[], places: readonly number[]): number[] =>
  places.map((place) => rows[place] as number);
