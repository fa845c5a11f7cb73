import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, full, multiply, stopGradient, subtract } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
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

export interface MetaSgdOptions extends InnerSteps {
  /** Starting value of every inner rate phi; 0.01 by default. */
  readonly innerRate?: number;
  /** Learns a weight decay lambda for every parameter too, from this starting value; without it there is none. */
  readonly weightDecay?: number;
  /** 2 differentiates through the inner steps; 1 takes the inner gradients as constants. */
  readonly order?: 1 | 2;
}

const RATE = "innerRate.";
const DECAY = "weightDecay.";

/**
 * Meta-SGD (Li et al. 2017, algorithm 1): learns the initialisation theta together with a rate phi for every parameter; and,
 * as the learned strategy RBML, a weight decay lambda for every parameter, all by backpropagation through
 * theta <- theta - phi * (grad L(theta) + lambda * theta).
 */
export function metaSgd(model: Model, options: MetaSgdOptions = {}): Learner {
  const { innerRate = 0.01, weightDecay, order = 2 } = options;
  if (order !== 1 && order !== 2) throw new OptionError(`metaSgd: order must be 1 or 2, got ${order}`);
  positiveNumber("metaSgd: innerRate", innerRate);
  if (weightDecay !== undefined && !(weightDecay >= 0 && Number.isFinite(weightDecay))) {
    throw new OptionError(`metaSgd: weightDecay must be a number from 0, got ${weightDecay}`);
  }
  const steps = innerStepsOf("metaSgd", options);
  const traits = modelTraits(model);
  const isTheta = (name: string) => !name.startsWith(RATE) && !name.startsWith(DECAY);
  const prefixed = (prefix: string, tensors: Tensors): Tensors =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
  return {
    ...traits,
    name: weightDecay === undefined ? "meta-sgd" : "meta-sgd with learned weight decay",
    description: `metaSgd order ${order}, ${steps.training} steps, decay ${weightDecay ?? "none"}; ${describeModel(model)}`,
    innerSteps: steps,

    init(key) {
      const theta = model.init(key);
      const trained = learned(traits, theta);
      const phi = mapTensors(trained, ({ shape }) => full(shape, innerRate));
      const lambda = weightDecay === undefined ? {} : mapTensors(trained, ({ shape }) => full(shape, weightDecay));
      return { ...theta, ...prefixed(RATE, phi), ...prefixed(DECAY, lambda) };
    },

    adapt(meta, support, context) {
      const loss = lossOf(context.spec);
      const theta = Object.fromEntries(Object.entries(meta).filter(([name]) => isTheta(name)));
      let adapted = learned(traits, theta);
      for (let step = 0; step < stepsNow(steps, context); step++) {
        const current = { ...theta, ...adapted };
        const gradient = gradients(loss(model.apply(current, support.x, context), support.y), adapted);
        const next = mapTensors(adapted, (value, name) => {
          const slope = gradient[name] as Tensor;
          const lambda = meta[DECAY + name];
          const data = order === 1 ? stopGradient(slope) : slope;
          const direction = lambda === undefined ? data : add(data, multiply(lambda, value));
          return subtract(value, multiply(meta[RATE + name] as Tensor, direction));
        });
        adapted = stepEnd(next);
      }
      return { ...theta, ...adapted };
    },

    predict: (adapted, x, context) => model.apply(adapted, x, context),
  };
}
