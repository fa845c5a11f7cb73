#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { MEMORY } from "../compile/compile.ts";
import { AbortedError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { bench } from "./bench.ts";
import { demo } from "./demo.ts";
import { evaluate } from "./evaluate.ts";
import { inspect } from "./inspect.ts";
import { errorLine, oneLine } from "./output.ts";
import { number, whole } from "./parse.ts";
import { BATCH_NORM_MODES, COUNTS, LEARNERS, SPLITS, TASKS } from "./run-spec.ts";
import { outliveStreams, stoppedCode } from "./signals.ts";
import { DEFAULT_ITERATIONS, type TrainOptions, train } from "./train.ts";

function memoryOption(): Option {
  return new Option(
    "--memory <mode>",
    "what is kept of inner steps; bounded: computed anew instead, with the same result",
  )
    .choices(MEMORY)
    .default("automatic");
}

/** The options that describe a run to `train` and `bench`. */
function withRunOptions(command: Command): Command {
  return command
    .option("--ways <n>", "classes of an episode", whole(2, COUNTS.ways.most))
    .option("--shots <n>", "support examples of a class, or of a regression task", whole(1, COUNTS.shots.most))
    .option("--queries <n>", "query examples of a class, or of a regression task", whole(1, COUNTS.shots.most))
    .option("--inner-steps <n>", "inner steps in meta-training", whole(0, COUNTS.innerSteps.most))
    .option("--evaluation-steps <n>", "inner steps in evaluation where it names none", whole(0, COUNTS.innerSteps.most))
    .option("--inner-rate <rate>", "rate of the inner loop", number("positive"))
    .option("--order <n>", "1: first-order; 2: through the inner steps", whole(1, 2))
    .option("--weight-decay <lambda>", "meta-sgd: learn a weight decay too, from this start", number("zero"))
    .option("--meta-batch <n>", "tasks an outer step", whole(1))
    .option("--meta-rate <rate>", "rate of the outer loop", number("positive"))
    .option("--halve-every <n>", "halve the meta rate every n iterations; 0: never", whole(0))
    .option("--filters <n>", "filters of the Conv-4 (omniglot)", whole(1, COUNTS.filters.most))
    .addOption(new Option("--batch-norm <mode>", "statistics of batch normalisation").choices(BATCH_NORM_MODES));
}

function program(): Command {
  const root = new Command("quickstudy")
    .description("Meta-learning: models that adapt to a new task from a handful of examples.")
    .version(VERSION)
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text, write) => write(`quickstudy: ${oneLine(text.replace(/^error: /, ""))}\n`),
    })
    .exitOverride();

  withRunOptions(root.command("train"))
    .description("meta-train a learner on a task distribution")
    .addOption(new Option("--task <name>", "task distribution").choices(TASKS).makeOptionMandatory())
    .addOption(new Option("--learner <name>", "learner").choices(LEARNERS).default("maml"))
    .option("--data <dir>", "folder of the data set (omniglot)")
    .addOption(new Option("--split <name>", "classes to train on (omniglot)").choices(SPLITS))
    .option("--iterations <n>", "outer steps", whole(1))
    .option("--seed <n>", "fixes every random choice", whole(0))
    .option("--workers <n>", "worker threads; the result is the same for every number", whole(1, 256), 1)
    .option("--checkpoint <file>", "save the run to this file")
    .option("--checkpoint-every <n>", "iterations between saves", whole(1), 500)
    .option("--validate-every <n>", "iterations between validations; 0: never", whole(0), 0)
    .option("--relaxed", "relaxed SIMD where the runtime has it: faster, but not the same bits everywhere", false)
    .option("--resume", "go on from the checkpoint if there is one", false)
    .addOption(memoryOption())
    .option("--memory-limit <MiB>", "what a task may take in each worker", whole(1))
    .option("--json", "print the result as one JSON object", false)
    .action((options: Omit<TrainOptions, "iterations"> & { iterations?: number }) =>
      train({ ...options, iterations: options.iterations ?? DEFAULT_ITERATIONS[options.task] }),
    );

  root
    .command("evaluate <file>")
    .description("adapt a trained learner to new episodes and measure it")
    .option("--data <dir>", "folder of the data set (omniglot)")
    .addOption(
      new Option("--split <name>", "classes to draw episodes from (omniglot); test by default").choices(SPLITS),
    )
    .option("--ways <n>", "classes of an episode", whole(2, COUNTS.ways.most))
    .option("--shots <n>", "support examples of a class, or of a regression task", whole(1, COUNTS.shots.most))
    .option("--queries <n>", "query examples of a class, or of a regression task", whole(1, COUNTS.shots.most))
    .option("--episodes <n>", "episodes to draw", whole(1), 600)
    .option("--inner-steps <n>", "inner steps", whole(0, COUNTS.innerSteps.most))
    .option("--seed <n>", "which episodes", whole(0), 0)
    .option("--workers <n>", "worker threads", whole(1, 256), 1)
    .option("--relaxed", "relaxed SIMD where the runtime has it: faster, but not the same bits everywhere", false)
    .option("--json", "print the result as one JSON object", false)
    .action(evaluate);

  withRunOptions(root.command("bench [what]"))
    .description("measure a workload, the run of a checkpoint, or the run that the options describe")
    .addOption(new Option("--task <name>", "task distribution").choices(TASKS))
    .addOption(new Option("--learner <name>", "learner; maml by default").choices(LEARNERS))
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
    .addOption(memoryOption())
    .option("--json", "print it as one JSON object", false)
    .action(inspect);

  root
    .command("demo")
    .description("the sinusoid experiment of the MAML paper, with a table and a picture")
    .option("--iterations <n>", "outer steps", whole(1), DEFAULT_ITERATIONS.sinusoid)
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
