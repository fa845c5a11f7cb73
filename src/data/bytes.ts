/** Bytes from wherever a runtime has them: memory, a `Blob` or `File`, a stream, or a file on disk (`file` of quickstudy/node). */
import { requireFunction, requireObject, requireOptions, requireText, requireWhole, wrong } from "../arguments.ts";
import { AbortedError, DataError } from "../errors.ts";

/** What can be read more than once, from its beginning: a `Blob`, a `File`, or what `file(path)` of quickstudy/node gives. */
export interface Readable {
  /** Of the file. */
  readonly name?: string;
  /** Bytes. */
  readonly size?: number;
  stream(): ReadableStream<Uint8Array>;
}

/** Where bytes come from. A `ReadableStream` can be read once. */
export type Source = Uint8Array | ArrayBuffer | Readable | ReadableStream<Uint8Array>;

/** Options of everything that reads for long. */
export interface ReadOptions {
  /** The file's name in messages, where the source has none. */
  readonly name?: string;
  /** Most bytes that are read, before anything is unpacked; 1 GiB by default. */
  readonly largest?: number;
  /** Told after each piece: bytes so far, and all of them where the source says how many there are. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

export const READ_OPTIONS = ["name", "largest", "onProgress", "signal"] as const;

const LARGEST = 2 ** 30;

/**
 * Checks what a reader is given before it reads.
 * @param own names of the reader's own options
 * @throws OptionError
 */
export function requireReading(what: string, source: unknown, options: ReadOptions, own: readonly string[] = []): void {
  requireSource(what, source);
  requireOptions(what, options, [...own, ...READ_OPTIONS]);
  const { name, largest, onProgress, signal } = options;
  if (name !== undefined) requireText(`${what}: name`, name);
  if (largest !== undefined) requireWhole(`${what}: largest`, largest, 1);
  if (onProgress !== undefined) requireFunction(`${what}: onProgress`, onProgress);
  if (signal !== undefined) {
    requireObject(`${what}: signal`, signal, "an AbortSignal", ["aborted", "addEventListener()"]);
  }
}

/** @throws OptionError unless the value is a source */
export function requireSource(what: string, source: unknown): asserts source is Source {
  const sound =
    source instanceof Uint8Array ||
    source instanceof ArrayBuffer ||
    source instanceof ReadableStream ||
    (typeof source === "object" && typeof (source as Partial<Readable> | null)?.stream === "function");
  if (sound) return;
  throw wrong(
    `${what}: source`,
    "bytes, a Blob, a File, a ReadableStream or file(path) of quickstudy/node",
    source,
    typeof source === "string" ? "a path becomes a source by file(path)" : undefined,
  );
}

/** An error about the contents of a file: `problem` states the rule and what was got. */
export type Fail = (problem: string) => never;

/** @param remedy what the user can do, where there is something */
export function failing(name: string, remedy?: string): Fail {
  return (problem) => {
    throw new DataError(`${name}: ${problem}${remedy === undefined ? "" : `; ${remedy}`}`);
  };
}

/** The name by which messages call a source. */
export function nameOf(source: Source, { name }: ReadOptions = {}): string {
  return name ?? ("name" in source && typeof source.name === "string" && source.name !== "" ? source.name : "data");
}

/**
 * The pieces of a source, in order.
 * @param what the caller's operation, for errors
 * @throws DataError beyond `largest`, or when the source cannot be read; AbortedError when its signal says so
 */
export async function* piecesOf(what: string, source: Source, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  const { largest = LARGEST, onProgress, signal } = options;
  requireWhole(`${what}: largest`, largest, 1);
  requireSource(what, source);
  const name = nameOf(source, options);
  const total = sizeOf(source);
  const tooLarge = (got: string): never => {
    throw new DataError(
      `${what}: ${name}: must have at most ${largest} bytes, got ${got}; raise largest if it is meant to`,
    );
  };
  if (total !== undefined && total > largest) tooLarge(`${total}`);
  const check = (bytes: number): void => {
    if (signal?.aborted) throw new AbortedError(`${what}: ${name}: stopped by its signal after ${bytes} bytes`);
  };
  let bytes = 0;
  check(0);
  for await (const piece of streamed(what, source)) {
    bytes += piece.length;
    check(bytes);
    if (bytes > largest) tooLarge("more");
    onProgress?.(bytes, total);
    yield piece;
  }
  check(bytes);
}

/** All bytes of a source. Errors as for `piecesOf`. */
export async function bytesOf(what: string, source: Source, options: ReadOptions = {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of piecesOf(what, source, options)) {
    pieces.push(piece);
    length += piece.length;
  }
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function sizeOf(source: Source): number | undefined {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return source.byteLength;
  return "size" in source ? source.size : undefined;
}

async function* streamed(what: string, source: Source): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    yield source;
  } else if (source instanceof ArrayBuffer) {
    yield new Uint8Array(source);
  } else {
    const stream = source instanceof ReadableStream ? source : source.stream();
    requireObject(`${what}: source.stream()`, stream, "a ReadableStream", ["getReader()"]);
    // Safari has no asynchronous iteration of streams.
    const reader = stream.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      await reader.cancel().catch(() => {});
    }
  }
}
