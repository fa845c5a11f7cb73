/** Omniglot through the command line: a narrow network, a few iterations, held-out classes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadOmniglot } from "../../src/data/node/omniglot.ts";
import { maml } from "../../src/learners/maml.ts";
import { conv4 } from "../../src/nn/networks.ts";
import { episodes } from "../../src/tasks/episodes.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { restore } from "../../src/train/trained.ts";
import { needs } from "../needs.ts";
import { folder, json, refused } from "./support.ts";

const data = fileURLToPath(new URL("../../../shared/data/omniglot", import.meta.url));
const available = existsSync(join(data, "images_background.zip"));
const test = suite("command line: Omniglot");
const omniglot = needs(test, `Omniglot's archives in ${data}`, available);

const train = (...args: readonly string[]) => [
  ...["train", "--task", "omniglot", "--data", data, "--iterations", "2", "--filters", "4", "--meta-batch", "2"],
  ...args,
];
const file = (name: string) => join(folder, `${name}.safetensors`);

omniglot("maml: the same parameters on 1 and 2 workers; accuracy on classes that were never seen", async () => {
  const checkpoint = file("maml");
  const result = await json(train("--checkpoint", checkpoint));
  assert.equal([result.task, result.learner, result.iterations], ["omniglot", "maml", 2]);
  assert.is((await json(train("--workers", "2"))).parameters, result.parameters);

  const printed = await json([
    "evaluate",
    checkpoint,
    "--data",
    data,
    "--episodes",
    "8",
    "--inner-steps",
    "2",
    "--seed",
    "4",
  ]);
  assert.equal([printed.metric, printed.episodes, printed.batchNorm], ["accuracy", 8, "support"]);
  const learner = maml(conv4({ inputShape: [28, 28, 1], outputs: 5, filters: 4 }), { innerSteps: 1, innerRate: 0.4 });
  const trained = restore(learner, new Uint8Array(readFileSync(checkpoint)));
  const { test: held, val } = await loadOmniglot(data, { cache: join(folder, "cache") });
  const tasks = episodes(held, { ways: 5, shots: 1, queries: 5 });
  const report = await evaluate(trained, tasks, { episodes: 8, innerSteps: 2, seed: 4 });
  assert.equal(printed, JSON.parse(JSON.stringify(report)));

  const other = await json(["evaluate", checkpoint, "--data", data, "--episodes", "2", "--part", "validation"]);
  assert.is(other.fingerprint, episodes(val as typeof held, { ways: 5, shots: 1, queries: 5 }).fingerprint);
});

omniglot(
  "protonet: trained on more classes than it is asked about, with running statistics if it is told so",
  async () => {
    const checkpoint = file("protonet");
    const args = ["--learner", "protonet", "--ways", "8", "--batch-norm", "running", "--validate-every", "1"];
    await json(train(...args, "--checkpoint", checkpoint));
    for (const [ways, more] of [
      [5, []],
      [3, ["--ways", "3", "--shots", "5"]],
    ] as const) {
      const report = await json(["evaluate", checkpoint, "--data", data, "--episodes", "10", ...more]);
      assert.equal([report.metric, report.batchNorm], ["accuracy", "running"]);
      assert.ok((report.mean as number) > 1 / ways && (report.mean as number) <= 1, `${report.mean} at ${ways} ways`);
    }
  },
);

omniglot("what does not fit is refused", async () => {
  const checkpoint = file("maml");
  await refused(["evaluate", checkpoint], "--data");
  await refused(["evaluate", checkpoint, "--data", data, "--ways", "3"], "--ways must be 5", "got 3");
  await refused(["evaluate", checkpoint, "--data", data, "--shots", "10", "--queries", "11"], "20", "10 + 11");
  await refused(train("--learner", "protonet", "--ways", "9000"), "9000", "classes");
});

test.run();
