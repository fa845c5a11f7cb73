import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Examples, Fact } from "../tasks/examples.ts";
import { ContentHash } from "../tasks/hash.ts";

/** Numbers that are made before it is decided how to keep them. */
const LARGEST_BLOCK = 2 ** 20;
const MOST_ROWS = 256;
/** Above this share of numbers that are not 0, rows are kept as they are: a number with its place takes twice the room. */
const SPARSE = 1 / 8;

/** Some rows of a column: all numbers, or those that are not 0 with their places in the row. */
interface Block {
  readonly values: Float32Array;
  readonly sparse?: {
    readonly places: Uint32Array;
    /** Where each row begins in `values`, and at the end their number. */
    readonly starts: Uint32Array;
  };
}

/**
 * Examples in memory, made once. Rows of which few numbers are not 0, such as bags of words, take the room of those alone.
 * @param write makes the numbers of a row: `Examples.write`
 */
export function heldExamples(
  name: string,
  size: number,
  columns: Readonly<Record<string, Shape>>,
  facts: Readonly<Record<string, Fact>>,
  write: Examples["write"],
): Examples {
  const hash = new ContentHash().value(name);
  const held = new Map<string, HeldColumn>();
  for (const [column, shape] of Object.entries(columns)) {
    hash.value(column);
    const make = (row: number, out: Float32Array, offset: number) => write(column, row, out, offset);
    held.set(column, new HeldColumn(size, sizeOf(shape), make, hash));
  }
  for (const [fact, known] of Object.entries(facts)) {
    hash.value(fact);
    for (const value of known) hash.value(value);
  }
  return {
    name,
    size,
    columns,
    facts,
    fingerprint: hash.digest(),
    write: (column, row, out, offset) => held.get(column)?.write(row, out, offset),
  };
}

/** One column of all rows. */
class HeldColumn {
  private readonly blocks: Block[] = [];
  private readonly rowsPerBlock: number;

  constructor(
    size: number,
    private readonly length: number,
    make: (row: number, out: Float32Array, offset: number) => void,
    hash: ContentHash,
  ) {
    this.rowsPerBlock = Math.max(1, Math.min(MOST_ROWS, Math.floor(LARGEST_BLOCK / length)));
    hash.word(size * length);
    const room = new Float32Array(Math.min(size, this.rowsPerBlock) * length);
    for (let from = 0; from < size; from += this.rowsPerBlock) {
      const rows = Math.min(this.rowsPerBlock, size - from);
      const values = room.subarray(0, rows * length);
      for (let i = 0; i < rows; i++) make(from + i, values, i * length);
      const bits = new Uint32Array(room.buffer, 0, values.length);
      for (let i = 0; i < bits.length; i++) hash.word(bits[i] as number);
      this.blocks.push(packed(values, bits, rows));
    }
  }

  write(row: number, out: Float32Array, offset: number): void {
    const { length, rowsPerBlock } = this;
    const { values, sparse } = this.blocks[Math.floor(row / rowsPerBlock)] as Block;
    const at = row % rowsPerBlock;
    if (sparse === undefined) {
      out.set(values.subarray(at * length, (at + 1) * length), offset);
      return;
    }
    out.fill(0, offset, offset + length);
    const { places, starts } = sparse;
    for (let i = starts[at] as number; i < (starts[at + 1] as number); i++) {
      out[offset + (places[i] as number)] = values[i] as number;
    }
  }
}

/** A copy of a block of rows in the smaller form. The bits tell 0 from -0, which is kept. */
function packed(values: Float32Array, bits: Uint32Array, rows: number): Block {
  let count = 0;
  for (let i = 0; i < bits.length; i++) if (bits[i] !== 0) count++;
  if (count > SPARSE * bits.length) return { values: values.slice() };
  const [kept, places, starts] = [new Float32Array(count), new Uint32Array(count), new Uint32Array(rows + 1)];
  const length = bits.length / rows;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let place = 0; place < length; place++) {
      if (bits[row * length + place] === 0) continue;
      kept[at] = values[row * length + place] as number;
      places[at++] = place;
    }
    starts[row + 1] = at;
  }
  return { values: kept, sparse: { places, starts } };
}
