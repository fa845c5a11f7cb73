/** Misuses of `quickstudy/data`: tables and preprocessing. */
import { arrayColumn, listColumn, numberColumn, tableOf } from "../../src/data.ts";
import { type Entry, list, thing } from "./runner.ts";

export const tableEntries: readonly Entry[] = [
  { operation: "numberColumn", call: numberColumn, given: () => [{ ...thing([1, null]), refuses: [["3x"]] }] },
  {
    operation: "arrayColumn",
    call: arrayColumn,
    given: () => [list([thing(2)]), { ...thing(new Float32Array(4)), refuses: [new Float32Array(3)] }],
  },
  {
    operation: "listColumn",
    call: listColumn,
    given: () => [thing("text"), { ...thing(["a", null], "a list"), refuses: [5] }],
  },
  {
    operation: "tableOf",
    call: tableOf,
    given: () => [{ ...thing({ a: [1], b: ["x"] }), refuses: [{ a: [1, "x"] }, { a: 5 }] }],
  },
];
