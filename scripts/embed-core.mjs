/**
 * Turns what workers and pages must not have to fetch into modules of build/, so that every runtime and bundler takes it as
 * it is:
 *
 * - core.js: the bytes of core.wasm, and what core-relaxed.wasm differs by, as text;
 * - worker.js: the program of a worker as one string, without the core, whose bytes are sent to it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { bareLoader } from "./bare-loader.mjs";
import { patchOf } from "./patch.mjs";
import { textOf } from "./text.mjs";

/** Replaces a file in one step, and only if it changes: what runs from the sources meanwhile never reads half of it. */
function replace(path, text) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

const plain = readFileSync("build/core.wasm");
const patch = patchOf(plain, readFileSync("build/core-relaxed.wasm"));
replace(
  "build/core.js",
  `export const coreText = "${textOf(plain)}";\nexport const relaxedPatchText = "${textOf(patch)}";\n`,
);
replace(
  "build/core.d.ts",
  `/** The bytes of core.wasm, as scripts/text.mjs writes them. */
export declare const coreText: string;
/** What core-relaxed.wasm differs from core.wasm by, as scripts/patch.mjs makes it and scripts/text.mjs writes it. */
export declare const relaxedPatchText: string;
`,
);

/** Modules that are something smaller in a worker. */
const leftOut = [
  [/build\/core\.js$/, 'export const coreText = "", relaxedPatchText = "";'],
  // The executor validates programs, and holds them to limits, before it sends them.
  [/program\/validate\.ts$/, "export const validate = () => {};"],
  [
    /program\/limits\.ts$/,
    "export const requireLimits = () => {}, checkBytes = requireLimits, checkLimits = requireLimits, checkOperations = requireLimits, operationsOfAll = requireLimits;",
  ],
  bareLoader,
];

const { outputFiles } = await build({
  stdin: { contents: 'import { listen } from "./src/executors/worker.ts"; listen();', resolveDir: "." },
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  plugins: [
    {
      name: "without what a worker is sent, or was done for it",
      setup({ onLoad }) {
        for (const [filter, contents] of leftOut) onLoad({ filter }, () => ({ contents }));
      },
    },
  ],
});
replace("build/worker.js", `export const workerSource = ${JSON.stringify(outputFiles[0].text)};\n`);
replace(
  "build/worker.d.ts",
  "/** The program of a worker: a classic script. */\nexport declare const workerSource: string;\n",
);
