import { requireOptions, requireWhole } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import type { Key } from "../random.ts";
import { Draw } from "../random.ts";
import type { Dataset } from "./dataset.ts";
import { exampleLength, requireDataset } from "./dataset.ts";
import { hashValues } from "./hash.ts";
import type { Batch, Episode, TaskSource, TaskSpec } from "./types.ts";

/** Options of `episodes`. */
export interface EpisodeOptions {
  /** Classes of an episode. At least 2. */
  readonly ways: number;
  /** Support examples of each class. */
  readonly shots: number;
  /** Query examples of each class. */
  readonly queries: number;
}

/** The source that `episodes` makes. */
export interface EpisodeSource extends TaskSource {
  readonly dataset: Dataset;
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  /** The classes of a key's episode, in label order, as indices into `dataset.classes`. */
  classesOf(key: Key): number[];
}

/**
 * N-way K-shot classification episodes of a data set. A key chooses `ways` classes without repetition, in random order
 * (which class gets which label is part of the draw), then `shots` + `queries` examples of each without repetition, so
 * that support and query are disjoint.
 *
 * Rows are in label order: support row i has label floor(i / shots), query row i has label floor(i / queries).
 *
 * @throws OptionError for an unknown option, when a count is not a whole number, or there are fewer classes than `ways`
 * @throws DataError when a class has fewer than `shots` + `queries` examples
 */
export function episodes(dataset: Dataset, options: EpisodeOptions): EpisodeSource {
  requireDataset("episodes", dataset);
  requireOptions("episodes", options, ["ways", "shots", "queries"]);
  const { ways, shots, queries } = options;
  requireWhole("episodes: ways", ways, 2);
  requireWhole("episodes: shots", shots, 1);
  requireWhole("episodes: queries", queries, 1);
  const { name, classes } = dataset;
  if (ways > classes.length) {
    throw new OptionError(
      `episodes: ways must be at most the number of classes, got ${ways} ways of ${classes.length} classes (${name}); ` +
        `lower ways to ${classes.length} or add classes`,
    );
  }
  for (const { name: className, size } of classes) {
    if (size < shots + queries) {
      throw new DataError(
        `episodes: every class needs shots + queries = ${shots} + ${queries} = ${shots + queries} examples, ` +
          `got ${size} in class ${JSON.stringify(className)} (${name}); ` +
          `lower shots + queries to ${size}, add examples, or leave the class out`,
      );
    }
  }
  return new Episodes(dataset, ways, shots, queries);
}

class Episodes implements EpisodeSource {
  readonly name: string;
  readonly spec: TaskSpec;
  readonly fingerprint: string;
  private readonly length: number;

  constructor(
    readonly dataset: Dataset,
    readonly ways: number,
    readonly shots: number,
    readonly queries: number,
  ) {
    this.name = `${dataset.name} ${ways}-way ${shots}-shot`;
    this.spec = {
      kind: "classification",
      inputShape: dataset.shape,
      outputs: ways,
      supportSize: ways * shots,
      querySize: ways * queries,
    };
    this.fingerprint = hashValues("episodes", dataset.fingerprint, ways, shots, queries);
    this.length = exampleLength(dataset.shape);
  }

  classesOf(key: Key): number[] {
    return new Draw(key).choose(this.ways, this.dataset.classes.length);
  }

  sample(key: Key, into?: Episode): Episode {
    const { dataset, ways, shots, queries } = this;
    const { support, query } = into ?? { support: this.emptyBatch(shots), query: this.emptyBatch(queries) };
    const draw = new Draw(key);
    const chosen = draw.choose(ways, dataset.classes.length);
    for (let label = 0; label < ways; label++) {
      const classIndex = chosen[label] as number;
      const size = dataset.classes[classIndex]?.size ?? 0;
      const examples = draw.choose(shots + queries, size);
      this.fill(support, label, shots, classIndex, examples, 0);
      this.fill(query, label, queries, classIndex, examples, shots);
    }
    return { support, query };
  }

  private emptyBatch(perClass: number): Batch {
    const rows = this.ways * perClass;
    return { x: new Float32Array(rows * this.length), y: new Float32Array(rows) };
  }

  /** Writes `count` of the chosen examples, from `first` on, as the rows of one label. */
  private fill(
    batch: Batch,
    label: number,
    count: number,
    classIndex: number,
    examples: readonly number[],
    first: number,
  ): void {
    for (let i = 0; i < count; i++) {
      const row = label * count + i;
      this.dataset.write(classIndex, examples[first + i] as number, batch.x, row * this.length);
      batch.y[row] = label;
    }
  }
}
