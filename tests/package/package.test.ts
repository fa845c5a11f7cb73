/** The package as its users get it: packed, and installed in a folder that knows nothing of this repository. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { VERSION } from "../../src/version.ts";

const test = suite("package");
const root = fileURLToPath(new URL("../../", import.meta.url));
const tsc = join(root, "node_modules/typescript/bin/tsc");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
};

// Packed and installed here, not in a `before` hook: uvu swallows what those throw.
const consumer = mkdtempSync(join(tmpdir(), "quickstudy-package-"));
process.on("exit", () => rmSync(consumer, { recursive: true, force: true }));
const npm = ["pack", "--json", "--ignore-scripts", "--pack-destination", consumer];
const { stdout: report } = await promisify(execFile)("npm", npm, { cwd: root });
const [{ filename, files }] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
const packed = files.map(({ path }) => path);
const installed = join(consumer, "node_modules/quickstudy");
mkdirSync(installed, { recursive: true });
await promisify(execFile)("tar", ["-xzf", join(consumer, filename), "-C", installed, "--strip-components=1"]);
for (const name of [...Object.keys(manifest.dependencies), "@types"]) {
  symlinkSync(join(root, "node_modules", name), join(consumer, "node_modules", name));
}
writeFileSync(join(consumer, "package.json"), '{ "type": "module" }');

/** Runs node in the user's folder; what the process printed. */
async function node(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: consumer }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout.trim();
}

/** Runs a script in the user's folder. */
function script(name: string, lines: readonly string[]): Promise<string> {
  writeFileSync(join(consumer, name), lines.join("\n"));
  return node(name);
}

/** y = 2x on three numbers, printed; `add`, `compile` and `run` are in scope. */
const DOUBLE = [
  "const program = compile({ x: [3] }, ({ x }) => ({ y: add(x, x) }));",
  "console.log(run(program, { x: [1, 2, 3] }).y.join());",
];

test("holds what is used and nothing else", () => {
  const expected = [
    "LICENSE",
    "README.md",
    "dist/cli.js",
    "dist/core-relaxed.wasm",
    "dist/core.wasm",
    "dist/index.cjs",
    "dist/index.js",
    "dist/node.js",
    "dist/quickstudy.min.js",
    "dist/quickstudy.relaxed.min.js",
    "dist/types-cjs/package.json",
    "dist/types-cjs/src/index.d.ts",
    "dist/types/src/index.d.ts",
    "dist/types/src/node.d.ts",
    "dist/worker.js",
    "package.json",
  ];
  for (const path of expected) assert.ok(packed.includes(path), `${path} is missing`);
  const others = packed.filter((path) => !expected.includes(path));
  const known = /^(CHANGELOG\.md|dist\/chunk-\w+\.js|dist\/types(-cjs)?\/(src|assembly)\/.+\.d\.ts)$/;
  assert.equal(
    others.filter((path) => !known.test(path)),
    [],
  );
});

test("the bundle for pages is below 70 KB gzip, core included", () => {
  const bytes = gzipSync(readFileSync(join(installed, "dist/quickstudy.min.js")), { level: 9 }).length;
  console.log(`\nnote: quickstudy.min.js: ${(bytes / 1000).toFixed(1)} KB gzip`);
  assert.ok(bytes < 70_000, `${bytes} bytes`);
});

test("loads as ESM, also minified", async () => {
  for (const entry of ["quickstudy", "quickstudy/quickstudy.min.js"]) {
    assert.is(await script("user.mjs", [`import { add, compile, run } from "${entry}";`, ...DOUBLE]), "2,4,6");
  }
});

test("loads as CommonJS", async () => {
  assert.is(await script("user.cjs", ['const { add, compile, run } = require("quickstudy");', ...DOUBLE]), "2,4,6");
});

test("core.wasm is the core that is built in", async () => {
  const lines = [
    'import { readFileSync } from "node:fs";',
    'import { add, compile, Core, run } from "quickstudy";',
    'const core = Core.create(readFileSync(new URL(import.meta.resolve("quickstudy/core.wasm"))));',
    "const program = compile({ x: [3] }, ({ x }) => ({ y: add(x, x) }));",
    "console.log(run(program, { x: [1, 2, 3] }, { core }).y.join());",
  ];
  assert.is(await script("core.mjs", lines), "2,4,6");
});

test("workers start from the package, and its entries share their classes", async () => {
  const lines = [
    'import { add, compile, OptionError } from "quickstudy";',
    'import { workers } from "quickstudy/node";',
    "try { workers(0); } catch (error) { console.log(error instanceof OptionError); }",
    "const executor = workers(2);",
    "const job = await executor.load({ task: compile({ x: [1] }, ({ x }) => ({ y: add(x, x) })) });",
    "const items = [1, 2, 3].map((each) => ({ x: Float32Array.of(each) }));",
    "console.log((await job.sum({}, items)).sums.y.join());",
    "await executor.close();",
  ];
  assert.is(await script("workers.mjs", lines), "true\n12");
});

test("workers start from every bundle, without an import of anything else", async () => {
  for (const file of ["index.js", "index.cjs", "quickstudy.min.js", "quickstudy.relaxed.min.js"]) {
    const lines = [
      `import * as all from ${JSON.stringify(join(installed, "dist", file))};`,
      "const { add, compile, workers } = all.default ?? all;",
      "const executor = workers(2);",
      "const job = await executor.load({ task: compile({ x: [1] }, ({ x }) => ({ y: add(x, x) })) });",
      "console.log((await job.sum({}, [1, 2, 3].map((each) => ({ x: Float32Array.of(each) })))).sums.y.join());",
    ];
    // Nobody closes them: the program ends all the same.
    assert.is(await script("bundled-workers.mjs", lines), "12", file);
  }
});

test("the command runs", async () => {
  assert.match(await node(join(installed, "dist/cli.js"), "--help"), "quickstudy");
});

test("types resolve for every module system, without skipLibCheck", async () => {
  const body = [
    "const program = compile({ x: [3] }, ({ x }) => ({ y: add(x, x) }));",
    "export const y: Float32Array = run(program, { x: [1, 2, 3] }).y;",
    "export const anyNames: Program = program;",
    "// @ts-expect-error: the input is called x",
    "export const wrong = () => run(program, { z: [1, 2, 3] });",
  ];
  const universal = ['import { add, compile, type Program, run } from "quickstudy";', ...body].join("\n");
  const withNode = ['import { workers } from "quickstudy/node";', "export const executor = workers(2);"].join("\n");
  writeFileSync(join(consumer, "universal.ts"), universal);
  writeFileSync(join(consumer, "universal.cts"), universal);
  writeFileSync(join(consumer, "node.ts"), withNode);
  const strict = ["--noEmit", "--strict", "--target", "es2022"];
  const bundler = ["--module", "esnext", "--moduleResolution", "bundler"];
  await node(tsc, ...strict, ...bundler, "--types", "", "universal.ts");
  await node(tsc, ...strict, "--module", "node16", "--types", "", "universal.ts", "universal.cts");
  await node(tsc, ...strict, ...bundler, "--types", "node", "node.ts");
  await node(tsc, ...strict, "--module", "node16", "--types", "node", "node.ts");
});

test("time from import to the first finished program", async () => {
  const lines = [
    "const start = performance.now();",
    'const { add, compile, run } = await import("quickstudy");',
    ...DOUBLE,
    "console.log((performance.now() - start).toFixed(0));",
  ];
  const milliseconds = (await script("time.mjs", lines)).split("\n")[1];
  console.log(`\nnote: ${milliseconds} ms from import to the first finished program`);
});

test("the version in the code is the package's", () => {
  assert.is(VERSION, manifest.version);
});

test.run();
