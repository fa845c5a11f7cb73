/** Options of learners with an inner loop that takes any update rule. */
import { OptionError } from "../errors.ts";
import { RULES, type RuleName, requireRule } from "../optim/optimizer.ts";
import type { Rule } from "../optim/rule.ts";
import { choice, type Settings, value } from "../options.ts";

/** The options of a plain inner update rule. */
export const RULE_OPTIONS = {
  innerRule: choice("inner update rule", Object.keys(RULES) as RuleName[], "sgd"),
  innerOptimizer: value<Rule>("an inner update rule of your own; it has its own rate", "a rule", requireRule),
};

/** The inner rule that options describe, and its rate where they give one. @throws OptionError when they contradict one another */
export function ruleOf(
  what: string,
  { innerRule, innerOptimizer, innerRate }: Settings<typeof RULE_OPTIONS> & { readonly innerRate: number },
  given: { readonly innerRate?: number; readonly innerRule?: RuleName },
): { readonly rule: Rule; readonly innerRate: number | undefined } {
  if (innerOptimizer === undefined) return { rule: RULES[innerRule](innerRate), innerRate };
  if (given.innerRate === undefined && given.innerRule === undefined)
    return { rule: innerOptimizer, innerRate: undefined };
  throw new OptionError(
    `${what}: innerOptimizer must be given without innerRate and innerRule, got both; give the rate to the optimizer`,
  );
}
