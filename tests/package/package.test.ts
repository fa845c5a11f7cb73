/** The package as its users get it: packed, and installed in a folder that knows nothing of this repository. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importSize, learnerExports, USE } from "../../bench/size.ts";
import { VERSION } from "../../src/version.ts";

const test = suite("package");
const root = fileURLToPath(new URL("../../", import.meta.url));
const tsc = join(root, "node_modules/typescript/bin/tsc");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
};

// Packed and installed here, not in a `before` hook: uvu swallows what those throw.
const consumer = mkdtempSync(join(tmpdir(), "quickstudy-package-"));
process.on("exit", () => rmSync(consumer, { recursive: true, force: true }));
const npm = ["pack", "--json", "--ignore-scripts", "--pack-destination", consumer];
const { stdout: report } = await promisify(execFile)("npm", npm, { cwd: root });
const [{ filename, files }] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
const packed = files.map(({ path }) => path);
const installed = join(consumer, "node_modules/quickstudy");
writeFileSync(join(consumer, "package.json"), '{ "type": "module" }');
// Offline: whatever it needed from elsewhere would be missed here.
const install = ["install", "--offline", "--ignore-scripts", join(consumer, filename)];
await promisify(execFile)("npm", install, { cwd: consumer });
const besideIt = readdirSync(join(consumer, "node_modules")).filter((name) => !name.startsWith("."));
// For the tests of types alone.
symlinkSync(join(root, "node_modules/@types"), join(consumer, "node_modules/@types"));

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
    "dist/THIRD_PARTY_NOTICES.txt",
    "dist/cli.js",
    "dist/core-relaxed.wasm",
    "dist/core.wasm",
    "dist/index.cjs",
    "dist/analysis.js",
    "dist/data.js",
    "dist/index.js",
    "dist/node.js",
    "dist/quickstudy.min.js",
    "dist/quickstudy.relaxed.min.js",
    "dist/types-cjs/package.json",
    "dist/types-cjs/src/index.d.ts",
    "dist/types/src/analysis.d.ts",
    "dist/types/src/data.d.ts",
    "dist/types/src/index.d.ts",
    "dist/types/src/node.d.ts",
    "dist/worker.js",
    "package.json",
  ];
  for (const path of expected) assert.ok(packed.includes(path), `${path} is missing`);
  const others = packed.filter((path) => !expected.includes(path));
  const known =
    /^(CHANGELOG\.md|dist\/chunk-\w+\.js|dist\/modules\/(src|build)\/.+\.js|dist\/types(-cjs)?\/(src|assembly)\/.+\.d\.ts)$/;
  assert.equal(
    others.filter((path) => !known.test(path)),
    [],
  );
});

test("the bundle for pages is below 114 KB gzip, core included", () => {
  const bytes = gzipSync(readFileSync(join(installed, "dist/quickstudy.min.js")), { level: 9 }).length;
  console.log(`\nnote: quickstudy.min.js: ${(bytes / 1000).toFixed(1)} KB gzip`);
  assert.ok(bytes < 115_000, `${bytes} bytes`);
});

test("a page that uses one learner loads that learner and no training", async () => {
  const use = await importSize(USE, installed);
  const learners = [...learnerExports().values()];
  const sizes = new Map<string, number>();
  for (const learner of learners) sizes.set(learner, await importSize([...USE, learner], installed));
  console.log(
    `\nnote: restore, mlp and a learner: ${[...sizes].map(([name, bytes]) => `${name} ${bytes}`).join(", ")}`,
  );
  assert.ok((await importSize([...USE, "relaxedCore"], installed)) > use + 800);
  for (const [learner, bytes] of sizes) assert.ok(bytes <= 60_000 && bytes > use, `${learner}: ${bytes} bytes`);
  assert.ok((await importSize([...USE, "metaTrain"], installed)) > use + 5_000);
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
      "const { add, compile, OptionError, workers } = all.default ?? all;",
      "const executor = workers(2);",
      "const job = await executor.load({ task: compile({ x: [1] }, ({ x }) => ({ y: add(x, x) })) });",
      "console.log((await job.sum({}, [1, 2, 3].map((each) => ({ x: Float32Array.of(each) })))).sums.y.join());",
      "const error = await job.sum({}, [{}]).catch((error) => error);",
      "console.log(error instanceof OptionError, error.message.split(':')[0]);",
    ];
    // Nobody closes them: the program ends all the same.
    assert.is(await script("bundled-workers.mjs", lines), "12\ntrue run", file);
  }
});

test("installs no other package, and asks for none", () => {
  assert.equal(besideIt, ["quickstudy"]);
  const asked = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const kind of ["dependencies", "optionalDependencies", "peerDependencies"])
    assert.is(asked[kind], undefined, kind);
});

const scripts = packed.filter((path) => /^dist\/[^/]+\.c?js$/.test(path));

test("its files import each other and Node's modules, and require nothing", () => {
  for (const path of scripts) {
    const text = readFileSync(join(installed, path), "utf8");
    const targets = Array.from(
      text.matchAll(/^\s*(?:import|export)\b[^;"']*["']([^"']+)["']/gm),
      ([, target = ""]) => target,
    );
    if (path === "dist/node.js") assert.ok(targets.length > 0);
    for (const target of targets) assert.match(target, /^(node:[\w/]+|\.\/chunk-\w+\.js)$/, path);
    assert.not.match(text, /^\s*(var|let|const) .*[^.\w]require\("(?!node:)/m, path);
  }
});

test("the notices hold the licence of every package whose code is in the files", () => {
  const notices = readFileSync(join(installed, "dist/THIRD_PARTY_NOTICES.txt"), "utf8");
  const found = new Set<string>();
  for (const path of scripts) {
    const text = readFileSync(join(installed, path), "utf8");
    // esbuild names the file that code is from, where it does not minify.
    for (const [, name = ""] of text.matchAll(/^ *\/\/ (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)) {
      found.add(name);
      assert.ok(text.slice(0, 2000).includes(`${name} `), `${path} does not say that it holds ${name}`);
    }
  }
  for (const name of ["@assemblyscript/loader", "commander", "cli-progress", "fast-png", "fflate", "d3-scale"]) {
    assert.ok(found.has(name), `${name} is not bundled`);
  }
  for (const name of [...found, "assemblyscript"]) {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    assert.ok(notices.includes(`\n${name} ${version} (${license})\n`), name);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    // The loader comes without one; its text is that of the compiler.
    if (name !== "@assemblyscript/loader") assert.ok(file !== undefined, name);
    if (file !== undefined) {
      const text = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim();
      assert.ok(notices.includes(text), `${name}: the text of ${file} is missing`);
    }
  }
  assert.match(notices, /Apache License\s+Version 2\.0/);
  assert.match(
    readFileSync(join(installed, "dist/quickstudy.min.js"), "utf8").slice(0, 500),
    "THIRD_PARTY_NOTICES.txt",
  );
});

test("the command runs", async () => {
  assert.match(await node(join(installed, "dist/cli.js"), "--help"), "quickstudy");
  const { stdout } = await promisify(execFile)("npx", ["--offline", "quickstudy", "--version"], { cwd: consumer });
  assert.is(stdout.trim(), manifest.version);
  const picture = join(consumer, "out/fit.svg");
  const demo = ["demo", "--iterations", "2", "--picture", picture, "--json"];
  assert.is(JSON.parse(await node(join(installed, "dist/cli.js"), ...demo)).picture, picture);
  assert.match(readFileSync(picture, "utf8"), "<svg");
});

test("the Node entry keeps checkpoints and reads folders", async () => {
  const lines = [
    'import { fileStore, loadOmniglot } from "quickstudy/node";',
    'const store = fileStore("kept.safetensors");',
    "await store.open(); await store.write(Uint8Array.of(7)); await store.close();",
    "console.log((await store.read()).join());",
    'console.log(await loadOmniglot("nowhere").catch((error) => error.name));',
  ];
  assert.is(await script("files.mjs", lines), "7\nDataError");
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
