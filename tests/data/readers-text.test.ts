import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CsvOptions, csvRows, readCsv, readJson, readJsonLines, type Source, type Table } from "../../src/data.ts";
import { AbortedError } from "../../src/errors.ts";
import { refused, rejected } from "../data-fixtures.ts";
import { utf8 } from "../support/format-samples.ts";
import { Chance } from "../support/random.ts";

const test = suite("data: readers of text");

const rowsOf = (table: Table) => Array.from({ length: table.size }, (_, i) => table.row(i));
const csv = (text: string, options?: CsvOptions) => readCsv(utf8(text), options);

/** A stream of bytes in pieces of random lengths. */
function streamOf(bytes: Uint8Array, chance: Chance, longest: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const end = at + chance.whole(1, longest);
      if (at < bytes.length) controller.enqueue(bytes.slice(at, end));
      else controller.close();
      at = end;
    },
  });
}

test("CSV: kinds, missing cells, quotes, byte order mark, line ends of both kinds", async () => {
  const table = await csv(
    '\ufeffage,name,note\r\n63,"Ann, A.",\r\n -4.5e1 ,"say ""hi""","two\r\nlines"\n\n?,NA,x\n.5,"",y',
  );
  assert.equal(rowsOf(table), [
    { age: 63, name: "Ann, A.", note: null },
    { age: -45, name: 'say "hi"', note: "two\r\nlines" },
    { age: null, name: null, note: "x" },
    { age: 0.5, name: null, note: "y" },
  ]);
  assert.equal(
    Object.values(table.columns).map(({ kind }) => kind),
    ["number", "text", "text"],
  );
});

test("CSV: what is no decimal number is text", async () => {
  for (const cell of ["0x10", "Infinity", "1e999", "1_000", "1,5", "12a", "--1", "1e", ".", "\u0661"]) {
    assert.is((await csv(`a;b\n1;2\n${cell};3`, { delimiter: ";" })).column("a").kind, "text", cell);
  }
});

test("CSV: options", async () => {
  assert.equal(
    rowsOf(await csv("007;x\n8;-", { delimiter: ";", header: ["id", "b"], columns: { id: "text" }, missing: ["-"] })),
    [
      { id: "007", b: "x" },
      { id: "8", b: null },
    ],
  );
  assert.equal(rowsOf(await csv("1,2\n3,4\n5", { header: false, rows: 2 })), [
    { column1: 1, column2: 2 },
    { column1: 3, column2: 4 },
  ]);
  assert.equal(rowsOf(await readCsv(new File(["a\tb\n1\t,"], "x.tsv"))), [{ a: 1, b: "," }]);
  assert.equal(rowsOf(await csv("a,b\r1,2\r3,4\r")), [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
});

test("CSV: errors name file, row, line and column", async () => {
  const wrong: [string, RegExp, CsvOptions?][] = [
    ["", /^data: must have at least one row/],
    ["a,b\n", /must have at least one row below its header/],
    ["a,a\n1,2", /names of columns must differ, got "a" twice; mend the header/],
    ["a,\n1,2", /every column must have a name, got none for column 2/],
    ['a,b\n"1\n2",3\n\n4\n', /^data: row 2 \(line 5\): must have 2 cells, got 1/],
    ['a,b\n1,2\n3,"4\n', /line 3: a quoted cell must end with a quote, got one that is not closed/],
    ['a,b\n1,2\n3,"4"5\n', /line 3: a quoted cell must end with a quote, got one with text behind/],
    ["a\n1\nx", /row 2 \(line 3\): column "a" must be a number, .* got "x"/, { columns: { a: "number" } }],
    ["a\n1", /columns: there is no column "b"; it has "a"/, { columns: { b: "text" } }],
    ["a,b\n1,2", /must have the 1 columns that header names, got 2/, { header: ["x"] }],
    [`a\n"${"x".repeat(2 ** 20 + 5)}\n`.repeat(1), /line 2: a (record|quoted cell) must/],
  ];
  for (const [text, message, options] of wrong) await rejected(csv(text, options), refused(message));
  await rejected(readCsv(Uint8Array.of(0x61, 0x0a, 0xff, 0xfe)), refused(/must be UTF-8 text/));
  await rejected(csv("a\n1", { largest: 2 }), refused(/^readCsv: data: must have at most 2 bytes, got 3/));
});

test("CSV: pieces of any length give the same table", async () => {
  const chance = new Chance(5);
  const cell = () => chance.pick(["1", "2.5", "é😀", '"a,b"', '"x\r\ny"', '"q""q"', "", "NA", '""']);
  const lines = Array.from({ length: 300 }, () => [cell(), cell(), cell()].join(","));
  const bytes = utf8(`a,b,c\r\n${lines.join("\r\n")}`);
  const expected = (await readCsv(bytes)).fingerprint();
  for (const longest of [1, 3, 50, 1000]) {
    assert.is((await readCsv(streamOf(bytes, chance, longest))).fingerprint(), expected, `pieces up to ${longest}`);
  }
  const tables: Table[] = [];
  const options = { batch: 7, columns: { a: "text", b: "text", c: "text" } } as const;
  for await (const table of csvRows(streamOf(bytes, chance, 40), options)) tables.push(table);
  assert.equal(tables.flatMap(rowsOf), rowsOf(await readCsv(bytes, { columns: options.columns })));
  assert.ok(tables.slice(0, -1).every(({ size }) => size === 7));
});

test("CSV: a column that turns out to be text late keeps the text of its numbers, if the source can be read again", async () => {
  const bytes = utf8(`a,b\n${"1.50,x\n".repeat(20_000)}abc,y\n`);
  const table = await readCsv(bytes);
  assert.equal(
    [table.row(0), table.row(20_000)],
    [
      { a: "1.50", b: "x" },
      { a: "abc", b: "y" },
    ],
  );
  await rejected(
    readCsv(streamOf(bytes, new Chance(1), 9999)),
    refused(/row 20001 \(line 20002\): column "a" must be a number.*say columns: \{ "a": "text" \}/),
  );
});

test("CSV: reading stops where the signal says so, or the caller leaves", async () => {
  const controller = new AbortController();
  const stream = streamOf(utf8(`a\n${"1\n".repeat(5000)}`), new Chance(2), 100);
  const onProgress = (bytes: number) => {
    if (bytes > 1000) controller.abort();
  };
  await rejected(readCsv(stream, { signal: controller.signal, onProgress }), (error) => error instanceof AbortedError);
  let cancelled = false;
  const endless: Source = new ReadableStream({
    pull: (c) => c.enqueue(utf8("1,2\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  let rows = 0;
  for await (const table of csvRows(endless, { header: ["a", "b"], batch: 10 })) {
    rows += table.size;
    if (rows === 50) break;
  }
  assert.ok(cancelled);
});

test("JSON: records, lists, paths, nested numbers", async () => {
  const table = await readJson(
    utf8('{"d":[{"a":1,"t":"x","m":[[1,2],[3,4]],"s":[1]},{"t":"é","ok":true,"m":[[5,6],[7,8]],"s":[2,3],"a":null}]}'),
    { path: ["d"] },
  );
  assert.equal(JSON.parse(JSON.stringify(rowsOf(table))), [
    { a: 1, t: "x", m: { 0: 1, 1: 2, 2: 3, 3: 4 }, s: { channels: 1, values: { 0: 1 } }, ok: null },
    { a: null, t: "é", m: { 0: 5, 1: 6, 2: 7, 3: 8 }, s: { channels: 1, values: { 0: 2, 1: 3 } }, ok: 1 },
  ]);
  assert.equal(table.column("m", "arrays").shape, [2, 2]);
  assert.equal(rowsOf(await readJson(utf8('[["hi",1],["ho",2]]'), { header: ["text", "label"], rows: 1 })), [
    { text: "hi", label: 1 },
  ]);
  const lines = '{"a":1}\r\n\n{"a":2}\n{"b":"x"}';
  const expected = [
    { a: 1, b: null },
    { a: 2, b: null },
    { a: null, b: "x" },
  ];
  assert.equal(rowsOf(await readJsonLines(utf8(lines))), expected);
  assert.equal(rowsOf(await readJsonLines(streamOf(utf8(lines), new Chance(3), 3))), expected);
});

test("JSON: errors name file, row or line, and key", async () => {
  const wrong: [string, RegExp][] = [
    ["[", /^data: must be JSON/],
    ['{"a":[]}', /must hold a list of records, got \{ a \}; say which of "a" as path/],
    ["[]", /must have at least one row/],
    ["[1]", /row 1: must be a record, got 1/],
    ['[{"a":1},{"a":{}}]', /row 2: key "a" must be a number, a text/],
    ['[{"a":1},{"a":"x"}]', /row 2: key "a" must be of one kind, got number in row 1 and "x"/],
    ['[{"a":1e999}]', /row 1: key "a" must be a number/],
    ['[{"a":[[1],[1,2]]}]', /row 1: key "a" must have lists of one length, 1, at depth 2/],
    ['[{"a":[[1,2]]},{"a":[[1]]}]', /row 2: key "a" must have lists that differ in length only/],
    ["[".repeat(100_000), /must be nested at most 64 deep/],
  ];
  for (const [text, message] of wrong) await rejected(readJson(utf8(text)), refused(message));
  await rejected(readJsonLines(utf8('{"a":1}\n\n{"a":')), refused(/^data: line 3: must be JSON/));
});

test.run();
