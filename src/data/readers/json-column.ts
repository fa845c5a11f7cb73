/** Columns of JSON values. */
import { show } from "../../arguments.ts";
import { sizeOf } from "../../graph/shape.ts";
import { type Column, listColumn, type Series } from "../table.ts";
import { NumberBlocks, Texts } from "./columns.ts";

type Kind = "number" | "text" | "lists";

/** A nested list of numbers. */
interface Nested {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** A column whose cells come one by one; the first one tells what it holds. */
export class JsonColumn {
  private kind: Kind | undefined;
  private readonly numbers = new NumberBlocks();
  private readonly texts = new Texts();
  private readonly lists: (Nested | null)[] = [];
  private size = 0;
  private first = "";

  constructor(private readonly fail: (place: string, problem: string) => never) {}

  push(value: unknown, row: number, place: string): void {
    if (value === null) return;
    const kind = kindOf(value);
    if (kind === undefined) {
      this.fail(
        place,
        `must be a number, a text, true, false, null or lists of numbers, got ${show(value)}; flatten it`,
      );
    }
    if (this.kind === undefined) this.first = place;
    this.kind ??= kind;
    if (kind !== this.kind)
      this.fail(place, `must be of one kind, got ${this.kind} in ${this.first} and ${show(value)}`);
    this.fill(row);
    this.add(this.kind === "lists" ? this.nested(value as unknown[], place) : (value as number | string | boolean));
  }

  column(size: number): Column {
    this.fill(size);
    if (this.kind === "text") return this.texts.column();
    return this.kind === "lists" ? listsColumn(this.lists, this.fail) : this.numbers.column();
  }

  /** Missing cells up to a row. */
  private fill(row: number): void {
    while (this.size < row) this.add(null);
  }

  private add(value: Nested | number | string | boolean | null): void {
    this.size++;
    if (this.kind === "text") this.texts.push(value as string | null);
    else if (this.kind === "lists") this.lists.push(value as Nested | null);
    else this.numbers.push(value === null ? Number.NaN : Number(value));
  }

  private nested(value: readonly unknown[], place: string): Nested {
    const shape: number[] = [];
    for (let at: unknown = value; Array.isArray(at); at = at[0]) shape.push(at.length);
    const values: number[] = [];
    const walk = (list: unknown, depth: number): void => {
      if (depth === shape.length) {
        if (typeof list === "number" && Number.isFinite(list)) values.push(list);
        else this.fail(place, `must have numbers in its lists, got ${show(list)}`);
      } else if (Array.isArray(list) && list.length === shape[depth] && list.length > 0) {
        for (const each of list) walk(each, depth + 1);
      } else {
        this.fail(
          place,
          `must have lists of one length, ${shape[depth] || "at least 1"}, at depth ${depth + 1}, got ${show(list)}`,
        );
      }
    };
    walk(value, 0);
    return { shape, values: Float64Array.from(values) };
  }
}

function kindOf(value: unknown): Kind | undefined {
  // JSON has no infinities, but 1e999 becomes one.
  if (typeof value === "number") return Number.isFinite(value) ? "number" : undefined;
  if (typeof value === "boolean") return "number";
  if (typeof value === "string") return "text";
  return Array.isArray(value) ? "lists" : undefined;
}

/** Lists of one shape, or series where only their lengths differ. */
function listsColumn(lists: readonly (Nested | null)[], fail: (place: string, problem: string) => never): Column {
  const first = lists.find((each) => each !== null) as Nested;
  const same = (a: readonly number[], b: readonly number[]) => a.join() === b.join();
  if (lists.every((each) => each === null || same(each.shape, first.shape))) {
    return { kind: "arrays", size: lists.length, shape: first.shape, at: (row) => lists[row]?.values ?? null };
  }
  const inner = first.shape.slice(1);
  const series = lists.map((each, i): Series | null => {
    if (each === null) return null;
    if (each.shape.length > 2 || !same(each.shape.slice(1), inner)) {
      fail(`row ${i + 1}`, `must have lists that differ in length only, got [${first.shape}] and [${each.shape}]`);
    }
    return { channels: sizeOf(inner), values: Float32Array.from(each.values) };
  });
  return listColumn("series", series);
}
