/** Classes that a small network can tell apart, without a data set behind them. */
import { classification } from "../../src/nn/objective.ts";
import { Draw, type Key } from "../../src/random.ts";
import type { Episode, LabelledBatch, TaskSource, TaskSpec } from "../../src/tasks/types.ts";

export const WAYS = 3;
export const FEATURES = 4;

const spec: TaskSpec = {
  inputs: { x: [FEATURES] },
  objective: classification(WAYS),
  segments: [5 * WAYS],
  queries: 4 * WAYS,
};

/** Classes are random corners, their examples lie around them: five of each in the support, four in the query set. */
export const clusters: TaskSource & { readonly specs: readonly [TaskSpec]; sample(key: Key): Episode } = {
  name: "clusters",
  fingerprint: "clusters",
  specs: [spec],
  sample(key) {
    const draw = new Draw(key);
    const centres = Array.from({ length: WAYS * FEATURES }, () => draw.uniform(-2, 2));
    const batch = (count: number): LabelledBatch => {
      const y = Float32Array.from({ length: count }, (_, i) => i % WAYS);
      const x = Float32Array.from({ length: count * FEATURES }, (_, i) => {
        const label = y[Math.floor(i / FEATURES)] as number;
        return (centres[label * FEATURES + (i % FEATURES)] as number) + draw.uniform(-0.5, 0.5);
      });
      return { x, y };
    };
    const support = batch(5 * WAYS);
    return { segments: [support], support, queries: batch(4 * WAYS) };
  },
};

export const isClasses = ({ specs }: TaskSource): boolean => specs[0]?.objective.classes ?? false;
