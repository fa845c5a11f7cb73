/** What needs a file system or threads: the entry `quickstudy/node`, for Node, Deno and Bun. */
export { loadOmniglot, loadOmniglotImages, type OmniglotOptions } from "./data/node/omniglot.ts";
export { workers } from "./executors/node-workers.ts";
export { fileStore } from "./train/file-store.ts";
export { hashParameters } from "./train/hash-parameters.ts";
