/**
 * tfjs as a peer: its wasm backend, one thread. That backend cannot train a convolution, and the library's own softmax loses
 * terms of its second derivative: both are written by hand here, as a user who needs them would have to.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CaseFile, type LayerSpec, type Packed, unpack } from "./case-file.ts";
import { type Peer, serve } from "./serve.ts";

/** As much of tfjs as is used. */
interface Tensor {
  readonly shape: number[];
  add(other: Tensor | number): Tensor;
  sub(other: Tensor | number): Tensor;
  mul(other: Tensor | number): Tensor;
  div(other: Tensor | number): Tensor;
  neg(): Tensor;
  square(): Tensor;
  sqrt(): Tensor;
  data(): Promise<Float32Array>;
}

interface Custom {
  readonly value: Tensor;
  readonly gradFunc: (dy: Tensor) => Tensor;
}

interface Tfjs {
  setBackend(name: "wasm"): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(f: () => T): T;
  keep(x: Tensor): Tensor;
  dispose(tensors: readonly Tensor[]): void;
  grads(f: (...params: Tensor[]) => Tensor): (params: readonly Tensor[]) => Tensor[];
  customGrad(f: (x: Tensor) => Custom): (x: Tensor) => Tensor;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], type: "float32" | "int32"): Tensor;
  zerosLike(x: Tensor): Tensor;
  zeros(shape: readonly number[]): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  relu(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  maximum(a: Tensor, b: Tensor): Tensor;
  mean(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  sum(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  gather(x: Tensor, indices: Tensor): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
}

interface WasmBackend {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

const EPSILON = 1e-5;
const ADAM = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

// Not literals: the packages are installed in this folder only, and the project is checked without them.
const TFJS: string = "@tensorflow/tfjs";
const WASM: string = "@tensorflow/tfjs-backend-wasm";

/** Where the nine taps of a 3 x 3 convolution read, as rows of [n H W, C]; row n H W is zero. */
interface Taps {
  /** For every output position and tap, the input row. */
  readonly patches: Tensor;
  /** For every input row, the positions in `patches` that read it. */
  readonly readers: Tensor;
  readonly rows: number;
  readonly taps: number;
  readonly fanOut: number;
  readonly extents: readonly [number, number, number];
}

function tapsOf(tf: Tfjs, [n, H, W]: readonly [number, number, number], stride: number): Taps {
  const outH = Math.floor((H - 1) / stride) + 1;
  const outW = Math.floor((W - 1) / stride) + 1;
  const rows = n * H * W;
  const patches: number[] = [];
  const readers = Array.from({ length: rows }, (): number[] => []);
  for (let i = 0; i < n; i++)
    for (let y = 0; y < outH; y++)
      for (let x = 0; x < outW; x++)
        for (let tap = 0; tap < 9; tap++) {
          const row = y * stride + Math.floor(tap / 3) - 1;
          const column = x * stride + (tap % 3) - 1;
          const inside = row >= 0 && row < H && column >= 0 && column < W;
          const from = inside ? (i * H + row) * W + column : rows;
          if (inside) (readers[from] as number[]).push(patches.length);
          patches.push(from);
        }
  const fanOut = readers.reduce((most, each) => Math.max(most, each.length), 0);
  const padded = readers.flatMap((each) => [...each, ...Array<number>(fanOut - each.length).fill(patches.length)]);
  return {
    patches: tf.keep(tf.tensor(Int32Array.from(patches), [patches.length], "int32")),
    readers: tf.keep(tf.tensor(Int32Array.from(padded), [padded.length], "int32")),
    rows,
    taps: patches.length,
    fanOut,
    extents: [n, outH, outW],
  };
}

/** The operations that are written by hand: each one's derivative is made of these again. */
class Handmade {
  private readonly taps = new Map<string, Taps>();
  private held: Tensor[] = [];

  constructor(private readonly tf: Tfjs) {}

  tapsFor(extents: readonly [number, number, number], stride: number): Taps {
    const key = `${extents} ${stride}`;
    const known = this.taps.get(key) ?? tapsOf(this.tf, extents, stride);
    this.taps.set(key, known);
    return known;
  }

  /**
   * Keeps an operand until `release`: a derivative that is to be differentiated must be made of the operand itself, and
   * the library's own `save` hands out a copy that the next derivative does not see through.
   */
  private hold(x: Tensor): void {
    this.held.push(this.tf.keep(x));
  }

  /** Lets go of what derivatives were made of. */
  release(): void {
    this.tf.dispose(this.held);
    this.held = [];
  }

  private withZeroRow(x: Tensor): Tensor {
    return this.tf.concat([x, this.tf.zeros([1, x.shape[1] as number])], 0);
  }

  /** [rows, C] to [taps, C]. */
  gatherPatches(x: Tensor, taps: Taps): Tensor {
    return this.tf.customGrad((each) => ({
      value: this.tf.gather(this.withZeroRow(each), taps.patches),
      gradFunc: (dy) => this.scatterPatches(dy, taps),
    }))(x);
  }

  /** The transpose: [taps, C] to [rows, C], as a gather too, because the backend has no scatter. */
  private scatterPatches(x: Tensor, taps: Taps): Tensor {
    const channels = x.shape[1] as number;
    return this.tf.customGrad((each) => {
      const read = this.tf.gather(this.withZeroRow(each), taps.readers);
      return {
        value: this.tf.sum(this.tf.reshape(read, [taps.rows, taps.fanOut, channels]), [1]),
        gradFunc: (dy) => this.gatherPatches(dy, taps),
      };
    })(x);
  }

  /** softmax of [n, classes] with a derivative that can be differentiated. */
  private softmax(x: Tensor): Tensor {
    this.hold(x);
    return this.tf.customGrad((each) => ({
      value: this.tf.softmax(each),
      gradFunc: (dy) => {
        const s = this.softmax(x);
        return s.mul(dy.sub(this.tf.sum(s.mul(dy), [1], true)));
      },
    }))(x);
  }

  /** -mean log p(label) of [n, classes] and one-hot labels. */
  crossEntropy(logits: Tensor, member: Tensor): Tensor {
    const n = member.shape[0] as number;
    this.hold(logits);
    return this.tf.customGrad((each) => ({
      value: this.tf.sum(this.tf.logSoftmax(each).mul(member)).mul(-1 / n),
      gradFunc: (dy) =>
        this.softmax(logits)
          .sub(member)
          .mul(dy.mul(1 / n)),
    }))(logits);
  }
}

/** The computations of a case. */
class Case {
  readonly params: Tensor[];
  private readonly episodes: readonly (readonly Tensor[])[];
  private readonly index: ReadonlyMap<string, number>;

  constructor(
    private readonly tf: Tfjs,
    private readonly made: Handmade,
    private readonly file: CaseFile,
    private readonly tasks: number,
  ) {
    this.params = file.parameters.map(({ data, shape }) => tf.tensor(unpack(data), shape, "float32"));
    this.index = new Map(file.parameters.map(({ name }, i) => [name, i]));
    const { support, query } = file;
    const parts = [this.split(support.x), this.labels(support.y), this.split(query.x), this.labels(query.y)];
    this.episodes = Array.from({ length: tasks }, (_, task) => parts.map((part) => part[task] as Tensor));
  }

  private split({ shape, data }: Packed): Tensor[] {
    const [all = 1, ...rest] = shape;
    const values = unpack(data);
    const size = values.length / all;
    return Array.from({ length: this.tasks }, (_, i) =>
      this.tf.tensor(values.slice(i * size, (i + 1) * size), rest, "float32"),
    );
  }

  /** Labels as one-hot. */
  private labels(packed: Packed): Tensor[] {
    const { classes } = this.file;
    if (classes === 0) return this.split(packed);
    const [all = 1, n = 1] = packed.shape;
    const labels = unpack(packed.data);
    return Array.from({ length: Math.min(all, this.tasks) }, (_, task) => {
      const member = new Float32Array(n * classes);
      for (let i = 0; i < n; i++) member[i * classes + (labels[task * n + i] as number)] = 1;
      return this.tf.tensor(member, [n, classes], "float32");
    });
  }

  private forward(params: readonly Tensor[], x: Tensor): Tensor {
    const of = (name: string) => params[this.index.get(name) as number] as Tensor;
    return this.file.layers.reduce((value, layer) => this.apply(layer, of, value), x);
  }

  private apply(layer: LayerSpec, of: (name: string) => Tensor, x: Tensor): Tensor {
    const { tf } = this;
    switch (layer.kind) {
      case "linear":
        return tf.matMul(x, of(layer.weight)).add(of(layer.bias));
      case "conv": {
        const [n, H, W, C] = x.shape as [number, number, number, number];
        const taps = this.made.tapsFor([n, H, W], layer.stride);
        const patches = this.made.gatherPatches(tf.reshape(x, [n * H * W, C]), taps);
        const weight = of(layer.weight);
        const filters = weight.shape[3] as number;
        const products = tf.matMul(tf.reshape(patches, [-1, 9 * C]), tf.reshape(weight, [9 * C, filters]));
        return tf.reshape(products.add(of(layer.bias)), [...taps.extents, filters]);
      }
      case "norm": {
        const centered = x.sub(tf.mean(x, [0, 1, 2], true));
        const variance = tf.mean(centered.square(), [0, 1, 2], true);
        return centered.mul(of(layer.scale).div(variance.add(EPSILON).sqrt())).add(of(layer.shift));
      }
      case "relu":
        return tf.relu(x);
      case "maxPool":
        return this.maxPool(x);
      case "meanSpace":
        return tf.mean(x, [1, 2]);
      case "flatten":
        return tf.reshape(x, [x.shape[0] as number, -1]);
    }
  }

  /** 2 x 2; a last odd row and column are left out. */
  private maxPool(x: Tensor): Tensor {
    const { tf } = this;
    const [n, H, W, C] = x.shape as [number, number, number, number];
    const [h, w] = [H >> 1, W >> 1];
    const even = tf.reshape(tf.slice(x, [0, 0, 0, 0], [n, 2 * h, 2 * w, C]), [n * h, 2, w, 2 * C]);
    const half = (axis: number) =>
      tf.reshape(tf.slice(even, [0, axis, 0, 0], [n * h, 1, w, 2 * C]), [n * h * w, 2 * C]);
    const rows = tf.maximum(half(0), half(1));
    const column = (axis: number) => tf.slice(rows, [0, axis * C], [n * h * w, C]);
    return tf.reshape(tf.maximum(column(0), column(1)), [n, h, w, C]);
  }

  private loss(predictions: Tensor, y: Tensor): Tensor {
    if (this.file.classes === 0) return this.tf.mean(predictions.sub(y).square());
    return this.made.crossEntropy(predictions, y);
  }

  private maml(params: readonly Tensor[], [sx, sy, qx, qy]: readonly Tensor[]): Tensor {
    const [supportX, supportY, queryX, queryY] = [sx, sy, qx, qy] as [Tensor, Tensor, Tensor, Tensor];
    let adapted = params;
    for (let step = 0; step < this.file.innerSteps; step++) {
      const slope = this.tf.grads((...p) => this.loss(this.forward(p, supportX), supportY))(adapted);
      adapted = adapted.map((p, i) => p.sub((slope[i] as Tensor).mul(this.file.innerRate)));
    }
    return this.loss(this.forward(adapted, queryX), queryY);
  }

  private protonet(params: readonly Tensor[], [sx, sy, qx, qy]: readonly Tensor[]): Tensor {
    const { tf } = this;
    const [supportX, supportY, queryX, queryY] = [sx, sy, qx, qy] as [Tensor, Tensor, Tensor, Tensor];
    const sizes = tf.reshape(tf.sum(supportY, [0]), [-1, 1]);
    const prototypes = tf.matMul(supportY, this.forward(params, supportX), true).div(sizes);
    const z = this.forward(params, queryX);
    const norms = tf.sum(z.square(), [1], true).add(tf.sum(prototypes.square(), [1]));
    return this.loss(norms.sub(tf.matMul(z, prototypes, false, true).mul(2)).neg(), queryY);
  }

  /** Meta-gradients of the mean loss, added up task by task. */
  gradients(): Tensor[] {
    const { tf, params } = this;
    const run = this.file.method === "protonet" ? this.protonet.bind(this) : this.maml.bind(this);
    let totals: Tensor[] = [];
    for (const episode of this.episodes) {
      const before = totals;
      totals = tf.tidy(() => {
        const slope = tf
          .grads((...p) => run(p, episode))(params)
          .map((each) => each.mul(1 / this.tasks));
        return before.length === 0 ? slope : slope.map((each, i) => each.add(before[i] as Tensor));
      });
      tf.dispose(before);
      this.made.release();
    }
    return totals;
  }
}

async function prepare(tf: Tfjs, made: Handmade, file: CaseFile, tasks: number): Promise<() => Promise<void>> {
  const all = new Case(tf, made, file, tasks);
  let first = all.params.map((param) => tf.zerosLike(param));
  let second = all.params.map((param) => tf.zerosLike(param));
  let count = 0;
  return async () => {
    count++;
    const rate = (ADAM.rate * Math.sqrt(1 - ADAM.beta2 ** count)) / (1 - ADAM.beta1 ** count);
    const slope = all.gradients();
    const next = tf.tidy(() => {
      const m = first.map((each, i) => each.mul(ADAM.beta1).add((slope[i] as Tensor).mul(1 - ADAM.beta1)));
      const v = second.map((each, i) => each.mul(ADAM.beta2).add((slope[i] as Tensor).square().mul(1 - ADAM.beta2)));
      const params = all.params.map((param, i) =>
        param.sub((m[i] as Tensor).mul(rate).div((v[i] as Tensor).sqrt().add(ADAM.epsilon))),
      );
      return { m, v, params };
    });
    tf.dispose([...slope, ...first, ...second, ...all.params]);
    all.params.splice(0, all.params.length, ...next.params);
    first = next.m;
    second = next.v;
    await all.params[0]?.data();
  };
}

async function gradientOf(tf: Tfjs, made: Handmade, file: CaseFile): Promise<Record<string, Float32Array>> {
  const found = new Case(tf, made, file, 1).gradients();
  const entries = file.parameters.map(async ({ name }, i) => [name, await (found[i] as Tensor).data()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function make(): Promise<Peer> {
  const tf = (await import(TFJS)) as Tfjs;
  const wasm = (await import(WASM)) as WasmBackend;
  const folder = new URL("node_modules/@tensorflow/tfjs-backend-wasm/", import.meta.url);
  wasm.setWasmPaths(fileURLToPath(new URL("wasm-out/", folder)));
  wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const made = new Handmade(tf);
  const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as { version: string };
  return {
    version,
    gradient: (file) => gradientOf(tf, made, file),
    prepare: (file, tasks) => prepare(tf, made, file, tasks),
  };
}

await serve(make);
