import { readFile } from "node:fs/promises";
import { DataError, FormatError } from "../errors.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { restore, type Trained } from "../train/trained.ts";
import { learnerOf, parseRunSpec, type RunSpec } from "./run-spec.ts";

/** Reads a file with an error of one line. */
export async function readCheckpointFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DataError(code === "ENOENT" ? `${path}: there is no such file` : `${path}: cannot be read (${code})`);
  }
}

/** A trained learner and the settings it was trained with, from a checkpoint of `quickstudy train`. */
export async function loadTrained(path: string): Promise<{ trained: Trained; spec: RunSpec }> {
  const bytes = await readCheckpointFile(path);
  try {
    const spec = parseRunSpec(decodeCheckpoint(bytes).metadata.run);
    return { trained: restore(learnerOf(spec), bytes), spec };
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${path}: ${error.message}`);
    throw error;
  }
}
