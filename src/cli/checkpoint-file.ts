import { readBounded } from "../data/node/files.ts";
import type { Preprocess } from "../data/preprocessing.ts";
import { FormatError, QuickstudyError } from "../errors.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { LARGEST_CHECKPOINT_BYTES } from "../train/file-store.ts";
import { restore, type Trained } from "../train/trained.ts";
import { decodeRunSpec, learnerOf, type RunSpec, taskSpecOf } from "./run-spec.ts";
import type { Trainers } from "./run-tasks.ts";

/** Reads a checkpoint's bytes. @throws DataError in one line */
export function readCheckpointFile(path: string): Promise<Uint8Array> {
  return readBounded(path, LARGEST_CHECKPOINT_BYTES, "name a checkpoint of quickstudy train");
}

/** A checkpoint of the command line: a trained learner and the run that it is of. */
export interface LoadedRun {
  readonly trained: Trained;
  readonly spec: RunSpec;
  /** What opens the data of the run as training did. */
  readonly trainers: Trainers;
}

/**
 * A trained learner and the settings it was trained with, from a checkpoint of `quickstudy train`. It takes numbers, as the tasks
 * of the run have them.
 * @throws FormatError naming the file, also where its settings are out of range
 */
export async function loadTrained(path: string): Promise<LoadedRun> {
  const bytes = await readCheckpointFile(path);
  const naming = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof QuickstudyError) throw new FormatError(`${path}: ${error.message}`);
      throw error;
    }
  };
  return naming(() => {
    const { metadata, tensors } = decodeCheckpoint(bytes);
    const spec = decodeRunSpec(metadata.run);
    const restored = (unfitted: Preprocess) =>
      metadata.preprocessing === undefined ? undefined : naming(() => unfitted.unpack({ tensors, metadata }));
    const { objective } = taskSpecOf(spec);
    const trained = restore(learnerOf(spec), bytes, { objective, preprocessing: false });
    return { trained, spec, trainers: { division: metadata.division, restored } };
  });
}
