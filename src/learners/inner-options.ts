/** Options of learners with an inner loop. */
import { wrong } from "../arguments.ts";
import type { Model } from "../nn/model.ts";
import { choice, describeOptions, number, type Option, type OptionTable, type Settings, whole } from "../options.ts";
import { type Selection, selectedNames } from "./selection.ts";

/** The options that learners with an inner loop have in common. Their defaults suit inputs and targets of unit variance. */
export const INNER_OPTIONS = {
  innerSteps: whole("inner steps in meta-training", { least: 0, most: 10_000, default: 5 }),
  evaluationSteps: {
    ...whole("inner steps in evaluation and use; as many as in training by default", {
      least: 0,
      most: 10_000,
      default: undefined,
    }),
    useOnly: true as const,
  },
  innerRate: number("rate of the inner loop", { above: 0, default: 0.05 }),
  innerClip: number("common norm that inner gradients are scaled down to, so that no step runs away", {
    above: 0,
    default: undefined,
  }),
  adapts: {
    ...choice(
      "parameters that the inner loop adapts; in code also a test of their paths",
      ["all", "head", "body"],
      "all",
    ),
    check(what: string, given: unknown): Selection {
      if (given === "all" || given === "head" || given === "body" || typeof given === "function")
        return given as Selection;
      throw wrong(what, '"all", "head", "body" or a function of a parameter\'s path', given);
    },
  } as Option<Selection>,
};

/**
 * Settings for the sinusoid of Finn et al. 2017, section 5.1: one step in training, and up to ten in use. Over several steps some curves
 * run away; a clip above the norms of most inner gradients keeps them finite.
 */
export const SINUSOID_STEPS = { innerSteps: 1, innerRate: 0.01, evaluationSteps: 10, innerClip: 100 } as const;
/** Settings with learned rates: they fit the number of steps that is trained, and no other. */
export const SINUSOID_RATES = { innerSteps: 5, innerRate: 0.01, innerClip: 100 } as const;
/** Meta-gradients are clipped at this norm, so that a few tasks do not dominate a meta-batch. */
export const SINUSOID_RUN = { metaClip: 10 } as const;

/** 2 differentiates through the inner steps; 1 takes the inner gradients as constants. */
export const ORDER = choice("2: differentiate through the inner steps; 1: first-order", [1, 2], 2);

/** The options of a loop as text: a test of paths by the parameters that it selects, as two tests may have one name. */
export function describeLoop<T extends OptionTable>(
  table: T,
  settings: Settings<T> & { readonly adapts?: Selection },
  model: Model,
): string {
  const { adapts } = settings;
  if (typeof adapts !== "function") return describeOptions(table, settings);
  return describeOptions(table, { ...settings, adapts: { name: selectedNames(model, adapts).join(",") } });
}
