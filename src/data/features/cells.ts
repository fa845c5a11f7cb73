/** What features share: checked settings, cells of a row, and the parts of a fit. */
import { show, wrong } from "../../arguments.ts";
import { DataError, FormatError } from "../../errors.ts";
import type { Column } from "../table.ts";
import type { Fit, Row } from "./feature.ts";

/** @throws OptionError unless there is at least one name, and every one is text */
export function requireColumnNames(kind: string, columns: readonly unknown[]): asserts columns is readonly string[] {
  const sound = columns.length > 0 && columns.every((each) => typeof each === "string" && each !== "");
  if (!sound) throw wrong(`${kind}: columns`, "names of columns", columns);
}

/** The number in a row's column; null where it is missing. @throws DataError where it is no number */
export function numberOf(row: Row, column: string): number | null {
  const cell = row(column);
  if (cell === null || typeof cell === "number") return cell;
  throw new DataError(`${column} must be a number or missing, got ${show(cell)}`);
}

/** The numbers of a column that are not missing. @throws DataError where there is none */
export function presentNumbers(kind: string, column: Column<"number">, name: string): number[] {
  const values: number[] = [];
  for (let row = 0; row < column.size; row++) {
    const value = column.at(row);
    if (value !== null) values.push(value);
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

/** The sum, in the order of the values. */
export function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
