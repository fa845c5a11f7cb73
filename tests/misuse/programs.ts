/** Misuses of tracing, differentiating, compiling and running. */
import { compile, compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { profile } from "../../src/core/profile.ts";
import { coreBytes, relaxedCore } from "../../src/core/relaxed.ts";
import { run } from "../../src/core/run.ts";
import { grad } from "../../src/graph/grad.ts";
import { print, trace, verify } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, sum } from "../../src/graph/operators/index.ts";
import { type Tensor, withTrace } from "../../src/graph/tensor.ts";
import { take } from "../../src/graph/tensors.ts";
import { decodeProgram, encodeProgram } from "../../src/program/bytes.ts";
import type { Program } from "../../src/program/program.ts";
import { Draw, fold, keyOf } from "../../src/random.ts";
import { type Argument, type Entry, list, number, optional, options, thing, whole } from "./runner.ts";

const shapes = { x: [2, 3], y: [3] };
const body = ({ x, y }: Record<"x" | "y", Tensor>) => ({ z: add(x, y) });
const graph = trace(shapes, body);
const program = compileGraph(graph);
const core = Core.create();

const shape = (...extents: readonly number[]): Argument => list(extents.map((extent) => whole(extent)));
/** Values of an input; f32 has NaN and infinities, but none of what overflows it. */
const values = (length: number, takes: Argument["takes"] = ["NaN", "a number"]): Argument =>
  list(Array.from({ length }, () => ({ ...thing(1, ...takes), refuses: [1e39, "1"] })));
const key = (): Argument => list([whole(0, 0), whole(7, 0)]);
const sizes = (): Argument => {
  // Fewer or other inputs than the function reads: the function itself fails.
  const { members: _, ...rest } = options({ x: shape(2, 3), y: shape(3) });
  return {
    ...rest,
    refuses: [
      { x: "3", y: [3] },
      { x: [2, 3], y: [0] },
      { x: null, y: [3] },
      { x: [2.5], y: [3] },
    ],
  };
};
/** A function to trace that answers with something else than tensors by name. */
const traced = (): Argument => ({
  ...thing(body),
  refuses: [
    async () => ({ z: 1 }),
    async ({ x }: { x: Tensor }) => {
      await Promise.resolve();
      return { z: add(x, 1) };
    },
    () => undefined,
    () => null,
    () => 1,
    ({ x }: { x: Tensor }) => x,
    ({ x }: { x: Tensor }) => [x],
    () => ({ z: 1 }),
    () => ({ z: null }),
    () => ({ z: [1, 2] }),
  ],
});
const compileOptions = (): Argument =>
  optional(
    options({
      memory: optional(thing("bounded")),
      memoryLimit: optional({ ...number(2 ** 20, -1.5, 0), refuses: ["5", 0, -1] }),
      verify: optional(thing(true, "a boolean")),
    }),
  );
const arrays = (): Argument => options({ x: values(6), y: values(3) });

export const programEntries: readonly Entry[] = [
  { operation: "trace", call: trace, given: () => [sizes(), traced()] },
  // Of other names than the record's, each is missing.
  { operation: "take", call: take, given: () => [thing({ x: 1, y: 2 }), thing("x"), thing("y")] },
  { operation: "compile", call: compile, given: () => [sizes(), traced(), compileOptions()] },
  { operation: "compileGraph", call: compileGraph, given: () => [thing(graph), compileOptions()] },
  {
    operation: "grad",
    call: grad,
    given: () => {
      const x = sum(add(0, 1));
      const given: Argument = list([thing(x), thing(x)]);
      return [thing(x), { ...given, refuses: [...given.refuses, x, { x: 1 }, { x: null }] }];
    },
    within: withTrace,
  },
  { operation: "verify", call: verify, given: () => [thing(graph)] },
  { operation: "print", call: print, given: () => [thing(graph)] },
  {
    operation: "interpret",
    call: interpret,
    given: () => {
      const wide = () => list(Array.from({ length: 3 }, () => thing(1, "NaN", "a number")));
      return [thing(graph), options({ x: { ...thing(new Float32Array(6)) }, y: wide() })];
    },
  },
  {
    operation: "run",
    call: run,
    given: () => [thing(program), arrays(), optional(options({ core: optional(thing(core)) }))],
  },
  {
    operation: "profile",
    call: profile,
    given: () => [
      thing(program),
      optional(
        options({
          seconds: optional({ ...number(0.001, -1.5, 0) }),
          by: optional(thing("shape")),
          core: optional(thing(core)),
          inputs: optional(thing({ x: new Float32Array(6) })),
        }),
      ),
    ],
  },
  {
    operation: "Core.create",
    call: Core.create,
    given: () => [optional(options({ cacheBytes: optional(thing(1e6, "a number")) }))],
  },
  {
    operation: "relaxedCore",
    call: relaxedCore,
    given: () => [optional(options({ cacheBytes: optional(thing(1e6, "a number")) }))],
  },
  {
    operation: "coreBytes",
    call: coreBytes,
    given: () => [optional(options({ relaxed: optional(thing(false, "a boolean")) }))],
  },
  { operation: "Core.load", call: (given: Program) => core.load(given), given: () => [thing(program)] },
  {
    operation: "run",
    call: (name: "x", data: number[]) => core.load(program).write(name, data),
    given: () => [thing("x"), values(6)],
  },
  { operation: "encodeProgram", call: encodeProgram, given: () => [thing(program)] },
  { operation: "decodeProgram", call: decodeProgram, given: () => [thing(encodeProgram(program))] },
  { operation: "keyOf", call: keyOf, given: () => [{ ...whole(1, 0) }] },
  { operation: "fold", call: fold, given: () => [key(), { ...whole(1, 0) }] },
  { operation: "Draw", call: (given: [number, number]) => new Draw(given), given: () => [key()] },
  {
    operation: "Draw.uniform",
    call: (low: number, high: number) => new Draw([0, 1]).uniform(low, high),
    given: () => [number(0, Number.NaN), optional(number(1))].map((each) => optional({ ...each, refuses: ["5"] })),
  },
  { operation: "Draw.below", call: (bound: number) => new Draw([0, 1]).below(bound), given: () => [whole(5)] },
  {
    operation: "Draw.choose",
    call: (count: number, bound: number) => new Draw([0, 1]).choose(count, bound),
    given: () => [whole(2, 0), whole(5)],
  },
];
