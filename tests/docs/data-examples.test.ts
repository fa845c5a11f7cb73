/** From raw file to evaluated learner: the examples of examples/data, on files that are made here. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RAW } from "./raw-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "quickstudy-examples-"));
const test = suite("examples of data");
test.after(() => rmSync(folder, { recursive: true }));

const MOST_LINES = 25;
/** The accuracy that each must reach, where it prints one. A guess is right 1 time in 5. */
const LEAST: Readonly<Record<string, number>> = {
  "images.ts": 0.85,
  "series.ts": 0.7,
  "sound.ts": 0.9,
  "table.ts": 0.8,
  "text.ts": 0.8,
};

const examples = readdirSync(join(root, "examples", "data"));

test("there is one of each kind of data", () => {
  assert.equal(examples.sort(), Object.keys(RAW).sort());
});

for (const name of examples) {
  test(`examples/data/${name}: at most ${MOST_LINES} lines that learn`, async () => {
    const path = join("examples", "data", name);
    const lines = readFileSync(join(root, path), "utf8").trimEnd().split("\n");
    assert.ok(lines.length <= MOST_LINES, `${lines.length} lines`);
    const raw = RAW[name]?.(folder) ?? "";
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", path, raw], {
      cwd: root,
      timeout: 120_000,
      env: { ...process.env, QUICKSTUDY_CACHE: join(folder, "cache") },
    });
    const least = LEAST[name];
    if (least !== undefined) {
      const mean = Number(/\bmean: ([\d.]+)/.exec(stdout)?.[1]);
      assert.ok(mean > least, stdout);
    } else {
      const [before = 0, after = 1] = Array.from(stdout.matchAll(/steps: ([\d.]+) ±/g), ([, error]) => Number(error));
      assert.ok(after < before / 2, stdout);
    }
  });
}

test.run();
