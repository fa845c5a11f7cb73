/** Mutated Programs stay inside their arenas. `npm run bench -- fuzz 1000000` runs more of them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fuzz } from "../support/fuzz.ts";

const test = suite("fuzz");

test("mutants that are accepted neither leave their arenas nor trap nor hang, nor do those refused for overlaps alone", () => {
  const { run, overlapping, escapes, traps, hangs } = fuzz(8000, 2);
  assert.equal({ escapes, traps, hangs }, { escapes: [], traps: [], hangs: [] });
  assert.ok(run === 8000 && overlapping > 1000, `${run} accepted, ${overlapping} overlapping`);
});

test.run();
