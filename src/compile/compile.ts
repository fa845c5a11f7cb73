import { Abi, type Opcode } from "../../assembly/opcodes.ts";
import { requireBoolean, requireNumber, requireOneOf, requireOptions } from "../arguments.ts";
import { MemoryError } from "../errors.ts";
import { type Graph, requireGraph, type Traceable, traceFor, verifyNodes } from "../graph/graph.ts";
import type { Instruction } from "../graph/operator.ts";
import { broadcastStrides } from "../graph/operators/algebra.ts";
import { copyInstruction } from "../graph/operators/movement.ts";
import { type Shape, showShape, stridesOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { alignUp, examinedBy, type Port, type Program } from "../program/program.ts";
import { type Block, layOutBlock } from "./block.ts";
import { type Buffer, planMemory } from "./plan.ts";
import { rewriteProducts } from "./products.ts";
import { recompute } from "./recompute.ts";
import { mergeProducts } from "./shared-products.ts";
import { storageOf } from "./storage.ts";
import { makeUnits, operandsOf, type Unit } from "./units.ts";

/** Whether the derivative of an unrolled loop computes its steps anew (`bounded`) or keeps all that they computed. */
export type Memory = (typeof MEMORY)[number];

/** `automatic`: bounded where the program would not fit otherwise. */
export const MEMORY = ["automatic", "bounded", "unbounded"] as const;

export interface CompileOptions {
  /** Bytes that the arena may take; a program that needs more is refused. 4 GiB less 64 MiB by default. */
  readonly memoryLimit?: number;
  /**
   * `bounded`: memory does not grow with the steps of a loop whose steps end in a `boundary`, but for what the boundaries
   * hold; the results are the same to the bit, and every step is computed twice. `automatic` by default.
   */
  readonly memory?: Memory;
  /** Checks the graph before it is compiled; on unless switched off. */
  readonly verify?: boolean;
}

export const DEFAULT_MEMORY_LIMIT = 2 ** 32 - 2 ** 26;

/**
 * Traces a function and compiles it.
 *
 * ```ts
 * const program = compile({ w: [3, 1], x: [8, 3], y: [8, 1] }, ({ w, x, y }) => {
 *   const loss = meanSquaredError(matmul(x, w), y);
 *   return { loss, dw: grad(loss, [w])[0] };
 * });
 * ```
 * @param shapes the function's inputs
 * @param body called once with symbolic tensors; returns the outputs by name
 * @throws ShapeError, OptionError, TraceError from the function's operators; MemoryError when it would not fit
 */
export function compile<Inputs extends string, Outputs extends string>(
  shapes: Readonly<Record<Inputs, Shape>>,
  body: Traceable<Inputs, Outputs>,
  options: CompileOptions = {},
): Program<Inputs, Outputs> {
  requireCompileOptions("compile", options);
  return compileWithin(traceFor("compile", shapes, body), options).program as Program<Inputs, Outputs>;
}

/**
 * Compiles a graph to a Program.
 * @throws OptionError, MemoryError as `compile` does
 */
export function compileGraph<Inputs extends string, Outputs extends string>(
  graph: Graph<Inputs, Outputs>,
  options: CompileOptions = {},
): Program<Inputs, Outputs> {
  requireGraph("compileGraph", graph);
  requireCompileOptions("compileGraph", options);
  return compileWithin(graph, options).program as Program<Inputs, Outputs>;
}

function requireCompileOptions(operation: string, options: CompileOptions): void {
  requireOptions(operation, options, ["memory", "memoryLimit", "verify"]);
  checkMemory(operation, options);
  if (options.verify !== undefined) requireBoolean(`${operation}: verify`, options.verify);
}

/** A Program, and whether its steps are computed anew to bound its memory. */
export interface Compiled {
  readonly program: Program;
  readonly bounded: boolean;
}

/**
 * `compileGraph`, with word of what was chosen.
 * @throws MemoryError when the program would not fit
 */
export function compileWithin(graph: Graph, options: CompileOptions = {}): Compiled {
  const { memory = "automatic", memoryLimit = DEFAULT_MEMORY_LIMIT } = options;
  const checked = <G extends Graph | undefined>(made: G): G => {
    if (made !== undefined && (options.verify ?? true)) verifyNodes(made);
    return made;
  };
  checked(graph);
  // Before steps are computed anew: what is computed twice must be the same twice.
  const rewritten = withRewrittenProducts(graph);
  if (rewritten !== graph) checked(rewritten);
  const fits = ({ arenaBytes }: Compilation) => arenaBytes <= memoryLimit;
  const plain = memory === "bounded" ? undefined : new Compilation(rewritten);
  if (plain !== undefined && fits(plain)) return { program: plain.program(), bounded: false };
  const again = memory === "unbounded" ? undefined : checked(recompute(rewritten));
  const bounded = again && new Compilation(again);
  if (bounded !== undefined && fits(bounded)) return { program: bounded.program(), bounded: true };
  // Nothing to bound: there is no loop, or no derivative of one.
  const best = plain ?? bounded ?? new Compilation(rewritten);
  if (fits(best)) return { program: best.program(), bounded: false };
  throw best.tooLarge(memoryLimit, memory, best === bounded ? undefined : bounded?.arenaBytes);
}

const withRewrittenProducts = (graph: Graph): Graph => mergeProducts(rewriteProducts(graph));

/**
 * Compiles a graph of the library's own making, other than a meta-gradient: the tests verify what `compileGraph` checks in graphs of
 * others, and only the derivative of a loop has memory to bound. It is all of the compiler that a model in use needs.
 * @throws MemoryError when the program would not fit
 */
export function compileOwn(graph: Graph): Program {
  const compilation = new Compilation(withRewrittenProducts(graph));
  if (compilation.arenaBytes > DEFAULT_MEMORY_LIMIT) throw compilation.tooLarge(DEFAULT_MEMORY_LIMIT, "automatic");
  return compilation.program();
}

/** @throws OptionError naming `where` for an unknown memory mode, or a limit that is not a number of bytes */
export function checkMemory(
  where: string,
  { memory, memoryLimit }: Pick<CompileOptions, "memory" | "memoryLimit">,
): void {
  if (memory !== undefined) requireOneOf(`${where}: memory`, memory, MEMORY);
  if (memoryLimit === Number.POSITIVE_INFINITY || memoryLimit === undefined) return;
  requireNumber(`${where}: memoryLimit`, memoryLimit, { above: 0 });
}

class Compilation {
  private readonly units: Unit[];
  private readonly blocks = new Map<Unit, Block>();
  private readonly addresses = new Map<Tensor, number>();
  private readonly scratch = new Map<Unit, number>();
  private readonly constants: number[] = [];
  private readonly inputs: Port[] = [];
  private readonly outputs: Port[] = [];
  private readonly buffers: Buffer[] = [];
  /** Whose each of the buffers is. */
  private readonly owners: (Tensor | Unit)[] = [];
  readonly arenaBytes: number;

  constructor(private readonly graph: Graph) {
    this.units = makeUnits(graph);
    const stored = this.storedNodes();
    for (const unit of this.units) {
      if (unit.kind === "block") this.blocks.set(unit, layOutBlock(unit.nodes, stored));
    }
    this.arenaBytes = this.planWorkspace(stored, this.placePorts());
  }

  /** Nodes whose values are read by another unit or from outside. */
  private storedNodes(): Set<Tensor> {
    const stored = new Set(Object.values(this.graph.outputs).map(storageOf));
    for (const unit of this.units) {
      const inside = new Set(unit.nodes);
      for (const node of unit.nodes) {
        for (const operand of operandsOf(node)) if (!inside.has(operand)) stored.add(operand);
      }
    }
    return stored;
  }

  /** Constants, inputs and outputs, from the start of the arena; returns the end of the last. */
  private placePorts(): number {
    for (const node of this.graph.nodes) {
      const { name } = node.operator;
      if (name === "constant") this.placeConstant(node, [node.attributes.value as number]);
      if (name === "literal") this.placeConstant(node, node.attributes.data as Float32Array);
    }
    let end = alignUp(4 * this.constants.length);
    for (const [name, node] of Object.entries(this.graph.inputs)) {
      this.addresses.set(node, end);
      this.inputs.push({ name, shape: node.shape, offset: end });
      end = alignUp(end + 4 * node.size);
    }
    for (const [name, node] of Object.entries(this.graph.outputs)) {
      const root = storageOf(node);
      // A value that has a place already (an input, a constant, another output's) is copied there at the end.
      if (!this.addresses.has(root)) this.addresses.set(root, end);
      this.outputs.push({ name, shape: node.shape, offset: end });
      end = alignUp(end + 4 * node.size);
    }
    return end;
  }

  private placeConstant(node: Tensor, values: ArrayLike<number>): void {
    this.addresses.set(node, 4 * this.constants.length);
    for (let i = 0; i < values.length; i++) this.constants.push(values[i] as number);
    while (this.constants.length % 4 !== 0) this.constants.push(0);
  }

  private planWorkspace(stored: ReadonlySet<Tensor>, base: number): number {
    const { buffers, owners } = this;
    const byNode = new Map<Tensor, Buffer>();
    const lastRead = new Map<Tensor, number>();
    for (const [step, unit] of this.units.entries()) {
      for (const node of unit.nodes) for (const operand of operandsOf(node)) lastRead.set(operand, step);
    }
    for (const [step, unit] of this.units.entries()) {
      // Operands that are read for the last time here: the block's results may take their places.
      const dying = new Set<Tensor>();
      for (const node of unit.nodes) {
        for (const operand of operandsOf(node)) {
          if (lastRead.get(operand) === step && byNode.has(operand)) dying.add(operand);
        }
      }
      for (const node of unit.nodes) {
        if (!stored.has(node) || this.addresses.has(node)) continue;
        const last = lastRead.get(node) ?? step;
        const place = this.placeOfOperand(unit, node, dying);
        const buffer =
          place === undefined ? { bytes: 4 * node.size, first: step, last } : (byNode.get(place) as Buffer);
        byNode.set(node, buffer);
        owners.push(node);
        buffers.push(buffer);
        if (place === undefined) continue;
        dying.delete(place);
        buffer.last = Math.max(buffer.last, last);
      }
      const bytes = this.scratchBytes(unit);
      if (bytes === 0) continue;
      buffers.push({ bytes, first: step, last: step });
      owners.push(unit);
    }
    const distinct = [...new Set(buffers)];
    const { offsets, end } = planMemory(distinct, base);
    const offsetOf = new Map(distinct.map((buffer, i) => [buffer, offsets[i] as number]));
    for (const [i, owner] of owners.entries()) {
      const offset = offsetOf.get(buffers[i] as Buffer) as number;
      if ("nodes" in owner) this.scratch.set(owner, offset);
      else this.addresses.set(owner, offset);
    }
    return end;
  }

  /** The operand whose place a result of the block may take: a buffer less, and memory that is in the cache already. */
  private placeOfOperand(unit: Unit, node: Tensor, dying: ReadonlySet<Tensor>): Tensor | undefined {
    const block = this.blocks.get(unit);
    if (block === undefined) return undefined;
    for (const operand of dying) {
      if (operand.size === node.size && block.mayOverwrite(operand, node)) return operand;
    }
    return undefined;
  }

  private scratchBytes(unit: Unit): number {
    const block = this.blocks.get(unit);
    if (block) return block.scratchBytes;
    const [node] = unit.nodes as [Tensor];
    const { lowering } = node.operator;
    return lowering.kind === "instructions" ? (lowering.scratchBytes?.(node) ?? 0) : 0;
  }

  /**
   * @param bounded bytes of the same program with bounded memory, where that was tried
   */
  tooLarge(memoryLimit: number, memory: Memory, bounded?: number): MemoryError {
    const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const largest = this.buffers
      .map(({ bytes }, i) => ({ bytes, owner: this.owners[i] as Tensor | Unit }))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, 3)
      .map(
        ({ bytes, owner }) =>
          `${mebibytes(bytes)} ${"nodes" in owner ? "scratch" : `${owner.operator.name} ${showShape(owner.shape)}`}`,
      );
    const needs = [
      mebibytes(this.arenaBytes),
      ...(bounded === undefined ? [] : [`or ${mebibytes(bounded)} with bounded memory`]),
    ];
    const remedies = [
      ...(memory === "unbounded" ? [`allow bounded memory (memory: "automatic")`] : []),
      "lower the inner steps, the examples of a task or the width of the model",
    ];
    return new MemoryError(
      `compile: the program needs ${needs.join(", ")}, the limit is ${mebibytes(memoryLimit)}; ` +
        `largest buffers: ${largest.join(", ")}; ${remedies.join(", or ")}`,
    );
  }

  private addressOf = (node: Tensor): number => {
    const address = this.addresses.get(node);
    if (address === undefined) throw new Error(`compile: ${node} has no place in the arena`);
    return address;
  };

  program(): Program {
    const instructions = this.units.flatMap((unit) => this.instructionsOf(unit));
    for (const [i, node] of Object.values(this.graph.outputs).entries()) {
      const { offset } = this.outputs[i] as Port;
      const from = this.addressOf(storageOf(node));
      if (from !== offset) instructions.push(copyInstruction(from, offset, [node.size], [1], [1]));
    }
    const program: Program = {
      code: encode(instructions),
      instructionCount: instructions.length,
      constants: Float32Array.from(this.constants),
      inputs: this.inputs,
      outputs: this.outputs,
      arenaBytes: this.arenaBytes,
    };
    return examinedBy(program, () => false);
  }

  private instructionsOf(unit: Unit): Instruction[] {
    const scratch = this.scratch.get(unit) ?? 0;
    const block = this.blocks.get(unit);
    if (block) return [block.encode(this.addressOf, scratch)];
    const [node] = unit.nodes as [Tensor];
    const output = this.addressOf(node);
    const { lowering } = node.operator;
    if (lowering.kind === "instructions") {
      const inputs = node.inputs.map((input) => this.addressOf(storageOf(input)));
      return lowering.emit(node, { inputs, output, scratch });
    }
    // A broadcast that someone needs in memory.
    const origin = node.inputs[0] as Tensor;
    const { sizes, strides } = broadcastStrides(origin.shape, node.shape);
    return [copyInstruction(this.addressOf(storageOf(origin)), output, sizes, strides, stridesOf(node.shape))];
  }
}

function encode(instructions: readonly Instruction[]): Int32Array {
  const words: number[] = [];
  for (const { opcode, fields } of instructions) {
    words.push(opcode satisfies Opcode, Abi.PrefixWords + fields.length, ...fields);
  }
  return Int32Array.from(words);
}
