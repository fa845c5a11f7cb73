/** Full context embeddings of Matching Networks (Vinyals et al. 2016, section 2.1.2 and appendix A). */
import type { Tensors } from "../graph/graph.ts";
import {
  add,
  concat,
  gather,
  greater,
  literal,
  matmul,
  reshape,
  select,
  softmax,
  stack,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { under } from "../nn/compose.ts";
import { scopeOf } from "../nn/layer.ts";
import { initialise } from "../nn/model.ts";
import { lstmCell, scan } from "../nn/recurrent.ts";

const FORWARD = "context.forward";
const BACKWARD = "context.backward";
const QUERY = "context.query";
/** A score that no support example has: where there is no example, the softmax is 0. */
const NO_EXAMPLE = -1e30;

export interface FullContext {
  /** Weights of the three LSTMs under a key [4]. */
  init(key: Tensor): Tensors;
  /** g [m, D] of the support set's embeddings g' [m, D]; rows of weight 0 are no examples. */
  support(phi: Tensors, z: Tensor, weight: Tensor): Tensor;
  /** f [n, D] of the queries' embeddings f' [n, D]. */
  query(phi: Tensors, z: Tensor, g: Tensor, weight: Tensor): Tensor;
}

/**
 * Embeddings of width D in the context of the whole support set.
 * @param K steps of attention of a query's LSTM
 */
export function fullContextEmbeddings(D: number, K: number): FullContext {
  const cell = lstmCell(D);
  return {
    init: (key) => {
      const weights = [
        under(FORWARD, cell.parameters(D)),
        under(BACKWARD, cell.parameters(D)),
        under(QUERY, cell.parameters(2 * D)),
      ];
      return initialise(weights.flat(), key);
    },

    // Appendix A.2: g(x_i, S) = h->_i + h<-_i + g'(x_i)
    support(phi, z, weight) {
      const m = z.shape[0] as number;
      const read = (prefix: string, rows: Tensor, weights: Tensor): Tensor => {
        const { outputs } = scan(cell, scopeOf(phi, prefix), reshape(rows, [1, m, D]), {
          weights: reshape(weights, [1, m]),
        });
        return reshape(stack(outputs), [m, D]);
      };
      const reversed = literal(Float32Array.from({ length: m }, (_, i) => m - 1 - i));
      const used = greater(weight, 0);
      const backward = read(BACKWARD, gather(z, reversed), gather(used, reversed));
      return add(add(read(FORWARD, z, used), gather(backward, reversed)), z);
    },

    query(phi, z, g, weight) {
      const n = z.shape[0] as number;
      const scope = scopeOf(phi, QUERY);
      const used = reshape(greater(weight, 0), [1, -1]);
      let state = { ...cell.start(n), hidden: z };
      for (let k = 0; k < K; k++) {
        const h = state.hidden as Tensor;
        // Equations 5 and 6: r = sum over i of a_i g(x_i), where a is the softmax of h . g(x_i)
        const a = softmax(select(used, matmul(h, g, { transposeB: true }), NO_EXAMPLE));
        const read = cell.project(scope, concat([z, matmul(a, g)], 1));
        // Equations 3 and 4: h_k = LSTM(f'(x), [h_(k-1), r_(k-1)], c_(k-1)) + f'(x)
        const next = cell.step(scope, state, read);
        state = { ...next, hidden: add(next.hidden as Tensor, z) };
      }
      return state.hidden as Tensor;
    },
  };
}
