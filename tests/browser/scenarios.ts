/**
 * Computations whose every output bit must be the same in all runtimes. They run from the built package: import from
 * "quickstudy" and "quickstudy/data" alone, use nothing of Node or of the browser, and return arrays by name.
 */
import {
  add,
  averagePool,
  type Context,
  compile,
  constant,
  conv2d,
  conv4,
  cos,
  Draw,
  type EpisodeSource,
  episodes,
  evaluate,
  exp,
  grad,
  inThread,
  KEY_SHAPE,
  keyOf,
  keyToArray,
  type Learner,
  log,
  logSoftmax,
  type MetaTrainOptions,
  maml,
  matmul,
  maxPool,
  mean,
  meanSquaredError,
  metaTrain,
  mlp,
  multiply,
  protoNet,
  randomNormal,
  randomUniform,
  relu,
  reshape,
  run,
  type SinusoidSource,
  sigmoid,
  sin,
  sinusoid,
  softplus,
  square,
  subtract,
  sum,
  type Tensor,
  type Tensors,
  take,
  tanh,
  type WorkersOptions,
  workers,
  zeros,
} from "quickstudy";
import { data } from "./data.ts";
import { watchWorkers } from "./ended-workers.ts";
import { trainEvery, trainEveryOnImages } from "./learners.ts";
import { images, type Outputs, results, SIDE, uniform } from "./made-up.ts";
import { files, sources } from "./sources.ts";

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

/** A few iterations: the meta-parameters, and what the result predicts after adapting to one more task. */
async function metaTrained(
  learner: Learner,
  tasks: EpisodeSource | SinusoidSource,
  options: MetaTrainOptions,
): Promise<Outputs> {
  const trained = await metaTrain(learner, tasks, { metaBatch: 5, seed: 3, ...options });
  const { support, queries } = tasks.sample(keyOf(99));
  return { ...results(trained), ...trained.adapt(support).predict(queries.x) };
}

/** Second-order MAML on the sinusoid benchmark, as in Finn et al. 2017, section 5.1. */
function sinusoidMaml(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  return metaTrained(learner, sinusoid(), { iterations: 20 });
}

/** Second-order MAML of a narrow Conv-4, normalised by the statistics of the support set. */
function conv4Maml(): Promise<Outputs> {
  const tasks = episodes(images(), { ways: 3, shots: 1, queries: 2 });
  const learner = maml(conv4({ inputShape: [SIDE, SIDE, 1], outputs: 3, filters: 8 }), {
    innerSteps: 1,
    innerRate: 0.4,
  });
  return metaTrained(learner, tasks, { iterations: 3 });
}

/** Classes of one to three shots: episodes of one size whose padding has weight 0. */
function unequalShots(): Promise<Outputs> {
  const tasks = episodes(images(), { ways: 3, shots: [1, 3], queries: 2 });
  const learner = maml(conv4({ inputShape: [SIDE, SIDE, 1], outputs: 3, filters: 8 }), {
    innerRate: 0.1,
    innerSteps: 2,
  });
  return metaTrained(learner, tasks, { iterations: 3 });
}

/** A prototypical network with batch normalisation by the support set; it adapts, then sees more examples of the task. */
async function protoNetObserves(): Promise<Outputs> {
  const embedding = conv4({ inputShape: [SIDE, SIDE, 1], filters: 8, downsampling: "stride", batchNorm: "support" });
  const tasks = episodes(images(), { ways: 3, shots: 2, queries: 3 });
  const trained = await metaTrain(protoNet(embedding), tasks, { iterations: 3, metaBatch: 5, seed: 3 });
  const [first, later] = [tasks.sample(keyOf(99)), tasks.sample(keyOf(100))];
  const adapted = trained.adapt(first.support);
  const { logits: before } = adapted.predict(first.queries.x);
  const { logits: after } = adapted.observe(later.support).predict(first.queries.x);
  if (before === undefined || after === undefined) throw new Error("no logits");
  return { ...results(trained), before, after };
}

/** Meta-training through a stream whose gradient reaches back two segments. */
async function windowedStream(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [16], outputs: 1 }), { innerSteps: 1, innerRate: 0.02 });
  const tasks = sinusoid({ segments: [3, 3, 3, 3, 3] });
  const trained = await metaTrain(learner, tasks, { iterations: 10, metaBatch: 5, seed: 3, window: 2 });
  const { values } = await evaluate(trained, tasks, { episodes: 5 });
  return { ...results(trained), values: Float32Array.from(values) };
}

/** Learns features for a linear layer that follows a stream by the delta rule, one step for every segment (Widrow and Hoff 1960). */
function onlineLearner(): Learner {
  const features = mlp({ inputShape: 1, hidden: [16], outputs: 8, activation: "tanh" });
  const linear = (meta: Tensors, [w]: readonly [Tensor], [x]: readonly [Tensor], context: Context) =>
    matmul(features.apply(meta, { x }, context).output, w);
  return {
    name: "online",
    description: "online",
    inputs: features.inputs,
    width: 1,
    batchNorm: "none",
    observing: "continues",
    ordered: false,
    init: (key) => ({ learned: { ...features.init(key), rate: constant(0.1) } }),
    start: () => ({ w: zeros([8, 1]) }),
    observe(meta, state, examples, context) {
      const w = take(state, "w");
      const loss = meanSquaredError(linear(meta, w, take(examples, "x"), context), ...take(examples, "y", "weight"));
      return { state: { w: subtract(w[0], multiply(grad(loss, w)[0], take(meta, "rate")[0])) } };
    },
    predict: (meta, state, inputs, context) => ({ mean: linear(meta, take(state, "w"), take(inputs, "x"), context) }),
  };
}

/** The online learner on a stream, with averaged meta-parameters. */
async function onlineStream(): Promise<Outputs> {
  const tasks = sinusoid({ segments: [2, 2, 2, 2, 2, 2] });
  const options = { iterations: 10, metaBatch: 5, seed: 3, average: 0.9 };
  const trained = await metaTrain(onlineLearner(), tasks, options);
  const { values } = await evaluate(trained, tasks, { episodes: 5 });
  return { ...results(trained), values: Float32Array.from(values) };
}

/** A run that two workers do, stopped in its middle and gone on with by one; it must end in the bytes of a straight one. */
async function resumed(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [12], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  const tasks = sinusoid({ segments: [3, 3, 3] });
  let stored: Uint8Array | undefined;
  const store = {
    read: async () => stored,
    async write(bytes: Uint8Array) {
      stored = bytes;
    },
  };
  for (const [iterations, count] of [
    [3, 2],
    [6, 1],
  ] as const) {
    const executor = workers(count);
    try {
      const checkpoint = { store, every: 2 };
      await metaTrain(learner, tasks, { iterations, metaBatch: 9, seed: 8, executor, checkpoint, resume: true });
    } finally {
      await executor.close();
    }
  }
  const inParts = String(stored);
  const trained = await metaTrain(learner, tasks, {
    iterations: 6,
    metaBatch: 9,
    seed: 8,
    checkpoint: { store, every: 6 },
  });
  if (String(stored) !== inParts) throw new Error("a resumed run gives other bits");
  return results(trained);
}

/** What no workers, one, two and three make of a few iterations: once, since they must not differ. */
async function shared(seed: number, options: WorkersOptions = {}): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [12], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
  const outputs: Outputs[] = [];
  for (const executor of [inThread(), ...[1, 2, 3].map((count) => workers(count, options))]) {
    try {
      const trained = await metaTrain(learner, sinusoid(), { iterations: 4, metaBatch: 11, seed, executor });
      outputs.push(results(trained));
    } finally {
      await executor.close();
    }
  }
  const [first = {}, ...others] = outputs;
  for (const [i, { file }] of others.entries()) {
    if (String(file) !== String(first.file)) throw new Error(`${i + 1} workers give other bits than none`);
  }
  return first;
}

/** A few iterations on two workers, one of which ends after each: the bits are those of none. */
async function endedWorkers(): Promise<Outputs> {
  const learner = maml(mlp({ inputShape: 1, hidden: [9], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
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
  unequalShots,
  protoNetObserves,
  windowedStream,
  onlineStream,
  resumed,
  sharedByWorkers: () => shared(5),
  endedWorkers,
  learners: () =>
    trainEvery([
      [1, 1],
      [2, 2],
      [3, 3],
    ]),
  learnersOnImages: trainEveryOnImages,
  data,
  files,
  sources,
  // Only pages need the address; what they serve there is the package's worker.js.
  sharedByHostedWorkers: () => shared(6, { url: "/worker.js" }),
};
