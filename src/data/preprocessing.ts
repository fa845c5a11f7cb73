/** Preprocessing that is fitted to training rows, travels with the model, and makes of raw rows what the model was trained on. */
import { isRecord, requireText, show, wrong } from "../arguments.ts";
import { DataError, FormatError } from "../errors.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Examples } from "../tasks/examples.ts";
import { requireColumnNames } from "./features/cells.ts";
import type { Feature, Fit, FittedFeature, Row } from "./features/feature.ts";
import { requireFeature } from "./features/feature.ts";
import { heldExamples } from "./held-examples.ts";
import { type Fits, type Packed, pack, unpack } from "./packed.ts";
import { type Cell, type Column, columnOf, Table } from "./table.ts";

/** Features by the column that they make; several make one vector, one after another. */
export type FeatureColumns = Readonly<Record<string, Feature | readonly Feature[]>>;

/** Which columns of a table tell its rows apart, and which numbers are to be predicted. */
export interface ExampleOptions {
  /** Columns of text or numbers to keep as facts: `{ label: "intent", group: "domain" }`. */
  readonly [fact: string]: string | readonly string[] | undefined;
  /** Columns of numbers that become the column `y`. */
  readonly targets?: string | readonly string[];
}

/** Raw rows: a table, or lists of cells by column. */
export type RawRows = Table | Readonly<Record<string, Column | ArrayLike<Cell>>>;

/**
 * Preprocessing before it is fitted: `preprocess({ x: [standardise("age"), oneHot("sex")] })`.
 * @throws OptionError for what is no feature
 */
export function preprocess(columns: FeatureColumns): Preprocess {
  return new Preprocess(columns);
}

/** What `preprocess` makes. */
export class Preprocess {
  /** What a file with a fit must agree on. */
  readonly description: string;
  private readonly features: Readonly<Record<string, readonly Feature[]>>;

  constructor(columns: FeatureColumns) {
    if (!isRecord(columns) || Object.keys(columns).length === 0) {
      throw wrong("preprocess: columns", 'features by column, such as { x: standardise("age") }', columns);
    }
    const entries = Object.entries(columns).map(([name, given]) => {
      const list: readonly Feature[] = Array.isArray(given) ? given : [given];
      if (list.length === 0) throw wrong(`preprocess: ${name}`, "at least one feature", given);
      for (const [i, feature] of list.entries()) requireFeature(`preprocess: ${name}[${i}]`, feature);
      return [name, list] as const;
    });
    this.features = Object.fromEntries(entries);
    this.description = entries
      .map(([name, list]) => `${name}: ${list.map((each) => each.description).join(" + ")}`)
      .join("; ");
  }

  /** Learns from training rows what the features need. @throws DataError as the features do */
  fit(rows: RawRows): Preprocessing {
    const table = tableFrom("fit", rows);
    return this.fitted(mapFeatures(this.features, (feature) => feature.fit(table)));
  }

  /** This preprocessing with fits that were kept. @throws FormatError where they are not this one's */
  fitted(fits: Fits): Preprocessing {
    if (!isRecord(fits)) throw wrong("fitted: fits", "fits by column", fits);
    const parts = Object.entries(this.features).map(([name, list]) => {
      const own = Object.hasOwn(fits, name) ? (fits[name] ?? []) : [];
      if (own.length !== list.length) {
        throw new FormatError(`preprocessing: ${name} must have ${list.length} fits, got ${own.length}`);
      }
      return [
        name,
        new Part(
          name,
          list.map((feature, i) => feature.fitted(own[i] as Fit)),
        ),
      ] as const;
    });
    const reads = [...new Set(Object.values(this.features).flatMap((list) => list.flatMap((each) => each.reads)))];
    return new Preprocessing(this, Object.fromEntries(parts), fits, reads);
  }

  /**
   * This preprocessing with the fits of a file. @throws FormatError where there are none, they are damaged, or of other
   * preprocessing
   */
  unpack(packed: Packed): Preprocessing {
    return this.fitted(unpack(this.description, packed));
  }
}

/** Fitted preprocessing. It never changes. */
export class Preprocessing {
  /** Shape of what it makes of a row, by column. */
  readonly inputs: Readonly<Record<string, Shape>>;

  /** Made by `preprocess(…).fit(rows)`. */
  constructor(
    /** What it is a fit of. */
    readonly unfitted: Preprocess,
    private readonly parts: Readonly<Record<string, Part>>,
    /** What was learned, by column and feature, as files hold it. */
    readonly fits: Fits,
    /** The columns that it reads. */
    readonly reads: readonly string[],
  ) {
    this.inputs = Object.fromEntries(Object.entries(parts).map(([name, { shape }]) => [name, shape]));
  }

  /** What was learned as named arrays and metadata, for a file: `preprocess(…).unpack(packed)` gives this preprocessing back. */
  pack(): Packed {
    return pack(this.unfitted.description, this.fits);
  }

  /**
   * The numbers of raw rows, by column: [n, ...shape]. @throws DataError for rows that lack a column or hold what a feature
   * does not take
   * @param what the caller's operation, for errors
   */
  apply(rows: RawRows, what = "apply"): Record<string, Float32Array> {
    const table = tableFrom(what, rows);
    const made = Object.entries(this.parts).map(([name, part]) => {
      const length = sizeOf(part.shape);
      const out = new Float32Array(table.size * length);
      for (let row = 0; row < table.size; row++) part.write(table, row, out, row * length);
      return [name, out] as const;
    });
    return Object.fromEntries(made);
  }

  /**
   * Examples of a table's rows, made here and now and kept in memory: 4 bytes per number, or 8 per number that is not 0 where few
   * are.
   * @param options the facts of rows by name, and the targets: `{ label: "intent", group: "domain" }`,
   *   `{ entity: "patient", targets: "pressure" }`
   * @throws DataError as `apply`, and where a fact or a target is missing in a row
   */
  examples(table: Table, options: ExampleOptions = {}): Examples {
    if (!(table instanceof Table)) throw wrong("examples: table", "a Table, as readers and tableOf make it", table);
    if (!isRecord(options)) throw wrong("examples: options", "an object of facts and targets", options);
    const { targets, ...facts } = options;
    const shapes: Record<string, Shape> = { ...this.inputs };
    let y: Float32Array = new Float32Array(0);
    let width = 0;
    if (targets !== undefined) {
      const names: unknown = typeof targets === "string" ? [targets] : targets;
      if (!Array.isArray(names)) throw wrong("examples: targets", "the name of a column, or a list of them", targets);
      requireColumnNames("examples: targets", names);
      if (shapes.y !== undefined) throw wrong("examples: targets", "left out where preprocessing makes y", targets);
      y = targetsOf(table, names);
      width = names.length;
      shapes.y = [width];
    }
    const known = Object.entries(facts).map(([name, column]) => [name, factsOf(table, name, column)] as const);
    return heldExamples(table.name, table.size, shapes, Object.fromEntries(known), (column, row, out, offset) => {
      const part = this.parts[column];
      if (part !== undefined) part.write(table, row, out, offset);
      else out.set(y.subarray(row * width, (row + 1) * width), offset);
    });
  }
}

/** Features that make one column. */
class Part {
  readonly shape: Shape;

  constructor(
    private readonly name: string,
    private readonly features: readonly FittedFeature[],
  ) {
    const [first] = features;
    const several = features.length > 1;
    const odd = features.find(({ shape }) => several && shape.length !== 1);
    if (odd !== undefined) {
      throw new DataError(
        `preprocess: features that share the column ${name} must give vectors, got [${odd.shape.join(", ")}]; give it a column of its own`,
      );
    }
    this.shape = several
      ? [features.reduce((sum, { shape }) => sum + sizeOf(shape), 0)]
      : (first as FittedFeature).shape;
  }

  write(table: Table, row: number, out: Float32Array, offset: number): void {
    const cells: Row = (column) => table.column(column).at(row);
    let at = offset;
    for (const feature of this.features) {
      try {
        feature.write(cells, out, at);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        throw new DataError(`${table.name}: row ${row}: ${error.message} (for column ${this.name})`);
      }
      at += sizeOf(feature.shape);
    }
  }
}

function mapFeatures<T>(
  features: Readonly<Record<string, readonly Feature[]>>,
  each: (feature: Feature) => T,
): Record<string, T[]> {
  return Object.fromEntries(Object.entries(features).map(([name, list]) => [name, list.map(each)]));
}

function tableFrom(what: string, rows: RawRows): Table {
  if (rows instanceof Table) return rows;
  if (!isRecord(rows)) throw wrong(`${what}: rows`, "a Table, or lists of cells by column", rows);
  const columns = Object.entries(rows).map(([name, cells]) => [name, columnOf(`${what}: ${name}`, cells)] as const);
  return new Table(`${what}: rows`, Object.fromEntries(columns));
}

function factsOf(table: Table, name: string, from: unknown): readonly (string | number)[] {
  const column = table.column(requireText(`examples: ${name}`, from));
  return Array.from({ length: table.size }, (_, row) => {
    const cell = column.at(row);
    if (typeof cell === "string" || typeof cell === "number") return cell;
    throw new DataError(
      `${table.name}: row ${row}: ${from} must be text or a number to be the ${name}, got ${show(cell)}`,
    );
  });
}

function targetsOf(table: Table, names: readonly string[]): Float32Array {
  const values = new Float32Array(table.size * names.length);
  for (const [i, name] of names.entries()) {
    const column = table.column(name, "number");
    for (let row = 0; row < table.size; row++) {
      const cell = column.at(row);
      if (cell === null || !Number.isFinite(Math.fround(cell))) {
        throw new DataError(
          `${table.name}: row ${row}: ${name} must be a finite number to be a target, got ${show(cell)}; leave the row out`,
        );
      }
      values[row * names.length + i] = cell;
    }
  }
  return values;
}
