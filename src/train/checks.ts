import { requireDisjoint } from "../data/splits.ts";
import { DataError, OptionError } from "../errors.ts";
import { sameShape, showShape, sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import type { Key } from "../random.ts";
import type { Dataset } from "../tasks/dataset.ts";
import type { Batch, Episode, TaskSource, TaskSpec } from "../tasks/types.ts";

/** @throws OptionError unless the value is a whole number from `least` to `most` */
export function checkCount(what: string, value: number, least: number, most = 2 ** 32 - 1): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new OptionError(`${what} must be a whole number from ${least} to ${most}, got ${value}`);
  }
}

/** @throws OptionError when a learner cannot take the tasks */
export function checkTasks(what: string, learner: Learner, spec: TaskSpec): void {
  if (!sameShape(learner.inputShape, spec.inputShape)) {
    throw new OptionError(
      `${what}: the learner takes examples ${showShape(learner.inputShape)}, the tasks have ${showShape(spec.inputShape)}`,
    );
  }
  if (learner.outputs !== undefined && learner.outputs !== spec.outputs) {
    const unit = spec.kind === "classification" ? "ways" : "outputs";
    throw new OptionError(`${what}: the model has ${learner.outputs} outputs, the tasks have ${spec.outputs} ${unit}`);
  }
}

/** The data set behind a source of episodes, if it has one. */
function datasetOf(tasks: TaskSource): Dataset | undefined {
  return (tasks as Partial<{ dataset: Dataset }>).dataset;
}

/** @throws DataError when validation would be on classes of meta-training */
export function checkDisjoint(train: TaskSource, validation: TaskSource): void {
  const [training, other] = [datasetOf(train), datasetOf(validation)];
  if (training !== undefined && other !== undefined) requireDisjoint({ training, validation: other });
}

/**
 * The episode of a key, checked against what its source says of its episodes.
 * @throws DataError for arrays of the wrong length, and for labels that are not whole numbers below the number of ways
 */
export function checkEpisode(tasks: TaskSource, key: Key, into?: Episode): Episode {
  const episode = tasks.sample(key, into);
  checkBatch(tasks, key, "support", episode.support, tasks.spec.supportSize);
  checkBatch(tasks, key, "query", episode.query, tasks.spec.querySize);
  return episode;
}

function checkBatch({ spec, name }: TaskSource, key: Key, part: string, { x, y }: Batch, size: number): void {
  const classification = spec.kind === "classification";
  const inputs = size * sizeOf(spec.inputShape);
  const targets = classification ? size : size * spec.outputs;
  if (x.length !== inputs || y.length !== targets) {
    throw new DataError(
      `tasks ${name}: the ${part} of the episode with key [${key}] must have ${size} examples: x of ${inputs} numbers and ` +
        `y of ${targets}, got ${x.length} and ${y.length}`,
    );
  }
  if (!classification) return;
  for (const label of y) {
    if (!Number.isInteger(label) || label < 0 || label >= spec.outputs) {
      throw new DataError(
        `tasks ${name}: the ${part} of the episode with key [${key}] has the label ${label}; ` +
          `labels must be whole numbers from 0 to ${spec.outputs - 1}`,
      );
    }
  }
}
