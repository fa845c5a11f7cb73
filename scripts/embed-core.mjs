/** Turns build/core.wasm into a module that exports its bytes as base64, so that every runtime and bundler takes it as it is. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** Replaces a file in one step, and only if it changes: what runs from the sources meanwhile never reads half of it. */
function replace(path, text) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

const bytes = readFileSync("build/core.wasm");
replace("build/core.js", `export const coreBase64 = "${bytes.toString("base64")}";\n`);
replace("build/core.d.ts", "/** The bytes of core.wasm in base64. */\nexport declare const coreBase64: string;\n");
