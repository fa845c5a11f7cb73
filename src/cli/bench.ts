import { OptionError } from "../errors.ts";
import { profileTask, type TaskProfile } from "../train/profile-task.ts";
import { loadTrained } from "./checkpoint-file.ts";
import { machineGigaflops, PROTOCOL, type Protocol, tasksPerSecond } from "./measure.ts";
import { numberTable, printResult, showBytes, showCount, showMicroseconds } from "./output.ts";
import { givenSettings } from "./run-options.ts";
import { flag, learnerOf, optimizerOf, outerSettings, type RunSpec, runSpec, taskSpecOf } from "./run-spec.ts";
import { noiseTasks, type Workload, workloads } from "./workloads.ts";

export interface BenchOptions {
  readonly task?: string;
  readonly learner?: string;
  readonly profile: boolean;
  readonly by: "opcode" | "shape";
  readonly seconds?: number;
  readonly json: boolean;
}

/** A run on tasks of its shapes; what they show changes no timing, so that no files are needed. */
function workloadOf(name: string, spec: RunSpec): Workload {
  return {
    name,
    learner: learnerOf(spec),
    tasks: noiseTasks(taskSpecOf(spec)),
    metaBatch: outerSettings(spec).metaBatch,
    optimizer: optimizerOf(spec),
  };
}

/** What is to be measured: a workload by its name, the run of a checkpoint, or a run that options describe. */
async function subjectOf(name: string | undefined, options: BenchOptions): Promise<Workload> {
  const { task, learner } = options;
  const given = givenSettings(options);
  if (name === undefined) {
    if (task === undefined) {
      throw new OptionError(
        `bench: nothing to measure; name a workload (${Object.keys(workloads).join(", ")}), a checkpoint, or --task and ` +
          "what else `quickstudy train` takes",
      );
    }
    const spec = runSpec(task, learner ?? "maml", given);
    return workloadOf(`${spec.learner.name} on ${spec.task.name}`, spec);
  }
  const idle = Object.keys({ ...(task && { task }), ...(learner && { learner }), ...given });
  if (idle.length > 0) {
    throw new OptionError(
      `bench: ${name} has its own ${idle.map(flag).join(", ")}; leave out the options, or the name`,
    );
  }
  const known = workloads[name];
  if (known !== undefined) return known();
  if (!/[./\\]/.test(name)) {
    throw new OptionError(
      `bench: no workload is called ${name}; there are ${Object.keys(workloads).join(", ")}; a checkpoint is named by its path`,
    );
  }
  const { trained, spec } = await loadTrained(name);
  return { ...workloadOf(name, spec), meta: trained.meta };
}

/** `quickstudy bench [workload or FILE]` */
export async function bench(name: string | undefined, options: BenchOptions): Promise<void> {
  const subject = await subjectOf(name, options);
  if (options.profile) benchProfile(subject, options);
  else await benchSpeed(subject, options);
}

function benchProfile({ name, learner, tasks, meta }: Workload, { by, seconds = 2, json }: BenchOptions): void {
  const result = profileTask(learner, tasks, { by, seconds, ...(meta && { meta }) });
  printResult(json, { name, ...result }, profileLines(name, result));
}

function profileLines(name: string, result: TaskProfile): string[] {
  const { rows, total, runMicroseconds, instructions, arenaBytes, nodes, passes } = result;
  const milliseconds = (value: number) => `${value.toFixed(1)} ms`;
  const rate = (value: number) => (value > 0 ? value.toFixed(1) : "-");
  const cells = ({ kind, count, microseconds, share, gigaflops, gigabytes }: TaskProfile["total"]) => [
    kind,
    `${count}`,
    showMicroseconds(microseconds),
    `${(100 * share).toFixed(1)} %`,
    rate(gigaflops),
    rate(gigabytes),
  ];
  return [
    `${name}: the task Program has ${instructions} instructions of ${nodes} nodes, an arena of ${showBytes(arenaBytes)}, ` +
      `${showCount(total.flops)}FLOP a task`,
    `traced and differentiated in ${milliseconds(result.traceMilliseconds)}, compiled in ${milliseconds(result.compileMilliseconds)}`,
    "",
    ...numberTable([
      ["instructions", "count", "µs a task", "share", "GFLOP/s", "GB/s"],
      ...rows.map(cells),
      ["sum", ...cells(total).slice(1)],
      ["one whole run", "", showMicroseconds(runMicroseconds), "", rate(total.flops / (1000 * runMicroseconds)), ""],
    ]),
    "",
    `the shortest of ${passes} passes; GB/s counts every operand once`,
  ];
}

async function benchSpeed(subject: Workload, { seconds, json }: BenchOptions): Promise<void> {
  const round = seconds === undefined ? PROTOCOL.roundSeconds : seconds / PROTOCOL.rounds;
  const protocol: Protocol = { warmSeconds: round, rounds: PROTOCOL.rounds, roundSeconds: round };
  const { median, lowest, highest, rounds } = await tasksPerSecond(subject, protocol);
  const machine = (await machineGigaflops({ warmSeconds: 0.2, rounds: 3, roundSeconds: 0.1 })).median;
  const result = { name: subject.name, tasksPerSecond: median, lowest, highest, rounds, machineGigaflops: machine };
  const show = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(4));
  printResult(json, result, [
    `${subject.name}: ${show(median)} tasks/s (${show(lowest)} to ${show(highest)}), one thread, whole outer steps of ${subject.metaBatch}`,
    `median of ${rounds} rounds of ${round.toPrecision(2)} s; a 384^3 matrix product runs at ${machine.toFixed(1)} GFLOP/s here`,
  ]);
}
