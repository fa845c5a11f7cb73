/** Speed of single instructions and small Programs at the shapes that count, in GFLOP/s of nominal operations. */
import { readFileSync } from "node:fs";
import { convolutionOperators } from "../src/graph/operators/convolution.ts";
import { outputExtents } from "../src/graph/operators/window.ts";
import { apply } from "../src/graph/tensor.ts";
import {
  attention,
  Core,
  compile,
  layers,
  matmul,
  model,
  type Program,
  type Shape,
  solve,
  type Tensor,
} from "../src/index.ts";

interface Case {
  readonly name: string;
  /** Multiplications and additions by definition, padding included. */
  readonly operations: number;
  program(): Program;
  /** Numbers of an input; small ones of both signs by default. */
  value?(name: string, index: number): number;
  /** GFLOP/s of the best known kernel on a machine where 384^3 reaches `ANCHOR_REFERENCE`. */
  readonly anchor?: number;
}

const ANCHOR_REFERENCE = 40;
const small = (i: number) => ((i * 2654435761) % 1000) / 1000 - 0.5;
const WARM_SECONDS = 0.12;
const REPETITIONS = 31;
const REPETITION_SECONDS = 0.004;
/** Of a short instruction one call runs many, as a program does. */
const OPERATIONS_A_CALL = 4e6;

type Transposes = "" | "tA" | "tB" | "tA tB";

function product(M: number, N: number, K: number, transposes: Transposes = "", anchor?: number): Case {
  const transposeA = transposes.includes("tA");
  const transposeB = transposes.includes("tB");
  const shapes = { a: transposeA ? [K, M] : [M, K], b: transposeB ? [N, K] : [K, N] };
  return {
    name: `matmul ${M}x${N}x${K} ${transposes}`.trim(),
    operations: 2 * M * N * K,
    program: () => compile(shapes, ({ a, b }) => ({ c: matmul(a, b, { transposeA, transposeB }) })),
    ...(anchor === undefined ? {} : { anchor }),
  };
}

/** The three members for images [N, ...image, C] and a square kernel with O outputs. */
function convolutions(
  N: number,
  image: readonly [number, number],
  C: number,
  size: number,
  O: number,
  stride: number,
  pad: number,
): Case[] {
  const kernel = [size, size];
  const attributes = { image, kernel, stride: [stride, stride], pad: [pad, pad, pad, pad] };
  const output = outputExtents(image, kernel, attributes);
  const shapes = { x: [N, ...image, C], w: [...kernel, C, O], y: [N, ...output, O] };
  const operations = 2 * N * (output[0] * output[1]) * size * size * C * O;
  return convolutionOperators.map((operator) => {
    const result = { conv2d: "y", conv2dInputGrad: "x", conv2dWeightGrad: "w" }[operator.name];
    const roles = (["x", "w", "y"] as const).filter((role) => role !== result);
    const inputs = Object.fromEntries(roles.map((role) => [role, shapes[role]]));
    return {
      name: `${operator.name} ${N}x${image.join("x")}x${C}, ${size}x${size}, ${O}, stride ${stride}`,
      operations,
      program: () =>
        compile(inputs, (tensors) => ({
          out: apply(
            operator,
            roles.map((role) => tensors[role] as Tensor),
            attributes,
          ),
        })),
    };
  });
}

/** A batch of symmetric positive definite systems [n, n] with k right-hand sides. */
function system(batch: number, n: number, k: number): Case {
  return {
    name: `solve ${batch} * ${n}x${n} -> ${k}`,
    operations: batch * (n ** 3 / 3 + 2 * n * n * k),
    program: () => compile({ a: [batch, n, n], b: [batch, n, k] }, ({ a, b }) => ({ x: solve(a, b) })),
    // Any matrix of small numbers is definite with n on its diagonal.
    value: (name, i) => (name === "a" && (i % (n * n)) % (n + 1) === 0 ? n : small(i)),
  };
}

/** Attention of n rows to n others, D wide: its operations are those of its two products. */
function attend(n: number, D: number, heads = 1, weighted = false): Case {
  const shapes = { q: [n, D], k: [n, D], v: [n, D], ...(weighted ? { weights: [n] } : {}) } as Record<string, Shape>;
  return {
    name: `attention ${n}x${D}, ${heads} heads${weighted ? ", weights" : ""}`,
    operations: 4 * n * n * D,
    program: () =>
      compile(shapes, ({ q, k, v, weights }) => ({
        out: attention(q as Tensor, k as Tensor, v as Tensor, { heads, ...(weights ? { weights } : {}) }),
      })),
  };
}

/** `steps` of an LSTM on n sequences, inputs as wide as its state: its operations are those of its products. */
function recurrence(n: number, units: number, steps: number): Case {
  const body = model([steps, units], layers.lstm(units));
  const parameters = Object.fromEntries(body.parameters.map(({ name, shape }) => [name, shape]));
  return {
    name: `lstm ${n}x${units}, ${steps} steps`,
    operations: 2 * steps * n * 2 * units * 4 * units,
    program: () =>
      compile({ ...parameters, x: [n, steps, units] } as Record<string, Shape>, (given) => ({
        out: body.apply(given, given, { training: false, role: "query" }).output,
      })),
  };
}

const LAYERS = [28, 14, 7, 4] as const;

const CASES: readonly Case[] = [
  product(5, 64, 576, "", 36),
  product(48, 40, 40, "", 36),
  product(96, 64, 64, "", 38),
  product(384, 384, 384, "", 40),
  product(3888, 64, 576, "", 40),
  ...(["tA", "tB", "tA tB"] as const).flatMap((transposes) => [
    product(48, 40, 40, transposes, 36),
    product(96, 64, 64, transposes, 38),
    product(384, 384, 384, transposes, 40),
  ]),
  product(7, 13, 29),
  product(7, 13, 29, "tA"),
  product(7, 13, 29, "tB"),
  product(10, 40, 40),
  product(10, 40, 40, "tB"),
  product(40, 40, 10, "tA"),
  product(10, 40, 1),
  product(1, 40, 10, "tA"),
  product(10, 1, 40),
  product(10, 1, 40, "tB"),
  product(10, 40, 1, "tB"),
  product(40, 1, 10, "tA"),
  product(5, 256, 784),
  product(5, 784, 256, "tB"),
  product(784, 256, 5, "tA"),
  product(784, 5, 256, "tB"),
  product(1, 256, 784),
  product(784, 1, 256),
  product(1, 784, 256, "tB"),
  system(64, 5, 5),
  system(1, 25, 5),
  system(8, 64, 5),
  system(1, 256, 64),
  product(256, 256, 64, "tB"),
  product(256, 64, 256),
  attend(256, 64),
  attend(256, 64, 4),
  attend(256, 64, 1, true),
  recurrence(1, 64, 100),
  recurrence(16, 64, 100),
  ...[5, 75].flatMap((N) =>
    LAYERS.flatMap((size, layer) => convolutions(N, [size, size], layer === 0 ? 1 : 64, 3, 64, 2, 1)),
  ),
  ...[60, 300].flatMap((N) =>
    [28, 14, 7, 3].flatMap((size, layer) => [
      ...(layer === 0 ? convolutions(N, [size, size], 1, 3, 64, 1, 1) : []),
      ...convolutions(N, [size, size], 64, 3, 64, 1, 1),
    ]),
  ),
  ...convolutions(25, [84, 84], 3, 3, 32, 1, 1),
  ...convolutions(25, [42, 42], 32, 3, 32, 1, 1),
];

/** The same program `times` times over in one call. */
function repeated(program: Program, times: number): Program {
  const { length } = program.code;
  const code = new Int32Array(length * times);
  for (let i = 0; i < times; i++) code.set(program.code, i * length);
  return { ...program, code, instructionCount: program.instructionCount * times };
}

/** Best and median GFLOP/s of a case. */
function speed(
  core: Core,
  { program, operations, value = (_, i) => small(i) }: Case,
): { best: number; median: number } {
  const times = Math.max(1, Math.floor(OPERATIONS_A_CALL / operations));
  const loaded = core.load(repeated(program(), times));
  for (const { name, shape } of loaded.program.inputs) {
    const count = shape.reduce((total, extent) => total * extent, 1);
    loaded.write(
      name,
      Float32Array.from({ length: count }, (_, i) => value(name, i)),
    );
  }
  const repeat = (seconds: number) => {
    const began = performance.now();
    let calls = 0;
    let elapsed = 0;
    do {
      loaded.run();
      calls++;
      elapsed = (performance.now() - began) / 1000;
    } while (elapsed < seconds);
    return (calls * times * operations) / elapsed / 1e9;
  };
  repeat(WARM_SECONDS);
  const rates = Array.from({ length: REPETITIONS }, () => repeat(REPETITION_SECONDS)).sort((a, b) => a - b);
  loaded.dispose();
  return { best: rates[REPETITIONS - 1] as number, median: rates[REPETITIONS >> 1] as number };
}

/** `npm run bench -- kernels [--core file.wasm] [words that a case's name must hold …]` */
export async function benchKernels(given: readonly string[]): Promise<void> {
  const at = given.indexOf("--core");
  const core = at < 0 ? Core.create() : Core.create(readFileSync(given[at + 1] as string));
  const words = at < 0 ? given : given.filter((_, i) => i !== at && i !== at + 1);
  const cases = CASES.filter(({ name }) => words.every((word) => name.includes(word)));
  if (cases.length === 0) throw new Error(`no case's name holds ${words.join(" and ")}`);
  const reference = speed(core, product(384, 384, 384));
  console.log(`GFLOP/s of nominal operations, one thread; matrix product 384^3: ${reference.best.toFixed(1)}`);
  console.log(`${"instruction".padEnd(52)}    Mflop     best   median  of 384^3  of the anchor`);
  for (const each of cases) {
    const { best, median } = speed(core, each);
    const anchor = ((each.anchor ?? 0) * reference.best) / ANCHOR_REFERENCE;
    const cells = [
      (each.operations / 1e6).toFixed(3).padStart(9),
      best.toFixed(1).padStart(9),
      median.toFixed(1).padStart(9),
      `${((100 * best) / reference.best).toFixed(0)} %`.padStart(10),
      (anchor > 0 ? `${((100 * best) / anchor).toFixed(0)} %` : "-").padStart(15),
    ];
    console.log(each.name.padEnd(52) + cells.join(""));
  }
}
