import { wrong } from "../arguments.ts";
import { add, matmul, reshape } from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, zerosInitialiser } from "./initialisers.ts";
import type { Parameter } from "./layer.ts";
import { initialise, type Model } from "./model.ts";

/** The context: a vector of which every task has its own. */
export const CONTEXT = "context.vector";
const WEIGHT = "context.weight.";

/**
 * A model with a context vector phi [k] that shifts some of its parameters, p + phi W_p: the scales and shifts of its normalisation,
 * which is feature-wise linear modulation (FiLM, Perez et al. 2018); or, in a model without any, the bias of its first layer, which
 * is the same as phi beside that layer's inputs. A zero vector changes nothing.
 * @param what the operation, for errors
 */
export function contextual(what: string, body: Model, k: number): Model {
  const modulated = modulatedBy(body);
  if (modulated.length === 0) {
    const paths = body.parameters.map(({ name }) => name);
    throw wrong(`${what}: model`, "one with a bias or a normalisation", paths, "the context shifts these");
  }
  const parameters: Parameter[] = [
    ...body.parameters,
    { name: CONTEXT, shape: [k], initialiser: zerosInitialiser },
    ...modulated.map(({ name, shape }) => ({
      name: WEIGHT + name,
      shape: [k, ...shape],
      initialiser: glorotUniform,
    })),
  ];
  return {
    ...body,
    description: `context ${k} of ${body.description}`,
    parameters,
    init: (key) => initialise(parameters, key),
    apply(params, examples, pass) {
      const phi = reshape(params[CONTEXT] as Tensor, [1, k]);
      const shifted = modulated.map(({ name, shape }) => {
        const shift = reshape(matmul(phi, params[WEIGHT + name] as Tensor), shape);
        return [name, add(params[name] as Tensor, shift)] as const;
      });
      return body.apply({ ...params, ...Object.fromEntries(shifted) }, examples, pass);
    },
  };
}

/** Vectors that normalisation scales and shifts by, or the first bias: a bias before batch norm would change nothing. */
function modulatedBy({ parameters }: Model): Parameter[] {
  const named = (pattern: RegExp) => parameters.filter(({ name, shape }) => shape.length === 1 && pattern.test(name));
  const norms = named(/(^|\.)(scale|shift)$/);
  return norms.length > 0 ? norms : named(/(^|\.)bias$/).slice(0, 1);
}
