/** A JavaScript peer's side of the conversation: requests on standard input, answers on standard output, a line each. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Answer, type CaseFile, pack, type Request, type Timed } from "./case-file.ts";

/** What a peer can do. */
export interface Peer {
  readonly version: string;
  /** The meta-gradient of the first episode of a case, by parameter name, in the case's layout. */
  gradient(file: CaseFile): Promise<Readonly<Record<string, Float32Array>>>;
  /** Makes outer steps of `tasks` episodes ready. @returns one outer step, finished when it resolves */
  prepare(file: CaseFile, tasks: number): Promise<() => Promise<void>>;
}

/** Reads requests until standard input ends. */
export async function serve(make: () => Promise<Peer>): Promise<void> {
  let peer: Peer | undefined;
  let steps: { readonly step: () => Promise<void>; readonly tasks: number } | undefined;

  async function answer(request: Request): Promise<Answer> {
    peer ??= await make();
    switch (request.do) {
      case "version":
        return { version: peer.version };
      case "gradient": {
        const gradient = Object.entries(await peer.gradient(read(request.file)));
        return { gradient: Object.fromEntries(gradient.map(([name, values]) => [name, pack(values)])) };
      }
      case "prepare":
        steps = { step: await peer.prepare(read(request.file), request.tasks), tasks: request.tasks };
        return repeat(steps, request.seconds);
      case "round":
        if (steps === undefined) throw new Error("round: nothing is prepared");
        return repeat(steps, request.seconds);
    }
  }

  await answerLines(answer);
}

/** Answers every line of standard input with one of standard output, whatever is thrown. */
export async function answerLines(answer: (request: Request) => Promise<Answer>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const answered = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({
      error: error instanceof Error ? `${error.name}: ${error.message}` : `${error}`,
    }));
    process.stdout.write(`${JSON.stringify(answered)}\n`);
  }
}

const read = (file: string): CaseFile => JSON.parse(readFileSync(file, "utf8")) as CaseFile;

async function repeat(
  { step, tasks }: { readonly step: () => Promise<void>; readonly tasks: number },
  seconds: number,
): Promise<Timed> {
  const began = performance.now();
  let done = 0;
  let elapsed = 0;
  do {
    await step();
    done += tasks;
    elapsed = (performance.now() - began) / 1000;
  } while (elapsed < seconds);
  return { tasks: done, seconds: elapsed };
}
