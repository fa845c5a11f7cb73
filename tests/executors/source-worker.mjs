/** Entry of a worker thread whose own entry is TypeScript: tsx does not reach into threads by itself. */
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
await import(workerData.entry);
