/**
 * Checks of public arguments, with one wording: `maml: innerRate must be a number above 0, got -1`.
 * `what` names the operation and the option: `maml: innerRate`.
 */
import { OptionError } from "./errors.ts";

/** Characters of a value that an error shows. */
const SHOWN = 60;

/** A value as an error shows it: short, and telling apart `"1"` from `1`, `null` from `undefined`, a promise from an object. */
export function show(value: unknown): string {
  if (value instanceof Promise) return "a promise (await it)";
  if (typeof value === "function") return `the function ${value.name || "()"}`;
  if (typeof value === "bigint") return `${value}n`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (typeof value === "string") return cut(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return cut(`[${value.slice(0, SHOWN).map(show).join(", ")}]`);
  const name = value.constructor?.name;
  if (name !== undefined && name !== "Object") return `an object of class ${name}`;
  return cut(`{ ${Object.keys(value).slice(0, SHOWN).join(", ")} }`);
}

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

/** An error in the library's wording. `remedy` follows a semicolon. */
export function wrong(what: string, rule: string, value: unknown, remedy?: string): OptionError {
  return new OptionError(`${what} must be ${rule}, got ${show(value)}${remedy === undefined ? "" : `; ${remedy}`}`);
}

/** Whether a value is an object that is neither null nor a list nor a typed array nor a promise. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Promise)
  );
}

/**
 * Refuses options that are no object, or have a name that is not among the known ones.
 * A known name is listed with `undefined` or any other value: `{ innerRate: 0, order: 0 }` or a list of names.
 * @throws OptionError naming the nearest known name
 */
export function requireOptions(what: string, options: unknown, known: readonly string[]): void {
  if (!isRecord(options)) throw wrong(`${what}: options`, "an object", options);
  const foreign = Object.keys(options).find((name) => !known.includes(name));
  if (foreign === undefined) return;
  const list = known.length === 0 ? "it has no options" : `the options are ${known.join(", ")}`;
  const near = nearest(foreign, known);
  throw new OptionError(
    `${what}: there is no option ${foreign}; ${near === undefined ? list : `did you mean ${near}? ${capital(list)}`}`,
  );
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The known name that a mistyped one is nearest to, if it is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((each) => ({ each, edits: editDistance(name.toLowerCase(), each.toLowerCase()) }));
  const [best] = ranked.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.each.length / 3)) ? best.each : undefined;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1));
    }
  }
  return row[b.length] as number;
}

/** @throws OptionError unless the value is a whole number from `least` to `most` */
export function requireWhole(what: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw wrong(what, `a whole number ${range}`, value);
}

/** Bounds of a number: `above` and `below` leave their bound out, `from` and `to` include it. */
export interface NumberRange {
  readonly above?: number;
  readonly from?: number;
  readonly below?: number;
  readonly to?: number;
}

/** Largest finite f32: what is larger becomes infinite in the core. */
export const LARGEST_F32 = 3.4028234663852886e38;

/** @throws OptionError unless the value is a number that is finite in f32 and within the range */
export function requireNumber(what: string, value: unknown, range: NumberRange = {}): number {
  const { above = Number.NEGATIVE_INFINITY, from = Number.NEGATIVE_INFINITY } = range;
  const { below = Number.POSITIVE_INFINITY, to = Number.POSITIVE_INFINITY } = range;
  if (
    typeof value === "number" &&
    Math.abs(value) <= LARGEST_F32 &&
    value > above &&
    value >= from &&
    value < below &&
    value <= to
  ) {
    return value;
  }
  throw wrong(what, `a number${describeRange(range)}`, value);
}

function describeRange({ above, from, below, to }: NumberRange): string {
  const parts = [
    above !== undefined && `above ${above}`,
    from !== undefined && `from ${from}`,
    below !== undefined && `below ${below}`,
    to !== undefined && (from === undefined ? `at most ${to}` : `to ${to}`),
  ].filter((part) => part !== false);
  return parts.length === 0 ? "" : ` ${parts.join(" and ").replace(/^(from \S+) and (to)/, "$1 $2")}`;
}

/** @throws OptionError unless the value is one of the choices */
export function requireOneOf<T extends string | number>(what: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((each) => each === value);
  if (choice !== undefined) return choice;
  const near = typeof value === "string" ? nearest(value, choices.map(String)) : undefined;
  throw wrong(
    what,
    `one of ${choices.map(show).join(", ")}`,
    value,
    near === undefined ? undefined : `did you mean ${show(near)}?`,
  );
}

/** @throws OptionError unless the value is true or false */
export function requireBoolean(what: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrong(what, "true or false", value);
  return value;
}

/** @throws OptionError unless the value is a string */
export function requireText(what: string, value: unknown): string {
  if (typeof value !== "string") throw wrong(what, "a string", value);
  return value;
}

/** @throws OptionError unless the value is a function */
export function requireFunction(what: string, value: unknown): void {
  if (typeof value !== "function") throw wrong(what, "a function", value);
}

/**
 * Refuses what is not an object of an interface, told by members that it must have; `sample()` is one that must be a function.
 * @param rule what it must be and where one comes from: `an optimizer, such as adam(1e-3)`
 */
export function requireObject(what: string, value: unknown, rule: string, members: readonly string[]): void {
  const given = value as Readonly<Record<string, unknown>> | null | undefined;
  const object = (typeof given === "object" && given !== null) || typeof given === "function";
  const lacks = (member: string): boolean =>
    member.endsWith("()")
      ? typeof given?.[member.slice(0, -2)] !== "function"
      : given?.[member] === undefined || given[member] === null;
  if (!object || members.some(lacks)) throw wrong(what, rule, value);
}

/** @throws OptionError unless the value is a record of shapes: lists of whole numbers from 1, by column */
export function requireShapes(what: string, value: unknown): void {
  if (!isRecord(value)) throw wrong(what, "a record of shapes by column, such as { x: [28, 28, 1] }", value);
  for (const [column, shape] of Object.entries(value)) requireWholes(`${what}.${column}`, shape, 1);
}

/** @throws OptionError unless the value is an array, a typed array, or what has a length and elements, of numbers */
export function requireNumbers(what: string, value: unknown): ArrayLike<number> {
  const { length } = (typeof value === "object" && value !== null ? value : {}) as { length?: unknown };
  if (!Number.isSafeInteger(length) || (length as number) < 0) throw wrong(what, "an array of numbers", value);
  const list = value as ArrayLike<unknown>;
  for (let i = 0; i < list.length; i++) {
    if (typeof list[i] !== "number") throw wrong(`${what}[${i}]`, "a number", list[i]);
  }
  return list as ArrayLike<number>;
}

/**
 * Refuses finite numbers that would become infinite in f32. Infinities and NaN are kept as they are.
 * @throws OptionError as `requireNumbers` does, and for such a number
 */
export function requireF32Numbers(what: string, value: unknown): ArrayLike<number> {
  if (value instanceof Float32Array) return value;
  const list = requireNumbers(what, value);
  for (let i = 0; i < list.length; i++) {
    const each = list[i] as number;
    if (Number.isFinite(each) && !Number.isFinite(Math.fround(each))) {
      throw wrong(`${what}[${i}]`, `a number that f32 can hold, up to ${LARGEST_F32.toPrecision(3)}`, each);
    }
  }
  return list;
}

/** @throws OptionError unless the value is a list of whole numbers from `least`; the list, copied */
export function requireWholes(what: string, value: unknown, least: number): number[] {
  if (Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= least)) return [...value];
  throw wrong(what, `a list of whole numbers from ${least}`, value);
}

/** @throws OptionError unless the value is a pair [low, high] of numbers with low <= high, both within +-limit */
export function requireInterval(what: string, value: unknown, limit: number): [number, number] {
  const [low, high] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
  if (typeof low === "number" && typeof high === "number" && low <= high && low >= -limit && high <= limit) {
    return [low, high];
  }
  throw wrong(what, `[low, high] with low <= high, both within +-${limit}`, value);
}
