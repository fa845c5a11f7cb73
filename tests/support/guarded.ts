/** Runs programs among sentinels: what a run may not touch must be as it was, what it may not read is poison. */
import { type Core, regionBytes } from "../../src/core/core.ts";
import { alignUp, type Program, portsExtent } from "../../src/program/program.ts";

type Inputs = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Takes the memory in front of the next program, so that its arena ends where the memory ends, give or take a line of the caches: a kernel
 * that reads behind it traps. Needs a core in which nothing else is loaded.
 * @returns gives the memory back
 */
function pushToTheEnd(core: Core, program: Program): () => void {
  const bytes = regionBytes(program);
  const address = core.allocate(bytes);
  core.free(address, bytes);
  const room = core.exports.memory.buffer.byteLength - address - bytes;
  if (room < 16) return () => {};
  const taken = core.allocate(room);
  return () => core.free(taken, room);
}

/**
 * Loads a program, fills its outputs and workspace with `poison`, runs it and unloads it.
 * @throws Error when a byte of the memory has changed outside the outputs and the workspace: other regions, the program's
 * code, its constants and inputs
 */
export function runGuarded(
  core: Core,
  program: Program,
  inputs: Inputs,
  poison = Number.NaN,
): Record<string, Float32Array> {
  const giveBack = pushToTheEnd(core, program);
  const loaded = core.load(program);
  try {
    for (const [name, data] of Object.entries(inputs)) loaded.write(name, data);
    const base = loaded.outputs.address - portsExtent(program.outputs).offset;
    const ports = portsExtent(program.inputs);
    const low = base + (ports.bytes === 0 ? alignUp(4 * program.constants.length) : ports.offset + ports.bytes);
    const high = base + program.arenaBytes;
    core.f32.fill(poison, low / 4, high / 4);
    const before = Buffer.from(core.exports.memory.buffer.slice(0));
    loaded.run();
    const after = Buffer.from(core.exports.memory.buffer);
    if (before.compare(after, 0, low, 0, low) !== 0) throw new Error("the run wrote before its outputs");
    if (before.compare(after, high, after.length, high, before.length) !== 0) {
      throw new Error("the run wrote behind its arena");
    }
    return Object.fromEntries(program.outputs.map(({ name }) => [name, loaded.read(name)]));
  } finally {
    loaded.dispose();
    giveBack();
  }
}
