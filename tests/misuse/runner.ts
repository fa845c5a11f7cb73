/**
 * A law over the public API: an argument that is missing, of the wrong type or misspelt gives a QuickstudyError that names the
 * operation. An entry holds one operation and arguments that are right; the runner puts wrong values in the place of each
 * argument, each option and each element.
 */
import * as assert from "uvu/assert";
import { QuickstudyError } from "../../src/errors.ts";

/** Values that are wrong for most arguments. */
const WRONG = {
  nothing: undefined,
  null: null,
  "a string": "3x",
  "a promise": Promise.resolve(1),
  NaN: Number.NaN,
  "a number": -1.5,
  "a boolean": true,
  "a function": () => 1,
  "a list": ["x"],
  "an object": { unheardOf: 1 },
  "a bigint": 1n,
  "a symbol": Symbol("x"),
} as const;

export type Wrong = keyof typeof WRONG;

/** One argument, option or element. */
export interface Argument {
  /** What is right. */
  readonly value: unknown;
  /** Wrong values that are right, or cannot be told apart, here. */
  readonly takes: readonly Wrong[];
  /** Further wrong values. */
  readonly refuses: readonly unknown[];
  /** The options, by name, where this is an object of them; other names are errors. */
  readonly members?: Readonly<Record<string, Argument>>;
}

/** One public operation. */
export interface Entry {
  /** As errors call it. */
  readonly operation: string;
  readonly call: (...values: never[]) => unknown;
  readonly given: () => readonly Argument[];
  /** Where calls are made, such as inside a trace; anywhere where it is left out. */
  readonly within?: (body: () => void) => void;
}

const argument = (value: unknown, takes: readonly Wrong[] = [], refuses: readonly unknown[] = []): Argument => ({
  value,
  takes,
  refuses,
});

/** Something of a class or interface: a tensor, a data set, a function. */
export const thing = (value: unknown, ...takes: readonly Wrong[]): Argument => argument(value, takes);

/** A whole number from `least`. */
export const whole = (value: number, least = 1): Argument => argument(value, [], [least - 1, 1.5, "5", 2 ** 53]);

/** A finite number. */
export const number = (value: number, ...refuses: readonly unknown[]): Argument =>
  argument(value, refuses.includes(-1.5) ? [] : ["a number"], [...refuses, "5", 1e39, Number.POSITIVE_INFINITY]);

/** A list: each element is replaced by what is wrong for it, too. */
export function list(values: readonly Argument[], ...takes: readonly Wrong[]): Argument {
  const value = values.map((each) => each.value);
  const refuses = values.flatMap((each, i) => wrongFor(each).map(([, wrong]) => value.with(i, wrong)));
  return argument(value, takes, refuses);
}

/** An object of options. */
export function options(members: Readonly<Record<string, Argument>>, ...takes: readonly Wrong[]): Argument {
  const value = Object.fromEntries(Object.entries(members).map(([name, each]) => [name, each.value]));
  return { ...argument(value, takes), members };
}

/** An argument or option that may be left out. */
export const optional = (each: Argument): Argument => ({ ...each, takes: [...each.takes, "nothing"] });

/** What to put in an argument's place, with words for it. */
function wrongFor(each: Argument): (readonly [string, unknown])[] {
  const { value, takes, refuses, members = {} } = each;
  const common = Object.entries(WRONG).filter(([name]) => !takes.includes(name as Wrong));
  const changed = Object.entries(members).flatMap(([name, member]) =>
    wrongFor(member).map(([label, wrong]) => [`${name}: ${label}`, { ...(value as object), [name]: wrong }] as const),
  );
  const misspelt = Object.entries(members).map(([name, member]) => {
    const { [name]: _, ...others } = value as Record<string, unknown>;
    return [`${name}z instead of ${name}`, { ...others, [`${name}z`]: member.value }] as const;
  });
  return [...common, ...refuses.map((wrong) => [describe(wrong), wrong] as const), ...changed, ...misspelt];
}

function describe(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : Array.isArray(value)
      ? `[${value.map(describe)}]`
      : String(value);
}

interface Outcome {
  readonly label: string;
  /** What was returned, perhaps a promise. */
  readonly result?: unknown;
  readonly error?: unknown;
}

function attempt(label: string, call: () => unknown): Outcome {
  try {
    return { label, result: call() };
  } catch (error) {
    return { label, error };
  }
}

/** Rejections count as what was thrown. */
async function settled({ label, result, error }: Outcome): Promise<Outcome> {
  try {
    return { label, result: await result, error };
  } catch (rejection) {
    return { label, error: rejection };
  }
}

/** Holds an operation to the law. @returns how many misuses were tried */
export async function checkEntry({ operation, call, given, within = (body) => body() }: Entry): Promise<number> {
  const invoke = call as (...values: readonly unknown[]) => unknown;
  const right: Outcome[] = [];
  const wrong: Outcome[] = [];
  within(() => {
    const values = given().map(({ value }) => value);
    if (given().some(({ takes }) => !takes.includes("nothing"))) wrong.push(attempt("no arguments", () => invoke()));
    right.push(attempt("right arguments", () => invoke(...values)));
    for (const [i, each] of given().entries()) {
      for (const [label, value] of wrongFor(each)) {
        wrong.push(attempt(`argument ${i}, ${label}`, () => invoke(...values.with(i, value))));
      }
    }
  });
  // All at once: a rejection that nobody waits for would end the tests.
  const [kept, refused] = await Promise.all([right, wrong].map((outcomes) => Promise.all(outcomes.map(settled))));
  for (const { error } of kept ?? []) assert.is(error, undefined, `${operation} with right arguments: ${error}`);
  const faults = (refused ?? []).flatMap((outcome) => faultOf(operation, outcome));
  assert.ok(faults.length === 0, `${operation}:\n${faults.join("\n")}`);
  return wrong.length;
}

/** A message says what must be, or what there is not. */
const RULE = / must |there is no |no input is called|is missing/;

/** What is wrong about how a misuse was answered, if anything. */
function faultOf(operation: string, { label, error }: Outcome): string[] {
  if (error === undefined) return [`${label}: nothing was thrown`];
  if (!(error instanceof QuickstudyError)) return [`${label}: ${error}`];
  if (!error.message.startsWith(`${operation}:`)) return [`${label}: "${error.message}" does not name the operation`];
  if (!RULE.test(error.message)) return [`${label}: "${error.message}" does not say the rule`];
  return [];
}
