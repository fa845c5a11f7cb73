import { requireBoolean, requireOneOf, requireOptions, requireWhole } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { relative } from "../learners/relative.ts";
import { gaussian, type Objective, regression } from "../nn/objective.ts";
import { type Examples, requireExamples, requireFact, rowsBy, valuesOf } from "./examples.ts";
import { type GroupSource, groupSource, largeEnough } from "./groups.ts";
import { hashValues } from "./hash.ts";
import { pickRows } from "./rows.ts";
import {
  needed,
  neededText,
  type Queries,
  requireQueries,
  requireSmall,
  type Small,
  sharesOf,
  waysOut,
} from "./shares.ts";

/** Options of `entities`. */
export interface EntityOptions {
  /** The fact that tells whose a row is; `"entity"` by default. */
  readonly entity?: string;
  /** Support rows. */
  readonly shots: number;
  /** Query rows; `"rest"` for all of the entity that are not support. */
  readonly queries: Queries;
  /** What is predicted of the targets: a number, or a number with its deviation; `"regression"` by default. */
  readonly objective?: "regression" | "gaussian";
  /** Whether learners see targets less the mean of the support set's; true by default. Predictions and metrics are of the targets themselves. */
  readonly centre?: boolean;
  /** Whether learners see targets divided by the deviation of the support set's; true by default. */
  readonly scale?: boolean;
  /** Entities of fewer rows: `"refuse"` them, which is the default, `"skip"` them, or take `"fewer"` of their rows; those of one row are then left out. */
  readonly small?: Small;
}

/**
 * Regression for somebody new: every task is of one entity (a patient, a sensor, a user), support and query are different rows
 * of it. Targets are the column `y` of the examples.
 *
 * Entities differ in level and spread more than in shape, so that a learner sees targets relative to those of the support set,
 * unless told otherwise: see `relative`.
 *
 * @throws OptionError for an unknown option or a count that is not a whole number; DataError where the examples have no column `y`
 *   or no such fact, and for entities that are too small, unless `small` says what to do about them
 */
export function entities(examples: Examples, options: EntityOptions): GroupSource {
  requireExamples("entities", examples);
  requireOptions("entities", options, ["entity", "shots", "queries", "objective", "centre", "scale", "small"]);
  const { entity = "entity", shots, objective = "regression", centre = true, scale = true, small = "refuse" } = options;
  requireWhole("entities: shots", shots, 1);
  const queries = requireQueries("entities", options.queries);
  requireOneOf("entities: objective", objective, ["regression", "gaussian"]);
  requireBoolean("entities: centre", centre);
  requireBoolean("entities: scale", scale);
  requireSmall("entities", small);
  const outputs = targetsOf("entities", examples);
  const facts = requireFact("entities: entity", examples, entity);
  const values = valuesOf(facts);
  const all = rowsBy(facts, values).map((rows, i) => ({ value: values[i] as string | number, rows }));
  const least = small === "fewer" ? 2 : needed(shots, queries);
  const groups = largeEnough("entities", all, ({ rows }) => (rows.length < least ? `${rows.length}` : undefined), {
    skip: small !== "refuse",
    rule: `every entity must have shots + queries = ${neededText(shots, queries)} rows`,
    remedy: waysOut("entities"),
    examples,
  });
  const shares = groups.map(({ rows }) => sharesOf(rows.length, shots, queries));
  const most = (of: "shots" | "queries") => shares.reduce((largest, each) => Math.max(largest, each[of]), 0);
  const weighted = shares.some((each) => each.shots < most("shots") || each.queries < most("queries"));
  const { y: _, ...inputs } = examples.columns;
  return groupSource({
    name: `${examples.name} by ${entity}`,
    examples,
    spec: {
      inputs,
      objective: entityObjective(outputs, { objective, centre, scale }),
      segments: [most("shots")],
      queries: most("queries"),
      ...(weighted ? { weighted: true } : {}),
    },
    fingerprint: hashValues(
      "entities",
      examples.fingerprint,
      entity,
      shots,
      queries,
      objective,
      `${centre} ${scale}`,
      small,
    ),
    groups: groups.map(({ value }) => value),
    pick(group, draw) {
      const { rows } = groups[group] as (typeof groups)[0];
      const share = shares[group] as (typeof shares)[0];
      const picked = pickRows(rows, draw.choose(share.shots + share.queries, rows.length));
      return { segments: [picked.slice(0, share.shots)], queries: picked.slice(share.shots) };
    },
  });
}

/** What tasks of entities are trained on. */
export function entityObjective(
  outputs: number,
  { objective = "regression", centre = true, scale = true }: Pick<EntityOptions, "objective" | "centre" | "scale">,
): Objective {
  const base = { regression, gaussian }[objective](outputs);
  return centre || scale ? relative(base, { centre, scale }) : base;
}

/** Numbers of a target. @throws DataError where examples have no targets that are vectors */
export function targetsOf(operation: string, { name, columns }: Examples): number {
  const [outputs, ...others] = columns.y ?? [];
  if (outputs !== undefined && others.length === 0) return outputs;
  const got = columns.y === undefined ? "none" : `[${columns.y.join(", ")}]`;
  throw new DataError(
    `${operation}: examples must have targets, a column y of one axis, got ${got} (${name}); name them when the examples are made, as in examples(table, { targets: "…" })`,
  );
}
