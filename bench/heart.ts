/**
 * Heart disease in a new hospital, from 10 and 20 of its patients: docs/results.md, section 15. The learner is MAML on a logistic
 * regression, which begins at the regression of the other hospitals together. The rate of its steps is the one that is best for
 * these hospitals, each held out in turn.
 */

import { areaUnderCurve } from "../src/analysis.ts";
import {
  once,
  oneHot,
  preprocess,
  readCsv,
  splitExamples,
  standardise,
  type Table,
  tableOf,
  type WithinSource,
  within,
} from "../src/data.ts";
import { layers, maml, meanAndInterval, metaTrain, model, type SupportSet } from "../src/index.ts";
import { file } from "../src/node.ts";
import { type Coefficients, logisticRegression, logOdds, type Rows } from "./logistic.ts";
import { sharedData } from "./shared-data.ts";

const HOSPITALS = ["cleveland", "hungarian", "switzerland", "va"] as const;
const HEADER = "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal num".split(" ");
const NUMBERS = ["age", "trestbps", "chol", "thalach", "oldpeak", "ca"];
const CATEGORIES = ["sex", "cp", "fbs", "restecg", "exang", "slope", "thal"];
const SUPPORTS = [10, 20] as const;
const STEPS = 5;
const RATES = [0.01, 0.03, 0.1, 0.3] as const;
/** Draws of each training hospital for the choice of a rate. */
const TRIALS = 30;
const HEAVIER = 5;

/** A hospital, and what the others know. */
interface Setting {
  /** Tasks of the hospital, by the number of patients in the support set. */
  tasksOf(support: number): WithinSource;
  readonly others: Rows;
  /** The regression of all patients of the others. */
  readonly pooled: Coefficients;
  readonly features: number;
}

type Adapt = (support: SupportSet, queries: Float32Array) => ArrayLike<number>;

/** `npm run bench -- heart [draws]`: 100 draws of every hospital and number of patients unless told otherwise. */
export async function benchHeart([given = "100"]: readonly string[]): Promise<void> {
  const table = await readHospitals();
  for (const support of SUPPORTS) {
    const areas = new Map<string, number[][]>();
    const rates: number[] = [];
    for (const hospital of HOSPITALS) {
      const rate = await bestRate(
        table.where((row) => row.hospital !== hospital),
        HOSPITALS.filter((each) => each !== hospital),
        support,
      );
      const setting = settingOf(table, hospital);
      const methods = { ...baselines(setting), ours: await learner(setting, support, rate) };
      rates.push(rate);
      for (const [name, list] of Object.entries(await areasOf(setting, support, Number(given), methods))) {
        areas.set(name, [...(areas.get(name) ?? []), list]);
      }
    }
    print(support, areas, rates);
  }
}

async function readHospitals(): Promise<Table> {
  const tables = await Promise.all(
    HOSPITALS.map(async (hospital) => {
      const table = await readCsv(file(sharedData(`heart4/processed.${hospital}.data`)), { header: HEADER });
      return Array.from({ length: table.size }, (_, row) => ({ ...table.row(row), hospital }));
    }),
  );
  const rows: Readonly<Record<string, unknown>>[] = tables.flat();
  const columns = [...HEADER, "hospital"].map((name) => [name, rows.map((row) => row[name])] as const);
  const disease = rows.map(({ num }) => ((num as number) > 0 ? "yes" : "no"));
  return tableOf({ ...(Object.fromEntries(columns) as Record<string, number[]>), disease }, "heart");
}

/** Features are fitted to the other hospitals. */
function settingOf(table: Table, hospital: string): Setting {
  const others = table.where((row) => row.hospital !== hospital);
  const fitted = preprocess({ x: [standardise(...NUMBERS), oneHot(...CATEGORIES)] }).fit(others);
  const examples = fitted.examples(table, { label: "disease", group: "hospital" });
  const { test } = splitExamples(examples, { by: "group", parts: { test: [hospital] } });
  const x = fitted.apply(others).x as Float32Array;
  const disease = others.column("disease", "text");
  const rows = { x, y: Array.from({ length: others.size }, (_, row) => (disease.at(row) === "yes" ? 1 : 0)) };
  return {
    tasksOf: (support) => within(test, { support, queries: "rest", labels: ["no", "yes"] }),
    others: rows,
    pooled: logisticRegression(rows),
    features: x.length / others.size,
  };
}

function baselines({ others, pooled }: Setting): Record<string, Adapt> {
  const both = (share: number): Adapt => {
    const weight = others.y.length;
    return ({ x, y }, queries) => {
      const all = {
        x: [...Array.from(others.x), ...Array.from(x as Float32Array)],
        y: [...Array.from(others.y), ...Array.from(y as Float32Array)],
      };
      return logOdds(logisticRegression({ ...all, weight: all.y.map((_, i) => (i < weight ? 1 : share)) }), queries);
    };
  };
  return {
    "support set alone": ({ x, y }, queries) =>
      logOdds(logisticRegression({ x: x as Float32Array, y: y as Float32Array }), queries),
    "other hospitals": (_, queries) => logOdds(pooled, queries),
    both: both(1),
    [`both, support × ${HEAVIER}`]: both(HEAVIER),
  };
}

/** MAML from the pooled regression, of which each class has half. */
async function learner({ tasksOf, pooled, features }: Setting, support: number, innerRate: number): Promise<Adapt> {
  const halves = [-0.5, 0.5];
  const from = {
    weight: Float32Array.from(Array.from(pooled.subarray(0, features)).flatMap((b) => halves.map((half) => half * b))),
    bias: Float32Array.from(halves, (half) => half * (pooled[features] as number)),
  };
  const regression = maml(model([features], layers.linear(2)), { innerRate, innerSteps: STEPS });
  const trained = await metaTrain(regression, tasksOf(support), { iterations: 0, from });
  return (patients, queries) => {
    const { logits = new Float32Array(0) } = trained.adapt(patients).predict({ x: queries });
    return Float64Array.from({ length: logits.length / 2 }, (_, i) => (logits[2 * i + 1] ?? 0) - (logits[2 * i] ?? 0));
  };
}

/** Among the training hospitals, the rate with the largest mean area, each hospital being adapted to from the others. */
async function bestRate(table: Table, hospitals: readonly string[], support: number): Promise<number> {
  const totals = new Map<number, number>();
  for (const hospital of hospitals) {
    const setting = settingOf(table, hospital);
    for (const rate of RATES) {
      const { area = [] } = await areasOf(setting, support, TRIALS, { area: await learner(setting, support, rate) });
      totals.set(rate, (totals.get(rate) ?? 0) + meanAndInterval(area).mean);
    }
  }
  return [...totals].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}

/** The area of each draw of a hospital, by method; the draws are the same for all. */
async function areasOf<Name extends string>(
  { tasksOf }: Setting,
  support: number,
  draws: number,
  methods: Readonly<Record<Name, Adapt>>,
): Promise<Record<Name, number[]>> {
  const areas = Object.fromEntries(Object.keys(methods).map((name) => [name, [] as number[]]));
  for await (const { segments, queries } of once(tasksOf(support), { repeats: draws, seed: 1 }).tasks) {
    const [{ x, y } = queries] = segments;
    for (const [name, adapt] of Object.entries<Adapt>(methods)) {
      const scores = adapt({ x, y } as SupportSet, queries.x as Float32Array);
      areas[name]?.push(areaUnderCurve(scores, queries.y as Float32Array));
    }
  }
  return areas as Record<Name, number[]>;
}

function print(support: number, areas: ReadonlyMap<string, readonly number[][]>, rates: readonly number[]): void {
  const meanOf = (lists: readonly number[][]) => meanAndInterval(lists.map((list) => meanAndInterval(list).mean)).mean;
  const row = (name: string, cells: readonly (string | number)[]) =>
    console.log(name.padEnd(22) + cells.map((cell) => `${cell}`.padStart(13)).join(""));
  row(`${support} patients`, [...HOSPITALS, "mean"]);
  for (const [name, lists] of areas) {
    const cells = lists.map((list) => meanAndInterval(list).mean.toFixed(4));
    row(name, [...cells, meanOf(lists).toFixed(4)]);
  }
  row("rate of the steps", rates);
  const ours = areas.get("ours") as number[][];
  const others = [...areas].filter(([name]) => name !== "ours");
  const [name, best] = others.reduce((a, b) => (meanOf(b[1]) > meanOf(a[1]) ? b : a));
  const differences = ours.map((list, i) => list.map((area, j) => area - (best[i]?.[j] as number)));
  // Hospitals count alike and are fixed: the interval is that of the draws.
  const squares = differences.map((list) => meanAndInterval(list).ci95 ** 2);
  const ci95 = Math.sqrt(squares.reduce((sum, each) => sum + each, 0)) / squares.length;
  console.log(`ours less ${name}: ${meanOf(differences).toFixed(4)} ± ${ci95.toFixed(4)}\n`);
}
