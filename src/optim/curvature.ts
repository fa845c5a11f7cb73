import { requireNumber, requireOptions } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import { identity, matmul, multiply, reshape, subtract } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { take } from "../graph/tensors.ts";
import { mapTensors, type Rule } from "./rule.ts";

export interface CurvatureOptions {
  /** Rate of the transformed gradients. */
  readonly rate: number;
}

/** Axes of a parameter array as [taps, inputs, outputs]: a kernel [KH, KW, C, O] has KH KW taps, a matrix 1, a vector 1 input, too. */
function axesOf({ shape }: Tensor): { readonly f: number; readonly i: number; readonly o: number } {
  const [o = 1, i = 1, ...taps] = shape.toReversed();
  return { f: taps.reduce((product, extent) => product * extent, 1), i, o };
}

/**
 * Meta-curvature (Park and Oliva 2019, section 3.2, equation 7): every gradient G [f, i, o] is multiplied along its three modes by
 * learned matrices, which begin as identities: p <- p - rate * (G x_f M_f x_i M_i x_o M_o). Modes of extent 1 have no matrix; a
 * scalar has a factor.
 */
export function curvature(options: CurvatureOptions): Rule {
  requireOptions("curvature", options, ["rate"]);
  const { rate } = options;
  requireNumber("curvature: rate", rate, { above: 0 });
  return {
    name: `curvature(${rate})`,
    meta(_, parameters) {
      const matrices: Record<string, Tensor> = {};
      for (const [name, parameter] of Object.entries(parameters)) {
        for (const [mode, extent] of Object.entries(axesOf(parameter))) {
          if (extent > 1 || mode === "o") matrices[`${mode}.${name}`] = identity(extent);
        }
      }
      return matrices;
    },
    start: () => ({}),
    step({ meta, parameters, gradients }) {
      const next = mapTensors(parameters, (value, name) =>
        subtract(value, multiply(transformed(meta, gradients[name] as Tensor, name), rate)),
      );
      return { parameters: next, memory: {} };
    },
  };
}

function transformed(meta: Tensors, gradient: Tensor, name: string): Tensor {
  const { f, i, o } = axesOf(gradient);
  const matrix = (mode: string): Tensor => take(meta, `${mode}.${name}`)[0] as Tensor;
  let g = matmul(reshape(gradient, [f * i, o]), matrix("o"), { transposeB: true });
  if (i > 1) g = matmul(matrix("i"), reshape(g, f > 1 ? [f, i, o] : [i, o]));
  if (f > 1) g = matmul(matrix("f"), reshape(g, [f, i * o]));
  return reshape(g, gradient.shape);
}
