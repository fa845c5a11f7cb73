import { Abi, BlockField, FillMicroField, MicroField, MicroOp, Opcode, SumMicroField } from "../../assembly/opcodes.ts";
import { FormatError } from "../errors.ts";
import { blockWords, type Fields, instructionRules, isMicroOp, microArity, type Span } from "./extents.ts";
import { alignUp, type Port, type Program, portSize } from "./program.ts";

/** Bytes that one WebAssembly memory can hold. */
const MEMORY_LIMIT = 2 ** 32;

/** One instruction of a program and the bytes it touches. */
export interface Decoded {
  readonly opcode: Opcode;
  readonly fields: Fields;
  readonly spans: readonly Span[];
  /** Elements that it walks beyond what its spans tell. */
  readonly walked: number;
  /** Bytes that its spans must be aligned to. */
  readonly alignment: number;
}

/**
 * Checks that a program may run: every opcode, arity and size known, every byte it touches inside its arena, what an instruction
 * writes apart from what it needs. A program that passes cannot make a kernel leave the arena, whatever its inputs hold.
 * @returns its instructions, taken apart
 * @throws FormatError naming the instruction and the field that is wrong
 */
export function validate(program: Program): Decoded[] {
  const decoded = takeApart(program);
  for (const [index, instruction] of decoded.entries()) {
    if (instruction.opcode !== Opcode.Block) checkDisjoint(instruction, index);
  }
  return decoded;
}

/** What `validate` checks but for spans that overlap: kernels stay inside the arena even then, which the fuzzer holds them to. */
export function takeApart(program: Program): Decoded[] {
  const { code, constants, arenaBytes, inputs, outputs } = program;
  if (!Number.isInteger(arenaBytes) || arenaBytes < 0 || arenaBytes > MEMORY_LIMIT) {
    throw new FormatError(`program: the arena must have 0 to 2^32 bytes, got ${arenaBytes}`);
  }
  if (constants.length * 4 > arenaBytes) throw new FormatError("program: constants do not fit the arena");
  const writable = checkPorts("input", inputs, alignUp(constants.length * 4), arenaBytes);
  checkPorts("output", outputs, writable, arenaBytes);
  const decoded: Decoded[] = [];
  let at = 0;
  while (at < code.length) {
    const instruction = decodeInstruction(code, at, decoded.length);
    checkSpans(instruction, decoded.length, writable, arenaBytes);
    decoded.push(instruction);
    at += Abi.PrefixWords + instruction.fields.length;
  }
  if (decoded.length !== program.instructionCount) {
    throw new FormatError(
      `program: ${program.instructionCount} instructions are declared, the code holds ${decoded.length}`,
    );
  }
  return decoded;
}

/** Checks that ports follow one another from byte `from` on; returns where the next buffer begins. */
function checkPorts(kind: string, ports: readonly Port[], from: number, arenaBytes: number): number {
  let offset = from;
  const names = new Set<string>();
  for (const port of ports) {
    const wrong = (rule: string) => new FormatError(`program: ${kind} ${port.name}: ${rule}`);
    if (names.has(port.name)) throw wrong("the name is used twice");
    names.add(port.name);
    if (!port.shape.every((extent) => Number.isInteger(extent) && extent >= 1))
      throw wrong(`bad shape [${port.shape}]`);
    if (port.offset !== offset) throw wrong(`must begin at byte ${offset}, got ${port.offset}`);
    offset = alignUp(port.offset + 4 * portSize(port));
    if (!(offset <= arenaBytes)) throw wrong(`ends at byte ${offset}, outside the arena of ${arenaBytes}`);
  }
  return offset;
}

function decodeInstruction(code: Int32Array, at: number, index: number): Decoded {
  const opcode = code[at] as Opcode;
  const length = code[at + 1] ?? 0;
  const fields = code.subarray(at + Abi.PrefixWords, at + length);
  const wrong = (rule: string) =>
    new FormatError(`program: instruction ${index} (${Opcode[opcode] ?? opcode}): ${rule}`);
  if (Opcode[opcode] === undefined) throw wrong("unknown opcode");
  if (length < Abi.PrefixWords || at + length > code.length)
    throw wrong(`its length of ${length} words leaves the code`);
  const rule = instructionRules[opcode];
  if (opcode === Opcode.Block && fields.length < BlockField.Words) throw wrong("is cut short");
  const words = rule.words ?? blockWords(fields);
  if (fields.length !== words) throw wrong(`must have ${words} fields, got ${fields.length}`);
  for (const field of rule.extents) {
    if ((fields[field] as number) < 1) throw wrong(`field ${field} must be at least 1, got ${fields[field]}`);
  }
  if (opcode === Opcode.Block) checkBlock(fields, wrong);
  // Addresses reach 4 GiB: fields are read as unsigned, and a negative size becomes one that fits no arena.
  const field = (index: number) => (fields[index] as number) >>> 0;
  const problem = rule.check?.(field);
  if (problem !== undefined) throw wrong(problem);
  return {
    opcode,
    fields,
    spans: rule.spans(field, fields),
    walked: rule.walked?.(field) ?? 0,
    alignment: rule.alignment ?? Abi.Alignment,
  };
}

function checkBlock(fields: Fields, wrong: (rule: string) => FormatError): void {
  const [blockSize, onceCount, microCount] = [BlockField.blockSize, BlockField.onceCount, BlockField.microCount].map(
    (field) => fields[field] as number,
  ) as [number, number, number];
  if (blockSize % 4 !== 0) throw wrong(`block size must be a multiple of 4, got ${blockSize}`);
  if (onceCount < 0 || onceCount > microCount)
    throw wrong(`${onceCount} of ${microCount} micro-operations cannot run once`);
  for (let micro = 0; micro < microCount; micro++) {
    const words = fields.subarray(BlockField.Words + micro * MicroField.Words);
    const operation = words[MicroField.operation] as MicroOp;
    if (!isMicroOp(operation)) throw wrong(`micro-operation ${micro}: unknown code ${operation}`);
    if (operation === MicroOp.FillSplat) continue;
    if (operation === MicroOp.FillStrided) {
      const sizes = [words[FillMicroField.size1], words[FillMicroField.size2]] as [number, number];
      if (sizes.some((size) => size < 1))
        throw wrong(`micro-operation ${micro}: sizes must be at least 1, got ${sizes}`);
      continue;
    }
    if (operation === MicroOp.Sum) {
      const problem = sumProblem(fields, words);
      if (problem !== undefined) throw wrong(`micro-operation ${micro}: ${problem}`);
      continue;
    }
    for (let operand = 0; operand <= microArity(operation); operand++) {
      const step = words[MicroField.dstStep + 2 * operand] as number;
      const isSplat = operand > 0 && (((words[MicroField.splats] as number) >> (operand - 1)) & 1) === 1;
      if (step !== 0 && (isSplat || step !== blockSize * 4))
        throw wrong(`micro-operation ${micro}: a step of ${step} bytes`);
    }
  }
}

/** What is wrong with a sum that a block takes along, if anything; `words` are its fields. */
function sumProblem(fields: Fields, words: Fields): string | undefined {
  const elements = fields[BlockField.elements] as number;
  const blockSize = fields[BlockField.blockSize] as number;
  const [rows, columns] = [words[SumMicroField.rows] as number, words[SumMicroField.columns] as number];
  if (rows < 1 || columns < 1 || elements % (rows * columns) !== 0) {
    return `${rows} rows of ${columns} columns do not make ${elements} elements`;
  }
  for (const step of [words[SumMicroField.aStep], words[SumMicroField.bStep]] as number[]) {
    if (step !== 0 && step !== blockSize * 4) return `a step of ${step} bytes`;
  }
  const period = columns > 1 ? columns : rows === elements ? 16 : rows;
  if (elements > blockSize && blockSize % period !== 0) return `blocks of ${blockSize} cut its parts of ${period}`;
  return undefined;
}

/** @param writable byte at which constants and inputs end, which a run leaves as they are */
function checkSpans(instruction: Decoded, index: number, writable: number, arenaBytes: number): void {
  const { opcode, spans, walked, alignment } = instruction;
  const wrong = (rule: string) => new FormatError(`program: instruction ${index} (${Opcode[opcode]}): ${rule}`);
  if (!(4 * walked <= arenaBytes))
    throw wrong(`walks ${walked} elements, more than the arena of ${arenaBytes} bytes holds`);
  for (const { offset, floats, access } of spans) {
    const end = alignUp(offset + 4 * floats);
    if (offset % alignment !== 0) throw wrong(`byte ${offset} is not a multiple of ${alignment}`);
    if (!(end <= arenaBytes)) throw wrong(`bytes ${offset} to ${end} lie outside the arena of ${arenaBytes}`);
    if (access !== "read" && offset < writable) {
      throw wrong(`writes at byte ${offset}, before the end of constants and inputs at ${writable}`);
    }
  }
}

/**
 * Holds what an instruction writes, and its scratch area, apart from all else that it touches. Kernels read operands after they began to
 * write, and may keep in scratch what says where to go on. A block computes element by element on data alone, wherever it is.
 */
function checkDisjoint({ opcode, spans, alignment }: Decoded, index: number): void {
  // Up to the last byte that a whole vector may touch.
  const ends = spans.map(({ offset, floats }) => alignUp(offset + 4 * floats, alignment));
  for (const [i, span] of spans.entries()) {
    if (span.access === "read") continue;
    for (const [j, other] of spans.entries()) {
      if (i === j || span.offset >= (ends[j] as number) || other.offset >= (ends[i] as number)) continue;
      throw new FormatError(
        `program: instruction ${index} (${Opcode[opcode]}): bytes ${span.offset} to ${ends[i]}, which it writes, ` +
          `overlap bytes ${other.offset} to ${ends[j]}, which it needs as well`,
      );
    }
  }
}
