/** Which process made a file, written so that another process can tell whether it still runs. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { hashValues } from "../../tasks/hash.ts";

/** A process, told apart from every other one on any machine. */
export interface ProcessIdentity {
  /** Hash of what process ids count in: host, boot and, on Linux, the namespace of a container. */
  readonly machine: string;
  readonly pid: number;
  /** When the process began, in ticks since boot, where the system says so (Linux): ids are given out again. */
  readonly started: string;
}

const attempt = <T>(body: () => T, otherwise: T): T => {
  try {
    return body();
  } catch {
    return otherwise;
  }
};

/** State and start of a process from /proc, or undefined where there is no such file. */
function procStat(pid: number): { state: string; started: string } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"), undefined);
  // The second field is the program's name in parentheses and may hold anything. Fields 3 and 22 of proc(5).
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** This computer's name, or nothing where the runtime does not tell. */
export const hostName = (): string => attempt(hostname, "");

let identity: ProcessIdentity | undefined;

/** The process that calls. */
export function thisProcess(): ProcessIdentity {
  identity ??= {
    machine: hashValues(
      hostName(),
      attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"), ""),
      attempt(() => readlinkSync("/proc/self/ns/pid"), ""),
    ),
    pid: process.pid,
    started: procStat(process.pid)?.started ?? "",
  };
  return identity;
}

/** Whether a process runs; unknown where it belongs to another machine or container. */
export function stateOf({ machine, pid, started }: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (machine !== thisProcess().machine) return "unknown";
  try {
    // Signal 0 only asks.
    process.kill(pid, 0);
  } catch (error) {
    // EPERM and the like: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  const found = procStat(pid);
  if (found === undefined) return "alive";
  // A zombie is only waiting for its parent to ask how it ended.
  const ended = found.state === "Z" || found.state === "X";
  return ended || (started !== "" && found.started !== started) ? "dead" : "alive";
}

/** @returns whether a value that was read from a file is an identity */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { machine, pid, started } = (value ?? {}) as Partial<ProcessIdentity>;
  return typeof machine === "string" && typeof started === "string" && Number.isSafeInteger(pid) && (pid as number) > 0;
}

/** The identity as part of a file's name. */
export function identityTag({ machine, pid, started }: ProcessIdentity): string {
  return `${machine}-${pid}-${started}`;
}

/** The identity in a file's name, or undefined where there is none. */
export function parseIdentityTag(tag: string): ProcessIdentity | undefined {
  const [, machine = "", pid = "", started = ""] = /^([0-9a-f]{16})-([1-9]\d{0,9})-(\d*)$/.exec(tag) ?? [];
  return machine === "" ? undefined : { machine, pid: Number(pid), started };
}
