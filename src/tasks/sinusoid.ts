import { requireInterval, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { fanInUniform } from "../nn/initialisers.ts";
import { flatten } from "../nn/layers.ts";
import { model } from "../nn/model.ts";
import { mlp } from "../nn/networks.ts";
import { regression } from "../nn/objective.ts";
import { whole } from "../options.ts";
import { SINE_LIMIT, sine } from "../portable-math.ts";
import type { Key } from "../random.ts";
import { Draw } from "../random.ts";
import { hashValues } from "./hash.ts";
import type { TaskRecord } from "./record.ts";
import type { Episode, LabelledBatch, Task, TaskSource, TaskSpec } from "./types.ts";

/** Options of `sinusoid`; the defaults are the paper's 10-shot setting. */
export interface SinusoidOptions {
  /** Points of the support set. Default 10. */
  readonly shots?: number;
  /** Points of the query set. Default 10. */
  readonly queries?: number;
  /** Points that arrive together, for a stream: `[4, 4, 4]`. It then has no shots and no queries. */
  readonly segments?: readonly number[];
  /** Interval of the amplitude. Default [0.1, 5]. */
  readonly amplitude?: readonly [number, number];
  /** Interval of the phase, in radians. Default [0, pi]. */
  readonly phase?: readonly [number, number];
  /** Interval of x. Default [-5, 5]. */
  readonly range?: readonly [number, number];
}

/** One task of `sinusoid`: y = amplitude sin(x - phase). */
export interface SinusoidCurve {
  readonly amplitude: number;
  readonly phase: number;
  /** The curve's value at x, before it is rounded to f32. */
  at(x: number): number;
}

/** The source that `sinusoid` makes. */
export interface SinusoidSource extends TaskSource {
  /** Interval from which x is drawn. */
  readonly range: readonly [number, number];
  readonly spec: TaskSpec;
  sample(key: Key, spec?: number, into?: Task): Episode;
  /** The curve behind the episode of a key: for plots. */
  curve(key: Key): SinusoidCurve;
}

/**
 * Sine curves of random amplitude and phase: the regression tasks of "Model-Agnostic Meta-Learning" (Finn et al. 2017,
 * section 5.1). An episode is `shots` + `queries` points of one curve, x uniform in `range`, all of shape [n, 1].
 *
 * Its curve is y = amplitude sin(x - phase), as in the authors' code; the paper does not give the sign of the phase.
 * Values are the same bits on every engine: see `sine`.
 *
 * @throws OptionError for an unknown option, when a count is not a whole number of at least 1, or an interval is empty or beyond +-1e5
 */
export function sinusoid(options: SinusoidOptions = {}): SinusoidSource {
  requireOptions("sinusoid", options, ["shots", "queries", "segments", "amplitude", "phase", "range"]);
  const {
    shots = 10,
    queries: asked = 10,
    segments,
    amplitude = [0.1, 5],
    phase = [0, Math.PI],
    range = [-5, 5],
  } = options;
  if (segments !== undefined && (options.shots !== undefined || options.queries !== undefined)) {
    throw wrong("sinusoid: segments", "given without shots and queries", options);
  }
  const arriving = segments ?? [shots];
  if (!Array.isArray(arriving) || arriving.length === 0)
    throw wrong("sinusoid: segments", "a list such as [4, 4]", segments);
  for (const points of arriving) requireWhole(segments ? "sinusoid: segments" : "sinusoid: shots", points, 1);
  const queries = segments ? 0 : requireWhole("sinusoid: queries", asked, 1);
  requireInterval("sinusoid: amplitude", amplitude, SINE_LIMIT / 10);
  requireInterval("sinusoid: phase", phase, SINE_LIMIT / 10);
  requireInterval("sinusoid: range", range, SINE_LIMIT / 10);
  return new Sinusoid([...arriving], queries, [...amplitude], [...phase], [...range]);
}

const emptyBatch = (count: number): LabelledBatch => ({ x: new Float32Array(count), y: new Float32Array(count) });

class Sinusoid implements SinusoidSource {
  readonly name = "sinusoid";
  readonly spec: TaskSpec;
  readonly specs: readonly TaskSpec[];
  readonly fingerprint: string;

  constructor(
    private readonly arriving: readonly number[],
    queries: number,
    private readonly amplitude: readonly [number, number],
    private readonly phase: readonly [number, number],
    readonly range: readonly [number, number],
  ) {
    this.spec = { inputs: { x: [1] }, objective: regression(1), segments: arriving, queries };
    this.specs = [this.spec];
    this.fingerprint = hashValues(this.name, ...arriving, queries, ...amplitude, ...phase, ...range);
  }

  sample(key: Key, _spec = 0, into?: Task): Episode {
    const draw = new Draw(key);
    const amplitude = draw.uniform(this.amplitude[0], this.amplitude[1]);
    const phase = draw.uniform(this.phase[0], this.phase[1]);
    const room = (into as Episode | undefined) ?? this.empty();
    for (const batch of room.segments) this.points(draw, batch as LabelledBatch, amplitude, phase);
    this.points(draw, room.queries, amplitude, phase);
    return room;
  }

  private empty(): Episode {
    const segments = this.arriving.map(emptyBatch);
    return { segments, support: segments[0] as LabelledBatch, queries: emptyBatch(this.spec.queries) };
  }

  curve(key: Key): SinusoidCurve {
    const draw = new Draw(key);
    const amplitude = draw.uniform(this.amplitude[0], this.amplitude[1]);
    const phase = draw.uniform(this.phase[0], this.phase[1]);
    return { amplitude, phase, at: (x) => amplitude * sine(x - phase) };
  }

  private points(draw: Draw, { x, y }: LabelledBatch, amplitude: number, phase: number): void {
    const [low, high] = this.range;
    for (let i = 0; i < x.length; i++) {
      x[i] = draw.uniform(low, high);
      // From x as stored, so that the pair lies on the curve.
      y[i] = amplitude * sine((x[i] as number) - phase);
    }
  }
}

const OPTIONS = {
  shots: whole("points of the support set", { least: 1, most: 100_000, default: 10 }),
  queries: whole("points of the query set", { least: 1, most: 100_000, default: 10 }),
};

export const sinusoidRecord: TaskRecord<typeof OPTIONS> = {
  name: "sinusoid",
  summary: "curves of random amplitude and phase (Finn et al. 2017, section 5.1)",
  options: OPTIONS,
  run: { iterations: 70_000, metaBatch: 25 },
  spec: (settings) => sinusoid(settings).spec,
  source: async (settings) => sinusoid(settings),
  // Small weights: with larger ones some 5-shot tasks diverge after several inner steps (docs/results.md).
  model: (_, kind, width) =>
    kind === "features"
      ? model([1], flatten())
      : mlp({ inputShape: 1, hidden: [40, 40], outputs: kind === "predictor" ? width : 40, initialiser: fanInUniform }),
};
