import { choice, whole } from "../../options.ts";
import { episodes } from "../../tasks/episodes.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { classSpec, imageModel, NETWORK } from "./data-options.ts";
import { loadOmniglot } from "./omniglot.ts";

const OPTIONS = {
  ways: whole("classes of an episode", { least: 2, most: 10_000, default: 5 }),
  shots: whole("support examples of a class", { least: 1, most: 19, default: 1 }),
  queries: whole("query examples of a class", { least: 1, most: 19, default: 5 }),
  ...NETWORK,
  split: choice("classes to train on", ["train", "trainval"], "trainval"),
};

export const omniglotRecord: TaskRecord<typeof OPTIONS> = {
  name: "omniglot",
  summary: "handwritten characters of 50 alphabets, with rotations as classes (split of Vinyals et al. 2016)",
  options: OPTIONS,
  data: "a folder with images_background.zip, images_evaluation.zip and the lists of vinyals/",
  run: { iterations: 4_000, metaBatch: 32 },
  evaluation: { ways: 5 },
  spec: ({ ways, ...sizes }) => classSpec([28, 28, 1], ways, sizes),
  async source({ ways, shots, queries, split }, part, data) {
    const parts = await loadOmniglot(data, { split: "vinyals" });
    const classes = { train: parts[split], validation: parts.val, test: parts.test }[part];
    return episodes(classes, { ways, shots, queries });
  },
  model: (network, kind, width) => imageModel([28, 28, 1], network, kind, width),
};
