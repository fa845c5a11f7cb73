/** From import to the first finished meta-step of sinusoid MAML, each time in a new process, from the built package. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PROCESSES = 11;

const SCRIPT = `
const began = performance.now();
const { maml, metaTrain, mlp, sinusoid } = await import(process.argv[1]);
const imported = performance.now();
const learner = maml(mlp({ inputShape: 1, hidden: [40, 40], outputs: 1 }), { innerSteps: 1, innerRate: 0.01 });
await metaTrain(learner, sinusoid(), { iterations: 1 });
console.log(JSON.stringify([imported - began, performance.now() - began]));
`;

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;

/** `npm run bench -- startup` */
export async function benchStartup(): Promise<void> {
  const entry = new URL("../dist/index.js", import.meta.url);
  if (!existsSync(entry)) throw new Error("dist/index.js is missing; run npm run build first");
  const runs = Array.from({ length: PROCESSES }, () => {
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", SCRIPT, fileURLToPath(entry)]);
    return JSON.parse(output.toString()) as [number, number];
  });
  const totals = runs.map(([, total]) => total);
  console.log(`import                       ${median(runs.map(([imported]) => imported)).toFixed(1)} ms`);
  console.log(
    `import to first meta-step    ${median(totals).toFixed(1)} ms ` +
      `(${Math.min(...totals).toFixed(1)} to ${Math.max(...totals).toFixed(1)}, ${PROCESSES} processes)`,
  );
}
