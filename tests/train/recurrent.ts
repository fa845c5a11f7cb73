/** A recurrent learner, written from public exports alone: it goes through a segment row by row. */
import {
  broadcast,
  concat,
  describeModel,
  initModel,
  type Learner,
  layers,
  mlp,
  model,
  named,
  passOf,
  slice,
  type Tensor,
  type Tensors,
  tanh,
  zeros,
} from "../../src/index.ts";

const HIDDEN = 8;

/** h <- tanh(h U + (x, y) W + b) for every example (x, y); a prediction is a network's of (x, h). */
export function recurrent(): Learner {
  const cell = named("cell", model([HIDDEN + 2], layers.linear(HIDDEN)));
  const reader = named("reader", mlp({ inputShape: 1 + HIDDEN, hidden: [16], outputs: 1, activation: "tanh" }));
  return {
    name: "recurrent",
    description: `recurrent; ${describeModel(cell)}; ${describeModel(reader)}`,
    inputs: { x: [1] },
    width: 1,
    batchNorm: "none",
    observing: "exact",
    ordered: true,
    init: (key) => ({ learned: { ...initModel(cell, key).learned, ...initModel(reader, key).learned } }),
    start: () => ({ hidden: zeros([1, HIDDEN]) }),
    observe(meta, state, examples, context) {
      const { x, y, weight } = examples as Readonly<Record<"x" | "y" | "weight", Tensor>>;
      let hidden = state.hidden as Tensor;
      for (let i = 0; i < (weight.shape[0] as number); i++) {
        const row = concat([hidden, slice(x, [i, 0], [1, 1]), slice(y, [i, 0], [1, 1])], 1);
        hidden = tanh(cell.apply(meta, { x: row }, passOf(context, {}, {})).output);
      }
      return { state: { hidden } };
    },
    predict(meta, state, inputs: Tensors, context) {
      const x = inputs.x as Tensor;
      const hidden = broadcast(state.hidden as Tensor, [x.shape[0] as number, HIDDEN]);
      const { output } = reader.apply(meta, { x: concat([x, hidden], 1) }, passOf(context, {}, {}));
      return context.spec.objective.read(output);
    },
  };
}
