/** What a runtime makes of `relaxed: true`, as JSON: started by relaxed.test.ts with and without the runtime's support. */

import { compileGraph } from "../../src/compile/compile.ts";
import { Core } from "../../src/core/core.ts";
import { coreBytes, relaxedCore, relaxedSupported } from "../../src/core/relaxed.ts";
import { inThread } from "../../src/executors/in-thread.ts";
import { workers } from "../../src/executors/node-workers.ts";
import { grad } from "../../src/graph/grad.ts";
import { trace } from "../../src/graph/graph.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { matmul, multiply, square, subtract, sum, tanh } from "../../src/graph/operators/index.ts";
import { sameBits } from "../support/compare.ts";
import { Chance } from "../support/random.ts";

/** A second-order gradient: through one inner step of a small network. */
const graph = trace({ w: [24, 24], x: [17, 24] }, ({ w, x }) => {
  const lossOf = (weights: typeof w) => sum(square(tanh(matmul(x, weights))));
  const [inner] = grad(lossOf(w), [w]);
  const [outer] = grad(lossOf(subtract(w, multiply(inner as typeof w, 0.01))), [w]);
  return { outer: outer as typeof w };
});

const chance = new Chance(5);
const inputs = {
  w: Float32Array.from(chance.floats(24 * 24)),
  x: Float32Array.from(chance.floats(17 * 24)),
};
const program = compileGraph(graph);
const reference = interpret(graph, inputs).outer as ArrayLike<number>;
const scale = Math.max(...Array.from(reference, Math.abs));
const errorOf = (found: ArrayLike<number>) =>
  Math.max(...Array.from(found, (each, i) => Math.abs(each - (reference[i] as number)) / scale));

const executors = [inThread(), inThread({ relaxed: true }), workers(2, { relaxed: true })];
const results: Float32Array[] = [];
for (const executor of executors) {
  const job = await executor.load({ task: program });
  const [first] = await job.map({ w: inputs.w }, [{ x: inputs.x }, { x: inputs.x }]);
  results.push(first?.outer as Float32Array);
  await executor.close();
}
const [plain, relaxed, shared] = results as [Float32Array, Float32Array, Float32Array];
const found = {
  supported: relaxedSupported(),
  // The file itself says what it is, too.
  core: relaxedCore().relaxed && relaxedSupported() && Core.create(coreBytes({ relaxed: true })).relaxed,
  executors: executors.slice(1).map((executor) => executor.relaxed),
  differs: !sameBits(plain, relaxed),
  error: errorOf(relaxed),
  plainError: errorOf(plain),
  sameOnWorkers: sameBits(relaxed, shared),
};
console.log(JSON.stringify(found));
