import { flatten } from "../nn/layers.ts";
import { model } from "../nn/model.ts";
import { mlp } from "../nn/networks.ts";
import { classification } from "../nn/objective.ts";
import { type Given, number, readOptions, whole } from "../options.ts";
import { Draw, type Key } from "../random.ts";
import { hashValues } from "./hash.ts";
import type { TaskRecord } from "./record.ts";
import type { Episode, LabelledBatch, Task, TaskSource, TaskSpec } from "./types.ts";

const OPTIONS = {
  ways: whole("classes of a task", { least: 2, most: 10_000, default: 5 }),
  shots: whole("support examples of a class", { least: 1, most: 100_000, default: 1 }),
  queries: whole("query examples of a class", { least: 1, most: 100_000, default: 5 }),
  features: whole("numbers of an example", { least: 1, most: 100_000, default: 8 }),
  spread: number("standard deviation of the examples around their class's centre, in units of the centres' own", {
    above: 0,
    default: 0.5,
  }),
};

export type ClustersOptions = Given<typeof OPTIONS>;

/** The source that `clusters` makes. */
export interface ClustersSource extends TaskSource {
  readonly spec: TaskSpec;
  sample(key: Key, spec?: number, into?: Task): Episode;
}

/** Uniform numbers whose sum, less its mean of 6, has variance 1 and is nearly normal. No host mathematics: the same bits everywhere. */
const TERMS = 12;

export function nearlyNormal(draw: Draw): number {
  let sum = -TERMS / 2;
  for (let i = 0; i < TERMS; i++) sum += draw.uniform();
  return sum;
}

/**
 * Classes that are clouds of points around random centres, new in every task: classification that needs no data, to try a
 * learner on. All numbers have variance 1.
 * @throws OptionError for an option that does not exist or is out of range
 */
export function clusters(options: ClustersOptions = {}): ClustersSource {
  const { ways, shots, queries, features, spread } = readOptions("clusters", OPTIONS, options);
  const spec: TaskSpec = {
    inputs: { x: [features] },
    objective: classification(ways),
    segments: [ways * shots],
    queries: ways * queries,
  };
  const empty = (rows: number): LabelledBatch => ({ x: new Float32Array(rows * features), y: new Float32Array(rows) });
  const scale = 1 / Math.sqrt(1 + spread * spread);
  return {
    name: `clusters ${ways}-way ${shots}-shot`,
    fingerprint: hashValues("clusters", ways, shots, queries, features, spread),
    spec,
    specs: [spec],
    sample(key, _spec = 0, into) {
      const draw = new Draw(key);
      const centres = Float64Array.from({ length: ways * features }, () => nearlyNormal(draw));
      const fill = ({ x, y }: LabelledBatch, perClass: number) => {
        for (let row = 0; row < y.length; row++) {
          const label = Math.floor(row / perClass);
          y[row] = label;
          for (let i = 0; i < features; i++) {
            x[row * features + i] = scale * ((centres[label * features + i] as number) + spread * nearlyNormal(draw));
          }
        }
      };
      const room = into as Episode | undefined;
      const support = room?.support ?? empty(ways * shots);
      const query = room?.queries ?? empty(ways * queries);
      fill(support, shots);
      fill(query, queries);
      return room ?? { segments: [support], support, queries: query };
    },
  };
}

export const clustersRecord: TaskRecord<typeof OPTIONS> = {
  name: "clusters",
  summary: "classes that are clouds of points around random centres",
  options: OPTIONS,
  run: { iterations: 2_000, metaBatch: 16 },
  spec: (settings) => clusters(settings).spec,
  source: async (settings) => clusters(settings),
  model: ({ features }, kind, width) =>
    kind === "features"
      ? model([features], flatten())
      : mlp({ inputShape: features, hidden: [64], outputs: kind === "predictor" ? width : 64 }),
};
