/** Several learners under one budget: the rounds, who is left, and that the winner is a run of its own. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NonFiniteError } from "../../src/errors.ts";
import { maml } from "../../src/learners/maml.ts";
import { scratch } from "../../src/learners/scratch.ts";
import { mlp } from "../../src/nn/networks.ts";
import { sinusoid } from "../../src/tasks/sinusoid.ts";
import { metaTrain } from "../../src/train/meta-train.ts";
import { type SelectProgress, selectModel } from "../../src/train/select-model.ts";
import { rejectsA, sameBytes } from "./support.ts";

const test = suite("selectModel");

const tasks = sinusoid({ shots: 5, queries: 5 });
const body = (width: number) => mlp({ inputShape: 1, hidden: [width], outputs: 1, activation: "tanh" });
const options = { innerRate: 0.02, innerSteps: 2 };

/** Of the squared error; what diverged is the worst. */
const meanOf = ({ validation }: SelectProgress) => validation?.mean ?? Number.POSITIVE_INFINITY;

test("rounds halve the candidates and double their iterations; the winner has the bytes of a run alone", async () => {
  const candidates = {
    tiny: maml(body(1), options),
    good: maml(body(16), options),
    nothing: scratch(body(16), options),
    wild: maml(body(16), { innerRate: 50, innerSteps: 3 }),
    small: maml(body(3), options),
  };
  const told: SelectProgress[] = [];
  const settings = { metaBatch: 4, seed: 3 };
  const selected = await selectModel(candidates, tasks, {
    ...settings,
    iterations: 160,
    validation: { tasks, episodes: 60 },
    onProgress: (progress) => void told.push(progress),
  });
  assert.equal(
    selected.history.map(({ round, iterations }) => [round, iterations]),
    [...Array(5).fill([1, 20]), ...Array(3).fill([2, 40]), ...Array(2).fill([3, 80]), [4, 160]],
  );
  assert.equal(told, [...selected.history]);
  // Those that are left after a round are its best by the metric of validation.
  for (let round = 1; round < 4; round++) {
    const of = selected.history.filter((each) => each.round === round);
    const next = selected.history.filter((each) => each.round === round + 1).map(({ candidate }) => candidate);
    const best = [...of].sort((a, b) => meanOf(a) - meanOf(b)).map(({ candidate }) => candidate);
    assert.equal(new Set(next), new Set(best.slice(0, next.length)), `round ${round}`);
  }
  assert.is(selected.history.find(({ candidate }) => candidate === "wild")?.validation, undefined);
  assert.not.ok(["wild", "nothing"].includes(selected.name), selected.name);
  assert.is(selected.trained.iterations, 160);
  const alone = await metaTrain(candidates[selected.name as "good"], tasks, { ...settings, iterations: 160 });
  assert.ok(sameBytes(selected.trained.save(), alone.save()));
});

test("one candidate has all iterations; the better metric may be the higher one", async () => {
  const { name, history } = await selectModel({ only: maml(body(2), options) }, tasks, {
    iterations: 3,
    metaBatch: 2,
    validation: { tasks, episodes: 5 },
  });
  assert.equal([name, history.length, history[0]?.iterations], ["only", 1, 3]);
});

test("where every candidate diverges, the error of one is thrown", async () => {
  const wild = maml(body(16), { innerRate: 1e6, innerSteps: 3 });
  const run = selectModel({ wild, other: wild }, tasks, { iterations: 40, validation: { tasks, episodes: 5 } });
  await rejectsA(NonFiniteError, run, "iteration");
});

test.run();
