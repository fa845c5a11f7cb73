/** A peer's process: told what to do by a line on its standard input, idle until then. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Answer, Request } from "./case-file.ts";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** One thread each: the libraries that a peer is made of are told before they start. */
const ONE_THREAD = { OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
/** What is kept of a peer's complaints. */
const LAST_CHARACTERS = 300;

/** A peer threw, or its process ended or took too long. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

export class Child {
  private readonly process: ChildProcess;
  private waiting: ((answer: Answer) => void) | undefined;
  private ended: string | undefined;
  private complaints = "";

  constructor({ file, args }: Command) {
    this.process = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...ONE_THREAD } });
    const { stdout, stderr } = this.process;
    if (stdout === null || stderr === null) throw new PeerError(`${file}: no pipes`);
    // Lines that are no answers are a library's own notices.
    createInterface({ input: stdout }).on("line", (line) => {
      if (line.startsWith("{")) this.settle(JSON.parse(line) as Answer);
    });
    stderr.on("data", (data: Buffer) => {
      this.complaints = (this.complaints + data.toString()).slice(-LAST_CHARACTERS);
    });
    this.process.on("error", (error) => this.end(error.message));
    this.process.on("close", (code, signal) => this.end(`ended with ${signal ?? code}: ${this.complaints.trim()}`));
    this.process.stdin?.on("error", () => {});
  }

  private settle(answer: Answer): void {
    this.waiting?.(answer);
    this.waiting = undefined;
  }

  private end(why: string): void {
    this.ended ??= why;
    this.settle({ error: this.ended });
  }

  /**
   * Sends a request and waits for its answer.
   * @param seconds after which the process is ended
   * @throws PeerError with what the peer threw, or why there is no answer
   */
  async ask(request: Request, seconds: number): Promise<Answer> {
    if (this.ended !== undefined) throw new PeerError(this.ended);
    const answer = await new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => this.stop(`no answer in ${seconds} s`), 1000 * seconds);
      this.waiting = (answered) => {
        clearTimeout(timer);
        resolve(answered);
      };
      this.process.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) throw new PeerError(answer.error);
    return answer;
  }

  /** Ends the process. */
  stop(why = "stopped"): void {
    this.end(why);
    this.process.kill("SIGKILL");
  }
}
