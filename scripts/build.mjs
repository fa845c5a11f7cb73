/**
 * Bundles src/ into dist/:
 *
 * - index.js, node.js, cli.js: ESM over shared chunks, so that an error or a model that crosses from one
 *   entry to another is still an instance of the same class, and the core is in the package's Node side only once.
 * - quickstudy.min.js: index.js as one minified file, for pages, without the build of the core that has relaxed SIMD;
 *   quickstudy.relaxed.min.js: the same with it. index.cjs: index.js for require.
 * - worker.js: the program of a worker, which the bundles hold as a string, as a file for pages that must host it.
 * - types/, types-cjs/: declarations, once for each of the module systems.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { workerSource } from "../build/worker.js";
import { bareLoader } from "./bare-loader.mjs";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));

const common = { bundle: true, target: "es2022", legalComments: "none", logLevel: "warning" };

/** No externals, no Node: a universal entry that reaches for a file system does not build. */
const universal = { ...common, entryPoints: ["src/index.ts"], platform: "browser" };

const page = (plugins, outfile) => build({ ...universal, format: "esm", minify: true, plugins, outfile });

const withBareLoader = {
  name: "with a bare loader",
  setup({ onLoad }) {
    const [filter, contents] = bareLoader;
    onLoad({ filter }, () => ({ contents }));
  },
};

/** Relaxed SIMD is an option that few pages take, and all would load. */
const withoutRelaxed = {
  name: "without relaxed SIMD",
  setup({ onLoad }) {
    onLoad({ filter: /build\/core\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/relaxedPatchHex = "\w*"/, 'relaxedPatchHex = ""'),
    }));
  },
};

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");

await Promise.all([
  build({
    ...common,
    entryPoints: {
      index: "src/index.ts",
      node: "src/node.ts",
      cli: "src/cli/main.ts",
    },
    platform: "neutral",
    external: [...Object.keys(dependencies), "node:*"],
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    outdir: "dist",
  }),
  page([withBareLoader, withoutRelaxed], "dist/quickstudy.min.js"),
  page([withBareLoader], "dist/quickstudy.relaxed.min.js"),
  build({ ...universal, format: "cjs", outfile: "dist/index.cjs" }),
]);

const cli = readFileSync("dist/cli.js", "utf8").replace(/^#!.*\n/, "");
writeFileSync("dist/cli.js", `#!/usr/bin/env node\n${cli}`);
chmodSync("dist/cli.js", 0o755);
for (const core of ["core.wasm", "core-relaxed.wasm"]) copyFileSync(`build/${core}`, `dist/${core}`);
writeFileSync("dist/worker.js", workerSource);

const tsc = "node_modules/typescript/bin/tsc";
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", "dist/types"], { stdio: "inherit" });
// The same declarations under a package.json of their own: beside index.cjs they have to count as CommonJS.
cpSync("dist/types", "dist/types-cjs", { recursive: true });
writeFileSync("dist/types-cjs/package.json", '{ "type": "commonjs" }\n');

const bundle = readFileSync("dist/quickstudy.min.js");
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
console.log(
  `dist/quickstudy.min.js: ${kilobytes(bundle.length)}, ${kilobytes(gzipSync(bundle, { level: 9 }).length)} gzip`,
);
