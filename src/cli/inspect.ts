import { FormatError } from "../errors.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import { readCheckpointFile } from "./checkpoint-file.ts";
import { printResult, table } from "./output.ts";

/** `quickstudy inspect FILE` */
export async function inspect(path: string, { json }: { json: boolean }): Promise<void> {
  const bytes = await readCheckpointFile(path);
  const { meta, shapes, metadata, iteration } = readAs(path, bytes);
  const parameters = Object.entries(meta).map(([name, data]) => ({
    name,
    shape: shapes[name] ?? [data.length],
    norm: Math.sqrt(data.reduce((total, value) => total + value * value, 0)),
    finite: data.every((value) => Number.isFinite(value)),
  }));
  const count = Object.values(meta).reduce((total, data) => total + data.length, 0);
  const result = { file: path, bytes: bytes.length, iteration, parameters: count, metadata, tensors: parameters };
  printResult(json, result, [
    `${path}: ${bytes.length} bytes, ${count} meta-parameters after ${iteration} iterations`,
    ...Object.entries(metadata)
      .filter(([name]) => name !== "iteration")
      .map(([name, value]) => `${name}: ${value}`),
    "",
    ...table([
      ["meta-parameter", "shape", "norm"],
      ...parameters.map(({ name, shape, norm, finite }) => [
        name,
        `[${shape}]`,
        finite ? norm.toPrecision(5) : "not finite",
      ]),
    ]),
  ]);
}

function readAs(path: string, bytes: Uint8Array) {
  try {
    return decodeCheckpoint(bytes);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${path}: ${error.message}`);
    throw error;
  }
}
