/** Runs the built command as its users do: as a process of its own, seen through its streams and its exit code. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";

export const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
if (!existsSync(cli)) throw new Error(`${cli} is missing: run \`npm run build\` first`);

/** A folder of this test file's own, gone when the process ends. */
export const folder = mkdtempSync(join(tmpdir(), "quickstudy-cli-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const TIME_LIMIT = 120_000;

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: its process, and what comes of it. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", QUICKSTUDY_CACHE: join(folder, "cache"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIME_LIMIT,
    killSignal: "SIGKILL",
  });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
    });
  }
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
  return { child, outcome };
}

/** Runs a command that must succeed. */
export async function succeeds(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome> {
  const outcome = await start(args, env).outcome;
  assert.is(outcome.code, 0, `quickstudy ${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

/** Runs a command with --json; the object in the last line of its output, which must hold nothing else. */
export async function json(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Record<string, unknown>> {
  const { stdout } = await succeeds([...args, "--json"], env);
  const lines = stdout.split("\n");
  assert.is(lines.length, 2, `not one line on stdout: ${stdout}`);
  assert.is(lines[1], "", "the line does not end");
  const value: unknown = JSON.parse(lines[0] as string);
  assert.type(value, "object");
  return value as Record<string, unknown>;
}

/**
 * Runs a command that must fail: nothing on stdout, one line on stderr that says all of `parts`, no stack trace.
 * @returns the line
 */
export async function refused(args: readonly string[], ...parts: readonly string[]): Promise<string> {
  const command = `quickstudy ${args.join(" ")}`;
  const { code, signal, stdout, stderr } = await start(args).outcome;
  assert.is(signal, null, `${command} did not end`);
  assert.is(code, 1, `${command}: exit code ${code}; ${stderr}`);
  assert.is(stdout, "", command);
  assert.match(stderr, /^quickstudy: [^\n]+\n$/, command);
  assert.not.match(stderr, /\bat (\w|<).*:\d+|unexpected|node:internal|TypeError|RangeError/, command);
  for (const part of parts) assert.ok(stderr.includes(part), `${command}: "${stderr}" does not say "${part}"`);
  return stderr;
}
