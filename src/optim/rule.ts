import type { Tensors } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

/** What an update rule is given. */
export interface RuleStep {
  /** The rule's own meta-parameters, by the names of `meta`; empty for a rule that owns none. */
  readonly meta: Tensors;
  readonly memory: Tensors;
  readonly parameters: Tensors;
  /** By the names of the parameters. */
  readonly gradients: Tensors;
  /** Updates made before this one: a scalar. */
  readonly step: Tensor;
}

/**
 * An update rule as pure functions on symbolic tensors: the outer loop runs it, an inner loop differentiates through it.
 * A rule that owns meta-parameters (learned rates, decays, the weights of an LSTM) is for inner loops.
 */
export interface Rule {
  /** Names the rule and its settings: part of what a resumed run must agree on. */
  readonly name: string;
  /** Starting meta-parameters under a key [4], learned with those of the model. */
  meta?(key: Tensor, parameters: Tensors): Tensors;
  /** Memory before the first update: momentum, cells. */
  start(parameters: Tensors): Tensors;
  step(given: RuleStep): { readonly parameters: Tensors; readonly memory: Tensors };
}

/** A rule that owns no meta-parameters: what the outer loop takes. */
export type Optimizer = Omit<Rule, "meta">;

/** A new record with each tensor mapped. */
export function mapTensors(tensors: Tensors, map: (tensor: Tensor, name: string) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor, name)]));
}

/** A record with a prefix before every name. */
export function prefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The values whose names begin with a prefix, without it. */
export function unprefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  const entries = Object.entries(values).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}
