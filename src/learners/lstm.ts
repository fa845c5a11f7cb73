import { broadcast, concat, reshape, zeros } from "../graph/operators/index.ts";
import { scopeOf } from "../nn/layer.ts";
import { lstm as lstmLayer } from "../nn/layers.ts";
import { type Model, model, named } from "../nn/model.ts";
import { mlp } from "../nn/networks.ts";
import type { Objective } from "../nn/objective.ts";
import { lstmCell, scan } from "../nn/recurrent.ts";
import { mapTensors } from "../optim/rule.ts";
import { describeOptions, type Given, readOptions } from "../options.ts";
import { type Learner, passOf } from "./learner.ts";
import { applied, overFeatures, UNITS } from "./neural-process.ts";
import type { LearnerRecord } from "./record.ts";

const OPTIONS = { units: UNITS };
export type LstmOptions = Given<typeof OPTIONS>;
const CELL = "cell";

/**
 * A recurrent network as the learning algorithm (Hochreiter, Younger and Conwell 2001; the LSTM of Santoro et al. 2016,
 * section 4): it reads the examples (x, y) one after another, and what it has learned of the task is the state of its cells. A query
 * is one more step (x, 0) from that state, which leaves no trace.
 * @param features a model from examples to vectors [n, D]
 * @param objective of the tasks: the networks are made for its targets
 */
export function lstm(features: Model, objective: Objective, options: LstmOptions = {}): Learner {
  const settings = readOptions("lstm", OPTIONS, options);
  const { units } = settings;
  return overFeatures(["lstm", describeOptions(OPTIONS, settings)], features, objective, ({ D, T, outputs }) => {
    const cell = lstmCell(units);
    const body = named(CELL, model([1, D + T], lstmLayer(units)));
    const head = named("head", mlp({ inputShape: units, hidden: [units], outputs }));
    return {
      observing: "exact",
      ordered: true,
      networks: [body, head],
      start: () => cell.start(1),

      observe(theta, state, { x, y, weight }, context) {
        const n = x.shape[0] as number;
        const sequence = reshape(concat([x, y], 1), [1, n, D + T]);
        return scan(cell, scopeOf(theta, CELL, passOf(context, {}, {})), sequence, {
          state,
          weights: reshape(weight, [1, n]),
        }).state;
      },

      predict(theta, state, x, context) {
        const n = x.shape[0] as number;
        const query = reshape(concat([x, zeros([n, T])], 1), [n, 1, D + T]);
        const each = mapTensors(state, (value) => broadcast(value, [n, units]));
        const { outputs: steps } = scan(cell, scopeOf(theta, CELL, passOf(context, {}, {})), query, {
          state: each,
        });
        return applied(head, theta, concat(steps, 1), context);
      },
    };
  });
}

export const lstmRecord: LearnerRecord<typeof OPTIONS> = {
  name: "lstm",
  paper: "Hochreiter, Younger and Conwell 2001",
  summary: "a recurrent network that reads the examples one by one",
  options: OPTIONS,
  model: "features",
  make: (model, options, objective) => lstm(model, objective, options),
  settings: {},
};
