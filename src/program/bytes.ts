/**
 * A program as bytes, little-endian:
 *
 *     ┌───────────┬─────────────┬──────────────┬────────┬───────────┬──────────┐
 *     │ "QSPROG"  │ ABI version │ header bytes │ header │ constants │ code     │
 *     │ 6 bytes   │ u16         │ u32          │ JSON   │ f32 …     │ i32 …    │
 *     └───────────┴─────────────┴──────────────┴────────┴───────────┴──────────┘
 *
 * The header is padded with spaces to a multiple of 4 bytes.
 */
import { Abi, BlockField, InstructionSet, MicroField, Opcode } from "../../assembly/opcodes.ts";
import { requireOptions, wrong } from "../arguments.ts";
import { FormatError } from "../errors.ts";
import { seesLeftovers } from "./leftovers.ts";
import { checkLimits, FILE_LIMITS, type ProgramLimits, requireLimits } from "./limits.ts";
import { examinedBy, type Port, type Program, requireProgram } from "./program.ts";
import { validate } from "./validate.ts";

const MAGIC = "QSPROG";
const PREFIX_BYTES = 12;
const MAXIMUM_HEADER_BYTES = 1 << 24;

interface Header {
  /** The highest opcode and micro-operation that the program uses, -1 for none: any core that has them can run it. */
  readonly lastOpcode: number;
  readonly lastMicroOp: number;
  readonly instructionCount: number;
  readonly constants: number;
  readonly codeWords: number;
  readonly arenaBytes: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** The bytes of a program. */
export function encodeProgram(program: Program): Uint8Array {
  requireProgram("encodeProgram", program);
  const { code, constants, instructionCount, arenaBytes, inputs, outputs } = program;
  const header: Header = {
    ...highestUsed(code),
    instructionCount,
    constants: constants.length,
    codeWords: code.length,
    arenaBytes,
    inputs,
    outputs,
  };
  let json = JSON.stringify(header);
  while (new TextEncoder().encode(json).length % 4 !== 0) json += " ";
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(PREFIX_BYTES + text.length + 4 * (constants.length + code.length));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint16(6, Abi.Version, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, PREFIX_BYTES);
  let at = PREFIX_BYTES + text.length;
  for (const value of constants) {
    view.setFloat32(at, value, true);
    at += 4;
  }
  for (const word of code) {
    view.setInt32(at, word, true);
    at += 4;
  }
  return bytes;
}

/** The highest opcode and micro-operation in a program's code. */
function highestUsed(code: Int32Array): Pick<Header, "lastOpcode" | "lastMicroOp"> {
  let [lastOpcode, lastMicroOp] = [-1, -1];
  for (let at = 0, length = 0; at < code.length; at += Math.max(length, Abi.PrefixWords)) {
    const opcode = code[at] as number;
    length = code[at + 1] ?? 0;
    lastOpcode = Math.max(lastOpcode, opcode);
    if (opcode !== Opcode.Block) continue;
    const end = Math.min(at + length, code.length);
    for (let micro = at + Abi.PrefixWords + BlockField.Words; micro < end; micro += MicroField.Words) {
      lastMicroOp = Math.max(lastMicroOp, code[micro + MicroField.operation] as number);
    }
  }
  return { lastOpcode, lastMicroOp };
}

/**
 * Reads a program from bytes that may come from anywhere, and validates it. A program made by an older version is read as long as
 * the byte layout is the same; its opcodes mean what they meant.
 * @param limits what the program may cost; 10^12 operations per run and 1 GiB unless they say otherwise
 * @throws FormatError when the bytes are not a whole, valid program that this version can run; MemoryError or LimitError when it costs
 * more than it may
 */
export function decodeProgram(bytes: Uint8Array, limits: ProgramLimits = {}): Program {
  if (!(bytes instanceof Uint8Array)) throw wrong("decodeProgram: bytes", "a Uint8Array", bytes);
  requireOptions("decodeProgram", limits, ["operations", "bytes"]);
  requireLimits("decodeProgram", limits);
  const { operations = FILE_LIMITS.operations, bytes: mostBytes = FILE_LIMITS.bytes } = limits;
  const allowed: ProgramLimits = { operations, bytes: mostBytes };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length < PREFIX_BYTES ? "" : new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw new FormatError("program: the bytes do not begin as a program does");
  const version = view.getUint16(6, true);
  if (version !== Abi.Version) {
    const remedy = version > Abi.Version ? "update quickstudy, or compile it again" : "compile it again";
    throw new FormatError(`program: its bytes have layout ${version}, this version reads ${Abi.Version}; ${remedy}`);
  }
  const headerBytes = view.getUint32(8, true);
  if (headerBytes > MAXIMUM_HEADER_BYTES || PREFIX_BYTES + headerBytes > bytes.length) {
    throw new FormatError("program: the header is cut short");
  }
  const header = parseHeader(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes)));
  checkInstructionSet("opcode", header.lastOpcode, InstructionSet.LastOpcode);
  checkInstructionSet("micro-operation", header.lastMicroOp, InstructionSet.LastMicroOp);
  const start = PREFIX_BYTES + headerBytes;
  const expected = start + 4 * (header.constants + header.codeWords);
  if (bytes.length !== expected) throw new FormatError(`program: ${expected} bytes are declared, got ${bytes.length}`);
  const constants = Float32Array.from({ length: header.constants }, (_, i) => view.getFloat32(start + 4 * i, true));
  const codeStart = start + 4 * header.constants;
  const code = Int32Array.from({ length: header.codeWords }, (_, i) => view.getInt32(codeStart + 4 * i, true));
  const { instructionCount, arenaBytes } = header;
  const [inputs, outputs] = [header.inputs, header.outputs].map((ports) => ports.map(portOf)) as [Port[], Port[]];
  const program: Program = { code, instructionCount, constants, inputs, outputs, arenaBytes };
  checkLimits("decodeProgram", program, validate(program), allowed);
  return examinedBy(program, () => seesLeftovers(program));
}

function checkInstructionSet(kind: string, needed: number, last: number): void {
  if (needed <= last) return;
  throw new FormatError(
    `program: needs ${kind} ${needed}, this core has none above ${last}; ` +
      "a newer version of quickstudy made it: update quickstudy, or compile it again",
  );
}

/** A port and nothing else that the header may have put beside it. */
function portOf({ name, shape, offset }: Port): Port {
  return { name, shape, offset };
}

function parseHeader(text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new FormatError("program: the header is not JSON");
  }
  if (!isHeader(header)) throw new FormatError("program: the header lacks a field or has one of the wrong kind");
  return header;
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Record<string, unknown>;
  const isWhole = (least: number) => (name: string) =>
    Number.isSafeInteger(header[name]) && (header[name] as number) >= least;
  return (
    ["instructionCount", "constants", "codeWords", "arenaBytes"].every(isWhole(0)) &&
    ["lastOpcode", "lastMicroOp"].every(isWhole(-1)) &&
    [header.inputs, header.outputs].every(isPorts)
  );
}

function isPorts(value: unknown): value is Port[] {
  return (
    Array.isArray(value) &&
    value.every((port: unknown) => {
      if (typeof port !== "object" || port === null) return false;
      const { name, shape, offset } = port as Record<string, unknown>;
      return typeof name === "string" && Array.isArray(shape) && Number.isSafeInteger(offset);
    })
  );
}
