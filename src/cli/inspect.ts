import type { Memory } from "../compile/compile.ts";
import { FormatError, QuickstudyError } from "../errors.ts";
import { type Footprint, footprint } from "../program/footprint.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { adaptProgram, compileTask, initProgram } from "../train/programs.ts";
import { readCheckpointFile } from "./checkpoint-file.ts";
import { numberTable, printResult, showBytes, showPeak, table } from "./output.ts";
import { decodeRunSpec, learnerOf, taskSpecOf } from "./run-spec.ts";

/** `quickstudy inspect FILE` */
export async function inspect(path: string, { json, memory }: { json: boolean; memory: Memory }): Promise<void> {
  const bytes = await readCheckpointFile(path);
  const { meta, shapes, metadata, iteration } = readAs(path, bytes);
  const parameters = Object.entries(meta).map(([name, data]) => ({
    name,
    shape: shapes[name] ?? [data.length],
    norm: Math.sqrt(data.reduce((total, value) => total + value * value, 0)),
    finite: data.every((value) => Number.isFinite(value)),
  }));
  const count = Object.values(meta).reduce((total, data) => total + data.length, 0);
  // A file of the library's own making has no run of the command line in it.
  const programs = metadata.run === undefined ? [] : programsOf(metadata.run, memory);
  const result = {
    file: path,
    bytes: bytes.length,
    iteration,
    parameters: count,
    metadata,
    tensors: parameters,
    programs,
  };
  printResult(json, result, [
    `${path}: ${bytes.length} bytes, ${count} meta-parameters after ${iteration} iterations`,
    ...Object.entries(metadata)
      .filter(([name]) => name !== "iteration")
      .map(([name, value]) => `${name}: ${value}`),
    "",
    ...table([
      ["meta-parameter", "shape", "norm"],
      ...parameters.map(({ name, shape, norm, finite }) => [
        name,
        `[${shape}]`,
        finite ? norm.toPrecision(5) : "not finite",
      ]),
    ]),
    ...programs.flatMap(programLines),
  ]);
}

/** A Program of the run, and what it takes; or why that cannot be said. */
type Inspected = { readonly name: string } & (
  | (Footprint & { readonly bounded?: boolean })
  | { readonly problem: string }
);

/** Compiling more would keep a person waiting. */
const MOST_STEPS = 50;

/** The Programs that meta-training and use of a run repeat. What is wrong with its settings is said in their place. */
function programsOf(run: string, memory: Memory): Inspected[] {
  const inspected = (name: string, body: () => Footprint | { problem: string }): Inspected => {
    try {
      return { name, ...body() };
    } catch (error) {
      if (error instanceof QuickstudyError) return { name, problem: error.message };
      throw error;
    }
  };
  return [
    inspected("meta-training, a task", () => {
      const { learner, tasks, plan } = settingsOf(run);
      const { training = 0 } = learner.innerSteps ?? {};
      if (training > MOST_STEPS) return tooLong(training);
      const { program, bounded } = compileTask(plan, tasks, { memory });
      return { ...footprint(program), bounded };
    }),
    inspected("adaptation", () => {
      const { learner, tasks, plan } = settingsOf(run);
      const { evaluation = 0 } = learner.innerSteps ?? {};
      return evaluation > MOST_STEPS ? tooLong(evaluation) : footprint(adaptProgram(plan, tasks, {}));
    }),
  ];
}

const tooLong = (steps: number) => ({ problem: `not compiled here, for it has ${steps} inner steps` });

function settingsOf(run: string) {
  const spec = decodeRunSpec(run);
  const learner = learnerOf(spec);
  return { learner, tasks: taskSpecOf(spec), plan: initProgram(learner).plan };
}

/** Contributors that are shown. */
const SHOWN = 5;

function programLines(program: Inspected): string[] {
  if ("problem" in program) return ["", `Program of ${program.name}: ${program.problem}`];
  const { name, instructions, contributors, arenaBytes, bounded = false } = program;
  const shown = contributors.slice(0, SHOWN);
  const others = contributors.slice(SHOWN).reduce((total, { bytes }) => total + bytes, 0);
  return [
    "",
    `Program of ${name}: ${instructions} instructions, ${showPeak({ peakBytes: arenaBytes, bounded })} at its peak`,
    ...numberTable([
      ["alive at the peak", "count", "bytes"],
      ...shown.map(({ what, count, bytes }) => [what, `${count}`, showBytes(bytes)]),
      ...(others > 0 ? [["all others", `${contributors.length - SHOWN}`, showBytes(others)]] : []),
    ]),
  ];
}

function readAs(path: string, bytes: Uint8Array) {
  try {
    return decodeCheckpoint(bytes);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${path}: ${error.message}`);
    throw error;
  }
}
