import { requireFunction, requireNumber, requireOptions, requireWhole, wrong } from "../arguments.ts";
import type { Arrays } from "../core/loaded.ts";
import { AbortedError, DataError, OptionError } from "../errors.ts";
import type { Executor } from "../executors/executor.ts";
import { inThread } from "../executors/in-thread.ts";
import type { Selection } from "../learners/selection.ts";
import { supervised } from "../learners/supervised.ts";
import { type Model, requireModel } from "../nn/model.ts";
import { type Objective, requireObjective } from "../nn/objective.ts";
import { requireRule } from "../optim/optimizer.ts";
import type { Optimizer } from "../optim/rule.ts";
import { Draw, fold, keyOf } from "../random.ts";
import type { Adapted } from "./adapted.ts";
import { checkSpec, checkSurroundings } from "./checks.ts";
import { HeldOut, type Validation } from "./held-out.ts";
import { type Examples, MiniBatches, rowsOf } from "./mini-batches.ts";
import { checkTargets, readColumns, requireColumns, type SupportSet } from "./support-set.ts";
import { Trained } from "./trained.ts";
import { Training } from "./training.ts";
import { Turns } from "./turns.ts";

/** What an epoch came to. */
export interface Epoch {
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean loss of its mini-batches, each before its update. */
  readonly loss: number;
  /** After the epoch, where examples are held out. */
  readonly validation?: Validation;
}

/** What `onProgress` of `fit` is told after every epoch. */
export interface FitProgress extends Epoch {
  readonly epochs: number;
  readonly seconds: number;
}

export interface FitOptions {
  /** Loss, metric and meaning of outputs: `classification(3)`, `regression(1)`. */
  readonly objective: Objective;
  /** Times that training goes through all examples. */
  readonly epochs: number;
  /** Examples of an update; 32 by default. The last of an epoch may have fewer. */
  readonly batchSize?: number;
  /** adam(1e-3) by default. */
  readonly optimizer?: Optimizer;
  /** Fixes every random choice; 0 by default. */
  readonly seed?: number;
  /** Examples to validate on after every epoch, or the share of the given ones that is held out for it. The result then has the parameters of the epoch with the lowest validation loss. */
  readonly validation?: SupportSet | number;
  /** Epochs without a lower validation loss after which training ends; never by default. */
  readonly patience?: number;
  /** Begins from the parameters of another network, or a learner: those with the same name and shape are taken. */
  readonly from?: Trained | Arrays;
  /** Parameters that stay as they are: `"body"`, `"head"`, or a test of their paths. */
  readonly freeze?: Selection;
  /** Where Programs run; the calling thread by default. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  /** Called after every epoch; a promise it returns is awaited, and its error ends training. */
  onProgress?(progress: FitProgress): unknown;
}

const OPTIONS = [
  "objective",
  "epochs",
  "batchSize",
  "optimizer",
  "seed",
  "validation",
  "patience",
  "from",
  "freeze",
  "executor",
  "signal",
  "onProgress",
];

/** A network that `fit` trained. */
export interface Fitted {
  /** To save, to evaluate on tasks, and to begin other runs from: `restore(supervised(model), trained.save())`. */
  readonly trained: Trained;
  /** Predicts, classifies and measures: `trained.start()`. */
  readonly predictor: Adapted;
  readonly history: readonly Epoch[];
  /** The epoch whose parameters these are. */
  readonly epoch: number;
}

/** Streams of a seed that `metaTrain` does not use. */
const BATCH_STREAM = 4;
const SPLIT_STREAM = 5;

/**
 * Trains a network on examples: plain supervised learning, from logistic regression upward. The same updates as `metaTrain`
 * makes, a mini-batch in the place of a meta-batch; for one version of the package the result is the same to the bit in every
 * runtime and for any executor with plain SIMD.
 * @param data inputs and targets by column, such as `{ x, y }`, and `weight` where examples count unequally
 * @throws OptionError for options out of range; DataError and ShapeError for examples that do not fit model and objective;
 * NonFiniteError when a loss or gradient is not finite; AbortedError when the signal says so
 */
export async function fit(model: Model, data: SupportSet, options: FitOptions): Promise<Fitted> {
  const { epochs, batchSize = 32, seed = 0, executor = inThread() } = checkedOptions(model, options);
  const learner = supervised(model);
  const { training: examples, held } = divided(model, data, options);
  const batches = new MiniBatches(examples, batchSize, fold(keyOf(seed), BATCH_STREAM));
  checkSpec("fit", learner, batches.specs[0]);
  const { optimizer, from, freeze, signal } = options;
  const losses: number[] = [];
  const training = await Training.start("fit", learner, batches, {
    iterations: epochs * batches.perEpoch,
    metaBatch: 1,
    seed,
    executor,
    ...(optimizer !== undefined && { optimizer }),
    ...(from !== undefined && { from }),
    ...(freeze !== undefined && { freeze }),
    ...(signal !== undefined && { signal }),
    onProgress: ({ loss }) => void losses.push(loss),
    // What it looks for are mistakes of meta-training.
    onWarning: () => {},
  });
  try {
    const validation = held && (await HeldOut.load(training.trained().plan, held, executor));
    try {
      return await runEpochs(training, batches.perEpoch, losses, validation, options);
    } finally {
      await validation?.release();
    }
  } finally {
    await training.end();
  }
}

async function runEpochs(
  training: Training,
  perEpoch: number,
  losses: number[],
  held: HeldOut | undefined,
  { epochs, patience = Number.POSITIVE_INFINITY, signal, onProgress }: FitOptions,
): Promise<Fitted> {
  const began = performance.now();
  const turns = new Turns();
  const history: Epoch[] = [];
  let best: { readonly epoch: number; readonly loss: number; readonly trained: Trained } | undefined;
  for (let epoch = 1; epoch <= epochs && epoch - (best?.epoch ?? 0) <= patience; epoch++) {
    await turns.next();
    if (signal?.aborted) throw new AbortedError(`fit: stopped by its signal after epoch ${epoch - 1}`);
    await training.advance(epoch * perEpoch);
    const loss = losses.splice(0).reduce((total, each) => total + each, 0) / perEpoch;
    const now = training.trained();
    const validation = await held?.measure(now.meta, now.iterations);
    if (validation !== undefined && !Number.isFinite(validation.loss)) {
      throw new DataError(
        `fit: the validation loss must be finite, got ${validation.loss} after epoch ${epoch}; lower the rate or clip gradients`,
      );
    }
    if (validation !== undefined && validation.loss < (best?.loss ?? Number.POSITIVE_INFINITY)) {
      best = { epoch, loss: validation.loss, trained: kept(now) };
    }
    const done: Epoch = { epoch, loss, ...(validation && { validation }) };
    history.push(done);
    const answer = onProgress?.({ ...done, epochs, seconds: (performance.now() - began) / 1000 });
    if (answer !== undefined) await answer;
  }
  const { trained, epoch } = best ?? { trained: kept(training.trained()), epoch: history.length };
  return { trained, predictor: trained.start(), history, epoch };
}

/** The same with arrays of its own: training writes over those of the other. */
function kept({ plan, meta, objective, iterations }: Trained): Trained {
  const copies = Object.entries(meta).map(([name, data]) => [name, data.slice()]);
  return new Trained(plan, Object.fromEntries(copies), objective, iterations);
}

function checkedOptions(model: Model, options: FitOptions): FitOptions {
  requireModel("fit: model", model);
  requireOptions("fit", options, OPTIONS);
  const { objective, epochs, batchSize, optimizer, seed, validation, patience, onProgress } = options;
  requireObjective("fit: objective", objective);
  requireWhole("fit: epochs", epochs, 1, 1_000_000);
  if (batchSize !== undefined) requireWhole("fit: batchSize", batchSize, 1, 65_536);
  if (optimizer !== undefined) requireRule("fit: optimizer", optimizer);
  if (optimizer !== undefined && "meta" in optimizer) {
    throw wrong("fit: optimizer", "a rule without meta-parameters of its own", optimizer.name);
  }
  if (seed !== undefined) requireWhole("fit: seed", seed, 0);
  if (patience !== undefined) requireWhole("fit: patience", patience, 1);
  if (patience !== undefined && validation === undefined) {
    throw new OptionError(`fit: patience must come with validation, got ${patience} and none`);
  }
  if (onProgress !== undefined) requireFunction("fit: onProgress", onProgress);
  checkSurroundings("fit", options);
  return options;
}

/** The examples to train on, and those to validate on. */
function divided(
  model: Model,
  data: SupportSet,
  { objective, validation, seed = 0 }: FitOptions,
): { readonly training: Examples; readonly held: Examples | undefined } {
  const all = examplesOf("fit: data", model, objective, data);
  if (validation === undefined) return { training: all, held: undefined };
  if (typeof validation !== "number") {
    return { training: all, held: examplesOf("fit: validation", model, objective, validation) };
  }
  requireNumber("fit: validation", validation, { above: 0, below: 1 });
  const { n } = all;
  const count = Math.round(n * validation);
  if (count < 1 || count >= n) {
    throw new DataError(`fit: validation must leave examples on both sides, got ${validation} of ${n} examples`);
  }
  const order = new Draw(fold(keyOf(seed), SPLIT_STREAM)).choose(n, n);
  return { training: rowsOf(all, order.slice(count)), held: rowsOf(all, order.slice(0, count)) };
}

function examplesOf(what: string, { inputs }: Model, objective: Objective, data: unknown): Examples {
  const { n, columns } = readColumns(what, requireColumns(what, data), { ...inputs, ...objective.targets });
  if (n === 0) throw new DataError(`${what} must have at least one example, got none`);
  checkTargets(what, objective, columns);
  const arrays = Object.entries(columns).map(([name, each]) => [name, Float32Array.from(each.data)]);
  return { n, inputs, objective, columns: Object.fromEntries(arrays) };
}
