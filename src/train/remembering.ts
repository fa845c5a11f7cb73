import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Columns } from "../nn/objective.ts";
import type { Adapted } from "./adapted.ts";
import { type Inputs, type Numbers, readColumns, type SupportSet } from "./support-set.ts";
import { type AdaptOptions, Trained } from "./trained.ts";

export interface RememberOptions extends AdaptOptions {
  /** Examples that are kept; beyond it the oldest are forgotten. All by default. */
  readonly capacity?: number;
}

/**
 * A learner that keeps its examples and adapts anew to all of them whenever more arrive: the result is the same as having
 * seen them at once, for every learner, and the time grows with their number. It never changes: `observe` gives a new one.
 */
export class Remembering {
  private constructor(
    private readonly trained: Trained,
    private readonly options: AdaptOptions,
    private readonly capacity: number,
    private readonly shapes: Readonly<Record<string, readonly number[]>>,
    /** The examples that are kept, by column, oldest first. */
    readonly examples: Columns,
    private readonly current: Adapted | undefined,
  ) {}

  /** @throws OptionError for options out of range */
  static of(trained: Trained, options: RememberOptions = {}): Remembering {
    if (!(trained instanceof Trained)) throw wrong("remember: trained", "what metaTrain or restore gives", trained);
    requireOptions("remember", options, ["capacity", "innerSteps", "ways"]);
    const { capacity = Number.MAX_SAFE_INTEGER, ...adaptation } = options;
    requireWhole("remember: capacity", capacity, 1);
    trained.checkOptions("remember", adaptation);
    const shapes = { ...trained.learner.inputs, ...trained.objective.targets, weight: [] };
    return new Remembering(trained, adaptation, capacity, shapes, {}, undefined);
  }

  /** Adapts to what is kept and these examples. @throws as `Trained.adapt` */
  observe(examples: SupportSet): Remembering {
    const { weight: _, ...shapes } = this.shapes;
    const given = this.trained.numeric("remember: examples", examples);
    const { n, columns } = readColumns("remember", given, shapes);
    if (n === 0) throw new DataError("remember: the examples must be at least one, got none");
    const kept = Object.entries(this.shapes).map(([name, shape]) => {
      const old = this.examples[name] ?? new Float32Array(0);
      const data = columns[name]?.data ?? new Float32Array(n).fill(1);
      const all = new Float32Array(old.length + data.length);
      all.set(old);
      all.set(data, old.length);
      const most = this.capacity * sizeOf(shape);
      return [name, all.length > most ? all.slice(all.length - most) : all] as const;
    });
    const together = Object.fromEntries(kept);
    const adapted = this.trained.adaptFor("remember", together, this.optionsFor(columns.y?.data));
    return new Remembering(this.trained, this.options, this.capacity, this.shapes, together, adapted);
  }

  /** A class keeps its place when the last of its examples is forgotten. */
  private optionsFor(labels: Numbers | undefined): AdaptOptions {
    const { trained, options, current } = this;
    const counted = trained.objective.classes && trained.learner.width === undefined && options.ways === undefined;
    if (!counted || current === undefined || labels === undefined) return options;
    const highest = Array.from(labels).reduce((most, label) => Math.max(most, label), 0);
    return { ...options, ways: Math.max(current.outputs, highest + 1) };
  }

  /** The learner adapted to all that is kept. @throws DataError before the first examples */
  get adapted(): Adapted {
    if (this.current === undefined) throw new DataError("remember: observe must come first, got no examples yet");
    return this.current;
  }

  /** As `Adapted.predict`. */
  predict(inputs: Inputs): Columns {
    return this.adapted.predict(inputs);
  }

  /** As `Adapted.classify`. */
  classify(inputs: Inputs): Int32Array {
    return this.adapted.classify(inputs);
  }
}

/** A trained learner that keeps its examples: see `Remembering`. */
export function remember(trained: Trained, options: RememberOptions = {}): Remembering {
  return Remembering.of(trained, options);
}
