import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { stopGradient } from "../graph/operators/index.ts";
import type { Model } from "../nn/model.ts";
import { type Optimizer, sgd } from "../optim/optimizer.ts";
import {
  describeModel,
  gradients,
  type Learner,
  learned,
  lossOf,
  mapTensors,
  modelTraits,
  stepEnd,
} from "./learner.ts";
import { type InnerSteps, innerStepsOf, positiveNumber, stepsNow } from "./options.ts";

export interface MamlOptions extends InnerSteps {
  /** alpha, the rate of inner gradient descent; 0.01 by default. */
  readonly innerRate?: number;
  /** Another inner update rule than plain gradient descent; `innerRate` is then not given. */
  readonly innerOptimizer?: Optimizer;
  /** 2 differentiates through the inner steps; 1 takes the inner gradients as constants (section 5.2). */
  readonly order?: 1 | 2;
}

/**
 * Model-agnostic meta-learning (Finn, Abbeel and Levine 2017, algorithm 2): learns an initialisation theta from which a few
 * gradient steps on a support set do well on the query set.
 */
export function maml(model: Model, options: MamlOptions = {}): Learner {
  const { innerRate = 0.01, innerOptimizer, order = 2 } = options;
  if (order !== 1 && order !== 2) throw new OptionError(`maml: order must be 1 or 2, got ${order}`);
  if (innerOptimizer && options.innerRate !== undefined) {
    throw new OptionError("maml: innerRate and innerOptimizer exclude one another; give the rate to the optimizer");
  }
  const rule = innerOptimizer ?? sgd(positiveNumber("maml: innerRate", innerRate));
  const steps = innerStepsOf("maml", options);
  const traits = modelTraits(model);
  return {
    ...traits,
    name: order === 2 ? "maml" : "first-order maml",
    description: `maml order ${order}, inner ${rule.name} x ${steps.training}; ${describeModel(model)}`,
    innerSteps: steps,
    init: (key) => model.init(key),

    adapt(theta, support, context) {
      const loss = lossOf(context.spec);
      let adapted = learned(traits, theta);
      let memory = rule.init(adapted);
      for (let step = 0; step < stepsNow(steps, context); step++) {
        const full = { ...theta, ...adapted };
        // Equation 1: theta' = theta - alpha * grad L_support(theta)
        let gradient: Tensors = gradients(loss(model.apply(full, support.x, context), support.y), adapted);
        if (order === 1) gradient = mapTensors(gradient, stopGradient);
        const next = rule.update(adapted, gradient, memory);
        [adapted, memory] = [stepEnd(next.params), stepEnd(next.state)];
      }
      return { ...theta, ...adapted };
    },

    predict: (adapted, x, context) => model.apply(adapted, x, context),
  };
}
