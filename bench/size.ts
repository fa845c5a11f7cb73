/** What a page loads: the whole bundle, and what a bundler leaves of the package for one learner in use. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import * as quickstudy from "../src/index.ts";
import { LEARNERS } from "../src/learners/index.ts";

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** The exported function of each learner, by its name on the command line. */
export function learnerExports(): Map<string, string> {
  const camelCase = (name: string) => name.replace(/-./g, (part) => part.slice(1).toUpperCase());
  return new Map(
    LEARNERS.map(({ name, make }) => {
      const [exported = camelCase(name)] = Object.entries(quickstudy).find(([, value]) => value === make) ?? [];
      if (!(exported in quickstudy)) throw new Error(`${name}: no export makes it`);
      return [name, exported];
    }),
  );
}

/**
 * Bytes, gzip, of a page that uses these exports, bundled and minified by esbuild, core included.
 * @param folder where the package is
 */
export async function importSize(names: readonly string[], folder: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names.join(", ")} } from ${JSON.stringify(folder)};`, resolveDir: "." },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    legalComments: "none",
    logLevel: "error",
  });
  return gzipped((outputFiles[0] as { contents: Uint8Array }).contents);
}

/** Exports that use needs beside the learner: the saved model, and what builds its network again. */
export const USE = ["restore", "mlp"];

/** `npm run build && npm run bench -- size` */
export async function benchSize(): Promise<void> {
  const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);
  const bundle = gzipped(readFileSync("dist/quickstudy.min.js"));
  const restore = await importSize(["restore"], ".");
  const use = await importSize(USE, ".");
  console.log("| KB gzip, core included | | beyond restore and mlp |\n|---|---|---|");
  const row = (name: string, bytes: number, more = "") => console.log(`| ${name} | ${kilobytes(bytes)} | ${more} |`);
  row("`quickstudy.min.js`, everything", bundle);
  row("`restore`", restore);
  row("`restore`, `mlp`", use);
  for (const exported of learnerExports().values()) {
    const bytes = await importSize([...USE, exported], ".");
    row(`… and \`${exported}\``, bytes, kilobytes(bytes - use));
  }
}
