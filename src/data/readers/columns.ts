/** Columns that grow while a file is read. */
import { type Column, listColumn } from "../table.ts";

/** Rows for which a column whose kind is not known yet keeps the text that was read. */
const UNDECIDED_ROWS = 10_000;
/** Distinct texts of a column that are shared among its rows. */
const MOST_SHARED = 2 ** 16;
/** Small blocks: tables of few rows have them, too. */
const BLOCK_SHIFT = 10;
const BLOCK = 2 ** BLOCK_SHIFT;

/** Decimal numbers as JSON and R write them: no hexadecimal ones, no names of infinity, no separators. */
const NUMBER = /^[ \t]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t]*$/;

/** The number that a text is, or undefined where it is none that f64 can hold. */
export function parseNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Numbers in blocks of f64, which grow without copying; NaN is a missing one. */
export class NumberBlocks {
  private readonly blocks: Float64Array[] = [];
  size = 0;

  push(value: number): void {
    const at = this.size & (BLOCK - 1);
    if (at === 0) this.blocks.push(new Float64Array(BLOCK));
    (this.blocks[this.size >> BLOCK_SHIFT] as Float64Array)[at] = value;
    this.size++;
  }

  column(): Column<"number"> {
    const { blocks, size } = this;
    return {
      kind: "number",
      size,
      at: (row) => {
        const value = blocks[row >> BLOCK_SHIFT]?.[row & (BLOCK - 1)] ?? Number.NaN;
        return Number.isNaN(value) || row >= size ? null : value;
      },
    };
  }
}

/** Texts, of which equal ones are kept once while there are not too many. */
export class Texts {
  private readonly cells: (string | null)[] = [];
  private readonly shared = new Map<string, string>();

  push(text: string | null): void {
    this.cells.push(text === null ? null : this.share(text));
  }

  column(): Column<"text"> {
    return listColumn("text", this.cells);
  }

  private share(text: string): string {
    const known = this.shared.get(text);
    if (known !== undefined) return known;
    // A part of a long string may keep the whole of it in memory: this one is a string of its own.
    const own = ` ${text}`.slice(1);
    if (this.shared.size < MOST_SHARED) this.shared.set(own, own);
    return own;
  }
}

/** What a column of delimited text turned out to hold. */
export type Told = "number" | "text" | undefined;

/** A column of delimited text: numbers while every present cell is one, text otherwise. */
export class TextColumn {
  private numbers: NumberBlocks | undefined;
  private texts: Texts | undefined;
  /** Cells so far, of a column that may still become text. */
  private first: (string | null)[] | undefined;
  private anyNumber = false;

  /** @param told the kind, where the user says it */
  constructor(private readonly told: Told) {
    if (told === "text") this.texts = new Texts();
    else this.numbers = new NumberBlocks();
    if (told === undefined) this.first = [];
  }

  /**
   * Adds a cell; null is a missing one.
   * @returns what is wrong: a text where numbers are told, or one after so many numbers that their text is gone
   */
  push(cell: string | null): "told" | "late" | undefined {
    if (this.texts !== undefined) {
      this.texts.push(cell);
      return undefined;
    }
    const value = cell === null ? Number.NaN : parseNumber(cell);
    if (value === undefined) return this.becomeText(cell);
    if (cell !== null) this.anyNumber = true;
    this.numbers?.push(value);
    if (this.first !== undefined && this.first.push(cell) > UNDECIDED_ROWS && this.anyNumber) this.first = undefined;
    return undefined;
  }

  /** The kind, where there was a cell that says it. */
  get known(): Told {
    if (this.texts !== undefined) return "text";
    return this.told ?? (this.anyNumber ? "number" : undefined);
  }

  /** A column that has no cell at all is one of numbers. */
  column(): Column {
    return this.texts?.column() ?? (this.numbers as NumberBlocks).column();
  }

  private becomeText(cell: string | null): "told" | "late" | undefined {
    if (this.told === "number") return "told";
    if (this.first === undefined) return "late";
    this.texts = new Texts();
    for (const each of this.first) this.texts.push(each);
    this.texts.push(cell);
    this.first = undefined;
    this.numbers = undefined;
    return undefined;
  }
}
