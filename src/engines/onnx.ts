/**
 * The ONNX engine: windows → feeds of the measuring graph → rows of observations, one batch in flight ahead of the one
 * being read so that the runtime never waits for us. Padding is on the right, where causal attention makes it harmless.
 *
 * Memory here: two batches of observations, rows · (L+1) · draws·m · 4 bytes each, and (L+1) · d² · 4 bytes for moments.
 */
import { buildMeasuringGraph } from "../models/heads.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type EngineRequest, refuseUngiven } from "../ports/engine.ts";
import type { Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { asking, headsOf, observationOf } from "./asking.ts";
import { DecoderEngine } from "./decoder-engine.ts";
import { rounded, runnable } from "./runnable.ts";

export class OnnxEngine extends DecoderEngine {
  async *run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation> {
    refuseUngiven(this, request);
    const { spec, longest, describe, precision } = this.options;
    const weights = await runnable(this.options.weights, "windows", signal);
    const inWholeNumbers = await rounded(this.options, signal);
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    const heads = { ...headsOf(request, precision === "fast"), rounded: inWholeNumbers };
    const graph = buildMeasuringGraph(spec, weights, heads, longest);
    const runtime = this.start();
    const stop = (): void => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const loaded = await runtime.load(graph.bytes, graph.externalFolder);
      this.report.version = loaded.version;
      this.report.loadSeconds = loaded.seconds;
      const ask = asking(this.options, request);
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
        const result = await head.result;
        refill();
        this.took(result);
        yield observationOf(head.asked, result.outputs, request, this.layerCount);
      }
    } catch (error) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      await this.close();
    }
  }
}
