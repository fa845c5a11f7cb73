/**
 * Few-shot classification of your own arrays. The data here are made up: 60 kinds of "gesture", each a curve of 32 samples
 * that is drawn a little differently every time. A prototypical network learns an embedding from 40 kinds; then it learns
 * five kinds that it has never seen, from three examples of each, and names a new one.
 */
import {
  Draw,
  episodes,
  evaluate,
  fold,
  fromArrays,
  keyOf,
  metaTrain,
  mlp,
  protoNet,
  randomSplit,
  restore,
} from "quickstudy";

const KINDS = 60;
const EXAMPLES = 20;
const SAMPLES = 32;

/** One example of a kind: the kind's random walk, stretched, with a slope and noise added. */
function gesture(kind: number, example: number): Float32Array {
  const shape = new Draw(fold(keyOf(1), kind));
  const hand = new Draw(fold(fold(keyOf(2), kind), example));
  const [stretch, slope] = [hand.uniform(0.6, 1.4), hand.uniform(-0.15, 0.15)];
  let walk = 0;
  return Float32Array.from({ length: SAMPLES }, (_, i) => {
    walk += shape.uniform(-0.5, 0.5);
    return stretch * walk + slope * i + hand.uniform(-1, 1);
  });
}

// x: one row an example; y: the label of each, numbers or strings.
const x: Float32Array[] = [];
const y: string[] = [];
for (let kind = 0; kind < KINDS; kind++) {
  for (let example = 0; example < EXAMPLES; example++) {
    x.push(gesture(kind, example));
    y.push(`gesture ${kind}`);
  }
}
const data = fromArrays({ x, y, name: "gestures" });

// Classes are divided, not examples: the test is about kinds that training never saw.
const { train, test } = randomSplit(data, { train: 40, test: 20 }, 1);
const shape = { ways: 5, shots: 3, queries: 5 };
const learner = protoNet(mlp({ inputShape: SAMPLES, hidden: [64], outputs: 32 }));

for (const iterations of [0, 500]) {
  const trained = await metaTrain(learner, episodes(train, shape), { iterations, metaBatch: 4, seed: 1 });
  const { mean, ci95, batchNorm } = await evaluate(trained, episodes(test, shape), { episodes: 200 });
  const accuracy = `${(100 * mean).toFixed(1)} ± ${(100 * ci95).toFixed(1)} %`;
  console.log(`5 new kinds, 3 examples of each, ${iterations} iterations: ${accuracy} (batch norm: ${batchNorm})`);
  if (iterations > 0) useIt(trained.save());
}

/** What an application does: it has the learner and the bytes, and meets new kinds. */
function useIt(bytes: Uint8Array): void {
  const kinds = test.classes.slice(0, 5).map(({ name }) => Number(name.replace("gesture ", "")));
  // Rows one after another, and for each the index of its kind.
  const support = { x: new Float32Array(5 * 3 * SAMPLES), y: new Float32Array(5 * 3) };
  for (const [label, kind] of kinds.entries()) {
    for (let i = 0; i < 3; i++) {
      support.x.set(gesture(kind, i), (3 * label + i) * SAMPLES);
      support.y[3 * label + i] = label;
    }
  }
  const mine = restore(learner, bytes).adapt(support);
  const [, , , kind = 0] = kinds;
  const [label = -1] = mine.classify(gesture(kind, 1000));
  console.log(`restored from ${bytes.length} bytes; a new gesture ${kind} is taken for a gesture ${kinds[label]}`);
}
