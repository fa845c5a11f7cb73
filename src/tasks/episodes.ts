import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import { classification } from "../nn/objective.ts";
import type { Key } from "../random.ts";
import { Draw } from "../random.ts";
import type { Dataset } from "./dataset.ts";
import { requireDataset } from "./dataset.ts";
import { hashValues } from "./hash.ts";
import type { Episode, LabelledBatch, Task, TaskSource, TaskSpec } from "./types.ts";

/** Options of `episodes`. */
export interface EpisodeOptions {
  /** Classes of an episode. At least 2. */
  readonly ways: number;
  /** Support examples of each class; or the least and the most of them, from which each class of an episode draws its own number. */
  readonly shots: number | readonly [number, number];
  /** Query examples of each class. */
  readonly queries: number;
}

/** The source that `episodes` makes. */
export interface EpisodeSource extends TaskSource {
  readonly dataset: Dataset;
  readonly spec: TaskSpec;
  readonly ways: number;
  /** The most support examples of a class. */
  readonly shots: number;
  readonly queries: number;
  sample(key: Key, spec?: number, into?: Task): Episode;
  /** The classes of a key's episode, in label order, as indices into `dataset.classes`. */
  classesOf(key: Key): number[];
}

/**
 * N-way K-shot classification episodes of a data set. A key chooses `ways` classes without repetition, in random order
 * (which class gets which label is part of the draw), then `shots` + `queries` examples of each without repetition, so
 * that support and query are disjoint.
 *
 * Rows are in label order: support row i has label floor(i / shots), query row i has label floor(i / queries). Where classes
 * have unequal shots, the rows that a class does not use repeat its first example with weight 0.
 *
 * @throws OptionError for an unknown option, when a count is not a whole number, or there are fewer classes than `ways`
 * @throws DataError when a class has fewer than `shots` + `queries` examples
 */
export function episodes(dataset: Dataset, options: EpisodeOptions): EpisodeSource {
  requireDataset("episodes", dataset);
  requireOptions("episodes", options, ["ways", "shots", "queries"]);
  const { ways, queries } = options;
  requireWhole("episodes: ways", ways, 2);
  const [least, shots] = shotsOf(options.shots);
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
  return new Episodes(dataset, ways, least, shots, queries);
}

/** The least and the most shots of a class. */
function shotsOf(shots: EpisodeOptions["shots"]): readonly [number, number] {
  if (!Array.isArray(shots)) {
    const each = requireWhole("episodes: shots", shots, 1);
    return [each, each];
  }
  if (shots.length !== 2) throw wrong("episodes: shots", "a number, or [least, most]", shots);
  const least = requireWhole("episodes: shots[0]", shots[0], 1);
  return [least, requireWhole("episodes: shots[1]", shots[1], least)];
}

class Episodes implements EpisodeSource {
  readonly name: string;
  readonly spec: TaskSpec;
  readonly specs: readonly TaskSpec[];
  readonly fingerprint: string;
  /** Numbers of an example, by column. */
  private readonly lengths: readonly (readonly [string, number])[];

  constructor(
    readonly dataset: Dataset,
    readonly ways: number,
    private readonly least: number,
    readonly shots: number,
    readonly queries: number,
  ) {
    this.name = `${dataset.name} ${ways}-way ${least === shots ? shots : `${least} to ${shots}`}-shot`;
    this.spec = {
      inputs: dataset.inputs,
      objective: classification(ways),
      segments: [ways * shots],
      queries: ways * queries,
      ...(least < shots ? { weighted: true } : {}),
    };
    this.specs = [this.spec];
    const unequal = least === shots ? [] : [least];
    this.fingerprint = hashValues("episodes", dataset.fingerprint, ways, shots, queries, ...unequal);
    this.lengths = Object.entries(dataset.inputs).map(([name, shape]) => [name, sizeOf(shape)]);
  }

  classesOf(key: Key): number[] {
    return new Draw(key).choose(this.ways, this.dataset.classes.length);
  }

  sample(key: Key, _spec = 0, into?: Task): Episode {
    const { dataset, ways, least, shots, queries } = this;
    const room = into as Episode | undefined;
    const support = room?.support ?? this.emptyBatch(shots);
    const query = room?.queries ?? this.emptyBatch(queries);
    const draw = new Draw(key);
    const chosen = draw.choose(ways, dataset.classes.length);
    for (let label = 0; label < ways; label++) {
      const classIndex = chosen[label] as number;
      const size = dataset.classes[classIndex]?.size ?? 0;
      const examples = draw.choose(shots + queries, size);
      const used = least === shots ? shots : least + draw.below(shots - least + 1);
      this.fill(support, label, shots, classIndex, examples, 0, used);
      this.fill(query, label, queries, classIndex, examples, shots, queries);
    }
    return room ?? { segments: [support], support, queries: query };
  }

  private emptyBatch(perClass: number): LabelledBatch {
    const rows = this.ways * perClass;
    const columns = this.lengths.map(([name, length]) => [name, new Float32Array(rows * length)]);
    return {
      ...Object.fromEntries(columns),
      y: new Float32Array(rows),
      ...(this.spec.weighted ? { weight: new Float32Array(rows) } : {}),
    };
  }

  /** Writes the chosen examples, from `first` on, as the rows of one label; those beyond `used` are padding. */
  private fill(
    batch: LabelledBatch,
    label: number,
    count: number,
    classIndex: number,
    examples: readonly number[],
    first: number,
    used: number,
  ): void {
    for (let i = 0; i < count; i++) {
      const row = label * count + i;
      const example = examples[first + (i < used ? i : 0)] as number;
      for (const [name, length] of this.lengths) {
        this.dataset.write(name, classIndex, example, batch[name] as Float32Array, row * length);
      }
      batch.y[row] = label;
      if (batch.weight !== undefined) batch.weight[row] = i < used ? 1 : 0;
    }
  }
}
