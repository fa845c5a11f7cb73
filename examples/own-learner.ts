/**
 * A learner of your own: a neural process (Garnelo et al. 2018) whose memory fades. An encoder turns examples into vectors;
 * the state is their faded sum and count, and a decoder predicts from their mean. How fast the memory fades is learned. It
 * follows streams: what it knows of a task has the same size after a thousand examples.
 */
import { describeModel, evaluate, type Learner, metaTrain, mlp, named, sinusoid, take } from "quickstudy";

// Operators on tensors:

import { add, broadcast, concat, constant, divide, matmul, maximum, multiply, reshape, sigmoid, sum } from "quickstudy";

const MEMORY = 32;

function fadingProcess(inputs: number, outputs: number): Learner {
  const encoder = named("encoder", mlp({ inputShape: inputs + outputs, hidden: [64], outputs: MEMORY }));
  const decoder = named("decoder", mlp({ inputShape: inputs + MEMORY, hidden: [64], outputs }));
  return {
    name: "fading process",
    description: `fadingProcess; ${describeModel(encoder)}; ${describeModel(decoder)}`,
    inputs: { x: [inputs] },
    width: outputs,
    batchNorm: "none",
    observing: "continues",
    ordered: false,
    init: (key) => ({ learned: { ...encoder.init(key), ...decoder.init(key), keep: constant(2) } }),
    start: () => ({ total: broadcast(constant(0), [1, MEMORY]), count: constant(0) }),
    observe(meta, state, examples, context) {
      const [x, y, weight] = take(examples, "x", "y", "weight");
      const [keep, total, count] = take({ ...meta, ...state }, "keep", "total", "count");
      const { output } = encoder.apply(meta, { x: concat([x, y], 1) }, context);
      // Padding has weight 0 and adds nothing.
      const seen = matmul(reshape(weight, [1, -1]), output);
      const kept = sigmoid(keep);
      return { state: { total: add(multiply(total, kept), seen), count: add(multiply(count, kept), sum(weight)) } };
    },
    predict(meta, state, given, context) {
      const [x, total, count] = take({ ...given, ...state }, "x", "total", "count");
      const memory = broadcast(divide(total, maximum(count, 1)), [x.size / inputs, MEMORY]);
      const { output } = decoder.apply(meta, { x: concat([x, memory], 1) }, context);
      return context.spec.objective.read(output);
    },
  };
}

const stream = sinusoid({ segments: [4, 4, 4, 4, 4] });
for (const iterations of [0, 1500]) {
  const trained = await metaTrain(fadingProcess(1, 1), stream, { iterations, seed: 1 });
  const { metric, mean, ci95 } = await evaluate(trained, stream, { episodes: 200 });
  console.log(`${metric} over a stream after ${iterations} iterations: ${mean.toFixed(2)} ± ${ci95.toFixed(2)}`);
}
