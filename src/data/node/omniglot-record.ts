import { BATCH_NORM_MODES } from "../../nn/layer.ts";
import { conv4 } from "../../nn/networks.ts";
import { classification } from "../../nn/objective.ts";
import { choice, whole } from "../../options.ts";
import { episodes } from "../../tasks/episodes.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { loadOmniglot } from "./omniglot.ts";

const OPTIONS = {
  ways: whole("classes of an episode", { least: 2, most: 10_000, default: 5 }),
  shots: whole("support examples of a class", { least: 1, most: 19, default: 1 }),
  queries: whole("query examples of a class", { least: 1, most: 19, default: 5 }),
  filters: whole("filters of the Conv-4", { least: 1, most: 4096, default: 64 }),
  batchNorm: choice("statistics of batch normalisation", BATCH_NORM_MODES, "support"),
  split: choice("classes to train on", ["train", "trainval"], "trainval"),
};

export const omniglotRecord: TaskRecord<typeof OPTIONS> = {
  name: "omniglot",
  summary: "handwritten characters of 50 alphabets, with rotations as classes (split of Vinyals et al. 2016)",
  options: OPTIONS,
  data: "images_background.zip, images_evaluation.zip and the lists of vinyals/",
  run: { iterations: 4_000, metaBatch: 32 },
  evaluation: { ways: 5 },
  spec: ({ ways, shots, queries }) => ({
    inputs: { x: [28, 28, 1] },
    objective: classification(ways),
    segments: [ways * shots],
    queries: ways * queries,
  }),
  async source({ ways, shots, queries, split }, part, data) {
    const parts = await loadOmniglot(data, { split: "vinyals" });
    const classes = { train: parts[split], validation: parts.val, test: parts.test }[part];
    return episodes(classes, { ways, shots, queries });
  },
  model({ filters, batchNorm }, kind, width) {
    const images = { inputShape: [28, 28, 1], filters, batchNorm } as const;
    if (kind === "predictor") return conv4({ ...images, outputs: width });
    return conv4({ ...images, downsampling: kind === "maps" ? "maps" : "maxPool" });
  },
};
