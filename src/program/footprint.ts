/** What fills a program's arena: read from its instructions alone, so that it can be said of any program. */

import type { Span } from "./extents.ts";
import { alignUp, type Port, type Program, portsExtent } from "./program.ts";
import { type Decoded, validate } from "./validate.ts";
import { workOf } from "./work.ts";

/** Buffers of one kind that are alive together. */
export interface Contributor {
  /** The instruction that wrote them, `Conv2d 75x14x14x64 -> 64 k3 s2`; or `inputs`, `outputs`, `constants`. */
  readonly what: string;
  /** Instructions that wrote them, or ports. */
  readonly count: number;
  readonly bytes: number;
}

export interface Footprint {
  /** Bytes that the program takes as it runs: all of them from its start. */
  readonly arenaBytes: number;
  readonly instructions: number;
  /** What is alive at the moment when most is, the largest first. Together no more than the arena. */
  readonly contributors: readonly Contributor[];
}

/** Bytes with one writer: alive from the instruction `first` to the last one that reads them. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly writer: number;
  last: number;
}

/** Where the spans of an instruction begin and end, each once: blocks name the same registers many times. */
function places(spans: readonly Span[], access: "read" | "written"): { from: number; to: number }[] {
  const ends = new Map<string, { from: number; to: number }>();
  for (const span of spans) {
    if ((span.access === "read") !== (access === "read")) continue;
    const [from, to] = [span.offset, alignUp(span.offset + 4 * span.floats)];
    ends.set(`${from} ${to}`, { from, to });
  }
  return [...ends.values()];
}

/** The lifetimes of all that the instructions write into the workspace. */
function piecesOf(decoded: readonly Decoded[], workspace: number): Piece[] {
  const ended: Piece[] = [];
  let current: Piece[] = [];
  for (const [step, { spans }] of decoded.entries()) {
    for (const { from, to } of places(spans, "read")) {
      for (const piece of current) if (piece.from < to && piece.to > from) piece.last = step;
    }
    for (const { from, to } of places(spans, "written")) {
      if (from >= workspace) current = overwrite(current, { from, to, writer: step, last: step }, ended);
    }
  }
  return [...ended, ...current];
}

/** Puts a piece in the place of what it covers; the rest of a piece that it cuts lives on. */
function overwrite(current: readonly Piece[], written: Piece, ended: Piece[]): Piece[] {
  const next: Piece[] = [written];
  for (const piece of current) {
    if (piece.to <= written.from || piece.from >= written.to) {
      next.push(piece);
      continue;
    }
    // In place of an operand, the bytes count once; so do those that one instruction writes twice.
    const [from, to] = [Math.max(piece.from, written.from), Math.min(piece.to, written.to)];
    const last = Math.min(piece.last, written.writer - 1);
    if (last >= piece.writer) ended.push({ ...piece, from, to, last });
    if (piece.from < from) next.push({ ...piece, to: from });
    if (piece.to > to) next.push({ ...piece, from: to });
  }
  return next;
}

/** The step at which most bytes are alive. */
function fullest(pieces: readonly Piece[], steps: number): number {
  const change = new Float64Array(steps + 1);
  for (const { from, to, writer, last } of pieces) {
    change[writer] = (change[writer] as number) + to - from;
    change[last + 1] = (change[last + 1] as number) - (to - from);
  }
  let [best, most, alive] = [0, 0, 0];
  for (let step = 0; step < steps; step++) {
    alive += change[step] as number;
    if (alive > most) [best, most] = [step, alive];
  }
  return best;
}

/**
 * How many bytes a program takes, and what takes most of them.
 * @throws FormatError when the program is not valid
 */
export function footprint(program: Program): Footprint {
  const decoded = validate(program);
  const ports = [...program.inputs, ...program.outputs];
  const end = portsExtent(ports);
  const workspace = Math.max(alignUp(4 * program.constants.length), end.offset + end.bytes);
  const pieces = piecesOf(decoded, workspace);
  const step = fullest(pieces, decoded.length);
  const kinds = new Map<string, { writers: Set<number>; bytes: number }>();
  for (const { from, to, writer, last } of pieces) {
    if (writer > step || last < step) continue;
    const { opcode, shape } = workOf(decoded[writer] as Decoded);
    const what = `${opcode} ${shape}`;
    const kind = kinds.get(what) ?? { writers: new Set(), bytes: 0 };
    kind.writers.add(writer);
    kinds.set(what, { ...kind, bytes: kind.bytes + to - from });
  }
  const portsOf = (what: string, all: readonly Port[]) => ({ what, count: all.length, bytes: portsExtent(all).bytes });
  const contributors = [
    ...Array.from(kinds, ([what, { writers, bytes }]) => ({ what, count: writers.size, bytes })),
    portsOf("inputs", program.inputs),
    portsOf("outputs", program.outputs),
    { what: "constants", count: 1, bytes: alignUp(4 * program.constants.length) },
  ];
  return {
    arenaBytes: program.arenaBytes,
    instructions: decoded.length,
    contributors: contributors.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes),
  };
}
