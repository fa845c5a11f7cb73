#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { MEMORY } from "../compile/compile.ts";
import { AbortedError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { data } from "./data.ts";
import { DEMO_ITERATIONS, demo } from "./demo.ts";
import { evaluate } from "./evaluate.ts";
import { inspect } from "./inspect.ts";
import { errorLine, usageLine } from "./output.ts";
import { duration, number, whole } from "./parse.ts";
import { withRunOptions } from "./run-options.ts";
import { outliveStreams, stoppedCode } from "./signals.ts";
import { train } from "./train.ts";

const MEMORY_HELP = "what is kept of inner steps; bounded: computed anew instead, with the same result";

function program(): Command {
  const root = new Command("quickstudy")
    .description("Meta-learning: models that adapt to a new task from a handful of examples.")
    .version(VERSION)
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text, write) => write(`${usageLine(text)}\n`),
    })
    .exitOverride();

  withRunOptions(root.command("train [configuration]"))
    .description("meta-train a learner on a task distribution; a configuration is a JSON file with these options")
    .option("--data <path>", "file or folder of the data")
    .option("--iterations <n>", "outer steps", whole(1))
    .option("--workers <n>", "worker threads; the result is the same for every number", whole(1, 256))
    .option("--checkpoint <file>", "save the run to this file")
    .option("--checkpoint-every <n>", "iterations between saves; 500 by default", whole(1))
    .option("--validate-every <n>", "iterations between validations; 0, the default: never", whole(0))
    .option("--relaxed", "relaxed SIMD where the runtime has it: faster, but not the same bits everywhere")
    .option("--resume", "go on from the checkpoint if there is one")
    .addOption(new Option("--memory <mode>", MEMORY_HELP).choices(MEMORY))
    .option("--memory-limit <MiB>", "what a task may take in each worker", whole(1))
    .option("--json", "print the result as one JSON object")
    .action(train);

  withRunOptions(root.command("compare"), { learner: false })
    .description(
      "train several learners on the same tasks and measure each on the same episodes; goes on where it was stopped",
    )
    .option("--learners <names>", "all, or names with commas between", "all")
    .option("--budget <time>", "training time of each learner and seed: 90s, 10m, 1h; 60s by default", duration)
    .option("--iterations <n>", "outer steps of each, instead of a time", whole(1))
    .option("--seeds <n>", "seeds, from --seed on", whole(1, 100), 3)
    .option("--data <path>", "file or folder of the data")
    .option("--workers <n>", "worker threads", whole(1, 256), 1)
    .option("--episodes <n>", "episodes to measure on", whole(1), 600)
    .option("--checkpoint-every <n>", "iterations between saves; 500 by default", whole(1))
    .option("--out <folder>", "where results, table and picture go", "out/compare")
    .option("--json", "print the results as one JSON object", false)
    .action(compare);

  root
    .command("evaluate <file>")
    .description("adapt a trained learner to new episodes and measure it")
    .option("--data <path>", "file or folder of the data")
    .addOption(new Option("--part <name>", "whose tasks").choices(["test", "validation", "train"]).default("test"))
    .option("--ways <n>", "classes of an episode")
    .option("--shots <n>", "support examples of a class, or of a regression task")
    .option("--queries <n>", "query examples of a class, or of a regression task")
    .option("--one-by-one", "predict queries one by one, as an application does, instead of in one batch", false)
    .option("--episodes <n>", "episodes to draw", whole(1), 600)
    .option("--inner-steps <n>", "inner steps", whole(0, 10_000))
    .option("--seed <n>", "which episodes", whole(0), 0)
    .option("--workers <n>", "worker threads", whole(1, 256), 1)
    .option("--relaxed", "relaxed SIMD where the runtime has it: faster, but not the same bits everywhere", false)
    .option("--details", "predictions in detail: confusion, accuracy of each class, calibration, log likelihood", false)
    .option("--out <folder>", "where the numbers and pictures of --details go; out/evaluate by default")
    .option("--json", "print the result as one JSON object", false)
    .action(evaluate);

  withRunOptions(root.command("bench [what]"))
    .description("measure a workload, the run of a checkpoint, or the run that the options describe")
    .option("--profile", "time of each kind of instruction of a task, instead of tasks a second", false)
    .addOption(
      new Option("--by <kind>", "kinds of instruction: by opcode, or by shape too")
        .choices(["opcode", "shape"])
        .default("opcode"),
    )
    .option("--seconds <n>", "time to measure for; 14, or 2 for a profile, by default", number("positive"))
    .option("--json", "print the result as one JSON object", false)
    .action(bench);

  root
    .command("inspect <file>")
    .description("show what a checkpoint holds")
    .addOption(new Option("--memory <mode>", MEMORY_HELP).choices(MEMORY).default("automatic"))
    .option("--json", "print it as one JSON object", false)
    .action(inspect);

  root
    .command("data [name] [folder]")
    .description("list data sets with licence, size and origin; of a name, show its files; of a folder, check it")
    .option("--download", "fetch what the folder lacks, where the publication has lasting addresses", false)
    .option("--yes", "agree to the download without being asked", false)
    .option("--json", "print it as one JSON object", false)
    .action(data);

  root
    .command("demo")
    .description("the sinusoid experiment of the MAML paper, with a table and a picture")
    .option("--iterations <n>", "outer steps", whole(1), DEMO_ITERATIONS)
    .option("--seed <n>", "fixes every random choice", whole(0), 1)
    .option("--workers <n>", "worker threads", whole(1, 256), 1)
    .option("--picture <file>", "where the picture goes", "out/sinusoid.svg")
    .option("--json", "print the result as one JSON object", false)
    .action(demo);

  for (const command of root.commands) command.exitOverride().configureOutput(root.configureOutput());
  return root;
}

outliveStreams();

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (error instanceof AbortedError) {
    process.stderr.write(`${errorLine(error)}\n`);
    process.exitCode = stoppedCode();
  } else {
    process.stderr.write(`${errorLine(error)}\n`);
    process.exitCode = 1;
  }
}
