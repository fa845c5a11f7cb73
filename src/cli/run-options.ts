/** Flags of a run, and configuration files, from the records. */
import { readFile } from "node:fs/promises";
import { type Command, Option as Flag } from "commander";
import { isRecord } from "../arguments.ts";
import { TASKS } from "../data/node/tasks.ts";
import { FormatError, OptionError } from "../errors.ts";
import { LEARNERS } from "../learners/index.ts";
import { allOptions, flag, type Value } from "./run-spec.ts";

const HELP_OF: Readonly<Record<string, string>> = {
  whole: "<n>",
  number: "<number>",
  choice: "<name>",
  text: "<text>",
};

/** Adds `--task`, `--learner` where a command has one, and every option that a record names. */
export function withRunOptions(command: Command, { learner = true }: { readonly learner?: boolean } = {}): Command {
  command.option("--task <name>", `task distribution: ${TASKS.map(({ name }) => name).join(", ")}`);
  if (learner) {
    command.option("--learner <name>", `learner: ${LEARNERS.map(({ name }) => name).join(", ")}; maml by default`);
  }
  for (const { name, option, owners } of allOptions()) {
    const value = option.kind === "boolean" ? "" : ` ${HELP_OF[option.kind]}`;
    const whose = owners.length === 0 ? "" : ` (${owners.join(", ")})`;
    const help = `${option.help} [${option.range}]${whose}`;
    command.addOption(new Flag(flag(name) + value, help));
  }
  return command;
}

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
 * @throws OptionError or FormatError naming the file
 */
export async function readConfiguration(path: string, known: readonly string[]): Promise<Record<string, Value>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new OptionError(`${path}: the configuration cannot be read (${error.code}); name a JSON file`);
  });
  if (text.length > LARGEST_FILE)
    throw new FormatError(`${path}: a configuration must have at most ${LARGEST_FILE} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: the configuration must be JSON (${(error as Error).message})`);
  }
  if (!isRecord(value)) throw new FormatError(`${path}: the configuration must be one JSON object of options`);
  for (const [name, each] of Object.entries(value)) {
    if (!known.includes(name))
      throw new OptionError(`${path}: there is no option ${name}; the options are ${known.join(", ")}`);
    if (!["number", "string", "boolean"].includes(typeof each)) {
      throw new OptionError(`${path}: ${name} must be a number, a string, true or false`);
    }
  }
  return value as Record<string, Value>;
}
