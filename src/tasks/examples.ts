import { requireNumbers, requireObject, requireText, show, wrong } from "../arguments.ts";
import { DataError } from "../errors.ts";
import type { Shape } from "../graph/shape.ts";
import { ContentHash } from "./hash.ts";

/** What rows are told apart by: one value for each row. */
export type Fact = readonly (string | number)[];

/**
 * Examples as rows: numbers by column, and what is known of every row. Task sources draw from them: `within` the rows of
 * one person, `entities` with targets of their own, streams in the order of time. `byClass` makes the data set of classes
 * that `episodes` takes.
 *
 * An implementation never changes after it was made, and gives the same numbers on every machine.
 */
export interface Examples {
  readonly name: string;
  /** Rows. */
  readonly size: number;
  /** Shape of one example, by column: inputs, and targets where they are numbers. */
  readonly columns: Readonly<Record<string, Shape>>;
  /** A label, a group, an entity, a time, by name. */
  readonly facts: Readonly<Record<string, Fact>>;
  /** Hash of name, columns, facts and contents. */
  readonly fingerprint: string;
  /** Writes a column of one row, row-major f32 of its shape, to `out` from `offset` (in numbers) on. */
  write(column: string, row: number, out: Float32Array, offset: number): void;
  /**
   * Where rows must be fetched before they are written, as from a file: gives what writes these rows, which `write` of the
   * examples itself does not.
   */
  load?(rows: readonly number[]): Promise<Pick<Examples, "write">>;
}

/** Examples that are not in memory: tasks of them are promises. */
export type LazyExamples = Examples & Required<Pick<Examples, "load">>;

/** @throws OptionError, naming the operation, unless the value has the members of examples */
export function requireExamples(operation: string, value: unknown): asserts value is Examples {
  const rule = "examples, as preprocessing.examples(table, { … }) makes them";
  requireObject(`${operation}: examples`, value, rule, ["name", "size", "columns", "facts", "fingerprint", "write()"]);
  const { name, size, facts } = value as Examples;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw wrong(`${operation}: examples`, "at least one row", size);
  }
  for (const [fact, values] of Object.entries(facts)) {
    if (Array.isArray(values) && values.length === size) continue;
    throw new DataError(
      `${operation}: the fact ${fact} must have a value for each of ${size} rows, got ${values?.length} (${name})`,
    );
  }
}

/** The values of a fact. @throws OptionError for what is no name, DataError where rows have no such fact */
export function requireFact(what: string, { name, facts }: Examples, fact: unknown): Fact {
  const key = requireText(what, fact);
  const values = Object.hasOwn(facts, key) ? facts[key] : undefined;
  if (values !== undefined) return values;
  const known = Object.keys(facts).map(show).join(", ") || "none";
  throw new DataError(
    `${what} must be a fact of the examples, got ${show(key)}; ${name} has ${known}: name a column when they are made, as in examples(table, { ${key}: "…" })`,
  );
}

/** The values that occur, once each: numbers in their order, then texts in that of their UTF-16 code units. */
export function valuesOf(fact: Fact): (string | number)[] {
  const values = [...new Set(fact)];
  const numbers = values.filter((value) => typeof value === "number");
  const texts = values.filter((value) => typeof value === "string");
  return [...numbers.sort((a, b) => a - b), ...texts.sort()];
}

/** The rows of each value of a fact, in their order. */
export function rowsBy(fact: Fact, values: readonly (string | number)[]): number[][] {
  const places = new Map(values.map((value, i) => [value, i]));
  const rows: number[][] = values.map(() => []);
  for (const [row, value] of fact.entries()) rows[places.get(value) ?? -1]?.push(row);
  return rows;
}

/**
 * The examples of some rows, in the order given: a view.
 * @throws DataError for a row that does not exist, or that is named twice, and where there is none
 */
export function selectRows(examples: Examples, rows: ArrayLike<number>): Examples {
  requireExamples("selectRows", examples);
  const list = Array.from(requireNumbers("selectRows: rows", rows));
  const { size, name } = examples;
  if (list.length === 0) throw new DataError(`selectRows: there must be at least one row, got none (${name})`);
  const odd = list.find((row) => !Number.isSafeInteger(row) || row < 0 || row >= size);
  if (odd !== undefined) {
    throw new DataError(`selectRows: a row must be a whole number from 0 to ${size - 1}, got ${odd} (${name})`);
  }
  if (new Set(list).size < list.length) {
    const twice = list.find((row, i) => list.indexOf(row) < i);
    throw new DataError(`selectRows: a row must be named once, got twice ${twice} (${name})`);
  }
  return new Selected(examples, list);
}

/** Some rows of examples. */
class Selected implements Examples {
  readonly name: string;
  readonly size: number;
  readonly columns: Readonly<Record<string, Shape>>;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly fingerprint: string;
  readonly load?: Examples["load"] & {};
  /** What the rows are of: no selection itself. */
  readonly whole: Examples;
  /** Their numbers in it. */
  readonly rows: readonly number[];

  constructor(of: Examples, picked: readonly number[]) {
    const { whole, rows: all } = originOf(of);
    const rows = picked.map((row) => all[row] as number);
    this.whole = whole;
    this.rows = rows;
    this.name = whole.name;
    this.size = rows.length;
    this.columns = whole.columns;
    const facts = Object.entries(whole.facts).map(([name, fact]) => [name, rows.map((row) => fact[row])] as const);
    this.facts = Object.fromEntries(facts) as Record<string, Fact>;
    this.fingerprint = new ContentHash().value("rows").value(whole.fingerprint).words(Uint32Array.from(rows)).digest();
    if (whole.load !== undefined) this.load = (list) => this.loaded(list);
  }

  write(column: string, row: number, out: Float32Array, offset: number): void {
    this.whole.write(column, this.rows[row] as number, out, offset);
  }

  private async loaded(list: readonly number[]): Promise<Pick<Examples, "write">> {
    const { whole, rows } = this;
    const writer = await whole.load?.(list.map((row) => rows[row] as number));
    return { write: (column, row, out, offset) => writer?.write(column, rows[row] as number, out, offset) };
  }
}

/** How many rows two of them have in common. */
export function sharedRows(a: Examples, b: Examples): number {
  const [first, second] = [originOf(a), originOf(b)];
  if (first.whole.fingerprint !== second.whole.fingerprint) return 0;
  const known = new Set(first.rows);
  return second.rows.filter((row) => known.has(row)).length;
}

/** What examples are a selection of, told by its members: they may be of another entry's bundle. */
function originOf(examples: Examples): Pick<Selected, "whole" | "rows"> {
  const { whole, rows } = examples as Partial<Selected>;
  if (whole !== undefined && rows !== undefined) return { whole, rows };
  return { whole: examples, rows: Array.from({ length: examples.size }, (_, row) => row) };
}
