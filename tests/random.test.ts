import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../src/errors.ts";
import type { Key } from "../src/random.ts";
import { Draw, fold, keyOf, threefry } from "../src/random.ts";

const test = suite("random");

test("threefry gives the known answers of the Random123 library", () => {
  const answers: [Key, number, number, [number, number]][] = [
    [[0, 0], 0, 0, [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff, [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3, [0xc4923a9c, 0x483df7a0]],
  ];
  for (const [key, c0, c1, expected] of answers) assert.equal(threefry(key, c0, c1), expected);
});

test("keyOf keeps all 53 bits of a seed and refuses what is no seed", () => {
  assert.equal(keyOf(0), [0, 0]);
  assert.equal(keyOf(2 ** 53 - 1), [2 ** 21 - 1, 0xffffffff]);
  for (const bad of [-1, 0.5, 2 ** 53, Number.NaN])
    assert.throws(
      () => keyOf(bad),
      (e: unknown) => e instanceof OptionError,
    );
});

test("draws depend on the key and their order alone", () => {
  const a = new Draw([1, 2]);
  const b = new Draw([1, 2]);
  const interleaved: number[] = [];
  for (let i = 0; i < 20; i++) {
    interleaved.push(a.word());
    new Draw([3, i]).word();
  }
  assert.equal(
    interleaved,
    Array.from({ length: 20 }, () => b.word()),
  );
  assert.is.not(new Draw([1, 3]).word(), interleaved[0]);
  assert.not.equal(fold([1, 2], 0), fold([1, 2], 1));
});

test("below: the high half of the 64-bit product, also where it has more than 53 bits", () => {
  for (const bound of [1, 2, 3, 1000, 2 ** 21 + 1, 2 ** 31 - 1, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 5, 2 ** 32]) {
    const words = new Draw([7, 9]);
    const draw = new Draw([7, 9]);
    for (let i = 0; i < 200; i++) {
      let expected: number;
      for (;;) {
        const product = BigInt(words.word()) * BigInt(bound);
        expected = Number(product >> 32n);
        if ((product & 0xffffffffn) >= 2n ** 32n % BigInt(bound)) break;
      }
      assert.is(draw.below(bound), expected, `bound ${bound}, draw ${i}`);
    }
  }
});

test("below is even: chi-squared of 60,000 draws of 6", () => {
  const draw = new Draw(keyOf(5));
  const counts = new Float64Array(6);
  for (let i = 0; i < 60_000; i++) {
    const face = draw.below(6);
    counts[face] = (counts[face] as number) + 1;
  }
  const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  // 5 degrees of freedom: 20.5 is passed by chance once in a thousand; the key is fixed.
  assert.ok(chiSquared < 20.5, `chi-squared ${chiSquared}`);
});

test("below and choose refuse what has no answer", () => {
  const draw = new Draw([0, 0]);
  for (const bad of [0, -1, 0.5, 2 ** 32 + 1, Number.NaN]) {
    assert.throws(() => draw.below(bad), /below: bound must be a whole number/);
  }
  assert.throws(() => draw.choose(4, 3), /count must be a whole number from 0 to 3, got 4/);
  assert.throws(() => draw.choose(-1, 3), /count must be a whole number from 0 to 3, got -1/);
});

test("choose: no repetition, every element, every order", () => {
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const chosen = new Draw([11, i]).choose(3, 3);
    assert.equal([...chosen].sort(), [0, 1, 2]);
    orders.set(chosen.join(""), (orders.get(chosen.join("")) ?? 0) + 1);
  }
  assert.is(orders.size, 6);
  for (const count of orders.values()) assert.ok(Math.abs(count - 1000) < 150, `an order came ${count} times of 6000`);
  const few = new Draw([1, 1]).choose(10, 1_000_000);
  assert.is(new Set(few).size, 10);
  assert.ok(few.every((value) => value >= 0 && value < 1_000_000));
});

test.run();
