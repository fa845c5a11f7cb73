import { readBounded } from "../data/node/files.ts";
import { FormatError, QuickstudyError } from "../errors.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { LARGEST_CHECKPOINT_BYTES } from "../train/file-store.ts";
import { restore, type Trained } from "../train/trained.ts";
import { decodeRunSpec, learnerOf, type RunSpec } from "./run-spec.ts";

/** Reads a checkpoint's bytes. @throws DataError in one line */
export function readCheckpointFile(path: string): Promise<Uint8Array> {
  return readBounded(path, LARGEST_CHECKPOINT_BYTES, "name a checkpoint of quickstudy train");
}

/**
 * A trained learner and the settings it was trained with, from a checkpoint of `quickstudy train`.
 * @throws FormatError naming the file, also where its settings are out of range
 */
export async function loadTrained(path: string): Promise<{ trained: Trained; spec: RunSpec }> {
  const bytes = await readCheckpointFile(path);
  try {
    const spec = decodeRunSpec(decodeCheckpoint(bytes).metadata.run);
    return { trained: restore(learnerOf(spec), bytes), spec };
  } catch (error) {
    if (error instanceof QuickstudyError) throw new FormatError(`${path}: ${error.message}`);
    throw error;
  }
}
