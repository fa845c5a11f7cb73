import { requireInterval, requireOptions, requireWhole } from "../arguments.ts";
import type { Key } from "../random.ts";
import { Draw } from "../random.ts";
import { hashValues } from "./hash.ts";
import { SINE_LIMIT, sine } from "./sine.ts";
import type { Batch, Episode, TaskSource, TaskSpec } from "./types.ts";

/** Options of `sinusoid`; the defaults are the paper's 10-shot setting. */
export interface SinusoidOptions {
  /** Points of the support set. Default 10. */
  readonly shots?: number;
  /** Points of the query set. Default 10. */
  readonly queries?: number;
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
  requireOptions("sinusoid", options, ["shots", "queries", "amplitude", "phase", "range"]);
  const { shots = 10, queries = 10, amplitude = [0.1, 5], phase = [0, Math.PI], range = [-5, 5] } = options;
  requireWhole("sinusoid: shots", shots, 1);
  requireWhole("sinusoid: queries", queries, 1);
  requireInterval("sinusoid: amplitude", amplitude, SINE_LIMIT / 10);
  requireInterval("sinusoid: phase", phase, SINE_LIMIT / 10);
  requireInterval("sinusoid: range", range, SINE_LIMIT / 10);
  return new Sinusoid(shots, queries, [...amplitude], [...phase], [...range]);
}

function emptyBatch(count: number): Batch {
  return { x: new Float32Array(count), y: new Float32Array(count) };
}

class Sinusoid implements SinusoidSource {
  readonly name = "sinusoid";
  readonly spec: TaskSpec;
  readonly fingerprint: string;

  constructor(
    shots: number,
    queries: number,
    private readonly amplitude: readonly [number, number],
    private readonly phase: readonly [number, number],
    readonly range: readonly [number, number],
  ) {
    this.spec = { kind: "regression", inputShape: [1], outputs: 1, supportSize: shots, querySize: queries };
    this.fingerprint = hashValues(this.name, shots, queries, ...amplitude, ...phase, ...range);
  }

  sample(key: Key, into?: Episode): Episode {
    const draw = new Draw(key);
    const amplitude = draw.uniform(this.amplitude[0], this.amplitude[1]);
    const phase = draw.uniform(this.phase[0], this.phase[1]);
    const { support, query } = into ?? {
      support: emptyBatch(this.spec.supportSize),
      query: emptyBatch(this.spec.querySize),
    };
    this.points(draw, support, amplitude, phase);
    this.points(draw, query, amplitude, phase);
    return { support, query };
  }

  curve(key: Key): SinusoidCurve {
    const draw = new Draw(key);
    const amplitude = draw.uniform(this.amplitude[0], this.amplitude[1]);
    const phase = draw.uniform(this.phase[0], this.phase[1]);
    return { amplitude, phase, at: (x) => amplitude * sine(x - phase) };
  }

  private points(draw: Draw, { x, y }: Batch, amplitude: number, phase: number): void {
    const [low, high] = this.range;
    for (let i = 0; i < x.length; i++) {
      x[i] = draw.uniform(low, high);
      // From x as stored, so that the pair lies on the curve.
      y[i] = amplitude * sine((x[i] as number) - phase);
    }
  }
}
