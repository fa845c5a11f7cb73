/** `npm run bench -- <suite> [arguments]` */

import { benchBandits } from "./bandits.ts";
import { benchBounded } from "./bounded.ts";
import { benchChanges } from "./changes.ts";
import { benchClinc } from "./clinc.ts";
import { benchCompile } from "./compile.ts";
import { benchContinual } from "./continual.ts";
import { benchCost } from "./cost.ts";
import { benchCsv } from "./csv.ts";
import { benchDeaths } from "./deaths.ts";
import { benchDigits } from "./digits.ts";
import { benchFormats } from "./formats.ts";
import { benchFuzz } from "./fuzz.ts";
import { benchHeart } from "./heart.ts";
import { benchImageFolder } from "./image-folder.ts";
import { benchKernels } from "./kernels.ts";
import { benchLearnedOptimizer } from "./learned-optimizer.ts";
import { benchMaml } from "./maml.ts";
import { benchMemory } from "./memory.ts";
import { benchSize } from "./size.ts";
import { benchStarts } from "./starts.ts";
import { benchStartup } from "./startup.ts";
import { benchWorkers } from "./workers.ts";

const suites: Readonly<Record<string, (rest: readonly string[]) => Promise<void>>> = {
  bandits: benchBandits,
  bounded: benchBounded,
  changes: benchChanges,
  fuzz: benchFuzz,
  kernels: benchKernels,
  clinc: benchClinc,
  compile: benchCompile,
  continual: benchContinual,
  cost: benchCost,
  csv: benchCsv,
  deaths: benchDeaths,
  digits: benchDigits,
  formats: benchFormats,
  heart: benchHeart,
  "image-folder": benchImageFolder,
  "learned-optimizer": benchLearnedOptimizer,
  maml: benchMaml,
  memory: benchMemory,
  size: benchSize,
  starts: benchStarts,
  startup: benchStartup,
  workers: benchWorkers,
};

const [name = "maml", ...rest] = process.argv.slice(2);
const suite = suites[name];
if (suite === undefined) {
  console.error(`no suite is called ${name}; there are ${Object.keys(suites).join(", ")}`);
  process.exitCode = 1;
} else {
  await suite(rest);
}
