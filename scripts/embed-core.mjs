/** Turns build/core.wasm into a module that exports its bytes as base64, so that every runtime and bundler takes it as it is. */
import { readFileSync, writeFileSync } from "node:fs";

const bytes = readFileSync("build/core.wasm");
writeFileSync("build/core.js", `export const coreBase64 = "${bytes.toString("base64")}";\n`);
writeFileSync("build/core.d.ts", "/** The bytes of core.wasm in base64. */\nexport declare const coreBase64: string;\n");
