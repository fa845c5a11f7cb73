import { OptionError } from "../errors.ts";
import type { Context } from "./learner.ts";

/** @throws OptionError unless the value is a whole number from `least` */
export function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) {
    throw new OptionError(`${name}: must be a whole number from ${least}, got ${value}`);
  }
  return value;
}

/** @throws OptionError unless the value is a finite number above 0 */
export function positiveNumber(name: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value))) throw new OptionError(`${name}: must be a number above 0, got ${value}`);
  return value;
}

/** Inner steps of learners with an inner loop. */
export interface InnerSteps {
  /** Inner steps in meta-training; 1 by default. */
  readonly innerSteps?: number;
  /** Inner steps in evaluation and use; as many as in training by default. */
  readonly evaluationSteps?: number;
}

/** The inner steps of a learner's options, checked. */
export function innerStepsOf(name: string, { innerSteps = 1, evaluationSteps = innerSteps }: InnerSteps) {
  return {
    training: wholeNumber(`${name}: innerSteps`, innerSteps, 0),
    evaluation: wholeNumber(`${name}: evaluationSteps`, evaluationSteps, 0),
  };
}

/** The inner steps of one trace. */
export function stepsNow(steps: { training: number; evaluation: number }, context: Context): number {
  const { innerSteps } = context;
  if (innerSteps !== undefined) return wholeNumber("innerSteps", innerSteps, 0);
  return context.training ? steps.training : steps.evaluation;
}
