/**
 * Parquet → records, row after row, the wanted columns alone. Decoding is a thread's of its own (`parquet-thread.ts`), with
 * limits on its memory and on the time of a row group, because a few hostile bytes can ask for any amount of either.
 * Memory: that of one row group, and a portion of its rows.
 */
import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { LossyscopeError } from "../numeric/errors.ts";
import type { FromParquetThread, ParquetColumn, ParquetThreadData, ToParquetThread } from "./parquet-messages.ts";

const LIMITS = { maxOldGenerationSizeMb: 2048, maxYoungGenerationSizeMb: 64 };
const MOST_MILLISECONDS = 120_000;

export interface ParquetRow {
  /** place from 0 */
  readonly row: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/** One that is read from source has it where the build puts it. */
function compiledThread(): URL {
  const beside = new URL("./parquet-thread.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/text/parquet-thread.js", import.meta.url);
}

/**
 * @param choose from the file's columns, the top-level ones that are wanted
 * @throws LossyscopeError `text` where the file is damaged or asks for too much; what `choose` throws
 */
export async function* readParquet(
  path: string,
  name: string,
  choose: (columns: readonly ParquetColumn[]) => readonly string[],
): AsyncGenerator<ParquetRow> {
  const thread = new Decoder(path, name);
  try {
    let columns: readonly string[] = [];
    for (;;) {
      const answer = await thread.next(columns);
      if (answer.kind === "end") return;
      if (answer.kind === "schema") columns = choose(answer.columns);
      else for (const [index, record] of answer.rows.entries()) yield { row: answer.from + index, record };
    }
  } finally {
    await thread.close();
  }
}

class Decoder {
  readonly #worker: Worker;
  readonly #name: string;

  constructor(path: string, name: string) {
    const workerData: ParquetThreadData = { path };
    this.#name = name;
    this.#worker = new Worker(compiledThread(), { workerData, execArgv: [], resourceLimits: LIMITS });
  }

  /** @throws LossyscopeError `text` */
  next(columns: readonly string[]): Promise<Exclude<FromParquetThread, { kind: "failed" }>> {
    const damaged = (why: string, next: string): LossyscopeError =>
      new LossyscopeError("text", `${this.#name} cannot be read as Parquet (${why})`, next);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#worker.removeAllListeners("message").removeAllListeners("error").removeAllListeners("exit");
        act();
      };
      const timer = setTimeout(() => {
        settle(() =>
          reject(damaged(`a row group takes more than ${MOST_MILLISECONDS / 1000} s`, "write smaller row groups")),
        );
      }, MOST_MILLISECONDS);
      this.#worker.once("message", (message: FromParquetThread) => {
        settle(() => {
          if (message.kind === "failed") reject(damaged(message.message, "download it again, or write it anew"));
          else resolve(message);
        });
      });
      this.#worker.once("error", (error: Error) => {
        const memory = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
        settle(() =>
          reject(
            damaged(memory ? "it asks for too much memory" : error.message, "write it anew, in smaller row groups"),
          ),
        );
      });
      this.#worker.once("exit", () => settle(() => reject(damaged("its reader ended", "write it anew"))));
      const message: ToParquetThread = { columns };
      this.#worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.#worker.removeAllListeners();
    this.#worker.on("error", () => {});
    await this.#worker.terminate();
  }
}
