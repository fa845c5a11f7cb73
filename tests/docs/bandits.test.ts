/** RL² on bandits, as examples/bandits has it: its gradient, its loss, that it learns, and what it is compared with. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { policyLoss, recurrentPolicy, rollout, totalReward } from "../../examples/bandits/rl2.ts";
import { greedy, play, random, type Strategy, thompson, ucb1 } from "../../examples/bandits/strategies.ts";
import { testPolicy, train } from "../../examples/bandits/train.ts";
import {
  add,
  compile,
  constant,
  Draw,
  exp,
  fold,
  grad,
  keyOf,
  keyToArray,
  literal,
  mean,
  meanAndInterval,
  multiply,
  run,
  type Shape,
  slice,
  sum,
  type Tensors,
  take,
} from "../../src/index.ts";

const test = suite("bandits");

/** A policy, the shapes of its parameters, and parameters far from those that training begins with. */
function someParameters(arms: number, units: number) {
  const policy = recurrentPolicy(arms, units);
  const init = compile({ key: [4] }, ({ key }) => policy.init(key));
  const shapes: Record<string, Shape> = Object.fromEntries(init.outputs.map(({ name, shape }) => [name, shape]));
  const draw = new Draw(keyOf(1));
  const parameters = Object.fromEntries(
    init.outputs.map(({ name, shape }) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [name, Float32Array.from({ length: size }, () => draw.uniform(-2.5, 2.5))];
    }),
  );
  return { policy, shapes, parameters };
}

const HEADS = ["heads.weight", "heads.bias"] as const;

/** Expected reward of two pulls of two arms with chances U[0, 1], as a sum over all that can happen. */
function expectedReward(policy: ReturnType<typeof recurrentPolicy>, parameters: Tensors) {
  const first = policy.step(parameters, literal(new Float32Array(4), [1, 4]), policy.start(1));
  let total = constant(0.5);
  for (const a of [0, 1]) {
    for (const reward of [0, 1]) {
      const input = literal(Float32Array.of(1 - a, a, reward, 1), [1, 4]);
      const { logPi } = policy.step(parameters, input, first.hidden);
      // E[p(reward | a) p_b]: moments of one uniform number where b is a, of two where it is not.
      const moments = Float32Array.from([0, 1], (b) => (b !== a ? 1 / 4 : reward === 1 ? 1 / 3 : 1 / 6));
      const second = sum(multiply(exp(logPi), literal(moments, [1, 2])));
      total = add(total, multiply(exp(sum(slice(first.logPi, [0, a], [1, 1]))), second));
    }
  }
  return total;
}

test("rewards and the policy's gradient are those of a sum over all histories", () => {
  const { policy, shapes, parameters } = someParameters(2, 4);
  const sampled = run(
    compile({ ...shapes, key: [4] }, (given) => {
      const { history } = rollout(policy, given, take(given, "key")[0], 2, 2 ** 17);
      const [weight, bias] = grad(policyLoss(history, { lambda: 1, entropy: constant(0) }), take(given, ...HEADS));
      return { weight, bias, reward: mean(totalReward(history)) };
    }),
    { ...parameters, key: keyToArray(keyOf(11)) },
  );
  const exact = run(
    compile(shapes, (given) => {
      const reward = expectedReward(policy, given);
      const [weight, bias] = grad(reward, take(given, ...HEADS));
      return { weight, bias, reward };
    }),
    parameters,
  );
  // Four standard errors of a mean of 2^17.
  assert.ok(Math.abs((sampled.reward[0] ?? 0) - (exact.reward[0] ?? 1)) < 0.008);
  for (const name of ["weight", "bias"] as const) {
    const largest = Math.max(...exact[name].map(Math.abs));
    assert.ok(largest > 0.007, `${name}: ${largest}`);
    for (const [i, slope] of exact[name].entries()) {
      // Columns are the logits of both arms and the value, whose slope is that of its own loss.
      if (i % 3 === 2) continue;
      // The loss is a mean over two pulls.
      const estimate = -2 * (sampled[name][i] ?? 0);
      assert.ok(Math.abs(estimate - slope) < 0.0025, `${name} ${i}: ${estimate} sampled, ${slope} exact`);
    }
  }
});

test("the loss is that of loops in f64", () => {
  const [T, n, lambda, weight] = [4, 6, 0.7, 0.3];
  const { policy, shapes, parameters } = someParameters(3, 5);
  const { loss, ...given } = run(
    compile({ ...shapes, key: [4] }, (inputs) => {
      const { history } = rollout(policy, inputs, take(inputs, "key")[0], T, n);
      const columns = history.flatMap((pull, t) =>
        Object.entries(pull).map(([name, tensor]) => [`${name}${t}`, tensor] as const),
      );
      return { loss: policyLoss(history, { lambda, entropy: constant(weight) }), ...Object.fromEntries(columns) };
    }),
    { ...parameters, key: keyToArray(keyOf(5)) },
  );
  const at = (name: string, t: number, i: number) =>
    take<Float32Array, [string]>(given, `${name}${t}`)[0][i] ?? Number.NaN;
  const V = (t: number, row: number) => (t < T ? (T - t) * at("value", t, row) : 0);
  const advantage = (t: number, row: number) => {
    let total = 0;
    for (let s = t; s < T; s++) total += lambda ** (s - t) * (at("reward", s, row) + V(s + 1, row) - V(s, row));
    return total;
  };
  let expected = 0;
  for (let t = 0; t < T; t++) {
    const advantages = Array.from({ length: n }, (_, row) => advantage(t, row));
    const average = advantages.reduce((total, each) => total + each, 0) / n;
    for (const [row, each] of advantages.entries()) {
      const logPi = [0, 1, 2].map((arm) => at("logPi", t, 3 * row + arm));
      const taken = [0, 1, 2].filter((arm) => at("action", t, 3 * row + arm) === 1);
      assert.is(taken.length, 1);
      const entropy = -logPi.reduce((total, log) => total + Math.exp(log) * log, 0);
      const target = (V(t, row) + each) / (T - t);
      expected += (at("value", t, row) - target) ** 2 / 2;
      expected -= (each - average) * (logPi[taken[0] ?? 0] ?? Number.NaN) + weight * entropy;
    }
  }
  expected /= n * T;
  assert.ok(Math.abs((loss[0] ?? 0) - expected) < 1e-5, `${loss[0]}, ${expected} in f64`);
});

test("training earns more than chance, goes on from another stage, and gives the same bits for the same seed", () => {
  const policy = recurrentPolicy(2, 16);
  const stage = { pulls: 5, iterations: 150, rate: 0.02 };
  const trained = train(policy, stage, { seed: 1, bandits: 256 });
  assert.equal(train(policy, stage, { seed: 1, bandits: 256 }), trained);
  assert.not.equal(train(policy, { ...stage, iterations: 1 }, { seed: 2, bandits: 256 }), trained);
  const onwards = train(policy, { ...stage, iterations: 1, rate: 0 }, { seed: 2, from: trained });
  assert.equal(onwards, trained);
  const { mean, ci95 } = meanAndInterval(
    testPolicy(policy, trained, { pulls: 5, count: 4000, seed: 1 }).map(({ reward }) => reward),
  );
  assert.ok(mean - ci95 > 2.6, `${mean} ± ${ci95} of 5 pulls, 2.5 by chance`);
});

function earned(strategy: Strategy, arms: number, pulls: number, bandits: number): number {
  let total = 0;
  for (let i = 0; i < bandits; i++) {
    const key = fold(keyOf(17), i);
    const draw = new Draw(key);
    const chances = Float32Array.from({ length: arms }, () => draw.uniform());
    total += play(strategy, chances, pulls, fold(key, 1));
  }
  return total / bandits;
}

// Two pulls of two arms by hand: after a reward the arm's mean is 2/3, after none 1/3, and that of the other 1/2.
const BY_HAND = [
  ["random", random, 1],
  ["greedy", greedy, 1 / 2 + 7 / 12],
  // With probability 2/3 it pulls the arm that gave a reward, with 1/3 the one that gave none.
  ["Thompson", thompson, 1 / 2 + 19 / 36],
] as const;

// Duan et al. 2016, table 1: 5 arms, 10 pulls; their UCB1 has a tuned c.
const PUBLISHED = [
  ["random", random, 5.0],
  ["greedy", greedy, 6.6],
  ["UCB1", ucb1(0.2), 6.7],
  ["Thompson", thompson, 5.7],
] as const;

test("strategies earn what sums by hand and the paper say", () => {
  for (const [name, strategy, expected] of BY_HAND) {
    const got = earned(strategy, 2, 2, 60_000);
    assert.ok(Math.abs(got - expected) < 0.012, `${name}: ${got}, by hand ${expected}`);
  }
  for (const [name, strategy, expected] of PUBLISHED) {
    const got = earned(strategy, 5, 10, 5000);
    assert.ok(Math.abs(got - expected) < 0.15, `${name}: ${got}, published ${expected}`);
  }
});

test.run();
