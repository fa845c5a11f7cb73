import { requireObject, requireWhole } from "../arguments.ts";
import { requireDisjoint } from "../data/splits.ts";
import { DataError, OptionError } from "../errors.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { datasetsOf } from "../tasks/dataset.ts";
import { type Examples, sharedRows } from "../tasks/examples.ts";
import { requireSource } from "../tasks/require.ts";
import type { TaskFeed, TaskSource, TaskSpec } from "../tasks/types.ts";
import type { UseOptions } from "./programs.ts";

/** @throws OptionError unless the value is a source of tasks, or where they are taken a feed, that suits the learner */
export function checkTasks(what: string, learner: Learner, tasks: TaskSource | TaskFeed, feed = false): void {
  requireSource(`${what}: tasks`, tasks, feed);
  for (const spec of tasks.specs) checkSpec(what, learner, spec);
}

/** @throws OptionError unless executor and signal, where they are given, are what they should be */
export function checkSurroundings(what: string, { executor, signal }: { executor?: unknown; signal?: unknown }): void {
  if (executor !== undefined) {
    requireObject(`${what}: executor`, executor, "an executor, such as workers(2)", ["load()", "close()"]);
  }
  if (signal !== undefined) requireObject(`${what}: signal`, signal, "an AbortSignal", ["aborted"]);
}

/** @throws OptionError unless the inner steps, where they are given, are a number of them and the learner has an inner loop */
export function checkUse(what: string, learner: Learner, { innerSteps }: UseOptions): void {
  if (innerSteps === undefined) return;
  requireWhole(`${what}: innerSteps`, innerSteps, 0, 10_000);
  if (learner.innerSteps === undefined) {
    throw new OptionError(`${what}: innerSteps must be left out for ${learner.name}, which has no inner loop`);
  }
}

/** @throws OptionError when a learner cannot take tasks of this kind */
export function checkSpec(what: string, learner: Learner, spec: TaskSpec): void {
  for (const [column, shape] of Object.entries(learner.inputs)) {
    const got = spec.inputs[column];
    if (got !== undefined && sameShape(shape, got)) continue;
    const has = Object.entries(spec.inputs).map(([name, each]) => `${name} ${showShape(each)}`);
    throw new OptionError(
      `${what}: the learner takes ${column} of shape ${showShape(shape)}, the tasks have ${has.join(", ") || "no inputs"}`,
    );
  }
  const { objective } = spec;
  if (learner.classes && !objective.classes) {
    throw new OptionError(
      `${what}: ${learner.name} learns classes, the tasks are of ${objective.name}; use another learner`,
    );
  }
  if (learner.width !== undefined && learner.width !== objective.width) {
    const unit = objective.classes ? "ways" : "numbers for an example";
    throw new OptionError(
      `${what}: the model has ${learner.width} outputs, the tasks need ${objective.width} (${unit}); make the model with outputs: ${objective.width}`,
    );
  }
}

/** @throws OptionError unless all tasks are of one objective */
export function requireOneObjective(what: string, { specs, name: source }: TaskSource, name: string | undefined): void {
  const other = specs.find(({ objective }) => objective.name !== name);
  if (other === undefined) return;
  throw new OptionError(`${what}: tasks must all be of ${name}, got ${other.objective.name} in ${source}`);
}

/** The examples behind a source of groups, and behind the sources of a mixture. */
function examplesOf(tasks: TaskSource): readonly Examples[] {
  const { examples, sources = [] } = tasks as Partial<{ examples: Examples; sources: readonly TaskSource[] }>;
  return examples === undefined ? sources.flatMap(examplesOf) : [examples];
}

/** @throws DataError when validation would be on classes or rows of meta-training */
export function checkDisjoint(train: TaskSource, validation: TaskSource): void {
  for (const training of examplesOf(train)) {
    for (const other of examplesOf(validation)) {
      const shared = sharedRows(training, other);
      if (shared === 0) continue;
      throw new DataError(
        `validation: tasks must not have rows of the training tasks, got ${shared} of both (${other.name}); split the examples with splitExamples`,
      );
    }
  }
  for (const training of datasetsOf(train)) {
    for (const other of datasetsOf(validation)) requireDisjoint({ training, validation: other });
  }
}
