import { requireOptions, requireWhole } from "../arguments.ts";
import { add, matmul, oneHot, reshape, select, slice, sum } from "../graph/operators/index.ts";
import type { Shape } from "../graph/shape.ts";
import { requireLayer } from "./compose.ts";
import { weightAndBias } from "./dense.ts";
import { fansOf } from "./initialisers.ts";
import type { Layer } from "./layer.ts";
import { flatten } from "./layers.ts";
import { join, type Model, requireShape } from "./model.ts";

export interface HeadOptions {
  /** How many sources there are, each with a head of its own. */
  readonly sources: number;
  /** Numbers that a head gives for an example. */
  readonly outputs: number;
}

/**
 * A model of several sources that share a body, each with a linear head of its own: multi-task learning. Which head an example
 * goes through is its column `source`, the number of its source, which `mixture(sources, { heads: true })` writes.
 *
 * Parameters are below `x` (the body's) and `head`; a head that an example does not go through gets no gradient from it.
 * @param inputShape shape of an example's column `x`
 * @param body the layers that are shared, to a vector
 */
export function headPerSource(inputShape: Shape, body: Layer, options: HeadOptions): Model {
  requireShape("headPerSource: inputShape", inputShape);
  requireLayer("headPerSource: body", body);
  requireOptions("headPerSource", options, ["sources", "outputs"]);
  const sources = requireWhole("headPerSource: sources", options.sources, 1);
  const outputs = requireWhole("headPerSource: outputs", options.outputs, 1);
  const heads: Layer = {
    kind: "heads",
    description: `heads(${sources})`,
    outputShape: () => [outputs],
    // One matrix of all heads side by side, that starts as each would alone.
    parameters: ([inputs = 1]) =>
      weightAndBias("weight", [inputs - 1, sources * outputs], {}).map((each) => ({
        ...each,
        fans: fansOf([inputs - 1, outputs]),
      })),
    apply(scope, x) {
      const [n, width] = x.shape as [number, number];
      const features = slice(x, [0, 0], [n, width - 1]);
      const source = reshape(slice(x, [0, width - 1], [n, 1]), [n]);
      const all = add(matmul(features, scope.param("weight")), scope.param("bias"));
      const own = reshape(oneHot(source, sources), [n, sources, 1]);
      return sum(select(own, reshape(all, [n, sources, outputs]), 0), 1);
    },
  };
  return join({ x: [inputShape, body], source: [[], flatten()] }, heads);
}
