import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gramsOf, smallLetter, wordsOf } from "../../src/data/text.ts";
import { type Feature, hashedNgrams, preprocess, tfidf, tokens } from "../../src/data.ts";
import { DataError } from "../../src/errors.ts";
import { textHash } from "../../src/tasks/hash.ts";

const test = suite("data: features of text");

const train = { t: ["The cat sat", "the dog", "The cat, the cat!", null] };
const made = (feature: Feature, texts: readonly (string | null)[]): number[][] => {
  const fitted = preprocess({ x: feature }).fit(train);
  const numbers = fitted.apply({ t: texts }).x as Float32Array;
  const length = numbers.length / texts.length;
  return texts.map((_, i) => [...numbers.slice(i * length, (i + 1) * length)]);
};

function near(got: readonly number[], expected: readonly number[], tolerance = 1e-7): void {
  assert.is(got.length, expected.length);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs((got[i] as number) - value) < tolerance, `${got}`);
}

test("words: runs of letters and digits, small, with apostrophes between them", () => {
  assert.equal(wordsOf("What's up, Über-DOC n°7? don’t 'quote' 3.14"), [
    "what's",
    "up",
    "über",
    "doc",
    "n",
    "7",
    "don't",
    "quote",
    "3",
    "14",
  ]);
  assert.equal(wordsOf("今日は😀Привет\ud800x"), ["今", "日", "は", "😀", "привет", "x"]);
  assert.equal(wordsOf(" \t—…\u3000"), []);
});

test("small letters are those of Unicode in Latin-1, Latin Extended-A, Greek and Cyrillic", () => {
  // What this engine has; İ becomes two characters there.
  const ranges: readonly (readonly [number, number])[] = [
    [0, 0x17f],
    [0x386, 0x3ce],
    [0x400, 0x45f],
  ];
  for (const [first, last] of ranges) {
    for (let unit = first; unit <= last; unit++) {
      if (unit === 0x130) continue;
      const character = String.fromCharCode(unit);
      assert.is(String.fromCharCode(smallLetter(unit)), character.toLowerCase(), unit.toString(16));
    }
  }
});

test("n-grams of words, and of characters within a word", () => {
  assert.equal(gramsOf("a cat sat", [1, 2], false), ["a", "cat", "sat", "a cat", "cat sat"]);
  assert.equal(gramsOf("cat", false, [2, 3]), ["# c", "#ca", "#at", "#t ", "# ca", "#cat", "#at "]);
  assert.equal(gramsOf("😀", false, [3, 3]), ["# 😀 "]);
});

test("tfidf: the numbers of the smoothed formula over the training rows' words", () => {
  const rows = made(tfidf("t"), ["The cat sat", "the dog", "the cat the cat", "unheard", null]);
  // numpy: cat, dog, sat, the.
  near(rows[0] as number[], [0.547832155, 0, 0.720333449, 0.425440539]);
  near(rows[1] as number[], [0, 0.861036996, 0, 0.50854232]);
  near(rows[2] as number[], [0.789806929, 0, 0, 0.613355537]);
  assert.equal(rows.slice(3), [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
  const idf = (having: number) => Math.log(4 / (1 + having)) + 1;
  near(made(tfidf("t", { norm: "none", most: 2 }), ["cat the the dog"])[0] as number[], [idf(2), 2 * idf(3)], 1e-6);
});

test("hashedNgrams: counts, ones or weighted counts, each under its hash", () => {
  const size = 64;
  const options = { words: [1, 1], characters: false, size, norm: "none" } as const;
  const place = (word: string) => textHash(word) % size;
  assert.is(new Set(["cat", "the", "dog", "new"].map(place)).size, 4);
  const texts = ["the cat the new"];
  const counts = new Array(size).fill(0);
  counts[place("the")] = 2;
  counts[place("cat")] = 1;
  counts[place("new")] = 1;
  assert.equal(made(hashedNgrams("t", options), texts), [counts]);
  const binary = counts.map((each) => Math.min(each, 1));
  assert.equal(made(hashedNgrams("t", { ...options, weighting: "binary" }), texts), [binary]);
  const weighted = new Array(size).fill(0);
  weighted[place("the")] = 2;
  weighted[place("cat")] = Math.log(4 / 3) + 1;
  weighted[place("new")] = Math.log(4) + 1;
  near(made(hashedNgrams("t", { ...options, weighting: "tfidf" }), texts)[0] as number[], weighted, 1e-6);
  const [normed = []] = made(hashedNgrams("t"), ["the cat"]);
  near([normed.length, normed.reduce((sum, each) => sum + each * each, 0)], [4096, 1], 1e-6);
});

test("hashes of texts are spread evenly, and frozen", () => {
  assert.equal(["", "a", "cat", "ü😀"].map(textHash), [2872998923, 444641715, 4028485276, 373385436]);
  const counts = new Float64Array(64);
  for (let i = 0; i < 6400; i++) counts[textHash(`word${i}`) % 64] = (counts[textHash(`word${i}`) % 64] as number) + 1;
  const chi = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
  assert.ok(chi > 35 && chi < 100, `chi-squared with 63 degrees of freedom: ${chi}`);
});

test("tokens: numbers by frequency, padding 0, unknown 1, and the mask", () => {
  const words = tokens("t", { length: 4, vocabulary: 4 });
  const fitted = preprocess({ x: words, mask: words.mask }).fit(train);
  const { x, mask } = fitted.apply({ t: ["cat the dog", null, "the the the the cat"] });
  // Rows that have it: the 3, cat 2, dog and sat 1.
  assert.equal([...(x as Float32Array)], [3, 2, 1, 0, 0, 0, 0, 0, 2, 2, 2, 2]);
  assert.equal([...(mask as Float32Array)], [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
});

test("columns without text or words are refused", () => {
  const refused = (pattern: RegExp) => (error: Error) => error instanceof DataError && pattern.test(error.message);
  assert.throws(() => preprocess({ x: tfidf("t") }).fit({ t: ["?", null] }), refused(/^tfidf: the training rows must/));
  assert.throws(() => preprocess({ x: tfidf("t") }).fit({ t: [1] }), refused(/must be of kind text, got number/));
  assert.throws(
    () => made(hashedNgrams("t"), [3 as unknown as string]),
    refused(/row 0: t must be text or missing, got 3/),
  );
});

test.run();
