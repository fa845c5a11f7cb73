import type { Tensors } from "../graph/graph.ts";
import {
  add,
  constant,
  divide,
  greater,
  maximum,
  multiply,
  stopGradient,
  subtract,
  sum,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { conjugateGradients, innerProduct } from "../optim/conjugate-gradients.ts";
import { mapTensors } from "../optim/rule.ts";
import { type Given, number, readOptions, type Settings, whole } from "../options.ts";
import { type LoopLearner, loopLearner } from "./inner-loop.ts";
import { INNER_OPTIONS, SINUSOID_RUN } from "./inner-options.ts";
import { type Context, gradients, type Learner, type TensorTask } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { refuseOwnedMeta } from "./require.ts";
import { RULE_OPTIONS, ruleOf } from "./rule-options.ts";

const OPTIONS = {
  ...INNER_OPTIONS,
  innerSteps: whole("inner steps in meta-training, enough to arrive", { least: 0, most: 10_000, default: 10 }),
  ...RULE_OPTIONS,
  proximity: number("lambda, which holds adapted parameters near their start", { above: 0, default: 2 }),
  conjugateSteps: whole("steps of conjugate gradients for the meta-gradient", { least: 0, most: 1000, default: 5 }),
  damping: number("added to lambda in the meta-gradient, where the support loss is not convex", {
    from: 0,
    default: 0,
  }),
};
export type ImamlOptions = Given<typeof OPTIONS>;

/**
 * Implicit MAML (Rajeswaran et al. 2019, algorithms 1 and 2): the inner loop goes down the loss of the support set with a proximal
 * term, G(phi, theta) = L_support(phi) + lambda/2 |phi - theta|^2 (equation 3). The meta-gradient is that of the minimiser, whatever
 * steps led there: (I + H / lambda)^-1 grad L_query(phi), with H the Hessian of L_support at phi (equation 6), found by conjugate
 * gradients. Its memory does not grow with the inner steps.
 */
export function imaml(model: Model, options: ImamlOptions = {}): Learner {
  const settings = readOptions("imaml", OPTIONS, options);
  refuseOwnedMeta("imaml", settings.innerOptimizer);
  const { proximity } = settings;
  const rule = ruleOf("imaml", settings, options);
  const loop = loopLearner(model, OPTIONS, settings, { name: "imaml", order: 1, proximity, ...rule });
  return {
    ...loop,
    metaGradient: (theta, task, context) => gradients(implicitLoss(loop, theta, task, context, settings), theta),
  };
}

/** A scalar whose derivative by theta is the implicit gradient of the outer loss of a task. */
function implicitLoss(
  loop: LoopLearner,
  theta: Tensors,
  { segments, queries }: TensorTask,
  context: Context,
  { proximity: lambda, conjugateSteps, damping }: Settings<typeof OPTIONS>,
): Tensor {
  const lossAt = (state: Tensors, targets: Tensors): Tensor =>
    context.spec.objective.loss(loop.predict(theta, state, targets, { ...context, role: "query" }), targets);

  /** The loss of targets as the minimiser of the inner problem on the examples predicts them. */
  const afterSolving = (solution: Tensors, examples: Tensors) => (targets: Tensors) => {
    // The minimiser phi(theta) solves g(phi, theta) = grad_phi G = 0, so that its derivative is -(dg/dphi)^-1 dg/dtheta. With w the
    // solution of (dg/dphi) w = grad_phi L, the gradient by theta is that of L - <g, w> with phi and w held constant.
    const state = mapTensors(solution, stopGradient);
    const phi = loop.adapted(state);
    const loss = lossAt(loop.measure(theta, state, examples, context).state, targets);
    const g = gradients(loop.loss(theta, state, examples, context), phi);
    // Damping makes lambda larger by as much in the solution alone. It begins at the solution for H = 0.
    const damped = lambda + damping;
    const product = (x: Tensors): Tensors => {
      const image = gradients(innerProduct(g, mapTensors(x, stopGradient)), phi);
      return mapTensors(x, (each, name) => add(image[name] as Tensor, multiply(each, damping)));
    };
    const slope = gradients(loss, phi);
    const first = mapTensors(slope, (each) => multiply(each, 1 / damped));
    const w = conjugateGradients(product, slope, conjugateSteps, first);
    return subtract(
      loss,
      innerProduct(
        g,
        mapTensors(w, (each) => stopGradient(multiply(each, damped / lambda))),
      ),
    );
  };

  let state = loop.start(theta, context);
  let predicted = (targets: Tensors): Tensor => lossAt(loop.start(theta, context), targets);
  let [total, counted]: [Tensor, Tensor] = [constant(0), constant(0)];
  for (const examples of segments) {
    if (context.spec.queries === 0) {
      total = add(total, predicted(examples));
      counted = add(counted, greater(sum(examples.weight as Tensor), 0));
    }
    const solution = loop.steps(theta, state, examples, context).state;
    predicted = afterSolving(solution, examples);
    state = loop.measure(theta, solution, examples, context).state;
  }
  return context.spec.queries > 0 ? predicted(queries) : divide(total, maximum(counted, 1));
}

export const imamlRecord: LearnerRecord<typeof OPTIONS> = {
  name: "imaml",
  paper: "Rajeswaran et al. 2019",
  summary: "an initialisation that adapted parameters stay near, learned without differentiating through the steps",
  options: OPTIONS,
  model: "predictor",
  make: imaml,
  settings: {
    // A ReLU network is far from convex on these: without damping, conjugate gradients meet negative curvature. In use, the
    // minimiser that the meta-gradient is of takes more steps to arrive at than training needs.
    sinusoid: {
      options: { innerSteps: 16, evaluationSteps: 64, innerRate: 0.01, innerClip: 100, proximity: 0.5, damping: 200 },
      run: SINUSOID_RUN,
    },
    // Section 5 and table 4: lambda = 2, 16 steps, 5 of conjugate gradients.
    omniglot: { options: { innerSteps: 16, proximity: 2 } },
  },
};
