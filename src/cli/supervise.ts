/**
 * The process that people start: it runs the command line in a child of its own (`supervised.ts`) and does nothing but hear
 * signals, since a main thread that computes hears none. The first SIGINT or SIGTERM asks a command to stop, and ends one that
 * would only have to be waited for; the second ends it at once, whatever it is doing, and so does silence after the first.
 * Children of the command end with it (`files/lifeline.ts`).
 */
import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { timeText } from "../numeric/amounts.ts";
import type { FromCommand, ToCommand } from "./supervise-messages.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** What comes so soon after the first is the same request: `timeout` and npm send each signal twice. */
const SAME_MILLISECONDS = 100;
/** How long a command may be deaf to such a pair, which might have been two requests. */
const PAIR_MILLISECONDS = 1_000;
/** Longer than anything takes between two moments at which a command hears. */
const DEAF_MILLISECONDS = 10_000;
/** Exit code of a command that was stopped. */
const STOPPED = 130;

/**
 * @param patience milliseconds that a command which was asked to stop may be deaf
 * @returns the exit code; ends by the signal that ended the command, if one did
 */
export async function supervise(args: readonly string[], patience = DEAF_MILLISECONDS): Promise<number> {
  const child = fork(fileURLToPath(new URL("./supervised.js", import.meta.url)), args, {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const temporaries = new Set<string>();
  const stopping = new Stopping(child, patience);
  child.on("message", (message: FromCommand) => {
    if (message.kind !== "temporary") stopping.hear(message);
    else if (message.temporary) temporaries.add(message.path);
    else temporaries.delete(message.path);
  });
  for (const signal of SIGNALS) process.on(signal, stopping.ask);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (...how) => resolve(how));
  });
  stopping.over();
  for (const asked of SIGNALS) process.off(asked, stopping.ask);
  if (code !== null) return code;
  for (const path of temporaries) rmSync(path, { recursive: true, force: true });
  if (stopping.ended) return STOPPED;
  const own = stopping.asked ?? signal!;
  process.kill(process.pid, own);
  // The first process of a container is not ended by its own signal.
  return 128 + constants.signals[own];
}

class Stopping {
  readonly #child: ChildProcess;
  readonly #patience: number;
  #stoppable = false;
  #hears = false;
  #firstAt = 0;
  #deafness: NodeJS.Timeout | undefined;
  /** the signal that ended a command which could not stop by itself */
  asked: NodeJS.Signals | undefined;
  /** whether a command that was to stop by itself was ended */
  ended = false;

  constructor(child: ChildProcess, patience: number) {
    this.#child = child;
    this.#patience = patience;
  }

  hear(message: Exclude<FromCommand, { kind: "temporary" }>): void {
    if (message.kind === "stoppable") this.#stoppable = message.stoppable;
    else {
      this.#hears = true;
      if (!this.ended) this.#await();
    }
  }

  readonly ask = (signal: NodeJS.Signals): void => {
    const since = performance.now() - this.#firstAt;
    if (this.#firstAt > 0) {
      if (since < SAME_MILLISECONDS) setTimeout(() => this.#hears || this.#end(), PAIR_MILLISECONDS).unref();
      else this.#end();
      return;
    }
    this.#firstAt = performance.now();
    if (this.#stoppable) {
      this.#child.send({ kind: "stop" } satisfies ToCommand, () => {});
      this.#await();
    } else {
      this.asked = signal;
      this.#child.kill("SIGKILL");
    }
  };

  over(): void {
    clearTimeout(this.#deafness);
  }

  #await(): void {
    clearTimeout(this.#deafness);
    this.#deafness = setTimeout(() => {
      process.stderr.write(
        `lossyscope: the command has not heard for ${timeText(this.#patience / 1000)} that it should stop, and was ended\n`,
      );
      this.#end();
    }, this.#patience);
  }

  #end(): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.ended = true;
    this.#child.kill("SIGKILL");
  }
}
