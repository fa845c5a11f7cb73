/** Entry of a worker thread in Node. */
import { parentPort } from "node:worker_threads";
import type { Request } from "./messages.ts";
import { makeServer } from "./serve.ts";

const port = parentPort;
if (port === null) throw new Error("this file is the entry of a worker thread; it is started by workers(n)");
const serve = makeServer();
port.on("message", async (request: Request) => {
  const reply = await serve(request);
  const buffers = reply.kind === "done" ? reply.blocks.map((block) => block.buffer as ArrayBuffer) : [];
  port.postMessage(reply, buffers);
});
