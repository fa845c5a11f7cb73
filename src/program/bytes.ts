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
import { Abi, MicroOp, Opcode } from "../../assembly/opcodes.ts";
import { wrong } from "../arguments.ts";
import { FormatError } from "../errors.ts";
import { type Port, type Program, requireProgram } from "./program.ts";
import { validate } from "./validate.ts";

const MAGIC = "QSPROG";
const PREFIX_BYTES = 12;
const MAXIMUM_HEADER_BYTES = 1 << 24;

interface Header {
  /** Opcodes and micro-operations that there were: a program of another set must not run. */
  readonly opcodes: number;
  readonly microOps: number;
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
    opcodes: Opcode.Count,
    microOps: MicroOp.Count,
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

/**
 * Reads a program from bytes that may come from anywhere, and validates it.
 * @throws FormatError when the bytes are not a whole, valid program of this version
 */
export function decodeProgram(bytes: Uint8Array): Program {
  if (!(bytes instanceof Uint8Array)) throw wrong("decodeProgram: bytes", "a Uint8Array", bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length < PREFIX_BYTES ? "" : new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw new FormatError("program: the bytes do not begin as a program does");
  const version = view.getUint16(6, true);
  if (version !== Abi.Version) {
    throw new FormatError(`program: made for instruction set ${version}, this is ${Abi.Version}; compile it again`);
  }
  const headerBytes = view.getUint32(8, true);
  if (headerBytes > MAXIMUM_HEADER_BYTES || PREFIX_BYTES + headerBytes > bytes.length) {
    throw new FormatError("program: the header is cut short");
  }
  const header = parseHeader(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes)));
  if (header.opcodes !== Opcode.Count || header.microOps !== MicroOp.Count) {
    throw new FormatError(
      `program: made for ${header.opcodes} opcodes and ${header.microOps} micro-operations, ` +
        `this core has ${Opcode.Count} and ${MicroOp.Count}; compile it again`,
    );
  }
  const start = PREFIX_BYTES + headerBytes;
  const expected = start + 4 * (header.constants + header.codeWords);
  if (bytes.length !== expected) throw new FormatError(`program: ${expected} bytes are declared, got ${bytes.length}`);
  const constants = Float32Array.from({ length: header.constants }, (_, i) => view.getFloat32(start + 4 * i, true));
  const codeStart = start + 4 * header.constants;
  const code = Int32Array.from({ length: header.codeWords }, (_, i) => view.getInt32(codeStart + 4 * i, true));
  const { instructionCount, arenaBytes } = header;
  const [inputs, outputs] = [header.inputs, header.outputs].map((ports) => ports.map(portOf)) as [Port[], Port[]];
  const program: Program = { code, instructionCount, constants, inputs, outputs, arenaBytes };
  validate(program);
  return program;
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
  const counts = ["opcodes", "microOps", "instructionCount", "constants", "codeWords", "arenaBytes"].map(
    (name) => header[name],
  );
  const ports = [header.inputs, header.outputs];
  return counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) && ports.every(isPorts);
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
