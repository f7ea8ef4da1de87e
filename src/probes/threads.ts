/**
 * Threads for what probes do when all of the text has been seen: each takes one task at a time, says how it comes on, and
 * answers. A module of a thread calls `answerTasks`, once.
 */
import { parentPort, Worker } from "node:worker_threads";
import { LossyscopeError } from "../numeric/errors.ts";

/** Errors of ours come as their parts: classes do not pass from thread to thread. */
type Refusal = Pick<LossyscopeError, "fault" | "said" | "next">;
type FromThread<Told, Result> = { readonly told: Told } | { readonly result: Result } | { readonly refusal: Refusal };

export class TaskThread<Task, Result, Told = never> {
  readonly #worker: Worker;
  #waiting: { resolve(result: Result): void; reject(error: Error): void; onTold(told: Told): void } | undefined;

  /**
   * @param module of the thread, compiled
   * @param data `workerData` there
   */
  constructor(module: URL, data?: unknown) {
    this.#worker = new Worker(module, { workerData: data, execArgv: [] });
    this.#worker.on("message", (message: FromThread<Told, Result>) => {
      if ("told" in message) return this.#waiting?.onTold(message.told);
      if ("refusal" in message) {
        const { fault, said, next } = message.refusal;
        return this.#fail(new LossyscopeError(fault, said, next));
      }
      this.#waiting?.resolve(message.result);
      this.#waiting = undefined;
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new Error(`a thread ended with code ${code}`)));
  }

  /** One at a time. @throws what the thread throws; the reason it was closed for */
  take(task: Task, onTold: (told: Told) => void = () => {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onTold };
      this.#worker.postMessage(task);
    });
  }

  /** Ends the thread; what it is at fails with the reason. */
  async close(reason: Error): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** The thread's side. */
export function answerTasks<Task, Result, Told = never>(
  answer: (task: Task, tell: (told: Told) => void) => Result | Promise<Result>,
): void {
  const send = (message: FromThread<Told, Result>): void => parentPort!.postMessage(message);
  parentPort?.on("message", async (task: Task) => {
    try {
      send({ result: await answer(task, (told) => send({ told })) });
    } catch (error) {
      if (!(error instanceof LossyscopeError)) throw error;
      const { fault, said, next } = error;
      send({ refusal: { fault, said, next } });
    }
  });
}
