import type { Arrays } from "../core/loaded.ts";
import type { Executor, Job } from "../executors/executor.ts";
import { keyToArray } from "../graph/operators/index.ts";
import { prefixed } from "../optim/rule.ts";
import { keyOf } from "../random.ts";
import type { TaskSpec } from "../tasks/types.ts";
import { type Examples, paddedTo, rowsOf } from "./mini-batches.ts";
import { examinationProgram, iterationInput, LOSS, META, type Plan, segmentPrefix } from "./programs.ts";

/** How well a network does on examples that it is not trained on. */
export interface Validation {
  /** Weighted mean of the objective's loss. */
  readonly loss: number;
  /** Name and value of the objective's metric. */
  readonly metric: string;
  readonly value: number;
}

/** Examples that are predicted in one run. */
const TOGETHER = 256;

/** Examples that are held out: predicted and measured whenever asked. */
export class HeldOut {
  private constructor(
    private readonly examples: Examples,
    private readonly rows: number,
    private readonly parts: readonly Arrays[],
    private readonly job: Job,
  ) {}

  static async load(plan: Plan, examples: Examples, executor: Executor): Promise<HeldOut> {
    const { n, inputs, objective } = examples;
    // Transductive statistics are those of all examples.
    const rows = plan.learner.batchNorm === "transductive" ? n : Math.min(n, TOGETHER);
    const spec: TaskSpec = { inputs, objective, segments: [rows], queries: 0, weighted: true };
    const parts = Array.from({ length: Math.ceil(n / rows) }, (_, part) => {
      const count = Math.min(rows, n - part * rows);
      const some = rowsOf(
        examples,
        Uint32Array.from({ length: count }, (_, row) => part * rows + row),
      );
      return { ...prefixed(segmentPrefix(0), paddedTo(some, rows)), key: keyToArray(keyOf(0)) };
    });
    return new HeldOut(examples, rows, parts, await executor.load({ task: examinationProgram(plan, spec) }));
  }

  /** @param iterations done, which learners may read */
  async measure(meta: Arrays, iterations: number): Promise<Validation> {
    const shared = { ...prefixed(META, meta), iteration: iterationInput(iterations) };
    const results = await this.job.map(shared, this.parts);
    let [loss, total] = [0, 0];
    for (const [part, outputs] of results.entries()) {
      const weights = this.parts[part]?.[`${segmentPrefix(0)}weight`] as Float32Array;
      const weight = weights.reduce((sum, each) => sum + each, 0);
      loss += (outputs[LOSS]?.[0] as number) * weight;
      total += weight;
    }
    const { objective, columns, n } = this.examples;
    const { name, measure } = objective.metric;
    return { loss: loss / total, metric: name, value: measure(joined(results, n, this.rows), columns) };
  }

  release(): Promise<void> {
    return this.job.release();
  }
}

/** The named outputs of all parts, without those of padding. */
function joined(results: readonly Arrays[], n: number, rows: number): Arrays {
  const { [LOSS]: _, ...first } = results[0] ?? {};
  const names = Object.keys(first);
  return Object.fromEntries(
    names.map((name) => {
      const width = (first[name] as Float32Array).length / rows;
      const all = new Float32Array(results.length * rows * width);
      for (const [part, outputs] of results.entries()) all.set(outputs[name] as Float32Array, part * rows * width);
      return [name, all.subarray(0, n * width)];
    }),
  );
}
