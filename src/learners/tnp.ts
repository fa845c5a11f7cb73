import { concat, slice, zeros } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { layerNorm, sequential, transformerBlock } from "../nn/layers.ts";
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
  layers: whole("transformer blocks", { least: 1, most: 64, default: 3 }),
  heads: HEADS,
  hidden: whole("hidden units of a block; twice the width by default", { least: 1, most: 65_536, default: undefined }),
  capacity: CAPACITY,
};
export type TnpOptions = Given<typeof OPTIONS>;

/**
 * Transformer neural process (Nguyen and Grover 2022, TNP-D of section 3.3): examples (x, y) and queries (x, 0) are tokens of one
 * transformer, in which every token attends to the examples and to nothing else. The outputs of a query's token are its mean and deviation: the diagonal
 * form. Blocks normalise before each part, the paper's after. The state is the kept examples.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function tnp(features: Model, objective: Objective, options: TnpOptions = {}): Learner {
  const settings = readOptions("tnp", OPTIONS, options);
  const { width, layers, heads, hidden = 2 * width, capacity } = settings;
  requireHeads("tnp", heads, width);
  return neuralProcess(["tnp", describeOptions(OPTIONS, settings)], features, objective, ({ D, T, outputs }) => {
    const block = transformerBlock({ heads, hidden });
    const blocks = Object.fromEntries(Array.from({ length: layers }, (_, i) => [`block${i + 1}`, block]));
    const embedding = named("embedding", mlp({ inputShape: D + T, hidden: [width], outputs: width }));
    const body = named("transformer", model([width], sequential({ ...blocks, norm: layerNorm() })));
    const head = named("decoder", mlp({ inputShape: width, hidden: [width], outputs }));
    return {
      observing: "replays",
      networks: [embedding, body, head],
      start: (context) => emptyReplay({ x: [D], y: [T] }, rowsKept(context, capacity)),
      observe: (_, state, examples) => keep(state, { ...examples }),

      predict(theta, state, x, context) {
        const [known, n] = [state.y as Tensor, x.shape[0] as number];
        const rows = known.shape[0] as number;
        const tokens = concat([concat([state.x as Tensor, x], 0), concat([known, zeros([n, T])], 0)], 1);
        // Section 3.2's mask: a token of weight 0 reads the others and is not read.
        const weight = concat([state.weight as Tensor, zeros([n])], 0);
        const z = applied(body, theta, applied(embedding, theta, tokens, context), context, weight);
        return applied(head, theta, slice(z, [rows, 0], [n, width]), context);
      },
    };
  });
}

export const tnpRecord: LearnerRecord<typeof OPTIONS> = {
  name: "tnp",
  paper: "Nguyen and Grover 2022",
  summary: "a transformer over examples and queries, which predicts with uncertainty",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => tnp(model, objective, options),
  // Section 4.1 and the authors' code: batches of 16 curves; their rate decays, here it is halved.
  settings: { sinusoid: { run: { metaBatch: 16, halveEvery: 10_000 } } },
};
