/**
 * Everything a model computes on a stretch of tokens, for those who want to look themselves: hidden states of every layer
 * and logits, as `graph` with the head `everything` gives them. Nothing is reduced; use it on short texts.
 *
 * Memory: one window's outputs, S · ((L+2)·d + V) · 4 bytes, twice.
 */

import { buildMeasuringGraph } from "../models/heads.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import { runnable } from "./runnable.ts";
import { createRuntime } from "./runtime.ts";

export interface Everything {
  /** [S, d] a layer, 0..L; the last one after the final norm */
  readonly hiddenStates: readonly Float32Array[];
  /** [S, d] */
  readonly lastBlockOutput: Float32Array;
  /** [S, V] */
  readonly logits: Float32Array;
}

/**
 * Runs one sequence at a time and yields what it gave, in order.
 * @param sequences token ids, each run by itself from position 0
 * @param longest length of the longest of them
 * @throws LossyscopeError `engine` naming the sequence; `interrupted`
 */
export async function* exportEverything(
  spec: DecoderSpec,
  weights: TensorSource,
  sequences: Iterable<Int32Array>,
  { longest, ...context }: QuietContext & { readonly longest: number },
): AsyncGenerator<Everything> {
  const { signal } = context;
  const readable = await runnable(weights, "windows", signal);
  if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
  const graph = buildMeasuringGraph(spec, readable, { everything: true }, longest);
  const runtime = createRuntime(context);
  const stop = (): void => void runtime.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await runtime.load(graph.bytes, graph.externalFolder);
    let index = 0;
    for (const sequence of sequences) {
      const input = { type: "int64", data: BigInt64Array.from(sequence, BigInt), dims: [1, sequence.length] } as const;
      const { outputs } = await runtime.run({ input_ids: input }, graph.outputs, `sequence ${index}`);
      yield {
        hiddenStates: Array.from(
          { length: spec.blocks.length + 1 },
          (_, layer) => outputs[`hidden_states.${layer}`].data,
        ),
        lastBlockOutput: outputs.last_block_output.data,
        logits: outputs.logits.data,
      };
      index++;
    }
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await runtime.close();
  }
}
