/** What a program does to its arena, told from the spans of its instructions alone. */
import { Opcode } from "../../assembly/opcodes.ts";
import type { Span } from "../../src/program/extents.ts";
import { type Program, portSize } from "../../src/program/program.ts";
import { validate } from "../../src/program/validate.ts";

function overlap(a: Span, b: Span): boolean {
  return a.offset < b.offset + 4 * b.floats && b.offset < a.offset + 4 * a.floats;
}

/**
 * Walks a program float by float.
 * @throws Error when an instruction reads what nobody wrote or what scratch overwrote, when it writes over what it reads,
 * or when an output is left unwritten
 */
export function simulate(program: Program): void {
  const written = new Uint8Array(program.arenaBytes / 4);
  const mark = (offset: number, floats: number, value: number) => written.fill(value, offset / 4, offset / 4 + floats);
  mark(0, program.constants.length, 1);
  for (const port of program.inputs) mark(port.offset, portSize(port), 1);
  for (const [index, { opcode, spans }] of validate(program).entries()) {
    const wrong = (what: string) => new Error(`instruction ${index} (${Opcode[opcode]}) ${what}`);
    const [reads, writes, scratch] = (["read", "write", "scratch"] as const).map((access) =>
      spans.filter((span) => span.access === access),
    ) as [Span[], Span[], Span[]];
    // A block may read what it has written, element by element.
    const own = (read: Span) => opcode === Opcode.Block && writes.some((write) => write.offset === read.offset);
    for (const read of reads) {
      if (own(read)) continue;
      if (writes.some((write) => overlap(read, write))) throw wrong("writes over its operand");
      if (scratch.some((room) => overlap(read, room))) throw wrong("has its scratch over its operand");
      const unwritten = written.subarray(read.offset / 4, read.offset / 4 + read.floats).indexOf(0);
      if (unwritten !== -1) throw wrong(`reads byte ${read.offset + 4 * unwritten}, which nobody wrote`);
    }
    if (scratch.some((room) => writes.some((write) => overlap(room, write))))
      throw wrong("has its scratch over its result");
    for (const room of scratch) mark(room.offset, room.floats, 0);
    for (const write of writes) mark(write.offset, write.floats, 1);
  }
  for (const port of program.outputs) {
    const at = written.subarray(port.offset / 4, port.offset / 4 + portSize(port)).indexOf(0);
    if (at !== -1) throw new Error(`output ${port.name}: nobody wrote element ${at}`);
  }
}
