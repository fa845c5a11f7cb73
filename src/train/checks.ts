import { OptionError } from "../errors.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import type { TaskSpec } from "../tasks/types.ts";

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
