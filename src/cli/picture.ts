import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { svgFrame } from "../analysis/svg.ts";

export interface Fit {
  readonly x: Float32Array;
  readonly truth: Float32Array;
  readonly curves: readonly { readonly name: string; readonly y: Float32Array }[];
  readonly support: { readonly x: Float32Array; readonly y: Float32Array };
}

const WIDTH = 760;
const HEIGHT = 460;
const MARGIN = { top: 56, right: 24, bottom: 48, left: 56 };
const TRUTH = { name: "true curve", colour: "#111111" };
/** Before adaptation light, then darker; told apart by dashes too. */
const STYLES = [
  { colour: "#9aa5b1", dash: "2 5" },
  { colour: "#e08e2b", dash: "8 5" },
  { colour: "#1f6fb4", dash: "" },
];

/** A task's curve, its support examples and what a learner predicts before and after adapting, as SVG. */
export function drawFit({ x, truth, curves, support }: Fit): string {
  const values = [truth, support.y, ...curves.map(({ y }) => y)].flatMap((each) => Array.from(each));
  const across = scaleLinear([x[0] as number, x[x.length - 1] as number], [MARGIN.left, WIDTH - MARGIN.right]);
  const up = scaleLinear([Math.min(...values), Math.max(...values)], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice();
  const path = (y: Float32Array) =>
    line<number>(
      (_, i) => across(x[i] as number),
      (each) => up(each),
    )(Array.from(y)) ?? "";
  const stroke = (y: Float32Array, colour: string, width: number, dash = "") =>
    `<path d="${path(y)}" fill="none" stroke="${colour}" stroke-width="${width}"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`;
  const styled = curves.map((curve, i) => ({ ...curve, ...(STYLES[i % STYLES.length] as (typeof STYLES)[number]) }));
  const points = Array.from(support.x, (each, i) => {
    const [cx, cy] = [across(each).toFixed(1), up(support.y[i] as number).toFixed(1)];
    return `<circle cx="${cx}" cy="${cy}" r="6" fill="#c2255c" stroke="#ffffff" stroke-width="1.5"/>`;
  });
  const title = `A new sine curve learned from ${support.x.length} points`;
  return svgFrame(WIDTH, HEIGHT, title, [
    ...axes(across, up),
    stroke(truth, TRUTH.colour, 1.5),
    ...styled.map(({ y, colour, dash }) => stroke(y, colour, 2.5, dash)),
    ...points,
    ...legend([{ ...TRUTH, dash: "" }, ...styled]),
  ]);
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

function axes(across: Scale, up: Scale): string[] {
  const bottom = HEIGHT - MARGIN.bottom;
  const vertical = across.ticks(10).map((tick) => {
    const at = across(tick).toFixed(1);
    return `<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${bottom}" stroke="#eeeeee"/><text x="${at}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`;
  });
  const horizontal = up.ticks(8).map((tick) => {
    const at = up(tick).toFixed(1);
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#eeeeee"/><text x="${MARGIN.left - 8}" y="${at}" dy="4" text-anchor="end">${tick}</text>`;
  });
  const middle = (MARGIN.left + WIDTH - MARGIN.right) / 2;
  return [...vertical, ...horizontal, `<text x="${middle}" y="${HEIGHT - 10}" text-anchor="middle">x</text>`];
}

/** Room for a legend entry's mark, a letter of its name and the gap behind it. */
const LEGEND = { mark: 32, letter: 7, gap: 22 };

function legend(entries: readonly { name: string; colour: string; dash: string }[]): string[] {
  let x = MARGIN.left;
  const curves = entries.map(({ name, colour, dash }) => {
    const at = x;
    x += LEGEND.mark + LEGEND.letter * name.length + LEGEND.gap;
    return `<line x1="${at}" x2="${at + 26}" y1="42" y2="42" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash || "none"}"/><text x="${at + LEGEND.mark}" y="46">${name}</text>`;
  });
  return [...curves, `<circle cx="${x + 8}" cy="42" r="6" fill="#c2255c"/><text x="${x + 20}" y="46">support</text>`];
}
