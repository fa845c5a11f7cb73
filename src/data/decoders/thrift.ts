/**
 * The compact protocol of Thrift, as far as Parquet has it, for untrusted bytes: numbers of at most 10 bytes, lists no longer than
 * what is left of the bytes, nothing nested deeper than 16.
 * Format: Apache Thrift, doc/specs/thrift-compact-protocol.md.
 */

/** Fields of a structure by their number. */
export type Fields = ReadonlyMap<number, unknown>;

const DEEPEST = 16;
const LONGEST_NUMBER = 10;

/**
 * Reads the structure that begins at `start`. Whole numbers become numbers, rounded beyond 2^53.
 * @returns its fields, and the byte behind it; undefined where the bytes are no such structure
 */
export function thriftFields(bytes: Uint8Array, start: number): { fields: Fields; end: number } | undefined {
  const reader = new Reader(bytes, start);
  const fields = reader.structure(0);
  return fields === undefined ? undefined : { fields, end: reader.at };
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  structure(depth: number): Fields | undefined {
    if (depth > DEEPEST) return undefined;
    const fields = new Map<number, unknown>();
    let id = 0;
    for (;;) {
      const head = this.bytes[this.at++];
      if (head === undefined) return undefined;
      if ((head & 15) === 0) return fields;
      const delta = head >> 4;
      const given = delta === 0 ? this.whole() : id + delta;
      if (given === undefined) return undefined;
      id = given;
      const value = this.value(head & 15, depth, false);
      if (value === undefined) return undefined;
      fields.set(id, value);
    }
  }

  private value(type: number, depth: number, listed: boolean): unknown {
    if (type === 1 || type === 2) return listed ? this.skip(1) : type === 1;
    if (type === 3) return this.skip(1);
    if (type >= 4 && type <= 6) return this.whole();
    if (type === 7) return this.skip(8);
    if (type === 8) return this.text();
    if (type === 9) return this.list(depth);
    return type === 12 ? this.structure(depth + 1) : undefined;
  }

  private list(depth: number): unknown {
    const head = this.bytes[this.at++];
    if (head === undefined || depth > DEEPEST) return undefined;
    const size = head >> 4 === 15 ? this.number() : head >> 4;
    if (size === undefined || size > this.bytes.length - this.at) return undefined;
    const values: unknown[] = [];
    for (let i = 0; i < size; i++) {
      const value = this.value(head & 15, depth + 1, true);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  private skip(count: number): number | undefined {
    this.at += count;
    return this.at <= this.bytes.length ? 0 : undefined;
  }

  private text(): string | undefined {
    const length = this.number();
    if (length === undefined || this.at + length > this.bytes.length) return undefined;
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  /** A number whose lowest bit is its sign. */
  private whole(): number | undefined {
    const folded = this.number();
    return folded === undefined ? undefined : folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  private number(): number | undefined {
    let [value, scale] = [0, 1];
    for (let i = 0; i < LONGEST_NUMBER; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) return undefined;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    return undefined;
  }
}
