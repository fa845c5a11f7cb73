/** The core's arithmetic without the compiler's cleverness: every node of a graph is a program of its own. */
import { compile } from "../../src/compile/compile.ts";
import type { Core } from "../../src/core/core.ts";
import type { LoadedProgram } from "../../src/core/loaded.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { apply, type Tensor } from "../../src/graph/tensor.ts";

/** Evaluates graphs node by node; programs are kept, since most nodes come again. */
export class Unfused {
  private readonly programs = new Map<string, LoadedProgram>();

  constructor(private readonly core: Core) {}

  evaluate(graph: Graph, inputs: Readonly<Record<string, ArrayLike<number>>>): Record<string, Float32Array> {
    const values = new Map<Tensor, Float32Array>();
    for (const [name, node] of Object.entries(graph.inputs)) {
      values.set(node, Float32Array.from(inputs[name] as ArrayLike<number>));
    }
    for (const node of graph.nodes) if (!values.has(node)) values.set(node, this.valueOf(node, values));
    return Object.fromEntries(
      Object.entries(graph.outputs).map(([name, node]) => [name, values.get(node) as Float32Array]),
    );
  }

  private valueOf(node: Tensor, values: ReadonlyMap<Tensor, Float32Array>): Float32Array {
    const { operator, attributes, inputs } = node;
    if (operator.name === "constant") return Float32Array.of(attributes.value as number);
    if (operator.name === "literal") return attributes.data as Float32Array;
    const operands = Object.fromEntries(inputs.map((each, i) => [`x${i}`, values.get(each) as Float32Array]));
    const key = JSON.stringify([operator.name, attributes, inputs.map((each) => each.shape)]);
    let program = this.programs.get(key);
    if (program === undefined) {
      const shapes = Object.fromEntries(inputs.map((each, i) => [`x${i}`, each.shape]));
      program = this.core.load(
        compile(shapes, (xs) => ({ y: apply(operator, Object.values<Tensor>(xs), attributes) })),
      );
      this.programs.set(key, program);
    }
    return program.call(operands).y as Float32Array;
  }
}
