import {
  isRecord,
  requireNumber,
  requireNumbers,
  requireOneOf,
  requireOptions,
  requireWhole,
  wrong,
} from "../arguments.ts";
import { compileGraph } from "../compile/compile.ts";
import { defaultCore, requireCore } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import { type Profile, type ProfileOptions, profile } from "../core/profile.ts";
import { run } from "../core/run.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { keyToArray } from "../graph/operators/index.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Learner } from "../learners/learner.ts";
import { requireLearner } from "../learners/require.ts";
import { prefixed } from "../optim/rule.ts";
import { keyOf } from "../random.ts";
import { isPromise } from "../tasks/loading.ts";
import type { TaskSource, TaskSpec } from "../tasks/types.ts";
import { checkTasks } from "./checks.ts";
import { initialMeta, initProgram, iterationInput, META, type Shapes, taskGraph } from "./programs.ts";
import { Sampler } from "./sampling.ts";

export interface TaskProfileOptions extends Omit<ProfileOptions, "inputs"> {
  /** Meta-parameters to measure with; the learner's start by default. */
  readonly meta?: Arrays;
  /** Names the task and the start; 0 by default. */
  readonly seed?: number;
}

/** Where one task of meta-training spends its time. */
export interface TaskProfile extends Profile {
  /** Nodes of the graph, gradients included. */
  readonly nodes: number;
  /** Milliseconds to trace the learner and differentiate; of a first call, before the engine has warmed up. */
  readonly traceMilliseconds: number;
  /** Milliseconds to fuse, plan and encode the graph. */
  readonly compileMilliseconds: number;
}

/**
 * Profiles the task Program of a learner on a kind of tasks: the inner loop, the query loss and the meta-gradient of one
 * task, which is what meta-training repeats.
 * @throws OptionError where the learner does not fit the tasks; MemoryError when the Program does not fit
 */
export function profileTask(learner: Learner, tasks: TaskSource, options: TaskProfileOptions = {}): TaskProfile {
  requireLearner("profileTask: learner", learner);
  checkTasks("profileTask", learner, tasks);
  checkOptions(options);
  const { seed = 0, core = defaultCore(), meta: given, ...measured } = options;
  const key = keyOf(seed);
  const { program: init, plan } = initProgram(learner);
  if (given !== undefined) requireMeta(given, plan.meta);
  const meta = given ?? initialMeta(run(init, { key: keyToArray(key) }, { core }));
  const spec = tasks.specs[0] as TaskSpec;
  const began = performance.now();
  const graph = taskGraph(plan, spec, learner.phase?.(0));
  const traced = performance.now();
  const program = compileGraph(graph, { verify: false });
  const compiled = performance.now();
  const sampler = new Sampler(tasks, learner);
  const task = sampler.sample(key, 0);
  if (isPromise(task)) throw new OptionError("profileTask: tasks must be sampled at once, got a promise");
  const arranged = sampler.arranged(task, key, 0);
  const inputs = { ...prefixed(META, meta), ...sampler.inputs(arranged, key, 0), iteration: iterationInput(0) };
  return {
    ...profile(program, { ...measured, core, inputs }),
    nodes: graph.nodes.length,
    traceMilliseconds: traced - began,
    compileMilliseconds: compiled - traced,
  };
}

function checkOptions(options: TaskProfileOptions): void {
  requireOptions("profileTask", options, ["meta", "seed", "by", "seconds", "core"]);
  const { seed = 0, by = "opcode", seconds = 2, core } = options;
  requireWhole("profileTask: seed", seed, 0);
  requireOneOf("profileTask: by", by, ["opcode", "shape"]);
  requireNumber("profileTask: seconds", seconds, { above: 0 });
  if (core !== undefined) requireCore("profileTask", core);
}

function requireMeta(meta: unknown, shapes: Shapes): void {
  if (!isRecord(meta)) throw wrong("profileTask: meta", "an object of arrays by name", meta);
  for (const [name, data] of Object.entries(meta)) {
    const shape = shapes[name];
    if (shape === undefined) throw wrong("profileTask: meta", `of ${Object.keys(shapes).join(", ")}`, name);
    const { length } = requireNumbers(`profileTask: meta.${name}`, data);
    if (length === sizeOf(shape)) continue;
    throw new ShapeError(`profileTask: meta.${name} must have ${sizeOf(shape)} numbers, got ${length}`);
  }
}
