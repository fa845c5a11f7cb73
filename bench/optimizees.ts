/** Families of functions to optimise. A task holds several of them side by side, so that one instruction serves them all. */
import {
  add,
  Draw,
  divide,
  fold,
  glorotUniform,
  type Key,
  type Layer,
  type Model,
  matmul,
  model,
  multiply,
  normal,
  type Objective,
  regression,
  reshape,
  type Scope,
  type Shape,
  sigmoid,
  sinusoid,
  square,
  subtract,
  sum,
  type TaskSource,
  type Tensor,
  take,
  zerosInitialiser,
} from "../src/index.ts";

/** Functions of one kind, `count` in a task: each has parameters of its own, and the loss is their sum. */
export interface Family {
  readonly name: string;
  problems(count: number): { readonly model: Model; readonly tasks: TaskSource };
}

/** The data of one function. */
interface Problem {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** The sum of squared errors over `points`, summed over the functions of a task. */
function squares(outputs: number, points: number): Objective {
  return {
    ...regression(outputs),
    name: `squares / ${points}`,
    metric: {
      name: "loss",
      better: "lower",
      measure(given, examples) {
        const [mean, y] = take({ ...given, ...examples }, "mean", "y");
        return mean.reduce((total, value, i) => total + (value - (y[i] ?? Number.NaN)) ** 2, 0) / points;
      },
    },
    loss(given, examples) {
      const [mean, y] = take({ ...given, ...examples }, "mean", "y");
      return divide(sum(square(subtract(mean, y))), points);
    },
    resize: (count) => squares(count, points),
  };
}

/** Tasks of one example, which is the data of all functions: the queries are the support set, as it is its loss that counts. */
function stacked(name: string, count: number, objective: Objective, shape: Shape, problem: (key: Key) => Problem) {
  return {
    name,
    fingerprint: `${name} x ${count}`,
    specs: [{ inputs: { x: [count, ...shape] }, objective, segments: [1], queries: 1 }],
    sample(key: Key) {
      const problems = Array.from({ length: count }, (_, i) => problem(fold(key, i)));
      const column = (name: "x" | "y") =>
        Float32Array.from(problems.flatMap(({ [name]: values }) => Array.from(values)));
      const examples = { x: column("x"), y: column("y") };
      return { segments: [examples], queries: examples };
    },
  } satisfies TaskSource;
}

const SIZE = 10;

/** f(theta) = |W theta - y|^2 with W [10, 10] and y [10] of variance 1 (Andrychowicz et al. 2016, section 3.1). */
const quadratics: Family = {
  name: "10-dimensional quadratics",
  problems(count) {
    const shape = [SIZE, SIZE];
    const layer: Layer = {
      kind: "quadratic",
      description: "W theta",
      outputShape: () => [count * SIZE],
      parameters: () => [{ name: "theta", shape: [count, SIZE], initialiser: normal(1) }],
      apply(scope, W) {
        const theta = reshape(scope.param("theta"), [1, count, 1, SIZE]);
        return reshape(sum(multiply(W, theta), 3), [-1, count * SIZE]);
      },
    };
    const tasks = stacked("quadratics", count, squares(count * SIZE, 1), shape, (key) => {
      const draw = new Draw(key);
      // Twelve uniform numbers have variance 1 together, and their sum is nearly normal.
      const number = () => Array.from({ length: 12 }, () => draw.uniform(-0.5, 0.5)).reduce((sum, each) => sum + each);
      return { x: Array.from({ length: SIZE * SIZE }, number), y: Array.from({ length: SIZE }, number) };
    });
    return { model: model([count, ...shape], layer), tasks };
  },
};

const POINTS = 10;
const HIDDEN = 20;

/** Networks side by side: x [1, count, points, 1] to [1, count * points]. */
function networks(count: number): Layer {
  const weights = (name: string, fanIn: number, fanOut: number) => {
    return { name, shape: [count, fanIn, fanOut], initialiser: glorotUniform, fans: { fanIn, fanOut } };
  };
  const biases = (name: string, units: number) => ({ name, shape: [count, 1, units], initialiser: zerosInitialiser });
  const linear = (scope: Scope, name: string, x: Tensor) =>
    add(matmul(x, scope.param(`${name}.weight`)), scope.param(`${name}.bias`));
  return {
    kind: "networks",
    description: `${HIDDEN} sigmoid units`,
    outputShape: () => [count * POINTS],
    parameters: () => [
      weights("hidden.weight", 1, HIDDEN),
      biases("hidden.bias", HIDDEN),
      weights("head.weight", HIDDEN, 1),
      biases("head.bias", 1),
    ],
    apply(scope, x) {
      const hidden = sigmoid(linear(scope, "hidden", reshape(x, [count, POINTS, 1])));
      return reshape(linear(scope, "head", hidden), [1, count * POINTS]);
    },
  };
}

/** The mean squared error of a network on 10 points of a sine curve (Finn et al. 2017, section 5.1). */
const mlp: Family = {
  name: `networks of ${HIDDEN} sigmoid units on ${POINTS} points of a sine curve`,
  problems(count) {
    const curves = sinusoid({ shots: POINTS, queries: 1 });
    const shape = [POINTS, 1];
    const objective = squares(count * POINTS, POINTS);
    const tasks = stacked("sines", count, objective, shape, (key) => curves.sample(key).support);
    return { model: model([count, ...shape], networks(count)), tasks };
  },
};

export const FAMILIES: Readonly<Record<string, Family>> = { quadratics, mlp };
