/**
 * How time and memory grow with what a task and a model are made of: a line fitted through measurements for each, as
 * Markdown for docs/performance.md, section "Cost model".
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { tasksPerSecond } from "../src/cli/measure.ts";
import { noise, type Workload } from "../src/cli/workloads.ts";
import {
  type Executor,
  episodes,
  fromArrays,
  layers,
  maml,
  mlp,
  model,
  sinusoid,
  type TaskSource,
} from "../src/index.ts";
import { profileTask } from "../src/train/profile-task.ts";
import { type Fit, fitPowers } from "./fit.ts";

/** Everything that is varied, for both families. */
interface Setting {
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  readonly innerSteps: number;
  /** Hidden units, or filters. */
  readonly width: number;
  /** Hidden layers, or convolutions. */
  readonly depth: number;
  readonly order: 1 | 2;
}

interface Family {
  readonly name: string;
  readonly base: Setting;
  readonly points: Readonly<Partial<Record<keyof Setting, readonly number[]>>>;
  /** FLOPs of one forward pass over one example: of all layers, and of the first. */
  forward(setting: Setting): { all: number; first: number };
  workload(setting: Setting, metaBatch: number): Workload;
}

const { activation, batchNorm, conv2d, globalMeanPool, linear, sequential } = layers;

const CLASSES = 20;
const PER_CLASS = 32;
const INPUT = 64;
let vectors: ReturnType<typeof fromArrays> | undefined;
let images: ReturnType<typeof noise> | undefined;

/** Vectors of noise. */
function vectorTasks({ ways, shots, queries }: Setting): TaskSource {
  const count = CLASSES * PER_CLASS;
  vectors ??= fromArrays({
    x: Float32Array.from({ length: count * INPUT }, (_, i) => ((i * 2654435761) % 1000) / 1000),
    y: Array.from({ length: count }, (_, i) => Math.floor(i / PER_CLASS)),
    shape: [INPUT],
  });
  return episodes(vectors, { ways, shots, queries });
}

function imageTasks({ ways, shots, queries }: Setting): TaskSource {
  images ??= noise(CLASSES, PER_CLASS);
  return episodes(images, { ways, shots, queries });
}

const MLP: Family = {
  name: "MLP",
  base: { ways: 5, shots: 2, queries: 4, innerSteps: 1, width: 64, depth: 2, order: 2 },
  points: {
    ways: [2, 5, 10, 15, 20],
    shots: [1, 2, 4, 8, 16],
    queries: [1, 2, 4, 8, 16],
    innerSteps: [1, 2, 3, 5, 8],
    width: [16, 32, 64, 128, 256],
    depth: [1, 2, 3, 4, 6],
  },
  forward({ ways, width, depth }) {
    const first = 2 * INPUT * width;
    return { all: first + 2 * (depth - 1) * width ** 2 + 2 * width * ways, first };
  },
  workload(setting, metaBatch) {
    const { ways, width, depth, innerSteps, order } = setting;
    const body = mlp({ inputShape: INPUT, hidden: new Array<number>(depth).fill(width), outputs: ways });
    return {
      name: "MLP",
      learner: maml(body, { innerRate: 0.01, innerSteps, order }),
      tasks: vectorTasks(setting),
      metaBatch,
    };
  },
};

/** The first convolution halves 28 x 28, the others keep 14 x 14: each costs the same. */
const CONV: Family = {
  name: "Conv",
  base: { ways: 5, shots: 1, queries: 2, innerSteps: 1, width: 16, depth: 4, order: 2 },
  points: {
    ways: [2, 4, 6, 8, 10],
    shots: [1, 2, 3, 4, 6],
    queries: [1, 2, 4, 6, 8],
    innerSteps: [1, 2, 3, 4, 5],
    width: [8, 16, 24, 32, 48],
    depth: [1, 2, 3, 4, 5],
  },
  forward({ ways, width, depth }) {
    const pixels = 14 * 14;
    const first = 2 * pixels * 9 * width;
    return { all: first + 2 * (depth - 1) * pixels * 9 * width ** 2 + 2 * width * ways, first };
  },
  workload(setting, metaBatch) {
    const { ways, width, depth, innerSteps, order } = setting;
    const block = (stride: number) => [
      conv2d(width, { size: 3, stride, pad: 1 }),
      batchNorm({ mode: "transductive" }),
      activation("relu"),
    ];
    const blocks = Array.from({ length: depth }, (_, i) => block(i === 0 ? 2 : 1)).flat();
    const body = model([28, 28, 1], sequential([...blocks, globalMeanPool(), linear(ways)]));
    return {
      name: "Conv",
      learner: maml(body, { innerRate: 0.1, innerSteps, order }),
      tasks: imageTasks(setting),
      metaBatch,
    };
  },
};

/** FLOPs of the products of one task, on paper: see docs/performance.md. */
function flopsOnPaper(family: Family, setting: Setting): number {
  const { all, first } = family.forward(setting);
  const { ways, shots, queries, innerSteps, order } = setting;
  const step = order === 2 ? 9 * all - 5 * first : 3 * all - first;
  return ways * (shots * innerSteps * step + queries * (3 * all - first));
}

interface Point {
  /** Sum of the instructions' shortest times: other work on the machine disturbs it less than a whole run's. */
  readonly microseconds: number;
  readonly arenaBytes: number;
  /** FLOPs of products and convolutions, counted in the Program. */
  readonly flops: number;
}

function measurePoint(family: Family, setting: Setting, seconds: number): Point {
  const { learner, tasks } = family.workload(setting, 1);
  const { rows, total, arenaBytes } = profileTask(learner, tasks, { seconds });
  const products = rows.filter(({ kind }) => /^(MatMul|Conv2d)/.test(kind));
  const flops = products.reduce((sum, each) => sum + each.flops, 0);
  return { microseconds: total.microseconds, arenaBytes, flops };
}

function digits(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
}

function formula({ coefficients }: Fit): string {
  const powers = ["", " x", " x²"];
  const terms = coefficients.map((each, power) => `${digits(Math.abs(each))}${powers[power]}`);
  return terms.reduce((text, term, i) => {
    const negative = (coefficients[i] as number) < 0;
    return i === 0 ? `${negative ? "−" : ""}${term}` : `${text} ${negative ? "−" : "+"} ${term}`;
  }, "");
}

/** A row of the table: what x is, both fits with their R², and the points. */
function row(what: string, xs: readonly number[], times: readonly number[], bytes?: readonly number[], degree = 1) {
  const time = fitPowers(xs, times, degree);
  const kibibytes = bytes?.map((each) => each / 1024);
  const memory = kibibytes && fitPowers(xs, kibibytes, degree);
  const cells = [
    what,
    formula(time),
    time.r2.toFixed(3),
    memory ? formula(memory) : "",
    memory ? memory.r2.toFixed(3) : "",
    xs
      .map((x, i) => `${x}: ${digits(times[i] as number)}${kibibytes ? ` / ${digits(kibibytes[i] as number)}` : ""}`)
      .join(", "),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function growth(family: Family, quick: boolean): void {
  for (const [name, all] of Object.entries(family.points)) {
    const xs = quick ? [all[0], all[2], all[4]].map(Number) : all;
    const points = xs.map((x) => measurePoint(family, { ...family.base, [name]: x }, quick ? 0.1 : 0.4));
    const times = points.map(({ microseconds }) => microseconds);
    row(
      `${family.name}: ${name}`,
      xs,
      times,
      points.map(({ arenaBytes }) => arenaBytes),
      name === "width" ? 2 : 1,
    );
  }
}

function onPaper(family: Family): void {
  for (const order of [1, 2] as const) {
    for (const innerSteps of [1, 5]) {
      const setting = { ...family.base, order, innerSteps };
      const { flops, microseconds, arenaBytes } = measurePoint(family, setting, 0.2);
      const paper = flopsOnPaper(family, setting);
      const cells = [
        family.name,
        order,
        innerSteps,
        paper / 1e6,
        flops / 1e6,
        flops / paper,
        microseconds,
        arenaBytes / 1024,
      ];
      console.log(`| ${cells.map((each) => (typeof each === "number" ? digits(each) : each)).join(" | ")} |`);
    }
  }
}

/** Shortest outer step, in microseconds, of a short training run. */
async function outerStep(workload: Workload, executor: Executor | undefined, quick: boolean): Promise<number> {
  const round = quick ? 0.1 : 0.3;
  const protocol = { warmSeconds: round, rounds: 5, roundSeconds: round };
  const { highest } = await tasksPerSecond(executor ? { ...workload, executor } : workload, protocol);
  return (1e6 * workload.metaBatch) / highest;
}

async function metaBatches(quick: boolean): Promise<void> {
  const curves = (metaBatch: number): Workload => ({
    name: "sine",
    learner: maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 }),
    tasks: sinusoid(),
    metaBatch,
  });
  const families: [string, readonly number[], (n: number) => Workload][] = [
    ["sine", [1, 5, 10, 25, 50], curves],
    ["MLP", [1, 4, 8, 16, 32], (n) => MLP.workload(MLP.base, n)],
    ["Conv", [1, 2, 4, 8, 16], (n) => CONV.workload(CONV.base, n)],
  ];
  for (const [name, xs, of] of families) {
    const times: number[] = [];
    for (const n of xs) times.push(await outerStep(of(n), undefined, quick));
    row(`${name}: meta-batch (µs an outer step)`, xs, times);
  }
}

async function workerCounts(quick: boolean): Promise<void> {
  const entry = new URL("../dist/node.js", import.meta.url);
  if (!existsSync(entry)) {
    console.log("\nworkers: dist/node.js is missing; run npm run build first");
    return;
  }
  const { workers } = (await import(entry.href)) as { workers(count: number): Executor };
  console.log("\n| workers, meta-batch 32 | µs an outer step | times one thread |\n|---|---|---|");
  for (const family of [MLP, CONV]) {
    const workload = family.workload(family.base, 32);
    const one = await outerStep(workload, undefined, quick);
    console.log(`| ${family.name}: in the thread | ${digits(one)} | 1 |`);
    for (let count = 1; count <= Math.min(8, cpus().length); count *= 2) {
      const executor = workers(count);
      const time = await outerStep(workload, executor, quick);
      await executor.close();
      console.log(`| ${family.name}: ${count} | ${digits(time)} | ${(one / time).toFixed(2)} |`);
    }
  }
}

/** `npm run bench -- cost [--quick]` */
export async function benchCost(options: readonly string[]): Promise<void> {
  const quick = options.includes("--quick");
  console.log("| | order | inner steps | MFLOP on paper | counted | ratio | µs a task | arena KiB |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const family of [MLP, CONV]) onPaper(family);
  console.log("\n| x | µs a task | R² | arena KiB | R² | measured (x: µs / KiB) |\n|---|---|---|---|---|---|");
  for (const family of [MLP, CONV]) growth(family, quick);
  await metaBatches(quick);
  await workerCounts(quick);
}
