/** Misuses of files and executors. */
import { compile } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { unload } from "../../src/core/run.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import type { Work } from "../../src/executors/executor.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/workers.ts";
import { add } from "../../src/graph/operators/index.ts";
import { fileStore } from "../../src/train/file-store.ts";
import { hashParameters } from "../../src/train/hash-parameters.ts";
import { type Entry, number, optional, options, thing, whole } from "./runner.ts";

const core = Core.create();
const program = compile({ x: [2] }, ({ x }) => ({ y: add(x, 1) }));

export const fileEntries: readonly Entry[] = [
  {
    operation: "load",
    call: (work: Work) => inThread().load(work),
    given: () => [
      options({
        task: thing(program),
        batch: optional({ ...thing(undefined), refuses: [{ program }, { program: null, items: 2 }] }),
        summed: optional({ ...thing(["y"]), refuses: [[1], ["z"]] }),
      }),
    ],
  },
  {
    operation: "encodeTensors",
    call: encodeTensors,
    given: () => [
      {
        ...options({
          tensors: thing({ a: { shape: [2], data: new Float32Array(2) } }),
          metadata: thing({ name: "first" }),
        }),
        refuses: [
          null,
          "3x",
          { shape: [2] },
          { shape: [2], data: [1, 2] },
          { shape: null, data: new Float32Array(2) },
        ].map((tensor) => ({ tensors: { a: tensor }, metadata: {} })),
      },
    ],
  },
  {
    operation: "decodeTensors",
    call: (bytes: Uint8Array) => encodeTensors(decodeTensors(bytes)),
    given: () => [thing(encodeTensors({ tensors: {}, metadata: {} }))],
  },
  {
    operation: "inThread",
    call: inThread,
    given: () => [optional(options({ relaxed: optional(thing(false, "a boolean")) }))],
  },
  {
    operation: "workers",
    call: (count?: number, given?: object) => workers(count, given).close(),
    given: () => [
      optional(whole(1)),
      optional(
        options({
          relaxed: optional(thing(false, "a boolean")),
          url: optional(thing("https://example.org/worker.js", "a string")),
          timeLimit: optional(number(1, -1.5, 0, 1e308)),
        }),
      ),
    ],
  },
  {
    operation: "fileStore",
    call: fileStore,
    given: () => [{ ...thing("run.safetensors", "a string"), refuses: [""] }],
  },
  {
    operation: "hashParameters",
    call: hashParameters,
    given: () => [{ ...thing({ x: new Float32Array(2) }), refuses: [{ x: [1] }, { x: null }] }],
  },
  { operation: "unload", call: unload, given: () => [thing(program), optional(thing(core))] },
];
