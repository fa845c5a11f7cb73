/** Turns a cluster of elementwise nodes, with the sums over them, into one Block instruction. */
import { BlockField, FillMicroField, MicroField, MicroOp, Opcode, SumMicroField } from "../../assembly/opcodes.ts";
import type { Instruction } from "../graph/operator.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Access, accessOf, storageOf } from "./storage.ts";
import {
  type BlockSum,
  commonPeriod,
  leastCommonMultiple,
  MAXIMUM_BLOCK,
  MINIMUM_BLOCK,
  partialFloats,
  sumOf,
} from "./sums.ts";

/** Floats that a block's registers may take together: they should stay in the first-level cache beside the operands. */
const REGISTER_FLOATS = 4096;
const SPLAT_BYTES = 16;

/** What a micro-operation reads or writes, before addresses are known. */
type Slot =
  | { readonly kind: "memory"; readonly node: Tensor }
  | { readonly kind: "register"; readonly index: number }
  | { readonly kind: "splat"; readonly index: number };

/** What a sum is besides its operand: its extents, and the room for its unfinished part in bytes from the end of the splats. */
interface SumParts extends BlockSum {
  readonly partial: number;
}

interface Micro {
  readonly operation: MicroOp;
  readonly dst: Slot;
  readonly operands: readonly Slot[];
  readonly fill?: Exclude<Access, { kind: "full" }>;
  readonly sum?: SumParts;
}

/** A fused block, ready but for addresses. */
export interface Block {
  readonly scratchBytes: number;
  /** Whether `result` may lie where `operand` does: no element of the operand is read after the result's is written. */
  mayOverwrite(operand: Tensor, result: Tensor): boolean;
  encode(addressOf: (node: Tensor) => number, scratch: number): Instruction;
}

/**
 * Lays out a block over `nodes` (ascending, all of one size or sums over that many elements).
 * @param stored the members whose values are needed outside the block and so go to memory
 */
export function layOutBlock(nodes: readonly Tensor[], stored: ReadonlySet<Tensor>): Block {
  const [first] = nodes as readonly [Tensor];
  return new BlockLayout(nodes, stored, sumOf(first)?.size ?? first.size).block();
}

type Strided = Extract<Access, { kind: "strided" }>;

/** After how many elements a broadcast operand begins again. */
function repeatOf({ sizes, strides }: Strided): number {
  if (strides[0] !== 0) return Number.POSITIVE_INFINITY;
  return strides[1] === 0 ? sizes[2] : sizes[1] * sizes[2];
}

/** How a member reads its operands. */
function accessesOf(node: Tensor): Access[] {
  if (sumOf(node) === undefined) return node.inputs.map(accessOf);
  return [{ kind: "full", source: storageOf(node.inputs[0] as Tensor) }];
}

class BlockLayout {
  private readonly once: Micro[] = [];
  private readonly each: Micro[] = [];
  private readonly inside: ReadonlySet<Tensor>;
  private readonly slots = new Map<Tensor, Slot>();
  private readonly fills = new Map<string, Slot>();
  private readonly free: number[] = [];
  private registers = 0;
  private splats = 0;
  private partialBytes = 0;
  private readonly blockSize: number;
  private readonly lastUse = new Map<Tensor, number>();
  /** How often the block reads a value. */
  private readonly uses = new Map<Tensor, number>();
  private readonly fillLastUse = new Map<string, number>();

  constructor(
    private readonly nodes: readonly Tensor[],
    private readonly stored: ReadonlySet<Tensor>,
    private readonly elements: number,
  ) {
    this.inside = new Set(nodes);
    for (const [at, node] of nodes.entries()) {
      for (const access of accessesOf(node)) {
        this.uses.set(access.source, (this.uses.get(access.source) ?? 0) + 1);
        if (this.inside.has(access.source)) this.lastUse.set(access.source, at);
        else if (access.kind !== "full") this.fillLastUse.set(fillKey(access), at);
      }
    }
    this.blockSize = this.chooseBlockSize();
    for (const [at, node] of nodes.entries()) this.place(node, at);
  }

  /** A multiple of the broadcast operands' periods where one fits, so that they are filled once for all blocks. */
  private chooseBlockSize(): number {
    const wanted = Math.max(
      MINIMUM_BLOCK,
      Math.min(MAXIMUM_BLOCK, REGISTER_FLOATS / Math.min(16, this.nodes.length + 4)),
    );
    const whole = Math.ceil(this.elements / 4) * 4;
    if (whole <= wanted) return whole;
    // What the sums need is no wish: fusion has seen to it that it can be.
    let period = this.nodes.reduce((common, node) => commonPeriod(common, sumOf(node)?.period ?? 1) as number, 4);
    for (const node of this.nodes) {
      for (const access of accessesOf(node)) {
        if (access.kind !== "strided") continue;
        const multiple = leastCommonMultiple(period, repeatOf(access));
        if (multiple <= wanted) period = multiple;
      }
    }
    return Math.max(1, Math.floor(wanted / period)) * period;
  }

  private place(node: Tensor, at: number): void {
    const operands = accessesOf(node).map((access) => this.operand(access));
    this.release(node, at);
    const sum = sumOf(node);
    if (sum !== undefined) {
      const parts = { ...sum, partial: this.partialBytes };
      this.partialBytes += 4 * partialFloats(sum);
      const factors = this.takeProduct(node, operands[0] as Slot) ?? operands;
      this.each.push({ operation: MicroOp.Sum, dst: { kind: "memory", node }, operands: factors, sum: parts });
      return;
    }
    const dst: Slot = this.stored.has(node)
      ? { kind: "memory", node }
      : { kind: "register", index: this.takeRegister() };
    this.slots.set(node, dst);
    const { lowering } = node.operator;
    if (lowering.kind !== "elementwise") throw new Error(`${node} cannot be part of a block`);
    this.each.push(this.multiplyAdd(node, operands, dst) ?? { operation: lowering.operation, dst, operands });
  }

  /**
   * An addition right after the product that only it reads becomes one micro-operation, with the same two roundings. Right
   * after: what the product reads is still where it was.
   */
  private multiplyAdd(node: Tensor, operands: readonly Slot[], dst: Slot): Micro | undefined {
    const product = this.each[this.each.length - 1];
    if (node.operator.name !== "add" || product?.operation !== MicroOp.Multiply || product.dst.kind !== "register") {
      return undefined;
    }
    const at = operands.indexOf(product.dst);
    const source = at === -1 ? undefined : accessOf(node.inputs[at] as Tensor).source;
    if (source === undefined || this.slots.get(source) !== product.dst || this.uses.get(source) !== 1) return undefined;
    this.each.pop();
    return { operation: MicroOp.MultiplyAdd, dst, operands: [...product.operands, operands[1 - at] as Slot] };
  }

  /**
   * The factors of what the sum adds up, if that is a product that was made right before and that only the sum reads: it is
   * then multiplied while it is summed, with the same two roundings.
   */
  private takeProduct(node: Tensor, slot: Slot): readonly Slot[] | undefined {
    const product = this.each[this.each.length - 1];
    const source = storageOf(node.inputs[0] as Tensor);
    if (product?.dst.kind !== "register" || product.dst !== slot || this.uses.get(source) !== 1) return undefined;
    if (product.operands.some(({ kind }) => kind === "splat")) return undefined;
    const [a, b] = product.operands as [Slot, Slot];
    if (product.operation !== MicroOp.Multiply && product.operation !== MicroOp.Square) return undefined;
    this.each.pop();
    return [a, product.operation === MicroOp.Multiply ? b : a];
  }

  private operand(access: Access): Slot {
    if (this.inside.has(access.source)) return this.slots.get(access.source) as Slot;
    // A tensor of one element among blocks of one element is read like any other, four of it at a time.
    if (access.kind === "full") return { kind: "memory", node: access.source };
    const key = fillKey(access);
    const known = this.fills.get(key);
    if (known) return known;
    const constant = access.kind === "splat" || this.filledOnce(access);
    const slot: Slot =
      access.kind === "splat"
        ? { kind: "splat", index: this.splats++ }
        : { kind: "register", index: constant ? this.registers++ : this.takeRegister() };
    const operation = access.kind === "splat" ? MicroOp.FillSplat : MicroOp.FillStrided;
    (constant ? this.once : this.each).push({ operation, dst: slot, operands: [], fill: access });
    this.fills.set(key, slot);
    return slot;
  }

  private filledOnce(access: Strided): boolean {
    return this.elements <= this.blockSize || this.blockSize % repeatOf(access) === 0;
  }

  private takeRegister(): number {
    return this.free.pop() ?? this.registers++;
  }

  /** Frees the registers that are read for the last time by the node at position `at`. */
  private release(node: Tensor, at: number): void {
    const seen = new Set<Slot>();
    for (const access of accessesOf(node)) {
      const own = this.inside.has(access.source);
      const last = own
        ? this.lastUse.get(access.source)
        : this.fillLastUse.get(access.kind === "full" ? "" : fillKey(access));
      const slot = own
        ? this.slots.get(access.source)
        : access.kind === "full"
          ? undefined
          : this.fills.get(fillKey(access));
      const once = !own && this.once.some((micro) => micro.dst === slot);
      if (slot?.kind !== "register" || last !== at || once || seen.has(slot)) continue;
      seen.add(slot);
      this.free.push(slot.index);
    }
  }

  private mayOverwrite(operand: Tensor, result: Tensor): boolean {
    const fills = [...this.once, ...this.each].some(({ fill }) => fill?.source === operand);
    const isOperand = (slot: Slot) => slot.kind === "memory" && slot.node === operand;
    const read = this.each.findLastIndex(({ operands }) => operands.some(isOperand));
    const written = this.each.findIndex(({ dst, sum }) => dst.kind === "memory" && dst.node === result && !sum);
    return !fills && written !== -1 && read <= written;
  }

  block(): Block {
    const registerBytes = this.blockSize * 4;
    return {
      scratchBytes: this.registers * registerBytes + this.splats * SPLAT_BYTES + this.partialBytes,
      mayOverwrite: (operand, result) => this.mayOverwrite(operand, result),
      encode: (addressOf, scratch) => {
        const place = (slot: Slot): [number, number] => {
          if (slot.kind === "memory") return [addressOf(slot.node), registerBytes];
          if (slot.kind === "register") return [scratch + slot.index * registerBytes, 0];
          return [scratch + this.registers * registerBytes + slot.index * SPLAT_BYTES, 0];
        };
        const partials = scratch + this.registers * registerBytes + this.splats * SPLAT_BYTES;
        const wordsOf = (micro: Micro): number[] => {
          if (micro.fill) return fillWords(micro, place, addressOf);
          return micro.sum ? sumWords(micro, micro.sum, place, partials) : microWords(micro, place);
        };
        const micros = [...this.once, ...this.each];
        const fields = new Array<number>(BlockField.Words);
        fields[BlockField.elements] = this.elements;
        fields[BlockField.blockSize] = this.blockSize;
        fields[BlockField.onceCount] = this.once.length;
        fields[BlockField.microCount] = micros.length;
        for (const micro of micros) fields.push(...wordsOf(micro));
        return { opcode: Opcode.Block, fields };
      },
    };
  }
}

function fillKey(access: Exclude<Access, { kind: "full" }>): string {
  return access.kind === "splat" ? `${access.source.id}` : `${access.source.id}:${access.sizes}:${access.strides}`;
}

function microWords({ operation, dst, operands }: Micro, place: (slot: Slot) => [number, number]): number[] {
  const words = new Array<number>(MicroField.Words).fill(0);
  words[MicroField.operation] = operation;
  words[MicroField.splats] = operands.reduce((bits, slot, i) => bits | (slot.kind === "splat" ? 1 << i : 0), 0);
  for (const [i, slot] of [dst, ...operands].entries()) {
    [words[MicroField.dst + 2 * i], words[MicroField.dstStep + 2 * i]] = place(slot);
  }
  return words;
}

function sumWords(
  { dst, operands }: Micro,
  { columns, rows, partial }: SumParts,
  place: (slot: Slot) => [number, number],
  partials: number,
): number[] {
  const words = new Array<number>(SumMicroField.Words).fill(0);
  words[SumMicroField.operation] = MicroOp.Sum;
  words[SumMicroField.columns] = columns;
  words[SumMicroField.rows] = rows;
  words[SumMicroField.dst] = place(dst)[0];
  [words[SumMicroField.a], words[SumMicroField.aStep]] = place(operands[0] as Slot);
  words[SumMicroField.partial] = partials + partial;
  if (operands.length > 1) {
    words[SumMicroField.isProduct] = 1;
    [words[SumMicroField.b], words[SumMicroField.bStep]] = place(operands[1] as Slot);
  }
  return words;
}

function fillWords(
  micro: Micro,
  place: (slot: Slot) => [number, number],
  addressOf: (node: Tensor) => number,
): number[] {
  const words = new Array<number>(FillMicroField.Words).fill(0);
  const access = micro.fill as Exclude<Access, { kind: "full" }>;
  words[FillMicroField.operation] = micro.operation;
  words[FillMicroField.dst] = place(micro.dst)[0];
  words[FillMicroField.source] = addressOf(access.source);
  if (access.kind === "strided") {
    words[FillMicroField.size1] = access.sizes[1];
    words[FillMicroField.size2] = access.sizes[2];
    for (const [i, stride] of access.strides.entries()) words[FillMicroField.stride0 + i] = stride;
  }
  return words;
}
