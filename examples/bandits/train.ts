/** Training a recurrent policy: bandits, pulls, loss, gradient and Adam's update are one Program, run once per iteration. */
import {
  adam,
  clipped,
  compile,
  cosineDecay,
  fold,
  grad,
  type Key,
  keyOf,
  keyToArray,
  mean,
  prefixed,
  run,
  take,
  unprefixed,
} from "quickstudy";
import { type Policy, policyLoss, rollout, totalReward } from "./rl2.ts";

/** Arrays by name, such as the parameters of a policy. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** Training on bandits of so many pulls. */
export interface Stage {
  readonly pulls: number;
  readonly iterations: number;
  /** Adam's rate at first; it falls to 0 along half a cosine, and so does the weight of the entropy. */
  readonly rate: number;
}

export interface TrainOptions {
  readonly seed: number;
  /** New bandits of every iteration; 512 by default. */
  readonly bandits?: number;
  /** What to go on from, such as the end of another stage; drawn from the seed by default. */
  readonly from?: Arrays | undefined;
  /** @param reward mean total reward of the iteration's bandits */
  readonly onProgress?: (iteration: number, reward: number) => void;
}

const LAMBDA = 0.95;
const ENTROPY = 0.05;
const LARGEST_GRADIENT = 1;

/** Keys of one seed: none of training is one of testing. */
const STREAMS = { start: 0, training: 1, testing: 2 } as const;

const starting = (policy: Policy) => compile({ key: [4] }, ({ key }) => policy.init(key));
const shapesOf = (policy: Policy) => {
  return Object.fromEntries(starting(policy).outputs.map(({ name, shape }) => [`parameters.${name}`, shape]));
};

/** @returns the parameters after a stage */
export function train(policy: Policy, { pulls, iterations, rate }: Stage, options: TrainOptions): Arrays {
  const { seed, bandits = 512, onProgress } = options;
  const key = keyOf(seed);
  const from = options.from ?? run(starting(policy), { key: keyToArray(fold(key, STREAMS.start)) });
  const rule = clipped(adam(cosineDecay(rate, { steps: iterations })), LARGEST_GRADIENT);
  const memory = compile(shapesOf(policy), (inputs) =>
    prefixed("memory.", rule.start(unprefixed("parameters.", inputs))),
  );
  const memoryShapes = Object.fromEntries(memory.outputs.map(({ name, shape }) => [name, shape]));
  const program = compile({ ...shapesOf(policy), ...memoryShapes, key: [4], step: [] }, (inputs) => {
    const [drawn, step] = take(inputs, "key", "step");
    const parameters = unprefixed("parameters.", inputs);
    const { history } = rollout(policy, parameters, drawn, pulls, bandits);
    const entropy = cosineDecay(ENTROPY, { steps: iterations }).at(step);
    const gradients = grad(policyLoss(history, { lambda: LAMBDA, entropy }), parameters);
    const next = rule.step({ meta: {}, memory: unprefixed("memory.", inputs), parameters, gradients, step });
    return {
      ...prefixed("parameters.", next.parameters),
      ...prefixed("memory.", next.memory),
      reward: mean(totalReward(history)),
    };
  });
  let state: Arrays = prefixed("parameters.", from);
  state = { ...state, ...run(memory, state) };
  const stream = fold(fold(key, STREAMS.training), pulls);
  for (let i = 0; i < iterations; i++) {
    const { reward, ...next } = run(program, { ...state, key: keyToArray(fold(stream, i)), step: [i] });
    state = next;
    onProgress?.(i + 1, reward?.[0] ?? Number.NaN);
  }
  return unprefixed("parameters.", state);
}

/** A bandit that no stage was trained on. */
export interface Tested {
  /** Of a reward, by arm. */
  readonly chances: Float32Array;
  /** What the policy earned on it. */
  readonly reward: number;
  /** Address of the bandit, for others that play it. */
  readonly key: Key;
}

export interface TestOptions {
  readonly pulls: number;
  /** Bandits, rounded up to a multiple of 500. */
  readonly count: number;
  readonly seed: number;
}

/** Bandits of one run in testing. */
const TOGETHER = 500;

/** A policy with trained parameters on new bandits. */
export function testPolicy(policy: Policy, parameters: Arrays, { pulls, count, seed }: TestOptions): Tested[] {
  const { arms } = policy;
  const program = compile({ ...shapesOf(policy), key: [4] }, (inputs) => {
    const [key] = take(inputs, "key");
    const { chances, history } = rollout(policy, unprefixed("parameters.", inputs), key, pulls, TOGETHER);
    return { chances, rewards: totalReward(history) };
  });
  const stream = fold(fold(keyOf(seed), STREAMS.testing), pulls);
  return Array.from({ length: Math.ceil(count / TOGETHER) }, (_, i) => {
    const key = fold(stream, i);
    const { chances, rewards } = run(program, { ...prefixed("parameters.", parameters), key: keyToArray(key) });
    return Array.from(rewards, (reward, row) => {
      return { chances: chances.slice(row * arms, (row + 1) * arms), reward, key: fold(key, row) };
    });
  }).flat();
}
