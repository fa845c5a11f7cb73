/**
 * A short, stable content hash that tells apart data and settings. It is not cryptographic: it guards against
 * mistakes and damage, not against someone who wants two different data sets to look alike.
 *
 * Two lanes of MurmurHash3 (Appleby, public domain: the 32-bit variant with the constants of the 32- and 128-bit
 * variants) over the same 32-bit words give 64 bits. Bytes are read as little-endian words on every machine.
 */
export class ContentHash {
  private first = 0x9747b28c | 0;
  private second = 0x3c6ef372 | 0;
  private count = 0;

  /** Adds one 32-bit word. */
  word(value: number): this {
    let a = Math.imul(value, 0xcc9e2d51);
    a = Math.imul((a << 15) | (a >>> 17), 0x1b873593);
    const x = this.first ^ a;
    this.first = (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
    let b = Math.imul(value, 0x239b961b);
    b = Math.imul((b << 16) | (b >>> 16), 0xab0e9789 | 0);
    const y = this.second ^ b;
    this.second = (Math.imul((y << 15) | (y >>> 17), 5) + 0x561ccd1b) | 0;
    this.count++;
    return this;
  }

  /** Adds 32-bit words, after their count. */
  words(values: Uint32Array): this {
    this.word(values.length);
    for (let i = 0; i < values.length; i++) this.word(values[i] as number);
    return this;
  }

  /** Adds the bits of f32 numbers, after their count. */
  floats(values: Float32Array): this {
    return this.words(new Uint32Array(values.buffer, values.byteOffset, values.length));
  }

  /** Adds bytes, after their count. */
  bytes(values: Uint8Array): this {
    const length = values.length;
    this.word(length);
    const whole = length - (length % 4);
    for (let i = 0; i < whole; i += 4) {
      const low = (values[i] as number) | ((values[i + 1] as number) << 8);
      this.word(low | ((values[i + 2] as number) << 16) | ((values[i + 3] as number) << 24));
    }
    let rest = 0;
    for (let i = length - 1; i >= whole; i--) rest = (rest << 8) | (values[i] as number);
    return this.word(rest);
  }

  /** Adds a number by its f64 bits, or a text by its UTF-16 code units after their count. */
  value(value: number | string): this {
    if (typeof value === "number") {
      const bits = new DataView(new ArrayBuffer(8));
      bits.setFloat64(0, value);
      return this.word(bits.getInt32(0)).word(bits.getInt32(4));
    }
    this.word(value.length);
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i));
    return this;
  }

  /** The hash of everything added so far: 16 hexadecimal digits. */
  digest(): string {
    return hex(finish(this.first ^ this.count)) + hex(finish(this.second ^ this.count));
  }
}

/** The hash of a list of numbers and texts, in order: 16 hexadecimal digits. */
export function hashValues(...values: readonly (number | string)[]): string {
  const hash = new ContentHash();
  for (const value of values) hash.value(value);
  return hash.digest();
}

/** A hash of arrays by name. */
export function hashArrays(arrays: Readonly<Record<string, Float32Array>>): string {
  const hash = new ContentHash();
  for (const name of Object.keys(arrays).sort()) hash.value(name).floats(arrays[name] as Float32Array);
  return hash.digest();
}

/** A 32-bit hash of a text's UTF-16 code units: FNV-1a, mixed by the last step of MurmurHash3. */
export function textHash(text: string): number {
  let h = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return finish(h);
}

function finish(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
