/** quickstudy: meta-learning that runs everywhere. This is the public face and nothing else. */
export { type CompileOptions, compile, compileGraph } from "./compile/compile.ts";
export { Core, defaultCore } from "./core/core.ts";
export type { Arrays, LoadedProgram } from "./core/loaded.ts";
export { run } from "./core/run.ts";
export * from "./errors.ts";
export { grad } from "./graph/grad.ts";
export { type Graph, print, type Tensors, trace, verify } from "./graph/graph.ts";
export { interpret } from "./graph/interpret.ts";
export * from "./graph/operators/index.ts";
export type { Shape } from "./graph/shape.ts";
export type { Tensor } from "./graph/tensor.ts";
export { decodeProgram, encodeProgram } from "./program/bytes.ts";
export type { Port, Program } from "./program/program.ts";
export { Draw, fold, type Key, keyOf } from "./random.ts";
export type { Batch, Episode, TaskSource, TaskSpec } from "./tasks/types.ts";
