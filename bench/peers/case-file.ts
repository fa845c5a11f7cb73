/** What a peer is given of a workload: plain data, the same for JavaScript and Python. */

/** An array: little-endian f32 as base64. */
export interface Packed {
  readonly shape: readonly number[];
  readonly data: string;
}

/** A layer by the names of its parameters, in the library's layout: [in, out] and [KH, KW, C, O]. */
export type LayerSpec =
  | { readonly kind: "linear"; readonly weight: string; readonly bias: string }
  /** 3 x 3, padded by 1. */
  | { readonly kind: "conv"; readonly weight: string; readonly bias: string; readonly stride: number }
  /** Batch normalisation on batch statistics, epsilon 1e-5. */
  | { readonly kind: "norm"; readonly scale: string; readonly shift: string }
  /** `maxPool` is 2 x 2; `meanSpace` the mean over rows and columns. */
  | { readonly kind: "relu" | "maxPool" | "meanSpace" | "flatten" };

/** Examples of a meta-batch of M tasks: x [M, n, ...], y [M, n] or [M, n, outputs]. */
export interface PackedBatch {
  readonly x: Packed;
  readonly y: Packed;
}

/** A workload with meta-parameters and the episodes of one meta-batch. */
export interface CaseFile {
  readonly name: string;
  readonly method: "maml" | "protonet";
  /** Classes of a task; 0 for regression, whose loss is the mean squared error. */
  readonly classes: number;
  readonly innerRate: number;
  readonly innerSteps: number;
  readonly tasks: number;
  readonly layers: readonly LayerSpec[];
  readonly parameters: readonly (Packed & { readonly name: string })[];
  readonly support: PackedBatch;
  readonly query: PackedBatch;
}

/** f32 as base64. */
export function pack(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
}

/** f32 of base64. */
export function unpack(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** What the parent asks, one line of JSON each. */
export type Request =
  | { readonly do: "version" }
  /** The meta-gradient of the file's episodes: one of them, unless the peer takes several. */
  | { readonly do: "gradient"; readonly file: string }
  /** Outer steps of so many tasks, for at least so long: compiles and warms up. */
  | { readonly do: "prepare"; readonly file: string; readonly tasks: number; readonly seconds: number }
  /** More of the prepared steps. */
  | { readonly do: "round"; readonly seconds: number };

/** Whole outer steps: tasks done, and how long they took. */
export interface Timed {
  readonly tasks: number;
  readonly seconds: number;
}

/** What a peer answers, one line of JSON each. */
export interface Answer extends Partial<Timed> {
  readonly version?: string;
  /** Base64 by parameter name. */
  readonly gradient?: Readonly<Record<string, string>>;
  readonly error?: string;
}
