/**
 * Runs a decoder with parts taken away: the graph of `models/ablation.ts` is loaded once, and masks are fed to it.
 *
 * Memory here: a batch, 4 bytes a scored token, 8 bytes a value of the sites.
 */
import { buildAblationGraph, type Sites, valuesOf } from "../models/ablation.ts";
import { lengthSteps } from "../models/rotary.ts";
import type { EngineContext } from "../ports/engine.ts";
import type { Decoder } from "../ports/model.ts";
import type { Pools } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { layout, weighing } from "./layout.ts";
import { runnable } from "./runnable.ts";
import type { Runtime } from "./runtime.ts";
import type { Feed } from "./runtime-messages.ts";
import { withRuntime } from "./with-runtime.ts";

/** What is put in place of values: v·mask + fill, [values of all sites] each. */
export interface Mask {
  readonly mask: Float32Array;
  readonly fill: Float32Array;
}

export interface AblationContext extends EngineContext {
  readonly decoder: Decoder;
  readonly sites: Sites;
  readonly signal?: AbortSignal;
}

/** Sums of a batch, one array a block: [sums, values of the block]. */
export interface SiteSums {
  readonly batch: WindowBatch;
  readonly sums: readonly Float32Array[];
  readonly sizes: readonly Float32Array[];
}

const vector = (data: BigInt64Array): Feed => ({ type: "int64", data, dims: [data.length] });

async function running<T>(
  { decoder, sites, threads, longest, signal }: AblationContext,
  seen: boolean,
  work: (runtime: Runtime, outputs: readonly string[], steps: readonly number[]) => Promise<T>,
): Promise<T> {
  const weights = await runnable(decoder.weights, "windows", signal);
  const graph = buildAblationGraph(decoder.spec, weights, sites, { longest, seen });
  return withRuntime({ threads }, signal, async (runtime) => {
    await runtime.load(graph.bytes, graph.externalFolder);
    return await work(
      runtime,
      graph.outputs,
      lengthSteps(decoder.spec).filter((step) => step < longest),
    );
  });
}

/**
 * Sums of what the sites hold and contribute, over rows of the batches.
 * @throws LossyscopeError as `Engine.run`, and whatever `take` throws
 */
export const seeSites = (
  context: AblationContext,
  batches: readonly WindowBatch[],
  poolsOf: (batch: WindowBatch) => Pools,
  take: (one: SiteSums) => void,
): Promise<void> =>
  running(context, true, async (runtime, outputs, steps) => {
    for (const batch of batches) {
      const at = layout(batch, false, steps);
      const feeds = {
        input_ids: { type: "int64", data: at.ids, dims: [batch.windows.length, at.width] } as const,
        pool: weighing(poolsOf(batch), at, batch),
      };
      const found = await runtime.run(feeds, outputs, context.describe(batch), { where: () => undefined });
      const of = (name: string): Float32Array[] =>
        context.sites.counts.map((_, block) => found.outputs[`${name}.${block}`].data);
      take({ batch, sums: of("sum"), sizes: of("size") });
    }
  });

/** A loaded graph that takes masks. */
export interface Ablating {
  /** Nats of every scored token of a batch, in the order of its rows. */
  losses(batch: WindowBatch, mask: Mask): Promise<Float32Array>;
}

/** @throws LossyscopeError as `Engine.run`, and whatever `work` throws */
export const ablating = <T>(context: AblationContext, work: (ablating: Ablating) => Promise<T>): Promise<T> =>
  running(context, false, (runtime, outputs, steps) =>
    work({
      async losses(batch, { mask, fill }) {
        const { ids, width, scoredSlots, targets } = layout(batch, true, steps);
        const values = (data: Float32Array): Feed => ({ type: "float32", data, dims: [valuesOf(context.sites)] });
        const feeds = {
          input_ids: { type: "int64", data: ids, dims: [batch.windows.length, width] } as const,
          loss_rows: vector(scoredSlots),
          loss_targets: vector(targets),
          mask: values(mask),
          fill: values(fill),
        };
        const { outputs: found } = await runtime.run(feeds, outputs, context.describe(batch), {
          where: () => undefined,
        });
        return found.losses.data;
      },
    }),
  );
