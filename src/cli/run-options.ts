/** Flags of a run, and configuration files, from the records. */
import { type Command, Option as Flag } from "commander";
import { isRecord, requireOptions } from "../arguments.ts";
import { readBounded } from "../data/node/files.ts";
import { TASKS } from "../data/node/tasks.ts";
import { FormatError, OptionError } from "../errors.ts";
import { LEARNERS } from "../learners/index.ts";
import { allOptions, flag, type OptionRow, type Value } from "./run-spec.ts";

const HELP_OF: Readonly<Record<string, string>> = {
  whole: "<n>",
  number: "<number>",
  choice: "<choice>",
  text: "<text>",
  boolean: "[true|false]",
};

/** Adds `--task`, `--learner` where a command has one, and every option that a record names. */
export function withRunOptions(command: Command, { learner = true }: { readonly learner?: boolean } = {}): Command {
  command.option("--task <name>", `task distribution: ${TASKS.map(({ name }) => name).join(", ")}`);
  if (learner) {
    command.option("--learner <name>", `learner: ${LEARNERS.map(({ name }) => name).join(", ")}; maml by default`);
  }
  for (const row of allOptions()) {
    const { kind } = row.option;
    command.addOption(new Flag(`${flag(row.name)} ${HELP_OF[kind]}`, helpOf(row)));
  }
  return command.addHelpText("after", `\nThese come before the defaults above:\n${publishedHelp().join("\n")}`);
}

/** What tasks and papers set, a line for each task and learner. */
function publishedHelp(): string[] {
  const line = (name: string, ...settings: readonly (object | undefined)[]) => {
    const entries = Object.entries(Object.assign({}, ...settings)).map(([option, value]) => `${flag(option)} ${value}`);
    return entries.length === 0 ? [] : [`  ${name}: ${entries.join(" ")}`];
  };
  return TASKS.flatMap((task) => [
    ...line(task.name, task.run),
    ...LEARNERS.flatMap(({ name, settings: { [task.name]: own } }) =>
      line(`${name} on ${task.name}`, own?.task, own?.options, own?.run),
    ),
  ]);
}

/** What an option means for whom; those for whom it is the same are named together. */
export function helpOf({ option, variants }: OptionRow): string {
  if (variants.length === 0) return describe(option);
  const texts = new Map<string, string[]>();
  for (const { owner, option: own } of variants) {
    const text = describe(own);
    texts.set(text, [...(texts.get(text) ?? []), owner]);
  }
  return Array.from(texts, ([text, owners]) => `${owners.join(", ")}: ${text}`).join("; ");
}

const describe = ({ help, range, default: value }: OptionRow["option"]): string =>
  `${help} [${range}${value === undefined ? "" : `; default ${value}`}]`;

/** The settings among the options of a command: texts, as they were given. */
export function givenSettings(options: object): Record<string, Value> {
  const names = new Set(allOptions().map(({ name }) => name));
  const entries = Object.entries(options).filter(([name, value]) => names.has(name) && value !== undefined);
  return Object.fromEntries(entries) as Record<string, Value>;
}

/** Largest configuration file that is read. */
const LARGEST_FILE = 2 ** 20;

/**
 * A configuration file of `train`: a JSON object with the names of the options, `{ "task": "sinusoid", "innerSteps": 5 }`.
 * @throws DataError, FormatError or OptionError naming the file
 */
export async function readConfiguration(path: string, known: readonly string[]): Promise<Record<string, Value>> {
  const text = new TextDecoder().decode(
    await readBounded(path, LARGEST_FILE, "name a JSON file with options of train"),
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: the configuration must be JSON (${(error as Error).message})`);
  }
  if (!isRecord(value)) throw new FormatError(`${path}: the configuration must be one JSON object of options`);
  requireOptions(path, value, known);
  for (const [name, each] of Object.entries(value)) {
    if (!["number", "string", "boolean"].includes(typeof each)) {
      throw new OptionError(`${path}: ${name} must be a number, a string, true or false`);
    }
  }
  return value as Record<string, Value>;
}
