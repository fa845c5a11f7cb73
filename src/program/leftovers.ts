/**
 * Whether a run of a Program can see what an earlier run left in the arena: whether it reads, or gives back, a number that it did not
 * write itself. What the compiler makes never does. A Program made by hand can carry one caller's inputs to the next that way.
 */
import {
  BlockField,
  CopyField,
  FillMicroField,
  MicroField,
  MicroOp,
  Opcode,
  SumMicroField,
} from "../../assembly/opcodes.ts";
import { microArity } from "./extents.ts";
import { alignUp, givenBytes, type Program, portSize } from "./program.ts";
import { type Decoded, validate } from "./validate.ts";

/** Larger arenas and longer blocks are not looked into, and count as seeing what was left. */
const LARGEST_MAP = 2 ** 28;
const LONGEST_BLOCK = 512;

/** The floats of an arena that a run has written so far, a byte each. */
class Written {
  private readonly map: Uint8Array;

  constructor(arenaBytes: number) {
    this.map = new Uint8Array(arenaBytes / 4);
  }

  add(offset: number, floats: number): void {
    this.map.fill(1, offset / 4, offset / 4 + floats);
  }

  remove(offset: number, floats: number): void {
    this.map.fill(0, offset / 4, offset / 4 + floats);
  }

  has(offset: number, floats: number): boolean {
    return this.map.subarray(offset / 4, offset / 4 + floats).indexOf(0) === -1;
  }
}

/** Whether the outputs of a run may depend on anything but constants and inputs. @throws FormatError when the program is not valid */
export function seesLeftovers(program: Program): boolean {
  if (program.arenaBytes / 4 > LARGEST_MAP) return true;
  const written = new Written(alignUp(program.arenaBytes));
  written.add(0, givenBytes(program) / 4);
  for (const instruction of validate(program)) {
    const isWhole =
      instruction.opcode === Opcode.Block ? runBlock(instruction, written) : runOther(instruction, written);
    if (!isWhole) return true;
  }
  return !program.outputs.every((port) => written.has(port.offset, portSize(port)));
}

/** Marks what an instruction writes. Returns whether all that it reads was written before. */
function runOther({ opcode, fields, spans }: Decoded, written: Written): boolean {
  for (const { offset, floats, access } of spans) if (access === "read" && !written.has(offset, floats)) return false;
  if (opcode === Opcode.Copy) {
    addStrided(fields, 0, (fields[CopyField.out] as number) >>> 0, written);
    return true;
  }
  // Kernels write their whole results; of scratch they read what they wrote themselves. Whole vectors reach into the padding.
  for (const { offset, floats, access } of spans) {
    if (access === "read") continue;
    written.remove(offset, alignUp(floats, 4));
    if (access === "write") written.add(offset, floats);
  }
  return true;
}

/** What a copy writes, from dimension `d` inward. */
function addStrided(fields: Int32Array, d: number, offset: number, written: Written): void {
  const size = fields[CopyField.size0 + d] as number;
  const stride = (fields[CopyField.outStride0 + d] as number) >>> 0;
  if (d === 4 && stride === 1) {
    written.add(offset, size);
    return;
  }
  for (let i = 0; i < size; i++) {
    const at = offset + 4 * i * stride;
    if (d === 4) written.add(at, 1);
    else addStrided(fields, d + 1, at, written);
  }
}

/** What a micro-operation reads or writes: whole vectors from `offset` on, of which the first `floats` are numbers. */
interface Place {
  readonly offset: number;
  readonly floats: number;
  /** Bytes from block to block, or what tells apart places that do not move. */
  readonly step: number;
}

const REGISTER = 0;
/** The result of a sum, complete behind the last block only, and the room for its unfinished part. */
const SUM = -1;
const PARTIAL = -2;

interface Micro {
  /** What must be written before. */
  readonly reads: readonly Place[];
  /** Read four at a time and spread over all elements: each of the four must be a number. */
  readonly splats: readonly Place[];
  /** What fills read, element by element. */
  readonly gathers: readonly Place[];
  readonly writes: readonly Place[];
}

/**
 * A block's micro-operations in their order. Vectors are whole, so their last lanes may hold what was left; those reach the same lanes
 * of what is computed from them, which nobody reads, as long as every place is read as it was written. Everything else counts as
 * seeing what was left.
 */
function runBlock({ fields }: Decoded, written: Written): boolean {
  if ((fields[BlockField.microCount] as number) > LONGEST_BLOCK) return false;
  const micros = microsOf(fields);
  const own = micros.flatMap(({ writes }) => writes);
  const isApart = (place: Place) => own.every((other) => isSame(place, other) || !overlap(place, other));
  if (!own.every(isApart)) return false;
  const done: Place[] = [];
  for (const { reads, splats, gathers, writes } of micros) {
    const isDone = (place: Place) => done.some((other) => isSame(place, other) && other.floats >= place.floats);
    const isKnown = (place: Place) => isApart(place) && (isDone(place) || written.has(place.offset, place.floats));
    if (![...reads, ...splats].every(isKnown)) return false;
    if (!gathers.every((place) => written.has(place.offset, place.floats) && !own.some((each) => overlap(place, each))))
      return false;
    done.push(...writes);
  }
  for (const { offset, floats } of own) written.remove(offset, alignUp(floats, 4));
  for (const { offset, floats, step } of own) if (step !== REGISTER && step !== PARTIAL) written.add(offset, floats);
  return true;
}

const isSame = (a: Place, b: Place) => a.offset === b.offset && a.step === b.step;

function overlap(a: Place, b: Place): boolean {
  return a.offset < b.offset + 4 * alignUp(b.floats, 4) && b.offset < a.offset + 4 * alignUp(a.floats, 4);
}

function microsOf(fields: Int32Array): Micro[] {
  const f = (index: number) => (fields[index] as number) >>> 0;
  const elements = f(BlockField.elements);
  const first = Math.min(f(BlockField.blockSize), elements);
  return Array.from({ length: f(BlockField.microCount) }, (_, micro) => {
    const once = micro < f(BlockField.onceCount);
    const at = (field: number) => f(BlockField.Words + micro * MicroField.Words + field);
    const place = (field: number): Place => {
      const [offset, step] = [at(field), at(field + 1)];
      return { offset, step, floats: step === REGISTER || once ? first : elements };
    };
    const operation = at(MicroField.operation) as MicroOp;
    if (operation === MicroOp.FillSplat || operation === MicroOp.FillStrided) {
      const floats = operation === MicroOp.FillSplat ? 4 : first;
      const writes = [{ offset: at(FillMicroField.dst), floats, step: REGISTER }];
      return { reads: [], splats: [], gathers: [fillSource(at, operation, elements)], writes };
    }
    if (operation === MicroOp.Sum) {
      const [rows, columns] = [at(SumMicroField.rows), at(SumMicroField.columns)];
      const factors = at(SumMicroField.isProduct) === 0 ? [SumMicroField.a] : [SumMicroField.a, SumMicroField.b];
      const result = { offset: at(SumMicroField.dst), floats: (once ? 0 : elements) / rows, step: SUM };
      const partial = { offset: at(SumMicroField.partial), floats: columns === 1 ? 16 : columns, step: PARTIAL };
      return { reads: factors.map(place), splats: [], gathers: [], writes: [result, partial] };
    }
    const operands = Array.from({ length: microArity(operation) }, (_, i) => i);
    const isSplat = (i: number) => ((at(MicroField.splats) >> i) & 1) === 1;
    const operand = (i: number) => place(MicroField.a + 2 * i);
    return {
      reads: operands.filter((i) => !isSplat(i)).map(operand),
      splats: operands.filter(isSplat).map((i) => ({ ...operand(i), floats: 4 })),
      gathers: [],
      writes: [place(MicroField.dst)],
    };
  });
}

/** The floats from the first to the last that a fill reads. */
function fillSource(at: (field: number) => number, operation: MicroOp, elements: number): Place {
  const offset = at(FillMicroField.source);
  if (operation === MicroOp.FillSplat) return { offset, floats: 1, step: REGISTER };
  const [size1, size2] = [at(FillMicroField.size1), at(FillMicroField.size2)];
  const outer = Math.ceil(elements / (size1 * size2));
  const last =
    (outer - 1) * at(FillMicroField.stride0) +
    (size1 - 1) * at(FillMicroField.stride1) +
    (size2 - 1) * at(FillMicroField.stride2);
  return { offset, floats: last + 1, step: REGISTER };
}
