/**
 * Work on hostile input in a process of its own, question by question: whatever it asks for of memory or time ends that
 * process and nothing else. (A thread will not do: one allocation past its limit takes the whole process along.) An idle one
 * holds nothing up, and none outlives its parent (`lifeline.ts`, which the child calls).
 */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { timeText } from "../numeric/amounts.ts";

export interface ApartOptions {
  /** of its heap */
  readonly memoryMegabytes: number;
  /** for one answer */
  readonly milliseconds: number;
}

export class Apart<Question, Answer> {
  readonly #module: string;
  readonly #options: ApartOptions;
  #child: ChildProcess | undefined;

  /**
   * @param room of the caller, and the name of the child's file without its ending; the caller read from source has it where
   *   the build puts it
   */
  constructor(caller: string, room: string, name: string, options: ApartOptions) {
    const beside = new URL(`./${name}.js`, caller);
    this.#module = fileURLToPath(existsSync(beside) ? beside : new URL(`../../dist/${room}/${name}.js`, caller));
    this.#options = options;
  }

  /** @returns the answer, or why there is none; the next question then goes to a new process */
  async ask(question: Question): Promise<{ readonly answer: Answer } | { readonly failed: string }> {
    const { memoryMegabytes, milliseconds } = this.#options;
    this.#child ??= fork(this.#module, [], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      execArgv: [`--max-old-space-size=${memoryMegabytes}`],
      serialization: "advanced",
    });
    const child = this.#child;
    child.ref();
    child.channel?.ref();
    const found = await new Promise<{ readonly answer: Answer } | { readonly failed: string }>((resolve) => {
      const settle = (result: { readonly answer: Answer } | { readonly failed: string }): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit).off("error", onError);
        resolve(result);
      };
      const onMessage = (answer: unknown): void => settle({ answer: answer as Answer });
      // A full heap aborts the process; the system kills one that it has no memory for.
      const onExit = (code: number | null, signal: string | null): void => {
        const full = code === 134 || ["SIGABRT", "SIGTRAP", "SIGILL", "SIGKILL"].includes(signal ?? "");
        settle({ failed: full ? "it asks for too much memory" : `its process ended, ${signal ?? `code ${code}`}` });
      };
      const onError = (error: Error): void => settle({ failed: error.message });
      const timer = setTimeout(
        () => settle({ failed: `it takes more than ${timeText(milliseconds / 1000)}` }),
        milliseconds,
      );
      child.on("message", onMessage).on("exit", onExit).on("error", onError);
      try {
        child.send(question as object, (error) => {
          if (error) onError(error);
        });
      } catch {
        settle({ failed: "it cannot be handed over: it nests too deeply" });
      }
    });
    if ("failed" in found) this.close();
    else {
      child.unref();
      child.channel?.unref();
    }
    return found;
  }

  close(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.on("error", () => {});
    child?.kill("SIGKILL");
  }
}
