/** The command line on data of the user's own, one command each, and `quickstudy data`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readTable } from "../../src/data/node/read-table.ts";
import { partsOf } from "../../src/data/node/task-parts.ts";
import { isMissing, oneHot, preprocess, standardise } from "../../src/data.ts";
import { protoNet } from "../../src/learners/proto-net.ts";
import { mlp } from "../../src/nn/networks.ts";
import { restore } from "../../src/train/trained.ts";
import { needs } from "../needs.ts";
import { wavOf } from "../support/format-samples.ts";
import { folder, json, refused, start, succeeds } from "./support.ts";

const test = suite("command line: own data");
const shared = fileURLToPath(new URL("../../../shared/data", import.meta.url));

/** 12 kinds of 16 rows each, of 8 owners; sizes and colours tell kinds apart, and the weight follows the size by owner. */
const table = join(folder, "things.csv");
const rows = Array.from({ length: 192 }, (_, i) => {
  const [kind, owner] = [i % 12, Math.floor(i / 12) % 8];
  const size = kind + (i % 5) / 10;
  return [
    i % 11 === 3 ? "" : size,
    ["red", "green", "blue"][kind % 3],
    `kind ${kind}`,
    `owner ${owner}`,
    i % 2,
    owner + 2 * size,
  ];
});
writeFileSync(table, `size,colour,kind,owner,odd,weight\n${rows.map((row) => row.join(",")).join("\n")}\n`);

const train = (task: string, data: string, ...more: readonly string[]) => [
  ...["train", "--task", task, "--data", data, "--iterations", "2", "--meta-batch", "2", ...more],
];
const file = (name: string) => join(folder, `${name}.safetensors`);
const byKind = ["--label", "kind", "--without", "owner,weight,odd", "--ways", "2"];

test("csv: classes, and a checkpoint that takes raw rows in a program", async () => {
  const path = file("classes");
  await json(train("csv", table, ...byKind, "--learner", "protonet", "--checkpoint", path));
  const report = await json(["evaluate", path, "--data", table, "--episodes", "20"]);
  assert.is(report.metric, "accuracy");
  assert.ok((report.mean as number) > 0.6, `${report.mean}`);
  assert.equal(await json(["evaluate", path, "--data", table, "--episodes", "20"]), report);

  // What the command line fitted, computed from the training part by hand.
  const read = await readTable(table);
  const kinds = rows.map((row) => String(row[2]));
  const parts = await partsOf("things.csv", kinds, { splitSeed: 1, least: 2 });
  const training = read.where(({ kind }) => parts.train.includes(kind as string));
  const unfitted = preprocess({ x: [standardise("size"), oneHot("colour"), isMissing("size")] });
  const expected = unfitted.fit(training);
  const [length] = expected.inputs.x as readonly number[];
  const learner = protoNet(mlp({ inputShape: length as number, hidden: [64, 64], outputs: 64 }));
  const trained = restore(learner, new Uint8Array(readFileSync(path)), { preprocessing: unfitted });
  const raw = { size: [3, null, 7], colour: ["red", "blue", null] };
  assert.equal(trained.preprocessing?.apply(raw), expected.apply(raw));
  const adapted = trained.adapt({ size: [1, 9], colour: ["red", "blue"], y: [0, 1] });
  assert.is((adapted.predict({ size: [2], colour: ["red"] }).logits as Float32Array).length, 2);
});

test("csv: a column that is left out for one bad cell is named", async () => {
  const path = join(folder, "bad.csv");
  const lines = rows.map(([size, colour, kind], i) => [i === 5 ? "1e999" : i, size, colour, kind].join(","));
  writeFileSync(path, `height,size,colour,kind\n${lines.join("\n")}\n`);
  const { outcome } = start(train("csv", path, "--label", "kind", "--ways", "2", "--learner", "protonet"));
  const { code, stderr } = await outcome;
  assert.is(code, 0, stderr);
  assert.match(stderr, /column "height" is left out: it is text of \d+ values/);
});

test("csv: the same classes for new groups, and numbers for new groups", async () => {
  const groups = file("groups");
  await json(train("csv", table, "--label", "odd", "--group", "owner", "--without", "kind", "--checkpoint", groups));
  const report = await json(["evaluate", groups, "--data", table, "--episodes", "5"]);
  assert.is(report.metric, "accuracy");
  const numbers = file("numbers");
  const asked = [
    "--target",
    "weight",
    "--group",
    "owner",
    "--shots",
    "16",
    "--learner",
    "ridge",
    "--without",
    "kind,odd",
  ];
  await json(train("csv", table, ...asked, "--checkpoint", numbers));
  const { metric, mean } = await json(["evaluate", numbers, "--data", table, "--episodes", "20"]);
  assert.is(metric, "mse");
  // Their variance is about 48.
  assert.ok((mean as number) < 24, `${mean}`);
});

test("csv: compare trains learners of every kind, in one line", async () => {
  const out = join(folder, "out");
  const options = ["--seeds", "1", "--episodes", "10", "--iterations", "2", "--out", out];
  const { rows: results } = await json([
    "compare",
    "--task",
    "csv",
    "--data",
    table,
    ...byKind,
    "--learners",
    "protonet,ridge,maml",
    ...options,
  ]);
  assert.equal((results as { learner: string }[]).map(({ learner }) => learner).sort(), ["maml", "protonet", "ridge"]);
  const numbers = ["--target", "weight", "--group", "owner", "--without", "kind", "--learners", "ridge,cnp"];
  const other = await json([
    "compare",
    "--task",
    "csv",
    "--data",
    table,
    ...numbers,
    ...options.slice(0, -1),
    join(folder, "out2"),
  ]);
  assert.is((other.rows as unknown[]).length, 2);
});

test("csv: a split from a file, and data that are divided in another way", async () => {
  const split = join(folder, "split.json");
  const kinds = Array.from({ length: 12 }, (_, i) => `kind ${i}`);
  const parts = { train: kinds.slice(0, 6), validation: kinds.slice(6, 8), test: kinds.slice(8) };
  writeFileSync(split, JSON.stringify(parts));
  const path = file("split");
  const args = [...byKind, "--learner", "protonet", "--split", split];
  await json(train("csv", table, ...args, "--validate-every", "1", "--checkpoint", path));
  for (const part of ["train", "validation", "test"]) {
    await json(["evaluate", path, "--data", table, "--episodes", "2", "--part", part]);
  }
  writeFileSync(split, JSON.stringify({ ...parts, test: parts.train, train: parts.test }));
  await refused(
    ["evaluate", path, "--data", table],
    "must have the classes or groups that the checkpoint was trained with",
  );
  for (const [wrong, part] of [
    [{ train: ["kind 1"], test: ["kind 1"] }, "in train and test"],
    [{ train: ["kind 1"], test: ["no kind"] }, '"no kind"'],
    [{ train: ["kind 1"] }, "test must name at least one"],
    [{ train: [], test: ["kind 1"] }, "train must name at least one"],
    [{ train: ["kind 1"], text: ["kind 2"] }, '"text"'],
    [[], "must be an object"],
  ] as const) {
    writeFileSync(split, JSON.stringify(wrong));
    await refused(train("csv", table, ...args), "split.json", part);
  }
  await refused(train("csv", table, ...byKind, "--split", table), "must be JSON");
});

test("what does not fit is refused", async () => {
  await refused(train("csv", table, "--label", "colours"), '"colours"', '"colour"');
  await refused(
    train("csv", table, "--label", "kind", "--ways", "7"),
    "at least 7 classes",
    "got 12",
    "lower the ways",
  );
  await refused(train("csv", table, "--label", "kind", "--shots", "14"), "14 + 5 = 19", 'small: "skip"');
  await refused(train("csv", table, "--target", "weight"), "--group");
  await refused(
    train("csv", table, "--label", "kind", "--without", "size,colour,owner,odd,weight"),
    "must have a column of numbers",
  );
  await refused(train("csv", join(folder, "none.csv"), "--label", "kind"), "none.csv", "no such file");
  await refused(["train", "--task", "csv"], "--data: must name a file of delimited text");
  await refused(train("csv", table, "--learner", "protonet", "--target", "weight", "--group", "owner"), "protonet");
  await refused(train("text", table, "--size", "28"), "--size");
  await refused(["train", "--task", "sinusoid", "--data", table], "--data: does nothing");
});

test("text, from lines of JSON", async () => {
  const path = join(folder, "said.jsonl");
  const words = [
    "wake me",
    "play music",
    "add milk",
    "what time",
    "call mum",
    "turn left",
    "go home",
    "stop it",
    "louder",
    "good bye",
  ];
  const said = Array.from({ length: 80 }, (_, i) => ({
    said: `${words[i % 10]} ${"please now today again".split(" ")[i % 4]}`,
    intent: `i${i % 10}`,
  }));
  writeFileSync(path, said.map((each) => `${JSON.stringify(each)}\n`).join(""));
  const checkpoint = file("text");
  const args = ["--text", "said", "--label", "intent", "--ways", "2", "--ngrams", "512", "--learner", "r2d2"];
  await json(train("text", path, ...args, "--checkpoint", checkpoint));
  const { mean } = await json(["evaluate", checkpoint, "--data", path, "--episodes", "20"]);
  assert.ok((mean as number) > 0.8, `${mean}`);
});

test("images in folders, and recordings in folders or by their names", async () => {
  const [images, sounds, speakers] = [join(folder, "images"), join(folder, "sounds"), join(folder, "speakers")];
  mkdirSync(speakers, { recursive: true });
  for (let kind = 0; kind < 6; kind++) {
    mkdirSync(join(images, `class${kind}`), { recursive: true });
    mkdirSync(join(sounds, `class${kind}`), { recursive: true });
    for (let i = 0; i < 7; i++) {
      const data = Uint8Array.from({ length: 400 }, (_, at) => (at * (kind + 1) + i) % 256);
      writeFileSync(join(images, `class${kind}`, `${i}.png`), encode({ width: 20, height: 20, channels: 1, data }));
      const samples = Uint8Array.from({ length: 2000 }, (_, at) => 128 + 100 * Math.sin((at * (kind + 1)) / 10 + i));
      const wav = wavOf(1, 1, 8, samples);
      writeFileSync(join(sounds, `class${kind}`, `${i}.wav`), wav);
      writeFileSync(join(speakers, `${i % 2}_speaker${kind}_${i}.wav`), wav);
    }
  }
  const small = ["--ways", "2", "--queries", "2", "--filters", "2", "--learner", "protonet"];
  const runs = [
    ["images", images, ...small, "--size", "16"],
    ["wav", sounds, ...small, "--frames", "16", "--bands", "16"],
    [
      "wav",
      speakers,
      "--pattern",
      "{word}_{speaker}_{index}",
      "--label",
      "word",
      "--group",
      "speaker",
      ...small.slice(2),
      "--frames",
      "16",
      "--bands",
      "16",
      "--queries",
      "1",
    ],
  ] as const;
  for (const [task, data, ...more] of runs) {
    const checkpoint = file(`${task}${runs.length}${data.length}`);
    await json(train(task, data, ...more, "--checkpoint", checkpoint));
    assert.is((await json(["evaluate", checkpoint, "--data", data, "--episodes", "3"])).metric, "accuracy");
  }
});

needs(
  test,
  `MNIST in ${shared}`,
  existsSync(join(shared, "mnist")),
)("idx: the files of MNIST, whose labels are found", async () => {
  const images = join(shared, "mnist", "t10k-images-idx3-ubyte.gz");
  const args = ["--ways", "3", "--filters", "2", "--learner", "protonet", "--checkpoint", file("idx")];
  await json(train("idx", images, ...args));
  assert.is((await json(["evaluate", file("idx"), "--data", images, "--episodes", "3"])).metric, "accuracy");
});

test("data: the list, one set, and folders that lack something", async () => {
  const { sets, own } = await json(["data"]);
  assert.equal(
    (sets as { name: string }[]).map(({ name }) => name),
    ["omniglot", "mnist", "cifar-fs", "clinc150", "heart4", "fsdd"],
  );
  assert.equal(
    (own as { name: string }[]).map(({ name }) => name),
    ["csv", "text", "images", "wav", "idx"],
  );
  const { stdout } = await succeeds(["data", "clinc150"]);
  for (const part of ["CC BY 3.0", "github.com/clinc/oos-eval", "2495390", "36923c37"])
    assert.ok(stdout.includes(part), part);
  const place = join(folder, "clinc");
  mkdirSync(place);
  writeFileSync(join(place, "domains.json"), "{}");
  const lacking = await start(["data", "clinc150", place, "--json"]).outcome;
  assert.is(lacking.code, 1);
  const { complete, files } = JSON.parse(lacking.stdout) as { complete: boolean; files: object[] };
  assert.is(complete, false);
  assert.equal(files, [
    { path: "data_full.json", state: "missing" },
    { path: "domains.json", state: "differs", why: "2 bytes in place of 3818" },
  ]);
  await refused(["data", "mnst"], '"mnst"', "did you mean mnist?");
  await refused(["data", "clinc150", place, "--download"], "--yes agrees");
  await refused(["data", "clinc150", place, "--yes"], "--yes: does nothing without --download");
  await refused(["data", "heart4", join(folder, "h"), "--download", "--yes"], "no files with a lasting address");
  await refused(["data", "--download"], "--download: needs a data set and a folder");
});

needs(
  test,
  `CLINC150 in ${shared}`,
  existsSync(join(shared, "clinc150")),
)("data: a folder as it was published", async () => {
  const { complete, files } = await json(["data", "clinc150", join(shared, "clinc150")]);
  assert.is(complete, true);
  assert.equal(
    (files as { state: string }[]).map(({ state }) => state),
    ["published", "published"],
  );
});

test.run();
