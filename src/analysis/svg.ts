/** Text of SVG pictures: a frame, scales with round ticks, axes and legends. No package, so that pages draw too. */

/** A picture on white under its title. */
export function svgFrame(width: number, height: number, title: string, elements: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#333333">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="16" font-weight="600">${escaped(title)}</text>`,
    ...elements,
    "</svg>\n",
  ].join("\n");
}

/** Text as XML shows it: names come from files. */
export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  // XML has no place for control characters.
  return text.replace(/[&<>"]/g, (each) => entities[each] as string).replace(/[\p{Cc}\ufffe\uffff]/gu, "\ufffd");
}

/** Text of at most so many letters: what is left out is of the middle, as names of one family differ at their ends. */
export function shortened(text: string, letters: number): string {
  if (text.length <= letters) return text;
  const end = Math.floor((letters - 1) / 2);
  return `${text.slice(0, letters - 1 - end)}…${text.slice(text.length - end)}`;
}

/** From numbers to places of a picture. */
export interface Scale {
  (value: number): number;
  /** Round numbers within its range. */
  readonly ticks: readonly number[];
}

/**
 * Rounds an interval to whole steps of 1, 2 or 5 times a power of ten, at most about `count` of them, and maps it to pixels.
 * @param least the smallest step
 */
export function niceScale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
  count = 6,
  least = 0,
): Scale {
  const span = high > low ? high - low : Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = Math.max(least, power * ([1, 2, 5, 10].find((each) => span / (each * power) <= count) ?? 10));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const [start, end] = [first * step, last * step];
  return Object.assign((value: number) => from + ((value - start) / (end - start)) * (to - from), { ticks });
}

/** A number of pixels, to a tenth. */
export const pixels = (value: number): string => `${Number(value.toFixed(1))}`;

/** A box of a picture, in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Grid, numbers and names of both axes. */
export function axes(box: Box, across: Scale, up: Scale, names: { readonly x: string; readonly y: string }): string[] {
  const { left, right, top, bottom } = box;
  const middle = pixels((top + bottom) / 2);
  return [
    ...across.ticks.map((tick) => {
      const at = pixels(across(tick));
      return `<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}" stroke="#eeeeee"/><text x="${at}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`;
    }),
    ...up.ticks.map((tick) => {
      const at = pixels(up(tick));
      return `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="#eeeeee"/><text x="${left - 8}" y="${at}" dy="4" text-anchor="end">${tick}</text>`;
    }),
    `<text x="${pixels((left + right) / 2)}" y="${bottom + 38}" text-anchor="middle">${escaped(names.x)}</text>`,
    `<text x="12" y="${middle}" text-anchor="middle" transform="rotate(-90 12 ${middle})">${escaped(names.y)}</text>`,
  ];
}

/** Colours and dashes that stay apart in print and for colour-blind readers (Okabe and Ito 2008). */
export const STYLES = [
  { colour: "#0072b2", dash: "none" },
  { colour: "#d55e00", dash: "9 4" },
  { colour: "#009e73", dash: "3 3" },
  { colour: "#cc79a7", dash: "12 3 3 3" },
  { colour: "#e69f00", dash: "6 2" },
  { colour: "#56b4e9", dash: "2 5" },
  { colour: "#555555", dash: "1 2" },
] as const;

export const styleOf = (index: number) => STYLES[index % STYLES.length] as (typeof STYLES)[number];

/** Room for a legend entry's mark, a letter of its name and the gap behind it. */
const LEGEND = { mark: 32, letter: 7, gap: 22, line: 18 };

/** Entries side by side from `left`, on as many lines as they need. */
export function legend(names: readonly string[], { left, right }: Pick<Box, "left" | "right">, y: number) {
  let [x, line] = [left, 0];
  const elements = names.map((name, i) => {
    const width = LEGEND.mark + LEGEND.letter * name.length;
    if (x > left && x + width > right) [x, line] = [left, line + 1];
    const [at, down] = [x, y + LEGEND.line * line];
    x += width + LEGEND.gap;
    const { colour, dash } = styleOf(i);
    return `<line x1="${at}" x2="${at + 26}" y1="${down}" y2="${down}" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}"/><text x="${at + LEGEND.mark}" y="${down + 4}">${escaped(name)}</text>`;
  });
  return { elements, height: LEGEND.line * (line + 1) };
}
