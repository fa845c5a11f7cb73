import type { Row } from "./comparison.ts";
import { numberTable, showBytes, showDuration } from "./output.ts";

/** What `quickstudy compare` finds. */
export interface Comparison {
  readonly task: string;
  /** The end of a run is one of these. */
  readonly budgetSeconds?: number;
  readonly iterations?: number;
  /** Episodes that each learner and seed is measured on. */
  readonly episodes: number;
  readonly seeds: number;
  /** Best first. */
  readonly rows: readonly Row[];
  /** Learners of the list that do not learn such tasks. */
  readonly skipped: readonly string[];
}

/** The conditions of a comparison in one line. */
export function conditions({ task, budgetSeconds, iterations, episodes, seeds, rows }: Comparison): string {
  const end = budgetSeconds === undefined ? `${iterations} iterations` : `${showDuration(budgetSeconds)} of training`;
  const each = seeds === 1 ? "1 seed" : `each of ${seeds} seeds`;
  return `${task}: ${end} for ${each}, ${episodes} test episodes, the same for all (${rows[0]?.fingerprint ?? "none"})`;
}

/** The metric of a row, or a part of it, as a table shows it: accuracies in per cent. */
export function showMetric({ metric }: Pick<Row, "metric">, value: number | undefined): string {
  if (value === undefined) return "-";
  if (metric === "accuracy") return (100 * value).toFixed(2);
  return value < 1000 ? value.toFixed(4) : value.toExponential(1);
}

interface Column {
  readonly name: string;
  /** What the name means, for the line below a table. */
  readonly note?: string;
  cell(row: Row): string;
  /** Whether it says something of a comparison; always where it is left out. */
  shown?(rows: readonly Row[]): boolean;
}

const inPercent = (part: number | undefined): string => (part === undefined ? "-" : (100 * part).toFixed(1));

const COLUMNS: readonly Column[] = [
  { name: "learner", cell: ({ learner }) => learner },
  { name: "metric", cell: (row) => showMetric(row, row.mean) },
  {
    name: "± episodes",
    note: "95 % interval over the episodes, each averaged over the seeds",
    cell: (row) => showMetric(row, row.ci95),
  },
  {
    name: "± seeds",
    note: "95 % interval over the means of the seeds (Student's t)",
    cell: (row) => showMetric(row, row.seedsCi95),
    shown: (rows) => rows.some(({ seedsCi95 }) => seedsCi95 !== undefined),
  },
  { name: "median", cell: (row) => showMetric(row, row.median) },
  { name: "worst", cell: (row) => showMetric(row, row.worst) },
  { name: "diverged", cell: ({ diverged }) => `${diverged}` },
  {
    name: "in band %",
    note: "targets within the predicted 95 % bands",
    cell: ({ inBand }) => inPercent(inBand),
    shown: (rows) => rows.some(({ inBand }) => inBand !== undefined),
  },
  { name: "ms to adapt", cell: ({ adaptMilliseconds }) => adaptMilliseconds.toPrecision(2) },
  { name: "parameters", cell: ({ parameters }) => `${parameters}` },
  { name: "state", cell: ({ stateBytes }) => showBytes(stateBytes) },
  { name: "arena", cell: ({ arenaBytes }) => showBytes(arenaBytes) },
  { name: "iterations", cell: ({ iterations }) => `${iterations}` },
  { name: "seconds", cell: ({ seconds }) => (seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)) },
  {
    name: "batch norm",
    cell: ({ batchNorm }) => batchNorm,
    shown: (rows) => rows.some(({ batchNorm }) => batchNorm !== "none"),
  },
];

const columnsOf = (rows: readonly Row[]): Column[] => COLUMNS.filter(({ shown }) => shown?.(rows) ?? true);

/** What the columns of a table mean, in a line. */
const notesOf = (rows: readonly Row[]): string =>
  columnsOf(rows)
    .flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]))
    .join("; ");

/** Its head and its lines. */
function tableOf(rows: readonly Row[]): string[][] {
  const metric = rows[0]?.metric === "accuracy" ? "accuracy %" : (rows[0]?.metric ?? "metric");
  const columns = columnsOf(rows);
  return [
    columns.map(({ name }) => (name === "metric" ? metric : name)),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ];
}

/** The table of a comparison in Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  const [head = [], ...lines] = tableOf(rows);
  const line = (each: readonly string[]) => `| ${each.join(" | ")} |`;
  const rule = `|---|${"---:|".repeat(head.length - 1)}`;
  return [line(head), rule, ...lines.map(line)].join("\n");
}

const skippedLines = ({ skipped }: Comparison): string[] =>
  skipped.length === 0 ? [] : [`skipped, as they do not learn tasks of this kind: ${skipped.join(", ")}`];

/** For a terminal. */
export function comparisonLines(comparison: Comparison): string[] {
  const { rows } = comparison;
  const table = numberTable(tableOf(rows));
  return [conditions(comparison), "", ...table, "", notesOf(rows), ...skippedLines(comparison)];
}

/** For a document. */
export function comparisonMarkdown(comparison: Comparison): string {
  const paragraphs = [
    conditions(comparison),
    markdownTable(comparison.rows),
    `${notesOf(comparison.rows)}. State: bytes of what an adapted learner knows of a task. Arena: bytes that the Program of one task takes in meta-training.`,
    ...skippedLines(comparison),
    "![The metric of each learner](comparison.svg)",
  ];
  return `${paragraphs.join("\n\n")}\n`;
}
