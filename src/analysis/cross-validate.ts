import { requireFunction, requireObject, requireOptions, requireWhole } from "../arguments.ts";
import { AbortedError, DataError } from "../errors.ts";
import { meanAndInterval, studentQuantile } from "../nn/metrics.ts";
import { fold, keyOf } from "../random.ts";
import { checkSurroundings } from "../train/checks.ts";

/** Parts that a split consists of, such as data sets of classes that share none. */
export interface Split<Part> {
  readonly train: Part;
  readonly test: Part;
}

/** One split of a cross-validation. */
export interface Fold<Part> extends Split<Part> {
  /** Which fold, and which repetition of the division. */
  readonly fold: number;
  readonly repeat: number;
  /** A seed of its own for what is trained on it. */
  readonly seed: number;
}

/** A result of one fold: a report, or anything else with a mean. */
export interface FoldResult {
  readonly mean: number;
}

export interface CrossValidateOptions<Part, Result> {
  /** Gives the splits of one division of the data: `(seed) => folds(dataset, 5, seed)`. */
  split(seed: number): readonly Split<Part>[];
  /** Trains on one part and measures on the other. */
  run(fold: Fold<Part>): Result | Promise<Result>;
  /** Divisions of the data; 1 by default. */
  readonly repeats?: number;
  /** 0 by default. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** The result of `crossValidate`. */
export interface CrossValidated<Result> {
  /** Mean over the folds. */
  readonly mean: number;
  /**
   * Half the width of its 95 % interval, by the variance between folds corrected for training sets that overlap: of n folds,
   * (1/n + test/train) times it (Nadeau and Bengio 2003, "Inference for the generalization error"), where each fold tests on one of k
   * parts, test/train = 1/(k - 1). With few folds a t distribution of n - 1 degrees of freedom has the wider tails.
   */
  readonly ci95: number;
  /** Deviation between folds. */
  readonly deviation: number;
  readonly results: readonly Result[];
}

/**
 * Trains and tests on several splits: an interval over the episodes of one split says nothing of what another split would give.
 * @throws DataError where a division has fewer than 2 splits; AbortedError when its signal says so; what `run` throws
 */
export async function crossValidate<Part, Result extends FoldResult>(
  options: CrossValidateOptions<Part, Result>,
): Promise<CrossValidated<Result>> {
  requireOptions("crossValidate", options, ["split", "run", "repeats", "seed", "signal"]);
  const { split, run, repeats = 1, seed = 0, signal } = options;
  requireFunction("crossValidate: split", split);
  requireFunction("crossValidate: run", run);
  requireWhole("crossValidate: repeats", repeats, 1, 1000);
  requireWhole("crossValidate: seed", seed, 0);
  checkSurroundings("crossValidate", options);
  const results: Result[] = [];
  let parts = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const splits = split(seedOf(seed, repeat, 0));
    if (!Array.isArray(splits) || splits.length < 2) {
      throw new DataError(`crossValidate: split must give at least 2 splits, got ${splits?.length ?? "none"}`);
    }
    parts = splits.length;
    for (const [index, { train, test }] of (splits as readonly Split<Part>[]).entries()) {
      if (signal?.aborted) throw new AbortedError(`crossValidate: stopped by its signal after ${results.length} folds`);
      const result = await run({ train, test, fold: index, repeat, seed: seedOf(seed, repeat, index + 1) });
      requireObject("crossValidate: the result of run", result, "a report, or an object with a mean", ["mean"]);
      results.push(result);
    }
  }
  const n = results.length;
  const { mean } = meanAndInterval(results.map((each) => each.mean));
  const variance = results.reduce((sum, each) => sum + (each.mean - mean) ** 2, 0) / (n - 1);
  return {
    mean,
    ci95: studentQuantile(n - 1) * Math.sqrt(variance * (1 / n + 1 / (parts - 1))),
    deviation: Math.sqrt(variance),
    results,
  };
}

/** A seed below 2^53 for each place. */
function seedOf(seed: number, repeat: number, place: number): number {
  const [high, low] = fold(fold(keyOf(seed), repeat), place);
  return (high >>> 11) * 2 ** 32 + low;
}
