/**
 * Words of a text, by tables of code units that are written here: an engine's own Unicode tables differ from version to
 * version.
 *
 * A word is a run of letters and digits, with apostrophes between them: `what's`. Letters are those of ASCII and everything
 * from U+0080 on that is not listed as a separator, combining marks included; capitals of ASCII, Latin-1, Latin Extended-A,
 * Greek and Cyrillic are made small. Kana, ideographs and what takes two code units (emoji, rarer scripts) are words of one
 * character each. Everything else separates words. Text is not normalised: a letter with its accent as a character of its
 * own is another word than the precomposed one.
 */

/** Code units from U+0080 on that separate words, as [first, last]: punctuation and symbols. */
const SEPARATORS: readonly (readonly [number, number])[] = [
  [0x0080, 0x00a9],
  [0x00ab, 0x00b4],
  [0x00b6, 0x00b9],
  [0x00bb, 0x00bf],
  [0x00d7, 0x00d7],
  [0x00f7, 0x00f7],
  [0x2000, 0x206f],
  [0x20a0, 0x20cf],
  [0x2100, 0x2bff],
  [0x2e00, 0x2e7f],
  [0x3000, 0x3004],
  [0x3008, 0x3020],
  [0x3030, 0x3030],
  [0xe000, 0xf8ff],
  [0xfe00, 0xfe6f],
  [0xfeff, 0xff0f],
  [0xff1a, 0xff20],
  [0xff3b, 0xff40],
  [0xff5b, 0xff65],
  [0xffe0, 0xffff],
];

/** Characters that are words of their own, as [first, last]: kana and ideographs. */
const SINGLE: readonly (readonly [number, number])[] = [
  [0x3005, 0x3007],
  [0x3040, 0x30ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
];

/** Capitals, as [first, last, step, what is added to make them small]. */
const CAPITALS: readonly (readonly [number, number, number, number])[] = [
  [0x0041, 0x005a, 1, 32],
  [0x00c0, 0x00d6, 1, 32],
  [0x00d8, 0x00de, 1, 32],
  [0x0100, 0x012e, 2, 1],
  [0x0132, 0x0136, 2, 1],
  [0x0139, 0x0147, 2, 1],
  [0x014a, 0x0176, 2, 1],
  [0x0178, 0x0178, 1, 0x00ff - 0x0178],
  [0x0179, 0x017d, 2, 1],
  [0x0386, 0x0386, 1, 38],
  [0x0388, 0x038a, 1, 37],
  [0x038c, 0x038c, 1, 64],
  [0x038e, 0x038f, 1, 63],
  [0x0391, 0x03a1, 1, 32],
  [0x03a3, 0x03ab, 1, 32],
  [0x0400, 0x040f, 1, 80],
  [0x0410, 0x042f, 1, 32],
];

const within = (unit: number, ranges: readonly (readonly [number, number])[]): boolean =>
  ranges.some(([first, last]) => unit >= first && unit <= last);

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
const isApostrophe = (unit: number): boolean => unit === 0x27 || unit === 0x2019;

type UnitClass = "separator" | "letter" | "single";

function classify(unit: number): UnitClass {
  if (unit < 0x80) {
    const letter = (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
    return letter ? "letter" : "separator";
  }
  if (within(unit, SEPARATORS)) return "separator";
  return within(unit, SINGLE) || isSurrogate(unit) ? "single" : "letter";
}

/** The small letter of a capital; every other code unit as it is. */
export function smallLetter(unit: number): number {
  const found = CAPITALS.find(([first, last, step]) => unit >= first && unit <= last && (unit - first) % step === 0);
  return found === undefined ? unit : unit + found[3];
}

/** What is known of a code unit, so that tables are searched once for each. */
const seen = new Map<number, { readonly of: UnitClass; readonly small: string }>();

function lookUp(unit: number): { readonly of: UnitClass; readonly small: string } {
  const known = seen.get(unit);
  if (known !== undefined) return known;
  const made = { of: classify(unit), small: String.fromCharCode(smallLetter(unit)) };
  seen.set(unit, made);
  return made;
}

/** The words of a text, in order: see the top of this file. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word = "";
  const end = (): void => {
    if (word !== "") words.push(word);
    word = "";
  };
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const { of, small } = lookUp(unit);
    if (of === "letter") {
      word += small;
    } else if (of === "single") {
      end();
      const paired =
        unit <= 0xdbff && isSurrogate(unit) && text.charCodeAt(i + 1) >= 0xdc00 && text.charCodeAt(i + 1) <= 0xdfff;
      // A surrogate without its other half is damage.
      if (paired) words.push(small + text.charAt(++i));
      else if (!isSurrogate(unit)) words.push(small);
    } else if (isApostrophe(unit) && word !== "" && lookUp(text.charCodeAt(i + 1)).of === "letter") {
      word += "'";
    } else {
      end();
    }
  }
  end();
  return words;
}

/** Lengths of n-grams, from the first to the last; false for none. */
export type GramRange = readonly [number, number] | false;

/**
 * The n-grams of a text: sequences of words joined by a space, and sequences of characters within a word that is padded by
 * one space on either side, after `#`.
 */
export function gramsOf(text: string, words: GramRange, characters: GramRange): string[] {
  const list = wordsOf(text);
  const grams: string[] = [];
  if (words !== false) {
    for (let length = words[0]; length <= words[1]; length++) {
      for (let i = 0; i + length <= list.length; i++) grams.push(list.slice(i, i + length).join(" "));
    }
  }
  if (characters === false) return grams;
  for (const word of list) {
    const padded = [" ", ...word, " "];
    for (let length = characters[0]; length <= characters[1]; length++) {
      for (let i = 0; i + length <= padded.length; i++) grams.push(`#${padded.slice(i, i + length).join("")}`);
    }
  }
  return grams;
}
