import { workerSource } from "../../build/worker.js";
import type { OpenChannel } from "./channel.ts";
import type { Reply } from "./messages.ts";

const REMEDY =
  "where the page's Content-Security-Policy has no `worker-src blob:`, host worker.js of the package and give its address: workers(n, { url })";

/**
 * Workers of a page.
 * @param url address of worker.js, of the page's own origin; without one they start from a blob, and nothing is hosted
 */
export function webChannel(url: string | URL | undefined): OpenChannel {
  return ({ reply, failed }) => {
    const address = url ?? URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = start(address, failed);
    // The address is needed until the script is read, which the first reply proves.
    const read = () => {
      if (url === undefined) URL.revokeObjectURL(String(address));
    };
    worker?.addEventListener("message", read, { once: true });
    worker?.addEventListener("message", ({ data }: MessageEvent<Reply>) => reply(data));
    worker?.addEventListener("messageerror", () => failed("a reply could not be read"));
    worker?.addEventListener("error", (event) => {
      event.preventDefault();
      failed(event.message ? `it failed: ${event.message}` : `it cannot be started from ${address}; ${REMEDY}`);
    });
    return {
      post: (request, transfer) => worker?.postMessage(request, transfer),
      // A page lives as long as its tab does.
      hold: () => {},
      end: async () => worker?.terminate(),
    };
  };
}

function start(address: string | URL, failed: (reason: string) => void): Worker | undefined {
  try {
    return new Worker(address);
  } catch (error) {
    failed(`it cannot be started from ${address} (${error}); ${REMEDY}`);
    return undefined;
  }
}
