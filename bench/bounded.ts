/** Bounded memory: bytes and time of a task with all that inner steps computed kept, and with it computed anew. */
import { type CompileOptions, compileGraph } from "../src/compile/compile.ts";
import {
  classification,
  conv4,
  defaultCore,
  keyOf,
  keyToArray,
  type Learner,
  maml,
  mlp,
  type Program,
  regression,
} from "../src/index.ts";
import type { TaskSpec } from "../src/tasks/types.ts";
import { initProgram, taskGraph } from "../src/train/programs.ts";

const IMAGES: TaskSpec = { inputs: { x: [84, 84, 3] }, objective: classification(5), segments: [25], queries: 75 };
const POINTS: TaskSpec = { inputs: { x: [1] }, objective: regression(1), segments: [10], queries: 10 };
const MANY_POINTS: TaskSpec = { ...POINTS, segments: [200] };

const MODES = ["unbounded", "bounded"] as const;
const mebibytes = (bytes: number) => bytes / 2 ** 20;

function graphOf(learner: Learner, spec: TaskSpec) {
  return taskGraph(initProgram(learner).plan, spec);
}

/** Runs a program so many times on noise, alone in the core; the least seconds of a run. */
function seconds(program: Program, repetitions: number): number {
  const loaded = defaultCore().load(program);
  try {
    for (const { name, shape } of program.inputs) {
      const size = shape.reduce((a, b) => a * b, 1);
      const labels = name.endsWith(".y") && shape.length === 1;
      const value = (i: number) => (labels ? i % 5 : (((i * 2654435761) % 1000) / 1000 - 0.5) * 0.2);
      loaded.write(
        name,
        name === "key" ? keyToArray(keyOf(1)) : Float32Array.from({ length: size }, (_, i) => value(i)),
      );
    }
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < repetitions; i++) {
      const began = performance.now();
      loaded.run();
      least = Math.min(least, (performance.now() - began) / 1000);
    }
    return least;
  } finally {
    loaded.dispose();
  }
}

function compiled(learner: Learner, spec: TaskSpec, memory: CompileOptions["memory"]): Program | undefined {
  try {
    return compileGraph(graphOf(learner, spec), { ...(memory && { memory }), verify: false });
  } catch {
    return undefined;
  }
}

/** @param time repetitions of each; 0 for bytes alone */
function row(what: string, steps: number, learner: Learner, spec: TaskSpec, time: number): void {
  const programs = MODES.map((memory) => compiled(learner, spec, memory));
  const bytes = programs.map((program) =>
    program === undefined ? "does not fit" : mebibytes(program.arenaBytes).toFixed(2),
  );
  // In turns, so that what else the machine does falls on both; one is loaded at a time.
  const least = programs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < time; round++) {
    for (const [i, program] of programs.entries()) {
      if (program !== undefined) least[i] = Math.min(least[i] as number, seconds(program, 1));
    }
  }
  const [plain, bounded] = least as [number, number];
  const timing = time === 0 ? [] : [plain.toFixed(2), bounded.toFixed(2), (bounded / plain).toFixed(2)];
  console.log([what.padEnd(22), ...[`${steps}`, ...bytes, ...timing].map((cell) => cell.padStart(12))].join(""));
}

/** `npm run bench -- bounded [--small]`: small leaves out the timed images, which take about a minute. */
export async function benchBounded(rest: readonly string[]): Promise<void> {
  const titles = ["inner steps", "unbounded MiB", "bounded MiB", "unbounded s", "bounded s", "ratio"];
  console.log("task".padEnd(22) + titles.map((title) => title.padStart(title.length > 11 ? 14 : 12)).join(""));
  for (const steps of [1, 2, 5, 10, 20]) {
    const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: steps, innerRate: 0.01 });
    row("sinusoid, 10 points", steps, learner, POINTS, 0);
    row("sinusoid, 200 points", steps, learner, MANY_POINTS, 0);
  }
  for (const downsampling of ["maxPool", "stride"] as const) {
    for (const steps of [1, 2, 3, 4, 5]) {
      const learner = maml(
        conv4({ inputShape: [84, 84, 3], outputs: 5, filters: 32, downsampling, batchNorm: "transductive" }),
        {
          innerSteps: steps,
          innerRate: 0.01,
        },
      );
      row(`Conv-4 84x84, ${downsampling}`, steps, learner, IMAGES, rest.includes("--small") ? 0 : 2);
    }
  }
}
