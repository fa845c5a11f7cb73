/**
 * The program of a worker, in every runtime. scripts/embed-core.mjs makes it one classic script without imports. A page's
 * worker hears messages itself; a thread gets them through a port, which threads.ts puts in its place.
 */
import { blockBuffer, type Request } from "./messages.ts";
import { makeServer } from "./serve.ts";

interface Port {
  onmessage: ((event: { readonly data: Request }) => void) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/** Answers requests from here on. */
export function listen(): void {
  const { quickstudyPort } = globalThis as { quickstudyPort?: Port };
  const port = quickstudyPort ?? (globalThis as unknown as Port);
  const serve = makeServer();
  port.onmessage = async ({ data }) => {
    const reply = await serve(data);
    port.postMessage(reply, reply.kind === "done" ? blockBuffer(reply.block) : []);
  };
}
