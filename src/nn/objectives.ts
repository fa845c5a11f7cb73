/** The objectives that files name. */
import { multiLabel, ordinal } from "./label-objectives.ts";
import { classification, gaussian, type Objective, regression } from "./objective.ts";
import { relative } from "./relative.ts";

type Maker = (outputs: number) => Objective;

/** An objective under each way of making its targets relative, by the names that these have. */
const relatives = (of: Maker): (readonly [string, Maker])[] =>
  [
    { centre: true, scale: true },
    { centre: true, scale: false },
    { centre: false, scale: true },
  ].map((options) => {
    const make: Maker = (outputs) => relative(of(outputs), options);
    return [make(1).name, make];
  });

/** Objectives that a file can name. */
export const OBJECTIVES: Readonly<Record<string, Maker>> = {
  classification,
  regression,
  gaussian,
  multiLabel,
  ordinal,
  ...Object.fromEntries([...relatives(regression), ...relatives(gaussian)]),
};
