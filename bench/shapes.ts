/** Models of known shapes with random weights, for benchmarks: made once in `work/bench/`, which git ignores. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeUntrained } from "../src/models/untrained.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../src/tokenizer/bytes.ts";

/** The shape of SmolLM2-135M. Its tokenizer is not ours to carry: ids here are bytes, the vocabulary has its size. */
export const SMOLLM2_135M = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 49152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  hidden_act: "silu",
  initializer_range: 0.04,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 256,
  torch_dtype: "bfloat16",
};

/** @returns the folder of a model of this shape */
export async function shapedModel(name: string, config: Record<string, unknown>): Promise<string> {
  const folder = join(fileURLToPath(new URL("../work/bench", import.meta.url)), name);
  if (existsSync(join(folder, "tokenizer_config.json"))) return folder;
  await writeUntrained(folder, config, 0);
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(byteLevelTokenizerJson()));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(byteLevelTokenizerConfig()));
  return folder;
}
