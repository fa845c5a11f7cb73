/** What an executor and its workers say to one another. */
import type { Arrays } from "../core/loaded.ts";
import type { Program } from "../program/program.ts";
import type { Batch } from "./executor.ts";

export type Request =
  | { readonly kind: "load"; readonly job: number; readonly program: Program; readonly batch: Batch | undefined }
  | { readonly kind: "release"; readonly job: number }
  | {
      readonly kind: "sum";
      readonly job: number;
      readonly shared: Arrays;
      readonly chunks: readonly (readonly Arrays[])[];
    }
  | { readonly kind: "map"; readonly job: number; readonly shared: Arrays; readonly items: readonly Arrays[] };

export type Reply =
  /** Sums of the chunks, as blocks of outputs, or outputs of the items. */
  | { readonly kind: "done"; readonly blocks: readonly Float32Array[]; readonly results: readonly Arrays[] }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };
