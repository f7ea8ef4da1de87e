/**
 * A model that reads token by token: rows of one batch, each at a place of its own, whose keys and values stay in the
 * runtime's child process (`models/steps.ts`, `engines/kept-tensors.ts`). What is predicted comes back, nothing else. What
 * to read next is for others.
 *
 * Memory: in the child the weights, 8·B·P·L·K·h bytes of cache, P slots each (`memory.ts` has all of it); here what one
 * step predicts, 4·B·V bytes.
 */

import type { Arithmetic } from "../coding/arithmetic.ts";
import { rounded, runnable } from "../engines/runnable.ts";
import { createRuntime, type Runtime } from "../engines/runtime.ts";
import { buildStepGraph, type Prediction, rowsOf } from "../models/steps.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import type { Decoder } from "../ports/model.ts";
import { beside, productsAt } from "./quickest.ts";

export interface SessionOptions extends QuietContext, Decoder {
  /** what a step gives of the next token: logits, or their softmax in float32 */
  readonly prediction: Prediction;
  /** positions that a row reaches at most */
  readonly longest: number;
  readonly arithmetic?: Arithmetic;
}

export class DecodingSession {
  readonly longest: number;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = (): void => void this.#runtime.close();
  #version = "";
  readonly #prediction: Prediction;
  readonly #vocabulary: number;
  #lengths: number[] = [];
  /** slots of the cache, padding among them */
  #filled = 0;
  /** where the next step has other rows than the last one */
  #from: readonly number[] | undefined;

  private constructor(runtime: Runtime, options: SessionOptions) {
    this.#runtime = runtime;
    this.#signal = options.signal;
    this.longest = options.longest;
    this.#prediction = options.prediction;
    this.#vocabulary = options.spec.vocabulary;
  }

  /**
   * Loads the model into a process of its own; whoever opens a session closes it. The signal ends the process.
   * @throws LossyscopeError `usage` beyond the model's positions; `engine` where the runtime does not take the model
   */
  static async open(options: SessionOptions): Promise<DecodingSession> {
    const { spec, weights, precision, prediction, longest, signal } = options;
    const arithmetic = options.arithmetic ?? beside(productsAt(precision));
    const source = await runnable(weights, rowsOf(arithmetic), signal);
    const inWholeNumbers = await rounded({ spec, weights, products: arithmetic.products }, signal);
    const graph = buildStepGraph(spec, source, { prediction, longest, arithmetic, rounded: inWholeNumbers });
    const runtime = createRuntime(options);
    const session = new DecodingSession(runtime, options);
    if (signal?.aborted) session.#stop();
    signal?.addEventListener("abort", session.#stop);
    try {
      session.#version = (await runtime.load(graph.bytes, graph.externalFolder, graph.caches)).version;
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** of the runtime */
  get version(): string {
    return this.#version;
  }

  /** Forgets all rows; the next step opens new ones. */
  restart(): void {
    this.#lengths = [];
    this.#filled = 0;
    this.#from = undefined;
  }

  /**
   * Goes on with other rows, each from what one of those there are has read: what they have in common is read once.
   * @param from [rows] the row that each goes on from
   */
  spread(from: readonly number[]): void {
    this.#from = this.#from ? from.map((row) => this.#from![row]) : from;
    this.#lengths = from.map((row) => this.#lengths[row]);
  }

  /**
   * Reads further tokens.
   * @param rows new tokens of every row, at least one each; as many rows at every step until a restart
   * @returns what follows each row, [V] a row
   * @throws LossyscopeError `usage` where a row outgrows `longest`; `engine` naming the step; `interrupted`
   */
  async advance(rows: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const width = this.#check(rows);
    const ids = new BigInt64Array(rows.length * width);
    const positions = new BigInt64Array(rows.length * width).fill(-1n);
    const last = new BigInt64Array(rows.length);
    rows.forEach((row, b) => {
      const start = (b + 1) * width - row.length; // padding is on the left
      for (let t = 0; t < row.length; t++) {
        ids[start + t] = BigInt(row[t]);
        positions[start + t] = BigInt(this.#lengths[b] + t);
      }
      last[b] = BigInt((b + 1) * width - 1);
    });
    const at = Math.max(...this.#lengths);
    const dims = [rows.length, width];
    const { outputs } = await this.#runtime.run(
      {
        input_ids: { type: "int64", data: ids, dims },
        positions: { type: "int64", data: positions, dims },
        rows: { type: "int64", data: last, dims: [rows.length] },
      },
      [this.#prediction],
      `position ${at} of ${rows.length} ${rows.length === 1 ? "row" : "rows"}`,
      { kept: { rows: rows.length, filled: this.#filled, from: this.#from } },
    );
    this.#from = undefined;
    rows.forEach((row, b) => {
      this.#lengths[b] += row.length;
    });
    this.#filled += width;
    const { data } = outputs[this.#prediction];
    return rows.map((_, b) => data.subarray(b * this.#vocabulary, (b + 1) * this.#vocabulary));
  }

  /** @returns tokens of the row that reads the most */
  #check(rows: readonly ArrayLike<number>[]): number {
    if (this.#lengths.length === 0) this.#lengths = rows.map(() => 0);
    if (rows.length === 0 || rows.length !== this.#lengths.length || rows.some(({ length }) => length === 0))
      throw new Error(`a step takes tokens for each of ${this.#lengths.length} rows`);
    const longest = rows.reduce((most, { length }, b) => Math.max(most, this.#lengths[b] + length), 0);
    if (longest > this.longest)
      throw new LossyscopeError(
        "usage",
        `a row of ${count(longest)} tokens was asked for, the session has ${count(this.longest)} positions`,
        "ask for fewer tokens",
      );
    return rows.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** Ends the runtime. Idempotent. */
  close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#stop);
    return this.#runtime.close();
  }
}
