/** What the tests of training share: asynchronous errors, stores in memory, tiny learners and tasks. */
import * as assert from "uvu/assert";
import { fromArrays } from "../../src/data/arrays.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { type EpisodeOptions, type EpisodeSource, episodes } from "../../src/tasks/episodes.ts";
import type { CheckpointStore } from "../../src/train/checkpoint.ts";
import { Chance } from "../support/random.ts";

/**
 * Checks that a promise is rejected with an error of a class, whose message holds all of the given parts.
 * @returns the error
 */
export async function rejectsA<E extends Error>(
  kind: new (...args: never[]) => E,
  work: Promise<unknown>,
  ...parts: readonly string[]
): Promise<E> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error !== undefined, `nothing was thrown instead of a ${kind.name}`);
  assert.ok(error instanceof kind, `a ${kind.name} was expected, got ${error instanceof Error ? error.stack : error}`);
  for (const part of parts) assert.ok(error.message.includes(part), `"${error.message}" does not say "${part}"`);
  return error;
}

/** A store that remembers every write. */
export class MemoryStore implements CheckpointStore {
  readonly writes: Uint8Array[] = [];

  constructor(private readonly first?: Uint8Array) {}

  get last(): Uint8Array {
    const bytes = this.writes.at(-1) ?? this.first;
    assert.ok(bytes, "nothing was written");
    return bytes as Uint8Array;
  }

  async read(): Promise<Uint8Array | undefined> {
    return this.writes.at(-1) ?? this.first;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.writes.push(bytes.slice());
  }
}

/** Second-order MAML of a small network on curves. */
export const smallMaml = (hidden: readonly number[] = [5]) =>
  maml(mlp({ inputShape: 1, hidden, outputs: 1, activation: "tanh" }), { innerRate: 0.05 });

/** Clouds of points around the corners of a cube: few-shot classes that a small network can tell apart. */
export function clouds(
  options: EpisodeOptions,
  { shape = [4] as readonly number[], spread = 0.4 } = {},
): EpisodeSource {
  const chance = new Chance(12);
  const [classes, each, size] = [16, 12, shape.reduce((product, extent) => product * extent, 1)];
  const x = Float32Array.from({ length: classes * each * size }, (_, i) => {
    const corner = (Math.floor(i / (each * size)) >> (i % 4)) & 1 ? 1 : -1;
    return corner + chance.uniform(-spread, spread);
  });
  const y = Array.from({ length: classes * each }, (_, row) => Math.floor(row / each));
  return episodes(fromArrays({ x, y, shape, name: "clouds" }), options);
}

/** Whether two byte arrays are the same; `assert.equal` of large ones takes minutes to say how they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
