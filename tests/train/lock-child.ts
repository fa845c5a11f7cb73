/**
 * Adds one to the number in a checkpoint's file, again and again, each time between `open` and `close`. It prints `+` once
 * the sum is written and before it closes. What a lock promises is that no sum is lost.
 *
 *     node lock-child.ts FILE ROUNDS [die]    with `die`, it kills itself while it holds the lock for the last time
 */
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { LockedError } from "../../src/errors.ts";
import { fileStore } from "../../src/train/file-store.ts";

const [path = "", rounds, die] = process.argv.slice(2);
const store = fileStore(path);
let waits = 0;

async function opened(): Promise<void> {
  for (;;) {
    try {
      return await store.open();
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      waits++;
      await setTimeout(1);
    }
  }
}

for (let round = Number(rounds); round > 0; round--) {
  await opened();
  const value = new TextDecoder().decode((await store.read()) ?? new Uint8Array(0));
  await setTimeout(waits % 3);
  await store.write(new TextEncoder().encode(`${Number(value) + 1}`));
  writeSync(1, "+");
  if (round === 1 && die !== undefined) process.kill(process.pid, "SIGKILL");
  await store.close();
}
