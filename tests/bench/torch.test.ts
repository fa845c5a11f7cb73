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
    learner: maml(mlp({ inputShape: [28, 28, 1], hidden: [9, 8, 7, 6], outputs: 5 }), { innerRate: 0.5 }),
    tasks: episodes(noise(20, 4), { ways: 5, shots: 1, queries: 1 }),
    metaBatch: TASKS,
  }),
};

for (const [workload, make] of Object.entries(missing === undefined ? small : {})) {
  test(`${workload}: the mean over ${TASKS} tasks`, async () => {
    const check = { ...make(), metaBatch: TASKS };
    const each = Array.from({ length: TASKS }, (_, i) => referenceGradient(check, i));
    const mean = Object.fromEntries(
      Object.entries(each[0] as (typeof each)[0]).map(([name, values]) => [
        name,
        values.map((_, at) => each.reduce((total, of) => total + (of[name]?.[at] as number), 0) / TASKS),
      ]),
    );
    const folder = mkdtempSync(join(tmpdir(), "quickstudy-torch-"));
    const file = join(folder, "case.json");
    writeFileSync(file, JSON.stringify(caseFile(workload, check)));
    try {
      for (const form of forms.filter(({ without }) => !without?.includes(workload))) {
        const child = new Child(form.command(workload));
        const { gradient = {} } = await child.ask({ do: "gradient", file }, 300).finally(() => child.stop());
        const off = difference(mean, gradient);
        assert.ok(off < 1e-4, `${form.name}: off by ${off}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
