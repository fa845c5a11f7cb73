/**
 * Bundles src/ into dist/:
 *
 * - modules/: what index.js exports, a file for each source, for bundlers: they leave out unused modules, and can hardly leave
 *   out parts of a file.
 * - index.js, data.js, analysis.js, node.js, cli.js: ESM over shared chunks, so that an error or a model that crosses from one
 *   entry to another is still an instance of the same class, and the core is in the package's Node side only once.
 * - quickstudy.min.js: index.js as one minified file, for pages, without the build of the core that has relaxed SIMD;
 *   quickstudy.relaxed.min.js: the same with it. index.cjs: index.js for require.
 * - worker.js: the program of a worker, which the bundles hold as a string, as a file for pages that must host it.
 * - types/, types-cjs/: declarations, once for each of the module systems.
 * - THIRD_PARTY_NOTICES.txt: the licences of the packages whose code is in these files. All that is imported is bundled, so
 *   that installing the package installs no other.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { minify } from "@swc/core";
import { build } from "esbuild";
import { workerSource } from "../build/worker.js";
import { bareLoader } from "./bare-loader.mjs";
import { comment, NOTICES, notices, packagesOf } from "./notices.mjs";
import { workersOfTheSameCode } from "./once.mjs";

/** Comments of licences are left out: NOTICES has all of them, and every file with code of others says so. */
const common = { bundle: true, target: "es2022", legalComments: "none", logLevel: "warning", metafile: true };

/** No externals, no Node: a universal entry that reaches for a file system does not build. */
const universal = { ...common, entryPoints: ["src/index.ts"], platform: "browser" };
/** The universal entries: each source of theirs becomes a module of its own. */
const entries = {
  ...universal,
  entryPoints: ["src/index.ts", "src/data.ts", "src/analysis.ts"],
  outdir: "dist",
  write: false,
};

/** A bundle for pages: esbuild joins the modules, swc makes it small. */
async function page(plugins, outfile) {
  const bundled = await build({
    ...universal,
    format: "esm",
    plugins: [...plugins, await workersOfTheSameCode()],
    outfile,
  });
  const { code } = await minify(readFileSync(outfile, "utf8"), SMALL);
  writeFileSync(outfile, code);
  return bundled;
}

/** Options of swc: it gives the names of each function from the start again, which gzip makes 5 % less of than of esbuild's. */
const SMALL = { module: true, ecma: 2022, compress: { passes: 3 }, mangle: true, format: { comments: false } };

const withBareLoader = {
  name: "with a bare loader",
  setup({ onLoad }) {
    const [filter, contents] = bareLoader;
    onLoad({ filter }, () => ({ contents }));
  },
};

/** Enums become numbers, packages part of who imports them; any other module is a file of its own, under the name that the source has. */
const apart = {
  name: "modules apart",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, kind, importer }) =>
      kind === "entry-point" || path.endsWith("/opcodes.ts") || importer.includes("/node_modules/")
        ? undefined
        : { path: path.replace(/\.ts$/, ".js"), external: true },
    );
  },
};

/** Relaxed SIMD is an option that few pages take, and all would load. */
const withoutRelaxed = {
  name: "without relaxed SIMD",
  setup({ onLoad }) {
    onLoad({ filter: /build\/core\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/relaxedPatchText = "[^"]*"/, 'relaxedPatchText = ""'),
    }));
  },
};

/**
 * An ES module has no require: what CommonJS packages require of Node becomes an import. It takes two modules, as requiring
 * an ES module gives its exports and not its default, which is what Node's own `require` gives.
 */
const builtinsAsImports = {
  name: "builtins as imports",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_/]+$/, namespace: "file" }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith("node:") ? path : `node:${path}`;
      return kind === "require-call" ? { path: name, namespace: "required" } : { path: name, external: true };
    });
    onLoad({ filter: /^node:/, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = require("imported/${path}").default;`,
    }));
    onResolve({ filter: /^imported\//, namespace: "required" }, ({ path }) => ({ path, namespace: "imported" }));
    onLoad({ filter: /^imported\//, namespace: "imported" }, ({ path }) => ({
      contents: `export { default } from "${path.replace("imported/", "")}";`,
    }));
    onResolve({ filter: /^node:/, namespace: "imported" }, ({ path }) => ({ path, external: true }));
  },
};

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");

const results = await Promise.all([
  build({
    ...common,
    entryPoints: {
      index: "src/index.ts",
      data: "src/data.ts",
      analysis: "src/analysis.ts",
      node: "src/node.ts",
      cli: "src/cli/main.ts",
    },
    platform: "neutral",
    mainFields: ["module", "main"],
    plugins: [builtinsAsImports],
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    outdir: "dist",
  }),
  page([withBareLoader, withoutRelaxed], "dist/quickstudy.min.js"),
  page([withBareLoader], "dist/quickstudy.relaxed.min.js"),
  build({ ...universal, format: "cjs", outfile: "dist/index.cjs" }),
]);

const { metafile: all } = await build({ ...entries, format: "esm" });
const sources = Object.keys(all.inputs).filter((path) => /^(src|build)\//.test(path));
results.push(
  await build({
    ...universal,
    entryPoints: sources,
    format: "esm",
    plugins: [withBareLoader, apart],
    outbase: ".",
    outdir: "dist/modules",
  }),
);

for (const core of ["core.wasm", "core-relaxed.wasm"]) copyFileSync(`build/${core}`, `dist/${core}`);
writeFileSync("dist/worker.js", workerSource);

/** The files that hold code of each package. */
const users = new Map([["assemblyscript", ["core.wasm", "core-relaxed.wasm"]]]);
for (const [path, output] of results.flatMap(({ metafile }) => Object.entries(metafile.outputs))) {
  const names = packagesOf(output);
  for (const name of names) users.set(name, [...(users.get(name) ?? []), basename(path)]);
  const shebang = path === "dist/cli.js" ? "#!/usr/bin/env node\n" : "";
  const text = readFileSync(path, "utf8").replace(/^#!.*\n/, "");
  writeFileSync(path, `${shebang}${comment(names)}${text}`);
}
chmodSync("dist/cli.js", 0o755);
writeFileSync(`dist/${NOTICES}`, notices(users));

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
