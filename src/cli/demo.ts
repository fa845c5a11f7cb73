/** The main job: second-order MAML on the sinusoid benchmark, by the paper's own protocol. */
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DataError } from "../errors.ts";
import { fold, keyOf } from "../random.ts";
import { sinusoid } from "../tasks/sinusoid.ts";
import { evaluate, type Report } from "../train/evaluate.ts";
import { hashParameters } from "../train/hash-parameters.ts";
import { metaTrain, type Progress } from "../train/meta-train.ts";
import type { Trained } from "../train/trained.ts";
import { printResult, progressView, showDuration, table } from "./output.ts";
import { drawFit } from "./picture.ts";
import { learnerOf, optimizerOf, outerSettings, runSpec } from "./run-spec.ts";
import { executorOf } from "./train.ts";

export interface DemoOptions {
  readonly iterations: number;
  readonly seed: number;
  readonly workers: number;
  readonly picture: string;
  readonly json: boolean;
}

/** The paper has 70,000, which do better after the one step that is trained, and worse after several (docs/results.md). */
export const DEMO_ITERATIONS = 30_000;
const SHOTS = [5, 10] as const;
const STEPS = [0, 1, 5, 10] as const;
const EPISODES = 600;
/** Finn et al. 2017, figure 3 and the authors' code: 5-shot mean squared errors. The paper gives none at 10 shots. */
const PAPER: Readonly<Record<string, string>> = { "5/1": "0.67", "5/5": "0.38", "5/10": "0.35" };

/** `quickstudy demo` */
export async function demo(options: DemoOptions): Promise<void> {
  const spec = runSpec("sinusoid", "maml", { seed: options.seed });
  const { metaBatch, metaClip } = outerSettings(spec);
  const { innerClip } = spec.settings;
  // A picture that cannot be drawn shows before the training, not after it.
  await writePicture(options.picture, async (target) => (await open(target, "a")).close());
  const executor = executorOf(options.workers);
  const view = progressView();
  try {
    if (!options.json) {
      process.stdout.write(
        "Second-order MAML on the sinusoid benchmark (Finn et al. 2017, section 5.1):\n" +
          `10-shot tasks, 1 inner step at 0.01, ${metaBatch} tasks an iteration, Adam at 0.001, seed ${options.seed};\n` +
          `inner gradients of norm above ${innerClip} and meta-gradients above ${metaClip} are scaled down, which the paper leaves open\n`,
      );
    }
    let last: Progress | undefined;
    const trained = await metaTrain(learnerOf(spec), sinusoid(), {
      iterations: options.iterations,
      metaBatch,
      optimizer: optimizerOf(spec),
      seed: options.seed,
      executor,
      onProgress(progress) {
        last = progress;
        view.update(progress);
      },
    });
    view.end();
    const reports = await measure(trained, executor);
    const picture = await savePicture(trained, options.picture);
    const seconds = last?.seconds ?? 0;
    const parameters = hashParameters(trained.meta);
    const results = reports.map(({ shots, steps, report }) => ({
      shots,
      steps,
      mse: report.mean,
      ci95: report.ci95,
      median: report.median,
      worst: report.worst,
      diverged: report.diverged,
    }));
    printResult(options.json, { seconds, tasksPerSecond: last?.tasksPerSecond, parameters, results, picture }, [
      `trained ${options.iterations} iterations in ${showDuration(seconds)} (${last?.tasksPerSecond.toFixed(0)} tasks/s)`,
      "",
      `mean squared error over ${EPISODES} held-out tasks, ± 95 % interval`,
      ...table([
        ["shots", "inner steps", "quickstudy", "median", "worst", "paper"],
        ...reports.map(({ shots, steps, report }) => [
          `${shots}`,
          `${steps}`,
          `${short(report.mean)} ± ${short(report.ci95)}`,
          short(report.median),
          short(report.worst),
          PAPER[`${shots}/${steps}`] ?? "-",
        ]),
      ]),
      "",
      `parameters (sha256)  ${parameters}`,
      `picture of one task's fit before and after adaptation: ${picture}`,
    ]);
  } finally {
    view.end();
    await executor.close();
  }
}

/** Three decimals, or an exponent where a diverged task makes a mean meaningless. */
const short = (value: number): string => (value < 1000 ? value.toFixed(3) : value.toExponential(1));

async function measure(trained: Trained, executor: ReturnType<typeof executorOf>) {
  const reports: { shots: number; steps: number; report: Report }[] = [];
  for (const shots of SHOTS) {
    for (const steps of STEPS) {
      const report = await evaluate(trained, sinusoid({ shots, queries: 10 }), {
        episodes: EPISODES,
        innerSteps: steps,
        executor,
      });
      reports.push({ shots, steps, report });
    }
  }
  return reports;
}

/** The stream of keys from which the pictured task is taken. */
const PICTURE_STREAM = 3;

async function savePicture(trained: Trained, path: string): Promise<string> {
  const tasks = sinusoid({ shots: 5, queries: 1 });
  const key = fold(fold(keyOf(0), PICTURE_STREAM), 0);
  const { support } = tasks.sample(key);
  const [low, high] = tasks.range;
  const x = Float32Array.from({ length: 201 }, (_, i) => low + ((high - low) * i) / 200);
  const curves = [0, 1, 10].map((innerSteps) => ({
    name: innerSteps === 0 ? "before adaptation" : `after ${innerSteps} step${innerSteps === 1 ? "" : "s"}`,
    y: trained.adapt(support, { innerSteps }).predict(x).mean as Float32Array,
  }));
  const truth = Float32Array.from(x, (each) => tasks.curve(key).at(each));
  const svg = drawFit({ x, truth, curves, support });
  return writePicture(path, (target) => writeFile(target, svg));
}

/** Reaches for the picture's file, with an error of one line. */
async function writePicture(path: string, write: (target: string) => Promise<void>): Promise<string> {
  const target = resolve(path);
  try {
    await mkdir(dirname(target), { recursive: true });
    await write(target);
  } catch (error) {
    throw new DataError(`--picture ${path}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  return target;
}
