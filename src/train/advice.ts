import type { Arrays } from "../core/loaded.ts";
import { run, unload } from "../core/run.ts";
import type { Key } from "../random.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";
import { type Plan, supportLossProgram } from "./programs.ts";

/** Iterations before it is looked at what inner steps do to the support loss. */
const FIRST_LOOK = 20;
/** Tasks that are looked at. */
const LOOKED_AT = 4;
/** Iterations before the loss is compared with chance, and over how many of the last it is averaged. */
const SETTLED = 200;
/** The same for learners that learn how to adapt. */
const SETTLED_AMORTISED = 10_000;
const AVERAGED = 50;
/** A loss of at least this part of chance's has learned nothing. */
const NEAR_CHANCE = 0.98;

/** The iteration that was just done. */
interface Done {
  /** Shared inputs of the task Program. */
  readonly shared: Arrays;
  readonly keys: readonly Key[];
  readonly spec: number;
}

interface Options {
  readonly iterations: number;
  onWarning?(message: string): unknown;
}

/** Watches a run for mistakes that would not stop it: rates that are too high or too low. It never changes the result. */
export class Advice {
  /** The last losses, in no order. */
  private readonly recent = new Float64Array(AVERAGED);
  private seen = 0;
  private helps: "not asked" | "yes" | "worse" | "little" = "not asked";
  private told = false;

  constructor(
    private readonly plan: Plan,
    private readonly tasks: TaskSource,
    private readonly options: Options,
    private readonly sample: (key: Key, spec: number) => Promise<Arrays>,
  ) {}

  private get settled(): number {
    return this.plan.learner.amortised ? SETTLED_AMORTISED : SETTLED;
  }

  /** Whether staying at chance so far says nothing. */
  private isEarly(count: number): boolean {
    return this.plan.learner.amortised === true && count < SETTLED_AMORTISED;
  }

  /** @param iteration the one that was done, from 0 */
  after(iteration: number, loss: number, done: Done): Promise<void> | undefined {
    const count = iteration + 1;
    const last = count === this.options.iterations;
    this.recent[this.seen++ % AVERAGED] = loss;
    if (count !== FIRST_LOOK && count !== this.settled && !last) return undefined;
    return this.look(iteration, last, done);
  }

  private async look(iteration: number, last: boolean, done: Done): Promise<void> {
    const count = iteration + 1;
    if (count === FIRST_LOOK || (last && count < FIRST_LOOK)) await this.lookAtSupport(iteration, done);
    if (!this.told && this.seen >= AVERAGED && (count === this.settled || (last && !this.isEarly(count))))
      await this.compareWithChance(count, done);
  }

  private async lookAtSupport(iteration: number, { shared, keys, spec }: Done): Promise<void> {
    const { learner } = this.plan;
    if (learner.innerSteps === undefined || learner.innerSteps.training === 0 || learner.amortised) return;
    const program = supportLossProgram(this.plan, this.tasks.specs[spec] as TaskSpec, learner.phase?.(iteration));
    let [before, after] = [0, 0];
    for (const key of keys.slice(0, LOOKED_AT)) {
      const losses = run(program, { ...shared, ...(await this.sample(key, spec)) });
      before += losses.before?.[0] ?? 0;
      after += losses.after?.[0] ?? 0;
    }
    unload(program);
    this.helps = after > before - 0.02 * Math.abs(before) ? (after > before ? "worse" : "little") : "yes";
    if (!(after <= before + 0.02 * Math.abs(before))) {
      const { training } = learner.innerSteps;
      await this.warn(
        `metaTrain: ${training === 1 ? "1 inner step raises" : `${training} inner steps raise`} the support loss from ${short(before / LOOKED_AT)} to ` +
          `${short(after / LOOKED_AT)}; lower innerRate${this.rate(0.1)}`,
      );
    }
  }

  private async compareWithChance(count: number, { spec }: Done): Promise<void> {
    const { objective } = this.tasks.specs[spec] as TaskSpec;
    const mean = this.recent.reduce((total, each) => total + each, 0) / AVERAGED;
    // Math.log: the comparison is told, and feeds nothing.
    const chance = Math.log(objective.outputs);
    if (!objective.classes || objective.outputs < 2 || mean < NEAR_CHANCE * chance) return;
    const advice =
      this.helps === "little"
        ? `inner steps hardly change the support loss: raise innerRate${this.rate(10)} or innerSteps`
        : this.helps === "worse"
          ? `inner steps raise the support loss: lower innerRate${this.rate(0.1)}`
          : "standardise the inputs, or try a meta rate ten times higher or lower";
    await this.warn(
      `metaTrain: after ${count} iterations the loss is ${short(mean)}, and guessing among ${objective.outputs} classes has ${short(chance)}; ${advice}`,
    );
  }

  /** The learner's inner rate times a factor, as a suggestion. */
  private rate(factor: number): string {
    const { innerRate } = this.plan.learner;
    return innerRate === undefined ? "" : `, such as ${Number((innerRate * factor).toPrecision(2))}`;
  }

  private async warn(message: string): Promise<void> {
    this.told = true;
    if (this.options.onWarning === undefined) console.warn(message);
    else await this.options.onWarning(message);
  }
}

const short = (value: number): string => value.toPrecision(3);
