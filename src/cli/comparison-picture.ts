import { scaleLinear, scaleLog } from "d3-scale";
import { svgFrame } from "../analysis/svg.ts";
import type { Row } from "./comparison.ts";
import { type Comparison, conditions, showMetric } from "./comparison-report.ts";

const WIDTH = 760;
const MARGIN = { top: 48, right: 92, bottom: 56, left: 150 };
const LINE = 26;
/** A metric that is better when lower is drawn on a logarithmic scale where it spans as much. */
const WIDE = 8;
/** What lies farther from the best is drawn at the edge, so that one learner that diverged does not hide the others. */
const FARTHEST = 1000;

/** What a row spans, from its lowest to its highest: seeds and the larger of its intervals. */
function spanOf({ mean, ci95, seedsCi95 = 0, means }: Row): readonly [number, number] {
  const half = Math.max(Number.isFinite(ci95) ? ci95 : 0, seedsCi95);
  return [Math.min(mean - half, ...means), Math.max(mean + half, ...means)];
}

/** The metric of each learner: its mean, the interval over episodes as a bar, and the mean of each seed as a dot. */
export function drawComparison(comparison: Comparison): string {
  const rows = comparison.rows.filter(({ mean }) => Number.isFinite(mean));
  const spans = rows.map(spanOf);
  const values = rows.flatMap(({ means }) => means);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const logarithmic = rows[0]?.better === "lower" && least > 0 && most > WIDE * least;
  const room: [number, number] = [MARGIN.left, WIDTH - MARGIN.right];
  const low = Math.min(...spans.map(([from]) => from));
  const across = logarithmic
    ? scaleLog([least / 1.5, Math.min(most, FARTHEST * least) * 1.5], room).clamp(true)
    : scaleLinear([low, Math.max(...spans.map(([, to]) => to))], room).nice();
  const height = MARGIN.top + LINE * rows.length + MARGIN.bottom;
  const bottom = height - MARGIN.bottom;
  const at = (value: number) => across(value).toFixed(1);
  const name = `${rows[0]?.metric ?? "metric"}, ${rows[0]?.better ?? "higher"} is better`;
  return svgFrame(WIDTH, height, `Learners on ${comparison.task}`, [
    ...across
      .ticks(6)
      .flatMap((tick) => [
        `<line x1="${at(tick)}" x2="${at(tick)}" y1="${MARGIN.top - 8}" y2="${bottom}" stroke="#eeeeee"/>`,
        `<text x="${at(tick)}" y="${bottom + 16}" text-anchor="middle">${across.tickFormat(6, "~g")(tick)}</text>`,
      ]),
    ...rows.flatMap((row, i) => {
      const y = MARGIN.top + LINE * (i + 0.5);
      const half = Number.isFinite(row.ci95) ? row.ci95 : 0;
      const lowest = logarithmic ? Math.max(row.mean - half, least / 1.5) : row.mean - half;
      return [
        `<text x="${MARGIN.left - 12}" y="${y}" dy="4" text-anchor="end">${row.learner}</text>`,
        `<line x1="${at(lowest)}" x2="${at(row.mean + half)}" y1="${y}" y2="${y}" stroke="#6aaee0" stroke-width="6"/>`,
        ...row.means.map((mean) => `<circle cx="${at(mean)}" cy="${y}" r="3" fill="#e08e2b"/>`),
        `<circle cx="${at(row.mean)}" cy="${y}" r="5" fill="#1f6fb4"/>`,
        `<text x="${WIDTH - MARGIN.right + 12}" y="${y}" dy="4">${showMetric(row, row.mean)}</text>`,
      ];
    }),
    `<text x="${(room[0] + room[1]) / 2}" y="${bottom + 34}" text-anchor="middle">${name}</text>`,
    `<text x="16" y="${height - 6}" font-size="11" fill="#666666">${conditions(comparison)}; dots: seeds</text>`,
  ]);
}
