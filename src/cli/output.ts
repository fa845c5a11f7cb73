/** What the command line shows: results on stdout, progress and errors on stderr. */
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import { QuickstudyError } from "../errors.ts";
import type { Progress } from "../train/meta-train.ts";

/** Text as one line that a terminal only shows: what a file or an argument says could hold commands to the terminal. */
export function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replace(/\p{Cc}/gu, "\ufffd");
}

/** What commander says of a flag's value, in the wording of the other errors. */
export function usageLine(text: string): string {
  const line = oneLine(text.replace(/^error: /, ""));
  const value = /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*?)\.$/.exec(line);
  if (value === null) return `quickstudy: ${line}`;
  const [, name, got, rule = ""] = value;
  return `quickstudy: ${name} ${rule.replace(/^Allowed choices are/, "must be one of")}, got ${JSON.stringify(got)}`;
}

/** Prints a result: an object on one line, or lines for a person. */
export function printResult(json: boolean, result: object, lines: readonly string[]): void {
  process.stdout.write(`${json ? JSON.stringify(result) : lines.map(oneLine).join("\n")}\n`);
}

/** Columns padded to one width each; numbers and text alike. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd(),
  );
}

/** As `table`, with all columns but the first set flush right. */
export function numberTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const pad = (cell: string, i: number) =>
    i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number);
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}

/** `20 B`, `46.4 KiB`, `12.3 MiB`. */
export function showBytes(bytes: number): string {
  if (bytes < 2 ** 10) return `${bytes} B`;
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, "KiB"] : [bytes / 2 ** 20, "MiB"];
  return `${size < 100 ? size.toFixed(1) : size.toFixed(0)} ${unit}`;
}

/** A count with the letter of its thousands and the space before a unit: `3.21 G`. */
export function showCount(count: number): string {
  const power = count > 0 ? Math.min(4, Math.floor(Math.log10(count) / 3)) : 0;
  return power <= 0 ? `${count} ` : `${(count / 1000 ** power).toPrecision(3)} ${" kMGT"[power]}`;
}

/** Microseconds, to three digits or to whole ones. */
export function showMicroseconds(microseconds: number): string {
  if (microseconds >= 100) return microseconds.toFixed(0);
  return microseconds >= 10 ? microseconds.toFixed(1) : microseconds.toFixed(2);
}

/** One line for a person; never a stack trace for what a user can mend. */
export function errorLine(error: unknown): string {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const line = oneLine(message);
  if (error instanceof QuickstudyError) return `quickstudy: ${line}`;
  return `quickstudy: unexpected ${error instanceof Error ? error.name : "error"}: ${line}`;
}

/** Shows how training goes: a bar on a terminal, a line now and then elsewhere. */
export interface ProgressView {
  update(progress: Progress): void;
  end(): void;
}

const LINE_SECONDS = 15;
const BAR_SECONDS = 0.1;

/** Bytes that a task takes, and whether its inner steps are computed anew for that. */
export function showPeak({ peakBytes, bounded }: Pick<Progress, "peakBytes" | "bounded">): string {
  return `${showBytes(peakBytes)}${bounded ? " (bounded)" : ""}`;
}

export function showDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${`${whole % 60}`.padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h${`${Math.floor((whole % 3600) / 60)}`.padStart(2, "0")}m`;
}

function describe(progress: Progress, first: number, loss: number) {
  const { iteration, iterations, seconds, tasksPerSecond, validation } = progress;
  const left = ((iterations - iteration) * seconds) / (iteration - first + 1);
  const tested = validation
    ? `  validation ${validation.metric} ${validation.mean.toFixed(4)} ± ${validation.ci95.toFixed(4)}`
    : "";
  const rate = tasksPerSecond >= 100 ? tasksPerSecond.toFixed(0) : tasksPerSecond.toPrecision(3);
  return {
    rate,
    loss: loss.toFixed(4),
    left: showDuration(left),
    peak: `${showBytes(progress.peakBytes)} a task${progress.bounded ? " (bounded)" : ""}`,
    tested,
  };
}

/** A progress view on stderr. */
export function progressView(stream: NodeJS.WriteStream = process.stderr): ProgressView {
  return stream.isTTY ? barView(stream) : lineView(stream);
}

/** A mean over the last iterations that follows quickly and does not jump. */
function smoother(): (loss: number) => number {
  let mean: number | undefined;
  return (loss) => {
    mean = mean === undefined ? loss : 0.98 * mean + 0.02 * loss;
    return mean;
  };
}

function barView(stream: NodeJS.WriteStream): ProgressView {
  const format = "{bar} {value}/{total}  loss {loss}  {rate} tasks/s  {peak}  {left} left{tested}";
  const bars = new MultiBar({ stream, format, hideCursor: true, clearOnComplete: false }, Presets.shades_classic);
  const smooth = smoother();
  let bar: SingleBar | undefined;
  let first = 0;
  let shown = Number.NEGATIVE_INFINITY;
  let tested = "";
  return {
    update(progress) {
      const loss = smooth(progress.loss);
      if (bar === undefined) {
        first = progress.iteration;
        bar = bars.create(progress.iterations, 0);
      }
      const last = progress.iteration === progress.iterations;
      if (progress.seconds - shown < BAR_SECONDS && !last && !progress.validation) return;
      shown = progress.seconds;
      const text = describe(progress, first, loss);
      tested = text.tested || tested;
      bar.update(progress.iteration, { ...text, tested });
    },
    end: () => bars.stop(),
  };
}

function lineView(stream: NodeJS.WriteStream): ProgressView {
  const smooth = smoother();
  let first: number | undefined;
  let shown = 0;
  return {
    update(progress) {
      const loss = smooth(progress.loss);
      first ??= progress.iteration;
      const last = progress.iteration === progress.iterations;
      if (progress.seconds - shown < LINE_SECONDS && !last && !progress.validation) return;
      shown = progress.seconds;
      const { rate, left, peak, tested, loss: text } = describe(progress, first, loss);
      stream.write(
        `iteration ${progress.iteration}/${progress.iterations}  loss ${text}  ${rate} tasks/s  ${peak}  ${left} left${tested}\n`,
      );
    },
    end: () => {},
  };
}
