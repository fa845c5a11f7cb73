import { requireFunction, requireWhole } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import { add, constant, divide, greater, multiply, negate, select, sum, zeros } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mapTensors, requireTensorsByName } from "./rule.ts";

/** The sum of products of two records of tensors. */
export function innerProduct(a: Tensors, b: Tensors): Tensor {
  const products = Object.entries(a).map(([name, value]) => sum(multiply(value, b[name] as Tensor)));
  return products.reduce((total, each) => add(total, each), constant(0));
}

/** 0 where the divisor is not above 0. */
function quotient(a: Tensor, b: Tensor): Tensor {
  const isPositive = greater(b, 0);
  return select(isPositive, divide(a, select(isPositive, b, 1)), 0);
}

/**
 * Some steps of conjugate gradients (Hestenes and Stiefel 1952) towards the solution x of A x = b, for a symmetric positive definite A.
 * As many steps as b has numbers give the solution, but for rounding. Steps end where a direction shows that A is not positive
 * definite (Steihaug 1983), and where the residual is 0: further ones change nothing.
 * @param product x -> A x, tensors of the names and shapes of `b`
 * @param from where they begin; 0 by default
 */
export function conjugateGradients(
  product: (x: Tensors) => Tensors,
  b: Tensors,
  steps: number,
  from?: Tensors,
): Tensors {
  requireFunction("conjugateGradients: product", product);
  requireTensorsByName("conjugateGradients: b", b);
  requireWhole("conjugateGradients: steps", steps, 0);
  const plus = (a: Tensors, direction: Tensors, by: Tensor): Tensors =>
    mapTensors(a, (value, name) => add(value, multiply(direction[name] as Tensor, by)));
  let x = from ?? mapTensors(b, ({ shape }) => zeros(shape));
  let residual = from === undefined ? b : plus(b, product(from), constant(-1));
  let direction = residual;
  let square = innerProduct(residual, residual);
  let going = constant(1);
  for (let step = 0; step < steps; step++) {
    const image = product(direction);
    const curvature = innerProduct(direction, image);
    const alpha = quotient(square, curvature);
    going = multiply(going, greater(alpha, 0));
    const kept = (next: Tensors, last: Tensors): Tensors =>
      mapTensors(next, (value, name) => select(going, value, last[name] as Tensor));
    x = kept(plus(x, direction, alpha), x);
    residual = kept(plus(residual, image, negate(alpha)), residual);
    const next = innerProduct(residual, residual);
    direction = plus(residual, direction, quotient(next, square));
    square = next;
  }
  return x;
}
