/** What the licences of bundled packages ask for: their texts in one file of the package, and a comment that leads to it. */
import { readdirSync, readFileSync } from "node:fs";

export const NOTICES = "THIRD_PARTY_NOTICES.txt";

/** Licences that allow code to be part of a package under MIT if their text goes with it. */
const ALLOWED = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);

/** Packages without a file of their licence, and the package of the same authors and licence that has it. */
const TEXTS_OF = { "@assemblyscript/loader": "assemblyscript" };

const folderOf = (name) => `node_modules/${name}`;

/** The packages whose code is in a bundle, by the metafile of esbuild. */
export function packagesOf({ inputs }) {
  const paths = Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0);
  const names = paths.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  // The compiler brings parts of its standard library into the core.
  if (paths.includes("build/core.js")) names.push("assemblyscript");
  return [...new Set(names)].sort();
}

function describe(name) {
  const { version, license } = JSON.parse(readFileSync(`${folderOf(name)}/package.json`, "utf8"));
  if (!ALLOWED.has(license))
    throw new Error(`${name}: its licence (${license}) is not among those that may be bundled`);
  return { version, license };
}

/** Licence and notice of a package, word for word. */
function textsOf(name) {
  const folder = folderOf(TEXTS_OF[name] ?? name);
  const names = readdirSync(folder).sort();
  if (!names.some((file) => /^licen[cs]e/i.test(file))) throw new Error(`${name}: no licence in ${folder}`);
  return names
    .filter((file) => /^(licen[cs]e|notice)/i.test(file))
    .map((file) => readFileSync(`${folder}/${file}`, "utf8"));
}

/** The comment at the head of a bundle, if it holds code of others; bundlers keep comments of this kind. */
export function comment(names) {
  if (names.length === 0) return "";
  const list = names.map((name) => `${name} ${describe(name).version} (${describe(name).license})`).join(", ");
  return `/*! Contains ${list}: see ${NOTICES} of quickstudy */\n`;
}

/**
 * The text of the file.
 * @param users the files that hold code of each package
 */
export function notices(users) {
  const rule = "=".repeat(80);
  const parts = [...users].sort().map(([name, files]) => {
    const { version, license } = describe(name);
    const texts = textsOf(name).map((text) => text.replaceAll("\r\n", "\n").trim());
    return [
      rule,
      `${name} ${version} (${license})`,
      `in ${[...files].sort().join(", ")}`,
      rule,
      "",
      texts.join("\n\n"),
      "",
    ];
  });
  return [
    "The files of quickstudy contain code of the packages below, under their licences.",
    "",
    ...parts.flat(),
  ].join("\n");
}
