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

const NOTE =
  "± episodes: 95 % interval over the episodes, each averaged over the seeds; ± seeds: over the means of the seeds (Student's t)";

/** The metric of a row, or a part of it, as a table shows it: accuracies in per cent. */
export function showMetric({ metric }: Pick<Row, "metric">, value: number | undefined): string {
  if (value === undefined) return "-";
  if (metric === "accuracy") return (100 * value).toFixed(2);
  return value < 1000 ? value.toFixed(4) : value.toExponential(1);
}

function cells(row: Row, bands: boolean): string[] {
  const show = (value: number | undefined) => showMetric(row, value);
  const {
    learner,
    mean,
    ci95,
    seedsCi95,
    median,
    worst,
    diverged,
    inBand,
    adaptMilliseconds,
    parameters,
    iterations,
    seconds,
  } = row;
  return [
    learner,
    show(mean),
    show(ci95),
    show(seedsCi95),
    show(median),
    show(worst),
    `${diverged}`,
    ...(bands ? [inBand === undefined ? "-" : (100 * inBand).toFixed(1)] : []),
    adaptMilliseconds.toPrecision(2),
    `${parameters}`,
    showBytes(row.stateBytes),
    showBytes(row.arenaBytes),
    `${iterations}`,
    seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0),
    row.batchNorm,
  ];
}

function rowsOf({ rows }: Comparison): string[][] {
  const metric = rows[0]?.metric === "accuracy" ? "accuracy %" : (rows[0]?.metric ?? "metric");
  const bands = rows.some(({ inBand }) => inBand !== undefined);
  const head = [
    ...["learner", metric, "± episodes", "± seeds", "median", "worst", "diverged", ...(bands ? ["in band %"] : [])],
    "ms to adapt",
    ...["parameters", "state", "arena", "iterations", "seconds", "batch norm"],
  ];
  return [head, ...rows.map((row) => cells(row, bands))];
}

const skippedLines = ({ skipped }: Comparison): string[] =>
  skipped.length === 0 ? [] : [`skipped, as they do not learn tasks of this kind: ${skipped.join(", ")}`];

/** For a terminal. */
export function comparisonLines(comparison: Comparison): string[] {
  return [conditions(comparison), "", ...numberTable(rowsOf(comparison)), "", NOTE, ...skippedLines(comparison)];
}

/** For a document. */
export function comparisonMarkdown(comparison: Comparison): string {
  const [head = [], ...rows] = rowsOf(comparison);
  const line = (each: readonly string[]) => `| ${each.join(" | ")} |`;
  const paragraphs = [
    conditions(comparison),
    [
      line(head),
      `|---|${head
        .slice(1)
        .map(() => "---:|")
        .join("")}`,
      ...rows.map(line),
    ].join("\n"),
    `${NOTE}. State: bytes of what an adapted learner knows of a task. Arena: bytes that the Program of one task takes in meta-training.`,
    ...skippedLines(comparison),
    "![The metric of each learner](comparison.svg)",
  ];
  return `${paragraphs.join("\n\n")}\n`;
}
