import { join } from "node:path";
import { choice, whole } from "../../options.ts";
import { isMissing, oneHot } from "../features/categories.ts";
import { standardise } from "../features/scale.ts";
import { preprocess } from "../preprocessing.ts";
import { readCsv } from "../readers/csv.ts";
import { listColumn, numberColumn } from "../table.ts";
import { classSpec, FOUND, vectorModel } from "./data-options.ts";
import { dataTask, openTable } from "./data-task.ts";
import { file } from "./files.ts";
import { stacked } from "./read-table.ts";

const HOSPITALS = ["cleveland", "hungarian", "switzerland", "va"] as const;
const MEASURED = ["age", "trestbps", "chol", "thalach", "oldpeak", "ca"];
const CODES = ["sex", "cp", "fbs", "restecg", "exang", "slope", "thal"];
const ORDER = "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal diagnosis".split(" ");

const OPTIONS = {
  hospital: choice("the hospital to test on; the others are trained on", HOSPITALS, "va"),
  support: whole("patients of the support set, ill and healthy in the proportion of the hospital", {
    least: 2,
    most: 100,
    default: 10,
  }),
  numbers: FOUND.numbers,
};

export const heart4Record = dataTask<typeof OPTIONS>({
  name: "heart4",
  summary: "heart disease or none, for the patients of a hospital that training never saw (Janosi et al. 1989)",
  options: OPTIONS,
  data: `a folder with ${HOSPITALS.map((name) => `processed.${name}.data`).join(", ")}`,
  run: { iterations: 1_000, metaBatch: 8 },
  spec: ({ numbers, support }) => ({ ...classSpec([numbers], 2, { shots: 1, queries: 50 }), segments: [support] }),
  async open({ hospital }, data) {
    const tables = await Promise.all(HOSPITALS.map((name) => patientsOf(data, name)));
    const kind = { of: "groups", label: "ill", group: "hospital" } as const;
    const features = preprocess({ x: [standardise(...MEASURED), oneHot(...CODES), isMissing(...MEASURED, ...CODES)] });
    const parts = { train: HOSPITALS.filter((name) => name !== hospital), validation: [], test: [hospital] };
    return openTable({ table: stacked("heart4", tables), kind, preprocess: () => features, parts });
  },
  model: ({ numbers }, kind, width) => vectorModel(numbers, kind, width),
});

/** The rows of a hospital; any diagnosis from 1 to 4 is a disease. */
async function patientsOf(folder: string, hospital: string) {
  const table = await readCsv(file(join(folder, `processed.${hospital}.data`)), { header: ORDER });
  const diagnosis = table.column("diagnosis", "number");
  const each = { length: table.size };
  return table.with({
    ill: numberColumn(Array.from(each, (_, row) => ((diagnosis.at(row) ?? Number.NaN) > 0 ? 1 : 0))),
    hospital: listColumn(
      "text",
      Array.from(each, () => hospital),
    ),
  });
}
