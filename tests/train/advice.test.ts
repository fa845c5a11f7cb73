/** Training that goes wrong without failing says so; a healthy run says nothing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { zeros as zerosOf } from "../../src/graph/operators/index.ts";
import { LEARNERS } from "../../src/learners/index.ts";
import { maml } from "../../src/learners/maml.ts";
import { metaSgd } from "../../src/learners/meta-sgd.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { mlp } from "../../src/nn/networks.ts";
import { classification } from "../../src/nn/objective.ts";
import { adam, sgd } from "../../src/optim/optimizer.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import type { TaskSource } from "../../src/tasks/types.ts";
import { type MetaTrainOptions, metaTrain } from "../../src/train/meta-train.ts";
import { clouds, rejectsA, sameBytes } from "./support.ts";

const test = suite("advice");
const classes = clouds({ ways: 5, shots: 2, queries: 3 });
const curves = sinusoid({ shots: 6, queries: 6 });
const network = () => mlp({ inputShape: 4, hidden: [20], outputs: 5 });

async function warnings(
  learner: Parameters<typeof metaTrain>[0],
  tasks: TaskSource,
  options: Partial<MetaTrainOptions> = {},
): Promise<string[]> {
  const told: string[] = [];
  const onWarning = (message: string) => void told.push(message);
  await metaTrain(learner, tasks, { iterations: 220, metaBatch: 4, ...options, onWarning });
  return told;
}

test("inner steps that raise the support loss: told once, with a rate that is lower", async () => {
  const [message, ...more] = await warnings(maml(network(), { innerRate: 60, innerSteps: 1 }), classes, {
    iterations: 30,
  });
  assert.equal(more, []);
  assert.match(
    message as string,
    /^metaTrain: 1 inner step raises the support loss from [\d.e+]+ to [\d.e+]+; lower innerRate, such as 6$/,
  );
  // Also where the run is too short to wait.
  assert.is((await warnings(maml(network(), { innerRate: 60, innerSteps: 1 }), classes, { iterations: 3 })).length, 1);
});

test("training that stays at chance: told with what chance is, and with a rate to try", async () => {
  const [message, ...more] = await warnings(maml(network(), { innerRate: 1e-6 }), classes, { optimizer: sgd(0) });
  assert.equal(more, []);
  assert.match(message as string, /after 200 iterations the loss is .*, and guessing among 5 classes has 1\.61; /);
  assert.match(message as string, /raise innerRate, such as 0\.00001 or innerSteps$/);
  // A learner without an inner loop has no inner rate to change.
  const flat = mlp({ inputShape: 4, hidden: [], outputs: 3, initialiser: (_, shape) => zerosOf(shape) });
  const [other] = await warnings(protoNet(flat), classes, { optimizer: sgd(0) });
  assert.match(other as string, /guessing among 5 classes has 1\.61; standardise the inputs/);
});

test("healthy runs are told nothing, for every learner on the list with its defaults", async () => {
  for (const { name, make, model, objectives = ["classification", "regression"] } of LEARNERS) {
    if (objectives.includes("classification")) {
      const outputs = model === "embedding" ? 8 : 5;
      const learner = make(mlp({ inputShape: 4, hidden: [20], outputs }), {}, classification(5));
      assert.equal(await warnings(learner, classes), [], `${name} on classes`);
    }
    if (!objectives.includes("regression")) continue;
    const regressor = make(mlp({ inputShape: 1, hidden: [20], outputs: 1 }), {}, curves.spec.objective);
    assert.equal(await warnings(regressor, curves), [], `${name} on curves`);
  }
});

test("without onWarning it goes to the console; advice changes no bit of the result", async () => {
  const warn = console.warn;
  const told: unknown[] = [];
  console.warn = (...parts: unknown[]) => void told.push(...parts);
  try {
    const options = { iterations: 21, metaBatch: 2, optimizer: adam(1e-3) };
    const learner = () => metaSgd(network(), { innerRate: 60 });
    const loud = await metaTrain(learner(), classes, options);
    assert.is(told.length, 1);
    const quiet = await metaTrain(learner(), classes, { ...options, onWarning: () => {} });
    assert.ok(sameBytes(loud.save(), quiet.save()));
    assert.is(told.length, 1);
  } finally {
    console.warn = warn;
  }
});

test("a rejected promise of onWarning ends the run", async () => {
  const onWarning = () => Promise.reject(new Error("the log is full"));
  const options = { iterations: 21, metaBatch: 2, optimizer: adam(1e-3), onWarning };
  await rejectsA(Error, metaTrain(metaSgd(network(), { innerRate: 60 }), classes, options), "the log is full");
});

test("standardised data of ordinary scale trains with every default", async () => {
  for (const make of [maml, metaSgd]) {
    const losses: number[] = [];
    await metaTrain(make(network()), classes, { iterations: 400, onProgress: ({ loss }) => losses.push(loss) });
    const late = losses.slice(-40).reduce((sum, each) => sum + each, 0) / 40;
    assert.ok(late < 0.8 * Math.log(5), `${make.name}: ${late}`);
  }
});

test.run();
