/**
 * The layer beneath the learners: trace a function, differentiate it, compile it, run it. Here: linear regression by
 * gradient descent, with the steps driven from JavaScript.
 */
import { compile, Draw, decodeProgram, encodeProgram, grad, keyOf, matmul, meanSquaredError, run } from "quickstudy";

const program = compile({ w: [3, 1], x: [8, 3], y: [8, 1] }, ({ w, x, y }) => {
  const loss = meanSquaredError(matmul(x, w), y);
  return { loss, dw: grad(loss, [w])[0] };
});

// Eight examples of y = 2 a - b + 0.5 c.
const truth = [2, -1, 0.5];
const draw = new Draw(keyOf(1));
const x = Float32Array.from({ length: 8 * 3 }, () => draw.uniform(-1, 1));
const y = Float32Array.from({ length: 8 }, (_, row) =>
  truth.reduce((total, factor, column) => total + factor * (x[3 * row + column] ?? 0), 0),
);

let w: Float32Array = new Float32Array(3);
for (let step = 0; step <= 200; step++) {
  const { loss, dw } = run(program, { w, x, y });
  if (step % 50 === 0)
    console.log(
      `step ${step}: loss ${loss[0]?.toExponential(2)}, w ${[...w].map((each) => each.toFixed(3)).join(" ")}`,
    );
  w = w.map((each, i) => each - 0.5 * (dw[i] ?? 0));
}

// A Program is plain data: saved, sent elsewhere, read again and checked before it runs.
const bytes = encodeProgram(program);
const again = run(decodeProgram(bytes), { w, x, y });
console.log(
  `${program.instructionCount} instructions, ${program.arenaBytes} bytes of arena, ${bytes.length} bytes saved`,
);
console.log(`loss from the saved program: ${again.loss?.[0]?.toExponential(2)}`);
