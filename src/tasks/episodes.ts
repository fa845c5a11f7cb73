import { requireOptions, requireWhole, wrong } from "../arguments.ts";
import { DataError, OptionError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import { classification } from "../nn/objective.ts";
import type { Key } from "../random.ts";
import { Draw } from "../random.ts";
import type { Dataset, LazyDataset, Place } from "./dataset.ts";
import { requireDataset } from "./dataset.ts";
import { hashValues } from "./hash.ts";
import { whenLoaded } from "./loading.ts";
import {
  needed,
  neededText,
  type Queries,
  requireQueries,
  requireSmall,
  type Shares,
  type Small,
  sharesOf,
  waysOut,
} from "./shares.ts";
import type { Episode, LabelledBatch, Task, TaskSource, TaskSpec } from "./types.ts";

/** Options of `episodes`. */
export interface EpisodeOptions {
  /**
   * Classes of an episode, at least 2; or the least and the most of them. Each number of them is a spec of its own, with
   * Programs of its own: every meta-batch has one.
   */
  readonly ways: number | readonly [number, number];
  /** Support examples of each class; or the least and the most of them, from which each class of an episode draws its own number. */
  readonly shots: number | readonly [number, number];
  /** Query examples of each class; `"rest"` for all that support leaves. */
  readonly queries: Queries;
  /** The most queries of a class where they are the rest; no limit by default. */
  readonly mostQueries?: number;
  /**
   * Classes of fewer than shots + queries examples: `"refuse"` the data set, which is the default, `"skip"` them, or take
   * `"fewer"` of their examples, in the same proportion and at least one of each kind. Classes of one example are then left out.
   */
  readonly small?: Small;
}

/** What the sources that `episodes` makes have in common. */
interface EpisodesOf<D extends Dataset, Sampled extends Episode | Promise<Episode>> extends TaskSource {
  readonly dataset: D;
  /** The spec of the fewest ways. */
  readonly spec: TaskSpec;
  /** The most classes of an episode. */
  readonly ways: number;
  /** The most support examples of a class. */
  readonly shots: number;
  /** The most query examples of a class. */
  readonly queries: number;
  sample(key: Key, spec?: number, into?: Task): Sampled;
  /** The classes of a key's episode, in label order, as indices into `dataset.classes`. */
  classesOf(key: Key, spec?: number): number[];
}

/** The source that `episodes` makes. */
export interface EpisodeSource extends EpisodesOf<Dataset, Episode> {}

/** The source that `episodes` makes of a data set that has to be loaded. */
export interface LazyEpisodeSource extends EpisodesOf<LazyDataset, Promise<Episode>> {}

/** Numbers of ways of one source: each is a Program. */
const MOST_SPECS = 32;

/**
 * N-way K-shot classification episodes of a data set. A key chooses `ways` classes without repetition, in random order
 * (which class gets which label is part of the draw), then `shots` + `queries` examples of each without repetition, so
 * that support and query are disjoint.
 *
 * Rows are in label order: support row i has label floor(i / shots), query row i has label floor(i / queries). Where classes
 * have unequal shots or queries, the rows that a class does not use repeat its first example with weight 0.
 *
 * @throws OptionError for an unknown option, when a count is not a whole number, or there are fewer classes than `ways`
 * @throws DataError when a class has fewer than `shots` + `queries` examples, unless `small` says what to do about it
 */
export function episodes(dataset: LazyDataset, options: EpisodeOptions): LazyEpisodeSource;
export function episodes(dataset: Dataset, options: EpisodeOptions): EpisodeSource;
export function episodes(dataset: Dataset, options: EpisodeOptions): TaskSource {
  requireDataset("episodes", dataset);
  requireOptions("episodes", options, ["ways", "shots", "queries", "mostQueries", "small"]);
  const ways = rangeOf("ways", options.ways, 2);
  const shots = rangeOf("shots", options.shots, 1);
  const queries = requireQueries("episodes", options.queries);
  const { mostQueries, small = "refuse" } = options;
  if (mostQueries !== undefined) {
    requireWhole("episodes: mostQueries", mostQueries, 1);
    if (queries !== "rest") throw wrong("episodes: mostQueries", 'left out unless queries is "rest"', mostQueries);
  }
  requireSmall("episodes", small);
  if (ways[1] - ways[0] >= MOST_SPECS) {
    throw wrong("episodes: ways", `a range of at most ${MOST_SPECS} numbers, each of which is a spec`, options.ways);
  }
  return new Episodes(dataset, { ways, shots, queries, mostQueries: mostQueries ?? Number.POSITIVE_INFINITY, small });
}

/** The least and the most of a number that each task or class may draw. */
function rangeOf(name: "ways" | "shots", value: unknown, from: number): readonly [number, number] {
  if (!Array.isArray(value)) {
    const each = requireWhole(`episodes: ${name}`, value, from);
    return [each, each];
  }
  if (value.length !== 2) throw wrong(`episodes: ${name}`, "a number, or [least, most]", value);
  const least = requireWhole(`episodes: ${name}[0]`, value[0], from);
  return [least, requireWhole(`episodes: ${name}[1]`, value[1], least)];
}

interface Settings {
  readonly ways: readonly [number, number];
  readonly shots: readonly [number, number];
  readonly queries: Queries;
  readonly mostQueries: number;
  readonly small: Small;
}

/** A class that episodes draw from, and how many of its examples they take. */
interface Drawable extends Shares {
  readonly index: number;
  readonly size: number;
}

/** Classes that episodes draw from, in the data set's order. @throws DataError, OptionError */
function drawableOf(dataset: Dataset, { ways, shots, queries, mostQueries, small }: Settings): Drawable[] {
  const { name, classes } = dataset;
  const [, most] = shots;
  const least = { refuse: 0, skip: needed(most, queries), fewer: 2 }[small];
  const tooSmall = small === "refuse" && classes.find(({ size }) => size < needed(most, queries));
  const kept = classes.flatMap(({ size }, index) => {
    if (size < least) return [];
    const shares = sharesOf(size, most, queries);
    return [{ index, size, shots: shares.shots, queries: Math.min(shares.queries, mostQueries) }];
  });
  const count = kept.length;
  if (ways[1] > count) {
    const left = count < classes.length ? `, of which ${count} are large enough` : "";
    throw new OptionError(
      `episodes: ways must be at most the number of classes, got ${ways[1]} ways of ${classes.length} classes${left} (${name}); ` +
        `lower ways to ${count} or add ${left === "" ? "classes" : "examples"}`,
    );
  }
  if (tooSmall) {
    throw new DataError(
      `episodes: every class needs shots + queries = ${neededText(most, queries)} examples, ` +
        `got ${tooSmall.size} in class ${JSON.stringify(tooSmall.name)} (${name}); ` +
        `lower shots + queries to ${tooSmall.size}, or: ${waysOut("classes")}`,
    );
  }
  return kept;
}

class Episodes implements TaskSource {
  readonly name: string;
  readonly spec: TaskSpec;
  readonly specs: readonly TaskSpec[];
  readonly fingerprint: string;
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  private readonly least: number;
  /** Whether queries begin after the shots that a class uses, and not after the most that it could. */
  private readonly rest: boolean;
  private readonly drawable: readonly Drawable[];
  /** Numbers of an example, by column. */
  private readonly lengths: readonly (readonly [string, number])[];

  constructor(
    readonly dataset: Dataset,
    settings: Settings,
  ) {
    const { ways, shots, queries, mostQueries, small } = settings;
    this.drawable = drawableOf(dataset, settings);
    const most = (of: (each: Drawable) => number) => this.drawable.reduce((all, each) => Math.max(all, of(each)), 0);
    this.ways = ways[1];
    this.least = shots[0];
    this.shots = most((each) => each.shots);
    this.rest = queries === "rest";
    const left = (each: Drawable) => Math.min(mostQueries, each.size - Math.min(this.least, each.shots));
    this.queries = most(this.rest ? left : (each) => each.queries);
    const full = (each: Drawable) => each.shots === shots[1] && each.queries === this.queries;
    const weighted = shots[0] < shots[1] || !this.drawable.every(full);
    const range = ([from, to]: readonly [number, number]) => (from === to ? `${to}` : `${from} to ${to}`);
    this.name = `${dataset.name} ${range(ways)}-way ${range(shots)}-shot`;
    this.specs = Array.from({ length: ways[1] - ways[0] + 1 }, (_, i) => ({
      inputs: dataset.inputs,
      objective: classification(ways[0] + i),
      segments: [(ways[0] + i) * this.shots],
      queries: (ways[0] + i) * this.queries,
      ...(weighted ? { weighted: true } : {}),
    }));
    this.spec = this.specs[0] as TaskSpec;
    // Settings of later versions are left out where they change nothing: fingerprints stay what they were.
    const drawn = this.rest ? ["rest", Math.min(mostQueries, Number.MAX_SAFE_INTEGER)] : [queries as number];
    const unequal = shots[0] === shots[1] ? [] : [shots[0]];
    const changed = this.drawable.length < dataset.classes.length || (weighted && small === "fewer");
    const more = [...(ways[0] === ways[1] ? [] : ["ways", ways[0]]), ...(changed ? [small] : [])];
    this.fingerprint = hashValues("episodes", dataset.fingerprint, ways[1], shots[1], ...drawn, ...unequal, ...more);
    this.lengths = Object.entries(dataset.inputs).map(([name, shape]) => [name, sizeOf(shape)]);
  }

  classesOf(key: Key, spec = 0): number[] {
    return this.chosen(new Draw(key), this.waysOf(spec)).map(({ index }) => index);
  }

  private waysOf(spec: number): number {
    return (this.specs[spec] as TaskSpec).objective.outputs;
  }

  private chosen(draw: Draw, ways: number): Drawable[] {
    return draw.choose(ways, this.drawable.length).map((i) => this.drawable[i] as Drawable);
  }

  sample(key: Key, spec = 0, into?: Task): Episode | Promise<Episode> {
    const { least, rest } = this;
    const draw = new Draw(key);
    const picks = this.chosen(draw, this.waysOf(spec)).map(({ index, size, shots, queries }): Pick => {
      const taken = rest ? Math.min(size, shots + this.queries) : shots + queries;
      const examples = draw.choose(taken, size);
      const used = least >= shots ? shots : least + draw.below(shots - least + 1);
      const from = rest ? used : shots;
      return {
        index,
        support: examples.slice(0, used),
        queries: examples.slice(from, from + (rest ? this.queries : queries)),
      };
    });
    const places = () =>
      picks.flatMap(({ index, support, queries }) =>
        [...support, ...queries].map((example): Place => [index, example]),
      );
    return whenLoaded(this.dataset, places, (writer) => this.written(writer, picks, into as Episode | undefined));
  }

  private written(writer: Writer, picks: readonly Pick[], room: Episode | undefined): Episode {
    const support = room?.support ?? this.emptyBatch(picks.length * this.shots);
    const queries = room?.queries ?? this.emptyBatch(picks.length * this.queries);
    for (const [label, pick] of picks.entries()) {
      this.fill(writer, support, label, this.shots, pick.index, pick.support);
      this.fill(writer, queries, label, this.queries, pick.index, pick.queries);
    }
    return room ?? { segments: [support], support, queries };
  }

  private emptyBatch(rows: number): LabelledBatch {
    const columns = this.lengths.map(([name, length]) => [name, new Float32Array(rows * length)]);
    return {
      ...Object.fromEntries(columns),
      y: new Float32Array(rows),
      ...(this.spec.weighted ? { weight: new Float32Array(rows) } : {}),
    };
  }

  /** Writes examples as the `count` rows of one label; those beyond the examples are padding. */
  private fill(
    writer: Writer,
    batch: LabelledBatch,
    label: number,
    count: number,
    classIndex: number,
    examples: readonly number[],
  ): void {
    const used = examples.length;
    for (let i = 0; i < count; i++) {
      const row = label * count + i;
      const example = examples[i < used ? i : 0] as number;
      for (const [name, length] of this.lengths) {
        writer.write(name, classIndex, example, batch[name] as Float32Array, row * length);
      }
      batch.y[row] = label;
      if (batch.weight !== undefined) batch.weight[row] = i < used ? 1 : 0;
    }
  }
}

type Writer = { readonly write: Dataset["write"] };

/** The examples that an episode takes of a class. */
interface Pick {
  readonly index: number;
  readonly support: readonly number[];
  readonly queries: readonly number[];
}
