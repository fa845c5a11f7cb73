import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { violations } from "../../scripts/floors.ts";

const test = suite("floors");

const root = new URL("../../", import.meta.url);

function sourcesOf(folder: string): Map<string, string> {
  const names = readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).sort();
  const paths = names.filter((name) => name.endsWith(".ts")).map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
  return new Map(paths.map((path) => [path, readFileSync(new URL(path, root), "utf8")]));
}

const problemsOf = (files: Readonly<Record<string, string>>) => violations(new Map(Object.entries(files)));

test("the sources keep to the floors, have no cycles, and the universal entry needs nothing", () => {
  const sources = sourcesOf("src");
  assert.ok(sources.size > 30, `only ${sources.size} files were read`);
  assert.is(violations(sources).join("\n"), "");
});

test("an import from below is found, over several lines, as a type, re-exported or dynamic", () => {
  const below = "../learners/maml.ts";
  for (const line of [
    `import { maml } from "${below}";`,
    `import {\n  type Maml,\n  maml,\n} from "${below}";`,
    `import type { Maml } from "${below}";`,
    `export * from "${below}";`,
    `const later = await import("${below}");`,
  ]) {
    assert.equal(problemsOf({ "src/graph/grad.ts": line }), [
      "src/graph/grad.ts: must not import src/learners/maml.ts: it lies below",
    ]);
  }
});

test("a comment imports nothing", () => {
  const comment = `/**\n * import { x } from "../train/x.ts";\n * const y = import("../train/x.ts")\n */`;
  assert.equal(problemsOf({ "src/graph/grad.ts": comment }), []);
});

test("the graph knows nothing of the core, although it lies above", () => {
  assert.is(problemsOf({ "src/graph/grad.ts": `import { run } from "../core/run.ts";` }).length, 1);
});

test("learners may import the types of tasks, and nothing else of them", () => {
  const learner = (line: string) => problemsOf({ "src/learners/maml.ts": line }).length;
  assert.is(learner(`import type { TaskSpec } from "../tasks/types.ts";`), 0);
  assert.is(learner(`import { TaskSpec } from "../tasks/types.ts";`), 1);
  assert.is(learner(`import type { Sinusoid } from "../tasks/sinusoid.ts";`), 1);
  assert.is(problemsOf({ "src/nn/model.ts": `import type { TaskSpec } from "../tasks/types.ts";` }).length, 1);
});

test("a cycle is found; one of types alone is none", () => {
  const files = (type: string) => ({
    "src/nn/a.ts": `import { b } from "./b.ts";`,
    "src/nn/b.ts": `import ${type}{ a } from "./a.ts";`,
  });
  assert.equal(problemsOf(files("")), ["cycle: src/nn/a.ts -> src/nn/b.ts -> src/nn/a.ts"]);
  assert.equal(problemsOf(files("type ")), []);
});

test("a package or a Node module behind the universal entry is found", () => {
  for (const name of ["node:fs", "fflate"]) {
    const files = {
      "src/index.ts": `export * from "./data/zip.ts";`,
      "src/data/zip.ts": `import { x } from "${name}";`,
    };
    assert.is(problemsOf(files).length, 1);
    assert.is(problemsOf({ ...files, "src/index.ts": "" }).length, 0);
  }
});

test("a folder that the list does not name is found", () => {
  assert.is(problemsOf({ "src/misc/x.ts": "" }).length, 1);
});

test.run();
