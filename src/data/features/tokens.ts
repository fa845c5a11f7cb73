/** Text as sequences of word numbers. */
import { requireOptions, requireWhole } from "../../arguments.ts";
import { wordsOf } from "../text.ts";
import { describe, fitNames, requireColumn, textOf } from "./cells.ts";
import type { Feature, MaskedFeature } from "./feature.ts";
import { countTexts, mostFrequent, presentTexts } from "./text.ts";

/** Options of `tokens`. */
export interface TokenOptions {
  /** Words that are kept of a text, from its beginning; shorter texts are padded at the end. */
  readonly length: number;
  /**
   * How many numbers there are, padding and unknown words included: 0 is padding, 1 an unknown word, 2 the most frequent
   * one of the training rows.
   */
  readonly vocabulary: number;
}

/**
 * The numbers of a text's words, in order: [length], for an embedding of `vocabulary` rows. `mask` is the feature that is 1 for a
 * word and 0 for padding. A missing text is all padding.
 * @throws DataError when fitted to a column without words
 */
export function tokens(column: string, options: TokenOptions): MaskedFeature {
  requireColumn("tokens", column);
  requireOptions("tokens", options, ["length", "vocabulary"]);
  const { length, vocabulary } = options;
  requireWhole("tokens: length", length, 1, 2 ** 16);
  requireWhole("tokens: vocabulary", vocabulary, 3, 2 ** 20);
  const description = describe("tokens", [column], { length, vocabulary });
  const mask: Feature = {
    description: `mask of ${description}`,
    reads: [column],
    fit: () => ({}),
    fitted: () => ({
      shape: [length],
      write(row, out, offset) {
        out.fill(0, offset, offset + length);
        out.fill(1, offset, offset + Math.min(length, wordsOf(textOf(row, column) ?? "").length));
      },
    }),
  };
  return {
    description,
    reads: [column],
    mask,
    fit(table) {
      const counts = countTexts("tokens", presentTexts("tokens", table, column), wordsOf);
      return { names: { words: mostFrequent(counts, vocabulary - 2) } };
    },
    fitted(fit) {
      const numbers = new Map(fitNames("tokens", fit, "words").map((word, i) => [word, i + 2]));
      return {
        shape: [length],
        write(row, out, offset) {
          const words = wordsOf(textOf(row, column) ?? "").slice(0, length);
          out.fill(0, offset, offset + length);
          for (const [i, word] of words.entries()) out[offset + i] = numbers.get(word) ?? 1;
        },
      };
    },
  };
}
