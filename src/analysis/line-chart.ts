import { requireNumber, requireNumbers, requireOptions, requireText, wrong } from "../arguments.ts";
import { axes, legend, niceScale, pixels, styleOf, svgFrame } from "./svg.ts";

/** A line of a chart. */
export interface Curve {
  readonly name: string;
  readonly y: ArrayLike<number>;
  /** 0, 1, 2, … by default. */
  readonly x?: ArrayLike<number>;
}

export interface LineChart {
  readonly title: string;
  /** Names of the axes. */
  readonly x: string;
  readonly y: string;
  readonly curves: readonly Curve[];
  /** The highest number of the vertical axis; what lies above it is cut off. The highest of the curves by default. */
  readonly most?: number;
}

const WIDTH = 760;
const HEIGHT = 400;
/** Beyond so many points of a curve, only some are drawn: an SVG of every observation of a long stream would be large. */
const POINTS = 400;

/**
 * Curves over one axis, as the text of an SVG picture; numbers that are not finite are left out.
 * @throws OptionError for a chart without curves, or a curve whose x and y are not of one length
 */
export function drawLines(chart: LineChart): string {
  requireOptions("drawLines", chart, ["title", "x", "y", "curves", "most"]);
  const { title, x, y, curves, most } = chart;
  for (const [name, text] of Object.entries({ title, x, y })) requireText(`drawLines: ${name}`, text);
  if (most !== undefined) requireNumber("drawLines: most", most);
  if (!Array.isArray(curves) || curves.length === 0) throw wrong("drawLines: curves", "a list of { name, y }", curves);
  const drawn = curves.map((curve, i) => pointsOf(`drawLines: curves[${i}]`, curve));
  const names = legend(
    curves.map(({ name }) => name),
    { left: 64, right: WIDTH - 24 },
    44,
  );
  const box = { left: 64, right: WIDTH - 24, top: 44 + names.height, bottom: HEIGHT - 52 };
  const points = drawn.flat();
  const places = points.map(([value]) => value);
  const across = niceScale(rangeOf(places), [box.left, box.right], 10, places.every(Number.isInteger) ? 1 : 0);
  const [low, high] = rangeOf(points.map(([, value]) => value));
  const up = niceScale([low, most ?? high], [box.bottom, box.top]);
  const top = up.ticks.at(-1) as number;
  const paths = drawn.map((curve, i) => {
    const { colour, dash } = styleOf(i);
    const path = curve.map(([a, b]) => `${pixels(across(a))},${pixels(up(Math.min(b, top)))}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`;
  });
  return svgFrame(WIDTH, HEIGHT, title, [...axes(box, across, up, { x, y }), ...paths, ...names.elements]);
}

function pointsOf(what: string, curve: Curve): [number, number][] {
  requireOptions(what, curve, ["name", "y", "x"]);
  requireText(`${what}.name`, curve.name);
  const y = Array.from(requireNumbers(`${what}.y`, curve.y));
  const x = curve.x === undefined ? y.map((_, i) => i) : Array.from(requireNumbers(`${what}.x`, curve.x));
  if (y.length === 0 || x.length !== y.length) throw wrong(`${what}.x`, `${Math.max(1, y.length)} numbers`, x.length);
  const every = Math.max(1, Math.ceil(y.length / POINTS));
  return y
    .map((value, i): [number, number] => [x[i] as number, value])
    .filter((point, i) => (i % every === 0 || i === y.length - 1) && point.every(Number.isFinite));
}

function rangeOf(values: readonly number[]): [number, number] {
  return values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
}
