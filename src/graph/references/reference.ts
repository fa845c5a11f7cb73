import type { Attributes } from "../operator.ts";
import type { Shape } from "../shape.ts";

/** An array of the reference interpreter. */
export interface Array64 {
  readonly shape: Shape;
  readonly data: Float64Array;
}

interface Referring<A extends Attributes> {
  of(inputs: readonly Array64[], attributes: A, shape: Shape): Float64Array;
}

/** The result of an operator in f64, row-major, in the plainest loops that say what the operator means. */
export type Reference<A extends Attributes = Attributes> = Referring<A>["of"];
