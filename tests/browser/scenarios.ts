/**
 * Computations whose every output bit must be the same in all runtimes. They run from the built package: import from
 * "quickstudy" alone, use nothing of Node or of the browser, and return arrays by name.
 */
import {
  add,
  averagePool,
  compile,
  conv2d,
  cos,
  Draw,
  exp,
  fold,
  grad,
  KEY_SHAPE,
  keyOf,
  keyToArray,
  log,
  logSoftmax,
  matmul,
  maxPool,
  mean,
  multiply,
  randomNormal,
  randomUniform,
  relu,
  reshape,
  run,
  sigmoid,
  sin,
  softplus,
  square,
  subtract,
  sum,
  type Tensor,
  tanh,
} from "quickstudy";

export type Outputs = Readonly<Record<string, Float32Array>>;

/** `length` numbers in [low, high), a function of the seed. */
function uniform(seed: number, length: number, low = -1, high = 1): Float32Array {
  const draw = new Draw(fold(keyOf(7), seed));
  return Float32Array.from({ length }, () => draw.uniform(low, high));
}

/** Inputs for a program: each array drawn under the number of its place. */
function inputsFor(shapes: Readonly<Record<string, readonly number[]>>): Record<string, Float32Array> {
  const entries = Object.entries(shapes).map(([name, shape], seed) => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return [name, uniform(seed, length)] as const;
  });
  return Object.fromEntries(entries);
}

/** The gradient of a loss after one inner gradient step, through that step: second order. */
function mlpMetaGradient(): Outputs {
  const shapes = {
    w1: [1, 40],
    b1: [40],
    w2: [40, 1],
    b2: [1],
    supportX: [10, 1],
    supportY: [10, 1],
    queryX: [17, 1],
    queryY: [17, 1],
  };
  const program = compile(shapes, ({ w1, b1, w2, b2, supportX, supportY, queryX, queryY }) => {
    const lossOf = (params: readonly Tensor[], x: Tensor, y: Tensor) => {
      const [a, b, c, d] = params as [Tensor, Tensor, Tensor, Tensor];
      return mean(square(subtract(add(matmul(tanh(add(matmul(x, a), b)), c), d), y)));
    };
    const meta = [w1, b1, w2, b2];
    const gradients = grad(lossOf(meta, supportX, supportY), meta);
    const adapted = meta.map((param, i) => subtract(param, multiply(gradients[i] as Tensor, 0.1)));
    const loss = lossOf(adapted, queryX, queryY);
    const [dw1, db1, dw2, db2] = grad(loss, meta);
    return { loss, dw1, db1, dw2, db2 };
  });
  return run(program, inputsFor(shapes));
}

/** Convolution, both kinds of pooling and a classifier, with the gradients of all parameters. */
function convolution(): Outputs {
  const shapes = { x: [3, 13, 13, 2], k1: [3, 3, 2, 5], k2: [3, 3, 5, 8], w: [8, 5] };
  const program = compile(shapes, ({ x, k1, k2, w }) => {
    const first = maxPool(relu(conv2d(x, k1, { pad: 1 })), { size: 2, stride: 2 });
    const second = averagePool(conv2d(first, k2, { stride: 2, pad: 1 }), { size: 3 });
    const logits = matmul(reshape(second, [3, 8]), w);
    const [dk1, dk2, dw] = grad(sum(square(logSoftmax(logits))), [k1, k2, w]);
    return { logits, dk1, dk2, dw };
  });
  return run(program, inputsFor(shapes));
}

/** Every transcendental function over its range, edges included. */
function sweeps(): Outputs {
  const length = 20_003;
  const program = compile({ wide: [length], positive: [length] }, ({ wide, positive }) => ({
    exp: exp(wide),
    log: log(positive),
    tanh: tanh(wide),
    sigmoid: sigmoid(wide),
    softplus: softplus(wide),
    sin: sin(wide),
    cos: cos(wide),
  }));
  const wide = uniform(1, length, -100, 100);
  wide.set([0, -0, 1e-30, -1e-30, 88.7, -87.3, 8192]);
  const positive = uniform(2, length, 0, 1000);
  positive.set([1, 1e-38, 3e38]);
  return run(program, { wide, positive });
}

/** The core's generator, and the host's, which must not differ between engines either. */
function random(): Outputs {
  const program = compile({ key: KEY_SHAPE }, ({ key }) => ({
    uniform: randomUniform(key, [1003]),
    normal: randomNormal(key, [1003], 1),
  }));
  const draw = new Draw(keyOf(2 ** 40 + 3));
  const chosen = Float32Array.from(draw.choose(50, 1623));
  return { ...run(program, { key: keyToArray(keyOf(11)) }), chosen };
}

export const scenarios: Readonly<Record<string, () => Outputs | Promise<Outputs>>> = {
  mlpMetaGradient,
  convolution,
  sweeps,
  random,
};
