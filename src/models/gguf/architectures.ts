/**
 * The architectures that GGUF files name (`general.architecture`): from their metadata to what the `config.json` of the
 * same model says, and what their tensors are called there. What the config means is then `models/architectures/`'s, as
 * for a folder. An activation or a default that GGUF does not carry is the architecture's own.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { REFUSED } from "../architectures/refused.ts";
import type { Config, Tensors } from "./common.ts";
import type { Keys } from "./keys.ts";
import * as like from "./llama-like.ts";
import type { Names } from "./names.ts";
import * as named from "./names-of.ts";
import * as others from "./others.ts";

export interface GgufArchitecture {
  readonly config: (keys: Keys, tensors: Tensors) => Config;
  readonly names: (keys: Keys, tensors: Tensors) => Names;
  /** whether queries and keys are stored with the two dimensions that turn together side by side (llama.cpp's order) */
  readonly neighbours?: boolean;
}

const ARCHITECTURES: ReadonlyMap<string, GgufArchitecture> = new Map<string, GgufArchitecture>([
  [
    "falcon",
    {
      config: others.falcon,
      names: (_, tensors) => (others.hasTwoNorms(tensors) ? named.FALCON_OF_TWO_NORMS : named.FALCON),
    },
  ],
  ["command-r", { config: others.commandR, names: () => named.LLAMA }],
  ["gemma", { config: like.gemma, names: () => named.LLAMA }],
  ["gemma2", { config: like.gemma2, names: () => named.GEMMA }],
  ["gemma3", { config: like.gemma3, names: () => named.GEMMA }],
  ["gpt2", { config: others.gpt2, names: () => named.GPT2 }],
  ["gptneox", { config: others.gptNeox, names: () => named.GPT_NEOX }],
  ["granite", { config: like.granite, names: () => named.LLAMA, neighbours: true }],
  [
    "llama",
    {
      config: like.llama,
      names: (keys) => (keys.unlessZero("expert_count") === undefined ? named.LLAMA : named.MIXTRAL),
      neighbours: true,
    },
  ],
  ["olmo", { config: like.olmo, names: () => named.LLAMA, neighbours: true }],
  ["olmoe", { config: like.olmoe, names: () => named.QWEN_MOE }],
  ["olmo2", { config: like.olmo2, names: () => named.OLMO2 }],
  ["phi2", { config: others.phi2, names: () => named.PHI2 }],
  ["phi3", { config: like.phi3, names: () => named.PHI3 }],
  ["qwen2", { config: like.qwen2, names: () => named.LLAMA }],
  ["qwen2moe", { config: like.qwen2Moe, names: () => named.QWEN2_MOE }],
  ["qwen3", { config: like.qwen3, names: () => named.LLAMA }],
  ["qwen3moe", { config: like.qwen3Moe, names: () => named.QWEN_MOE }],
  ["seed_oss", { config: like.seedOss, names: () => named.SEED_OSS }],
  ["smollm3", { config: like.smollm3, names: () => named.LLAMA, neighbours: true }],
  ["stablelm", { config: others.stablelm, names: () => named.STABLELM }],
  ["starcoder2", { config: others.starcoder2, names: () => named.STARCODER2 }],
]);

/** What config.json calls those that the decoder does not do, where that is another name. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ["deepseek2", "deepseek_v3"],
  ["ernie4_5-moe", "ernie4_5_moe"],
  ["glm4moe", "glm4_moe"],
  ["gpt-oss", "gpt_oss"],
  ["hunyuan-moe", "hunyuan_v1_moe"],
  ["lfm2moe", "lfm2_moe"],
  ["qwen35", "qwen3_5"],
  ["qwen35moe", "qwen3_5_moe"],
  ["qwen3next", "qwen3_next"],
  ["qwen3vlmoe", "qwen3_vl_moe_text"],
  ["recurrentgemma", "recurrent_gemma"],
  ...["rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"].map((name) => [name, "rwkv"] as const),
]);

/** What `general.architecture` may be. */
export const ggufArchitectures: readonly string[] = [...ARCHITECTURES.keys()].sort();

/** @throws LossyscopeError `unsupported` for one that is not read, by name */
export function ggufArchitecture(name: unknown): GgufArchitecture {
  const found = typeof name === "string" ? ARCHITECTURES.get(name) : undefined;
  if (found) return found;
  const refused = typeof name === "string" ? REFUSED.get(OTHERS.get(name) ?? name.replaceAll("-", "_")) : undefined;
  if (refused)
    throw new LossyscopeError(
      "unsupported",
      `${shown(name)} is ${refused.is}${refused.missing ? `; missing: ${refused.missing}` : ""}`,
      `supported: ${ggufArchitectures.join(", ")}`,
    );
  throw new LossyscopeError(
    "unsupported",
    name === undefined
      ? "the metadata has no general.architecture"
      : `the architecture ${shown(name)} is not read from GGUF`,
    `supported: ${ggufArchitectures.join(", ")}; or the model's folder of safetensors`,
  );
}
