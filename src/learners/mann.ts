import type { Tensors } from "../graph/graph.ts";
import {
  add,
  broadcast,
  concat,
  equal,
  literal,
  matmul,
  max,
  multiply,
  negate,
  oneHot,
  reshape,
  rsqrt,
  select,
  sigmoid,
  slice,
  softmax,
  softplus,
  square,
  subtract,
  sum,
  tanh,
  transpose,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { scopeOf } from "../nn/layer.ts";
import { linear, lstm } from "../nn/layers.ts";
import { type Model, model, named } from "../nn/model.ts";
import { mlp } from "../nn/networks.ts";
import type { Objective } from "../nn/objective.ts";
import { lstmCell } from "../nn/recurrent.ts";
import { mapTensors } from "../optim/rule.ts";
import { describeOptions, type Given, number, readOptions, whole } from "../options.ts";
import { type Context, type Learner, passOf } from "./learner.ts";
import { applied, overFeatures, UNITS } from "./neural-process.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = {
  units: UNITS,
  slots: whole("rows of the memory", { least: 1, most: 65_536, default: 64 }),
  slotWidth: whole("numbers in a row of the memory", { least: 1, most: 65_536, default: 32 }),
  usageDecay: number("gamma: how much of a row's usage is left at the next example", {
    from: 0,
    below: 1,
    default: 0.95,
  }),
};
export type MannOptions = Given<typeof OPTIONS>;
const CELL = "controller";
/** Added to squared lengths: an empty row is similar to nothing. */
const EPSILON = 1e-4;

const unit = (rows: Tensor): Tensor => multiply(rows, rsqrt(add(sum(square(rows), 1, { keepAxes: true }), EPSILON)));

/** Equation 6: 1 at the least used of the rows [1, N], the first among equals. */
function leastUsed(usage: Tensor): Tensor {
  const N = usage.size;
  const least = negate(max(negate(usage)));
  const places = literal(
    Float32Array.from({ length: N }, (_, i) => -i),
    [1, N],
  );
  return reshape(oneHot(negate(max(select(equal(usage, least), places, -N))), N), [1, N]);
}

/**
 * A memory-augmented neural network (Santoro et al. 2016): an LSTM reads the examples (x, y) one after another, writes each into
 * the row of an external memory that was read last or is used least (section 3.2), and reads by similarity. It has one head, whose
 * sharpness is learned as in Graves et al. 2014, equation 5. A query is a step (x, 0) that reads and writes nothing.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function mann(features: Model, objective: Objective, options: MannOptions = {}): Learner {
  const settings = readOptions("mann", OPTIONS, options);
  const { units, slots: N, slotWidth: W, usageDecay } = settings;
  return overFeatures(["mann", describeOptions(OPTIONS, settings)], features, objective, ({ D, T, outputs }) => {
    const cell = lstmCell(units);
    const controller = named(CELL, model([1, D + T + W], lstm(units)));
    const head = named("interface", model([units], linear(W + 2)));
    const decoder = named("decoder", mlp({ inputShape: units + W, hidden: [units], outputs }));

    /** A step of the controller on inputs [n, D + T], and what it reads. */
    const look = (theta: Tensors, { memory, r, hidden, cell: c }: Tensors, input: Tensor, context: Context) => {
      const n = input.shape[0] as number;
      const [M, scope] = [memory as Tensor, scopeOf(theta, CELL, passOf(context, {}, {}))];
      const [last, h, before] = [r, hidden, c].map((each) => broadcast(each as Tensor, [n, (each as Tensor).size]));
      const projected = cell.project(scope, concat([input, last as Tensor], 1));
      const state = cell.step(scope, { hidden: h as Tensor, cell: before as Tensor }, projected);
      const z = applied(head, theta, state.hidden as Tensor, context);
      const k = tanh(slice(z, [0, 0], [n, W]));
      const strength = add(softplus(slice(z, [0, W], [n, 1])), 1);
      // Equations 2 to 4: the rows' cosine similarities K, the read weights w^r, and what is read.
      const K = matmul(unit(k), unit(M), { transposeB: true });
      const read = softmax(multiply(K, strength));
      return { ...state, k, alpha: slice(z, [0, W + 1], [n, 1]), read, r: matmul(read, M) };
    };

    return {
      observing: "exact",
      ordered: true,
      networks: [controller, head, decoder],
      start: () => ({
        ...cell.start(1),
        memory: zeros([N, W]),
        usage: zeros([1, N]),
        read: zeros([1, N]),
        r: zeros([1, W]),
      }),

      observe(theta, start, { x, y, weight }, context) {
        const examples = concat([x, y], 1);
        let now = start;
        for (let t = 0; t < (x.shape[0] as number); t++) {
          const { k, alpha, ...next } = look(theta, now, slice(examples, [t, 0], [1, D + T]), context);
          const gate = sigmoid(alpha);
          // Equation 7: w^w = sigma(alpha) w^r_(t-1) + (1 - sigma(alpha)) w^lu_(t-1)
          const free = leastUsed(now.usage as Tensor);
          const write = add(multiply(gate, now.read as Tensor), multiply(subtract(1, gate), free));
          // Equation 8, after the least used row is cleared; equation 5: w^u = gamma w^u_(t-1) + w^r + w^w
          const cleared = multiply(now.memory as Tensor, transpose(subtract(1, free)));
          const memory = add(cleared, multiply(transpose(write), k));
          const usage = add(multiply(now.usage as Tensor, usageDecay), add(next.read, write));
          const after: Tensors = { ...next, memory, usage };
          const present = reshape(slice(weight, [t], [1]), [1, 1]);
          now = mapTensors(now, (old, name) => select(present, after[name] as Tensor, old));
        }
        return now;
      },

      predict(theta, state, x, context) {
        const query = concat([x, zeros([x.shape[0] as number, T])], 1);
        const { hidden, r } = look(theta, state, query, context) as Tensors;
        return applied(decoder, theta, concat([hidden as Tensor, r as Tensor], 1), context);
      },
    };
  });
}

export const mannRecord: LearnerRecord<typeof OPTIONS> = {
  name: "mann",
  paper: "Santoro et al. 2016",
  summary: "a recurrent network that writes the examples into a memory and reads them by similarity",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => mann(model, objective, options),
  settings: {},
};
