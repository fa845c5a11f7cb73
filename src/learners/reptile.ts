import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  concat,
  floor,
  gather,
  minimum,
  multiply,
  randomUniform,
  stopGradient,
  subtract,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { type Optimizer, sgd } from "../optim/optimizer.ts";
import {
  type Context,
  describeModel,
  gradients,
  type Learner,
  learned,
  lossOf,
  mapTensors,
  modelTraits,
  type TensorBatch,
  type TensorEpisode,
} from "./learner.ts";
import { type InnerSteps, innerStepsOf, positiveNumber, stepsNow, wholeNumber } from "./options.ts";

export interface ReptileOptions extends InnerSteps {
  /** Rate of inner gradient descent; 0.02 by default. */
  readonly innerRate?: number;
  /** Another inner update rule, such as adam(1e-3, { beta1: 0 }) as the paper has it for images; `innerRate` is then not given. */
  readonly innerOptimizer?: Optimizer;
  /** Examples of each inner step in meta-training, drawn with replacement; all of the task's by default. */
  readonly innerBatch?: number;
}

/** epsilon of section 6.1's sinusoid experiment, where the outer loop is given no rule of its own. */
const OUTER_RATE = 0.1;

/**
 * Reptile (Nichol, Achiam and Schulman 2018, algorithm 2): moves the initialisation towards the weights that k inner steps
 * on a task reach. Meta-training uses support and query examples alike, as the paper does; the meta-gradient it hands to
 * the outer optimizer is phi - U_k(phi), so that the outer rate of plain gradient descent is the paper's epsilon.
 */
export function reptile(model: Model, options: ReptileOptions = {}): Learner {
  const { innerRate = 0.02, innerOptimizer, innerBatch } = options;
  if (innerOptimizer && options.innerRate !== undefined) {
    throw new OptionError("reptile: innerRate and innerOptimizer exclude one another; give the rate to the optimizer");
  }
  const rule = innerOptimizer ?? sgd(positiveNumber("reptile: innerRate", innerRate));
  if (innerBatch !== undefined) wholeNumber("reptile: innerBatch", innerBatch, 1);
  const steps = innerStepsOf("reptile", { ...options, innerSteps: options.innerSteps ?? 5 });
  const traits = modelTraits(model);

  /** U_k: k steps of the inner rule; examples are drawn anew for every step where `innerBatch` says so. */
  function innerLoop(phi: Tensors, examples: TensorBatch, context: Context): Tensors {
    const loss = lossOf(context.spec);
    let adapted = learned(traits, phi);
    let memory = rule.init(adapted);
    for (let step = 0; step < stepsNow(steps, context); step++) {
      const { x, y } =
        context.training && innerBatch !== undefined ? draw(examples, innerBatch, context.key, step) : examples;
      const current = { ...phi, ...adapted };
      const gradient = gradients(loss(model.apply(current, x, context), y), adapted);
      ({ params: adapted, state: memory } = rule.update(adapted, mapTensors(gradient, stopGradient), memory));
    }
    return { ...phi, ...adapted };
  }

  const everything = ({ support, query }: TensorEpisode): TensorBatch => ({
    x: concat([support.x, query.x], 0),
    y: concat([support.y, query.y], 0),
  });

  return {
    ...traits,
    name: "reptile",
    description: `reptile, inner ${rule.name} x ${steps.training}, batch ${innerBatch ?? "all"}; ${describeModel(model)}`,
    innerSteps: steps,
    outerOptimizer: sgd(OUTER_RATE),
    init: (key) => model.init(key),
    adapt: innerLoop,
    predict: (adapted, x, context) => model.apply(adapted, x, context),

    /** The loss that the inner loop ends with; it is shown, not differentiated. */
    outerLoss(phi, episode, context) {
      const examples = everything(episode);
      const adapted = innerLoop(phi, examples, context);
      return lossOf(context.spec)(model.apply(adapted, examples.x, { ...context, carried: new Map() }), examples.y);
    },

    metaGradient(phi, episode, context) {
      const adapted = innerLoop(phi, everything(episode), context);
      return mapTensors(learned(traits, phi), (value, name) => subtract(value, adapted[name] as Tensor));
    },
  };
}

/** `count` examples drawn with replacement. */
function draw({ x, y }: TensorBatch, count: number, key: Tensor, step: number): TensorBatch {
  const n = x.shape[0] as number;
  // A product that rounds up to n would point past the last example.
  const index = minimum(floor(multiply(randomUniform(key, [count], step), n)), n - 1);
  return { x: gather(x, index), y: gather(y, index) };
}
