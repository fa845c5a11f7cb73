import { readFile } from "node:fs/promises";
import { isRecord } from "../arguments.ts";
import { writeAtomically } from "../data/node/atomic-write.ts";
import { type CheckpointStore, decodeCheckpoint } from "../train/checkpoint.ts";
import { fileStore } from "../train/file-store.ts";
import type { Progress } from "../train/meta-train.ts";

/** Seconds of training that led to a checkpoint of so many iterations. */
interface Mark {
  readonly iteration: number;
  readonly seconds: number;
}

/**
 * A checkpoint's file, and beside it (`<file>.seconds`) how long training took to get there: a budget of time counts
 * seconds of training, however often it is interrupted. The seconds are written first, for the new checkpoint and the one
 * that it replaces, so that they are known whichever of the two a killed run leaves.
 */
export class TimedStore implements CheckpointStore {
  /** Seconds of training before this run. */
  private before = 0;
  private began: number | undefined;
  private marks: readonly Mark[] = [];
  private readonly file: Required<CheckpointStore>;

  constructor(private readonly path: string) {
    this.file = fileStore(path);
  }

  private get seconds(): Mark["seconds"] {
    return this.before + (this.began === undefined ? 0 : (performance.now() - this.began) / 1000);
  }

  /** Seconds of training up to an iteration, earlier runs included. */
  at({ seconds }: Progress): number {
    this.began ??= performance.now() - seconds * 1000;
    return this.before + seconds;
  }

  /** Seconds of training that the stored checkpoint took. */
  get stored(): number {
    return this.marks.at(-1)?.seconds ?? 0;
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.file.read();
    if (bytes === undefined) return undefined;
    const { iteration } = decodeCheckpoint(bytes);
    const marks = await readMarks(`${this.path}.seconds`);
    // Without a record of its time, a checkpoint is no reason to train for less.
    this.marks = [marks.find((mark) => mark.iteration === iteration) ?? { iteration, seconds: 0 }];
    this.before = this.stored;
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const mark = { iteration: decodeCheckpoint(bytes).iteration, seconds: this.seconds };
    this.marks = [...this.marks.slice(-1), mark];
    await writeAtomically(`${this.path}.seconds`, [new TextEncoder().encode(JSON.stringify(this.marks))]);
    await this.file.write(bytes);
  }

  open(): Promise<void> {
    return this.file.open();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function readMarks(path: string): Promise<readonly Mark[]> {
  try {
    const marks: unknown = JSON.parse(await readFile(path, "utf8"));
    return Array.isArray(marks)
      ? marks.filter((mark): mark is Mark => isRecord(mark) && Number(mark.seconds) >= 0)
      : [];
  } catch {
    return [];
  }
}
