/** Ends workers as crashes do, in every runtime. */

interface Thread {
  terminate(): unknown;
}
type Make = new (...args: never[]) => Thread;
interface Holder {
  Worker?: Make;
}

/** What holds the class that executors start workers of. */
function holder(): Holder {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Holder | undefined } };
  return process?.getBuiltinModule?.("node:worker_threads") ?? (globalThis as unknown as Holder);
}

/** Keeps track of workers that are started until `restore`. */
export function watchWorkers() {
  const threads = holder();
  const plain = threads.Worker as new (...args: unknown[]) => Thread;
  const started: Thread[] = [];
  threads.Worker = class extends plain {
    constructor(...args: unknown[]) {
      super(...args);
      started.push(this);
    }
  } as Make;
  return {
    started: () => started.length,
    /** Ends the worker that was started last. */
    async endLast(): Promise<void> {
      const last = started.at(-1);
      // A page's worker does not say that it was terminated, but that it failed.
      if (last instanceof EventTarget) last.dispatchEvent(new ErrorEvent("error", { message: "a crash" }));
      await last?.terminate();
    },
    restore: () => {
      threads.Worker = plain as Make;
    },
  };
}
