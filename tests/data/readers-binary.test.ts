import { gzipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Column,
  readCifar,
  readIdx,
  readNpy,
  readNpz,
  readParquet,
  readSafetensors,
  readWav,
  type Sound,
} from "../../src/data.ts";
import { refused, rejected } from "../data-fixtures.ts";
import {
  base64,
  idxOf,
  NPY_BOOL,
  NPY_F8,
  NPY_FORTRAN,
  NPZ,
  pixels,
  SAFETENSORS,
  utf8,
  wavOf,
} from "../support/format-samples.ts";
import { parquetOf } from "../support/parquet-file.ts";

const test = suite("data: readers of binary formats");

const cellsOf = (column: Column | undefined) =>
  Array.from({ length: column?.size ?? 0 }, (_, row) => {
    const cell = column?.at(row) ?? null;
    return cell !== null && typeof cell === "object" ? Array.from(cell as ArrayLike<number>) : cell;
  });

test("idx: images and labels, gzipped or not, and arrays of floats", async () => {
  const values = pixels(3, 24);
  for (const pack of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => gzipSync(bytes)]) {
    const table = await readIdx(pack(idxOf([2, 3, 4], [...values])), pack(idxOf([2], [7, 9])));
    assert.equal(table.row(1), {
      x: { width: 4, height: 3, channels: 1, data: values.slice(12) },
      label: 9,
    });
  }
  const floats = await readIdx(idxOf([2, 2], [1.5, -2, 3, 0.25], 13));
  assert.equal(cellsOf(floats.columns.x), [
    [1.5, -2],
    [3, 0.25],
  ]);
});

test("idx: what does not fit its extents is refused before it is unpacked", async () => {
  const good = idxOf([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  await rejected(readIdx(good.slice(0, -1)), refused(/must have 24 bytes for its extents \[2, 2, 2\], got 23/));
  await rejected(
    readIdx(good, idxOf([3], [1, 2, 3])),
    refused(/must have as many labels as data has examples, 2, got 3/),
  );
  await rejected(readIdx(idxOf([70000, 70000, 70000], [])), refused(/must have from 1 to/));
  const bomb = gzipSync(Uint8Array.from([...good, ...new Uint8Array(10_000_000)]));
  await rejected(readIdx(bomb), refused(/must unpack to at most 24 bytes, got more/));
  const packed = gzipSync(good);
  packed[packed.length - 8] = (packed[packed.length - 8] as number) ^ 1;
  await rejected(readIdx(packed), refused(/must match its checksum/));
  await rejected(readIdx(utf8("PK\x03\x04")), refused(/must be an idx file/));
});

test("CIFAR: planes become pixels, labels are checked", async () => {
  const bytes = new Uint8Array(2 * 3074);
  bytes.set([3, 42]);
  for (let i = 0; i < 3072; i++) bytes[3074 + 2 + i] = i % 251;
  const table = await readCifar(bytes, { classes: 100 });
  const { image, ...labels } = table.row(1);
  assert.equal([table.row(0).coarse, table.row(0).fine, labels], [3, 42, { coarse: 0, fine: 0 }]);
  const { data } = image as { data: Uint8Array };
  assert.equal([...data.subarray(0, 6)], [0, 1024 % 251, 2048 % 251, 1, 1025 % 251, 2049 % 251]);
  bytes[3074] = 20;
  await rejected(readCifar(bytes, { classes: 100 }), refused(/row 2: coarse must be below 20, got 20/));
  await rejected(readCifar(bytes), refused(/must be whole images of 3073 bytes/));
});

test("NumPy: types, orders and shapes, against numpy's own files", async () => {
  assert.equal(cellsOf((await readNpy(NPY_F8)).columns.x), [
    [1.5, -2],
    [3, 4],
  ]);
  const fortran = (await readNpy(NPY_FORTRAN)).column("x", "arrays");
  assert.equal(fortran.shape, [3, 4]);
  assert.equal(
    cellsOf(fortran).flat(),
    Array.from({ length: 24 }, (_, i) => i),
  );
  assert.equal(cellsOf((await readNpy(NPY_BOOL)).columns.x), [1, 0, 1]);
  const archive = await readNpz(NPZ);
  assert.equal(cellsOf(archive.columns.x), [
    [0, 1, 2, 3, 4, 5],
    [6, 7, 8, 9, 10, 11],
  ]);
  assert.equal(cellsOf(archive.columns.y), [7, -8]);
  const picked = await readNpz(NPZ, { columns: { label: "y" } });
  assert.equal(Object.keys(picked.columns), ["label"]);
  await rejected(readNpz(NPZ, { columns: { label: "z" } }), refused(/there is no array "z"; it has "x", "y"/));
});

/** A .npy file of version 1. */
function npyOf(header: string, data: Uint8Array): Uint8Array {
  const text = utf8(header);
  return Uint8Array.from([0x93, ...utf8("NUMPY"), 1, 0, text.length, 0, ...text, ...data]);
}

test("NumPy: what cannot be numbers is refused", async () => {
  const of = (descr: string, shape: string, data: Uint8Array) =>
    readNpy(npyOf(`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`, data));
  await rejected(of("<i8", "(1,)", Uint8Array.of(1, 0, 0, 0, 0, 0, 32, 0)), refused(/must be within \+-2\^53/));
  await rejected(of("<U4", "(1,)", new Uint8Array(16)), refused(/must hold numbers of type/));
  await rejected(of("<f4", "(2,)", new Uint8Array(4)), refused(/must have 8 bytes for its shape \[2\], got 4/));
  await rejected(of("<f4", "()", new Uint8Array(4)), refused(/must have rows, got an array of shape \[\]/));
  await rejected(of("<f4", "(0, 3)", new Uint8Array(0)), refused(/must have rows/));
  await rejected(of("<f4", "(99999999999, 99999999999)", new Uint8Array(4)), refused(/at most \d+ numbers/));
  assert.equal(cellsOf((await of("<i8", "(1,)", Uint8Array.of(255, 255, 255, 255, 255, 255, 31, 0))).columns.x), [
    2 ** 53 - 1,
  ]);
});

test("Parquet: numbers, texts and missing cells", async () => {
  const table = await readParquet(
    parquetOf([
      { name: "a", type: "double", cells: [1.5, 2, -3] },
      { name: "b", type: "text", cells: ["x", null, "é"] },
      { name: "c", type: "int64", cells: [null, 7, -(2 ** 40)] },
    ]),
  );
  assert.equal(Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, cellsOf(column)])), {
    a: [1.5, 2, -3],
    b: ["x", null, "é"],
    c: [null, 7, -(2 ** 40)],
  });
});

test("Parquet: lies about sizes are refused", async () => {
  const columns = [{ name: "a", type: "int64", cells: [1, 2, 3] }] as const;
  await rejected(
    readParquet(parquetOf(columns, 1e9)),
    refused(/must have at most \d+ cells for its \d+ bytes, got 1000000000/),
  );
  await rejected(
    readParquet(parquetOf(columns, 4)),
    refused(/column "a" must have 4 values in a group of rows, got 3/),
  );
  await rejected(readParquet(parquetOf([...columns, ...columns])), refused(/columns of distinct names/));
  await rejected(
    readParquet(parquetOf([{ name: "a", type: "int64", cells: [2 ** 54] }])),
    refused(/row 1: column "a" must be a number or text/),
  );
  await rejected(
    readParquet(parquetOf([{ name: "a", type: "int64", cells: [] }])),
    refused(/at least one row|must have/),
  );
});

test("safetensors: arrays by name", async () => {
  const { columns } = await readSafetensors(SAFETENSORS);
  assert.equal(
    [cellsOf(columns.x), cellsOf(columns.y)],
    [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [7, 8],
    ],
  );
  await rejected(readSafetensors(SAFETENSORS.slice(0, -1)), refused(/^data: must be an intact file; .*cut short/));
});

test("WAV: whole numbers of 8 to 32 bits and floats, several channels, from -1 to 1", async () => {
  const floats = new Uint8Array(Float32Array.of(0.5, -1).buffer);
  const cases: [Uint8Array, number[]][] = [
    [wavOf(1, 1, 8, Uint8Array.of(0, 128, 192)), [-1, 0, 0.5]],
    [wavOf(1, 2, 16, Uint8Array.of(0, 0x80, 0, 0x40)), [-1, 0.5]],
    [wavOf(1, 1, 24, Uint8Array.of(0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff)), [-1, 0.5, -(2 ** -23)]],
    [wavOf(1, 1, 32, Uint8Array.of(0, 0, 0, 0x80, 0, 0, 0, 0x40)), [-1, 0.5]],
    [wavOf(3, 1, 32, floats), [0.5, -1]],
  ];
  for (const [bytes, samples] of cases) {
    const sound: Sound = await readWav(bytes);
    assert.equal([...sound.samples], samples);
    assert.is(sound.rate, 8000);
  }
  assert.is((await readWav(cases[1]?.[0] as Uint8Array)).channels, 2);
});

test("WAV: what is cut short, or of another kind, is refused", async () => {
  const good = wavOf(1, 2, 16, new Uint8Array(8));
  await rejected(readWav(good.slice(0, -1)), refused(/must have whole chunks, got one of 8 bytes/));
  await rejected(readWav(wavOf(1, 2, 16, new Uint8Array(6))), refused(/must have whole frames of 4 bytes, got 6/));
  await rejected(readWav(wavOf(6, 1, 8, new Uint8Array(2))), refused(/must be PCM .* got format 6 of 8 bits/));
  await rejected(readWav(wavOf(1, 1, 8, new Uint8Array(0))), refused(/at least one sample/));
  await rejected(
    readWav(wavOf(3, 1, 32, new Uint8Array(Float32Array.of(Number.NaN).buffer))),
    refused(/every sample must be finite, got NaN at 0/),
  );
  await rejected(readWav(base64("UklGRg==")), refused(/must be a WAV file/));
});

test.run();
