/** What the documents show runs: every code block marked `run`, and every example. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../", import.meta.url));
const tsc = join(root, "node_modules/typescript/bin/tsc");

/** Documents with runnable blocks, and how many each has at least: a changed mark must not hide them. */
const DOCUMENTS: Readonly<Record<string, number>> = {
  "README.md": 3,
  "docs/learners.md": 5,
  "docs/data.md": 4,
  "docs/analysis.md": 6,
};

const TIME_LIMIT = 60_000;

interface Snippet {
  readonly document: string;
  /** Line of the document on which the code begins. */
  readonly line: number;
  readonly code: string;
}

/** The blocks of a document whose opening fence says "ts run". */
function snippetsOf(document: string, text: string): Snippet[] {
  return Array.from(text.matchAll(/^```ts run\n(.*?)^```$/gms), ({ index, 1: code = "" }) => {
    return { document, line: text.slice(0, index).split("\n").length + 1, code };
  });
}

const nameOf = ({ document, line }: Snippet) => `${document.replace(/\W/g, "-")}-${line}.ts`;

/** Runs node in the repository, where "quickstudy" is the source; what it printed. */
async function node(...args: readonly string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, args, { cwd: root, timeout: TIME_LIMIT });
  const { stdout, stderr } = await run.catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout + stderr;
}

const runFile = (path: string) => node("--import", "tsx", path);

const folder = mkdtempSync(join(tmpdir(), "quickstudy-docs-"));
const snippets = Object.keys(DOCUMENTS).flatMap((document) =>
  snippetsOf(document, readFileSync(join(root, document), "utf8")),
);
for (const snippet of snippets) writeFileSync(join(folder, nameOf(snippet)), snippet.code);
// Without it the snippets would be CommonJS, which has no `await` at the top.
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

const test = suite("documents");
test.after(() => rmSync(folder, { recursive: true }));

test("runnable blocks are found, by their fence and with their line", () => {
  const text = "a\n```ts run\nfirst\n```\n```ts\nno\n```\n```ts run\nsecond\nline\n```\n";
  assert.equal(snippetsOf("x.md", text), [
    { document: "x.md", line: 3, code: "first\n" },
    { document: "x.md", line: 9, code: "second\nline\n" },
  ]);
  for (const [document, least] of Object.entries(DOCUMENTS)) {
    const found = snippets.filter((snippet) => snippet.document === document).length;
    assert.ok(found >= least, `${document}: ${found} runnable blocks, at least ${least} are expected`);
  }
});

test("runnable blocks have no type errors", async () => {
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: ["*.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  await node(tsc, "-p", join(folder, "tsconfig.json"));
});

for (const snippet of snippets) {
  test(`${snippet.document}, line ${snippet.line}, runs`, async () => {
    await runFile(join(folder, nameOf(snippet)));
  });
}

/** Numbers that a pattern finds, in order. */
const numbers = (output: string, pattern: RegExp) =>
  Array.from(output.matchAll(pattern), ([, number]) => Number(number));

/** What an example shows, beyond that it runs. */
const SHOWS: Readonly<Record<string, (output: string) => void>> = {
  "compile.ts"(output) {
    const losses = numbers(output, /loss ([\d.e+-]+),/g);
    assert.is(losses.length, 5);
    assert.ok((losses[4] as number) < 1e-6 * (losses[0] as number), `losses ${losses}`);
  },
  "sinusoid.ts"(output) {
    const errors = numbers(output, /inner step \d: ([\d.]+) ±/g);
    assert.is(errors.length, 3);
    const [before, one, five] = errors as [number, number, number];
    assert.ok(one < before / 2 && five < one, `errors ${errors}`);
  },
  "your-own-data.ts"(output) {
    const [before = 100, after = 0] = numbers(output, /iterations: ([\d.]+) ±/g);
    assert.ok(after > before + 20, `accuracy ${before} before, ${after} after`);
    const [, shown, taken] = /a new gesture (\d+) is taken for a gesture (\d+)/.exec(output) ?? [];
    assert.ok(shown !== undefined && shown === taken, output);
  },
  "own-learner.ts"(output) {
    const [before = 0, after = 10] = numbers(output, /iterations: ([\d.]+) ±/g);
    assert.ok(after < before / 2, `error ${before} before, ${after} after`);
  },
  "own-compare.ts"(output) {
    const rows = Array.from(output.matchAll(/^(\S+) +([\d.]+) ± /gm), ([, name, mse]) => [name, Number(mse)] as const);
    assert.equal(
      rows.map(([name]) => name),
      ["alpaca", "r2d2", "maml"],
    );
    const { alpaca = 10, maml = 0 } = Object.fromEntries(rows);
    assert.ok(alpaca < 0.5 && alpaca < maml, output);
  },
  "own-rule.ts"(output) {
    const [plain = 0, learned = 10] = numbers(output, /mse ([\d.]+) ±/g);
    assert.ok(learned < plain, `error ${plain} of gradient descent, ${learned} of the rule`);
    const [rate = -4.6, momentum = 0] = numbers(output, /(?:softplus|sigmoid) (-?[\d.]+)/g);
    assert.ok(Math.abs(rate + 4.6) > 0.01 && Math.abs(momentum) > 0.01, "the coefficients are not learned");
  },
  "own-objective.ts"(output) {
    const [, before, after] = /^mae before adapting ([\d.]+), after ([\d.]+)/.exec(output) ?? [];
    assert.ok(Number(after) < 0.8 * Number(before), output);
  },
  "uncertainty.ts"(output) {
    const bands = numbers(output, /± ([\d.]+),/g);
    const [few, many] = [bands.slice(0, 6), bands.slice(6)].map((each) => each.reduce((a, b) => a + b, 0));
    assert.ok((many as number) < 0.9 * (few as number), `bands of ${few} after 3 points, ${many} after 10`);
    const [inside = 0] = numbers(output, /bands: ([\d.]+) %/g);
    assert.ok(inside >= 90, `${inside} % are inside`);
  },
  "rl2-bandits.ts"(output) {
    const [random = 10, learned = 0] = numbers(output, /^(?:random|RL²) +([\d.]+) ±/gm);
    assert.ok(learned > random + 0.5, output);
  },
  "own-tasks.ts"(output) {
    const [before = 0, after = 10] = numbers(output, /points: ([\d.]+) ±/g);
    assert.ok(after < 0.8 * before, `error ${before} before, ${after} after`);
  },
};

const examples = readdirSync(join(root, "examples"))
  .filter((name) => name.endsWith(".ts"))
  .sort();

test("every example that has something to show is there", () => {
  for (const name of Object.keys(SHOWS)) assert.ok(examples.includes(name), `examples/${name} is missing`);
});

test("what is written outside the package is short, and needs public exports and no casts", () => {
  const own = examples.filter((name) => name.startsWith("own-"));
  assert.is(own.length, 5);
  for (const name of own) {
    const text = readFileSync(join(root, "examples", name), "utf8");
    assert.ok(text.split("\n").length < 60, `${name} has ${text.split("\n").length} lines`);
    const sources = Array.from(text.matchAll(/ from "(.*)";$/gm), ([, source]) => source);
    assert.equal(new Set(sources), new Set(["quickstudy"]), name);
  }
  const all = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" });
  for (const name of all.filter((each) => each.endsWith(".ts"))) {
    const code = readFileSync(join(root, "examples", name), "utf8").replace(/\/\*.*?\*\/|\/\/.*$/gms, "");
    assert.not.match(code, /\bas (?!const\b)|<any>|!\.|!\[/, `${name} has a cast`);
  }
});

for (const name of examples) {
  test(`examples/${name} runs`, async () => {
    const output = await runFile(join("examples", name));
    assert.ok(output.length > 0, "it printed nothing");
    SHOWS[name]?.(output);
  });
}

test.run();
