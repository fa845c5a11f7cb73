import type { Tensors } from "../graph/graph.ts";
import { broadcast, concat, oneHot, reshape, sigmoid } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Layer } from "../nn/layer.ts";
import { activation, conv2d, flatten, layerNorm, linear, maxPool, sequential } from "../nn/layers.ts";
import { meanSquaredError } from "../nn/losses.ts";
import { type Model, model, named } from "../nn/model.ts";
import { describeOptions, type Given, readOptions, whole } from "../options.ts";
import { belowSeen, classMeans, classSums, embed } from "./class-sums.ts";
import { describeModel, foldLoss, initModel, type Learner, passOf } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { requireVector } from "./require.ts";

const OPTIONS = {
  units: whole("filters of the relation module's convolutions, or units of its hidden layer", {
    least: 1,
    default: 64,
  }),
};
export type RelationOptions = Given<typeof OPTIONS>;

/** Units of the layer before the score (section 4 and figure 2). */
const LAST_UNITS = 8;

/**
 * g_phi of the paper, without the sigmoid at its end. On maps it is two convolutional blocks (figure 2), on vectors a hidden layer.
 * Layer normalisation stands where the paper normalises by batch: a query's pairs are not to depend on other queries.
 */
function relationModule(shape: Shape, units: number): Model {
  const block = (): Layer =>
    sequential([conv2d(units, { pad: 1 }), layerNorm(), activation("relu"), maxPool({ size: 2 })]);
  const layers: Record<string, Layer> =
    shape.length === 1
      ? { hidden1: linear(units), activation1: activation("relu") }
      : { block1: block(), block2: block(), flat: flatten() };
  const last = { hidden2: linear(LAST_UNITS), activation2: activation("relu"), score: linear(1) };
  return named(
    "relation",
    model([...shape.slice(0, -1), 2 * (shape.at(-1) as number)], sequential({ ...layers, ...last })),
  );
}

/** The paper's loss of relation scores: their squared distance from 1 for the own class and 0 for others (equation 2). */
function scoreLoss({ logits }: Tensors, { y, weight }: Tensors): Tensor {
  const r = sigmoid(logits as Tensor);
  return meanSquaredError(r, oneHot(y as Tensor, r.shape[1] as number), weight);
}

/**
 * Relation Networks (Sung et al. 2018): learns an embedding and, in place of a distance, a network that scores how a query relates to
 * each class. The logits are its scores before the sigmoid. A class is the mean of its embeddings, where the paper has their sum:
 * for equal shots that is a factor that the module learns, and shots may differ.
 * @param embedding a model from examples to vectors [n, D], or to maps [n, H, W, C] of at least 4x4
 */
export function relation(embedding: Model, options: RelationOptions = {}): Learner {
  if (embedding?.outputShape?.length !== 3) requireVector("relation: embedding", embedding);
  const settings = readOptions("relation", OPTIONS, options);
  const shape = embedding.outputShape;
  const g = relationModule(shape, settings.units);
  const learner: Learner = {
    ...classSums(embedding),
    name: "relation",
    amortised: true,
    description: `relation${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}; ${describeModel(g)}`,

    init(key) {
      const { learned, carried } = initModel(embedding, key);
      return { learned: { ...learned, ...initModel(g, key).learned }, carried };
    },

    predict(phi, state, inputs, context) {
      const { z } = embed(embedding, phi, state, inputs, context);
      const { means, seen } = classMeans(state);
      const [n, ways] = [z.shape[0] as number, seen.size];
      // Equation 1: r_ij = g(C(f(x_i), f(x_j))), where C concatenates channels.
      const classes = broadcast(reshape(means, [1, ways, ...shape]), [n, ways, ...shape]);
      const queries = broadcast(reshape(z, [n, 1, ...shape]), [n, ways, ...shape]);
      const pairs = reshape(concat([classes, queries], -1), [n * ways, ...shape.slice(0, -1), -1]);
      const { output } = g.apply(phi, { x: pairs }, passOf(context, {}, {}));
      return { logits: belowSeen(reshape(output, [n, ways]), seen) };
    },

    outerLoss(phi, task, context) {
      const objective = { ...context.spec.objective, loss: scoreLoss };
      return foldLoss(learner, phi, task, { ...context, spec: { ...context.spec, objective } });
    },
  };
  return learner;
}

export const relationRecord: LearnerRecord<typeof OPTIONS> = {
  name: "relation",
  paper: "Sung et al. 2018",
  summary: "an embedding, and a network in place of a distance",
  options: OPTIONS,
  model: "maps",
  objectives: ["classification"],
  make: relation,
  settings: {},
};
