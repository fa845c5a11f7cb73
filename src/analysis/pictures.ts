/** Pictures of what the functions of this entry find, as the text of SVG files. */
import { requireObject, requireOptions, requireWhole, wrong } from "../arguments.ts";
import type { TraceStep } from "./adaptation-trace.ts";
import type { Explanation } from "./explain.ts";
import { drawLines } from "./line-chart.ts";
import { drawMatrix } from "./matrix.ts";
import type { ClassResults } from "./results.ts";
import { axes, niceScale, pixels, svgFrame } from "./svg.ts";

const BAR = "#0072b2";
const SIDE = 440;

/**
 * A reliability diagram: for every range of confidence the part of the predictions that is right, beside the diagonal of probabilities
 * that hold. A bar is the paler the fewer predictions it has.
 */
export function drawCalibration(results: ClassResults): string {
  requireResults("drawCalibration", results);
  const { bins, expectedError } = results.calibration;
  const box = { left: 64, right: SIDE - 24, top: 44, bottom: SIDE - 52 };
  const across = niceScale([0, 1], [box.left, box.right], 5);
  const up = niceScale([0, 1], [box.bottom, box.top], 5);
  const most = bins.reduce((top, { count }) => Math.max(top, count), 0);
  const bars = bins
    .filter(({ count }) => count > 0)
    .map(({ from, to, count, accuracy }) => {
      const [x, y] = [across(from) + 1, up(accuracy)];
      const width = pixels(across(to) - x - 1);
      const strength = (0.25 + 0.75 * Math.sqrt(count / most)).toFixed(2);
      return `<rect x="${pixels(x)}" y="${pixels(y)}" width="${width}" height="${pixels(box.bottom - y)}" fill="${BAR}" fill-opacity="${strength}"><title>${count} predictions</title></rect>`;
    });
  const diagonal = `<line x1="${box.left}" y1="${box.bottom}" x2="${box.right}" y2="${box.top}" stroke="#d55e00" stroke-width="2" stroke-dasharray="6 4"/>`;
  const title = `Calibration: expected error ${expectedError.toFixed(3)}`;
  const names = { x: "probability of the predicted class", y: "part that is right" };
  return svgFrame(SIDE, SIDE, title, [...axes(box, across, up, names), ...bars, diagonal]);
}

export interface DrawConfusionOptions {
  /** Classes that are shown: of more, those whose queries are taken for others most often. 30 by default. */
  readonly classes?: number;
}

/** A confusion matrix: rows are classes, columns predictions, and a cell is the darker the larger its part of the row. */
export function drawConfusion(results: ClassResults, options: DrawConfusionOptions = {}): string {
  requireResults("drawConfusion", results);
  requireOptions("drawConfusion", options, ["classes"]);
  const { classes = 30 } = options;
  requireWhole("drawConfusion: classes", classes, 1, 200);
  const { confusion, names } = results;
  const totals = confusion.map((row) => row.reduce((sum, each) => sum + each, 0));
  const missed = confusion.map((row, i) => (totals[i] as number) - (row[i] as number));
  const shown = names
    .map((_, i) => i)
    .sort((a, b) => (missed[b] as number) - (missed[a] as number) || a - b)
    .slice(0, classes)
    .sort((a, b) => a - b);
  const left = shown.length < names.length ? `, the ${shown.length} of ${names.length} classes missed most often` : "";
  const labels = shown.map((i) => names[i] as string);
  return drawMatrix({
    title: `Confusion${left}`,
    rows: labels,
    columns: labels,
    names: { row: "class", column: "prediction" },
    values: shown.map((i) => shown.map((j) => (confusion[i]?.[j] ?? 0) / ((totals[i] as number) || 1))),
  });
}

export interface DrawInfluenceOptions {
  /** Names of the support examples and of the queries; their numbers by default. */
  readonly support?: readonly string[];
  readonly queries?: readonly string[];
}

/**
 * The influence of each support example on each query: blue where the example speaks for the target, orange where it speaks against it. The
 * strongest is full colour.
 */
export function drawInfluence(explanation: Explanation, options: DrawInfluenceOptions = {}): string {
  requireObject("drawInfluence: explanation", explanation, "what explain gives", ["influence", "losses"]);
  requireOptions("drawInfluence", options, ["support", "queries"]);
  const { influence, losses } = explanation;
  const [rows, columns] = [losses.length, influence.length / losses.length];
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
  const { support = numbered(columns), queries = numbered(rows) } = options;
  for (const [name, given, count] of [
    ["support", support, columns],
    ["queries", queries, rows],
  ] as const) {
    const sound = Array.isArray(given) && given.length === count && given.every((each) => typeof each === "string");
    if (!sound) throw wrong(`drawInfluence: ${name}`, `${count} names`, given);
  }
  const strongest = influence.reduce((most, each) => Math.max(most, Math.abs(each)), 0) || 1;
  return drawMatrix({
    title: "Influence of the support set",
    rows: queries,
    columns: support,
    names: { row: "query", column: "support example" },
    values: queries.map((_, i) =>
      Array.from(influence.subarray(i * columns, (i + 1) * columns), (v) => -v / strongest),
    ),
  });
}

/** How adaptation went: the metric after every inner step, and below it the distance that each layer has moved. */
export function drawTrace(trace: readonly TraceStep[]): string {
  const [first] = Array.isArray(trace) ? trace : [];
  if (first === undefined) throw wrong("drawTrace: trace", "what traceAdaptation gives", trace);
  for (const [i, step] of trace.entries())
    requireObject(`drawTrace: trace[${i}]`, step, "a step of traceAdaptation", ["support", "moved"]);
  const steps = { x: "inner steps", curves: [] };
  const curve = (name: string, of: (step: TraceStep) => number) => ({ name, y: trace.map(of) });
  const measures = drawLines({
    ...steps,
    title: "Adaptation",
    y: "metric",
    curves: [
      curve("support set", ({ support }) => support),
      ...(first.queries === undefined ? [] : [curve("queries", ({ queries }) => queries as number)]),
    ],
  });
  const moved = drawLines({
    ...steps,
    title: "Distance moved from the start",
    y: "Euclidean distance",
    curves: Object.keys(first.moved).map((layer) => curve(layer, (step) => step.moved[layer] as number)),
  });
  return stacked([measures, moved]);
}

/** Pictures below one another. */
function stacked(pictures: readonly string[]): string {
  const sizes = pictures.map((each) => (/width="(\d+)" height="(\d+)"/.exec(each) ?? []).slice(1).map(Number));
  const width = Math.max(...sizes.map(([each = 0]) => each));
  let y = 0;
  const placed = pictures.map((each, i) => {
    const at = y;
    y += sizes[i]?.[1] ?? 0;
    return each.replace("<svg ", `<svg y="${at}" `);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}">\n${placed.join("")}</svg>\n`;
}

function requireResults(operation: string, results: unknown): void {
  requireObject(`${operation}: results`, results, "what classResults gives", ["names", "confusion", "calibration"]);
}
