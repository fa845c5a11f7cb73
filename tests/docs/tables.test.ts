/**
 * The tables of options in docs/learners.md and docs/data.md are those of the records, and those of comparisons are made of what
 * `quickstudy compare` wrote to the `comparison.json` files in docs/comparisons. After a change of either:
 *
 *   node --import tsx tests/docs/tables.test.ts --update
 */
import { readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Row, ranked } from "../../src/cli/comparison.ts";
import { type Comparison, markdownTable, showMetric } from "../../src/cli/comparison-report.ts";
import { showBytes } from "../../src/cli/output.ts";
import { RUN_OPTIONS } from "../../src/cli/run-spec.ts";
import { TASKS } from "../../src/data/node/tasks.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import type { OptionTable } from "../../src/options.ts";

const test = suite("tables of the documentation");
const DOCS = new URL("../../docs/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, DOCS), "utf8");

/** A pipe would end the cell. */
const row = (...cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(...head), `|${head.map(() => "---|").join("")}`, ...rows.map((cells) => row(...cells))].join("\n");

function optionTable(options: OptionTable): string {
  const given = Object.entries(options).filter(([, option]) => !option.found);
  const rows = given.map(([name, option]) => [
    `\`${name}\``,
    option.default === undefined ? "" : `\`${JSON.stringify(option.default)}\``,
    option.range,
    option.help,
  ]);
  return rows.length === 0 ? "No options." : table(["option", "default", "range", "meaning"], rows);
}

/** What a learner's paper sets on a task, and the defaults of the outer loop for the task elsewhere. */
function settingsTable(): string {
  const show = (values: object | undefined) =>
    Object.entries(values ?? {})
      .map(([name, value]) => `\`${name}\` ${value}`)
      .join(", ");
  const rows = TASKS.flatMap((task) =>
    LEARNERS.flatMap(({ name, settings }) => {
      const { options, run, task: own } = settings[task.name] ?? {};
      return [options, run, own].some(Boolean)
        ? [[`\`${task.name}\``, `\`${name}\``, show({ ...options, ...own, ...run })]]
        : [];
    }),
  );
  const defaults = TASKS.map(({ name, run }) => [`\`${name}\``, "every learner", show(run)]);
  return table(["task", "learner", "settings"], [...defaults, ...rows]);
}

/** By the name that the document's markers use. */
const tables: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...LEARNERS, ...TASKS].map(({ name, options }) => [name, optionTable(options)])),
  "outer loop": optionTable(RUN_OPTIONS),
  settings: settingsTable(),
};

interface Comparisons {
  /** As a sentence names them. */
  readonly label: string;
  /** Heading in docs/results.md. */
  readonly anchor: string;
  /** Files in docs/comparisons: runs on the same test episodes. */
  readonly files: readonly string[];
}

const COMPARISONS: Readonly<Record<string, Comparisons>> = {
  sinusoid: {
    label: "sinusoid, 10 shots",
    anchor: "12-sinusoid-10-shots-the-learners",
    files: ["sinusoid-gradients", "sinusoid-amortised"],
  },
  omniglot: {
    label: "Omniglot, 5-way 1-shot",
    anchor: "13-omniglot-5-way-1-shot-the-learners",
    files: ["omniglot-embeddings", "omniglot-gradients"],
  },
};

/** The rows of all files of a comparison, best first. */
function rowsOf({ files }: Comparisons): Row[] {
  const all = files.map((file) => JSON.parse(read(`comparisons/${file}.json`)) as Comparison);
  assert.is(new Set(all.flatMap(({ rows }) => rows.map(({ fingerprint }) => fingerprint))).size, 1, "other episodes");
  // JSON has no infinities: what is missing is the metric of learners that diverged.
  const revived = all.flatMap(({ rows }) =>
    rows.map((row) => ({ ...row, mean: row.mean ?? Number.NaN, worst: row.worst ?? Number.POSITIVE_INFINITY })),
  );
  return ranked(revived);
}

/** What the comparisons say of a learner, in a line. */
function resultLine(learner: string): string {
  const found = Object.values(COMPARISONS).flatMap((comparisons) => {
    const rows = rowsOf(comparisons);
    const place = rows.findIndex((each) => each.learner === learner);
    if (place < 0) return [];
    const row = rows[place] as Row;
    const [mean, ci95] = [row.mean, row.ci95].map((value) => showMetric(row, value));
    const result = row.metric === "accuracy" ? `${mean} ± ${ci95} %` : `${row.metric} ${mean} ± ${ci95}`;
    const link = `[${comparisons.label}](results.md#${comparisons.anchor})`;
    return [
      `${link}: ${result}, place ${place + 1} of ${rows.length}, ${row.adaptMilliseconds.toPrecision(2)} ms to adapt, ` +
        `a state of ${showBytes(row.stateBytes)}`,
    ];
  });
  return `**Compared.** ${found.join("; ") || "In no comparison so far"}.`;
}

/** By document: what stands between a marker of a kind and its end. */
const GENERATED: Readonly<Record<string, Readonly<Record<string, (name: string) => string | undefined>>>> = {
  "learners.md": {
    options: (name) => tables[name],
    result: (name) => (LEARNERS.some((each) => each.name === name) ? resultLine(name) : undefined),
  },
  "data.md": {
    options: (name) => tables[name],
  },
  "results.md": {
    comparison: (name) => COMPARISONS[name] && markdownTable(rowsOf(COMPARISONS[name])),
  },
};

/** The text of a document with what stands between its markers made anew. */
const generated = (document: string) =>
  read(document).replace(/(<!-- (\w+): (.*?) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, kind, name, end) => {
    const made = GENERATED[document]?.[kind]?.(name);
    assert.ok(made !== undefined, `${document}: nothing is known of the marker ${kind}: ${name}`);
    return `${begin}${made}\n${end}`;
  });

if (process.argv.includes("--update")) {
  for (const document of Object.keys(GENERATED)) writeFileSync(new URL(document, DOCS), generated(document));
}

const marked = (document: string, kind: string) =>
  new Set(
    Array.from(read(document).matchAll(new RegExp(`<!-- ${kind}: (.*?) -->`, "g")), ([, name]) => name as string),
  );

test("every record has its table in docs/learners.md or docs/data.md, and every learner its results", () => {
  const all = [...marked("learners.md", "options"), ...marked("data.md", "options")];
  assert.equal(all.sort(), Object.keys(tables).sort());
  assert.equal(marked("learners.md", "result"), new Set(LEARNERS.map(({ name }) => name)));
  assert.equal(marked("results.md", "comparison"), new Set(Object.keys(COMPARISONS)));
});

test("the tables are those of the records and the comparisons, and the headings they name are there", () => {
  for (const document of Object.keys(GENERATED)) {
    assert.is(read(document), generated(document), "after a change: see the top of this file");
  }
  const anchors = Array.from(read("results.md").matchAll(/^## (.*)$/gm), ([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  for (const { anchor } of Object.values(COMPARISONS)) assert.ok(anchors.includes(anchor), anchor);
});

test.run();
