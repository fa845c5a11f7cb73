import type { Arrays } from "../core/loaded.ts";
import {
  decodeTensors,
  encodeTensors,
  requireMetadata,
  type ShapedArray,
  type TensorFile,
} from "../data/safetensors.ts";
import { FormatError, OptionError } from "../errors.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { META, type Shapes } from "./programs.ts";
import { AVERAGE, OPTIMIZER } from "./update.ts";

/** Where checkpoints are kept: a file, a browser's storage, memory. A write must be all or nothing. */
export interface CheckpointStore {
  /** The last bytes written, or undefined when there are none yet. */
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
  /** Called before a run reads or writes: keeps other runs away until `close`. @throws LockedError where one is there */
  open?(): Promise<void>;
  /** Called when the run has ended, however it did. */
  close?(): Promise<void>;
}

/** Everything that the next iteration depends on. */
export interface Position {
  /** Iterations done. */
  readonly iteration: number;
  readonly meta: Arrays;
  readonly optimizer: Arrays;
  /** Averages of the learned meta-parameters; empty where none are kept. */
  readonly average: Arrays;
}

/**
 * What a run must have in common with the run that it resumes. A setting that is left out has its default: a checkpoint
 * from before the setting existed is still resumed.
 */
export interface RunIdentity {
  readonly learner: string;
  readonly optimizer: string;
  readonly tasks: string;
  readonly metaBatch: string;
  readonly seed: string;
  /** Of tasks that run with relaxed SIMD; without it they run with plain SIMD. */
  readonly core?: typeof RELAXED;
  /** Decay of the averaged meta-parameters. */
  readonly average?: string;
  /** Segments that a stream's gradient reaches back. */
  readonly window?: string;
  /** Names of the meta-parameters that stay as they are. */
  readonly frozen?: string;
  /** Hash of the meta-parameters that the run began from. */
  readonly from?: string;
}

/** The core of a run whose bits differ between runtimes. */
export const RELAXED = "relaxed SIMD";
/** Settings of a run that may be left out, with what they are then. */
const DEFAULTS = { core: "plain SIMD", average: "none", window: "all", frozen: "none", from: "the learner's start" };

export const FORMAT = "quickstudy checkpoint 2";

/** Metadata that a checkpoint holds beside what the caller gives. */
const RESERVED: Readonly<
  Record<keyof RunIdentity | "format" | "iteration" | "version" | "objective" | "outputs", true>
> = {
  format: true,
  iteration: true,
  version: true,
  objective: true,
  outputs: true,
  learner: true,
  optimizer: true,
  tasks: true,
  metaBatch: true,
  seed: true,
  core: true,
  average: true,
  window: true,
  frozen: true,
  from: true,
};

/** @throws OptionError unless the values are strings and their names are not taken */
export function requireExtraMetadata(what: string, metadata: unknown): void {
  requireMetadata(what, metadata);
  const taken = Object.keys(metadata).find((name) => Object.hasOwn(RESERVED, name));
  if (taken !== undefined) {
    throw new OptionError(`${what}: the name ${taken} is taken by what a checkpoint holds itself; choose another`);
  }
}

/** Arrays with their shapes. */
export function shaped(arrays: Arrays, shapes: Shapes): Record<string, ShapedArray> {
  const entries = Object.entries(arrays).map(([name, data]) => [name, { shape: shapes[name] ?? [data.length], data }]);
  return Object.fromEntries(entries);
}

/** The data of shaped arrays. */
export function unshaped(tensors: Readonly<Record<string, ShapedArray>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

/**
 * A checkpoint as a safetensors file.
 * @param extra further arrays, such as what preprocessing learned, and metadata, such as the command line
 */
export function encodeCheckpoint(
  position: Position,
  shapes: { meta: Shapes; optimizer: Shapes },
  identity: RunIdentity,
  extra: TensorFile,
): Uint8Array {
  return encodeTensors({
    tensors: {
      ...extra.tensors,
      ...prefixed(META, shaped(position.meta, shapes.meta)),
      ...prefixed(OPTIMIZER, shaped(position.optimizer, shapes.optimizer)),
      ...prefixed(AVERAGE, shaped(position.average, shapes.meta)),
    },
    metadata: { ...extra.metadata, format: FORMAT, iteration: `${position.iteration}`, ...identity },
  });
}

/**
 * The tensors and metadata of a file of this package.
 * @param what the caller's operation, for errors
 * @param format that the file must be of
 * @throws FormatError when the bytes are not one, are damaged, or hold numbers that are not finite
 */
export function decodeFile(what: string, format: string, bytes: Uint8Array): TensorFile {
  const { tensors, metadata, checked } = decodeTensors(bytes);
  if (metadata.format !== format) {
    throw new FormatError(`${what}: the file is not a ${format} (format ${metadata.format ?? "missing"})`);
  }
  if (!checked) throw new FormatError(`${what}: the file has no checksum; it is damaged or of another version`);
  requireFinite(what, tensors);
  return { tensors, metadata };
}

/** Reads a checkpoint. @throws FormatError when the bytes are not one, are damaged, or hold numbers that are not finite */
export function decodeCheckpoint(bytes: Uint8Array): Position & TensorFile & { shapes: Shapes } {
  const { tensors, metadata } = decodeFile("checkpoint", FORMAT, bytes);
  const iteration = Number(metadata.iteration);
  if (`${iteration}` !== metadata.iteration || !Number.isSafeInteger(iteration) || iteration < 0) {
    throw new FormatError(`checkpoint: iteration must be a whole number from 0, got ${metadata.iteration ?? "none"}`);
  }
  const meta = unprefixed(META, tensors);
  return {
    iteration,
    meta: unshaped(meta),
    optimizer: unshaped(unprefixed(OPTIMIZER, tensors)),
    average: unshaped(unprefixed(AVERAGE, tensors)),
    shapes: Object.fromEntries(Object.entries(meta).map(([name, { shape }]) => [name, shape])),
    tensors,
    metadata,
  };
}

/** Training keeps nothing that is not finite, and nothing can be learned or predicted from it. */
function requireFinite(what: string, tensors: Readonly<Record<string, ShapedArray>>): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new FormatError(`${what}: ${name} must be finite, got ${data[at]} at ${at}; the file is damaged`);
  }
}

/** Characters of two descriptions that are shown on each side of where they part. */
const SHOWN = 50;

/** Two long descriptions, from shortly before they part to shortly after. */
export function parted(one: string, other: string): [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const from = Math.max(0, at - SHOWN);
  const cut = (text: string) => {
    const end = text.length > at + SHOWN ? "…" : "";
    return `${from > 0 ? "…" : ""}${text.slice(from, at + SHOWN)}${end}`;
  };
  return [cut(one), cut(other)];
}

/** @throws OptionError naming the first thing in which a run differs from the one it should resume */
export function checkIdentity(identity: RunIdentity, metadata: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries({ ...DEFAULTS, ...identity })) {
    const stored = { ...DEFAULTS, ...metadata }[name];
    if (stored === value) continue;
    const [theirs, ours] = parted(stored ?? "none", value);
    throw new OptionError(
      `resume: the checkpoint was made with another ${name} (${theirs}) than this run's (${ours}); ` +
        "use the same settings, or start anew without resuming",
    );
  }
}

/** @throws FormatError unless the arrays are those that the learner or optimizer has, no fewer and no more */
export function checkArrays(what: string, arrays: Arrays, shapes: Shapes): void {
  const foreign = Object.keys(arrays).find((name) => !Object.hasOwn(shapes, name));
  if (foreign !== undefined)
    throw new FormatError(`${what}: the file holds ${foreign}, which has no place in this run`);
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (arrays[name]?.length !== size) {
      throw new FormatError(
        `${what}: ${name} must have ${size} numbers, the file has ${arrays[name]?.length ?? "none"}`,
      );
    }
  }
}
