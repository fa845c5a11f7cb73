/** Every form of the PyTorch peer gives the mean meta-gradient of a meta-batch, as the f64 reference has it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { caseFile, checksOf, referenceGradient } from "../../bench/peers/cases.ts";
import { Child } from "../../bench/peers/child.ts";
import { competitors } from "../../bench/peers/competitors.ts";
import { difference } from "../../bench/peers/gradients.ts";
import { noise, type Workload } from "../../src/cli/workloads.ts";
import { episodes, maml, mlp } from "../../src/index.ts";

const test = suite("PyTorch forms");

const TASKS = 3;
const forms = competitors(["torch"]);
const missing = forms.find((form) => form.missing !== undefined)?.missing;
if (missing !== undefined) console.log(`note: the forms of PyTorch are not checked: ${missing}`);

test("all forms are known", () => {
  assert.equal(
    forms.map(({ name }) => name),
    ["PyTorch loop", "PyTorch loop backward", "PyTorch vmap", "PyTorch vmap backward", "PyTorch batched"],
  );
});

/** Small enough for the reference; convolutions are checked by `bench:peers` alone, where a kink of one episode does not count. */
const small: Readonly<Record<string, () => Workload>> = {
  sine: () => checksOf("sine")[0] as Workload,
  sine5: () => checksOf("sine5")[0] as Workload,
  omni_fc: () => ({
    name: "narrow",
    learner: maml(mlp({ inputShape: [28, 28, 1], hidden: [9, 8, 7, 6], outputs: 5 }), {
      innerSteps: 1,
      innerRate: 0.5,
    }),
    tasks: episodes(noise(20, 4), { ways: 5, shots: 1, queries: 1 }),
    metaBatch: TASKS,
  }),
};

const folder = mkdtempSync(join(tmpdir(), "quickstudy-torch-"));
test.after(() => rmSync(folder, { recursive: true }));

/** Where a peer finds a meta-batch, and the mean of its meta-gradients. */
function prepared(workload: string, check: Workload) {
  const each = Array.from({ length: TASKS }, (_, i) => referenceGradient(check, i));
  const mean = Object.entries(each[0] as (typeof each)[0]).map(([name, values]) => {
    const sumAt = (at: number) => each.reduce((total, of) => total + (of[name]?.[at] as number), 0);
    return [name, values.map((_, at) => sumAt(at) / TASKS)] as const;
  });
  const file = join(folder, `${workload}.json`);
  writeFileSync(file, JSON.stringify(caseFile(workload, { ...check, metaBatch: TASKS })));
  return { workload, file, mean: Object.fromEntries(mean) };
}

const cases = missing === undefined ? Object.entries(small).map(([name, make]) => prepared(name, make())) : [];
for (const form of missing === undefined ? forms : []) {
  test(`${form.name}: the mean over ${TASKS} tasks`, async () => {
    const child = new Child(form.command("sine"));
    try {
      for (const { workload, file, mean } of cases) {
        const { gradient = {} } = await child.ask({ do: "gradient", file }, 300);
        const off = difference(mean, gradient);
        assert.ok(off < 1e-4, `${workload}: off by ${off}`);
      }
    } finally {
      child.stop();
    }
  });
}

test.run();
