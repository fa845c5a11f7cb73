/** jax-js as a peer: its wasm backend, jit over grad over vmap. */
import { readFileSync } from "node:fs";
import { type CaseFile, type LayerSpec, type Packed, type PackedBatch, unpack } from "./case-file.ts";
import { permute } from "./layout.ts";
import { type Peer, serve } from "./serve.ts";

/** As much of jax-js as is used. An operation takes over its operands; `ref` is one more reference. */
interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  reshape(shape: number[]): JaxArray;
  transpose(order?: number[]): JaxArray;
  dispose(): void;
  data(): Promise<Float32Array>;
}

type Reduction = (x: JaxArray, axis?: number | number[], options?: { readonly keepdims: boolean }) => JaxArray;
type Loss = (params: JaxArray[], ...batch: JaxArray[]) => JaxArray;
type Step = (...state: (JaxArray | JaxArray[])[]) => JaxArray[][];

interface Jax {
  init(device: "wasm"): Promise<readonly string[]>;
  defaultDevice(device: "wasm"): unknown;
  grad(f: (params: JaxArray[]) => JaxArray): (params: JaxArray[]) => JaxArray[];
  vmap(f: Loss, axes: readonly (number | null)[]): Loss;
  jit(f: Step): Step;
  blockUntilReady(tree: unknown): Promise<unknown>;
  readonly nn: { relu(x: JaxArray): JaxArray; logSoftmax(x: JaxArray, axis: number): JaxArray };
  readonly lax: {
    convGeneralDilated(x: JaxArray, kernel: JaxArray, strides: number[], padding: number[][]): JaxArray;
    reduceWindow(x: JaxArray, f: (window: JaxArray) => JaxArray, size: number[], strides: number[]): JaxArray;
  };
  readonly numpy: {
    array(values: Float32Array, options: { readonly shape: readonly number[] }): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    reciprocal(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    readonly sum: Reduction;
    readonly mean: Reduction;
    readonly max: Reduction;
  };
}

const EPSILON = 1e-5;
const ADAM = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

// Not a literal: the package is installed in this folder only, and the project is checked without it.
const PACKAGE: string = "@jax-js/jax";

const refs = (arrays: readonly JaxArray[]): JaxArray[] => arrays.map((array) => array.ref);

/** The computations of a case. */
class Case {
  readonly params: JaxArray[];
  readonly episodes: JaxArray[];
  private readonly index: ReadonlyMap<string, number>;

  constructor(
    private readonly jax: Jax,
    private readonly file: CaseFile,
    tasks: number,
  ) {
    this.params = file.parameters.map((parameter) => {
      const { values, shape } = native(unpack(parameter.data), parameter.shape);
      return jax.numpy.array(values, { shape });
    });
    this.index = new Map(file.parameters.map(({ name }, i) => [name, i]));
    this.episodes = [file.support, file.query].flatMap((batch) => this.batch(batch, tasks));
  }

  /** Images become [M, n, C, H, W], labels one-hot. */
  private batch({ x, y }: PackedBatch, tasks: number): JaxArray[] {
    const first = ({ shape, data }: Packed) => {
      const [all = 1, ...rest] = shape;
      const values = unpack(data);
      return { values: values.slice(0, (values.length / all) * tasks), shape: [tasks, ...rest] };
    };
    const images = first(x);
    const { values, shape } =
      images.shape.length === 5 ? permute(images.values, images.shape, [0, 1, 4, 2, 3]) : images;
    const targets = first(y);
    const { classes } = this.file;
    const { array } = this.jax.numpy;
    if (classes === 0) return [array(values, { shape }), array(targets.values, { shape: targets.shape })];
    const member = new Float32Array(targets.values.length * classes);
    targets.values.forEach((label, i) => {
      member[i * classes + label] = 1;
    });
    return [array(values, { shape }), array(member, { shape: [...targets.shape, classes] })];
  }

  /** Takes over `x`, and references to the parameters. */
  private forward(params: readonly JaxArray[], x: JaxArray): JaxArray {
    const of = (name: string) => (params[this.index.get(name) as number] as JaxArray).ref;
    return this.file.layers.reduce((value, layer) => this.apply(layer, of, value), x);
  }

  private apply(layer: LayerSpec, of: (name: string) => JaxArray, x: JaxArray): JaxArray {
    const { numpy: np, nn, lax } = this.jax;
    switch (layer.kind) {
      case "linear":
        return np.matmul(x, of(layer.weight)).add(of(layer.bias));
      case "conv": {
        const strides = [layer.stride, layer.stride];
        const padding = [
          [1, 1],
          [1, 1],
        ];
        return lax.convGeneralDilated(x, of(layer.weight), strides, padding).add(of(layer.bias).reshape([-1, 1, 1]));
      }
      case "norm": {
        const axes = [0, 2, 3];
        const centered = x.ref.sub(np.mean(x, axes, { keepdims: true }));
        const variance = np.mean(np.square(centered.ref), axes, { keepdims: true });
        const scale = np.reciprocal(np.sqrt(variance.add(EPSILON))).mul(of(layer.scale).reshape([-1, 1, 1]));
        return centered.mul(scale).add(of(layer.shift).reshape([-1, 1, 1]));
      }
      case "relu":
        return nn.relu(x);
      case "maxPool":
        return lax.reduceWindow(x, (window) => np.max(window), [2, 2], [2, 2]);
      case "meanSpace":
        return np.mean(x, [2, 3]);
      case "flatten":
        return x.reshape([x.shape[0] as number, -1]);
    }
  }

  /** Takes over predictions and targets. */
  private loss(predictions: JaxArray, y: JaxArray): JaxArray {
    const { numpy: np, nn } = this.jax;
    if (this.file.classes === 0) return np.mean(np.square(predictions.sub(y)));
    const n = y.shape[0] as number;
    return np.sum(nn.logSoftmax(predictions, -1).mul(y)).mul(-1 / n);
  }

  private maml(params: JaxArray[], ...[sx, sy, qx, qy]: JaxArray[]): JaxArray {
    const [supportX, supportY, queryX, queryY] = [sx, sy, qx, qy] as [JaxArray, JaxArray, JaxArray, JaxArray];
    let adapted = refs(params);
    for (let step = 0; step < this.file.innerSteps; step++) {
      const slope = this.jax.grad((p) => this.loss(this.forward(p, supportX.ref), supportY.ref))(refs(adapted));
      adapted = adapted.map((p, i) => p.sub((slope[i] as JaxArray).mul(this.file.innerRate)));
    }
    return this.loss(this.forward(adapted, queryX.ref), queryY.ref);
  }

  private protonet(params: JaxArray[], ...[sx, sy, qx, qy]: JaxArray[]): JaxArray {
    const { numpy: np } = this.jax;
    const [supportX, supportY, queryX, queryY] = [sx, sy, qx, qy] as [JaxArray, JaxArray, JaxArray, JaxArray];
    const member = supportY.ref.transpose();
    const sizes = np.sum(supportY.ref, 0).reshape([-1, 1]);
    const prototypes = np.matmul(member, this.forward(params, supportX.ref)).div(sizes);
    const z = this.forward(params, queryX.ref);
    const norms = np.sum(np.square(z.ref), 1, { keepdims: true }).add(np.sum(np.square(prototypes.ref), 1));
    const distances = norms.sub(np.matmul(z, prototypes.transpose()).mul(2));
    return this.loss(distances.mul(-1), queryY.ref);
  }

  /** Meta-gradients of the mean loss over the episodes. */
  gradients(params: JaxArray[], episodes: JaxArray[]): JaxArray[] {
    const { jax } = this;
    return jax.grad((p) => {
      if (this.file.method === "protonet") return this.protonet(p, ...episodes.map((each) => dropAxis(each.ref)));
      const losses = jax.vmap((...all) => this.maml(...all), [null, 0, 0, 0, 0])(p, ...refs(episodes));
      return jax.numpy.mean(losses);
    })(params);
  }

  /** (params, first, second, [rate], episodes) -> (params, first, second): meta-gradients and Adam in one function. */
  step(): Step {
    const { numpy: np } = this.jax;
    return this.jax.jit((...state) => {
      const [params, first, second, [rate], episodes] = state as [
        JaxArray[],
        JaxArray[],
        JaxArray[],
        [JaxArray],
        JaxArray[],
      ];
      const slope = this.gradients(refs(params), episodes);
      const m = first.map((each, i) => each.mul(ADAM.beta1).add((slope[i] as JaxArray).ref.mul(1 - ADAM.beta1)));
      const v = second.map((each, i) => each.mul(ADAM.beta2).add(np.square(slope[i] as JaxArray).mul(1 - ADAM.beta2)));
      const next = params.map((param, i) => {
        const deviation = np.sqrt((v[i] as JaxArray).ref).add(ADAM.epsilon);
        return param.sub((m[i] as JaxArray).ref.mul(rate.ref).div(deviation));
      });
      return [next, m, v];
    });
  }
}

/** The only episode of a batch of one. */
function dropAxis(x: JaxArray): JaxArray {
  return x.reshape(x.shape.slice(1));
}

/** [KH, KW, C, O] to [O, C, KH, KW]; matrices are alike. */
function native(values: Float32Array, shape: readonly number[]) {
  return shape.length === 4 ? permute(values, shape, [3, 2, 0, 1]) : { values, shape: [...shape] };
}

async function gradientOf(jax: Jax, file: CaseFile): Promise<Record<string, Float32Array>> {
  const one = new Case(jax, file, 1);
  const found = jax.jit((...state) => [one.gradients(...(state as [JaxArray[], JaxArray[]]))]);
  const [gradients = []] = found(one.params, one.episodes);
  const entries = file.parameters.map(async ({ name, shape }, i) => {
    const values = await (gradients[i] as JaxArray).data();
    const [KH = 1, KW = 1, C = 1, O = 1] = shape;
    return [name, shape.length === 4 ? permute(values, [O, C, KH, KW], [2, 3, 1, 0]).values : values] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function prepare(jax: Jax, file: CaseFile, tasks: number): Promise<() => Promise<void>> {
  const all = new Case(jax, file, tasks);
  const update = all.step();
  const zeros = () =>
    all.params.map(({ shape }) => jax.numpy.array(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape }));
  let state = [all.params, zeros(), zeros()];
  let count = 0;
  return async () => {
    count++;
    const rate = (ADAM.rate * Math.sqrt(1 - ADAM.beta2 ** count)) / (1 - ADAM.beta1 ** count);
    state = update(...state, [jax.numpy.array(Float32Array.of(rate), { shape: [] })], refs(all.episodes));
    await jax.blockUntilReady(state);
  };
}

async function make(): Promise<Peer> {
  const jax = (await import(PACKAGE)) as Jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const manifest = new URL("node_modules/@jax-js/jax/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return {
    version,
    gradient: (file) => gradientOf(jax, file),
    prepare: (file, tasks) => prepare(jax, file, tasks),
  };
}

await serve(make);
