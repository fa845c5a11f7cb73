import {
  broadcast,
  concat,
  greater,
  multiply,
  ones,
  reshape,
  sigmoid,
  slice,
  tanh,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { attention, causalWeights } from "../nn/attention.ts";
import { linear } from "../nn/layers.ts";
import { type Model, model, named } from "../nn/model.ts";
import type { Objective } from "../nn/objective.ts";
import { describeOptions, type Given, readOptions, whole } from "../options.ts";
import type { Learner } from "./learner.ts";
import { applied, overFeatures } from "./neural-process.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY, emptyReplay, inOrder, keep, rowsKept } from "./replay.ts";

const OPTIONS = {
  blockWidth: whole("filters of a convolution, and numbers of keys and values", {
    least: 1,
    most: 65_536,
    default: 32,
  }),
  reach: whole("examples that a block of convolutions reaches back, rounded up to a power of two", {
    least: 1,
    most: 65_536,
    default: 32,
  }),
  capacity: CAPACITY,
};
export type SnailOptions = Given<typeof OPTIONS>;

/** For each of the first R rows the row `distance` before it; for each of the others, the row `distance` before row R. */
function earlier(x: Tensor, R: number, distance: number): Tensor {
  const [rows, C] = x.shape as [number, number];
  if (distance > R) return zeros([rows, C]);
  const [first, last] = [zeros([distance, C]), slice(x, [R - distance, 0], [1, C])];
  const shifted = distance === R ? [first] : [first, slice(x, [0, 0], [R - distance, C])];
  return concat([...shifted, broadcast(last, [rows - R, C])], 0);
}

/**
 * SNAIL, the simple neural attentive meta-learner (Mishra et al. 2018, section 3 and figure 2): causal convolutions over the sequence of
 * examples (x, y), whose last element is a query (x, 0), interleaved with causal attention. All queries share the examples'
 * part, which does not depend on them: a query reads the examples and not itself. The state is the kept examples.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function snail(features: Model, objective: Objective, options: SnailOptions = {}): Learner {
  const settings = readOptions("snail", OPTIONS, options);
  const { blockWidth: F, reach, capacity } = settings;
  const distances = Array.from({ length: 32 - Math.clz32(reach - 1) || 1 }, (_, i) => 2 ** i);
  return overFeatures(["snail", describeOptions(OPTIONS, settings)], features, objective, ({ D, T, outputs }) => {
    // AttentionBlock, then twice TCBlock and AttentionBlock (section 5.1); a number is a dense block's distance.
    const blocks = ["attention", ...distances, "attention", ...distances, "attention"] as const;
    const widthBefore = (i: number) => D + T + i * F;
    const networks = blocks.map((kind, i) =>
      kind === "attention"
        ? named(`attention${i + 1}`, model([widthBefore(i)], linear(3 * F)))
        : named(`dense${i + 1}`, model([2 * widthBefore(i)], linear(2 * F))),
    );
    const head = named("head", model([widthBefore(blocks.length)], linear(outputs)));
    return {
      observing: "replays",
      ordered: true,
      networks: [...networks, head],
      start: (context) => emptyReplay({ x: [D], y: [T] }, rowsKept(context, capacity)),
      observe: (_, state, examples) => keep(state, { ...examples }),

      predict(theta, state, x, context) {
        const known = inOrder(state) as Readonly<Record<"x" | "y" | "weight", Tensor>>;
        const [R, n] = [known.weight.size, x.shape[0] as number];
        const present = greater(known.weight, 0);
        const row = reshape(present, [1, R]);
        const read = concat([multiply(causalWeights(R), row), broadcast(row, [n, R])], 0);
        // Empty places stay 0, as what lies before the first example is.
        const mask = reshape(concat([present, ones([n])], 0), [R + n, 1]);
        let z = concat([concat([known.x, x], 0), concat([known.y, zeros([n, T])], 0)], 1);
        for (const [i, kind] of blocks.entries()) {
          const input = kind === "attention" ? z : concat([earlier(z, R, kind), z], 1);
          const made = applied(networks[i] as Model, theta, input, context);
          const part = (index: number, rows = R + n) => slice(made, [0, index * F], [rows, F]);
          // DenseBlock: tanh(xf) * sigmoid(xg). AttentionBlock: softmax(q k' / sqrt K) v.
          const block =
            kind === "attention"
              ? attention(part(0), part(1, R), part(2, R), { weights: read })
              : multiply(tanh(part(0)), sigmoid(part(1)));
          z = concat([z, multiply(block, mask)], 1);
        }
        return applied(head, theta, slice(z, [R, 0], [n, widthBefore(blocks.length)]), context);
      },
    };
  });
}

export const snailRecord: LearnerRecord<typeof OPTIONS> = {
  name: "snail",
  paper: "Mishra et al. 2018",
  summary: "causal convolutions and attention over the sequence of examples",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => snail(model, objective, options),
  settings: {},
};
