/** Examples for tests: rows whose numbers say which row they are. */
import { sizeOf } from "../../src/graph/shape.ts";
import type { Examples, Fact, LazyExamples } from "../../src/tasks/examples.ts";
import { ContentHash, hashValues } from "../../src/tasks/hash.ts";
import type { Batch, Task } from "../../src/tasks/types.ts";

/** Examples of columns [n, ...] in memory; `x` [1] is the row's number unless it is given. */
export function held(
  facts: Readonly<Record<string, Fact>>,
  columns: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>> = {},
): Examples {
  const size = Object.values(facts)[0]?.length ?? 0;
  const all = { x: { shape: [1], data: Array.from({ length: size }, (_, row) => row) }, ...columns };
  return {
    name: "held",
    size,
    columns: Object.fromEntries(Object.entries(all).map(([name, { shape }]) => [name, shape])),
    facts,
    fingerprint: hashValues(
      ...Object.values(facts).flat(),
      ...Object.values(all).flatMap(({ data }) => Array.from(data)),
    ),
    write(column, row, out, offset) {
      const { shape, data } = all[column as "x"];
      const length = sizeOf(shape);
      for (let i = 0; i < length; i++) out[offset + i] = data[row * length + i] as number;
    },
  };
}

/** The same examples, which have to be loaded; what is not loaded is not written. */
export function later(examples: Examples): LazyExamples & { readonly asked: number[][] } {
  const asked: number[][] = [];
  return {
    ...examples,
    asked,
    write: () => {
      throw new Error("written before it was loaded");
    },
    async load(rows) {
      asked.push([...rows]);
      await new Promise((done) => setTimeout(done, 1));
      const loaded = new Set(rows);
      return {
        write(column, row, out, offset) {
          if (!loaded.has(row)) throw new Error(`row ${row} was not loaded`);
          examples.write(column, row, out, offset);
        },
      };
    },
  };
}

/** Rows of a batch that count, by their number in `x` [1]. */
export const rowsIn = ({ x, weight }: Batch): number[] =>
  Array.from(x as Float32Array).filter((_, i) => weight === undefined || weight[i] === 1);

/** The hash of tasks, all columns in the order of their names. */
export function hashOf(tasks: readonly Task[]): string {
  const hash = new ContentHash();
  for (const { segments, queries } of tasks) {
    for (const batch of [...segments, queries]) {
      for (const name of Object.keys(batch).sort()) hash.value(name).floats(batch[name] as Float32Array);
    }
  }
  return hash.digest();
}

/** What a source gives at once. */
export function now<T>(task: T | Promise<T>): T {
  if (task instanceof Promise) throw new Error("a promise");
  return task;
}
