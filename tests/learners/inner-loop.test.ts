/** The one inner loop: rules that own meta-parameters, selections, statistics after the last step, options. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../../src/errors.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, multiply, subtract, zeros } from "../../src/graph/operators/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { reptile } from "../../src/learners/reptile.ts";
import { mlp } from "../../src/nn/networks.ts";
import { learnedRates } from "../../src/optim/learned-rates.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { mapTensors, type Rule } from "../../src/optim/rule.ts";
import type { OptionTable } from "../../src/options.ts";
import { keyOf } from "../../src/random.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { GRADIENT } from "../../src/train/programs.ts";
import { near, sameBits } from "../support/compare.ts";
import { throwsA } from "../support/errors.ts";
import { clusters, FEATURES, WAYS } from "./clusters.ts";
import { group, problemOf } from "./problems.ts";
import { modesOf, networkOf, ROSTER } from "./roster.ts";

const test = suite("inner loop");
const [spec] = clusters.specs;
const { support, queries } = clusters.sample(keyOf(5));
const body = (batchNorm: "none" | "support" | "running" = "none") =>
  mlp({ inputShape: FEATURES, hidden: [6], outputs: WAYS, activation: "tanh", batchNorm });

test("maml with learned rates as its rule is meta-sgd, with and without decay", () => {
  for (const decay of [undefined, 0.2]) {
    const rule = learnedRates({ rate: 0.1, ...(decay === undefined ? {} : { decay }) });
    const one = problemOf(maml(body(), { innerOptimizer: rule, innerSteps: 2 }), spec, 3);
    const other = metaSgd(body(), {
      innerRate: 0.1,
      innerSteps: 2,
      ...(decay === undefined ? {} : { weightDecay: decay }),
    });
    const two = problemOf(other, spec, 3);
    assert.equal(one.plan.meta, two.plan.meta);
    const gradients = [one, two].map(({ graph }) => group(GRADIENT, interpret(graph, one.inputs)));
    assert.equal(gradients[0], gradients[1]);
    assert.ok(Object.keys(gradients[0] ?? {}).some((name) => name.startsWith("rule.rate.")));
  }
});

/** Gradient descent with one rate for all parameters, of which what is added to its start is learned. */
const oneRate = (rate: number): Rule => ({
  name: `oneRate(${rate})`,
  meta: () => ({ more: zeros([]) }),
  start: () => ({}),
  step: ({ meta, parameters, gradients }) => ({
    parameters: mapTensors(parameters, (value, name) =>
      subtract(value, multiply(gradients[name] as Tensor, add(meta.more as Tensor, rate))),
    ),
    memory: {},
  }),
});

test("a rule's meta-parameters are learned with the model's, saved with it, and adapt with it", async () => {
  const learner = maml(body(), { innerOptimizer: oneRate(0.05), innerSteps: 2 });
  const trained = await metaTrain(learner, clusters, { iterations: 20, metaBatch: 3 });
  const [more] = trained.meta["rule.more"] as Float32Array;
  assert.ok(more !== 0, "the rate is not learned");
  const total = 0.05 + (more as number);
  const plain = await metaTrain(maml(body(), { innerRate: total, innerSteps: 2 }), clusters, {
    iterations: 0,
    from: trained,
  });
  const [a, b] = [trained, plain].map((each) => each.adapt(support).predict(queries.x).logits as Float32Array);
  near(a ?? [], b ?? [], 1e-5, "the learned rate is what adapts");
  assert.not.ok(Object.keys(trained.adapt(support).state).some((name) => name.startsWith("rule.")));
});

test("a selection by path is one of names: every parameter by hand is all, the head by hand is the head", () => {
  const options = { innerRate: 0.1, innerSteps: 2 };
  for (const [name, path] of [
    ["all", () => true],
    ["head", (each: string) => each.startsWith("head.")],
    ["body", (each: string) => !each.startsWith("head.")],
  ] as const) {
    const [one, two] = [maml(body(), { ...options, adapts: name }), maml(body(), { ...options, adapts: path })].map(
      (learner) => problemOf(learner, spec, 3),
    );
    const gradients = [one, two].map((each) =>
      group(GRADIENT, interpret((one as typeof two)?.graph as never, each?.inputs as never)),
    );
    assert.equal(gradients[0], gradients[1], name);
    assert.equal(
      Object.keys(gradients[0] ?? {}).sort(),
      body()
        .parameters.map((each) => each.name)
        .sort(),
    );
  }
  // Two tests of one name are told apart by what they select; two of one selection are the same.
  for (const make of [maml, metaSgd, reptile]) {
    const describe = (adapts: (path: string) => boolean) => make(body(), { adapts }).description;
    const isHead = describe((path) => path.startsWith("head."));
    assert.is.not(
      isHead,
      describe((path) => path.endsWith(".weight")),
    );
    assert.is(
      isHead,
      describe((path) => !path.startsWith("hidden1.")),
    );
  }
  throwsA(OptionError, () => maml(body(), { adapts: () => false }), "maml: adapts", "at least one parameter");
  throwsA(OptionError, () => maml(body(), { adapts: "tail" as never }), 'maml: adapts must be "all", "head", "body"');
});

test("what a selection leaves out stays as it is while the rest takes the same first step", async () => {
  const step = { innerRate: 0.1, innerSteps: 1 };
  const states = await Promise.all(
    (["all", "head", "body"] as const).map(async (adapts) => {
      const trained = await metaTrain(maml(body(), { ...step, adapts }), clusters, { iterations: 0 });
      return trained.adapt(support).state;
    }),
  );
  const [all, head, rest] = states as [(typeof states)[0], (typeof states)[0], (typeof states)[0]];
  for (const part of [head, rest]) {
    for (const [name, data] of Object.entries(part)) assert.ok(sameBits(data, all[name] ?? []), name);
  }
  assert.equal([...Object.keys(head), ...Object.keys(rest)].filter((name) => name !== "step").sort(), [
    "head.bias",
    "head.weight",
    "hidden1.bias",
    "hidden1.weight",
  ]);
});

test("statistics are the support set's under the final weights, pooled with the averages over tasks", async () => {
  for (const innerSteps of [0, 1, 4]) {
    const learner = maml(body("support"), { innerRate: 0.3, innerSteps });
    const trained = await metaTrain(learner, clusters, { iterations: 5, metaBatch: 2, onWarning: () => {} });
    const { state } = trained.adapt(support);
    const n = support.y.length;
    const at = (name: string, i: number) => (state[name] as Float32Array)[i] as number;
    for (let unit = 0; unit < 6; unit++) {
      const values = Array.from({ length: n }, (_, row) => {
        let total = at("hidden1.bias", unit);
        for (let i = 0; i < FEATURES; i++)
          total += (support.x[row * FEATURES + i] as number) * at("hidden1.weight", 6 * i + unit);
        return total;
      });
      const mean = values.reduce((a, b) => a + b, 0) / n;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
      const [m, v] = [trained.meta["norm1.mean"]?.[unit] as number, trained.meta["norm1.variance"]?.[unit] as number];
      const centre = (m + n * mean) / (n + 1);
      near([at("statistics.norm1.mean", unit)], [centre], 1e-5, `${innerSteps} steps: mean`);
      const spread = (v + (m - centre) ** 2 + n * (variance + (mean - centre) ** 2)) / (n + 1);
      near([at("statistics.norm1.variance", unit)], [spread], 1e-5, `${innerSteps} steps: variance`);
    }
    assert.is(at("statistics.norm1.count", 0), n + 1);
  }
});

test("an inner loop refuses running averages, in which predictions differ from what steps train", () => {
  for (const entry of ROSTER.filter(({ inner }) => inner)) {
    const message = throwsA(OptionError, () => entry.make(body("running")), 'batchNorm must be "support"', '"running"');
    assert.ok(message.includes("inner steps would train with other statistics"));
    assert.not.ok(modesOf(entry).includes("running"));
  }
});

/** A value that no option of a kind takes. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  whole: [-1, 0.5, "3", null, Number.NaN, {}],
  number: ["0.1", null, Number.NaN, 1e39, []],
  choice: ["nothing", 7, null, {}],
  boolean: [1, "true", null],
  value: [3, "adam", null, {}],
};

for (const record of LEARNERS) {
  test(`${record.name}: an unknown option, a wrong type and a model that is none are refused by name`, () => {
    const entry = ROSTER.find((each) => each.name === record.name) as (typeof ROSTER)[number];
    const network = networkOf(entry, FEATURES, spec.objective);
    const make = (options: unknown) =>
      record.make(network, options as Parameters<typeof record.make>[1], spec.objective);
    throwsA(OptionError, () => make({ innerRat: 3 }), "there is no option innerRat");
    throwsA(OptionError, () => make(null), "options must be an object, got null");
    throwsA(OptionError, () => make("fast"), "options must be an object");
    for (const [name, option] of Object.entries(record.options as OptionTable)) {
      for (const bad of WRONG[option.kind] ?? []) {
        throwsA(OptionError, () => make({ [name]: bad }), `: ${name} must be`);
      }
      make({ [name]: undefined });
    }
    for (const bad of [undefined, null, 3, "mlp", {}, Promise.resolve(network)]) {
      throwsA(OptionError, () => record.make(bad as never, {}, spec.objective), "must be a model, such as mlp");
    }
    const images = networkOf(entry, FEATURES, spec.objective);
    const flat = { ...images, outputShape: [2, 3] };
    throwsA(OptionError, () => record.make(flat, {}, spec.objective), "gives a vector for an example");
  });
}

test("what a record says of a learner is what it makes", () => {
  for (const record of LEARNERS) {
    assert.ok(record.summary.length > 10 && record.paper.length > 5);
    for (const { help, range } of Object.values(record.options as OptionTable))
      assert.ok(help.length > 5 && range.length > 0);
    const entry = ROSTER.find((each) => each.name === record.name) as (typeof ROSTER)[number];
    const plain = record.make(networkOf(entry, FEATURES, spec.objective), {}, spec.objective);
    assert.is(plain.width === undefined, ["embedding", "maps", "raw"].includes(record.model));
    for (const { options = {} } of Object.values(record.settings)) {
      record.make(networkOf(entry, FEATURES, spec.objective), options, spec.objective);
    }
  }
  throwsA(
    OptionError,
    () => maml(body(), { innerOptimizer: sgd(0.1), innerRule: "adam" }),
    "without innerRate and innerRule",
  );
});

test.run();
