import { requireObject, requireOptions } from "../arguments.ts";
import { validate } from "../program/validate.ts";
import type { Work } from "./executor.ts";
import { layoutOf } from "./layout.ts";

const PROGRAM = ["code", "inputs", "outputs", "arenaBytes"];

/**
 * Work with nothing in it but what `Work` names: what travels to workers.
 * @throws OptionError where it is no work
 */
export function requireWork(work: Work): Work {
  requireObject("load: work", work, "an object { task, batch, summed } with a Program as its task", ["task"]);
  requireOptions("load", work, ["task", "batch", "summed"]);
  const { task, batch, summed } = work;
  requireObject("load: task", task, "a Program, as compile makes one", PROGRAM);
  if (batch !== undefined) {
    requireObject("load: batch", batch, "an object { program, items }", ["program", "items"]);
    requireObject("load: batch.program", batch.program, "a Program, as compile makes one", PROGRAM);
  }
  return {
    task,
    ...(batch && { batch: { program: batch.program, items: batch.items } }),
    ...(summed && { summed: [...summed] }),
  };
}

/**
 * Checks all that `load` promises, for those who hand the work on without running it.
 * @throws OptionError where it is no work, or its parts do not fit together; FormatError where a Program is not valid
 */
export function checkedWork(work: Work): Work {
  const checked = requireWork(work);
  validate(checked.task);
  if (checked.batch !== undefined) validate(checked.batch.program);
  layoutOf(checked);
  return checked;
}
