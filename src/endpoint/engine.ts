/**
 * A server as an engine: every window is a prompt of its own, so many of them under way together as the client allows, and
 * their log-probabilities are the losses. Nothing is seen of the layers.
 *
 * Memory: the answers of as many windows as are under way, twice.
 */
import { setMaxListeners } from "node:events";
import { LossyscopeError } from "../numeric/errors.ts";
import {
  type Engine,
  type EngineContext,
  type EngineReport,
  type EngineRequest,
  refuseUngiven,
} from "../ports/engine.ts";
import type { Likeliest, Need, Observation } from "../ports/observation.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import type { Answered } from "./dialect.ts";
import type { Scorer } from "./scorer.ts";

/** A batch under way: what comes of each of its windows, null for one of which nothing is predicted. */
interface UnderWay {
  readonly batch: WindowBatch;
  readonly answers: readonly Promise<Answered | null>[];
  readonly likeliestRows: Int32Array;
}

export class EndpointEngine implements Engine {
  readonly name = "endpoint";
  readonly runtime: string;
  readonly gives: ReadonlySet<Need>;
  // Of what is not seen there is one of everything.
  readonly width = 1;
  readonly layerCount = 1;
  readonly report: EngineReport & { runSeconds: number };
  readonly #scorer: Scorer;
  readonly #describe: EngineContext["describe"];
  #stop = new AbortController();

  /** @param version that the server says it is of; empty where it does not */
  constructor(scorer: Scorer, version: string, { describe }: Pick<EngineContext, "describe">) {
    this.#scorer = scorer;
    this.#describe = describe;
    this.runtime = scorer.dialect.name === "openai" ? "endpoint" : scorer.dialect.name;
    this.gives = new Set<Need>(["losses", ...(scorer.dialect.likeliest ? (["likeliest"] as const) : [])]);
    this.report = { version, loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 };
  }

  async *run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation> {
    refuseUngiven(this, request);
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    const started = performance.now();
    this.#stop = new AbortController();
    const either = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    // As many listen as requests are under way, or wait to be.
    setMaxListeners(0, either);
    const queue: UnderWay[] = [];
    const iterator = batches[Symbol.iterator]();
    const wanted = 2 * this.#scorer.client.concurrency;
    let ahead = 0;
    const refill = (): void => {
      while (ahead < wanted) {
        const next = iterator.next();
        if (next.done) return;
        queue.push(this.#start(next.value, request, either));
        ahead += next.value.windows.length;
      }
    };
    try {
      refill();
      for (let head = queue.shift(); head; head = queue.shift()) {
        const answers = await Promise.all(head.answers);
        ahead -= head.batch.windows.length;
        refill();
        this.report.runSeconds = (performance.now() - started) / 1000;
        yield observe(head, answers, request);
      }
    } catch (error) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      throw error;
    } finally {
      await this.close();
    }
  }

  #start(batch: WindowBatch, { heads, likeliestRows }: EngineRequest, signal: AbortSignal): UnderWay {
    const marked = heads.likeliest === undefined ? new Int32Array() : (likeliestRows?.(batch) ?? new Int32Array());
    const rows = new Set(marked);
    let row = 0;
    const answers = batch.windows.map((window): Promise<Answered | null> => {
      const from = row;
      row += window.ids.length - window.fresh;
      if (window.ids.length < 2) return Promise.resolve(null);
      const isMarked = Array.from({ length: row - from }, (_, i) => from + i).some((one) => rows.has(one));
      const answer = this.#scorer.score({
        ids: window.ids,
        likeliest: isMarked ? heads.likeliest : 0,
        what: this.#describe({ ...batch, windows: [window] }),
        signal,
      });
      // The consumer may stop before this one is awaited; its failure then has nobody to hear it.
      answer.catch(() => {});
      return answer;
    });
    return { batch, answers, likeliestRows: marked };
  }

  /** Lets go of what is under way; idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
  }
}

function observe(
  { batch, likeliestRows }: UnderWay,
  answers: readonly (Answered | null)[],
  { heads }: EngineRequest,
): Observation {
  const places: { readonly answer: Answered | null; readonly slot: number }[] = batch.windows.flatMap(
    (window: Window, index) =>
      Array.from({ length: window.ids.length - window.fresh }, (_, i) => ({
        answer: answers[index],
        slot: window.fresh + i,
      })),
  );
  const losses = Float32Array.from(places, ({ answer, slot }) => (answer === null ? Number.NaN : answer.nats[slot]));
  const k = heads.likeliest;
  return {
    batch,
    rows: places.length,
    losses: heads.losses ? losses : undefined,
    likeliest: k === undefined ? undefined : likeliestOf(places, likeliestRows, k),
  };
}

/** @throws LossyscopeError `engine` where the server says fewer than were asked for */
function likeliestOf(
  places: readonly { readonly answer: Answered | null; readonly slot: number }[],
  marked: Int32Array,
  k: number,
): Likeliest {
  const rows = marked.filter((row) => places[row].answer !== null && places[row].slot > 0);
  const found = Array.from(rows, (row) => {
    const { answer, slot } = places[row];
    const told = answer!.likeliest[slot] ?? [];
    if (told.length === k) return told;
    throw new LossyscopeError(
      "engine",
      `the server says ${told.length} of the ${k} likeliest tokens that were asked for`,
      "allow it to say more (vLLM: --max-logprobs), or pass --no-text",
    );
  });
  return {
    rows,
    count: k,
    tokens: Float32Array.from(found.flatMap((told) => told.map(({ id }) => id))),
    nats: Float32Array.from(found.flatMap((told) => told.map(({ nats }) => nats))),
  };
}
