/**
 * A page runs Programs in its own thread and in workers, with the same modules. Its bundle holds these once: as a function that
 * depends on nothing outside it. The page calls the function, and the text of the function, which the language defines to be its
 * source as loaded, is the program of a worker. Bundles that others process further (index.js, index.cjs) hold that program as a
 * string instead: a tool that adds helpers to functions, as transpilers for older engines do, would break the text.
 */
import { relative, resolve } from "node:path";
import { build } from "esbuild";
import { bareLoader } from "./bare-loader.mjs";

const WORKER = "src/executors/worker.ts";
const CORE = /build\/core\.js$/;
const esm = { bundle: true, write: false, format: "esm", target: "es2022", legalComments: "none", metafile: true };

const loading = (...modules) => ({
  name: "modules that are something else here",
  setup({ onLoad }) {
    for (const [filter, contents] of modules) onLoad({ filter }, () => ({ contents }));
  },
});

/** What each module of a worker exports, by path: a list of names. */
async function workerModules() {
  const plugins = [loading(bareLoader)];
  const { metafile } = await build({ ...esm, entryPoints: [WORKER], plugins });
  const entryPoints = Object.keys(metafile.inputs).filter((path) => path.startsWith("src/"));
  const each = await build({ ...esm, entryPoints, plugins, outdir: "unwritten" });
  return new Map(Object.values(each.metafile.outputs).map(({ entryPoint, exports }) => [entryPoint, exports]));
}

/** A bundle as the body of a function that returns its exports as a list, and their names in the order of the list. */
function asFunction(bundle) {
  const [, body, list] = /^([\s\S]*)export \{([^}]*)\};\s*$/.exec(bundle);
  const exports = list.split(",").map((each) => each.trim().split(" as "));
  const locals = exports.map(([local]) => local);
  return { body: `${body}return [${locals}];`, names: exports.map(([local, name = local]) => name) };
}

/** A plugin for the bundle of a page. */
export async function workersOfTheSameCode() {
  const modules = await workerModules();
  // One name for each export of each module.
  const nameOf = new Map([...modules.keys()].map((path, i) => [path, (name) => `${name}_${i}`]));
  const renamed = (path) => modules.get(path).map((name) => `${name} as ${nameOf.get(path)(name)}`);
  const reexports = [...modules.keys()].map((path) => `export { ${renamed(path)} } from "./${path}";`);
  const { outputFiles } = await build({
    ...esm,
    stdin: { contents: reexports.join("\n"), resolveDir: resolve(".") },
    // The page gives it the core; a worker is sent the core's bytes.
    plugins: [loading(bareLoader, [CORE, "export const [coreText, relaxedPatchText] = core;"])],
  });
  const { body, names } = asFunction(outputFiles[0].text);
  const listen = nameOf.get(WORKER)("listen");
  const contents = `
    import { coreText, relaxedPatchText } from "./build/core.js";
    const make = (core) => { ${body} };
    export const [${names}] = make([coreText, relaxedPatchText]);
    export const workerSource = \`"use strict";(\${make})(["",""])[${names.indexOf(listen)}]()\`;`;
  return {
    name: "workers of the same code",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^the-same-code$/ }, ({ path }) => ({ path, namespace: "shared" }));
      onLoad({ filter: /./, namespace: "shared" }, () => ({ contents, resolveDir: resolve(".") }));
      onLoad({ filter: /build\/worker\.js$/ }, () => ({ contents: 'export { workerSource } from "the-same-code";' }));
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const own = relative(".", path);
        const exported = modules.get(own)?.map((name) => `${nameOf.get(own)(name)} as ${name}`);
        return exported && { contents: `export { ${exported} } from "the-same-code";` };
      });
    },
  };
}
