import {
  add,
  broadcast,
  concat,
  divide,
  matmul,
  multiply,
  ones,
  reshape,
  sum,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Model, named } from "../nn/model.ts";
import { nonzero } from "../nn/moments.ts";
import { mlp } from "../nn/networks.ts";
import type { Objective } from "../nn/objective.ts";
import { describeOptions, type Given, readOptions, whole } from "../options.ts";
import type { Learner } from "./learner.ts";
import { applied, neuralProcess, WIDTH } from "./neural-process.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = {
  width: { ...WIDTH, default: 128 },
  depth: whole("hidden layers of the encoder, and of the decoder", { least: 1, most: 64, default: 3 }),
};
export type CnpOptions = Given<typeof OPTIONS>;

/**
 * Conditional neural process (Garnelo et al. 2018, equations 1 to 3): an encoder h makes a representation of each example, their
 * mean represents the task, and a decoder g predicts from it. With classes, every class has a mean of its own (section 4.3). The state is sums
 * and weights of representations.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function cnp(features: Model, objective: Objective, options: CnpOptions = {}): Learner {
  const settings = readOptions("cnp", OPTIONS, options);
  const { width, depth } = settings;
  const hidden = Array<number>(depth).fill(width);
  return neuralProcess(
    ["cnp", describeOptions(OPTIONS, settings)],
    features,
    objective,
    ({ D, T, outputs, groups }) => {
      const h = named("encoder", mlp({ inputShape: D + T, hidden, outputs: width }));
      const g = named("decoder", mlp({ inputShape: D + groups * width, hidden, outputs }));
      return {
        observing: "exact",
        networks: [h, g],

        start: () => ({ sums: zeros([groups, width]), weights: zeros([groups, 1]) }),

        observe(theta, { sums, weights }, { x, y, weight }, context) {
          const n = weight.size;
          // Equation 1: r_i = h(x_i, y_i)
          const r = applied(h, theta, concat([x, y], 1), context);
          const member = multiply(reshape(weight, [n, 1]), objective.classes ? y : ones([n, 1]));
          return {
            sums: add(sums as Tensor, matmul(member, r, { transposeA: true })),
            weights: add(weights as Tensor, reshape(sum(member, 0), [groups, 1])),
          };
        },

        predict(theta, { sums, weights }, x, context) {
          // Equation 2: r is the mean of the r_i; equation 3: phi_i = g(x_i, r)
          const r = reshape(divide(sums as Tensor, nonzero(weights as Tensor)), [1, groups * width]);
          const task = broadcast(r, [x.shape[0] as number, groups * width]);
          return applied(g, theta, concat([x, task], 1), context);
        },
      };
    },
  );
}

export const cnpRecord: LearnerRecord<typeof OPTIONS> = {
  name: "cnp",
  paper: "Garnelo et al. 2018",
  summary: "a mean of encoded examples from which a decoder predicts, with its uncertainty",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => cnp(model, objective, options),
  settings: { sinusoid: { run: { metaBatch: 16, halveEvery: 10_000 } } },
};
