/** Categories: text, or numbers that are codes. */
import { requireBoolean, requireOptions, requireWhole, show, wrong } from "../../arguments.ts";
import { DataError } from "../../errors.ts";
import { byCodeUnits, nameList } from "../names.ts";
import type { Column, Table } from "../table.ts";
import { type ColumnsAnd, columnsAnd, describe, fitNames, requireColumn } from "./cells.ts";
import type { Feature, Row } from "./feature.ts";

/** Options of `oneHot`. */
export interface OneHotOptions {
  /** Adds one number per column, which is 1 for a category that has no number of its own. Left out: such a row is all zeros. */
  readonly other?: boolean;
  /**
   * Keeps this many categories of a column, those of most training rows. Left out: all of them, and more than 4,096 are an
   * error.
   */
  readonly most?: number;
}

/** Categories of one column, where `most` is left out. */
const MOST_CATEGORIES = 4096;

/**
 * One number for each category of the training rows, 1 for the row's own and 0 for the others; categories of text are in
 * the order of their code units, codes by value. A missing cell is all zeros: see `isMissing`.
 * @throws DataError when fitted to a column without a category, or with too many
 */
export function oneHot(...columns: ColumnsAnd<OneHotOptions>): Feature {
  const [names, { other = false, most }] = columnsAnd<OneHotOptions>("oneHot", columns, ["other", "most"]);
  requireBoolean("oneHot: other", other);
  if (most !== undefined) requireWhole("oneHot: most", most, 1);
  return {
    description: describe("oneHot", names, { other, most }, { other: false }),
    reads: names,
    fit: (table) => ({
      names: Object.fromEntries(names.map((name, i) => [String(i), categoriesOf("oneHot", table, name, most)])),
    }),
    fitted(fit) {
      const known = names.map((name, i) => {
        const categories = fitNames("oneHot", fit, String(i));
        return { name, categories, places: placesOf(categories), width: categories.length + (other ? 1 : 0) };
      });
      return {
        shape: [known.reduce((sum, { width }) => sum + width, 0)],
        labels: known.flatMap(({ name, categories }) =>
          [...categories, ...(other ? ["(other)"] : [])].map((each) => `${name}=${each}`),
        ),
        write(row, out, offset) {
          let at = offset;
          for (const { name, categories, places, width } of known) {
            out.fill(0, at, at + width);
            const category = categoryOf(row, name);
            const place =
              category === null ? undefined : (places.get(category) ?? (other ? categories.length : undefined));
            if (place !== undefined) out[at + place] = 1;
            at += width;
          }
        },
      };
    },
  };
}

/** Options of `ordinal`. */
export interface OrdinalOptions {
  /** The categories from the first to the last; left out: those of the training rows, as `oneHot` orders them. */
  readonly order?: readonly (string | number)[];
}

/**
 * The place of a category in its order, from 0; -1 where the cell is missing or its category unknown.
 * @throws DataError when fitted to a column without a category, or with one that `order` lacks
 */
export function ordinal(column: string, options: OrdinalOptions = {}): Feature {
  requireColumn("ordinal", column);
  requireOptions("ordinal", options, ["order"]);
  const order = options.order?.length === 0 ? null : options.order;
  const isCategory = (each: unknown): boolean => typeof each === "string" || Number.isFinite(each);
  if (order !== undefined && !(Array.isArray(order) && order.every(isCategory))) {
    throw wrong("ordinal: order", "a list of categories: texts or numbers", options.order);
  }
  const given = order?.map(String);
  return {
    description: describe("ordinal", [column], { order: given }),
    reads: [column],
    fit(table) {
      const found = categoriesOf("ordinal", table, column, undefined);
      const unknown = given === undefined ? [] : found.filter((each) => !given.includes(each));
      if (unknown.length === 0) return { names: { order: given ?? found } };
      throw new DataError(
        `ordinal: order must list every category of column ${show(column)}, got none for ${nameList(unknown)}; add it, or correct the rows`,
      );
    },
    fitted(fit) {
      const places = placesOf(fitNames("ordinal", fit, "order"));
      return {
        shape: [1],
        labels: [column],
        write(row, out, offset) {
          const category = categoryOf(row, column);
          out[offset] = category === null ? -1 : (places.get(category) ?? -1);
        },
      };
    },
  };
}

/** 1 where the cell of a column is missing, 0 elsewhere; of columns of any kind. */
export function isMissing(...columns: readonly string[]): Feature {
  const [names] = columnsAnd<Record<string, never>>("isMissing", columns, []);
  return {
    description: describe("isMissing", names),
    reads: names,
    fit(table) {
      for (const name of names) table.column(name);
      return {};
    },
    fitted: () => ({
      shape: [names.length],
      labels: names.map((name) => `${name} missing`),
      write(row, out, offset) {
        for (const [i, name] of names.entries()) out[offset + i] = row(name) === null ? 1 : 0;
      },
    }),
  };
}

const placesOf = (categories: readonly string[]): ReadonlyMap<string, number> =>
  new Map(categories.map((each, place) => [each, place]));

/** A cell as a category; null where it is missing. */
function categoryOf(row: Row, column: string): string | null {
  const cell = row(column);
  if (cell === null || typeof cell === "string") return cell;
  if (typeof cell === "number") return String(cell);
  throw new DataError(`${column} must be text, a number or missing, got ${show(cell)}`);
}

/** The categories of a column, in order; the `most` most frequent of them. */
function categoriesOf(kind: string, table: Table, name: string, most: number | undefined): string[] {
  const column: Column = table.column(name);
  const counts = new Map<string, number>();
  for (let row = 0; row < column.size; row++) {
    const category = categoryOf(() => column.at(row), name);
    if (category !== null) counts.set(category, (counts.get(category) ?? 0) + 1);
    if (most === undefined && counts.size > MOST_CATEGORIES) {
      throw new DataError(
        `${kind}: column ${show(name)} must have at most ${MOST_CATEGORIES} categories, got more; set most, or leave it out`,
      );
    }
  }
  if (counts.size === 0) {
    throw new DataError(
      `${kind}: column ${show(name)} must have a category in the training rows, got none; leave it out`,
    );
  }
  const compare = column.kind === "number" ? (a: string, b: string) => Number(a) - Number(b) : byCodeUnits;
  const count = (each: string): number => counts.get(each) as number;
  const kept = [...counts.keys()].sort((a, b) => count(b) - count(a) || compare(a, b)).slice(0, most);
  return kept.sort(compare);
}
