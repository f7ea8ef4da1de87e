/**
 * The ONNX engine: windows → feeds of the measuring graph → rows of observations, one batch in flight ahead of the one
 * being read so that the runtime never waits for us. Padding is on the right, where causal attention makes it harmless.
 *
 * Memory here: two batches of observations, rows · (L+1) · draws·m · 4 bytes each, and (L+1) · d² · 4 bytes for moments.
 */
import { buildMeasuringGraph } from "../models/heads.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Engine, type EngineRequest, refuseUngiven } from "../ports/engine.ts";
import type { Need, Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { asking, type DecoderEngineOptions, givenOf, headsOf, observationOf, UNRUN } from "./asking.ts";
import { rounded, runnable } from "./runnable.ts";
import { createRuntime, type Runtime } from "./runtime.ts";

export class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly runtime = "onnxruntime";
  readonly gives: ReadonlySet<Need>;
  readonly width: number;
  readonly layerCount: number;
  readonly report = { ...UNRUN };
  readonly #options: DecoderEngineOptions;
  #process: Runtime | undefined;

  constructor(options: DecoderEngineOptions) {
    this.#options = options;
    this.gives = givenOf(options.spec);
    this.width = options.spec.width;
    this.layerCount = options.spec.blocks.length + 1;
  }

  async *run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation> {
    refuseUngiven(this, request);
    const { spec, longest, describe, precision } = this.#options;
    const weights = await runnable(this.#options.weights, "windows", signal);
    const inWholeNumbers = await rounded(this.#options, signal);
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    const heads = { ...headsOf(request, precision === "fast"), rounded: inWholeNumbers };
    const graph = buildMeasuringGraph(spec, weights, heads, longest);
    if (this.#process) throw new Error("an engine runs once");
    this.#process = createRuntime(this.#options);
    const runtime = this.#process;
    const stop = (): void => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const loaded = await runtime.load(graph.bytes, graph.externalFolder);
      this.report.version = loaded.version;
      this.report.loadSeconds = loaded.seconds;
      const ask = asking(this.#options, request);
      const start = (batch: WindowBatch) => {
        const asked = ask(batch);
        const result = runtime.run(asked.feeds, graph.outputs, describe(batch), { where: asked.where });
        // The consumer may stop before this one is awaited; its failure then has nobody to hear it.
        result.catch(() => {});
        return { asked, result };
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
        yield observationOf(head.asked, outputs, request, this.layerCount);
      }
    } catch (error) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      await this.close();
    }
  }

  /** of the child, while there is one */
  get processId(): number | undefined {
    return this.#process?.id;
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }
}
