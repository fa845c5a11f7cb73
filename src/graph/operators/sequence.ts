/** Compositions over sequences [n, T, C]. */
import { requireBoolean, requireOptions, requireWhole } from "../../arguments.ts";
import { ShapeError } from "../../errors.ts";
import { showShape } from "../shape.ts";
import { requireTensors, type Tensor } from "../tensor.ts";
import { reshape } from "./algebra.ts";
import { conv2d } from "./convolution.ts";
import { pad, slice } from "./movement.ts";

export interface Conv1dOptions {
  /** Steps between the taps of the kernel; 1 by default. */
  readonly dilation?: number;
  /** Whether a step sees itself and earlier ones only; otherwise the kernel's middle tap is on it. False by default. */
  readonly causal?: boolean;
}

/**
 * 1-D convolution over time, with zeros around the sequence so that it keeps its length:
 * y[n,t,o] = sum over k, c of x[n, t + (k - before) * dilation, c] * w[k,c,o], where before is K - 1 for a causal one, and
 * floor((K - 1) / 2) otherwise.
 * @param x [N,T,C]
 * @param w [K,C,O]
 * @returns [N,T,O]
 * @throws ShapeError when channels differ
 */
export function conv1d(x: Tensor, w: Tensor, options: Conv1dOptions = {}): Tensor {
  requireTensors("conv1d", x, w);
  requireOptions("conv1d", options, ["dilation", "causal"]);
  const { dilation = 1, causal = false } = options;
  requireWhole("conv1d: dilation", dilation, 1, 2 ** 24);
  requireBoolean("conv1d: causal", causal);
  if (x.rank !== 3 || w.rank !== 3 || x.shape[2] !== w.shape[1]) {
    throw new ShapeError(
      `conv1d: x must be [N,T,C] and w [K,C,O], got ${showShape(x.shape)} and ${showShape(w.shape)}`,
    );
  }
  const [N, T, C] = x.shape as [number, number, number];
  const [K, , O] = w.shape as [number, number, number];
  const before = causal ? K - 1 : Math.floor((K - 1) / 2);
  // As an image whose row has `dilation` successive steps, a tap that far away is one row up in the same column.
  const columns = Math.min(dilation, T);
  const rows = Math.ceil(T / columns);
  const whole = rows * columns === T ? x : pad(x, [0, 0, 0], [0, rows * columns - T, 0]);
  const image = reshape(whole, [N, rows, columns, C]);
  const y = conv2d(image, reshape(w, [K, 1, C, O]), { pad: [before, K - 1 - before, 0, 0] });
  const steps = reshape(y, [N, rows * columns, O]);
  return rows * columns === T ? steps : slice(steps, [0, 0, 0], [N, T, O]);
}
