/** Folders of recordings. */
import { requireOptions } from "../../arguments.ts";
import { decodeWav } from "../readers/wav.ts";
import { listColumn, Table } from "../table.ts";
import { eachFile, FOLDER_OPTIONS, type FolderOptions, filesOf, pathColumns, requireFolder } from "./folder.ts";

/**
 * A table of the WAV files of a folder and the folders in it, sorted by the code units of their paths: `sound`, `file` (the path
 * below the folder), `label` (the folders it is in, joined by slashes) where there are any, and the columns of `pattern`.
 * Recordings are decoded into memory: 4 bytes a sample.
 * @throws DataError for a folder without such files, a file that is damaged (see `readWav`), or a name that does not fit `pattern`;
 *   AbortedError when the signal says so
 */
export async function readSoundFolder(folder: string, options: FolderOptions = {}): Promise<Table> {
  const what = "readSoundFolder";
  requireOptions(what, options, FOLDER_OPTIONS);
  requireFolder(what, folder, options);
  const files = await filesOf(what, folder, [".wav"], options);
  const columns = pathColumns(what, folder, files, options);
  const sounds = await eachFile(what, folder, files, options, decodeWav);
  return new Table(folder, { sound: listColumn("sound", sounds), ...columns });
}
