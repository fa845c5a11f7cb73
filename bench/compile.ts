/** How long it takes to trace, differentiate and compile a task, and to load it: first in a fresh process, and once warm. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Workload, workloads } from "../src/cli/workloads.ts";
import { compileGraph } from "../src/compile/compile.ts";
import { Core } from "../src/core/core.ts";
import { type Learner, layers, lstm, maml, mlp, model, regression, sinusoid } from "../src/index.ts";
import type { TaskSpec } from "../src/tasks/types.ts";
import { initProgram, taskGraph } from "../src/train/programs.ts";

const PROCESSES = 7;
const WARM = 40;

/** Milliseconds of each phase. */
type Phases = Readonly<Record<"trace" | "compile" | "load", number>>;

function sinusoidOf(innerSteps: number): Workload {
  const sine = (workloads.sine as () => Workload)();
  const learner: Learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerRate: 0.01, innerSteps });
  return { ...sine, name: `sine, ${innerSteps} steps`, learner };
}

/** An LSTM of 64 units, unrolled over the support set. */
const reader = (): Learner => lstm(model([1], layers.flatten()), regression(1), { units: 64 });

const CASES: Readonly<Record<string, () => Workload>> = {
  ...workloads,
  sine10: () => sinusoidOf(10),
  sine100: () => sinusoidOf(100),
  lstm100: () => ({ ...sinusoidOf(0), learner: reader(), tasks: sinusoid({ shots: 100 }) }),
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

function once({ learner, tasks }: Workload): { phases: Phases; nodes: number; instructions: number } {
  const { plan } = initProgram(learner);
  const core = Core.create();
  const moments = [performance.now()];
  const graph = taskGraph(plan, tasks.specs[0] as TaskSpec);
  moments.push(performance.now());
  const program = compileGraph(graph, { verify: false });
  moments.push(performance.now());
  core.load(program).dispose();
  moments.push(performance.now());
  const [trace, compile, load] = moments.slice(1).map((moment, i) => moment - (moments[i] as number)) as [
    number,
    number,
    number,
  ];
  return { phases: { trace, compile, load }, nodes: graph.nodes.length, instructions: program.instructionCount };
}

/** What a process of its own measures and prints. */
function measureCase(name: string): void {
  const workload = (CASES[name] as () => Workload)();
  const { phases: cold, nodes, instructions } = once(workload);
  const runs = Array.from({ length: nodes > 4000 ? 5 : WARM }, () => once(workload).phases);
  const warm = runs.slice(runs.length >> 1);
  console.log(JSON.stringify({ cold, warm, nodes, instructions }));
}

/** `npm run bench -- compile [workload …]` */
export async function benchCompile(names: readonly string[]): Promise<void> {
  const [first, only] = names;
  if (first === "--one") return measureCase(only as string);
  const chosen = names.length > 0 ? names : Object.keys(CASES);
  console.log(
    `median of ${PROCESSES} processes: the first compilation of a task in each, after that of its initialisation; warm: later ones`,
  );
  console.log("workload      nodes  instructions   first (trace + compile + load)   warm (trace + compile + load)");
  const entry = fileURLToPath(new URL("./index.ts", import.meta.url));
  for (const name of chosen) {
    if (CASES[name] === undefined) throw new Error(`no workload is called ${name}; there are ${Object.keys(CASES)}`);
    const results = Array.from({ length: PROCESSES }, () => {
      const output = execFileSync(process.execPath, ["--import", "tsx", entry, "compile", "--one", name]);
      return JSON.parse(output.toString()) as { cold: Phases; warm: Phases[]; nodes: number; instructions: number };
    });
    const show = (runs: readonly Phases[]) => {
      const total = median(runs.map(({ trace, compile, load }) => trace + compile + load));
      const parts = (["trace", "compile", "load"] as const).map((phase) => median(runs.map((run) => run[phase])));
      return `${total.toFixed(1)} ms (${parts.map((each) => each.toFixed(1)).join(" + ")})`;
    };
    const [{ nodes, instructions }] = results as [(typeof results)[number]];
    const cold = show(results.map((result) => result.cold));
    const warm = show(results.flatMap((result) => result.warm));
    console.log(`${name.padEnd(14)}${`${nodes}`.padEnd(7)}${`${instructions}`.padEnd(15)}${cold.padEnd(33)}${warm}`);
  }
}
