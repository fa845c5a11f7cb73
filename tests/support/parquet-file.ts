/** Small Parquet files made by hand: plain pages of required or optional columns, one group of rows. */

/** A field of a structure: number, type of the compact protocol, bytes. */
type Field = readonly [id: number, type: number, bytes: readonly number[]];

const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
const whole = (value: number) => varint(value < 0 ? -2 * value - 1 : 2 * value);
const text = (value: string) => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...varint(bytes.length), ...bytes];
};
function struct(fields: readonly Field[]): number[] {
  let last = 0;
  const bytes = fields.flatMap(([id, type, value]) => {
    const head = ((id - last) << 4) | type;
    last = id;
    return [head, ...value];
  });
  return [...bytes, 0];
}
const list = (type: number, items: readonly (readonly number[])[]) => [
  ...(items.length < 15 ? [(items.length << 4) | type] : [0xf0 | type, ...varint(items.length)]),
  ...items.flat(),
];
const little = (bytes: number, set: (view: DataView) => void): number[] => {
  const view = new DataView(new ArrayBuffer(bytes));
  set(view);
  return [...new Uint8Array(view.buffer)];
};

/** A column: numbers as f64 or i64, or texts; one with a null is optional. */
export interface ParquetSample {
  readonly name: string;
  readonly type: "double" | "int64" | "text";
  readonly cells: readonly (number | string | null)[];
}

const TYPES = { double: 5, int64: 2, text: 6 } as const;

function plain(type: ParquetSample["type"], cell: number | string): number[] {
  if (type === "double") return little(8, (view) => view.setFloat64(0, cell as number, true));
  if (type === "int64") return little(8, (view) => view.setBigInt64(0, BigInt(cell), true));
  const bytes = [...new TextEncoder().encode(cell as string)];
  return [...little(4, (view) => view.setUint32(0, bytes.length, true)), ...bytes];
}

/** Definition levels: runs of one, after the length of all. */
function levels(cells: ParquetSample["cells"]): number[] {
  const runs = cells.flatMap((cell) => [...varint(2), cell === null ? 0 : 1]);
  return [...little(4, (view) => view.setUint32(0, runs.length, true)), ...runs];
}

/** The bytes of a file. @param rows as the metadata state them, where they lie */
export function parquetOf(columns: readonly ParquetSample[], rows = columns[0]?.cells.length ?? 0): Uint8Array {
  const bytes: number[] = [...new TextEncoder().encode("PAR1")];
  const chunks = columns.map(({ name, type, cells }) => {
    const optional = cells.includes(null);
    const present = cells.filter((cell): cell is number | string => cell !== null);
    const page = [...(optional ? levels(cells) : []), ...present.flatMap((cell) => plain(type, cell))];
    const dataHeader = struct([
      [1, I32, whole(cells.length)],
      [2, I32, whole(0)],
      [3, I32, whole(3)],
      [4, I32, whole(3)],
    ]);
    const header = struct([
      [1, I32, whole(0)],
      [2, I32, whole(page.length)],
      [3, I32, whole(page.length)],
      [5, STRUCT, dataHeader],
    ]);
    const offset = bytes.length;
    bytes.push(...header, ...page);
    const size = whole(header.length + page.length);
    const meta = struct([
      [1, I32, whole(TYPES[type])],
      [2, LIST, list(I32, [whole(0)])],
      [3, LIST, list(BINARY, [text(name)])],
      [4, I32, whole(0)],
      [5, I64, whole(cells.length)],
      [6, I64, size],
      [7, I64, size],
      [9, I64, whole(offset)],
    ]);
    return struct([
      [2, I64, whole(offset)],
      [3, STRUCT, meta],
    ]);
  });
  const schema = [
    struct([
      [4, BINARY, text("schema")],
      [5, I32, whole(columns.length)],
    ]),
    ...columns.map(({ name, type, cells }) =>
      struct([
        [1, I32, whole(TYPES[type])],
        [3, I32, whole(cells.includes(null) ? 1 : 0)],
        [4, BINARY, text(name)],
        ...(type === "text" ? [[6, I32, whole(0)] as const] : []),
      ]),
    ),
  ];
  const group = struct([
    [1, LIST, list(STRUCT, chunks)],
    [2, I64, whole(bytes.length)],
    [3, I64, whole(rows)],
  ]);
  const footer = struct([
    [1, I32, whole(1)],
    [2, LIST, list(STRUCT, schema)],
    [3, I64, whole(rows)],
    [4, LIST, list(STRUCT, [group])],
  ]);
  const end = [...little(4, (view) => view.setUint32(0, footer.length, true)), ...new TextEncoder().encode("PAR1")];
  return Uint8Array.from([...bytes, ...footer, ...end]);
}
