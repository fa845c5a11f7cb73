/** Who is measured, how each is started, and what is done where a peer cannot do the workload as it is. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "./child.ts";

/** Which target a competitor's figures count for. */
export type Group = "ours" | "torch" | "js";

/** A workload that a peer cannot do as it is. */
export interface Allowance {
  /** Said beside the figure. */
  readonly remark: string;
  /** Tasks an outer step, instead of the workload's. */
  readonly tasks?: number;
  /** Another size of the workload; its figure is not compared. */
  readonly ways?: number;
  /** At most so many rounds. */
  readonly rounds?: number;
}

export interface Competitor {
  readonly name: string;
  readonly group: Group;
  readonly command: (workload: string) => Command;
  /** Why it is left out, and what to do about it. */
  readonly missing?: string;
  readonly allowances?: Readonly<Record<string, Allowance>>;
  /** Workloads that it has no variant for. */
  readonly without?: readonly string[];
}

const here = fileURLToPath(new URL(".", import.meta.url));
const tsx = createRequire(import.meta.url).resolve("tsx");

/** A script of this folder under a Node. */
export function script(
  name: string,
  args: readonly string[] = [],
  node = process.execPath,
  flags: readonly string[] = [],
) {
  return { file: node, args: [...flags, "--import", `file://${tsx}`, join(here, name), ...args] };
}

/** Installs the JavaScript peers on first use. @returns what went wrong */
function install(): string | undefined {
  if (existsSync(join(here, "node_modules/@jax-js/jax")) && existsSync(join(here, "node_modules/@tensorflow/tfjs"))) {
    return undefined;
  }
  console.error("installing the JavaScript peers in bench/peers (npm ci)");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: here,
    stdio: "ignore",
  });
  return status === 0 ? undefined : "not installed: npm ci in bench/peers";
}

/** The first Python that has torch: QUICKSTUDY_PYTHON, the one on the path, Debian's. */
function pythonWithTorch(): string | undefined {
  const candidates = [process.env.QUICKSTUDY_PYTHON, "python3", "/usr/bin/python3"];
  return candidates.find((python) => {
    if (python === undefined) return false;
    return spawnSync(python, ["-c", "import torch, functorch"], { stdio: "ignore" }).status === 0;
  });
}

/** Node's flag for relaxed SIMD: 20 has it behind one, later versions have it. */
function relaxedFlags(node: string): string[] {
  const version = execFileSync(node, ["--version"]).toString();
  return Number.parseInt(version.slice(1), 10) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
}

function ours(): Competitor[] {
  const node = process.env.QUICKSTUDY_NODE ?? process.execPath;
  const flags = relaxedFlags(node);
  return [
    { name: "quickstudy", group: "ours", command: (form) => script("ours.ts", [form]) },
    { name: "quickstudy relaxed", group: "ours", command: (form) => script("ours.ts", [form, "relaxed"], node, flags) },
  ];
}

function torch(): Competitor[] {
  const python = pythonWithTorch();
  const missing = {
    missing: "not installed: apt-get install python3-torch, or QUICKSTUDY_PYTHON=<a python with torch>",
  };
  const variant = (name: string): Competitor => ({
    name: `PyTorch ${name.replace("-", " ")}`,
    group: "torch",
    command: () => ({ file: python ?? "python3", args: [join(here, "torch_maml.py"), name] }),
    ...(python === undefined ? missing : {}),
  });
  // An outer step of a Prototypical Network is one episode: there is nothing to map over.
  const without = ["proto_conv"];
  return [
    variant("loop"),
    variant("loop-backward"),
    { ...variant("vmap"), without },
    { ...variant("vmap-backward"), without },
    { ...variant("batched"), without: [...without, "omni_conv"] },
  ];
}

function javascript(): Competitor[] {
  const problem = install();
  const missing = problem === undefined ? {} : { missing: problem };
  return [
    {
      name: "jax-js",
      group: "js",
      command: () => script("jax.ts"),
      ...missing,
      allowances: {
        omni_conv: { tasks: 1, rounds: 1, remark: "meta-batch of 1, one step" },
        proto_conv: { ways: 5, rounds: 1, remark: "5-way, one step: not compared" },
      },
    },
    {
      name: "tfjs",
      group: "js",
      command: () => script("tfjs.ts"),
      ...missing,
      allowances: {
        omni_conv: { tasks: 4, rounds: 3, remark: "meta-batch of 4; convolution as gather and product" },
        proto_conv: { rounds: 2, remark: "2 rounds; convolution as gather and product" },
      },
    },
  ];
}

const MAKERS: Readonly<Record<Group, () => Competitor[]>> = { ours, torch, js: javascript };

/** The competitors of some groups, in the order of a round; looks for what they need, and installs it where it can. */
export function competitors(groups: readonly Group[] = ["ours", "torch", "js"]): readonly Competitor[] {
  return groups.flatMap((group) => MAKERS[group]());
}
