/**
 * What the type checker must know of trace, grad, compile and run. Nothing here runs: `npm run check` fails where an
 * assertion does not hold.
 */
import {
  type Core,
  compile,
  compileGraph,
  decodeProgram,
  encodeProgram,
  type Graph,
  grad,
  interpret,
  matmul,
  meanSquaredError,
  type Program,
  run,
  type Tensor,
  type Tensors,
  trace,
} from "quickstudy";
import { profile } from "quickstudy/node";
import { type Equal, type Expect, holds, type Refused } from "./assertions.ts";

type Floats = Float32Array;

/** Inside the traced function every input is there under its name; the Program knows what goes in and comes out. */
export const program = compile({ w: [3, 1], x: [8, 3], y: [8, 1] }, (inputs) => {
  holds<Equal<typeof inputs, Readonly<Record<"w" | "x" | "y", Tensor>>>>();
  const loss = meanSquaredError(matmul(inputs.x, inputs.w), inputs.y);
  return { loss, dw: grad(loss, [inputs.w])[0] };
});
export type ProgramKnowsItsNames = Expect<Equal<typeof program, Program<"w" | "x" | "y", "loss" | "dw">>>;

/** A run takes the inputs by name, and returns the outputs: nothing is optional, nothing has to be cast. */
export const ran = run(program, { w: [1, 2, 3], x: new Float32Array(24), y: new Float64Array(8) });
export type RunReturnsItsOutputs = Expect<Equal<typeof ran, Record<"loss" | "dw", Floats>>>;
export const { loss, dw } = ran;
export type LossIsThere = Expect<Equal<typeof loss, Floats>>;

type Arguments<P extends Program> =
  P extends Program<infer Inputs> ? Readonly<Record<Inputs, ArrayLike<number>>> : never;
type Given = Arguments<typeof program>;
export type RunRefusesAMissingInput = Expect<Refused<{ w: number[]; x: number[] }, Given>>;
export type RunRefusesAnotherName = Expect<Refused<{ w: number[]; x: number[]; z: number[] }, Given>>;
export type RunRefusesStrings = Expect<Refused<{ w: string[]; x: number[]; y: number[] }, Given>>;
export type RunRefusesUndefined = Expect<Refused<{ w: number[] | undefined; x: number[]; y: number[] }, Given>>;

/** The inputs do not widen what the Program's type says: they are no place to infer names from. */
// @ts-expect-error there is no input z
export const excess = () => run(program, { w: [], x: [], y: [], z: [] });
// @ts-expect-error y is missing
export const missing = () => run(program, { w: [], x: [] });
// @ts-expect-error there is no input z
export const profiledExcess = () => profile(program, { inputs: { z: [1] } });
// @ts-expect-error an output must be a tensor
export const noTensor = () => compile({ x: [2] }, ({ x }) => ({ y: x.size }));
// @ts-expect-error an asynchronous function cannot be traced
export const asynchronous = () => compile({ x: [2] }, async ({ x }) => ({ y: x }));

/** One without inputs takes none. */
export const constant = compile({}, () => ({ y: {} as Tensor }));
export type NoInputs = Expect<Equal<typeof constant, Program<never, "y">>>;
export const ranConstant = run(constant, {});
export type NoInputsRun = Expect<Equal<typeof ranConstant, Record<"y", Floats>>>;

/** Names that are known at run time only: any input is taken, any output may be missing. */
export const decoded = decodeProgram(encodeProgram(program));
export type DecodedHasAnyNames = Expect<Equal<typeof decoded, Program<string, string>>>;
export const again = run(decoded, { anything: [1] });
export type DecodedReturnsARecord = Expect<Equal<typeof again, Record<string, Floats>>>;
export const first = again.first;
export type OutputMayBeMissing = Expect<Equal<typeof first, Floats | undefined>>;
export const anyProgram: Program = program;
export const anyGraph: Graph = trace({ x: [2] }, ({ x }) => ({ y: x }));
export const loaded = (core: Core) => core.load(program).call({ w: [], x: [], y: [] });
export const profiled = () => profile(program, { inputs: { w: [1, 2, 3] } }).rows;
declare const shapes: Record<string, readonly number[]>;
export const untyped = compile(shapes, (inputs) => inputs);
export type UntypedProgram = Expect<Equal<typeof untyped, Program<string, string>>>;

/** The graph carries the names to compileGraph and interpret. */
export const graph = trace({ a: [2], b: [2] }, ({ a, b }) => ({ first: a, second: b }));
export type GraphKnowsItsNames = Expect<Equal<typeof graph, Graph<"a" | "b", "first" | "second">>>;
export const compiled = compileGraph(graph);
export type CompiledKnowsItsNames = Expect<Equal<typeof compiled, Program<"a" | "b", "first" | "second">>>;
export const interpreted = interpret(graph, { a: [1, 2], b: [3, 4] });
export type InterpretedByName = Expect<Equal<typeof interpreted, Record<"first" | "second", Float64Array>>>;

/** `grad` gives back what it is given: tuples, lists, records. */
declare const [y, w, b]: [Tensor, Tensor, Tensor];
export const pair = grad(y, [w, b]);
export type TupleForTuple = Expect<Equal<typeof pair, [Tensor, Tensor]>>;
export const record = grad(y, { w, b });
export type RecordForRecord = Expect<Equal<typeof record, { w: Tensor; b: Tensor }>>;
declare const list: readonly Tensor[];
export const many = grad(y, list);
export type ListForList = Expect<Equal<typeof many, Tensor[]>>;
declare const tensors: Tensors;
export const byName = grad(y, tensors);
export type NamesForNames = Expect<Equal<typeof byName, Record<string, Tensor>>>;
// @ts-expect-error a tensor alone is neither a list nor a record of them
export const alone = () => grad(y, w);
