/** Tasks of every source of examples, and what readers make of small files: the same bits in all runtimes. */
import { fold, keyOf, type Task, type TaskSource } from "quickstudy";
import {
  byClass,
  classIncremental,
  decodeImage,
  type Examples,
  entities,
  folds,
  jumpingSinusoid,
  numbers,
  once,
  preprocess,
  readCsv,
  readIdx,
  readJsonLines,
  readWav,
  sequence,
  splitExamples,
  stream,
  tableOf,
  within,
} from "quickstudy/data";
import { joined, type Outputs, uniform } from "./made-up.ts";

/** 96 rows of four people, six labels and two numbers to predict. */
function people(): Examples {
  const count = 96;
  const table = tableOf({
    a: uniform(50, count, -3, 3),
    b: uniform(51, count, 0, 9),
    level: uniform(52, count, 90, 140),
    who: Array.from({ length: count }, (_, i) => `person ${i % 4}`),
    what: Array.from({ length: count }, (_, i) => Math.floor(i / 4) % 6),
    when: Array.from({ length: count }, (_, i) => (i * 37) % count),
  });
  const facts = { label: "what", group: "who", entity: "who", time: "when", targets: "level" } as const;
  return preprocess({ x: numbers("a", "b") })
    .fit(table)
    .examples(table, facts);
}

const columnsOf = ({ segments, queries }: Task): Float32Array[] =>
  [...segments, queries].flatMap((batch) => Object.values(batch));

/** All columns of the tasks of three keys. */
async function drawn(source: TaskSource): Promise<Float32Array> {
  const tasks = await Promise.all([0, 1, 2].map((i) => source.sample(fold(keyOf(9), i), i % source.specs.length)));
  return joined(tasks.flatMap(columnsOf));
}

/** Tasks of every source. */
export async function sources(): Promise<Outputs> {
  const examples = people();
  const byPerson = within(examples, { label: "label", group: "group", shots: 1, queries: 2 });
  const visited: Float32Array[] = [];
  for await (const task of once(byPerson).tasks) visited.push(...columnsOf(task));
  const classes = byClass(examples);
  const { train } = splitExamples(examples, { by: "group", parts: { train: ["person 1", "person 3"] } });
  const [first] = folds(classes, { count: 3, seed: 4 });
  const jumps = jumpingSinusoid({ every: 3, curves: 2, size: 3 });
  return {
    within: await drawn(byPerson),
    once: joined(visited),
    entities: await drawn(entities(examples, { shots: 3, queries: 4 })),
    stream: await drawn(stream(examples, { time: "time", size: 4, segments: 3, group: "group" })),
    incremental: await drawn(classIncremental(classes, { classes: 4, perStep: 2, shots: 2, queries: 1 })),
    jumps: await drawn(jumps),
    sequence: await drawn(sequence(byPerson, { tasks: 2 })),
    split: await drawn(within(train, { label: "label", group: "group", shots: 2, queries: 1 })),
    fold: first === undefined ? new Float32Array(0) : first.train.all().x,
  };
}

const CSV = 'id;value;name\r\n1;-1.25e-3;"a;""b"""\r\n2;?;c\r\n3;7;\r\n';
const JSON_LINES = '{"x": [1, 2.5], "on": true}\n{"x": [3, -4], "on": false}\n';
const JPEG =
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk8BDg4OExETJhUVJk81LTVPT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT//AABEIAAkADQMBEQACEQEDEQH/xAGiAAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/2gAMAwEAAhEDEQA/AKotLF5XeG2hQjcE2w4GF/ugcN3z1z7YO3RSqwg1ro76Pv3aSsrf3tOt3a90YtJKTX/gM+vft0t287q7riO7RzJaW8TK7EfuwAny4HGfx57+xyAQlTu+byfd673tGX4u/wArByRm+VqUbdorXfXVt/LT9XY1n/kVPz/9GGuWn/yOJ/L/ANJR6OP/AIVT/t39Ckf+PKx/69o/5VWa/wC8v0/Vnx1P45/4n+Z//9k=";
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAECAYAAABGM/VAAAAAXklEQVR4XmMAgv/sjLL/+Vis/otyhv+XESj5z6AsOfG/lsq6/4aGp/9bOLz4bx/I+p/BLUXpv2+l/f+QCTH/o1dW/k86Mu0/Q+bDzf8LGC78L1d8+7/Ohet/a6b6fwClZSdLG11CIwAAAABJRU5ErkJggg==";

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A WAV file of one channel of 16 bits. */
function wav(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8("RIFF"), 0);
  view.setUint32(4, bytes.length - 8, true);
  bytes.set(utf8("WAVEfmt "), 8);
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 16_000],
    [40, 2 * samples.length],
  ] as const)
    view.setUint32(at, value, true);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    view.setUint16(at, value, true);
  bytes.set(utf8("data"), 36);
  for (const [i, sample] of samples.entries()) view.setInt16(44 + 2 * i, sample, true);
  return bytes;
}

/** What readers make of files. */
export async function files(): Promise<Outputs> {
  const csv = await readCsv(utf8(CSV), { delimiter: ";" });
  const lines = await readJsonLines(utf8(JSON_LINES));
  const idx = await readIdx(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 255));
  const [jpeg, png] = [await decodeImage(bytesOf(JPEG)), await decodeImage(bytesOf(PNG))];
  return {
    csv: Float32Array.from([0, 1, 2], (row) => csv.column("value", "number").at(row) ?? -99),
    csvHash: utf8(csv.fingerprint()),
    jsonHash: utf8(lines.fingerprint()),
    idxHash: utf8(idx.fingerprint()),
    jpeg: Uint8Array.from(jpeg.data),
    png: Uint8Array.from(png.data),
    wav: (await readWav(wav(Int16Array.from(uniform(60, 20, -32_768, 32_767), Math.floor)))).samples,
  };
}
