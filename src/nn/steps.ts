import { OptionError, ShapeError } from "../errors.ts";
import { reshape } from "../graph/operators/index.ts";
import { showShape } from "../graph/shape.ts";
import { requireLayer } from "./compose.ts";
import type { Layer } from "./layer.ts";

/**
 * A layer on each step of sequences [T, ...example], with the same parameters, which keep their names.
 * @throws OptionError for batch normalisation with statistics of its own: it would count steps as examples
 */
export function eachStep(layer: Layer): Layer {
  requireLayer("eachStep: layer", layer);
  const { batchNorm = "none" } = layer;
  if (batchNorm !== "none") {
    throw new OptionError(`eachStep: layer must be without batch normalisation, got ${batchNorm}; use layerNorm()`);
  }
  return {
    ...layer,
    description: `eachStep(${layer.description})`,
    outputShape([T, ...example]) {
      if (T === undefined || example.length === 0)
        throw new ShapeError(
          `eachStep: an example must be a sequence [T,...], got ${showShape(T === undefined ? [] : [T])}`,
        );
      return [T, ...layer.outputShape(example)];
    },
    parameters: ([, ...example]) => layer.parameters(example),
    apply(scope, x) {
      const [n, T, ...example] = x.shape as [number, number, ...number[]];
      const y = layer.apply(scope, reshape(x, [n * T, ...example]));
      return reshape(y, [n, T, ...y.shape.slice(1)]);
    },
  };
}
