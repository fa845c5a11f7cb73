import { isRecord, requireFunction, requireText, wrong } from "../arguments.ts";
import type { Tensors } from "../graph/graph.ts";
import { Tensor } from "../graph/tensor.ts";

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

/** @throws OptionError unless the value is a record of tensors */
export function requireTensorsByName(what: string, value: unknown): asserts value is Tensors {
  if (!isRecord(value)) throw wrong(what, "tensors by name", value);
  for (const [name, each] of Object.entries(value)) {
    if (!(each instanceof Tensor)) throw wrong(`${what}.${name}`, "a tensor", each);
  }
}

function requireRecord(what: string, value: unknown): void {
  if (!isRecord(value)) throw wrong(what, "an object of values by name", value);
}

/** A new record with each tensor mapped. */
export function mapTensors(tensors: Tensors, map: (tensor: Tensor, name: string) => Tensor): Tensors {
  requireRecord("mapTensors: tensors", tensors);
  requireFunction("mapTensors: map", map);
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor, name)]));
}

/** A record with a prefix before every name. */
export function prefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  requireText("prefixed: prefix", prefix);
  requireRecord("prefixed: values", values);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The values whose names begin with a prefix, without it. */
export function unprefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  requireText("unprefixed: prefix", prefix);
  requireRecord("unprefixed: values", values);
  const entries = Object.entries(values).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}
