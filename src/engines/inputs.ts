/**
 * Sums over a text of what the linear maps of a model read (`models/inputs.ts`).
 *
 * Memory here: 8 bytes an input of every value that is summed; with moments 4·d² more for one of width d, and 4·d² for one
 * batch's.
 */
import { buildInputsGraph, type InputSums } from "../models/inputs.ts";
import { lengthSteps } from "../models/rotary.ts";
import type { LinearSpec } from "../models/spec.ts";
import type { EngineContext } from "../ports/engine.ts";
import type { Decoder } from "../ports/model.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { layout, weighing } from "./layout.ts";
import { runnable } from "./runnable.ts";
import { withRuntime } from "./with-runtime.ts";

/** Of one map, over all fresh slots of the windows, or those of them that came to it. */
export interface ReadSums {
  /** [inputs] Σ x² */
  readonly squares: Float64Array;
  /** lower triangle of Σ x xᵀ, [inputs (inputs + 1) / 2]; absent where it was not asked for */
  readonly moments?: Float64Array;
}

export interface InputsContext extends EngineContext {
  readonly decoder: Decoder;
  readonly signal?: AbortSignal;
  readonly onWindows?: (done: number) => void;
}

/** @returns the sums of each map; maps that read one value share them. @throws LossyscopeError as `Engine.run` does */
export async function sumInputs(
  { decoder: { spec, weights }, threads, longest, describe, signal, onWindows }: InputsContext,
  batches: readonly WindowBatch[],
  wanted: Omit<InputSums, "longest">,
): Promise<ReadonlyMap<LinearSpec, ReadSums>> {
  const readable = await runnable(weights, "windows", signal);
  const graph = buildInputsGraph(spec, readable, { ...wanted, longest });
  const steps = lengthSteps(spec).filter((step) => step < longest);
  const sums = new Map<string, ReadSums>();
  await withRuntime({ threads }, signal, async (runtime) => {
    await runtime.load(graph.bytes, graph.externalFolder);
    let done = 0;
    for (const batch of batches) {
      const at = layout(batch, false, steps);
      const rows = batch.windows.reduce((all, { ids, fresh }) => all + ids.length - fresh, 0);
      const feeds = {
        input_ids: { type: "int64", data: at.ids, dims: [batch.windows.length, at.width] } as const,
        kept: weighing({ count: 1, weights: new Float32Array(rows).fill(1) }, at, batch),
      };
      const { outputs } = await runtime.run(feeds, graph.outputs, describe(batch), { where: () => undefined });
      for (const name of graph.outputs) add(sums, name, outputs[name].data, wanted.moments);
      onWindows?.((done += batch.windows.length));
    }
  });
  return new Map([...graph.outputOf].map(([linear, name]) => [linear, sums.get(name)!]));
}

/** Adds what a batch gave: [d], or with moments [d, d]. */
function add(sums: Map<string, ReadSums>, name: string, found: Float32Array, isSquare: boolean): void {
  const width = isSquare ? Math.round(Math.sqrt(found.length)) : found.length;
  const own = sums.get(name) ?? {
    squares: new Float64Array(width),
    ...(isSquare && { moments: new Float64Array((width * (width + 1)) / 2) }),
  };
  sums.set(name, own);
  const { squares, moments } = own;
  for (let i = 0, at = 0; i < width; i++) {
    squares[i] += found[isSquare ? i * width + i : i];
    if (moments) for (let j = 0; j <= i; j++) moments[at++] += found[i * width + j];
  }
}
