import { requireFunction, requireWhole } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, constant, divide, equal, multiply, negate, select, sum, zeros } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors, requireTensorsByName } from "./rule.ts";

/** The sum of products of two records of tensors. */
export function innerProduct(a: Tensors, b: Tensors): Tensor {
  const products = Object.entries(a).map(([name, value]) => sum(multiply(value, b[name] as Tensor)));
  return products.reduce((total, each) => add(total, each), constant(0));
}

/** 0 where the divisor is 0: once the residual is 0, steps change nothing. */
function quotient(a: Tensor, b: Tensor): Tensor {
  const isZero = equal(b, 0);
  return select(isZero, 0, divide(a, select(isZero, 1, b)));
}

/**
 * Some steps of conjugate gradients (Hestenes and Stiefel 1952) from 0 towards the solution x of A x = b, for a symmetric positive
 * definite A. As many steps as b has numbers give the solution, but for rounding.
 * @param product x -> A x, tensors of the names and shapes of `b`
 */
export function conjugateGradients(product: (x: Tensors) => Tensors, b: Tensors, steps: number): Tensors {
  requireFunction("conjugateGradients: product", product);
  requireTensorsByName("conjugateGradients: b", b);
  requireWhole("conjugateGradients: steps", steps, 0);
  const plus = (a: Tensors, direction: Tensors, by: Tensor): Tensors =>
    mapTensors(a, (value, name) => add(value, multiply(direction[name] as Tensor, by)));
  let x = mapTensors(b, ({ shape }) => zeros(shape));
  let [residual, direction] = [b, b];
  let square = innerProduct(residual, residual);
  for (let step = 0; step < steps; step++) {
    const image = product(direction);
    const alpha = quotient(square, innerProduct(direction, image));
    x = plus(x, direction, alpha);
    residual = plus(residual, image, negate(alpha));
    const next = innerProduct(residual, residual);
    direction = plus(residual, direction, quotient(next, square));
    square = next;
  }
  return x;
}
