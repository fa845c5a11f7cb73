/**
 * Turns what workers and pages must not have to fetch into modules of build/, so that every runtime and bundler takes it as
 * it is:
 *
 * - core.js: the bytes of core.wasm, and what core-relaxed.wasm differs by, in base64;
 * - worker.js: the program of a worker as one string, the core excluded: its bytes are sent to it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { patchOf } from "./patch.mjs";

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
  `export const coreBase64 = "${plain.toString("base64")}";\nexport const relaxedPatchBase64 = "${patch.toString("base64")}";\n`,
);
replace(
  "build/core.d.ts",
  `/** The bytes of core.wasm in base64. */
export declare const coreBase64: string;
/** What core-relaxed.wasm differs from core.wasm by, as scripts/patch.mjs writes it, in base64. */
export declare const relaxedPatchBase64: string;
`,
);

const { outputFiles } = await build({
  entryPoints: ["src/executors/worker.ts"],
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  plugins: [
    {
      name: "without the core",
      setup({ onLoad }) {
        onLoad({ filter: /build\/core\.js$/ }, () => ({
          contents: 'export const coreBase64 = ""; export const relaxedPatchBase64 = "";',
        }));
      },
    },
  ],
});
replace("build/worker.js", `export const workerSource = ${JSON.stringify(outputFiles[0].text)};\n`);
replace(
  "build/worker.d.ts",
  "/** The program of a worker: a classic script. */\nexport declare const workerSource: string;\n",
);
