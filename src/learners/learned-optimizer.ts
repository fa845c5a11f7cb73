import { requireNumber, requireOneOf, requireOptions, requireWhole } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import {
  abs,
  add,
  concat,
  greaterEqual,
  log,
  matmul,
  maximum,
  multiply,
  reshape,
  select,
  sign,
  slice,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { under } from "../nn/compose.ts";
import { glorotUniform } from "../nn/initialisers.ts";
import { type Parameter, scopeOf } from "../nn/layer.ts";
import { initialise } from "../nn/model.ts";
import { lstmCell } from "../nn/recurrent.ts";
import { mapTensors, prefixed, type Rule, unprefixed } from "../optim/rule.ts";

export interface LearnedOptimizerOptions {
  /** Units of each of its two LSTM layers; 20 by default. */
  readonly units?: number;
  /** What the network's output is multiplied by to make an update; 0.1 by default. */
  readonly updateScale?: number;
  /** How it reads gradients: as logarithm and sign (appendix A), which is the default, or as they are (section 3.1). */
  readonly preprocessing?: Preprocessing;
}

export const PREPROCESSINGS = ["log", "none"] as const;
type Preprocessing = (typeof PREPROCESSINGS)[number];

const LAYERS = ["lstm1", "lstm2"] as const;
const OUTPUT = "output.weight";
/** p of appendix A: gradients below exp(-p) count as small. */
const P = 10;
/** exp(-p), written out: engines differ in the last bits of their exponentials. */
const LEAST = 4.5399929762484854e-5;

/**
 * The learned optimizer of Andrychowicz et al. 2016 (section 2.1): theta <- theta + g, where g is the output of an LSTM of two layers
 * that reads the gradient. It goes through every coordinate on its own, with the same weights and a state for each, so that it serves
 * any number of parameters of any shapes. The weights are meta-parameters.
 */
export function learnedOptimizer(options: LearnedOptimizerOptions = {}): Rule {
  requireOptions("learnedOptimizer", options, ["units", "updateScale", "preprocessing"]);
  const { units = 20, updateScale = 0.1, preprocessing = "log" } = options;
  requireWhole("learnedOptimizer: units", units, 1);
  requireNumber("learnedOptimizer: updateScale", updateScale, { above: 0 });
  requireOneOf("learnedOptimizer: preprocessing", preprocessing, PREPROCESSINGS);
  const read = preprocessing === "log" ? logAndSign : (g: Tensor) => g;
  const inputs = preprocessing === "log" ? 2 : 1;
  const cell = lstmCell(units);
  const weights: readonly Parameter[] = [
    ...LAYERS.flatMap((layer, i) => under(layer, cell.parameters(i === 0 ? inputs : units))),
    { name: OUTPUT, shape: [units, 1], initialiser: glorotUniform },
  ];
  return {
    name: `learnedOptimizer(units ${units}, updateScale ${updateScale}, ${preprocessing})`,

    meta: (key) => initialise(weights, key),

    start(parameters) {
      const coordinates = Object.values(parameters).reduce((total, { size }) => total + size, 0);
      return Object.assign({}, ...LAYERS.map((layer) => prefixed(`${layer}.`, cell.start(coordinates))));
    },

    step({ meta, memory, parameters, gradients }) {
      const next: Record<string, Tensor> = {};
      const columns = Object.keys(parameters).map((name) => reshape(gradients[name] as Tensor, [-1, 1]));
      let x = read(concat(columns, 0));
      for (const layer of LAYERS) {
        const scope = scopeOf(meta, layer);
        const state = cell.step(scope, unprefixed(`${layer}.`, memory), cell.project(scope, x));
        Object.assign(next, prefixed(`${layer}.`, state));
        x = state.hidden as Tensor;
      }
      const g = multiply(matmul(x, meta[OUTPUT] as Tensor), updateScale);
      return { parameters: moved(parameters, g), memory: next };
    },
  };
}

/**
 * Appendix A: (log|g| / p, sign g) where |g| is at least exp(-p), otherwise (-1, exp(p) g).
 * @param g [coordinates, 1]
 * @returns [coordinates, 2]
 */
function logAndSign(g: Tensor): Tensor {
  const large = greaterEqual(abs(g), LEAST);
  const size = multiply(log(maximum(abs(g), LEAST)), 1 / P);
  return concat([select(large, size, -1), select(large, sign(g), multiply(g, 1 / LEAST))], 1);
}

/** Each parameter with its part of the updates [coordinates, 1]. */
function moved(parameters: Tensors, updates: Tensor): Tensors {
  let from = 0;
  return mapTensors(parameters, (value) => {
    const part = reshape(slice(updates, [from, 0], [value.size, 1]), value.shape);
    from += value.size;
    return add(value, part);
  });
}
