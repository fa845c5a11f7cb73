/** A small file of each format that is read, and what reads it. */
import { encode as encodePng } from "fast-png";
import { gzipSync } from "fflate";
import { encode as encodeJpeg } from "jpeg-js";
import { encodeTensors } from "../../src/data/safetensors.ts";
import {
  csvRows,
  decodeImage,
  readCifar,
  readCsv,
  readIdx,
  readJson,
  readJsonLines,
  readNpy,
  readNpz,
  readParquet,
  readSafetensors,
  readWav,
} from "../../src/data.ts";
import { parquetOf } from "./parquet-file.ts";
import { Chance } from "./random.ts";

export interface FormatSample {
  readonly name: string;
  readonly files: readonly Uint8Array[];
  read(bytes: Uint8Array): Promise<unknown>;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const base64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

/** `numpy.save` of [[1.5, -2], [3, 4]], f8. */
export const NPY_F8 = base64(
  "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAD4PwAAAAAAAADAAAAAAAAACEAAAAAAAAAQQA==",
);
/** `numpy.savez_compressed` of x: numpy.arange(12) as >i2 [2, 2, 3], and y: [7, -8] as <i8. */
export const NPZ = base64(
  "UEsDBC0AAAAIAAAAIQDLfzzM//////////8FABQAeC5ucHkBABAAmAAAAAAAAABgAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6XaaSuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CkBkrKmjUKtAHuBiYGBgZGBiYGZgYWBlYGNgZ+Bg4GTgYuAGAFBLAwQtAAAACAAAACEA+ZsLtv//////////BQAUAHkubnB5AQAQAJAAAAAAAAAASwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAudgYI+PEfAgBQSwECLQMtAAAACAAAACEAy388zGAAAACYAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAACAAAACEA+ZsLtksAAACQAAAABQAAAAAAAAAAAAAAgAGXAAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAAGQEAAAAA",
);
/** `numpy.save` of numpy.arange(24) as <f4 [2, 3, 4] in Fortran order. */
export const NPY_FORTRAN = base64(
  "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAABAQQAAgEAAAIBBAAAAQQAAoEEAAIA/AABQQQAAoEAAAIhBAAAQQQAAqEEAAABAAABgQQAAwEAAAJBBAAAgQQAAsEEAAEBAAABwQQAA4EAAAJhBAAAwQQAAuEE=",
);
/** `numpy.save` of [True, False, True]. */
export const NPY_BOOL = base64(
  "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAE=",
);

/** An idx file of bytes or, with `type` 13, floats. */
export function idxOf(extents: readonly number[], values: readonly number[], type: 8 | 13 = 8): Uint8Array {
  const size = type === 8 ? 1 : 4;
  const bytes = new Uint8Array(4 + 4 * extents.length + size * values.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, type, extents.length]);
  for (const [i, extent] of extents.entries()) view.setUint32(4 + 4 * i, extent);
  for (const [i, value] of values.entries()) {
    const at = 4 + 4 * extents.length + size * i;
    if (type === 8) view.setUint8(at, value);
    else view.setFloat32(at, value);
  }
  return bytes;
}

/** A WAV file. @param code 1 for whole numbers, 3 for floats @param data bytes of the samples */
export function wavOf(code: number, channels: number, bits: number, data: Uint8Array, rate = 8000): Uint8Array {
  const bytes = new Uint8Array(44 + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8("RIFF"));
  view.setUint32(4, 36 + data.length, true);
  bytes.set(utf8("WAVEfmt "), 8);
  view.setUint32(16, 16, true);
  view.setUint16(20, code, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, (rate * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  bytes.set(utf8("data"), 36);
  view.setUint32(40, data.length, true);
  bytes.set(data, 44);
  return bytes;
}

export function pixels(seed: number, count: number): Uint8Array {
  const chance = new Chance(seed);
  return Uint8Array.from({ length: count }, () => chance.whole(0, 255));
}

export const SAFETENSORS = encodeTensors({
  tensors: {
    x: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    y: { shape: [2], data: Float32Array.of(7, 8) },
  },
  metadata: {},
});

const CSV = 'age,name,note\n63,"Ann, A.",x\n41,Bob,"two\nlines"\n?,Cyd,"say ""hi"""\n';
const RECORDS = [
  { age: 63, text: "first", series: [1, 2, 3], ok: true },
  { age: null, text: "sécond", series: [4, 5], nested: [[1], [2]] },
];

const parquet = parquetOf([
  { name: "a", type: "double", cells: [1.5, 2, -3] },
  { name: "b", type: "text", cells: ["x", null, "é"] },
  { name: "c", type: "int64", cells: [null, 7, -(2 ** 40)] },
]);

const pngs = [
  encodePng({ width: 5, height: 4, channels: 3, depth: 8, data: pixels(1, 60) }),
  encodePng({ width: 3, height: 3, channels: 2, depth: 16, data: new Uint16Array(18).fill(0x1234) }),
  encodePng({ width: 5, height: 4, channels: 1, depth: 8, data: pixels(1, 20) }, { interlace: "Adam7" }),
];
const jpegs = [1, 2].map((seed) =>
  Uint8Array.from(encodeJpeg({ width: 17, height: 9, data: pixels(seed, 17 * 9 * 4) }, 70 * seed - 60).data),
);

export const FORMATS: readonly FormatSample[] = [
  { name: "csv", files: [utf8(CSV), utf8(CSV.replaceAll("\n", "\r\n"))], read: (bytes) => readCsv(bytes) },
  {
    name: "csvRows",
    files: [utf8(CSV)],
    read: async (bytes) => {
      for await (const table of csvRows(bytes, { batch: 2 })) table.row(0);
    },
  },
  { name: "json", files: [utf8(JSON.stringify(RECORDS))], read: (bytes) => readJson(bytes) },
  {
    name: "jsonl",
    files: [utf8(RECORDS.map((each) => JSON.stringify(each)).join("\n"))],
    read: (bytes) => readJsonLines(bytes),
  },
  {
    name: "idx",
    files: [idxOf([2, 3, 4], [...pixels(3, 24)]), idxOf([5], [1, 2, 3, 4, 5]), idxOf([2, 2], [1, 2, 3, 4], 13)],
    read: (bytes) => readIdx(bytes),
  },
  { name: "idx.gz", files: [gzipSync(idxOf([20, 5, 5], [...pixels(3, 500)]))], read: (bytes) => readIdx(bytes) },
  {
    name: "cifar",
    files: [Uint8Array.from({ length: 2 * 3073 }, (_, i) => i % 10)],
    read: (bytes) => readCifar(bytes),
  },
  { name: "npy", files: [NPY_F8, NPY_FORTRAN, NPY_BOOL], read: (bytes) => readNpy(bytes) },
  { name: "npz", files: [NPZ], read: (bytes) => readNpz(bytes) },
  { name: "parquet", files: [parquet], read: (bytes) => readParquet(bytes) },
  { name: "safetensors", files: [SAFETENSORS], read: (bytes) => readSafetensors(bytes) },
  {
    name: "wav",
    files: [wavOf(1, 2, 16, pixels(4, 64)), wavOf(3, 1, 32, new Uint8Array(32)), wavOf(1, 1, 24, pixels(4, 33))],
    read: (bytes) => readWav(bytes),
  },
  { name: "png", files: pngs, read: (bytes) => decodeImage(bytes) },
  { name: "jpeg", files: jpegs, read: (bytes) => decodeImage(bytes) },
];
