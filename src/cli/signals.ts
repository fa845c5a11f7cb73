/** How signals and closed streams end a command: saved where there is something to save, and with the code shells expect. */

/** 128 and the signal's number; a terminal that closes (SIGHUP) ends a run as SIGTERM does. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

const STOP_SIGNALS = Object.keys(EXIT_CODES) as StopSignal[];

/** npm and terminals repeat a signal at once; a person who presses Ctrl-C again after this time does not want to wait. */
const IMPATIENT_MILLISECONDS = 1000;

let received: StopSignal | undefined;

/** The exit code of a command that was stopped: by the signal that was received, or as if by Ctrl-C. */
export function stoppedCode(): number {
  return EXIT_CODES[received ?? "SIGINT"];
}

/** What lets a command save before a signal ends it. */
export interface Stop {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** To be called when there is something to save; before, a signal ends the process at once. */
  begin(): void;
  /** To be called when nothing is left to save. */
  end(): void;
}

/** Handles the signals that ask a process to end, until `end`. */
export function stopOnSignals(): Stop {
  const controller = new AbortController();
  let begun = false;
  let since = 0;
  const onSignal = (name: NodeJS.Signals) => {
    received ??= name as StopSignal;
    if (!begun) process.exit(stoppedCode());
    if (!controller.signal.aborted) {
      since = performance.now();
      controller.abort();
    } else if (name === "SIGINT" && performance.now() - since > IMPATIENT_MILLISECONDS) {
      process.exit(stoppedCode());
    }
  };
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    begin() {
      begun = true;
    },
    end() {
      for (const name of STOP_SIGNALS) process.off(name, onSignal);
    },
  };
}

/**
 * Keeps a closed stream from ending the command. Progress that nobody can see any more is no reason to stop training. A
 * closed stdout (`quickstudy inspect FILE | head`) ends the command, as nothing is left to do: results come last.
 */
export function outliveStreams(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}
