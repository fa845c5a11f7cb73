/** What an executor and its workers say to one another. A worker answers every request, in their order. */
import type { Arrays } from "../core/loaded.ts";
import type { Work } from "./executor.ts";

export type Request =
  /** The first one: the core that the worker is to use. */
  | { readonly kind: "start"; readonly core: Uint8Array }
  | { readonly kind: "load"; readonly job: number; readonly work: Work }
  | { readonly kind: "release"; readonly job: number }
  /** Inputs of all runs of a job until the next of these. */
  | { readonly kind: "shared"; readonly job: number; readonly shared: Arrays }
  /** The sum over a subtree. `leaf`: items in each of its leaves. `into`: a block of an earlier answer, to be used again. */
  | {
      readonly kind: "sum";
      readonly job: number;
      readonly items: readonly Arrays[];
      readonly leaf: number;
      readonly into: Float32Array | undefined;
    }
  | { readonly kind: "map"; readonly job: number; readonly items: readonly Arrays[] };

/** Requests that run Programs. */
export type RunRequest = Extract<Request, { kind: "sum" | "map" }>;

export type Reply =
  /** The sum of the items as a block, with the outputs of each that are not summed behind it; or all outputs of each. */
  | { readonly kind: "done"; readonly block?: Float32Array; readonly results?: readonly Arrays[] }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

export type Done = Extract<Reply, { kind: "done" }>;
export type Failed = Extract<Reply, { kind: "failed" }>;

/** What changes hands with a block instead of being copied: nothing where both sides reach its memory. */
export function blockBuffer(block: Float32Array | undefined): ArrayBuffer[] {
  return block?.buffer instanceof ArrayBuffer ? [block.buffer] : [];
}
