/** quickstudy as it is measured beside the peers: `metaTrain` in one thread, sampling included. */
import type { Workload } from "../../src/cli/workloads.ts";
import { Core, inThread, type LoadedProgram, metaTrain, relaxedCore, VERSION } from "../../src/index.ts";
import { unprefixed } from "../../src/optim/rule.ts";
import type { TaskSpec } from "../../src/tasks/types.ts";
import { compileTask, GRADIENT, initProgram } from "../../src/train/programs.ts";
import { gated } from "../gated.ts";
import { type Answer, pack, type Request, type Timed } from "./case-file.ts";
import { checksOf, taskInputs, workloadOf } from "./cases.ts";
import { answerLines } from "./serve.ts";

/** `ours.ts <form> [relaxed]` */
const [form = "sine", mode] = process.argv.slice(2);
const relaxed = mode === "relaxed";
const core = relaxed ? relaxedCore() : Core.create();

/** The meta-gradient of a check's episode; requests name them `<check>/<episode>`. */
function gradient(name: string): Record<string, Float32Array> {
  const at = name.lastIndexOf("/");
  const workload = checksOf(form).find((check) => check.name === name.slice(0, at));
  if (workload === undefined) throw new Error(`no check of ${form} is called ${name}`);
  const program = loadedTask(workload);
  for (const [input, values] of Object.entries(taskInputs(workload, Number(name.slice(at + 1))))) {
    program.write(input, values);
  }
  program.run();
  const outputs = program.program.outputs.map(({ name: output }) => [output, program.read(output)] as const);
  program.dispose();
  return unprefixed(GRADIENT, Object.fromEntries(outputs));
}

function loadedTask({ learner, tasks }: Workload): LoadedProgram {
  return core.load(compileTask(initProgram(learner).plan, tasks.specs[0] as TaskSpec).program);
}

/** A training run that goes on only while it is let: every outer step waits at the gate. */
class PausedRun {
  private open: () => void = () => {};
  private done: (timed: Timed) => void = () => {};
  private failed: (error: unknown) => void = () => {};
  private gate: Promise<void>;
  private seconds = 0;
  private began = 0;
  private tasks = 0;

  constructor({ learner, tasks, metaBatch }: Workload) {
    this.gate = this.closed();
    metaTrain(learner, tasks, {
      iterations: 2 ** 31,
      metaBatch,
      seed: 1,
      // Sampling comes before the gate: that of a round's first step is not timed, that after its last one is not done.
      executor: gated(inThread(core), () => this.gate),
      onProgress: () => {
        this.tasks += metaBatch;
        const elapsed = (performance.now() - this.began) / 1000;
        if (elapsed < this.seconds) return;
        this.gate = this.closed();
        this.done({ tasks: this.tasks, seconds: elapsed });
      },
    }).catch((error: unknown) => this.failed(error));
  }

  private closed(): Promise<void> {
    return new Promise((resolve) => {
      this.open = resolve;
    });
  }

  /** Outer steps for at least so long. */
  round(seconds: number): Promise<Timed> {
    return new Promise((resolve, reject) => {
      [this.done, this.failed, this.seconds, this.tasks] = [resolve, reject, seconds, 0];
      this.began = performance.now();
      this.open();
    });
  }
}

let run: PausedRun | undefined;

async function answer(request: Request): Promise<Answer> {
  if (core.relaxed !== relaxed) throw new Error(`Node ${process.versions.node} has no relaxed SIMD`);
  switch (request.do) {
    case "version":
      return { version: `${VERSION} (Node ${process.versions.node})` };
    case "gradient": {
      const found = Object.entries(gradient(request.file));
      return { gradient: Object.fromEntries(found.map(([name, values]) => [name, pack(values)])) };
    }
    case "prepare":
      run = new PausedRun(workloadOf(form));
      return run.round(request.seconds);
    case "round":
      if (run === undefined) throw new Error("round: nothing is prepared");
      return run.round(request.seconds);
  }
}

await answerLines(answer);
