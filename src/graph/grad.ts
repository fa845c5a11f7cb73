import { isRecord, show, wrong } from "../arguments.ts";
import { ShapeError, TraceError } from "../errors.ts";
import type { Tensors } from "./graph.ts";
import { add, concat, ones, zeros } from "./operators/index.ts";
import { showShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** A tensor for each of those given: a tuple for a tuple, a record for a record. */
export type Gradients<Xs extends readonly Tensor[] | Tensors> = { -readonly [X in keyof Xs]: Tensor };

/**
 * Reverse-mode derivative of a scalar: the gradient of `y` with respect to each of `xs`, built as more graph, so that it
 * can be differentiated again. A tensor that `y` does not depend on gets zeros.
 *
 * ```ts
 * const [dw, db] = grad(loss, [w, b]);
 * const { w: dw, b: db } = grad(loss, { w, b });
 * ```
 * @param y a tensor of one element
 * @param xs tensors of the same trace, in a list or by name
 * @throws ShapeError when y is not a scalar; TraceError for what is no tensor of the current trace
 */
export function grad<const Xs extends readonly Tensor[] | Tensors>(y: Tensor, xs: Xs): Gradients<Xs> {
  requireTensor("y", y);
  if (y.size !== 1)
    throw new ShapeError(`grad: y must be a scalar, got ${showShape(y.shape)}; sum or average it first`);
  if (Array.isArray(xs)) return gradients(y, xs) as Gradients<Xs>;
  if (!isRecord(xs) || xs instanceof Tensor) throw wrong("grad: xs", "tensors in a list or by name, such as [w]", xs);
  const list = gradients(y, Object.values<Tensor>(xs));
  return Object.fromEntries(Object.keys(xs).map((name, i) => [name, list[i]])) as Gradients<Xs>;
}

/** @throws TraceError */
function requireTensor(what: string, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw new TraceError(`grad: ${what} must be a tensor, got ${show(value)}`);
}

/** `grad` for a list. */
function gradients(y: Tensor, xs: readonly Tensor[]): Tensor[] {
  for (const [i, x] of xs.entries()) {
    requireTensor(`element ${i} of xs`, x);
    if (x.trace !== y.trace) throw new TraceError(`grad: ${x} belongs to another trace than y`);
  }
  const path = nodesBetween(y, xs);
  const cotangents = new Map<Tensor, Cotangent>([[y, { sum: ones(y.shape), slices: [] }]]);
  // Ids ascend from operands to consumers, so every consumer comes before its operands here.
  for (const node of path) {
    const known = cotangents.get(node);
    if (known === undefined || node.operator.piecewiseConstant) continue;
    const cotangent = totalOf(known);
    for (const [index, operand] of node.inputs.entries()) {
      if (!path.has(operand)) continue;
      const part = node.operator.vjp(index, cotangent, node, node.attributes);
      if (part === null) continue;
      const sofar = cotangents.get(operand) ?? { slices: [] };
      cotangents.set(operand, sofar);
      if (stretchOf(part) !== undefined) sofar.slices.push(part);
      else sofar.sum = sofar.sum === undefined ? part : add(sofar.sum, part);
    }
  }
  return xs.map((x) => {
    const known = cotangents.get(x);
    return known === undefined ? zeros(x.shape) : totalOf(known);
  });
}

/** What has come together of a node's cotangent. */
interface Cotangent {
  sum?: Tensor;
  /** Cotangents of its slices, padded to its shape. */
  readonly slices: Tensor[];
}

/**
 * The sum of all parts. Cotangents of slices that lie side by side are put side by side: the steps of a sequence would otherwise
 * each be padded to the length of all.
 */
function totalOf(cotangent: Cotangent): Tensor {
  const { sum, slices } = cotangent;
  const parts = [...(sum === undefined ? [] : [sum]), ...sideBySide(slices.splice(0))];
  cotangent.sum = parts.reduce((total, part) => add(total, part));
  return cotangent.sum;
}

/** The cotangent of a slice: where it lies along its one padded axis. */
interface Stretch {
  readonly axis: number;
  readonly from: number;
  readonly inner: Tensor;
}

function stretchOf({ operator, attributes, inputs, shape }: Tensor): Stretch | undefined {
  if (operator.name !== "pad") return undefined;
  const inner = inputs[0] as Tensor;
  const padded = shape.flatMap((extent, axis) => (extent === inner.shape[axis] ? [] : [axis]));
  const [axis = 0] = padded;
  return padded.length > 1
    ? undefined
    : { axis, from: (attributes.before as readonly number[])[axis] as number, inner };
}

/** The parts, those of slices that together cover all of one axis replaced by one. */
function sideBySide(parts: readonly Tensor[]): readonly Tensor[] {
  const stretches = parts.map(stretchOf);
  const [first] = stretches.filter((each) => each !== undefined);
  const along = stretches.filter((each) => each !== undefined && each.axis === first?.axis) as Stretch[];
  if (first === undefined || along.length < 2) return parts;
  const sorted = along.sort((a, b) => a.from - b.from);
  let end = 0;
  for (const { from, inner } of sorted) {
    if (from !== end) return parts;
    end += inner.shape[first.axis] as number;
  }
  if (end !== parts[0]?.shape[first.axis]) return parts;
  const others = parts.filter((_, i) => stretches[i]?.axis !== first.axis);
  return [
    concat(
      sorted.map(({ inner }) => inner),
      first.axis,
    ),
    ...others,
  ];
}

/** The nodes that depend on one of `xs` and that `y` depends on, by descending id. */
function nodesBetween(y: Tensor, xs: readonly Tensor[]): Set<Tensor> {
  // Nothing that was made before all of them depends on one: an unrolled inner loop's past is not walked again.
  const earliest = Math.min(...xs.map((x) => x.id));
  const ancestors = new Set<Tensor>();
  const pending = [y];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (ancestors.has(node) || node.id < earliest) continue;
    ancestors.add(node);
    pending.push(...node.inputs);
  }
  const ascending = [...ancestors].sort((a, b) => a.id - b.id);
  const sources = new Set(xs);
  const depends = new Set<Tensor>();
  for (const node of ascending) {
    const differentiable = !node.operator.piecewiseConstant;
    if (sources.has(node) || (differentiable && node.inputs.some((input) => depends.has(input)))) depends.add(node);
  }
  return new Set(ascending.reverse().filter((node) => depends.has(node)));
}
