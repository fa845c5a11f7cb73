/** The table of a run, as Markdown that also reads well in a terminal. */
import {
  bestOf,
  PLAIN,
  RELAXED,
  type Results,
  type Row,
  ratio,
  TARGETS,
  type WorkloadResult,
  WRONG,
} from "./results.ts";

const HEADS = [
  "workload",
  "",
  "tasks/s",
  "lowest",
  "highest",
  "gradient off by",
  "plain is",
  "relaxed is",
  "target",
  "remark",
] as const;
/** Columns of words stand on the left. */
const LEFT = new Set([0, 1, 8, 9]);

/** Three digits, or all before the point. */
export function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(3)).toString();
}

const times = (value: number | undefined): string => (value === undefined ? "" : `${show(value)} x`);

function target(result: WorkloadResult, row: Row): string {
  if (row.group === "ours" || bestOf(result, row.group) !== row) return "";
  const wanted = TARGETS[result.workload]?.[row.group] ?? {};
  return Object.entries(wanted)
    .map(([ours, factor]) => {
      const reached = ratio(result, ours, row);
      const verdict = reached === undefined ? "not measured" : reached >= factor ? "met" : "missed";
      return `${ours === PLAIN ? "plain" : "relaxed"} ${factor} x ${verdict}`;
    })
    .join(", ");
}

function cells(result: WorkloadResult, row: Row): string[] {
  const { speed, gradient, gradientAt } = row;
  const wrong = gradient !== undefined && !(gradient <= WRONG) ? `wrong gradient (${gradientAt})` : undefined;
  const against = (ours: string) => (row.who === ours ? "" : times(ratio(result, ours, row)));
  return [
    result.workload,
    row.who,
    speed === undefined ? "-" : show(speed.median),
    speed === undefined ? "" : show(speed.lowest),
    speed === undefined ? "" : show(speed.highest),
    gradient === undefined ? "" : gradient.toExponential(0),
    against(PLAIN),
    row.group === "ours" ? "" : against(RELAXED),
    target(result, row),
    [wrong, row.remark, row.problem].filter((each) => each !== undefined).join("; "),
  ];
}

/** One row for every competitor and workload. */
export function table(results: Results): string {
  const rows = results.workloads.flatMap((result) => result.rows.map((row) => cells(result, row)));
  const widths = HEADS.map((head, i) => Math.max(3, head.length, ...rows.map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, i) =>
      LEFT.has(i) ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number),
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => (LEFT.has(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(HEADS), line(rule), ...rows.map(line)].join("\n");
}

/** Where, when and with what. */
export function caption({ date, machine, versions, protocol }: Results): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${date}, ${machine.cpu}, ${machine.cores} cores, ${machine.system}; ${names.join(", ")}. ` +
    `Medians of ${protocol.rounds} interleaved rounds of ${protocol.seconds} s after ${protocol.warmSeconds} s, one thread each.`
  );
}

const BEGIN = "<!-- bench:peers begins -->";
const END = "<!-- bench:peers ends -->";

/** A document with what stands between its marks replaced. */
export function betweenMarks(document: string, text: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`--docs: the file must have the lines ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${document.slice(end)}`;
}
