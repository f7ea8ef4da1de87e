/**
 * The parent's side of the runtime's child process: starts it, sends graphs and feeds, turns its answers into promises
 * and its death into an error. It knows nothing of models; `onnx.ts` gives the port its meaning.
 */

import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError, unreachable } from "../numeric/errors.ts";
import type { RunContext } from "../ports/context.ts";
import { closePlaces, openPlaces, PLACES, take } from "./exchange.ts";
import { refuseNonFinite, type Where } from "./finite.ts";
import type { Feed, Fetched, FromRuntime, Kept, KeptTensor, ToRuntime, Vector } from "./runtime-messages.ts";

/** How long a child that was asked to stop may go on before it is killed. */
const GRACE_MILLISECONDS = 500;
/** The graph of a process that has one. */
const ONLY = "model";
/** How much of the child's last words an error carries. */
const LAST_WORDS = 2_000;

/** The machine's part in running a graph. */
export type RuntimeContext = Pick<RunContext, "threads">;

export interface RuntimeResult {
  readonly outputs: Record<string, Fetched>;
  /** wall seconds inside the child */
  readonly seconds: number;
  /** processor seconds of the child so far, those of threads that wait for work included */
  readonly cpuSeconds: number;
  /** largest resident size of the child so far */
  readonly peakBytes: number;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
  /** what the message was about, for the error when the process dies */
  readonly subject: string;
  /** what has to hold of a result */
  readonly check?: (outputs: Record<string, Fetched>) => void;
}

export interface RunOptions {
  /** where the graph has kept tensors: what they hold before this run */
  readonly kept?: Kept;
  readonly graph?: string;
  /** where a row of an output belongs, for the error about a value that is no number */
  readonly where?: Where;
  /** whether NaN and infinities are results: of a training that may diverge, which the caller looks at */
  readonly nonFinite?: boolean;
  /** outputs that go into another graph, whose results tell of NaN and infinities */
  readonly passed?: readonly string[];
  /** vectors that stay with the runtime, by what this graph calls them (`runtime-messages.ts`) */
  readonly vectors?: Readonly<Record<string, Vector>>;
}

/** The line of a crash that says what happened, among those that say where. */
const TELLING = /^\s*(\w*Error( \[\w+\])?:|fatal|terminate called|what\(\):)/i;

/** From sources (tests) the compiled child is started: plain Node cannot load TypeScript on every supported version. */
function childModule(): string {
  const here = import.meta.url;
  return fileURLToPath(
    new URL(here.endsWith(".ts") ? "../../dist/engines/runtime-child.js" : "./runtime-child.js", here),
  );
}

const LESS = "make the batch or the context smaller";

/** What the runtime said of one message; that it could not get memory comes with the bytes it wanted. */
function failure(subject: string, message: string): LossyscopeError {
  if (/^(ENOSPC|EDQUOT): .*write/.test(message)) {
    return new LossyscopeError(
      "io",
      `results do not fit into the temporary folder ${tmpdir()} at ${subject} (the disk is full)`,
      "free space, set TMPDIR to a folder on another disk, or make the batch smaller",
    );
  }
  const wanted = /Failed to allocate memory for requested buffer of size (\d+)/.exec(message);
  if (!wanted) return new LossyscopeError("engine", `the runtime failed at ${subject}: ${message.trim()}`);
  return new LossyscopeError(
    "memory",
    `the runtime could not get ${sizeText(Number(wanted[1]))} of memory at ${subject}`,
    LESS,
  );
}

const stopped = (): LossyscopeError => new LossyscopeError("interrupted", "the runtime was stopped");

export class RuntimeProcess {
  readonly #context: RuntimeContext;
  readonly #child: ChildProcess;
  readonly #places = openPlaces();
  readonly #waiting = new Map<number | "load", Waiting>();
  #nextId = 0;
  #lastWords = "";
  #ended: Error | undefined;
  #closing = false;

  constructor(context: RuntimeContext) {
    this.#context = context;
    this.#child = fork(childModule(), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc", ...this.#places],
      execArgv: [],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#child.on("message", (message: FromRuntime) => this.#answer(message));
    this.#child.on("error", (error) =>
      this.#die(new LossyscopeError("engine", `the runtime did not start (${error.message})`)),
    );
    // `close` comes after stderr has been read to its end; `exit` may come before.
    this.#child.on("close", (code, signal) => this.#die(this.#death(code, signal)));
  }

  get id(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Loads a graph whose external data lies in `folder`; one that is there under its name goes first.
   * @param kept tensors that stay with the runtime from run to run
   * @param graph what `run` calls it, where there are several
   * @returns seconds taken and the runtime's version
   */
  load(
    model: Uint8Array,
    folder: string,
    kept: readonly KeptTensor[] = [],
    graph = ONLY,
  ): Promise<{ seconds: number; version: string }> {
    const { threads } = this.#context;
    return this.#ask("load", "loading the model", { kind: "load", graph, model, folder, threads, kept });
  }

  /**
   * Keeps vectors with the runtime for all graphs: inputs of their names are fed from them, and what an output `next.NAME`
   * gives is written into them.
   */
  async hold(vectors: Record<string, Feed>): Promise<void> {
    const id = this.#place("taking vectors over");
    await this.#ask(id, "taking vectors over", { kind: "hold", id, vectors });
  }

  /** Held vectors as they are now. */
  async read(names: readonly string[]): Promise<Record<string, Fetched>> {
    const id = this.#place("handing vectors over");
    const { outputs } = await this.#ask<RuntimeResult>(id, "handing vectors over", { kind: "read", id, names });
    return outputs;
  }

  /**
   * Not more than `PLACES` runs may be unanswered at a time.
   * @param subject what runs, in words: an error names it (`window 12 of document "a.txt"`)
   * @throws LossyscopeError `model` for a result with NaN or infinity in it; `engine`, `memory`
   */
  run(
    feeds: Readonly<Record<string, Feed>>,
    fetches: readonly string[],
    subject: string,
    { kept, graph = ONLY, where, nonFinite = false, passed = [], vectors = {} }: RunOptions = {},
  ): Promise<RuntimeResult> {
    const id = this.#place(subject);
    const check = nonFinite
      ? undefined
      : (outputs: Record<string, Fetched>) =>
          refuseNonFinite(
            Object.fromEntries(Object.entries(outputs).filter(([name]) => !passed.includes(name))),
            subject,
            where,
          );
    return this.#ask(id, subject, { kind: "run", id, graph, feeds, fetches, kept: kept ?? null, vectors }, check);
  }

  #place(subject: string): number {
    if (this.#waiting.size === PLACES) throw new Error(`${PLACES} runs are unanswered, ${subject} has to wait`);
    return this.#nextId++;
  }

  /** Asks the child to end, and ends it after half a second. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MILLISECONDS);
    await gone;
    clearTimeout(timer);
    this.#die(stopped());
  }

  #ask<T>(key: number | "load", subject: string, message: ToRuntime, check?: Waiting["check"]): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(key, { resolve: resolve as (value: never) => void, reject, subject, check });
      this.#child.send(message, (error) => {
        if (error && this.#waiting.delete(key))
          reject(this.#ended ?? new LossyscopeError("engine", `the runtime cannot be reached (${error.message})`));
      });
    });
  }

  #answer(message: FromRuntime): void {
    const key = message.kind === "loaded" ? "load" : (message.id ?? "load");
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    switch (message.kind) {
      case "loaded":
        waiting.resolve(message as never);
        break;
      case "result":
        try {
          const outputs = take(this.#places, message.id, message.outputs, message.bytes);
          waiting.check?.(outputs);
          waiting.resolve({ ...message, outputs } as never);
        } catch (error) {
          waiting.reject(error as Error);
        }
        break;
      case "failed":
        waiting.reject(failure(waiting.subject, message.message));
        break;
      default:
        unreachable(message);
    }
  }

  #death(code: number | null, signal: NodeJS.Signals | null): Error {
    if (this.#closing) return stopped();
    const waiting = [...this.#waiting.values()].at(0);
    const when = waiting ? `at ${waiting.subject}` : "while it waited for work";
    const lines = this.#lastWords.trim().split("\n");
    const words = lines.find((line) => TELLING.test(line)) ?? lines.at(-1);
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    const memory = signal === "SIGKILL" || /bad_alloc|out of memory/i.test(this.#lastWords);
    return new LossyscopeError(
      memory ? "memory" : "engine",
      `the runtime ${how} ${when}${words ? ` (${words.trim()})` : ""}`,
      memory ? `it probably ran out of memory; ${LESS}` : undefined,
    );
  }

  #die(error: Error): void {
    if (!this.#ended) closePlaces(this.#places);
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}
