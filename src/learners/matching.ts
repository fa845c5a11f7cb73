import {
  add,
  constant,
  exp,
  greater,
  log,
  matmul,
  max,
  maximum,
  multiply,
  oneHot,
  reshape,
  select,
  stopGradient,
  subtract,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cosines } from "../nn/distances.ts";
import type { Model } from "../nn/model.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { describeOptions, type Given, number, onlyWith, readOptions, toggle, whole } from "../options.ts";
import { belowSeen, embed, embeddingTraits, embedsAlone, startingStatistics } from "./class-sums.ts";
import { fullContextEmbeddings } from "./full-context.ts";
import { describeModel, initModel, type Learner } from "./learner.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY, emptyReplay, inOrder, keep, rowsKept } from "./replay.ts";
import { requireVector } from "./require.ts";

const OPTIONS = {
  capacity: CAPACITY,
  fullContext: toggle("embed examples in the context of the whole support set, by LSTMs"),
  attentionSteps: onlyWith(
    { fullContext: true },
    whole("steps K in which a query's LSTM attends to the support set", { least: 1, most: 100, default: 5 }),
  ),
  scale: number("start of a learned factor of the cosines; 0: none, as in the paper", { from: 0, default: 10 }),
};
export type MatchingOptions = Given<typeof OPTIONS>;

const KEPT = "kept.";
const SCALE = "attention.scale";
/** Below every score. */
const LEAST_SCORE = -1e30;
/** A class whose share of the attention is below it counts as this: its logarithm stays finite. */
const LEAST_SHARE = 1e-30;

/**
 * Matching Networks (Vinyals et al. 2016): learns an embedding by whose cosines a query attends to the support examples; its class
 * is the label that most of the attention goes to (equation 1). With `fullContext`, embeddings depend on the whole support set
 * (section 2.1.2). The state is the embeddings of the support set.
 * @param embedding a model from examples to vectors [n, D]: f and g of the paper
 */
export function matching(embedding: Model, options: MatchingOptions = {}): Learner {
  const D = requireVector("matching: embedding", embedding);
  const settings = readOptions("matching", OPTIONS, options);
  const { capacity, scale, fullContext, attentionSteps } = settings;
  const context = fullContext ? fullContextEmbeddings(D, attentionSteps) : undefined;
  return {
    ...embeddingTraits(embedding),
    // An LSTM reads the support set one after another.
    ordered: fullContext,
    observing: embedsAlone(embedding) ? "replays" : "continues",
    name: "matching",
    description: `matching${describeOptions(OPTIONS, settings)}; ${describeModel(embedding)}`,

    init(key) {
      const { learned, carried } = initModel(embedding, key);
      return {
        learned: { ...learned, ...(scale > 0 ? { [SCALE]: constant(scale) } : {}), ...context?.init(key) },
        carried,
      };
    },

    start(phi, task) {
      const buffer = emptyReplay({ z: [D], y: [] }, rowsKept(task, capacity));
      return { ...prefixed(KEPT, buffer), ...startingStatistics(embedding, phi) };
    },

    observe(phi, state, examples, task) {
      const { z, statistics, carried } = embed(embedding, phi, state, examples, task);
      const { y, weight } = examples as Readonly<Record<"y" | "weight", Tensor>>;
      return { state: { ...prefixed(KEPT, keep(unprefixed(KEPT, state), { z, y, weight })), ...statistics }, carried };
    },

    predict(phi, state, inputs, task) {
      const rows = unprefixed(KEPT, state);
      // The LSTMs read examples in the order in which they came; sums over them do not depend on it.
      const { z, y, weight } = (context === undefined ? rows : inOrder(rows)) as Readonly<
        Record<"z" | "y" | "weight", Tensor>
      >;
      const { z: query } = embed(embedding, phi, state, inputs, task);
      const g = context?.support(phi, z, weight) ?? z;
      const f = context?.query(phi, query, g, weight) ?? query;
      const scores = multiply(cosines(f, g), scale > 0 ? (phi[SCALE] as Tensor) : 1);
      // Section 2.1.1: a(x, x_i) = softmax over i of c(f(x), g(x_i)), without what all classes are divided by.
      const used = reshape(greater(weight, 0), [1, -1]);
      const top = stopGradient(max(select(used, scores, LEAST_SCORE), 1, { keepAxes: true }));
      const a = multiply(exp(subtract(select(used, scores, top), top)), reshape(weight, [1, -1]));
      // Equation 1: y = sum over i of a(x, x_i) y_i, as logarithms.
      const labels = multiply(oneHot(y, task.spec.objective.outputs), reshape(greater(weight, 0), [-1, 1]));
      const shares = add(log(maximum(matmul(a, labels), LEAST_SHARE)), top);
      return { logits: belowSeen(shares, max(labels, 0)) };
    },
  };
}

export const matchingRecord: LearnerRecord<typeof OPTIONS> = {
  name: "matching",
  paper: "Vinyals et al. 2016",
  summary: "an embedding by whose cosines queries attend to the support examples",
  options: OPTIONS,
  model: "embedding",
  objectives: ["classification"],
  make: matching,
  settings: {},
};
