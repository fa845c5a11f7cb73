/** What learners have in common that solve for a linear head over embeddings. */
import { OptionError } from "../errors.ts";
import type { Tensors } from "../graph/graph.ts";
import { constantValue } from "../graph/operators/algebra.ts";
import {
  add,
  concat,
  matmul,
  multiply,
  oneHot,
  ones,
  reshape,
  select,
  solve,
  zeros,
} from "../graph/operators/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import type { Objective } from "../nn/objective.ts";
import { prefixed, unprefixed } from "../optim/rule.ts";
import { embed, embedsAlone, startingStatistics } from "./class-sums.ts";
import { type Context, initModel, type Learner, modelTraits } from "./learner.ts";
import { emptyReplay, keep, rowsKept } from "./replay.ts";
import { requireVector } from "./require.ts";
import { damping, type Rows } from "./solvers.ts";

const KEPT = "kept.";
const HEAD = "solver.";
/** Logits of a label that ridge regression predicts, from 0 to 1: as they are, the likeliest class of five would have 0.4 at most. */
const LABEL_SCALE = 10;

/** Columns up to which sums of products are kept for ridge regression, and not the rows: no more than 256 KiB. */
const MOST_SUMMED = 256;

interface LinearHead {
  /** The learner's function, for errors. */
  readonly what: string;
  readonly embedding: Model;
  /** Whether each embedding has a constant 1 behind it. */
  readonly bias: boolean;
  /** Rows of the buffer. */
  readonly capacity: number;
  /** What the head learns, `scale` among it, a factor of its predictions, where it is not 1. */
  readonly learned?: () => Tensors;
  /** The head W [D, outputs] of some rows. */
  readonly fit: (rows: Rows, head: Tensors) => Tensor;
  /** Factor of scores that become logits; that of predicted labels by default. */
  readonly sharpness?: number;
  /** Set for ridge regression: sums of products are all that it needs of the rows. */
  readonly lambda?: (head: Tensors) => Tensor;
}

/** What is kept of the support set, and the head that follows from it. */
interface Memory {
  start(outputs: number, context: Context): Tensors;
  add(memory: Tensors, rows: Tensors): Tensors;
  fit(memory: Tensors, head: Tensors, objective: Objective): Tensor;
}

/** Targets as numbers [n, outputs]: labels one-hot. */
function numbersOf({ classes, outputs }: Objective, y: Tensor): Tensor {
  return classes ? oneHot(y, outputs) : y;
}

/** Sums of products over all rows: exact, however many there are. */
function sums(D: number, lambda: NonNullable<LinearHead["lambda"]>): Memory {
  return {
    start: (outputs) => ({ gram: zeros([D, D]), cross: zeros([D, outputs]) }),
    add({ gram, cross }, { X, Y, weight }) {
      const [x, y] = [X as Tensor, Y as Tensor];
      const weighted = multiply(x, reshape(weight as Tensor, [-1, 1]));
      return {
        gram: add(gram as Tensor, matmul(weighted, x, { transposeA: true })),
        cross: add(cross as Tensor, matmul(weighted, y, { transposeA: true })),
      };
    },
    fit: ({ gram, cross }, head) => solve(add(gram as Tensor, damping(D, lambda(head))), cross as Tensor),
  };
}

/** The newest rows themselves. */
function buffer(D: number, capacity: number, fit: LinearHead["fit"]): Memory {
  return {
    start: (outputs, context) => emptyReplay({ X: [D], Y: [outputs] }, rowsKept(context, capacity)),
    add: keep,
    fit: (memory, head) => fit(memory as Rows, head),
  };
}

/** A learner whose state is what it keeps of the support set and the head W that follows from it; predictions are x'W. */
export function linearHead(options: LinearHead): Omit<Learner, "name" | "description"> {
  const { what, embedding, bias, capacity, learned, fit, lambda, sharpness = LABEL_SCALE } = options;
  const D = requireVector(`${what}: embedding`, embedding) + (bias ? 1 : 0);
  const isExact = lambda !== undefined && D <= MOST_SUMMED;
  const memory = isExact ? sums(D, lambda) : buffer(D, capacity, fit);
  const features = (phi: Tensors, state: Tensors, examples: Tensors, context: Context) => {
    const { z, ...left } = embed(embedding, phi, state, examples, context);
    return { X: bias ? concat([z, ones([z.shape[0] as number, 1])], 1) : z, ...left };
  };
  return {
    ...modelTraits(embedding),
    width: undefined,
    ordered: false,
    observing: !embedsAlone(embedding) ? "continues" : isExact ? "exact" : "replays",

    init(key) {
      const starts = initModel(embedding, key);
      return { ...starts, learned: { ...starts.learned, ...prefixed(HEAD, learned?.() ?? {}) } };
    },

    start(phi, context) {
      const { name, outputs, width, classes, link } = context.spec.objective;
      if (link || (!classes && width !== outputs)) {
        throw new OptionError(
          `${what}: tasks must be of classification or regression, got ${name}; its head predicts the targets themselves`,
        );
      }
      return {
        ...prefixed(KEPT, memory.start(outputs, context)),
        weights: zeros([D, outputs]),
        ...startingStatistics(embedding, phi),
      };
    },

    observe(phi, state, examples, context) {
      const { objective } = context.spec;
      const { X, statistics, carried } = features(phi, state, examples, context);
      const { y, weight } = examples as Readonly<Record<"y" | "weight", Tensor>>;
      const known = constantValue(weight) === 1 ? X : select(reshape(weight, [-1, 1]), X, 0);
      const now = memory.add(unprefixed(KEPT, state), { X: known, Y: numbersOf(objective, y), weight });
      const weights = memory.fit(now, unprefixed(HEAD, phi), objective);
      return { state: { ...prefixed(KEPT, now), weights, ...statistics }, carried };
    },

    predict(phi, state, inputs, context) {
      const { objective } = context.spec;
      const { X } = features(phi, state, inputs, context);
      const scores = matmul(X, state.weights as Tensor);
      const scaled = multiply(scores, phi[`${HEAD}scale`] ?? 1);
      return objective.read(objective.classes ? multiply(scaled, sharpness) : scaled);
    },
  };
}
