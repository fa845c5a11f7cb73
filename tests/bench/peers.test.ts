/** `npm run bench:peers`: what it compares, and how it reports; without any peer installed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pack, unpack } from "../../bench/peers/case-file.ts";
import { COMPARED, caseFile, checksOf, taskInputs, workloadOf } from "../../bench/peers/cases.ts";
import { Child, PeerError } from "../../bench/peers/child.ts";
import { script } from "../../bench/peers/competitors.ts";
import { difference, prepareChecks, worstCheck } from "../../bench/peers/gradients.ts";
import { permute } from "../../bench/peers/layout.ts";
import { drawSpeeds } from "../../bench/peers/picture.ts";
import { PLAIN, RELAXED, type Results, type Row } from "../../bench/peers/results.ts";
import { betweenMarks, table } from "../../bench/peers/table.ts";

const test = suite("bench:peers");

const speed = (median: number) => ({ median, lowest: median / 2, highest: median * 2, rounds: 3 });

const row = (who: string, group: Row["group"], median: number, more: Partial<Row> = {}): Row => ({
  who,
  group,
  comparable: true,
  speed: speed(median),
  gradient: 1e-7,
  gradientAt: "width 8",
  ...more,
});

const RESULTS: Results = {
  date: "2026-01-01",
  machine: { cpu: "a <processor>", cores: 2, system: "Linux x64" },
  versions: { Node: "v20.0.0" },
  protocol: { rounds: 3, seconds: 1, warmSeconds: 1 },
  workloads: [
    {
      workload: "omni_conv",
      rows: [
        row(PLAIN, "ours", 16),
        row(RELAXED, "ours", 24),
        row("PyTorch loop", "torch", 20),
        row("PyTorch vmap", "torch", 10),
        row("jax-js", "js", 2, { gradient: 0.01 }),
        { who: "tfjs", group: "js", comparable: false, problem: "throws: no gradient" },
      ],
    },
    {
      workload: "proto_conv",
      rows: [
        row(PLAIN, "ours", 1),
        row("jax-js", "js", 5, { comparable: false, remark: "5-way" }),
        row("tfjs", "js", 0.125),
      ],
    },
  ],
};

/** Cells of the row of a competitor. */
function cellsOf(workload: string, who: string): string[] {
  const rows = table(RESULTS)
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return rows.find((cells) => cells[1] === workload && cells[2] === who) ?? [];
}

test("ratios are against the best of each group, and each target is said to be met or missed", () => {
  assert.equal(cellsOf("omni_conv", "PyTorch loop").slice(3, 10), [
    ...["20", "10", "40", "1e-7", "0.8 x", "1.2 x"],
    "plain 0.75 x met, relaxed 1 x met",
  ]);
  assert.is(cellsOf("omni_conv", "PyTorch vmap")[9], "");
  assert.is(cellsOf("omni_conv", "jax-js")[9], "plain 15 x missed, relaxed 20 x missed");
});

test("a wrong gradient is marked and still compared; what throws and what is another workload is not", () => {
  assert.is(cellsOf("omni_conv", "jax-js")[10], "wrong gradient (width 8)");
  assert.is(cellsOf("omni_conv", "jax-js")[7], "8 x");
  assert.equal(cellsOf("omni_conv", "tfjs").slice(3), ["-", "", "", "", "", "", "", "throws: no gradient", ""]);
  assert.is(cellsOf("proto_conv", "jax-js")[7], "");
  assert.is(cellsOf("proto_conv", "tfjs")[9], "plain 10 x missed");
});

test("the table replaces what stands between the marks of a document, and nothing else", () => {
  const document = (between: string) =>
    `# A\n\n<!-- bench:peers begins -->\n\n${between}\n\n<!-- bench:peers ends -->\n\nB\n`;
  assert.is(betweenMarks(document("old | $1"), "new | $1"), document("new | $1"));
  assert.throws(() => betweenMarks("# A\n", "new"), /must have the lines/);
});

test("the picture has a bar for every figure, and names what is not as it should be", () => {
  const svg = drawSpeeds(RESULTS);
  assert.is(svg.match(/<rect [^>]*height="13"/g)?.length, 8);
  for (const text of [">2, wrong gradient<", ">5, 5-way<", ">omni_conv<", "a &lt;processor>", ">tasks a second"]) {
    assert.ok(svg.includes(text), text);
  }
});

test("a difference is relative to each parameter's gradient, unless that is zero but for rounding", () => {
  const reference = { large: Float64Array.of(1, -2), small: Float64Array.of(1e-3), zero: Float64Array.of(1e-12) };
  const against = (large: number, small: number, zero: number) =>
    difference(reference, {
      large: pack(Float32Array.of(1, large)),
      small: pack(Float32Array.of(small)),
      zero: pack(Float32Array.of(zero)),
    });
  assert.ok(against(-2, 1e-3, 1e-7) < 1e-6);
  assert.ok(Math.abs(against(-2.5, 1e-3, 0) - 0.25) < 1e-6);
  assert.ok(Math.abs(against(-2, 2e-3, 0) - 1) < 1e-6);
  assert.ok(Math.abs(against(-2, 1e-3, 0.5) - 0.25) < 1e-6);
  assert.is(against(Number.NaN, 1e-3, 0), Number.POSITIVE_INFINITY);
  assert.is(difference(reference, {}), Number.POSITIVE_INFINITY);
});

test("axes are permuted as a plain loop does", () => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const { values: moved, shape } = permute(values, [2, 3, 4], [2, 0, 1]);
  assert.equal(shape, [4, 2, 3]);
  for (let a = 0; a < 2; a++)
    for (let b = 0; b < 3; b++)
      for (let c = 0; c < 4; c++) assert.is(moved[(c * 2 + a) * 3 + b], values[(a * 3 + b) * 4 + c]);
});

test("a case has all parameters in its layers, and every workload has checks", () => {
  for (const name of COMPARED) {
    const { layers, parameters, support, query } = caseFile(name, { ...workloadOf(name), metaBatch: 1 });
    const named = layers.flatMap(({ kind: _, ...names }) =>
      Object.values(names).filter((each) => typeof each === "string"),
    );
    assert.equal(named.sort(), parameters.map((each) => each.name).sort());
    const inputs = taskInputs(workloadOf(name), 0);
    const same = (packed: string, input: string) => assert.equal(unpack(packed), inputs[input]);
    for (const each of parameters) same(each.data, `meta.${each.name}`);
    for (const part of ["x", "y"] as const) {
      same(support[part].data, `segments.0.${part}`);
      same(query[part].data, `queries.${part}`);
    }
    assert.is(support.x.shape[0], 1);
    assert.ok(checksOf(name).length > 0);
  }
});

test("our own meta-gradient is checked through the same conversation, and steps are counted", async () => {
  const child = new Child(script("ours.ts", ["sine5"]));
  const folder = mkdtempSync(join(tmpdir(), "quickstudy-peers-"));
  try {
    const checks = prepareChecks("sine5", folder);
    const { gradient } = await worstCheck(child, "ours", checks);
    assert.ok(gradient > 0 && gradient < 1e-5, `${gradient}`);
    const { tasks = 0, seconds = 0 } = await child.ask({ do: "prepare", file: "", tasks: 25, seconds: 0.2 }, 60);
    assert.is(tasks % 25, 0);
    assert.ok(tasks > 0 && seconds >= 0.2);
    const round = await child.ask({ do: "round", seconds: 0.1 }, 60);
    assert.ok((round.seconds ?? 0) >= 0.1 && (round.seconds ?? 0) < 10);
  } finally {
    child.stop();
    rmSync(folder, { recursive: true });
  }
});

test("a peer that throws, ends or never answers is an error with its reason", async () => {
  const node = (code: string) => new Child({ file: process.execPath, args: ["-e", code] });
  const reasonOf = async (child: Child, seconds = 60): Promise<string> => {
    try {
      await child.ask({ do: "version" }, seconds);
      return "";
    } catch (error) {
      return error instanceof PeerError ? error.message : "another error";
    } finally {
      child.stop();
    }
  };
  assert.is(
    await reasonOf(node(`console.log(JSON.stringify({ error: "no gradient" })); setTimeout(() => {}, 1e6)`)),
    "no gradient",
  );
  assert.is(
    await reasonOf(node(`console.error("out of memory"); process.exitCode = 3`)),
    "ended with 3: out of memory",
  );
  assert.is(await reasonOf(node("setTimeout(() => {}, 1e6)"), 0.5), "no answer in 0.5 s");
  assert.match(await reasonOf(new Child({ file: "no-such-program", args: [] })), /ENOENT/);
});

test.run();
