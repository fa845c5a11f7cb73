import * as assert from "uvu/assert";

/**
 * Checks that `body` throws an error of a class, whose message holds all of the given parts.
 * @returns the message
 */
export function throwsA(
  kind: new (...args: never[]) => Error,
  body: () => unknown,
  ...parts: readonly string[]
): string {
  let error: unknown;
  try {
    body();
  } catch (caught) {
    error = caught;
  }
  assert.ok(error !== undefined, `nothing was thrown instead of a ${kind.name}`);
  assert.ok(error instanceof kind, `a ${kind.name} was expected, got ${error}`);
  for (const part of parts) assert.ok(error.message.includes(part), `"${error.message}" does not say "${part}"`);
  return error.message;
}
