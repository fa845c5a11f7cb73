/** Every learner under the objectives that are not its usual ones: it learns them, or refuses them by name. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Core } from "../../src/core/core.ts";
import { decodeTensors, encodeTensors } from "../../src/data/safetensors.ts";
import { FormatError, OptionError, QuickstudyError } from "../../src/errors.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import { maml } from "../../src/learners/maml.ts";
import { relative } from "../../src/learners/relative.ts";
import { multiLabel, ordinal } from "../../src/nn/label-objectives.ts";
import { mlp } from "../../src/nn/networks.ts";
import { gaussian, type Objective, regression } from "../../src/nn/objective.ts";
import { Draw, keyOf } from "../../src/random.ts";
import type { Task, TaskSource, TaskSpec } from "../../src/tasks/types.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { GRADIENT, LOSS } from "../../src/train/programs.ts";
import { restore } from "../../src/train/trained.ts";
import { near } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { Chance } from "../support/random.ts";
import { runGraph } from "../support/twice.ts";
import { rejectsA, sameBytes } from "../train/support.ts";
import { gradientError, group, groupError, metaSlope, problemOf } from "./problems.ts";
import { networkOf, ROSTER, smallOf } from "./roster.ts";

const test = suite("learners: objectives");
const core = Core.create();

/** Tasks of lines y = level + slope x in the units of somebody; `targets` makes the objective's of these. */
function lines(objective: Objective, targets: (value: number) => readonly number[], unit = 1, level = 0): TaskSource {
  const spec: TaskSpec = { inputs: { x: [3] }, objective, segments: [8], queries: 6, weighted: true };
  return {
    name: "lines",
    fingerprint: "lines",
    specs: [spec],
    sample(key) {
      const draw = new Draw(key);
      const [own, spread] = [draw.uniform(-3, 3), draw.uniform(0.5, 2)];
      const batch = (n: number) => {
        const x = Float32Array.from({ length: 3 * n }, () => draw.uniform(-1, 1));
        const y = Array.from({ length: n }, (_, i) =>
          targets(level + unit * (own + spread * (x[3 * i] as number))),
        ).flat();
        return { x, y: Float32Array.from(y), weight: new Float32Array(n).fill(1).fill(0, 5, 6) };
      };
      return { segments: [batch(8)], queries: batch(6) };
    },
  };
}

const served: readonly TaskSource[] = [
  lines(multiLabel(2), (value) => [value > 0 ? 1 : 0, value > 1 ? 1 : 0]),
  lines(ordinal(4), (value) => [Math.min(3, Math.max(0, Math.floor(value + 2)))]),
  lines(relative(regression(1)), (value) => [value]),
  lines(relative(gaussian(1), { scale: false }), (value) => [value]),
];

for (const tasks of served) {
  const { objective } = tasks.specs[0] as TaskSpec;
  for (const entry of ROSTER.filter(({ name, record }) => name === record.name)) {
    test(`${entry.name}: learns ${objective.name}, or refuses it by name`, async () => {
      const body = networkOf(entry, 3, objective, { hidden: [6] });
      const learner = entry.make(body, smallOf(entry), objective);
      const run = async () => {
        const trained = await metaTrain(learner, tasks, { iterations: 2, metaBatch: 2 });
        return evaluate(trained, tasks, { episodes: 5 });
      };
      const record = LEARNERS.find(({ name }) => name === entry.name);
      const inner = objective.relative?.objective ?? objective;
      if (record?.objectives?.includes(inner.name) ?? !learner.classes) {
        const report = await run();
        assert.is(report.metric, objective.metric.name);
        assert.ok(Number.isFinite(report.mean), `${report.mean}`);
      } else {
        await rejectsA(OptionError, run(), objective.relative && !learner.classes ? inner.name : objective.name);
      }
    });
  }
}

test("levels that are none are refused, in tasks and in use", async () => {
  const learner = maml(mlp({ inputShape: 3, hidden: [4], outputs: 3 }));
  const wrong = lines(ordinal(4), (value) => [Math.floor(value * 10)]);
  await rejectsA(QuickstudyError, metaTrain(learner, wrong, { iterations: 1 }), "from 0 to 3");
  const trained = await metaTrain(learner, served[1] as TaskSource, { iterations: 1, metaBatch: 2 });
  throwsA(QuickstudyError, () => trained.adapt({ x: [1, 2, 3], y: [7] }), "from 0 to 3, got 7");
});

const curve = () => maml(mlp({ inputShape: 3, hidden: [8], outputs: 1 }), { innerRate: 0.05, innerSteps: 3 });
const number = (value: number) => [value];

test("relative: predictions are those of the learner on standardised targets, put back into their units", async () => {
  const tasks = lines(relative(regression(1)), number, 20, 300);
  const trained = await metaTrain(curve(), tasks, { iterations: 5, metaBatch: 4 });
  const { tensors, metadata } = decodeTensors(trained.save());
  assert.is(metadata.objective, "relative regression");
  const bare = restore(curve(), encodeTensors({ tensors, metadata: { ...metadata, objective: "regression" } }));
  const { segments, queries } = tasks.sample(keyOf(9), 0) as Task;
  const { x, y, weight } = segments[0] as { x: Float32Array; y: Float32Array; weight: Float32Array };
  const total = weight.reduce((a, b) => a + b, 0);
  const mean = y.reduce((sum, value, i) => sum + value * (weight[i] as number), 0) / total;
  const variance = y.reduce((sum, value, i) => sum + (weight[i] as number) * (value - mean) ** 2, 0) / total;
  const scaled = Array.from(y, (value) => (value - mean) / Math.sqrt(variance));
  const expected = bare.adapt({ x, y: scaled, weight }).predict(queries.x as Float32Array).mean as Float32Array;
  const { mean: got = [] } = trained.adapt({ x, y, weight }).predict(queries.x as Float32Array);
  near(
    got,
    Array.from(expected, (value) => value * Math.sqrt(variance) + mean),
    1e-5,
    "predictions",
  );
  // Evaluation is in the same units.
  const report = await evaluate(trained, tasks, { episodes: 30 });
  assert.ok(report.mean > 1 && report.mean < 2000, `${report.mean}`);
  const again = restore(curve(), trained.save(), { objective: relative(regression(1)) });
  assert.ok(sameBytes(again.save(), trained.save()));
  assert.equal(again.adapt({ x, y, weight }).predict(queries.x as Float32Array).mean, got);
  throwsA(FormatError, () => restore(curve(), trained.save(), { objective: regression(1) }), "relative regression");
});

test("relative: training and predictions do not depend on the units; the first examples fix them", async () => {
  const make = (unit: number, options = {}) =>
    metaTrain(curve(), lines(relative(regression(1), options), number, unit), { iterations: 4, metaBatch: 4 });
  const [one, large] = [await make(1), await make(1024)];
  // A power of two: exact.
  assert.ok(sameBytes(one.save(), large.save()));
  assert.is.not(sameBytes((await make(1, { scale: false })).save(), (await make(2, { scale: false })).save()), true);
  const [a, b] = await Promise.all(
    (
      [
        [one, 1],
        [large, 1024],
      ] as const
    ).map(([trained, unit]) => evaluate(trained, lines(relative(regression(1)), number, unit), { episodes: 20 })),
  );
  near([b?.mean ?? 0], [(a?.mean ?? 0) * 1024 ** 2], 1e-6, "mean squared error");
  const first = one.adapt({ x: [1, 0, 0, 0, 1, 0], y: [10, 20] });
  const more = first.observe({ x: [0, 0, 1], y: [1000] });
  assert.equal([...(more.state["frame.centre"] ?? [])], [15]);
  assert.equal([...(more.state["frame.scale"] ?? [])], [5]);
  const equal = one.adapt({ x: [1, 0, 0, 0, 1, 0], y: [20, 20] });
  assert.equal([...(equal.state["frame.scale"] ?? [])], [1], "of targets that are all equal");
});

test("meta-gradients through the new objectives are those of finite differences, compiled and in f64", () => {
  for (const tasks of served) {
    const spec = tasks.specs[0] as TaskSpec;
    const outputs = spec.objective.width;
    const learner = maml(mlp({ inputShape: 3, hidden: [5], outputs, activation: "tanh" }), {
      innerSteps: 2,
      innerRate: 0.1,
    });
    const problem = problemOf(learner, spec, 3);
    const error = gradientError(metaSlope(problem), new Chance(3));
    assert.ok(error < 1e-5, `${spec.objective.name}: ${error}`);
    const [expected, compiled] = [
      interpret(problem.graph, problem.inputs),
      runGraph(core, problem.graph, problem.inputs),
    ];
    near(compiled[LOSS] ?? [], expected[LOSS] ?? [], 1e-5, spec.objective.name);
    const wanted = group(GRADIENT, expected);
    const got = Object.fromEntries(
      Object.keys(wanted).map((each) => [each, compiled[GRADIENT + each] as Float32Array]),
    );
    const gap = groupError(got, wanted);
    assert.ok(gap < 2e-5, `${spec.objective.name}: compiled ${gap}`);
  }
});

test.run();
