/** What features share: checked settings, cells of a row, and the parts of a fit. */
import { isRecord, LARGEST_F32, requireOptions, show, wrong } from "../../arguments.ts";
import { DataError, FormatError } from "../../errors.ts";
import type { Column } from "../table.ts";
import type { Fit, Row } from "./feature.ts";

/** Names of columns, then perhaps options: `("age", "pressure", { missing: 0 })`. */
export type ColumnsAnd<Options> = readonly string[] | readonly [...columns: string[], options: Options];

/** The columns and the options of a feature's arguments. @throws OptionError for no column, an unknown option or anything else */
export function columnsAnd<Options extends object>(
  kind: string,
  given: readonly unknown[],
  known: readonly (keyof Options & string)[],
): [readonly string[], Partial<Options>] {
  const last = given.at(-1);
  const columns = isRecord(last) ? given.slice(0, -1) : given;
  requireColumnNames(kind, columns);
  if (!isRecord(last)) return [columns, {}];
  requireOptions(kind, last, known);
  return [columns, last as Partial<Options>];
}

/** The one column of a feature. @throws OptionError unless it is a name */
export function requireColumn(kind: string, column: unknown): asserts column is string {
  if (typeof column !== "string" || column === "") throw wrong(`${kind}: column`, "the name of a column", column);
}

/** A feature's description: kind, columns, and the settings that are not at their defaults. */
export function describe(
  kind: string,
  columns: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  const told = Object.entries(settings).flatMap(([name, value]) => {
    const text = JSON.stringify(value);
    return text === undefined || text === JSON.stringify(defaults[name]) ? [] : [`${name} ${text}`];
  });
  return `${kind}(${[columns.join(", "), ...told].join("; ")})`;
}

/** @throws OptionError unless there is at least one name, and every one is text */
export function requireColumnNames(kind: string, columns: readonly unknown[]): asserts columns is readonly string[] {
  const sound = columns.length > 0 && columns.every((each) => typeof each === "string" && each !== "");
  if (!sound) throw wrong(`${kind}: columns`, "names of columns", columns);
}

/** The number in a row's column; null where it is missing. @throws DataError where it is no number that f32 can hold */
export function numberOf(row: Row, column: string): number | null {
  const cell = row(column);
  if (cell === null || (typeof cell === "number" && Math.abs(cell) <= LARGEST_F32)) return cell;
  throw new DataError(`${column} must be a finite number or missing, got ${show(cell)}`);
}

/** The text in a row's column; null where it is missing. @throws DataError where it is no text */
export function textOf(row: Row, column: string): string | null {
  const cell = row(column);
  if (cell === null || typeof cell === "string") return cell;
  throw new DataError(`${column} must be text or missing, got ${show(cell)}`);
}

/** The numbers of a column that are not missing. @throws DataError where there is none */
export function presentNumbers(kind: string, column: Column<"number">, name: string): number[] {
  const values: number[] = [];
  for (let row = 0; row < column.size; row++) {
    const value = column.at(row);
    if (value === null) continue;
    if (Math.abs(value) > LARGEST_F32) {
      throw new DataError(`${kind}: column ${show(name)}: row ${row} must have a finite number, got ${value}`);
    }
    values.push(value);
  }
  if (values.length === 0) {
    throw new DataError(
      `${kind}: column ${show(name)} must have a number in the training rows, got none; leave it out`,
    );
  }
  return values;
}

/** The array of a fit. @throws FormatError unless it has the length */
export function fitArray(kind: string, fit: Fit, name: string, length: number): Float32Array {
  const array = fit.arrays?.[name];
  if (array?.length === length) return array;
  throw new FormatError(`${kind}: the fit must have ${length} numbers as ${name}, got ${array?.length ?? "none"}`);
}

/** The names of a fit. @throws FormatError unless there are some and they are text */
export function fitNames(kind: string, fit: Fit, name: string): readonly string[] {
  const names: unknown = fit.names?.[name];
  if (Array.isArray(names) && names.every((each) => typeof each === "string")) return names;
  throw new FormatError(`${kind}: the fit must have a list of texts as ${name}, got ${show(names)}`);
}

/** The sum, in the order of the values. */
export function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
