/**
 * Runs every test: the core's as-pect specs, and each uvu file in a process of its own.
 *
 *   node scripts/test.mjs               all, and fails when fewer than FLOOR passed
 *   node scripts/test.mjs words...      only files whose path contains one of the words
 *
 * Both runners pass when they find nothing to run, so here a file without tests is a failure. A skipped test has to say
 * why, in a line `skipped: ...` (tests/needs.ts prints it): one that does not, or a forgotten `.only`, is a failure.
 * Lines `note: ...` of a test file (measurements that nothing is asserted of) are shown.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";

/** Fewer passing tests than this mean that some were lost. */
const FLOOR = 700;
const PARALLEL = 2;
const TIME_LIMIT_MINUTES = 15;

const words = process.argv.slice(2);
const wanted = (path) => words.length === 0 || words.some((word) => path.includes(word));

/** All files below a folder, sorted: directories list in no particular order. */
function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(ending))
    .sort();
}

/** Runs node and gives its exit code and everything it printed. */
function node(args) {
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      killSignal: "SIGKILL",
      timeout: TIME_LIMIT_MINUTES * 60_000,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("close", (code, signal) => resolve({ code, output, problem: signal ? `killed by ${signal}` : "" }));
  });
}

const sum = (output, pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);

/** One uvu file. */
async function runFile(path) {
  const { code, output, problem } = await node(["--import", "tsx", path]);
  const total = sum(output, /^ {2}Total: +(\d+)$/gm);
  const passed = sum(output, /^ {2}Passed: +(\d+)$/gm);
  const skipped = sum(output, /^ {2}Skipped: +(\d+)$/gm);
  const reasons = output.match(/^skipped: /gm)?.length ?? 0;
  const problems = [problem];
  const runs = output.match(/^ {2}Total: /gm)?.length ?? 0;
  // uvu starts as soon as it can: an await between two suites' run() makes it run some of them twice.
  if (runs > 1) problems.push("the suites ran in parts: call every run() without an await in between");
  if (total + skipped === 0) problems.push("no test ran: is test.run() missing?");
  if (skipped !== reasons) problems.push(`${skipped} tests skipped, ${reasons} reasons given: is there an .only?`);
  if (code !== 0 && total === passed) problems.push(`exit code ${code} although no test failed`);
  if (code === 0 && total > passed) problems.push("failed without an error: uvu swallows what a `before` hook throws");
  return { path, output, passed, skipped, failed: total - passed, problems };
}

/** All as-pect specs, in one process. */
async function runSpecs(specs) {
  const { code, output, problem } = await node(["node_modules/@as-pect/cli/lib/test.js", "--summary"]);
  const problems = [problem];
  let passed = 0;
  let failed = 0;
  for (const spec of specs) {
    const line = output.split("\n").find((each) => each.includes(` ${spec} `));
    const [, good, total] = line?.match(/Pass: (\d+) \/ (\d+)/) ?? [];
    if (!(Number(total) > 0)) problems.push(`${spec}: no test ran`);
    passed += Number(good ?? 0);
    failed += Number(total ?? 0) - Number(good ?? 0);
  }
  if (code !== 0 && failed === 0) problems.push(`exit code ${code} although no test failed`);
  return { path: "assembly/__tests__ (as-pect)", output, passed, skipped: 0, failed, problems };
}

/** Prints what came of a file; a problem that is not a failed test counts as one failure. */
function report({ path, output, passed, skipped, failed, problems }, seconds) {
  const wrong = problems.filter((each) => each !== "");
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ""}${skipped ? `, ${skipped} skipped` : ""}`;
  console.log(`${failed + wrong.length > 0 ? "✘" : "✔"} ${path}: ${counts} (${seconds.toFixed(1)} s)`);
  if (failed + wrong.length > 0) console.log(output.trimEnd());
  else for (const [line] of output.matchAll(/^(skipped|note): .*$/gm)) console.log(`    ${line}`);
  for (const each of wrong) console.log(`    ${path}: ${each}`);
  return { passed, skipped, failed: failed + wrong.length };
}

const specs = filesBelow("assembly/__tests__", ".spec.ts");
const jobs = filesBelow("tests", ".test.ts")
  .filter(wanted)
  .map((path) => () => runFile(path));
if (specs.some(wanted)) jobs.unshift(() => runSpecs(specs));

const totals = { passed: 0, failed: 0, skipped: 0 };
async function work() {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const start = performance.now();
    const result = await job();
    const counts = report(result, (performance.now() - start) / 1000);
    for (const key in totals) totals[key] += counts[key];
  }
}
await Promise.all(Array.from({ length: PARALLEL }, work));

if (totals.passed + totals.failed + totals.skipped === 0) {
  console.log(`no test file matches ${words.join(" ")}`);
  totals.failed++;
} else if (words.length === 0 && totals.passed < FLOOR) {
  console.log(`only ${totals.passed} tests passed; at least ${FLOOR} must`);
  totals.failed++;
}
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 ? 1 : 0;
