/**
 * The random-weight models as GGUF files, each with what of its config GGUF carries otherwise or not at all. The same
 * files went through llama.cpp (`fixtures/gguf/llama-cpp-losses.json`).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fixture } from "../../fixtures.testing.ts";
import { f32, type TypedValue, text, texts, u32, type WrittenTensor } from "../../formats/gguf/gguf.testing.ts";
import { fromFloat32 } from "../../formats/tensor-types.ts";
import { BYTE_CHARACTERS } from "../../tokenizer/bytes.ts";
import type { Conversion } from "./convert.testing.ts";

/** Keys of config.json that a folder has to have for its file to be the same model. */
export const CONVERSIONS: Readonly<Record<string, Conversion["config"]>> = {
  llama: {},
  "llama-tied-bf16": {},
  "llama3-rope-scaling": {},
  "mistral-sharded": { sliding_window: null },
  mixtral: {},
  granite: {},
  qwen2: {},
  qwen3: {},
  olmo2: {},
  gemma2: { query_pre_attn_scalar: 16 },
  gemma3_text: { query_pre_attn_scalar: 16, sliding_window_pattern: 6 },
  phi3: { sliding_window: null },
  "phi3-longrope": {},
  starcoder2: { sliding_window: null },
  stablelm: { use_parallel_residual: false },
  "stablelm-parallel": {},
  gpt2: {},
  "gpt2-hub-names": {},
  gpt_neox: {},
  "gpt_neox-sequential": {},
  qwen3_moe: {},
  // Its second block has no experts, which no file of the kind has.
  qwen2_moe: { num_hidden_layers: 1, mlp_only_layers: [] },
  olmo: {},
  "olmo-clip-qkv": {},
  olmoe: {},
  seed_oss: {},
  smollm3: { no_rope_layers: [1, 1, 1] },
  gemma: {},
  cohere: {},
  phi: {},
  "falcon-7b": {},
  "falcon-40b": {},
};

export const floats = (name: string, values: readonly number[]): WrittenTensor => ({
  name,
  dtype: "F32",
  shape: [values.length],
  data: fromFloat32("F32", Float32Array.from(values)),
});

/** What a converter writes of Llama 3's bands: how far each pair's frequency is divided. */
export function bandDivisors(config: Readonly<Record<string, unknown>>): readonly number[] {
  const scaling = config.rope_scaling as Readonly<Record<string, number>>;
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = scaling;
  const [base, width] = [Number(config.rope_theta), Number(config.head_dim)];
  return Array.from({ length: width / 2 }, (_, pair) => {
    const turns = (original * base ** ((-2 * pair) / width)) / (2 * Math.PI);
    const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1);
    return 1 / ((1 - kept) / factor + kept);
  });
}

/** @param name of a fixture */
export async function conversionOf(name: string): Promise<Conversion> {
  const config = JSON.parse(await readFile(join(fixture(`models/${name}`), "config.json"), "utf8"));
  const scaling = config.rope_scaling;
  const changed = { config: CONVERSIONS[name] };
  switch (scaling?.rope_type ?? scaling?.type) {
    case "llama3":
      return { ...changed, extra: [floats("rope_freqs.weight", bandDivisors(config))] };
    case "longrope": {
      const original = config.original_max_position_embeddings;
      const stretched = Math.sqrt(1 + Math.log(config.max_position_embeddings / original) / Math.log(original));
      return {
        ...changed,
        more: [["rope.scaling.attn_factor", f32(stretched)]],
        extra: [
          floats("rope_factors_long.weight", scaling.long_factor),
          floats("rope_factors_short.weight", scaling.short_factor),
        ],
      };
    }
    default:
      return changed;
  }
}

/** Some characters and, behind them, control tokens: what llama.cpp wants to have before it opens a model. */
export function someTokens(vocabulary: number): readonly (readonly [string, TypedValue])[] {
  const characters = ["Ċ", ...BYTE_CHARACTERS.slice(33, 125), "ab"];
  const tokens = Array.from({ length: vocabulary }, (_, id) => characters[id] ?? `<${id}>`);
  return [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    ["tokenizer.ggml.tokens", texts(tokens)],
    ["tokenizer.ggml.token_type", { of: "i32", values: tokens.map((_, id) => (id < characters.length ? 1 : 3)) }],
    ["tokenizer.ggml.merges", texts(["a b"])],
    ["tokenizer.ggml.eos_token_id", u32(vocabulary - 1)],
    ["tokenizer.ggml.bos_token_id", u32(vocabulary - 1)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ];
}
