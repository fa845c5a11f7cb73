/**
 * RL² (Duan et al. 2016, "RL²: fast reinforcement learning via slow reinforcement learning") on Bernoulli bandits. A recurrent
 * policy reads its previous action and reward, so that what it has learned about a bandit is in its state. Bandits, sampling
 * and loss are traced: letters of shapes are n bandits, A arms, T pulls, U units.
 */
import { gruCell, initModel, type Layer, layers, model, named, type Tensor, type Tensors, take } from "quickstudy";

// Operators on tensors:

import {
  add,
  boundary,
  concat,
  constant,
  exp,
  full,
  greater,
  greaterEqual,
  literal,
  logSoftmax,
  matmul,
  mean,
  multiply,
  pad,
  randomUniform,
  slice,
  square,
  stopGradient,
  subtract,
  sum,
  zeros,
} from "quickstudy";

/** What the policy says before a pull. */
export interface Said {
  /** State [n, U] for the next pull. */
  readonly hidden: Tensor;
  /** log pi(a | history) of every arm, [n, A]. */
  readonly logPi: Tensor;
  /** Mean reward that it expects of each pull from here on, [n, 1]. */
  readonly value: Tensor;
}

/** A recurrent policy over A arms. */
export interface Policy {
  readonly arms: number;
  init(key: Tensor): Tensors;
  /** State [n, U] before the first pull. */
  start(n: number): Tensor;
  /** @param input [n, A + 2]: previous action (one-hot), its reward, and 1 after the first pull; zeros before */
  step(params: Tensors, input: Tensor, hidden: Tensor): Said;
}

/** One step of a gated recurrent unit: input and state side by side, [n, F + U], give the next state [n, U]. */
function recurrentStep(units: number): Layer {
  const cell = gruCell(units);
  return {
    kind: "gru",
    description: `gru step(${units})`,
    outputShape: () => [units],
    parameters: ([width = 0]) => cell.parameters(width - units),
    apply(scope, x) {
      const [n = 0, width = 0] = x.shape;
      const input = slice(x, [0, 0], [n, width - units]);
      const hidden = slice(x, [0, width - units], [n, units]);
      return take(cell.step(scope, { hidden }, cell.project(scope, input)), "hidden")[0];
    },
  };
}

/** A GRU with a linear layer for the logits of all arms and the value. */
export function recurrentPolicy(arms: number, units = 48): Policy {
  const memory = named("memory", model([arms + 2 + units], recurrentStep(units)));
  const heads = named("heads", model([units], layers.linear(arms + 1)));
  return {
    arms,
    init: (key) => ({ ...initModel(memory, key).learned, ...initModel(heads, key).learned }),
    start: (n) => zeros([n, units]),
    step(params, input, before) {
      const [n = 0] = input.shape;
      const pass = { training: true, role: "query" } as const;
      const hidden = memory.apply(params, { x: concat([input, before], 1) }, pass).output;
      const { output } = heads.apply(params, { x: hidden }, pass);
      return { hidden, logPi: logSoftmax(slice(output, [0, 0], [n, arms])), value: slice(output, [0, arms], [n, 1]) };
    },
  };
}

/** One pull of n bandits. */
export interface Pull extends Omit<Said, "hidden"> {
  /** One-hot, [n, A]. */
  readonly action: Tensor;
  /** 0 or 1, [n, 1]. */
  readonly reward: Tensor;
}

/**
 * T pulls of n new bandits, all drawn from `key` [4]: chances U[0, 1] of every arm [n, A], actions and rewards.
 * @returns the chances, and the pulls in order
 */
export function rollout(policy: Policy, params: Tensors, key: Tensor, pulls: number, n: number) {
  const { arms } = policy;
  const chances = randomUniform(key, [n, arms], 0);
  const history: Pull[] = [];
  let hidden = policy.start(n);
  let input = zeros([n, arms + 2]);
  for (let t = 0; t < pulls; t++) {
    const { logPi, value, hidden: next } = policy.step(params, input, hidden);
    const action = chosen(logPi, randomUniform(key, [n, 1], 1 + 2 * t));
    const chance = sum(multiply(action, chances), 1, { keepAxes: true });
    const reward = greater(chance, randomUniform(key, [n, 1], 2 + 2 * t));
    history.push({ logPi, value, action, reward });
    hidden = boundary(next);
    input = concat([action, reward, full([n, 1], 1)], 1);
  }
  return { chances, history };
}

/** An arm for each row, one-hot [n, A]: arm k where pi_0 + … + pi_(k-1) <= u < pi_0 + … + pi_k. @param u [n, 1] in [0, 1) */
function chosen(logPi: Tensor, u: Tensor): Tensor {
  const [n = 0, arms = 0] = logPi.shape;
  const earlier = Float32Array.from({ length: arms * arms }, (_, i) => (Math.floor(i / arms) < i % arms ? 1 : 0));
  // Where rounding leaves the whole sum below u it is the last arm.
  const reached = greaterEqual(u, matmul(exp(logPi), literal(earlier, [arms, arms])));
  return subtract(reached, pad(slice(reached, [0, 1], [n, arms - 1]), [0, 0], [0, 1]));
}

/** The reward of all pulls together, [n]. */
export function totalReward(history: readonly Pull[]): Tensor {
  return sum(
    history.reduce((total, { reward }) => add(total, reward), constant(0)),
    1,
  );
}

export interface LossOptions {
  /** lambda of the advantages. */
  readonly lambda: number;
  /** Weight of the policy's entropy: a scalar. */
  readonly entropy: Tensor;
}

/**
 * Policy gradient with generalised advantages (Schulman et al. 2016, equation 16, without discount), a learned baseline and an
 * entropy bonus (Mnih et al. 2016): the mean over pulls and bandits of (v - target)^2 / 2 - A log pi(a) - entropy H(pi).
 */
export function policyLoss(history: readonly Pull[], { lambda, entropy }: LossOptions): Tensor {
  let [loss, advantage, valueAfter]: [Tensor, Tensor, Tensor] = [constant(0), constant(0), constant(0)];
  let left = 0;
  for (const { logPi, value, action, reward } of history.toReversed()) {
    left++;
    // V_t = (T - t) v_t; delta_t = r_t + V_(t+1) - V_t; A_t = delta_t + lambda A_(t+1).
    const before = multiply(stopGradient(value), left);
    advantage = add(subtract(add(reward, valueAfter), before), multiply(advantage, lambda));
    const target = multiply(add(before, advantage), 1 / left);
    valueAfter = before;
    // What this pull earned on average over the bandits is a baseline too.
    const gain = multiply(subtract(advantage, mean(advantage)), logPi);
    const surprise = multiply(multiply(exp(logPi), logPi), entropy);
    const policyPart = sum(subtract(surprise, multiply(gain, action)), 1, { keepAxes: true });
    loss = add(loss, mean(add(policyPart, multiply(square(subtract(value, target)), 0.5))));
  }
  return multiply(loss, 1 / history.length);
}
