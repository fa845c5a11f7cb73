/**
 * The tables of options in docs/learners.md are those of the records. After a change of a record:
 *
 *   node --import tsx tests/docs/tables.test.ts --update
 */
import { readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RUN_OPTIONS } from "../../src/cli/run-spec.ts";
import { TASKS } from "../../src/data/node/tasks.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import type { OptionTable } from "../../src/options.ts";

const test = suite("tables of options");
const document = new URL("../../docs/learners.md", import.meta.url);

/** A pipe would end the cell. */
const row = (...cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(...head), `|${head.map(() => "---|").join("")}`, ...rows.map((cells) => row(...cells))].join("\n");

function optionTable(options: OptionTable): string {
  const rows = Object.entries(options).map(([name, option]) => [
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

/** The text with the tables between its markers replaced. */
const generated = (text: string) =>
  text.replace(
    /(<!-- options: (.*?) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin, name, end) => `${begin}${tables[name]}\n${end}`,
  );

if (process.argv.includes("--update")) writeFileSync(document, generated(readFileSync(document, "utf8")));
const text = readFileSync(document, "utf8");

test("every record has its table in docs/learners.md", () => {
  const marked = Array.from(text.matchAll(/<!-- options: (.*?) -->/g), ([, name]) => name as string);
  assert.equal(new Set(marked), new Set(Object.keys(tables)));
});

test("the tables are those of the records", () => {
  assert.is(text, generated(text), "after a change of a record: see the top of this file");
});

test.run();
