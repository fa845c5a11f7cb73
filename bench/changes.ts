/** Learners along a sinusoid that jumps, with a plot: docs/results.md. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { continuing, frozen, type OnlineLearner, readapting, runOnline } from "../src/analysis.ts";
import { drawLines } from "../src/cli/line-chart.ts";
import { jumpingSinusoid, relative } from "../src/data.ts";
import {
  adam,
  anp,
  type Batch,
  fanInUniform,
  keyOf,
  layers,
  metaSgd,
  metaTrain,
  mlp,
  model,
  regression,
  scratch,
  sinusoid,
  type Trained,
} from "../src/index.ts";
