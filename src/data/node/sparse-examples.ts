/** Examples of many numbers, most of them zero, as bags of words are. */
import type { Shape } from "../../graph/shape.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Examples, Fact } from "../../tasks/examples.ts";
import { ContentHash } from "../../tasks/hash.ts";
import type { Preprocessing } from "../preprocessing.ts";
import type { Table } from "../table.ts";

/** The numbers of a column that are not zero, and their places. */
interface Sparse {
  readonly places: Uint32Array;
  readonly values: Float32Array;
}

/** Rows that are made when a task first needs them, and kept without their zeros. */
export class SparseExamples implements Examples {
  readonly name: string;
  readonly size: number;
  readonly columns: Readonly<Record<string, Shape>>;
  readonly fingerprint: string;
  private readonly kept = new Map<number, Readonly<Record<string, Sparse>>>();

  constructor(
    private readonly table: Table,
    private readonly preprocessing: Preprocessing,
    readonly facts: Readonly<Record<string, Fact>>,
  ) {
    this.name = table.name;
    this.size = table.size;
    this.columns = preprocessing.inputs;
    const { tensors, metadata } = preprocessing.pack();
    const hash = new ContentHash().value("sparse").value(table.name).value(table.fingerprint());
    for (const text of Object.values(metadata)) hash.value(text);
    for (const { data } of Object.values(tensors)) hash.floats(data);
    for (const [fact, values] of Object.entries(facts)) {
      hash.value(fact);
      for (const value of values) hash.value(value);
    }
    this.fingerprint = hash.digest();
  }

  write(column: string, row: number, out: Float32Array, offset: number): void {
    const { places, values } = this.rowOf(row)[column] as Sparse;
    out.fill(0, offset, offset + sizeOf(this.columns[column] as Shape));
    for (let i = 0; i < places.length; i++) out[offset + (places[i] as number)] = values[i] as number;
  }

  private rowOf(row: number): Readonly<Record<string, Sparse>> {
    const known = this.kept.get(row);
    if (known !== undefined) return known;
    const made = Object.entries(this.preprocessing.apply(this.table.rows([row]))).map(([column, numbers]) => {
      const places = Uint32Array.from([...numbers.keys()].filter((i) => numbers[i] !== 0));
      return [column, { places, values: Float32Array.from(places, (i) => numbers[i] as number) }] as const;
    });
    const sparse = Object.fromEntries(made);
    this.kept.set(row, sparse);
    return sparse;
  }
}
