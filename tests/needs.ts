import type { Callback, Test } from "uvu";

/**
 * A test that needs something the machine may not have: a browser, a data set. Without it the test fails in CI (the
 * environment variable CI is set) and is skipped elsewhere, with a line that says why.
 * @param what what is needed and where it was looked for
 */
export function needs<T>(test: Test<T>, what: string, available: boolean) {
  return (name: string, body: Callback<T>): void => {
    if (available) {
      test(name, body);
    } else if (process.env.CI) {
      test(name, () => {
        throw new Error(`needs ${what}`);
      });
    } else {
      console.log(`skipped: ${name}: needs ${what}`);
      test.skip(name, body);
    }
  };
}
