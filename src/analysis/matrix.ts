import { escaped, pixels, shortened, svgFrame } from "./svg.ts";

export interface Matrix {
  readonly title: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** What rows and columns are. */
  readonly names: { readonly row: string; readonly column: string };
  /** [rows][columns], from -1 to 1. */
  readonly values: readonly (readonly number[])[];
}

/** Letters of a row's or column's name, and about their width. */
const LETTERS = 18;
const LETTER = 6.5;
/** Cells are squares of this many pixels, less where there are many. */
const CELL = { most: 32, least: 6, room: 640 };
/** Smaller cells have no room for names and numbers. */
const NAMED = 11;
const NUMBERED = 26;

const POSITIVE = "#0072b2";
const NEGATIVE = "#d55e00";

/** A table of coloured cells: full colour is 1 or -1, white is 0. */
export function drawMatrix({ title, rows, columns, names, values }: Matrix): string {
  const size = Math.max(CELL.least, Math.min(CELL.most, CELL.room / Math.max(rows.length, columns.length)));
  const named = size >= NAMED;
  const room = (labels: readonly string[]) =>
    named ? LETTER * Math.min(LETTERS, Math.max(...labels.map(({ length }) => length))) + 8 : 8;
  const left = 40 + room(rows);
  const top = 60 + room(columns);
  const [width, height] = [size * columns.length, size * rows.length];
  const cells = values.flatMap((row, i) =>
    row.flatMap((value, j) => {
      const shade = Math.min(1, Math.abs(value)) || 0;
      if (shade < 0.005) return [];
      const [x, y] = [left + j * size, top + i * size];
      const fill = value > 0 ? POSITIVE : NEGATIVE;
      const rect = `<rect x="${pixels(x)}" y="${pixels(y)}" width="${pixels(size - 1)}" height="${pixels(size - 1)}" fill="${fill}" fill-opacity="${shade.toFixed(2)}"/>`;
      if (size < NUMBERED) return [rect];
      const colour = shade > 0.5 ? "#ffffff" : "#333333";
      return [
        `${rect}<text x="${pixels(x + size / 2)}" y="${pixels(y + size / 2)}" dy="4" font-size="10" text-anchor="middle" fill="${colour}">${value.toFixed(2).replace("0.", ".")}</text>`,
      ];
    }),
  );
  const rowNames = rows.map((name, i) => {
    const y = pixels(top + (i + 0.5) * size);
    return `<text x="${left - 6}" y="${y}" dy="4" font-size="11" text-anchor="end">${escaped(shortened(name, LETTERS))}</text>`;
  });
  const columnNames = columns.map((name, j) => {
    const x = pixels(left + (j + 0.5) * size + 4);
    return `<text x="${x}" y="${top - 6}" font-size="11" transform="rotate(-90 ${x} ${top - 6})">${escaped(shortened(name, LETTERS))}</text>`;
  });
  const middle = pixels(top + height / 2);
  const all = [
    `<rect x="${left - 1}" y="${top - 1}" width="${pixels(width + 1)}" height="${pixels(height + 1)}" fill="none" stroke="#dddddd"/>`,
    ...cells,
    ...(named ? [...rowNames, ...columnNames] : []),
    `<text x="${pixels(left + width / 2)}" y="46" text-anchor="middle">${escaped(names.column)}</text>`,
    `<text x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">${escaped(names.row)}</text>`,
  ];
  const titled = 32 + 9 * title.length;
  return svgFrame(Math.ceil(Math.max(left + width + 24, titled)), Math.ceil(top + height + 24), title, all);
}
