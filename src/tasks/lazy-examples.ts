import {
  isRecord,
  requireFunction,
  requireOptions,
  requireShapes,
  requireText,
  requireWhole,
  wrong,
} from "../arguments.ts";
import { DataError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { type Fact, type LazyExamples, requireExamples } from "./examples.ts";
import { ContentHash } from "./hash.ts";

/** The numbers of one row, by column. */
export type Decoded = Readonly<Record<string, ArrayLike<number>>>;

/** What `lazyExamples` takes. */
export interface LazyExampleOptions {
  readonly name: string;
  /** Shape of one example, by column. */
  readonly columns: Readonly<Record<string, Shape>>;
  /** What is known of every row without decoding it: at least one, whose length is the number of rows. */
  readonly facts: Readonly<Record<string, Fact>>;
  /** A text that changes when the contents do, such as names and sizes of files: nothing is decoded to make a hash. */
  readonly contents: string;
  /** The numbers of a row, which are decoded, read or fetched now. The same row must always give the same ones. */
  readonly decode: (row: number) => Decoded | Promise<Decoded>;
  /** How many decoded rows are kept, the latest ones; 1,000 by default. */
  readonly keep?: number;
}

/**
 * Examples that are decoded when a task needs them. Task sources of them give promises of tasks, which training and evaluation
 * await.
 * @throws OptionError for options of other types; when rows are loaded, DataError where `decode` gives other columns or lengths
 *   than it should, or numbers that are not finite
 */
export function lazyExamples(options: LazyExampleOptions): LazyExamples {
  requireOptions("lazyExamples", options, ["name", "columns", "facts", "contents", "decode", "keep"]);
  const { name, columns, facts, contents, decode, keep = 1000 } = options;
  requireText("lazyExamples: name", name);
  requireText("lazyExamples: contents", contents);
  requireShapes("lazyExamples: columns", columns);
  requireFunction("lazyExamples: decode", decode);
  requireWhole("lazyExamples: keep", keep, 0);
  const [first] = isRecord(facts) ? (Object.values(facts) as unknown[]) : [];
  if (!Array.isArray(first)) throw wrong("lazyExamples: facts", "lists of one value for each row, by name", facts);
  const hash = new ContentHash().value("lazy").value(name).value(contents);
  for (const [column, shape] of Object.entries(columns)) hash.value(column).words(Uint32Array.from(shape));
  for (const [fact, values] of Object.entries(facts)) {
    hash.value(fact);
    for (const value of values) hash.value(value);
  }
  const cache = new Latest((row) => decoded(name, columns, row, decode), keep);
  const examples: LazyExamples = {
    name,
    size: first.length,
    columns,
    facts,
    fingerprint: hash.digest(),
    write: () => {
      throw new DataError(`${name}: rows must be loaded before they are written; await examples.load(rows)`);
    },
    async load(rows) {
      const distinct = [...new Set(rows)];
      const found = new Map(await Promise.all(distinct.map(async (row) => [row, await cache.get(row)] as const)));
      return {
        write(column, row, out, offset) {
          out.set(found.get(row)?.[column] as Float32Array, offset);
        },
      };
    },
  };
  requireExamples("lazyExamples", examples);
  return examples;
}

/** A decoded row, checked. */
async function decoded(
  name: string,
  columns: Readonly<Record<string, Shape>>,
  row: number,
  decode: LazyExampleOptions["decode"],
): Promise<Readonly<Record<string, Float32Array>>> {
  const given = await decode(row);
  const checked = Object.entries(columns).map(([column, shape]) => {
    const data = given?.[column];
    const size = sizeOf(shape);
    if (data?.length !== size) {
      throw new DataError(
        `${name}: row ${row}: ${column} must have ${size} numbers [${shape.join(", ")}], got ${data?.length ?? "none"}`,
      );
    }
    const values = Float32Array.from(data);
    const odd = values.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0)
      throw new DataError(`${name}: row ${row}: ${column} must hold finite numbers, got ${data[odd]} at ${odd}`);
    return [column, values] as const;
  });
  return Object.fromEntries(checked);
}

/** The latest values of a function, so that what is asked for again soon is not made again. */
class Latest<T> {
  private readonly kept = new Map<number, Promise<T>>();

  constructor(
    private readonly make: (row: number) => Promise<T>,
    private readonly most: number,
  ) {}

  get(row: number): Promise<T> {
    const known = this.kept.get(row);
    const value = known ?? this.make(row);
    this.kept.delete(row);
    this.kept.set(row, value);
    // What failed may succeed the next time.
    if (known === undefined) value.catch(() => this.kept.delete(row));
    const [oldest] = this.kept.keys();
    if (this.kept.size > this.most && oldest !== undefined) this.kept.delete(oldest);
    return value;
  }
}
