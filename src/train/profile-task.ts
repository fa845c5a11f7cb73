import { compileGraph } from "../compile/compile.ts";
import { defaultCore } from "../core/core.ts";
import type { Arrays } from "../core/loaded.ts";
import { type Profile, type ProfileOptions, profile } from "../core/profile.ts";
import { run } from "../core/run.ts";
import { keyToArray } from "../graph/operators/index.ts";
import type { Learner } from "../learners/learner.ts";
import { keyOf } from "../random.ts";
import type { TaskSource } from "../tasks/types.ts";
import { checkEpisode, checkTasks } from "./checks.ts";
import { initProgram, META, metaShapes, prefixed, taskGraph } from "./programs.ts";

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
  const { seed = 0, core = defaultCore() } = options;
  checkTasks("profileTask", learner, tasks.spec);
  const key = keyOf(seed);
  const init = initProgram(learner);
  const meta = options.meta ?? run(init, { key: keyToArray(key) }, { core });
  const began = performance.now();
  const graph = taskGraph(learner, metaShapes(init), tasks.spec);
  const traced = performance.now();
  const program = compileGraph(graph, { verify: false });
  const compiled = performance.now();
  const { support, query } = checkEpisode(tasks, key);
  const inputs = {
    ...prefixed(META, meta),
    "support.x": support.x,
    "support.y": support.y,
    "query.x": query.x,
    "query.y": query.y,
    key: keyToArray(key),
  };
  return {
    ...profile(program, { ...options, inputs }),
    nodes: graph.nodes.length,
    traceMilliseconds: traced - began,
    compileMilliseconds: compiled - traced,
  };
}
