/** The file format of checkpoints: held to a parser written from its specification, and fed with damage. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTensors, encodeTensors, type ShapedArray, type TensorFile } from "../../src/data/safetensors.ts";
import { FormatError, OptionError, ShapeError } from "../../src/errors.ts";
import { ContentHash } from "../../src/tasks/hash.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { restore } from "../../src/train/trained.ts";
import { sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { MemoryStore, sameBytes, smallMaml } from "./support.ts";

const test = suite("safetensors");

/** The format from its specification: u64 length, JSON, then bytes; offsets count from the end of the header. */
function parsePlainly(bytes: Uint8Array) {
  const buffer = Buffer.from(bytes);
  const headerBytes = Number(buffer.readBigUInt64LE(0));
  const text = buffer.toString("utf8", 8, 8 + headerBytes);
  const { __metadata__: metadata, ...entries } = JSON.parse(text) as Record<string, Record<string, unknown>>;
  const ranges: [number, number][] = [];
  const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets: range }]) => {
    const [from, to] = range as [number, number];
    ranges.push([from, to]);
    const floats = Array.from({ length: (to - from) / 4 }, (_, i) =>
      buffer.readFloatLE(8 + headerBytes + from + 4 * i),
    );
    return [name, { dtype, shape, floats }] as const;
  });
  return { headerBytes, text, metadata, tensors: Object.fromEntries(tensors), ranges, size: buffer.length };
}

const SPECIAL = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-45, 3.4e38, 1 / 3];

function fileOf(chance: Chance): TensorFile {
  const names = ["a", "10", "2", "weights.0", "ünïcode ✓", 'quo"te\\', "", "constructor", "toString"];
  const tensors = chance.order(names.length).map((at) => {
    const shape = Array.from({ length: chance.whole(0, 3) }, () => chance.whole(chance.chance(0.1) ? 0 : 1, 4));
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = Float32Array.from({ length: size }, () =>
      chance.chance(0.2) ? chance.pick(SPECIAL) : chance.uniform(-1e6, 1e6),
    );
    return [names[at] as string, { shape, data }] as const;
  });
  const metadata = Object.fromEntries(["format", "ключ", "3"].map((name) => [name, `value of ${name} "\n`]));
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** The checksum from its description: metadata by name after their count, then tensors by name, each with shape and bits. */
function plainChecksum({ tensors, metadata }: TensorFile): string {
  const hash = new ContentHash().word(Object.keys(metadata).length);
  for (const [name, value] of Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.value(name).value(value);
  for (const [name, { shape, data }] of Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.value(name).value(shape.join(",")).word(data.length);
    const words = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < words.length; at += 4) hash.word(words.readInt32LE(at));
  }
  return hash.digest();
}

function requireSame(actual: TensorFile, expected: TensorFile): void {
  assert.equal(actual.metadata, expected.metadata);
  assert.equal(Object.keys(actual.tensors).sort(), Object.keys(expected.tensors).sort());
  for (const [name, { shape, data }] of Object.entries(expected.tensors)) {
    assert.equal(actual.tensors[name]?.shape, shape);
    assert.ok(sameBits(actual.tensors[name]?.data ?? [], data), name);
  }
}

test("files are what the specification says, byte by byte, and read back", () => {
  const chance = new Chance(1);
  for (let round = 0; round < 60; round++) {
    const file = fileOf(chance);
    const bytes = encodeTensors(file);
    const plain = parsePlainly(bytes);
    assert.is(plain.headerBytes % 8, 0, "aligned");
    assert.match(plain.text, /^\{.*\} *$/);
    assert.equal(plain.metadata, { ...file.metadata, checksum: plainChecksum(file) });
    assert.equal(Object.keys(plain.tensors).sort(), Object.keys(file.tensors).sort());
    for (const [name, { dtype, shape, floats }] of Object.entries(plain.tensors)) {
      assert.equal([dtype, shape], ["F32", file.tensors[name]?.shape]);
      assert.ok(sameBits(floats, file.tensors[name]?.data ?? []), name);
    }
    // No hole, no overlap, nothing behind.
    const ends = plain.ranges.sort(([a, b], [c, d]) => a - c || b - d);
    assert.is(ends.at(-1)?.[1] ?? 0, plain.size - 8 - plain.headerBytes);
    for (const [i, [from]] of ends.entries()) assert.is(from, ends[i - 1]?.[1] ?? 0);
    requireSame(decodeTensors(bytes), file);
    assert.ok(sameBytes(bytes, encodeTensors(decodeTensors(bytes))), "written again, the same bytes");
    // A view into the middle of a larger buffer is read as well.
    const roomy = new Uint8Array(bytes.length + 7);
    roomy.set(bytes, 3);
    requireSame(decodeTensors(roomy.subarray(3, 3 + bytes.length)), file);
  }
});

/** A file from a header as it stands. */
function rawFile(header: string, data: readonly number[] = []): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + 4 * data.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  for (const [i, value] of data.entries()) view.setFloat32(8 + json.length + 4 * i, value, true);
  return bytes;
}

test("names that an object inherits are names like any other", () => {
  const file = rawFile('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', [7]);
  const { tensors } = decodeTensors(file);
  assert.equal(Object.keys(tensors), ["__proto__"]);
  assert.is(Object.getOwnPropertyDescriptor(tensors, "__proto__")?.value.data[0], 7);
  assert.equal(parsePlainly(encodeTensors({ tensors, metadata: {} })).tensors, parsePlainly(file).tensors);
});

test("a header may list the tensors in any order, as other writers do", () => {
  const entry = (from: number, to: number) =>
    `{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`;
  const { tensors, metadata } = decodeTensors(
    rawFile(`{"late":${entry(8, 12)},"none":${entry(8, 8)},"early":${entry(0, 8)}}`, [1, 2, 3]),
  );
  assert.equal(metadata, {});
  assert.equal(
    [tensors.early?.data, tensors.late?.data, tensors.none?.data].map((each) => [...(each ?? [])]),
    [[1, 2], [3], []],
  );
  // Integer-like names come first in a JavaScript object, wherever they stand in the file.
  const numbered = decodeTensors(rawFile(`{"b":${entry(0, 4)},"1":${entry(4, 8)}}`, [5, 6])).tensors;
  assert.equal([numbered.b?.data[0], numbered["1"]?.data[0]], [5, 6]);
});

const good = '"dtype":"F32","shape":[2],"data_offsets":[0,8]';
const refusals: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  "no bytes": [new Uint8Array(0), "0 bytes"],
  "seven bytes": [new Uint8Array(7), "7 bytes"],
  "a header of 2^64 - 1 bytes": [new Uint8Array(16).fill(0xff), "does not fit"],
  "a header of 90 MB": [rawFile(`{"x":[${"[],".repeat(30_000_000)}0]}`), "at most 2097152 bytes"],
  "100,000 tensors": [
    rawFile(`{${Array.from({ length: 100_000 }, (_, i) => `"${i.toString(36)}":0`).join(",")}}`),
    "at most 16384 tensors, got 100000",
  ],
  "a header beyond the file": [rawFile("{}").fill(3, 0, 1), "does not fit"],
  "a header that is not JSON": [rawFile("{"), "not JSON"],
  "an empty header": [rawFile(""), "not JSON"],
  "a header that is a list": [rawFile("[]"), "not an object"],
  "a header that is null": [rawFile("null"), "not an object"],
  "a header that is a number": [rawFile("3"), "not an object"],
  "metadata that are not strings": [rawFile('{"__metadata__":{"a":1}}'), "metadata"],
  "metadata that are a list": [rawFile('{"__metadata__":["a"]}'), "metadata"],
  "metadata that are a string": [rawFile('{"__metadata__":"a"}'), "metadata"],
  "an entry that is null": [rawFile('{"x":null}'), "dtype"],
  "an entry that is a string": [rawFile('{"x":"F32"}'), "dtype"],
  "another dtype": [rawFile('{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}', [0]), "F16"],
  "no shape": [rawFile('{"x":{"dtype":"F32","data_offsets":[0,8]}}', [1, 2]), "tensor x"],
  "no range": [rawFile('{"x":{"dtype":"F32","shape":[2]}}', [1, 2]), "tensor x"],
  "a range of three": [rawFile('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}', [1, 2]), "tensor x"],
  "a shape of text": [rawFile('{"x":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}', [1, 2]), "tensor x"],
  "a negative extent": [rawFile('{"x":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}', [1, 2]), "tensor x"],
  "a fractional extent": [rawFile('{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}}', [1, 2]), "tensor x"],
  "a range that runs backwards": [
    rawFile('{"x":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}}', [1, 2]),
    "tensor x",
  ],
  "a shape that overflows": [
    rawFile(`{"x":{"dtype":"F32","shape":[${Array(40).fill(9e15)}],"data_offsets":[0,8]}}`, [1, 2]),
    "byte range",
  ],
  "a range larger than the shape": [
    rawFile('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}', [1, 2]),
    "byte range",
  ],
  "data cut short": [rawFile(`{"x":{${good}}}`, [1]), "cut short"],
  "data left over": [rawFile(`{"x":{${good}}}`, [1, 2, 3]), "follow"],
  "a hole": [rawFile(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, [1, 2]), "byte 4 instead of 0"],
  "two tensors in one place": [rawFile(`{"x":{${good}},"y":{${good}}}`, [1, 2]), "byte 0 instead of 8"],
};
for (const [what, [bytes, part]] of Object.entries(refusals)) {
  test(`refused: ${what}`, () => {
    throwsA(FormatError, () => decodeTensors(bytes), part);
  });
}

test("what cannot be read back is not written", () => {
  const one = { shape: [1], data: Float32Array.of(1) };
  throwsA(OptionError, () => encodeTensors({ tensors: { __metadata__: one }, metadata: {} }), "__metadata__");
  throwsA(ShapeError, () => encodeTensors({ tensors: { x: { ...one, shape: [2] } }, metadata: {} }), "tensor x");
  for (const [metadata, part] of [
    [{ run: 3 }, "metadata.run must be a string, got 3"],
    [{ run: { task: "sinusoid" } }, "metadata.run must be a string, got { task }"],
    [{ run: null }, "metadata.run must be a string, got null"],
    [{ run: undefined }, "metadata.run must be a string, got undefined"],
    [["a"], "metadata must be an object of strings"],
    ["a", "metadata must be an object of strings"],
    [null, "metadata must be an object of strings"],
    [{ checksum: "0" }, "the name checksum is taken"],
    [{ long: "x".repeat(2 ** 21) }, "at most 2097152 bytes"],
  ] as const) {
    throwsA(OptionError, () => encodeTensors({ tensors: {}, metadata: metadata as never }), part);
  }
  const many = Object.fromEntries(Array.from({ length: 2 ** 14 + 1 }, (_, i) => [`${i}`, one]));
  throwsA(OptionError, () => encodeTensors({ tensors: many, metadata: {} }), "16384 tensors");
  throwsA(
    OptionError,
    () => encodeTensors({ tensors: { x: { ...one, data: [1] as never } }, metadata: {} }),
    "tensor x",
  );
});

test("the header of a hostile file takes a bounded amount of memory", async () => {
  const child = fileURLToPath(new URL("./header-memory-child.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", child]);
  const { refused, mebibytes } = JSON.parse(stdout) as { refused: number; mebibytes: number };
  assert.is(refused, 4);
  console.log(`\nnote: reading headers of the largest size takes ${mebibytes} MiB`);
  assert.ok(mebibytes < 400, `${mebibytes} MiB`);
});

test("a file without a checksum is read, and says so; one that does not match is refused", () => {
  const file = rawFile(`{"__metadata__":{"by":"another tool"},"x":{${good}}}`, [1, 2]);
  assert.equal([decodeTensors(file).checked, decodeTensors(encodeTensors(decodeTensors(file))).checked], [false, true]);
  const stated = rawFile(`{"__metadata__":{"checksum":"0123456789abcdef"},"x":{${good}}}`, [1, 2]);
  throwsA(FormatError, () => decodeTensors(stated), "checksum 0123456789abcdef", "damaged or changed");
});

/** A real checkpoint, small enough that every truncation can be tried. */
const store = new MemoryStore();
const trained = await metaTrain(smallMaml([2]), sinusoid({ shots: 2, queries: 2 }), {
  iterations: 2,
  metaBatch: 2,
  checkpoint: { store, every: 1 },
});
const checkpoint = store.last;

/** Reads damaged bytes: a file all the same, or a FormatError; anything else is a failure. */
function outcome(bytes: Uint8Array): "read" | "refused" {
  try {
    const { tensors } = decodeTensors(bytes);
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      assert.is(
        data.length,
        shape.reduce((product, extent) => product * extent, 1),
        `${name} does not have its shape`,
      );
    }
  } catch (error) {
    assert.instance(error, FormatError);
    throwsA(FormatError, () => decodeCheckpoint(bytes));
    return "refused";
  }
  try {
    const { iteration } = decodeCheckpoint(bytes);
    assert.ok(Number.isSafeInteger(iteration) && iteration >= 0, `iteration ${iteration}`);
  } catch (error) {
    assert.instance(error, FormatError);
  }
  return "read";
}

test("a checkpoint cut short anywhere, or with bytes behind, is refused", () => {
  assert.is(outcome(checkpoint), "read");
  for (let length = 0; length < checkpoint.length; length++) {
    assert.is(outcome(checkpoint.subarray(0, length)), "refused", `${length} bytes`);
  }
  for (const extra of [1, 4, 64])
    assert.is(outcome(Uint8Array.from([...checkpoint, ...Array(extra).fill(0)])), "refused");
});

test("a checkpoint with one bit changed is refused, wherever it is", () => {
  // Every third: all places of a byte, and any damage of three bits in a row.
  for (let bit = 0; bit < 8 * checkpoint.length; bit += 3) {
    const bytes = checkpoint.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    throwsA(FormatError, () => decodeCheckpoint(bytes));
  }
});

test("a checkpoint holds finite numbers alone: another is refused with the tensor's name", () => {
  const { tensors, metadata } = decodeTensors(checkpoint);
  for (const name of Object.keys(tensors)) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Math.fround(-1e39)]) {
      const { shape, data } = tensors[name] as ShapedArray;
      const changed = { ...tensors, [name]: { shape, data: data.with(data.length - 1, value) } };
      const bytes = encodeTensors({ tensors: changed, metadata });
      throwsA(FormatError, () => decodeCheckpoint(bytes), name, `got ${value} at ${data.length - 1}`);
      if (name.startsWith("meta.")) throwsA(FormatError, () => restore(smallMaml([2]), bytes), name);
    }
  }
});

test("thousands of damaged checkpoints: each is read or refused", () => {
  const chance = new Chance(2);
  const headerEnd = 8 + Number(Buffer.from(checkpoint).readBigUInt64LE(0));
  const counts = { read: 0, refused: 0 };
  for (let round = 0; round < 6000; round++) {
    let bytes = checkpoint.slice();
    for (let times = chance.whole(1, 3); times > 0; times--) {
      // Most of the damage to the header: the numbers may be anything.
      const at = chance.chance(0.9) ? chance.whole(0, headerEnd - 1) : chance.whole(0, bytes.length - 1);
      const kind = chance.whole(0, 4);
      if (kind === 0) bytes[at] = (bytes[at] as number) ^ (1 << chance.whole(0, 7));
      else if (kind === 1) bytes[at] = chance.whole(0, 255);
      else if (kind === 2) bytes[at] = chance.pick([...'0123456789-{}[],:"\\ '].map((each) => each.charCodeAt(0)));
      else if (kind === 3)
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + chance.whole(1, 8))]);
      else bytes.copyWithin(at, chance.whole(0, headerEnd - 1), chance.whole(0, headerEnd));
    }
    counts[outcome(bytes)]++;
  }
  assert.ok(counts.read > 200 && counts.refused > 2000, JSON.stringify(counts));
});

test("a checkpoint's position is a whole number from 0", () => {
  const { tensors, metadata } = decodeTensors(checkpoint);
  for (const iteration of ["-1", "1.5", "", "x", "Infinity", "1e400", " 2", "0x2"]) {
    const bytes = encodeTensors({ tensors, metadata: { ...metadata, iteration } });
    throwsA(FormatError, () => decodeCheckpoint(bytes), "iteration");
  }
  const { iteration, ...rest } = metadata;
  assert.is(iteration, "2");
  throwsA(FormatError, () => decodeCheckpoint(encodeTensors({ tensors, metadata: rest })), "iteration");
  throwsA(FormatError, () => decodeCheckpoint(encodeTensors({ tensors, metadata: { iteration: "2" } })), "format");
  assert.is(trained.iterations, 2);
});

test.run();
