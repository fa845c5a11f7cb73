/** The speeds of a run as bars on a logarithmic scale, in SVG. */
import { scaleLog } from "d3-scale";
import type { Timing } from "../../src/cli/measure.ts";
import { type Results, type Row, type WorkloadResult, WRONG } from "./results.ts";
import { caption, show } from "./table.ts";

const WIDTH = 860;
const MARGIN = { top: 90, right: 130, bottom: 92, left: 110 };
const BAR = 15;
const GAP = 22;
const COLOURS: Readonly<Record<string, string>> = {
  quickstudy: "#1f6fb4",
  "quickstudy relaxed": "#6aaee0",
  "PyTorch loop": "#e08e2b",
  "PyTorch loop backward": "#b86f1c",
  "PyTorch vmap": "#f2c078",
  "PyTorch vmap backward": "#f7dcb0",
  "PyTorch batched": "#8f5a2a",
  "jax-js": "#7a8794",
  tfjs: "#b5bec7",
};
const TITLE = "Meta-training beside the peers, one thread";
/** Letters of a caption's line at its size. */
const LINE = 135;

interface Bar {
  readonly row: Row;
  readonly speed: Timing;
  readonly y: number;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Bars of one workload below one another, and where the next begins. */
function bars({ rows }: WorkloadResult, top: number): { readonly bars: Bar[]; readonly bottom: number } {
  const measured = rows.flatMap((row) => (row.speed === undefined ? [] : [{ row, speed: row.speed }]));
  return {
    bars: measured.map((each, i) => ({ ...each, y: top + i * BAR })),
    bottom: top + measured.length * BAR + GAP,
  };
}

/** The figure, and what keeps it from being compared as it is. */
function label({ row, speed }: Bar): string {
  const wrong = row.gradient !== undefined && !(row.gradient <= WRONG) ? "wrong gradient" : undefined;
  const other = row.comparable ? undefined : row.remark;
  return [show(speed.median), wrong, other].filter((each) => each !== undefined).join(", ");
}

/** Words in lines of at most so many letters. */
function lines(text: string): string[] {
  const out: string[] = [];
  for (const word of text.split(" ")) {
    const last = out[out.length - 1];
    if (last === undefined || last.length + word.length >= LINE) out.push(word);
    else out[out.length - 1] = `${last} ${word}`;
  }
  return out;
}

/** Median tasks a second of everybody, as SVG. */
export function drawSpeeds(results: Results): string {
  const groups: { readonly name: string; readonly bars: Bar[]; readonly top: number }[] = [];
  let top = MARGIN.top + 10;
  for (const result of results.workloads) {
    const group = bars(result, top);
    groups.push({ name: result.workload, bars: group.bars, top });
    top = group.bottom;
  }
  const speeds = groups.flatMap((group) => group.bars.map(({ speed }) => speed.median));
  const low = 10 ** Math.floor(Math.log10(Math.min(...speeds)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...speeds)));
  const across = scaleLog([low, high], [MARGIN.left, WIDTH - MARGIN.right]);
  const height = top + MARGIN.bottom - GAP;
  const bottom = top - GAP + 6;
  const notes = lines(caption(results));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#333333">`,
    `<title>${TITLE}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="24" font-size="16" font-weight="600">${TITLE}</text>`,
    ...legend(groups.flatMap((group) => group.bars.map(({ row }) => row.who))),
    ...axis(across, low, high, bottom),
    ...groups.map((group) => `<text x="16" y="${group.top + BAR}" font-weight="600">${escaped(group.name)}</text>`),
    ...groups.flatMap((group) => group.bars).map((bar) => drawBar(bar, across(low), across(bar.speed.median))),
    ...notes.map(
      (note, i) => `<text x="16" y="${bottom + 56 + 14 * i}" font-size="11" fill="#666666">${escaped(note)}</text>`,
    ),
    "</svg>\n",
  ].join("\n");
}

function drawBar(bar: Bar, from: number, to: number): string {
  const colour = COLOURS[bar.row.who] ?? "#999999";
  const width = Math.max(1, to - from).toFixed(1);
  return `<rect x="${from.toFixed(1)}" y="${bar.y}" width="${width}" height="${BAR - 2}" fill="${colour}"/><text x="${(to + 5).toFixed(1)}" y="${bar.y + BAR - 4}" font-size="11">${escaped(label(bar))}</text>`;
}

function axis(across: (value: number) => number, low: number, high: number, bottom: number): string[] {
  const decades = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i);
  const ticks = decades.map((tick) => {
    const x = across(tick).toFixed(1);
    return `<line x1="${x}" x2="${x}" y1="${MARGIN.top}" y2="${bottom}" stroke="#e6e6e6"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${show(tick)}</text>`;
  });
  const middle = ((across(low) + across(high)) / 2).toFixed(1);
  const name = "tasks a second, logarithmic";
  return [...ticks, `<text x="${middle}" y="${bottom + 34}" text-anchor="middle">${name}</text>`];
}

/** Room for an entry's mark, a letter of its name, the gap behind it, and a line of entries. */
const LEGEND = { mark: 18, letter: 7, gap: 18, line: 18 };

function legend(present: readonly string[]): string[] {
  let [x, y] = [16, 42];
  return Object.entries(COLOURS)
    .filter(([name]) => present.includes(name))
    .map(([name, colour]) => {
      const width = LEGEND.mark + LEGEND.letter * name.length;
      if (x + width > WIDTH - 16) [x, y] = [16, y + LEGEND.line];
      const at = x;
      x += width + LEGEND.gap;
      return `<rect x="${at}" y="${y}" width="12" height="12" fill="${colour}"/><text x="${at + LEGEND.mark}" y="${y + 10}">${name}</text>`;
    });
}
