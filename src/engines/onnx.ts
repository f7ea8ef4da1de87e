/**
 * The ONNX engine: windows → feeds of the measuring graph → rows of observations, one batch in flight ahead of the one
 * being read so that the runtime never waits for us. Padding is on the right, where causal attention makes it harmless.
 *
 * Memory here: two batches of observations, rows · (L+1) · draws·m · 4 bytes each, and (L+1) · d² · 4 bytes for moments.
 */
import { buildMeasuringGraph, unitsOf } from "../models/heads.ts";
import { lengthSteps } from "../models/rotary.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import {
  type Engine,
  type EngineContext,
  type EngineReport,
  type EngineRequest,
  refuseUngiven,
} from "../ports/engine.ts";
import type { Decoder } from "../ports/model.ts";
import type { LayerMoments, Likeliest, Need, Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { atLeastOne, type Layout, layout, weighing } from "./layout.ts";
import { rounded, runnable } from "./runnable.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import type { Feed, Fetched } from "./runtime-messages.ts";

export interface OnnxEngineOptions extends EngineContext, Decoder {}

const UNRUN: EngineReport = { version: "", loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 };

/**
 * The token that a row of an output belongs to, counted from the document's start from 0, and its window as people know it;
 * undefined where all rows of the batch have made the output.
 */
function placeOf(
  output: string,
  row: number,
  {
    batch,
    at,
    picked,
    likeliest,
  }: {
    readonly batch: WindowBatch;
    readonly at: Layout;
    readonly picked: Int32Array | undefined;
    readonly likeliest: Int32Array;
  },
  describe: OnnxEngineOptions["describe"],
): string | undefined {
  const ofLoss = output === "losses" || output.startsWith("likeliest.");
  let slot: bigint | undefined;
  if (ofLoss) slot = at.scoredSlots[output === "losses" ? row : likeliest[row]];
  else if (output.startsWith("assignment.")) slot = at.slots[row];
  else if (output.startsWith("states.") && picked) slot = at.slots[picked[row]];
  if (slot === undefined) return undefined;
  const window = batch.windows[Math.floor(Number(slot) / at.width)];
  const token = window.start + (Number(slot) % at.width) + (ofLoss ? 1 : 0) - window.prefixSlots;
  return `${token < 0 ? "the prefix" : `token ${token}`} (${describe({ ...batch, windows: [window] })})`;
}

/** What was asked of a batch, for its answers to be told apart. */
interface Asked {
  /** rows whose states are wanted */
  readonly picked: Int32Array | undefined;
  /** places among the scored rows whose likeliest tokens are wanted */
  readonly likeliest: Int32Array;
  readonly momentCount: number;
}

/** The places of rows among those that are scored; rows that nothing comes before are left out. */
function scoredAmong({ scoredRows }: Layout, rows: Int32Array): Int32Array {
  const placeOfRow = new Map(Array.from(scoredRows, (row, place) => [row, place]));
  return Int32Array.from([...rows].flatMap((row) => placeOfRow.get(row) ?? []));
}

function likeliestOf({ scoredRows }: Layout, places: Int32Array, outputs: Record<string, Fetched>): Likeliest {
  const count = outputs["likeliest.tokens"].dims[1];
  const read = (name: string): Float32Array => outputs[`likeliest.${name}`].data.subarray(0, places.length * count);
  return { rows: places.map((place) => scoredRows[place]), count, tokens: read("tokens"), nats: read("nats") };
}

/** Inputs of heads that read states, not what is predicted from them. */
const OF_STATES = ["rows", "moment_rows", "state_rows", "pool.states", "pool.units"];

const vector = (data: BigInt64Array): Feed => ({ type: "int64", data, dims: [data.length] });

export class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly runtime = "onnxruntime";
  readonly gives: ReadonlySet<Need>;
  readonly width: number;
  readonly layerCount: number;
  readonly report = { ...UNRUN };
  readonly #options: OnnxEngineOptions;
  #process: Runtime | undefined;

  constructor(options: OnnxEngineOptions) {
    this.#options = options;
    const units: readonly Need[] = unitsOf(options.spec) ? ["pooledUnits"] : [];
    this.gives = new Set<Need>(["losses", "likeliest", "assignments", "moments", "states", "pooledStates", ...units]);
    this.width = options.spec.width;
    this.layerCount = options.spec.blocks.length + 1;
  }

  async *run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation> {
    refuseUngiven(this, request);
    const { spec, longest, describe, precision } = this.#options;
    const weights = await runnable(this.#options.weights, "windows", signal);
    const inWholeNumbers = await rounded(this.#options, signal);
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    const graph = buildMeasuringGraph(
      spec,
      weights,
      {
        ...request.heads,
        states: request.stateRows !== undefined,
        pooledStates: request.statePools !== undefined,
        pooledUnits: request.unitPools !== undefined,
        isFast: precision === "fast",
        rounded: inWholeNumbers,
      },
      longest,
    );
    if (this.#process) throw new Error("an engine runs once");
    this.#process = createRuntime(this.#options);
    const runtime = this.#process;
    const stop = (): void => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const loaded = await runtime.load(graph.bytes, graph.externalFolder);
      this.report.version = loaded.version;
      this.report.loadSeconds = loaded.seconds;
      const inputs = new Set(graph.inputs);
      const lossesOnly = !OF_STATES.some((name) => inputs.has(name));
      // Where the graph has no room for the last slot, windows are meant without it (lm-evaluation-harness's).
      const steps = lengthSteps(spec).filter((step) => step < longest);
      const start = (batch: WindowBatch) => {
        const at = layout(batch, lossesOnly, steps);
        const pick = (rows: Int32Array): Feed => vector(BigInt64Array.from(rows, (row) => at.slots[row]));
        const picked = request.stateRows?.(batch);
        const feeds: Record<string, Feed> = {
          input_ids: { type: "int64", data: at.ids, dims: [batch.windows.length, at.width] },
        };
        if (inputs.has("rows")) feeds.rows = vector(at.slots);
        const likeliest = scoredAmong(at, request.likeliestRows?.(batch) ?? new Int32Array());
        const wantsLikeliest = inputs.has("likeliest_rows");
        if (inputs.has("loss_rows")) {
          const some = wantsLikeliest || inWholeNumbers ? atLeastOne : (rows: BigInt64Array) => rows;
          feeds.loss_rows = vector(some(at.scoredSlots));
          feeds.loss_targets = vector(some(at.targets));
        }
        if (wantsLikeliest) feeds.likeliest_rows = vector(atLeastOne(BigInt64Array.from(likeliest, BigInt)));
        if (inputs.has("moment_rows")) {
          const rows = request.momentRows?.(batch);
          feeds.moment_rows = rows ? pick(rows) : vector(at.slots);
        }
        if (inputs.has("state_rows")) feeds.state_rows = pick(picked ?? new Int32Array());
        const pools = { states: request.statePools?.(batch), units: request.unitPools?.(batch) };
        for (const [name, own] of Object.entries(pools)) if (own) feeds[`pool.${name}`] = weighing(own, at, batch);
        const where = (output: string, row: number) => placeOf(output, row, { batch, at, picked, likeliest }, describe);
        const result = runtime.run(feeds, graph.outputs, describe(batch), { where });
        // The consumer may stop before this one is awaited; its failure then has nobody to hear it.
        result.catch(() => {});
        return { batch, at, picked, likeliest, momentCount: feeds.moment_rows?.dims[0] ?? 0, result };
      };
      const queue: ReturnType<typeof start>[] = [];
      const iterator = batches[Symbol.iterator]();
      const refill = (): void => {
        while (queue.length < 2) {
          const next = iterator.next();
          if (next.done) return;
          queue.push(start(next.value));
        }
      };
      refill();
      for (let head = queue.shift(); head; head = queue.shift()) {
        const { outputs, seconds, cpuSeconds, peakBytes } = await head.result;
        refill();
        this.report.runSeconds += seconds;
        this.report.cpuSeconds = cpuSeconds;
        this.report.peakBytes = Math.max(this.report.peakBytes, peakBytes);
        yield this.#observe(head.batch, head.at, outputs, request, head);
      }
    } catch (error) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      await this.close();
    }
  }

  #observe(
    batch: WindowBatch,
    at: Layout,
    outputs: Record<string, Fetched>,
    request: EngineRequest,
    { picked, likeliest, momentCount }: Asked,
  ): Observation {
    const rows = at.slots.length;
    const layers = Array.from({ length: this.layerCount }, (_, layer) => layer);
    let losses: Float32Array | undefined;
    if (request.heads.losses) {
      losses = new Float32Array(rows).fill(Number.NaN);
      const scored = outputs.losses.data;
      for (let i = 0; i < at.scoredRows.length; i++) losses[at.scoredRows[i]] = scored[i];
    }
    return {
      batch,
      rows,
      losses,
      likeliest: request.heads.likeliest ? likeliestOf(at, likeliest, outputs) : undefined,
      assignments: request.heads.assignments && layers.map((layer) => outputs[`assignment.${layer}`].data),
      moments: request.heads.moments
        ? layers.map(
            (layer): LayerMoments => ({
              count: momentCount,
              sum: outputs[`moments.${layer}.sum`].data,
              gram: outputs[`moments.${layer}.gram`].data,
              unitSum: outputs[`moments.${layer}.unit`].data,
            }),
          )
        : undefined,
      states: picked && layers.map((layer) => outputs[`states.${layer}`].data),
      pickedRows: picked,
      pooledStates: request.statePools && layers.map((layer) => outputs[`pooled.states.${layer}`].data),
      pooledUnits: request.unitPools && layers.slice(1).map((layer) => outputs[`pooled.units.${layer - 1}`].data),
    };
  }

  /** of the child, while there is one */
  get processId(): number | undefined {
    return this.#process?.id;
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }
}
