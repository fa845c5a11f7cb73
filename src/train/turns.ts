/** Milliseconds of computing after which others get a turn. */
const TURN_MILLISECONDS = 50;

/**
 * Gives timers, signals and a page's own work their turn: a loop whose promises are all fulfilled already would keep the
 * event loop to itself.
 */
export class Turns {
  private last = performance.now();

  /** Waits for the event loop to come round if it has not had a turn for a while. */
  async next(): Promise<void> {
    if (performance.now() - this.last < TURN_MILLISECONDS) return;
    await eventLoop();
    this.last = performance.now();
  }
}

function eventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // In pages: a message is not held back as nested timers are.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
