/**
 * EXAONE 3 and 3.5 (`ExaoneForCausalLM`): Llama whose published files give keys and tensors other names; those that
 * transformers gives them read too.
 */
import { Config } from "../config-keys.ts";
import type { DecoderSpec, TensorSlot } from "../spec.ts";
import { llamaLike } from "./llama.ts";

const KEYS: Readonly<Record<string, string>> = {
  num_layers: "num_hidden_layers",
  layer_norm_epsilon: "rms_norm_eps",
  activation_function: "hidden_act",
};

/** Llama's names and the published ones, part by part. */
const NAMES: readonly (readonly [string, string])[] = [
  ["model.embed_tokens.", "transformer.wte."],
  ["model.layers.", "transformer.h."],
  ["model.norm.", "transformer.ln_f."],
  [".self_attn.o_proj.", ".attn.attention.out_proj."],
  [".self_attn.", ".attn.attention."],
  [".input_layernorm.", ".ln_1."],
  [".post_attention_layernorm.", ".ln_2."],
  [".mlp.gate_proj.", ".mlp.c_fc_0."],
  [".mlp.up_proj.", ".mlp.c_fc_1."],
  [".mlp.down_proj.", ".mlp.c_proj."],
];

const published = (name: string): string =>
  NAMES.reduce((renamed, [theirs, own]) => renamed.replace(theirs, own), name);

/** The spec with every slot also under its published name; a slot that stands twice (a tied head) stays one. */
function underBothNames<T>(node: T, known = new Map<TensorSlot, TensorSlot>()): T {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return node.map((child) => underBothNames(child, known)) as T;
  if ("names" in node && "shape" in node) {
    const slot = node as unknown as TensorSlot;
    const names = slot.names.filter((name) => name.startsWith("model.") || name.startsWith("lm_head."));
    const both = known.get(slot) ?? { ...slot, names: [...new Set([...names.map(published), ...slot.names])] };
    known.set(slot, both);
    return both as T;
  }
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, underBothNames(child, known)])) as T;
}

export function exaone(given: Config): DecoderSpec {
  const values = Object.entries(given.values).map(([key, value]) => [KEYS[key] ?? key, value] as const);
  const config = new Config(Object.fromEntries(values));
  const bias = config.flag("attention_bias", false);
  return underBothNames(
    llamaLike(config, {
      defaults: {
        vocabulary: 102400,
        width: 4096,
        mlpWidth: 14336,
        blocks: 32,
        heads: 32,
        kvHeads: 8,
        headWidth: null,
        positions: 4096,
        epsilon: 1e-5,
        rotaryBase: 500_000,
      },
      biases: { qkv: bias, output: bias, mlp: config.flag("mlp_bias", false) },
    }),
  );
}
