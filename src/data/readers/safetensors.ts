/** Arrays of safetensors files. */
import { DataError, FormatError } from "../../errors.ts";
import { bytesOf, failing, nameOf, requireReading, type Source } from "../bytes.ts";
import { decodeTensors } from "../safetensors.ts";
import { Table } from "../table.ts";
import { type ArraysOptions, picks, requirePicks, rowsColumn } from "./npy.ts";

/**
 * A table of the arrays of a safetensors file, of dtype F32: the first axis are the rows, of which all must have as many; [n] is a
 * column of numbers, more axes are arrays of the others.
 * @throws DataError for a file that is damaged or of another dtype (see `decodeTensors`), or lacks an array of `columns`
 */
export async function readSafetensors(source: Source, options: ArraysOptions = {}): Promise<Table> {
  requireReading("readSafetensors", source, options, ["columns"]);
  const { columns, ...rest } = options;
  requirePicks("readSafetensors", columns);
  const name = nameOf(source, options);
  const arrays = decoded(await bytesOf("readSafetensors", source, rest), name);
  const made = picks(columns, new Map(Object.entries(arrays)), failing(name)).map(([column, { shape, data }]) => {
    return [column, rowsColumn(shape, data, failing(`${name}, ${column}`))] as const;
  });
  return new Table(name, Object.fromEntries(made));
}

function decoded(bytes: Uint8Array, name: string) {
  try {
    return decodeTensors(bytes).tensors;
  } catch (error) {
    if (error instanceof FormatError) throw new DataError(`${name}: must be an intact file; ${error.message}`);
    throw error;
  }
}
