import { requireNumber } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import { greaterEqual, multiply, randomUniform } from "../graph/operators/index.ts";
import { plain } from "./dense.ts";
import type { Layer } from "./layer.ts";

/**
 * In training, sets each element to 0 with probability `rate` and multiplies the others by 1 / (1 - rate) (Srivastava et al. 2014,
 * section 10: "inverted" scaling); otherwise the identity. What is dropped depends on the pass's key, the layer's path and
 * the element's place: within a task, every inner step drops the same.
 */
export function dropout(rate: number): Layer {
  requireNumber("dropout: rate", rate, { from: 0, below: 1 });
  return {
    ...plain(
      "dropout",
      `dropout(${rate})`,
      (input) => input,
      (x) => x,
    ),
    apply(scope, x) {
      const { training, key } = scope.pass;
      if (!training || rate === 0) return x;
      if (key === undefined) throw new OptionError("dropout: the pass must have a key in training, got none");
      const kept = greaterEqual(randomUniform(key, x.shape, scope.stream()), rate);
      return multiply(x, multiply(kept, 1 / (1 - rate)));
    },
  };
}
