/**
 * Computations whose every output bit must be the same in all runtimes. They run from the built package: import from
 * "quickstudy" alone, use nothing of Node or of the browser, and return arrays by name.
 */
import {
  add,
  averagePool,
  compile,
  conv2d,
  conv4,
  cos,
  Draw,
  episodes,
  exp,
  fold,
  fromArrays,
  grad,
  inThread,
  KEY_SHAPE,
  keyOf,
  keyToArray,
  type Learner,
  log,
  logSoftmax,
  maml,
  matmul,
  maxPool,
  mean,
  metaTrain,
  mlp,
  multiply,
  randomNormal,
  randomUniform,
  relu,
  reshape,
  run,
  sigmoid,
  sin,
  sinusoid,
  softplus,
  square,
  subtract,
  sum,
  type TaskSource,
  type Tensor,
  tanh,
  type WorkersOptions,
  workers,
} from "quickstudy";
import { watchWorkers } from "./ended-workers.ts";

export type Outputs = Readonly<Record<string, Float32Array | Uint8Array>>;

/** `length` numbers in [low, high), a function of the seed. */
function uniform(seed: number, length: number, low = -1, high = 1): Float32Array {
  const draw = new Draw(fold(keyOf(7), seed));
  return Float32Array.from({ length }, () => draw.uniform(low, high));
}

/** Inputs for a program: each array drawn under the number of its place. */
function inputsFor<Names extends string>(
  shapes: Readonly<Record<Names, readonly number[]>>,
): Record<Names, Float32Array> {
  const entries = Object.entries<readonly number[]>(shapes).map(([name, shape], seed) => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return [name, uniform(seed, length)] as const;
  });
  return Object.fromEntries(entries) as Record<Names, Float32Array>;
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
    const meta = [w1, b1, w2, b2] as const;
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

/** A few iterations: the file with the meta-parameters, and what the result predicts after adapting to one more task. */
async function metaTrained(learner: Learner, tasks: TaskSource, iterations: number): Promise<Outputs> {
  const trained = await metaTrain(learner, tasks, { iterations, metaBatch: 5, seed: 3 });
  const { support, query } = tasks.sample(keyOf(99));
  return { file: trained.save(), predictions: trained.adapt(support).predict(query.x) };
}

/** Second-order MAML on the sinusoid benchmark, as in Finn et al. 2017, section 5.1. */
function sinusoidMaml(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerRate: 0.01 });
  return metaTrained(learner, sinusoid(), 20);
}

/** Second-order MAML of a narrow Conv-4 on made-up images. */
function conv4Maml(): Promise<Outputs> {
  const [classes, each, side] = [6, 4, 14];
  const x = uniform(3, classes * each * side * side, 0, 1);
  const y = Array.from({ length: classes * each }, (_, i) => Math.floor(i / each));
  const tasks = episodes(fromArrays({ x, y, shape: [side, side, 1] }), { ways: 3, shots: 1, queries: 2 });
  const learner = maml(conv4({ inputShape: [side, side, 1], outputs: 3, filters: 8 }), { innerRate: 0.4 });
  return metaTrained(learner, tasks, 3);
}

/** What no workers, one, two and three make of a few iterations: once, since they must not differ. */
async function shared(seed: number, options: WorkersOptions = {}): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [12], outputs: 1 }), { innerRate: 0.01 });
  const files: Uint8Array[] = [];
  for (const executor of [inThread(), ...[1, 2, 3].map((count) => workers(count, options))]) {
    try {
      const trained = await metaTrain(learner, sinusoid(), { iterations: 4, metaBatch: 11, seed, executor });
      files.push(trained.save());
    } finally {
      await executor.close();
    }
  }
  const [file = new Uint8Array(), ...others] = files;
  for (const [i, other] of others.entries()) {
    if (other.join() !== file.join()) throw new Error(`${i + 1} workers give other bits than none`);
  }
  return { file };
}

/** A few iterations on two workers, one of which ends after each: the bits are those of none. */
async function endedWorkers(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [9], outputs: 1 }), { innerRate: 0.01 });
  const options = { iterations: 4, metaBatch: 11, seed: 8 };
  const plain = (await metaTrain(learner, sinusoid(), options)).save();
  const watched = watchWorkers();
  try {
    const executor = workers(2);
    const onProgress = () => void watched.endLast();
    const file = (await metaTrain(learner, sinusoid(), { ...options, executor, onProgress })).save();
    await executor.close();
    if (watched.started() < 4) throw new Error(`${watched.started()} workers were started: none was replaced`);
    if (file.join() !== plain.join()) throw new Error("workers that end give other bits than none");
    return { file };
  } finally {
    watched.restore();
  }
}

export const scenarios: Readonly<Record<string, () => Outputs | Promise<Outputs>>> = {
  mlpMetaGradient,
  convolution,
  sweeps,
  random,
  sinusoidMaml,
  conv4Maml,
  sharedByWorkers: () => shared(5),
  endedWorkers,
  // Only pages need the address; what they serve there is the package's worker.js.
  sharedByHostedWorkers: () => shared(6, { url: "/worker.js" }),
};
