import { concat } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { attention } from "../nn/attention.ts";
import { sequential, transformerBlock } from "../nn/layers.ts";
import { type Model, model, named } from "../nn/model.ts";
import { mlp } from "../nn/networks.ts";
import type { Objective } from "../nn/objective.ts";
import { describeOptions, type Given, readOptions, whole } from "../options.ts";
import type { Learner } from "./learner.ts";
import { applied, HEADS, neuralProcess, requireHeads, WIDTH } from "./neural-process.ts";
import type { LearnerRecord } from "./record.ts";
import { CAPACITY, emptyReplay, keep, rowsKept } from "./replay.ts";

const OPTIONS = {
  width: WIDTH,
  depth: whole("hidden layers of the encoder, and of the decoder", { least: 1, most: 64, default: 2 }),
  layers: whole("self-attention blocks of the encoder", { least: 0, most: 64, default: 0 }),
  heads: HEADS,
  capacity: CAPACITY,
};
export type AnpOptions = Given<typeof OPTIONS>;

/**
 * Attentive neural process (Kim et al. 2019), its deterministic path: instead of one mean of the examples' representations r_i,
 * each query reads its own by attention, queries and keys being a function of x alone (section 3). There is no latent path,
 * so that predictions have a density in closed form. The state is the kept examples.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function anp(features: Model, objective: Objective, options: AnpOptions = {}): Learner {
  const settings = readOptions("anp", OPTIONS, options);
  const { width, depth, layers, heads, capacity } = settings;
  requireHeads("anp", heads, width);
  const hidden = Array<number>(depth).fill(width);
  return neuralProcess(["anp", describeOptions(OPTIONS, settings)], features, objective, ({ D, T, outputs }) => {
    const block = transformerBlock({ heads, hidden: 2 * width });
    const blocks = Object.fromEntries(Array.from({ length: layers }, (_, i) => [`block${i + 1}`, block]));
    const encoder = named("encoder", mlp({ inputShape: D + T, hidden, outputs: width }));
    const self = named("self", model([width], sequential(blocks)));
    const places = named("places", mlp({ inputShape: D, hidden: [width], outputs: width }));
    const decoder = named("decoder", mlp({ inputShape: D + width, hidden, outputs }));
    return {
      observing: "replays",
      networks: [encoder, self, places, decoder],
      start: (context) => emptyReplay({ x: [D], y: [T] }, rowsKept(context, capacity)),
      observe: (_, state, examples) => keep(state, { ...examples }),

      predict(theta, state, x, context) {
        const { x: known, y, weight: weights } = state as Readonly<Record<"x" | "y" | "weight", Tensor>>;
        const r = applied(self, theta, applied(encoder, theta, concat([known, y], 1), context), context, weights);
        // r_* = MultiHead(g(x_*), g(x_i), r_i), and the decoder reads (x_*, r_*).
        const [query, key] = [x, known].map((each) => applied(places, theta, each, context)) as [Tensor, Tensor];
        const read = attention(query, key, r, { heads, weights });
        return applied(decoder, theta, concat([x, read], 1), context);
      },
    };
  });
}

export const anpRecord: LearnerRecord<typeof OPTIONS> = {
  name: "anp",
  paper: "Kim et al. 2019",
  summary: "a neural process in which each query attends to the examples that matter for it",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => anp(model, objective, options),
  settings: { sinusoid: { run: { metaBatch: 16, halveEvery: 10_000 } } },
};
