/** Text from bytes that come in pieces. */

import { DataError } from "../../errors.ts";
import { nameOf, piecesOf, type ReadOptions, type Source } from "../bytes.ts";

/** Bytes that are decoded at a time: a whole file in memory would become one string. */
const PIECE_BYTES = 2 ** 18;

/**
 * The text of a source in pieces of at most 262,144 characters; a byte order mark at the beginning is left out.
 * @throws DataError where it is not UTF-8, and as `piecesOf`
 */
export async function* textOf(what: string, source: Source, options: ReadOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  const decode = (piece?: Uint8Array): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      throw new DataError(
        `${nameOf(source, options)}: must be UTF-8 text, got other bytes after byte ${bytes}; save it as UTF-8`,
      );
    }
  };
  for await (const piece of piecesOf(what, source, options)) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      const part = piece.subarray(at, at + PIECE_BYTES);
      const text = decode(part);
      bytes += part.length;
      if (text !== "") yield text;
    }
  }
  const rest = decode();
  if (rest !== "") yield rest;
}
