import { isRecord, requireText, wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";

/**
 * Values of a record by name: `const [mean, deviation] = take(outputs, "mean", "deviation")`. What is read this way is known to
 * be there.
 * @throws OptionError for a name that the record does not have
 */
export function take<T, Names extends readonly string[]>(
  values: Readonly<Record<string, T>>,
  ...names: Names
): { [Place in keyof Names]: T } {
  if (!isRecord(values)) throw wrong("take: values", "a record, such as the columns of a batch", values);
  return names.map((name) => {
    const value = values[requireText("take: name", name)];
    if (value !== undefined) return value;
    throw new OptionError(`take: ${name} is missing, got ${Object.keys(values).join(", ") || "nothing"}`);
  }) as { [Place in keyof Names]: T };
}
