/** Options of learners and tasks as tables: defaults, checks, command-line flags, help and docs are read from them. */
import {
  isRecord,
  type NumberRange,
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptions,
  requireText,
  requireWhole,
  show,
  wrong,
} from "./arguments.ts";
import { OptionError } from "./errors.ts";

/** One option. */
export interface Option<T> {
  /** What a flag of it takes; a `value` is an object or function and has no flag. */
  readonly kind: "whole" | "number" | "choice" | "boolean" | "text" | "value";
  readonly default: T;
  /** What values it takes, for help and docs. */
  readonly range: string;
  /** One line. */
  readonly help: string;
  /** Set where the option changes how a trained learner is used, and not what it learns: files do not depend on it. */
  readonly useOnly?: true;
  /** Set where the value is read off the data of a run and not given: it has no flag, and files keep it. */
  readonly found?: true;
  /** Values of other options of its table without which it does nothing. */
  readonly onlyWith?: Readonly<Record<string, string | number | boolean>>;
  /** @throws OptionError for a value out of range */
  check(what: string, value: unknown): T;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
type ValueOf<O> = O extends Option<infer T> ? T : never;
/** The options that a caller may give. */
export type Given<T extends OptionTable> = { readonly [Name in keyof T]?: ValueOf<T[Name]> };
/** The options with their defaults. */
export type Settings<T extends OptionTable> = { readonly [Name in keyof T]: ValueOf<T[Name]> };

interface WholeRange<T> {
  readonly least: number;
  readonly most?: number;
  readonly default: T;
}

/** `number`, and undefined where the default is. */
type Maybe<T> = number | Extract<T, undefined>;

/** A whole number; `default: undefined` makes it one that may be left out. */
export function whole<T extends number | undefined>(help: string, range: WholeRange<T>): Option<Maybe<T>> {
  requireText("whole: help", help);
  requireOptions("whole", range, ["least", "most", "default"]);
  const { least, most } = range;
  requireWhole("whole: least", least, 0);
  if (most !== undefined) requireWhole("whole: most", most, least);
  if (range.default !== undefined) requireWhole("whole: default", range.default, least, most);
  return {
    kind: "whole",
    default: range.default as Maybe<T>,
    range: most === undefined ? `whole, from ${least}` : `whole, ${least} to ${most}`,
    help,
    check: (what, value) => requireWhole(what, value, least, most),
  };
}

/** A number that is finite in f32. */
export function number<T extends number | undefined>(
  help: string,
  range: NumberRange & { readonly default: T },
): Option<Maybe<T>> {
  requireText("number: help", help);
  requireOptions("number", range, ["above", "from", "below", "to", "default"]);
  const { default: value, ...bounds } = range;
  for (const [name, bound] of Object.entries(bounds)) {
    if (bound !== undefined) requireNumber(`number: ${name}`, bound);
  }
  if (value !== undefined) requireNumber("number: default", value, bounds);
  const text = Object.entries(bounds).map(([name, bound]) => `${name} ${bound}`);
  return {
    kind: "number",
    default: value as Maybe<T>,
    range: text.length === 0 ? "a number" : text.join(", "),
    help,
    check: (what, given) => requireNumber(what, given, bounds),
  };
}

/** One of some names or numbers. */
export function choice<const T extends string | number>(help: string, choices: readonly T[], value: T): Option<T> {
  requireText("choice: help", help);
  const list: unknown = choices;
  if (!Array.isArray(list) || !list.every((each) => typeof each === "string" || Number.isFinite(each))) {
    throw wrong("choice: choices", "a list of names or numbers", choices);
  }
  requireOneOf("choice: value", value, choices);
  return {
    kind: "choice",
    default: value,
    range: choices.map(String).join(", "),
    help,
    check: (what, given) => requireOneOf(what, given, choices),
  };
}

/** A text, such as the name of a column; `undefined` as value makes it one that may be left out. */
export function text<T extends string | undefined>(help: string, value: T): Option<string | Extract<T, undefined>> {
  requireText("text: help", help);
  if (value !== undefined) requireText("text: value", value);
  return { kind: "text", default: value as string | Extract<T, undefined>, range: "a text", help, check: requireText };
}

/** An option whose value is read off the data of a run. */
export function found<T>(option: Option<T>): Option<T> {
  requireObject("found: option", option, "an option, such as whole(…)", OPTION_MEMBERS);
  return { ...option, found: true };
}

/** On or off. */
export function toggle(help: string, value = false): Option<boolean> {
  requireText("toggle: help", help);
  requireBoolean("toggle: value", value);
  return { kind: "boolean", default: value, range: "true or false", help, check: requireBoolean };
}

/** An object or function of the caller's, without a flag. */
export function value<T>(
  help: string,
  range: string,
  check: (what: string, value: unknown) => void,
): Option<T | undefined> {
  requireText("value: help", help);
  requireText("value: range", range);
  requireFunction("value: check", check);
  return {
    kind: "value",
    default: undefined,
    range,
    help,
    check(what, given) {
      check(what, given);
      return given as T;
    },
  };
}

/** An option that does something under these values of other options of its table alone, which its help says. */
export function onlyWith<T>(needed: Required<Option<T>>["onlyWith"], option: Option<T>): Option<T> {
  if (!isRecord(needed)) throw wrong("onlyWith: needed", 'an object of values, such as { head: "svm" }', needed);
  requireObject("onlyWith: option", option, "an option, such as whole(…)", OPTION_MEMBERS);
  const when = Object.entries(needed).map(([name, value]) => (value === true ? name : `${name} ${value}`));
  return { ...option, onlyWith: needed, help: `${option.help}; only with ${when.join(" and ")}` };
}

/**
 * Why an option does nothing under some settings, for an error; undefined where it does something.
 * @param shown how an error calls an option
 */
export function whyIdle(
  { onlyWith: needed = {} }: Option<unknown>,
  settings: Readonly<Record<string, unknown>>,
  shown = (name: string) => name,
): string | undefined {
  const lacked = Object.entries(needed).find(([name, value]) => settings[name] !== value);
  if (lacked === undefined) return undefined;
  const [name, value] = lacked;
  return `does nothing unless ${shown(name)} is ${show(value)}, got ${show(settings[name])}; leave it out`;
}

const OPTION_MEMBERS = ["kind", "check()"];

function requireTable(operation: string, table: unknown): void {
  if (!isRecord(table)) throw wrong(`${operation}: table`, "an object of options, such as { steps: whole(…) }", table);
  for (const [name, option] of Object.entries(table)) {
    requireObject(`${operation}: table.${name}`, option, "an option, such as whole(…)", OPTION_MEMBERS);
  }
}

/**
 * The settings of a table under the given options, checked.
 * @throws OptionError for an unknown name, a value out of range, or one other than the default that does nothing beside the others
 */
export function readOptions<T extends OptionTable>(what: string, table: T, given: Given<T>): Settings<T> {
  requireText("readOptions: what", what);
  requireTable("readOptions", table);
  requireOptions(what, given, Object.keys(table));
  const entries = Object.entries(table).map(([name, option]) => {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    return [name, value === undefined ? option.default : option.check(`${what}: ${name}`, value)];
  });
  const settings = Object.fromEntries(entries);
  for (const [name, option] of Object.entries(table)) {
    const idle = settings[name] === option.default ? undefined : whyIdle(option, settings);
    if (idle !== undefined) throw new OptionError(`${what}: ${name} ${idle}`);
  }
  return settings as Settings<T>;
}

/** The options of training that differ from their defaults, as text: a later option does not change that of older files. */
export function describeOptions<T extends OptionTable>(table: T, settings: Settings<T>): string {
  requireTable("describeOptions", table);
  if (!isRecord(settings)) throw wrong("describeOptions: settings", "what readOptions gives", settings);
  const values = settings as Readonly<Record<string, unknown>>;
  const changed = Object.entries(table).filter(
    ([name, { default: usual, useOnly }]) => !useOnly && values[name] !== usual,
  );
  return changed.map(([name]) => ` ${name} ${describeValue(values[name])}`).join("");
}

function describeValue(value: unknown): string {
  const name = (value as { readonly name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? name : show(value);
}
