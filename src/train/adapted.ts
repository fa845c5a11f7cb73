import { requireOptions } from "../arguments.ts";
import type { Arrays } from "../core/loaded.ts";
import { encodeTensors } from "../data/safetensors.ts";
import { DataError, OptionError } from "../errors.ts";
import { argmaxRows } from "../nn/metrics.ts";
import type { Columns, Objective } from "../nn/objective.ts";
import { prefixed } from "../optim/rule.ts";
import { VERSION } from "../version.ts";
import { shaped } from "./checkpoint.ts";
import { checkUse } from "./checks.ts";
import { pick, QUERIES, type Shapes, STATE, segmentPrefix, type UseOptions } from "./programs.ts";
import {
  bucketOf,
  checkTargets,
  type Inputs,
  inputColumns,
  isList,
  padded,
  readColumns,
  requireColumns,
  type SupportSet,
} from "./support-set.ts";
import type { Use } from "./use.ts";

/** Examples that are predicted in one run where each is predicted on its own. */
const PREDICTED_TOGETHER = 64;

export const ADAPTED_FORMAT = "quickstudy adapted learner 1";

/** What a learner knows of one task. It never changes: `observe` gives a new one. */
export class Adapted {
  private known: Arrays | undefined;

  /**
   * The state after a support set: `observe`, under the name that the caller knows.
   * @param what the caller's operation, for errors
   */
  static adapt(what: string, start: Adapted, support: SupportSet, options: UseOptions): Adapted {
    return start.after(what, support, options);
  }

  constructor(
    private readonly use: Use,
    /** Loss and meaning of outputs. */
    readonly objective: Objective,
    state: Arrays,
    /** Of the arrays of the state. */
    readonly shapes: Shapes,
  ) {
    this.known = state;
  }

  /** What the learner knows of the task, besides its meta-parameters. @throws OptionError after `dispose` */
  get state(): Arrays {
    if (this.known === undefined) throw new OptionError("adapted: the adapted learner was disposed of; adapt again");
    return this.known;
  }

  /**
   * What it knows of the task as a safetensors file, from which `Trained.resume` goes on: for many learners a kilobyte.
   * @throws DataError where adaptation diverged
   */
  save(): Uint8Array {
    const { use, objective, state, shapes } = this;
    for (const [name, values] of Object.entries(state)) {
      const wrong = values.find((value) => !Number.isFinite(value));
      if (wrong === undefined) continue;
      throw new DataError(
        `save: ${name} must be finite, got ${wrong}: adaptation diverged; lower the inner steps or rates`,
      );
    }
    const metadata = {
      format: ADAPTED_FORMAT,
      learner: use.learner.description,
      meta: use.fingerprint,
      objective: objective.name,
      outputs: `${objective.outputs}`,
      version: VERSION,
    };
    return encodeTensors({ tensors: prefixed(STATE, shaped(state, shapes)), metadata });
  }

  /** Forgets the task. Programs belong to the trained learner, which is not affected. */
  dispose(): void {
    this.known = undefined;
  }

  /** Numbers predicted for an example: ways, or outputs. */
  get outputs(): number {
    return this.objective.outputs;
  }

  /**
   * Learns from more examples. What that means is the learner's `observing`: the same as having seen all at once (`exact`),
   * or going on from here (`continues`).
   * @throws as `Trained.adapt`
   */
  observe(examples: SupportSet, options: UseOptions = {}): Adapted {
    return this.after("observe", this.use.numeric("observe", examples), options);
  }

  /** @param what the caller's operation, for errors */
  private after(what: string, examples: SupportSet, options: UseOptions): Adapted {
    const given = requireColumns(`${what}: examples`, examples);
    requireOptions(what, options, ["innerSteps"]);
    checkUse(what, this.use.learner, options);
    const { use, objective } = this;
    const shapes = { ...use.learner.inputs, ...objective.targets };
    const { n, columns } = readColumns(what, given, shapes);
    if (n === 0) throw new DataError(`${what}: the examples must be at least one, got none`);
    checkTargets(what, objective, columns);
    const rows = bucketOf(n);
    const program = use.observeProgram(this.shapes, objective, rows, options);
    const inputs = { ...prefixed(STATE, this.state), ...padded(segmentPrefix(0), columns, n, rows) };
    return new Adapted(use, objective, use.run(program, inputs), this.shapes);
  }

  /**
   * Named outputs, row-major: `{ logits }` [n, ways], `{ mean }` [n, outputs], `{ mean, deviation }`, as the objective has them.
   * An example is predicted as it is among others, except by learners whose batch norm is transductive.
   * @param inputs examples by column, or the numbers [n, ...inputShape] of the only column
   * @throws OptionError, ShapeError or DataError for inputs that are not examples
   */
  predict(inputs: Inputs): Columns {
    return this.outputsOf("predict", this.numericInputs("predict", inputs));
  }

  /** Inputs as the learner reads them. */
  private numericInputs(what: string, inputs: Inputs): Inputs {
    const { preprocessing } = this.use;
    if (preprocessing === undefined) return inputs;
    const [only] = preprocessing.reads;
    const alone = only !== undefined && preprocessing.reads.length === 1 && isList(inputs);
    return this.use.numeric(what, alone ? { [only]: inputs } : inputs);
  }

  /** @param what the caller's operation, for errors */
  private outputsOf(what: string, inputs: Inputs): Columns {
    const { use, objective } = this;
    const given = inputColumns(`${what}: inputs`, use.learner, inputs);
    const { n, columns } = readColumns(what, given, use.learner.inputs);
    const together = use.learner.batchNorm === "transductive" ? Math.max(1, n) : PREDICTED_TOGETHER;
    const rows = bucketOf(Math.min(Math.max(1, n), together));
    const program = use.predictProgram(this.shapes, objective, rows);
    const outputs: Record<string, Float32Array> = {};
    for (const { name, shape } of program.outputs) {
      outputs[name] = new Float32Array((shape.reduce((size, extent) => size * extent, 1) / rows) * n);
    }
    for (let from = 0; from < n; from += rows) {
      const part = use.run(program, { ...prefixed(STATE, this.state), ...padded(QUERIES, columns, n, rows, from) });
      for (const [name, data] of Object.entries(part)) {
        const width = data.length / rows;
        (outputs[name] as Float32Array).set(data.subarray(0, Math.min(rows, n - from) * width), from * width);
      }
    }
    return outputs;
  }

  /**
   * The metric of the objective (accuracy, mean squared error, …) for examples with their targets.
   * @throws as `predict`; DataError for targets that are none, and where there are no examples
   */
  measure(examples: SupportSet): number {
    const { objective, use } = this;
    const given = use.numeric("measure", examples);
    const { n, columns } = readColumns("measure", given, { ...use.learner.inputs, ...objective.targets });
    if (n === 0) throw new DataError("measure: the examples must be at least one, got none");
    checkTargets("measure", objective, columns);
    const arrays = Object.fromEntries(
      Object.entries(columns).map(([name, { data }]) => [name, Float32Array.from(data)]),
    );
    return objective.metric.measure(this.outputsOf("measure", pick(arrays, Object.keys(use.learner.inputs))), arrays);
  }

  /**
   * The likeliest class of each example.
   * @throws OptionError for a learner of numbers; DataError where a prediction is not finite: the inner loop diverged
   */
  classify(inputs: Inputs): Int32Array {
    if (!this.objective.classes) {
      throw new OptionError(
        `classify: the learner must have been trained on classes, got ${this.objective.name}; use predict`,
      );
    }
    const { logits } = this.outputsOf("classify", this.numericInputs("classify", inputs));
    if (logits === undefined) throw new OptionError("classify: the learner must predict logits; use predict");
    const classes = argmaxRows(logits, this.outputs);
    const broken = classes.indexOf(-1);
    if (broken < 0) return classes;
    throw new DataError(
      `classify: the prediction of example ${broken} is not finite: adaptation diverged; lower the inner steps or the inner rate`,
    );
  }
}
