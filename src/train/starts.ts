/** Where a run begins: from the learner's start, from other meta-parameters, or from a checkpoint. */
import { isRecord, wrong } from "../arguments.ts";
import type { Arrays } from "../core/loaded.ts";
import { OptionError } from "../errors.ts";
import { sameShape, sizeOf } from "../graph/shape.ts";
import { type Selection, selected } from "../learners/selection.ts";
import { checkArrays, checkIdentity, decodeCheckpoint, type Position, type RunIdentity } from "./checkpoint.ts";
import type { MetaTrainOptions } from "./meta-train.ts";
import { type Plan, pick, type Shapes } from "./programs.ts";
import { Trained } from "./trained.ts";

export interface Start extends Position {
  /** Iterations of the run that the stored checkpoint holds. */
  saved: number | undefined;
}

/** Names of the learned meta-parameters that a selection freezes. @throws OptionError where nothing is left to learn */
export function frozenNames(what: string, { trained }: Plan, freeze: Selection | undefined): readonly string[] {
  if (freeze === undefined) return [];
  if (freeze !== "head" && freeze !== "body" && typeof freeze !== "function") {
    throw wrong(`${what}: freeze`, '"head", "body" or a function of a meta-parameter\'s path', freeze);
  }
  const names = Object.keys(selected(freeze, Object.fromEntries(trained.map((name) => [name, name]))));
  if (names.length === 0) {
    throw new OptionError(`${what}: freeze must select a meta-parameter, got none of ${trained.join(", ")}`);
  }
  if (names.length === trained.length) {
    throw new OptionError(`${what}: freeze must leave a meta-parameter to learn, got all of them`);
  }
  return names;
}

/** Whether a path is among those that a selection freezes. */
export function isFrozen(name: string, freeze: Selection | undefined): boolean {
  return freeze !== undefined && Object.keys(selected(freeze, { [name]: name })).length > 0;
}

/**
 * The fresh meta-parameters with those of another run in the place of their own, where name and shape agree. Plain arrays have
 * no shapes: there the number of elements decides.
 */
export function warmStart(what: string, { meta: shapes }: Plan, fresh: Arrays, from: Trained | Arrays): Arrays {
  const source: unknown = from instanceof Trained ? from.meta : from;
  if (!isRecord(source)) throw wrong(`${what}: from`, "what metaTrain or restore gives, or arrays by name", source);
  const taken = Object.entries(shapes).flatMap(([name, shape]) => {
    const data = source[name];
    const sound = data instanceof Float32Array && data.length === sizeOf(shape);
    const same = !(from instanceof Trained) || sameShape(from.plan.meta[name] ?? [], shape);
    return sound && same ? [[name, data.slice()] as const] : [];
  });
  if (taken.length === 0) {
    throw new OptionError(
      `${what}: from must have a meta-parameter of this learner (${Object.keys(shapes).join(", ")}), got ${Object.keys(source).join(", ")}`,
    );
  }
  return { ...fresh, ...Object.fromEntries(taken) };
}

/** The stored checkpoint, where the run is to be resumed from one. @throws what a checkpoint of another run is refused with */
export async function resumed(
  { resume = false, checkpoint, iterations }: MetaTrainOptions,
  identity: RunIdentity,
  plan: Plan,
  memory: Shapes,
): Promise<Start | undefined> {
  const stored = resume ? await checkpoint?.store.read() : undefined;
  if (stored === undefined) return undefined;
  const { metadata, iteration, meta, optimizer, average } = decodeCheckpoint(stored);
  checkIdentity(identity, metadata);
  checkArrays("resume", meta, plan.meta);
  checkArrays("resume", optimizer, memory);
  checkArrays("resume", average, identity.average === undefined ? {} : pick(plan.meta, plan.trained));
  if (iteration > iterations) {
    throw new OptionError(
      `resume: the checkpoint must have at most the ${iterations} iterations asked for, got ${iteration}`,
    );
  }
  return { iteration, meta, optimizer, average, saved: iteration };
}
