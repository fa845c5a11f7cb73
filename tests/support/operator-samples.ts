/** Operands that exercise each operator of the table: extents near a width, which is a multiple of the SIMD width or not. */
import type { Attributes, Operator } from "../../src/graph/operator.ts";
import { KEY_SHAPE } from "../../src/graph/operators/index.ts";
import { outputExtents } from "../../src/graph/operators/window.ts";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";

/** Which values an operand is tested with. */
export type Domain =
  | "any"
  | "positive"
  /** Far enough apart that a finite difference crosses no kink. */
  | "distinct"
  /** Away from zero. */
  | "nonzero"
  /** Symmetric positive definite matrices [..., n, n], well conditioned. */
  | "definite"
  | "key"
  | { readonly indicesBelow: number };

/** Operands that exercise an operator: the tests run every row on its samples. */
export interface Sample<A extends Attributes = Attributes> {
  readonly shapes: readonly Shape[];
  readonly attributes: A;
  /** One a shape; "any" where it is missing. */
  readonly domains?: readonly Domain[];
}

/** Operands of elementwise operators, where not all values are fit. */
const DOMAINS: Readonly<Record<string, readonly Domain[]>> = {
  log: ["positive"],
  sqrt: ["positive"],
  rsqrt: ["positive"],
  safeSqrt: ["positive"],
  reciprocal: ["nonzero"],
  divide: ["any", "nonzero"],
  relu: ["distinct"],
  abs: ["distinct"],
  sign: ["distinct"],
  floor: ["distinct"],
  maximum: ["distinct", "distinct"],
  minimum: ["distinct", "distinct"],
  greater: ["distinct", "distinct"],
  greaterEqual: ["distinct", "distinct"],
  equal: ["distinct", "distinct"],
  gate: ["any", "distinct"],
  select: ["distinct", "any", "any"],
};

function elementwise({ name, arity }: Operator, width: number): Sample[] {
  const domains = DOMAINS[name] ?? [];
  return [[width], [3, width]].map((shape) => ({ shapes: Array<Shape>(arity).fill(shape), attributes: {}, domains }));
}

function convolution(operands: readonly ["x" | "w" | "y", "x" | "w" | "y"], width: number): Sample[] {
  const cases = [
    { N: 2, C: 1, O: width, image: [5, 4], kernel: [3, 3], stride: [1, 1], pad: [1, 1, 1, 1] },
    { N: 1, C: width, O: 2, image: [5, 6], kernel: [3, 3], stride: [2, 2], pad: [0, 1, 0, 1] },
    { N: 1, C: 3, O: 3, image: [4, width + 2], kernel: [2, 3], stride: [1, 2], pad: [0, 0, 0, 0] },
    { N: 1, C: 2, O: 3, image: [6, 6], kernel: [2, 2], stride: [3, 3], pad: [1, 0, 0, 1] },
  ];
  return cases.map(({ N, C, O, ...attributes }) => {
    const { image, kernel } = attributes;
    const output = outputExtents(image, kernel, attributes);
    const shapes = { x: [N, ...image, C], w: [...kernel, C, O], y: [N, ...output, O] };
    return { shapes: operands.map((role) => shapes[role]), attributes };
  });
}

/** @param winners whether the second operand is indices into windows */
function pooling(from: "large" | "small", width: number, { winners = false, domain = "any" as Domain } = {}): Sample[] {
  const cases = [
    { image: [4, 4], kernel: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] },
    { image: [5, 6], kernel: [3, 2], stride: [2, 1], pad: [0, 0, 0, 0] },
  ];
  // A random winner could point into padding, which holds no element.
  if (!winners) cases.push({ image: [5, 5], kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] });
  return cases.map((attributes) => {
    const { image, kernel } = attributes;
    const large = [2, ...image, width];
    const small = [2, ...outputExtents(image, kernel, attributes), width];
    const first = from === "large" ? large : small;
    return winners
      ? { shapes: [first, small], attributes, domains: ["any", { indicesBelow: sizeOf(kernel) }] }
      : { shapes: [first], attributes, domains: [domain] };
  });
}

const matrices = (attributes: Attributes, ...shapes: Shape[]): Sample => ({ shapes, attributes });
const rows = (width: number): Sample[] => [[3, width], [width]].map((shape) => ({ shapes: [shape], attributes: {} }));
const reduced = (shape: Shape, ...axes: number[]): Sample => ({ shapes: [shape], attributes: { axes } });
const random = (width: number): Sample[] => [
  { shapes: [KEY_SHAPE], attributes: { shape: [width], stream: 3 }, domains: ["key"] },
  { shapes: [KEY_SHAPE], attributes: { shape: [3, width], stream: 0 }, domains: ["key"] },
];

/** By the operator's name, those that work element by element aside. */
const SAMPLES: Readonly<Record<string, (width: number) => readonly Sample[]>> = {
  input: () => [],
  constant: () => [{ shapes: [], attributes: { value: 1.5 } }],
  literal: (width) => [
    { shapes: [], attributes: { data: Float32Array.from({ length: width }, (_, i) => i / 3), shape: [width] } },
  ],
  boundary: (width) => [{ shapes: [[width]], attributes: {} }],
  stopGradient: (width) => [{ shapes: [[width]], attributes: {} }],
  reshape: (width) => [{ shapes: [[2, width]], attributes: { shape: [width, 2] } }],
  broadcast: (width) => [
    { shapes: [[width]], attributes: { shape: [3, width] } },
    { shapes: [[width, 1]], attributes: { shape: [width, 3] } },
    { shapes: [[2, 1, width]], attributes: { shape: [2, 3, width] } },
    { shapes: [[]], attributes: { shape: [2, width] } },
  ],
  transpose: (width) => [
    { shapes: [[3, width]], attributes: { order: [1, 0] } },
    { shapes: [[2, width, 3]], attributes: { order: [2, 0, 1] } },
  ],
  slice: (width) => [
    { shapes: [[3, width + 2]], attributes: { start: [1, 1], size: [2, width] } },
    { shapes: [[width + 1]], attributes: { start: [1], size: [width] } },
  ],
  pad: (width) => [
    { shapes: [[3, width]], attributes: { before: [1, 0], after: [0, 2] } },
    { shapes: [[width]], attributes: { before: [1], after: [1] } },
  ],
  concat: (width) => [matrices({ axis: 0 }, [2, width], [3, width]), matrices({ axis: 1 }, [2, width], [2, 3], [2, 1])],
  sum: (width) => [
    reduced([width], 0),
    reduced([3, width], 0),
    reduced([3, width], 1),
    reduced([2, width, 3], 1),
    reduced([2, 3, 2, width], 0, 1, 2),
  ],
  max: (width) =>
    [
      reduced([width], 0),
      reduced([3, width], 0),
      reduced([3, width], 1),
      reduced([2, width, 3], 1),
      reduced([2, width, 3], 0, 2),
    ].map((sample) => ({ ...sample, domains: ["distinct"] as const })),
  softmax: rows,
  logSoftmax: rows,
  logSumExp: rows,
  matmul: (width) => [
    matrices({ transposeA: false, transposeB: false }, [3, width], [width, 5]),
    matrices({ transposeA: true, transposeB: false }, [width, 3], [width, 5]),
    matrices({ transposeA: false, transposeB: true }, [3, 5], [width, 5]),
    matrices({ transposeA: true, transposeB: true }, [2, width], [3, 2]),
    matrices({ transposeA: false, transposeB: false }, [2, 3, width], [2, width, 2]),
  ],
  solve: (width) =>
    [
      matrices({}, [width, width], [width, 3]),
      matrices({}, [5, 5], [5, width]),
      matrices({}, [3, 4, 4], [3, 4, width]),
    ].map((sample) => ({ ...sample, domains: ["definite", "any"] as const })),
  conv2d: (width) => convolution(["x", "w"], width),
  conv2dInputGrad: (width) => convolution(["w", "y"], width),
  conv2dWeightGrad: (width) => convolution(["x", "y"], width),
  maxPoolWinners: (width) => pooling("large", width, { domain: "distinct" }),
  poolGather: (width) => pooling("large", width, { winners: true }),
  poolScatter: (width) => pooling("small", width, { winners: true }),
  averagePool: (width) => pooling("large", width),
  averagePoolGrad: (width) => pooling("small", width),
  gather: (width) => [
    { shapes: [[3, width], [4]], attributes: {}, domains: ["any", { indicesBelow: 3 }] },
    { shapes: [[width], [6]], attributes: {}, domains: ["any", { indicesBelow: width }] },
  ],
  scatterAdd: (width) => [
    { shapes: [[6, width], [6]], attributes: { rows: 3 }, domains: ["any", { indicesBelow: 3 }] },
    { shapes: [[width], [width]], attributes: { rows: 4 }, domains: ["any", { indicesBelow: 4 }] },
  ],
  oneHot: (width) => [{ shapes: [[5]], attributes: { classes: width }, domains: [{ indicesBelow: width }] }],
  randomUniform: random,
  randomNormal: random,
};

/** Samples of an operator whose free extents are near `width`: none where the table lacks it. */
export function samplesOf(operator: Operator, width: number): readonly Sample[] {
  return operator.compute === undefined ? (SAMPLES[operator.name]?.(width) ?? []) : elementwise(operator, width);
}
