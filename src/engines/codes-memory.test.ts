/**
 * What a runtime takes for weights in codes, by its own count: blocks of a model are added, and what they add to the largest
 * resident size is held against what they add to the file, and against the formula.
 */
import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { BLOCKS } from "../formats/blocks/types.ts";
import { writeGguf } from "../formats/gguf/gguf.testing.ts";
import { specOf } from "../models/config.ts";
import { buildMeasuringGraph } from "../models/heads.ts";
import { openGguf } from "../models/sources/gguf.ts";
import { asRunnable, heldBytes } from "../models/sources/runnable.ts";
import { slotsOf } from "../models/weights.ts";
import { createRuntime } from "./runtime.ts";

const at = temporaryFolder();
const TOKENS = 16;

/** @returns bytes of the file, of what the formula says, and the largest resident size of a runtime */
async function run(blocks: number, type: "Q4_K" | "Q8_0") {
  const spec = specOf({
    ...{ model_type: "llama", vocab_size: 256, tie_word_embeddings: true, num_hidden_layers: blocks },
    ...{ hidden_size: 1024, intermediate_size: 4096, num_attention_heads: 8 },
  });
  const tensors = [...slotsOf(spec)].map(({ names: [name], shape }) => {
    if (shape.length === 1) return { name, dtype: "F32" as const, shape, data: new Uint8Array(4 * shape[0]) };
    const { bytes, values } = BLOCKS[type];
    // Small float16 scales, and whatever codes.
    const data = new Uint8Array((shape[0] * shape[1] * bytes) / values).fill(3);
    return { name, dtype: type, shape, data };
  });
  const unique = [...new Map(tensors.map((tensor) => [tensor.name, tensor])).values()];
  const file = writeGguf({ tensors: unique });
  writeFileSync(at(`${blocks}.gguf`), file);
  const { source } = await openGguf(at(`${blocks}.gguf`));
  const weights = await asRunnable(source, "windows", at(`${blocks}.weights`));
  const graph = buildMeasuringGraph(spec, weights, { losses: true }, TOKENS);
  const runtime = createRuntime({ threads: 1 });
  try {
    await runtime.load(graph.bytes, graph.externalFolder);
    const row = (from: number) => BigInt64Array.from({ length: TOKENS - 1 }, (_, place) => BigInt(place + from));
    const { peakBytes } = await runtime.run(
      {
        input_ids: { type: "int64", data: row(0), dims: [1, TOKENS - 1] },
        loss_rows: { type: "int64", data: row(0), dims: [TOKENS - 1] },
        loss_targets: { type: "int64", data: row(1), dims: [TOKENS - 1] },
      },
      graph.outputs,
      "the text",
    );
    return { file: file.length, held: heldBytes(source, "windows"), peak: peakBytes };
  } finally {
    await runtime.close();
  }
}

/** What a runtime takes beside: states of so few tokens and an arena's slack; of 8 bits two matrices of the largest, widened. */
const BESIDE = { Q4_K: 8e6, Q8_0: 2 * 4 * 1024 * 4096 } as const;

it.each(["Q4_K", "Q8_0"] as const)("a model in %s takes a half more than its file at most", async (type) => {
  const [small, large] = [await run(1, type), await run(5, type)];
  const file = large.file - small.file;
  const peak = large.peak - small.peak;
  expect(file).toBeGreaterThan(35e6);
  expect(peak).toBeLessThan(1.5 * file + BESIDE[type]);
  expect(large.held - small.held).toBeLessThan(1.5 * file);
  // The formula is of use: most of what is there is in it.
  expect(large.held - small.held).toBeGreaterThan(0.55 * peak);
});
