import { OptionError } from "../../errors.ts";
import { type Settings, text, whole } from "../../options.ts";
import { entityObjective } from "../../tasks/entities.ts";
import { isMissing, oneHot } from "../features/categories.ts";
import type { Feature } from "../features/feature.ts";
import { standardise } from "../features/scale.ts";
import { preprocess } from "../preprocessing.ts";
import type { Table } from "../table.ts";
import { classSpec, DIVISION, divided, FOUND, SIZES, vectorModel, WAYS } from "./data-options.ts";
import { dataTask, openTable, type TaskKind } from "./data-task.ts";
import { readTable } from "./read-table.ts";
import { emitWarning } from "./warn.ts";

const OPTIONS = {
  label: text("column of the class", "label"),
  group: text(
    "column of the person, device or place; every task is then of one group, with the same classes",
    undefined,
  ),
  target: text("column of the number to predict, for every group; the label is then not used", undefined),
  without: text("columns to leave out, with commas between", undefined),
  categories: whole("values up to which a column of text is used", { least: 1, most: 4096, default: 20 }),
  ...WAYS,
  ...SIZES,
  ...DIVISION,
  ...FOUND,
};
type CsvSettings = Settings<typeof OPTIONS>;

export const csvRecord = dataTask<typeof OPTIONS>({
  name: "csv",
  summary: "a table of your own: classes, the same classes for new groups, or numbers for new groups",
  options: OPTIONS,
  data: "a file of delimited text (.csv, .tsv), JSON (.json, .jsonl) or Parquet (.parquet)",
  run: { iterations: 2_000, metaBatch: 16 },
  spec({ group, target, numbers, classes, ways, shots, queries }) {
    if (target !== undefined) {
      return { inputs: { x: [numbers] }, objective: entityObjective(1, {}), segments: [shots], queries };
    }
    return classSpec([numbers], group === undefined ? ways : classes, { shots, queries });
  },
  async open(settings, data) {
    const kind = kindOf(settings);
    const left = [...Object.values(kind), ...(settings.without?.split(",").map((name) => name.trim()) ?? [])];
    const table = await readTable(data);
    for (const name of left.slice(1)) table.column(name);
    const features = (training: Table) => preprocess({ x: featuresOf(training, left, settings.categories) });
    return openTable(await divided({ table, kind, preprocess: features }, settings));
  },
  model: ({ numbers }, kind, width) => vectorModel(numbers, kind, width),
});

function kindOf({ label, group, target }: CsvSettings): TaskKind {
  if (target === undefined) return group === undefined ? { of: "classes", label } : { of: "groups", label, group };
  if (group === undefined)
    throw new OptionError("--target: must be given with --group, the column that tells whose a row is");
  return { of: "entities", group, target };
}

/** Numbers on one scale, texts of few values one-hot, and what is missing as numbers of its own. */
function featuresOf(training: Table, left: readonly string[], most: number): Feature[] {
  const names = Object.keys(training.columns).filter((name) => !left.includes(name));
  const cells = names.map((name) => {
    const column = training.column(name);
    const values = new Set(Array.from({ length: training.size }, (_, row) => column.at(row)));
    const missing = values.delete(null);
    return { name, kind: column.kind, count: values.size, missing };
  });
  const numbers = cells.filter(({ kind, count }) => kind === "number" && count > 0).map(({ name }) => name);
  const texts = cells
    .filter(({ kind, count }) => kind === "text" && count > 0 && count <= most)
    .map(({ name }) => name);
  for (const { name, count } of cells.filter(({ kind, count }) => kind === "text" && count > most)) {
    emitWarning(
      `${training.name}: column ${JSON.stringify(name)} is left out: it is text of ${count} values, and columns of at most ${most} are used; ` +
        "raise --categories, or mend the cell that is no number",
    );
  }
  const used = new Set([...numbers, ...texts]);
  const missing = cells.filter((cell) => cell.missing && used.has(cell.name)).map(({ name }) => name);
  if (used.size === 0) {
    throw new OptionError(
      `--data: ${training.name} must have a column of numbers, or of texts with at most ${most} values, beside ${left.slice(1).join(", ")}; ` +
        "raise --categories",
    );
  }
  return [
    ...(numbers.length > 0 ? [standardise(...numbers)] : []),
    ...(texts.length > 0 ? [oneHot(...texts)] : []),
    ...(missing.length > 0 ? [isMissing(...missing)] : []),
  ];
}
