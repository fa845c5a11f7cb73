/** What an evaluation found beyond its mean, as files: numbers as JSON, and pictures. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { drawCalibration, drawConfusion } from "../analysis/pictures.ts";
import { bandResults, classResults } from "../analysis/results.ts";
import { writeAtomically } from "../data/node/atomic-write.ts";
import { DataError } from "../errors.ts";
import type { EpisodeSource } from "../tasks/episodes.ts";
import type { TaskSource } from "../tasks/types.ts";
import type { Report } from "../train/evaluate.ts";

/** Makes the folder that details go to, before anything is computed. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new DataError(`--out ${folder}: cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
}

export async function writeDetails(folder: string, { files }: Details): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeAtomically(join(folder, name), [new TextEncoder().encode(text)]);
  }
}

/** Files by name, and lines for a person. */
export interface Details {
  readonly files: Readonly<Record<string, string>>;
  readonly lines: readonly string[];
}

const json = (value: unknown): string =>
  `${JSON.stringify(value, (_, each) => (ArrayBuffer.isView(each) ? Array.from(each as Float64Array) : each), 1)}\n`;

/** @param report with `details` */
export function detailsOf(report: Report, tasks: TaskSource): Details {
  const results = { ...report, values: report.values };
  const outputs = report.results?.[0]?.predictions[0]?.outputs ?? {};
  if (outputs.logits !== undefined) {
    const named = "classesOf" in tasks && "dataset" in tasks ? { tasks: tasks as EpisodeSource } : {};
    const classes = classResults(report, named);
    const { names, accuracies, logLikelihood, calibration } = classes;
    // Most pairs of thousands of classes never meet: [class, prediction, weight] of those that do.
    const confusion = classes.confusion.flatMap((row, i) =>
      Array.from(row, (weight, j) => [i, j, weight]).filter(([, , weight]) => weight !== 0),
    );
    const hardest = names
      .map((name, i) => ({ name, accuracy: accuracies[i] as number }))
      .filter(({ accuracy }) => Number.isFinite(accuracy))
      .sort((a, b) => a.accuracy - b.accuracy)
      .slice(0, 5);
    return {
      files: {
        "results.json": json({ ...results, classes: { names, accuracies, logLikelihood, calibration, confusion } }),
        "confusion.svg": drawConfusion(classes),
        "calibration.svg": drawCalibration(classes),
      },
      lines: [
        `log likelihood ${logLikelihood.toFixed(4)}, calibration error ${calibration.expectedError.toFixed(4)}`,
        `hardest      ${hardest.map(({ name, accuracy }) => `${name} ${(100 * accuracy).toFixed(0)} %`).join(", ")}`,
      ],
    };
  }
  if (outputs.mean === undefined || outputs.deviation === undefined)
    return { files: { "results.json": json(results) }, lines: [] };
  const bands = bandResults(report);
  return {
    files: { "results.json": json({ ...results, bands }) },
    lines: [
      `log likelihood ${bands.logLikelihood.toFixed(4)} per number`,
      `bands        ${bands.bands.map(({ band, held }) => `${100 * band} %: ${(100 * held).toFixed(1)}`).join(", ")}`,
    ],
  };
}
