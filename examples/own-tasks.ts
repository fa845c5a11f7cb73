/**
 * Tasks of your own: a stream in a world that changes. Points of a line arrive four at a time, and with every segment the
 * line drifts. Each segment is predicted from those before it, then learned from. A task is an address: everything random in
 * it is drawn from its key.
 */
import { Draw, evaluate, maml, metaTrain, mlp, regression, type TaskSource } from "quickstudy";

const SEGMENTS = 8;
const POINTS = 4;

const driftingLines: TaskSource = {
  name: "drifting lines",
  fingerprint: `drifting lines ${SEGMENTS} x ${POINTS}`,
  specs: [
    {
      inputs: { x: [1] },
      objective: regression(1),
      segments: Array.from({ length: SEGMENTS }, () => POINTS),
      queries: 0,
    },
  ],
  sample(key) {
    const draw = new Draw(key);
    let [slope, offset] = [draw.uniform(-3, 3), draw.uniform(-3, 3)];
    const segments = Array.from({ length: SEGMENTS }, () => {
      [slope, offset] = [slope + draw.uniform(-0.5, 0.5), offset + draw.uniform(-0.5, 0.5)];
      const x = Float32Array.from({ length: POINTS }, () => draw.uniform(-1, 1));
      return { x, y: x.map((each) => slope * each + offset) };
    });
    return { segments, queries: {} };
  },
};

const learner = maml(mlp({ inputShape: 1, hidden: [32], outputs: 1 }), { innerSteps: 2, innerRate: 0.05 });
for (const iterations of [0, 600]) {
  // A window of 4: gradients reach back through four segments, which bounds memory on long streams.
  const trained = await metaTrain(learner, driftingLines, { iterations, window: 4, seed: 1 });
  const { mean, ci95 } = await evaluate(trained, driftingLines, { episodes: 200 });
  console.log(
    `after ${iterations} iterations, squared error of the next points: ${mean.toFixed(2)} ± ${ci95.toFixed(2)}`,
  );
}
