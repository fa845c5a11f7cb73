/** Workers that are none: the program of a worker in this thread, which answers in a later turn and can be made to end. */
import type { Listener, OpenChannel } from "../../src/executors/channel.ts";
import type { Reply, Request } from "../../src/executors/messages.ts";
import { makeServer } from "../../src/executors/serve.ts";

/** A worker as a test sees it. */
export interface Simulated {
  /** Requests that it was sent, in their order. */
  readonly asked: Request[];
  /** Requests that it has answered. */
  answered: number;
  /** Whether the executor ended it. */
  ended: boolean;
  /** Ends it as a crash would: it answers nothing more, and the executor is told why. */
  crash(reason: string): void;
}

export interface Simulation {
  readonly open: OpenChannel;
  /** Every worker that was started, replacements included. */
  readonly started: Simulated[];
}

/**
 * @param options.delay milliseconds that a request takes the worker of a number; a turn of the event loop by default
 * @param options.server what answers; the real program of a worker by default
 * @param options.before called before a request is answered; what it throws ends the worker
 */
export function simulate({
  delay = (_request: Request, _worker: number): number => 0,
  server = makeServer,
  before = (_worker: Simulated, _request: Request): void => {},
} = {}): Simulation {
  const started: Simulated[] = [];
  const open: OpenChannel = (listener: Listener) => {
    const serve = server();
    let gone = false;
    const crash = (reason: string) => {
      if (gone) return;
      gone = true;
      listener.failed(reason);
    };
    const worker: Simulated = { asked: [], answered: 0, ended: false, crash };
    const number = started.push(worker) - 1;
    let last = Promise.resolve();
    const work = async (request: Request): Promise<Reply | undefined> => {
      await new Promise((resolve) => setTimeout(resolve, delay(request, number)));
      if (gone) return undefined;
      try {
        before(worker, request);
      } catch (error) {
        crash(`${error}`);
        return undefined;
      }
      return serve(request);
    };
    return {
      post(request, transfer) {
        if (gone) return;
        worker.asked.push(request);
        // Copies, as a thread has them; shared memory stays shared.
        const copy = structuredClone(request, { transfer });
        last = last.then(async () => {
          const reply = await work(copy);
          if (gone || reply === undefined) return;
          worker.answered++;
          listener.reply(structuredClone(reply));
        });
      },
      hold: () => {},
      end: async () => {
        gone = true;
        worker.ended = true;
      },
    };
  };
  return { open, started };
}
