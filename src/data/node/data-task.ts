/** Tasks of a table that was read from files: which rows are whose, what preprocessing learns of them, and how tasks are drawn. */
import { DataError } from "../../errors.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { OptionTable, Settings } from "../../options.ts";
import { entities } from "../../tasks/entities.ts";
import { episodes } from "../../tasks/episodes.ts";
import { type Examples, valuesOf } from "../../tasks/examples.ts";
import { ContentHash } from "../../tasks/hash.ts";
import type { Part, TaskRecord } from "../../tasks/record.ts";
import type { Small } from "../../tasks/shares.ts";
import type { TaskSource } from "../../tasks/types.ts";
import { within } from "../../tasks/within.ts";
import { byClass } from "../by-class.ts";
import type { Preprocess, Preprocessing } from "../preprocessing.ts";
import type { Table } from "../table.ts";
import { SparseExamples } from "./sparse-examples.ts";
import type { Parts } from "./task-parts.ts";

/** A task of files whose examples are made by preprocessing. */
export interface DataTaskRecord<T extends OptionTable = OptionTable> extends TaskRecord<T> {
  /**
   * Reads the data of a run.
   * @param data what `--data` names
   */
  open(settings: Settings<T>, data: string): Promise<OpenTasks>;
}

/** Data that was read, before its tasks are drawn. */
export interface OpenTasks {
  /** Tells one division of the data into parts from another. */
  readonly division: string;
  /** What the training part is to be fitted by. */
  readonly preprocess: Preprocess;
  /** The fit to the training part. */
  fit(): Preprocessing;
  /** The values of the options that are read off the data. */
  found(preprocessing: Preprocessing): Readonly<Record<string, string | number>>;
  /** The tasks of a part. @throws DataError where the part is empty */
  source(settings: Readonly<Record<string, unknown>>, part: Part, preprocessing: Preprocessing): TaskSource;
}

/** The record of a task: what it says of itself, and how its data are opened. */
export function dataTask<T extends OptionTable>(record: Omit<DataTaskRecord<T>, "source">): DataTaskRecord<T> {
  return {
    ...record,
    async source(settings, part, data) {
      const opened = await record.open(settings, data);
      return opened.source(settings, part, opened.fit());
    },
  };
}

/** What tells rows apart: names of columns. */
export type TaskKind =
  /** Episodes of classes, new ones in every part. */
  | { readonly of: "classes"; readonly label: string }
  /** The same classes for a new group. */
  | { readonly of: "groups"; readonly label: string; readonly group: string }
  /** A number to predict for a new group. */
  | { readonly of: "entities"; readonly group: string; readonly target: string };

/** What a data set says of its rows. */
export interface TableTasks {
  readonly table: Table;
  readonly kind: TaskKind;
  /** The features, told by the rows of the training part. */
  readonly preprocess: (training: Table) => Preprocess;
  readonly parts: Parts;
}

/** The column whose values no division splits. */
export const unitOf = (kind: TaskKind): string => (kind.of === "classes" ? kind.label : kind.group);

/** The values of a column as texts, a row each. @throws DataError for a cell that is missing */
export function unitsOf(table: Table, column: string): string[] {
  const cells = table.column(column);
  return Array.from({ length: table.size }, (_, row) => {
    const cell = cells.at(row);
    if (typeof cell === "string" || typeof cell === "number") return String(cell);
    throw new DataError(
      `${table.name}: row ${row + 1}: ${column} must be text or a number, got ${cell === null ? "nothing" : cells.kind}; fill it in or leave the row out`,
    );
  });
}

/** Numbers of examples above which they are made when a task needs them, and kept without their zeros: 256 MiB. */
const MOST_HELD = 2 ** 26;

export function openTable({ table, kind, preprocess: featuresOf, parts }: TableTasks): OpenTasks {
  const units = unitsOf(table, unitOf(kind));
  const rowsOf = (part: Part): number[] => {
    const own = new Set(parts[part]);
    return units.flatMap((unit, row) => (own.has(unit) ? [row] : []));
  };
  const training = table.rows(rowsOf("train"));
  const preprocess = featuresOf(training);
  const hash = new ContentHash();
  for (const part of ["train", "validation", "test"] as const)
    for (const unit of parts[part]) hash.value(part).value(unit);
  const labels = kind.of === "groups" ? labelsOf(table, kind.label) : [];
  let fitted: Preprocessing | undefined;
  return {
    division: hash.digest(),
    preprocess,
    fit() {
      fitted ??= preprocess.fit(training);
      return fitted;
    },
    found: ({ inputs }) => ({
      numbers: sizeOf(inputs.x ?? []),
      ...(labels.length > 0 ? { classes: labels.length } : {}),
    }),
    source(settings, part, preprocessing) {
      const rows = rowsOf(part);
      if (rows.length === 0) {
        throw new DataError(
          `${table.name}: there must be rows in the ${part} part, got none; give a split that has some`,
        );
      }
      return sourceOf(examplesOf(table.rows(rows), kind, preprocessing), kind, labels, settings as TaskSettings);
    },
  };
}

/** Options of tasks, where a record has them. */
interface TaskSettings {
  readonly ways?: number;
  readonly shots?: number;
  /** Support rows in all, in place of shots. */
  readonly support?: number;
  /** Left out: all that support leaves. */
  readonly queries?: number;
  readonly small?: Small;
}

function sourceOf(
  examples: Examples,
  kind: TaskKind,
  labels: readonly (string | number)[],
  { ways = 2, shots = 1, support, queries, small = "refuse" }: TaskSettings,
): TaskSource {
  const common = { queries: queries ?? "rest", small } as const;
  if (kind.of === "classes") return episodes(byClass(examples), { ways, shots, ...common });
  if (kind.of === "entities") return entities(examples, { entity: "group", shots, ...common });
  return within(examples, { labels, ...(support === undefined ? { shots } : { support }), ...common });
}

function labelsOf(table: Table, label: string): (string | number)[] {
  const cells = table.column(label);
  unitsOf(table, label);
  return valuesOf(Array.from({ length: table.size }, (_, row) => cells.at(row) as string | number));
}

function examplesOf(table: Table, kind: TaskKind, preprocessing: Preprocessing): Examples {
  const facts =
    kind.of === "classes"
      ? { label: kind.label }
      : { group: kind.group, ...(kind.of === "groups" ? { label: kind.label } : {}) };
  const numbers = Object.values(preprocessing.inputs).reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (kind.of === "entities" || table.size * numbers <= MOST_HELD) {
    return preprocessing.examples(table, kind.of === "entities" ? { ...facts, targets: kind.target } : facts);
  }
  const known = Object.entries(facts).map(([fact, column]) => {
    const cells = table.column(column);
    return [fact, Array.from({ length: table.size }, (_, row) => cells.at(row) as string | number)] as const;
  });
  return new SparseExamples(table, preprocessing, Object.fromEntries(known));
}
