/** What the tensors of each architecture are called in GGUF and in the folder of the model (`names.ts`). */
import type { Names } from "./names.ts";

const ATTENTION = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
};

export const LLAMA: Names = {
  outside: { token_embd: "model.embed_tokens", output_norm: "model.norm", output: "lm_head" },
  blocks: "model.layers.",
  inside: {
    ...ATTENTION,
    ffn_norm: "post_attention_layernorm",
    ffn_gate: "mlp.gate_proj",
    ffn_up: "mlp.up_proj",
    ffn_down: "mlp.down_proj",
  },
};

export const MIXTRAL: Names = {
  ...LLAMA,
  inside: {
    ...ATTENTION,
    ffn_norm: "post_attention_layernorm",
    ffn_gate_inp: "block_sparse_moe.gate",
    ffn_gate_exps: "block_sparse_moe.experts.*.w1",
    ffn_up_exps: "block_sparse_moe.experts.*.w3",
    ffn_down_exps: "block_sparse_moe.experts.*.w2",
  },
};

export const QWEN_MOE: Names = {
  ...LLAMA,
  inside: {
    ...LLAMA.inside,
    ffn_gate_inp: "mlp.gate",
    ffn_gate_exps: "mlp.experts.*.gate_proj",
    ffn_up_exps: "mlp.experts.*.up_proj",
    ffn_down_exps: "mlp.experts.*.down_proj",
  },
};

export const QWEN2_MOE: Names = {
  ...QWEN_MOE,
  inside: {
    ...QWEN_MOE.inside,
    ffn_gate_inp_shexp: "mlp.shared_expert_gate",
    ffn_gate_shexp: "mlp.shared_expert.gate_proj",
    ffn_up_shexp: "mlp.shared_expert.up_proj",
    ffn_down_shexp: "mlp.shared_expert.down_proj",
  },
  oneRow: new Set(["ffn_gate_inp_shexp"]),
};

export const SEED_OSS: Names = {
  ...LLAMA,
  inside: { ...LLAMA.inside, post_attention_norm: "post_attention_layernorm" },
};

export const GEMMA: Names = {
  ...LLAMA,
  inside: {
    ...LLAMA.inside,
    post_attention_norm: "post_attention_layernorm",
    ffn_norm: "pre_feedforward_layernorm",
    post_ffw_norm: "post_feedforward_layernorm",
  },
};

export const OLMO2: Names = {
  ...LLAMA,
  inside: {
    ...LLAMA.inside,
    post_attention_norm: "post_attention_layernorm",
    post_ffw_norm: "post_feedforward_layernorm",
  },
};

export const PHI3: Names = {
  ...LLAMA,
  inside: { ...LLAMA.inside, attn_qkv: "self_attn.qkv_proj", ffn_up: "mlp.gate_up_proj" },
};

export const STABLELM: Names = {
  ...LLAMA,
  inside: {
    ...LLAMA.inside,
    attn_q_norm: "self_attn.q_layernorm.norms.*",
    attn_k_norm: "self_attn.k_layernorm.norms.*",
  },
};

export const STARCODER2: Names = {
  ...LLAMA,
  inside: { ...LLAMA.inside, ffn_up: "mlp.c_fc", ffn_down: "mlp.c_proj" },
};

export const PHI2: Names = {
  ...LLAMA,
  outside: { ...LLAMA.outside, output_norm: "model.final_layernorm" },
  inside: { ...LLAMA.inside, attn_output: "self_attn.dense", ffn_up: "mlp.fc1", ffn_down: "mlp.fc2" },
};

export const GPT2: Names = {
  outside: {
    token_embd: "transformer.wte",
    position_embd: "transformer.wpe",
    output_norm: "transformer.ln_f",
    output: "lm_head",
  },
  blocks: "transformer.h.",
  inside: {
    attn_norm: "ln_1",
    attn_qkv: "attn.c_attn",
    attn_output: "attn.c_proj",
    ffn_norm: "ln_2",
    ffn_up: "mlp.c_fc",
    ffn_down: "mlp.c_proj",
  },
};

export const GPT_NEOX: Names = {
  outside: { token_embd: "gpt_neox.embed_in", output_norm: "gpt_neox.final_layer_norm", output: "embed_out" },
  blocks: "gpt_neox.layers.",
  inside: {
    attn_norm: "input_layernorm",
    attn_qkv: "attention.query_key_value",
    attn_output: "attention.dense",
    ffn_norm: "post_attention_layernorm",
    ffn_up: "mlp.dense_h_to_4h",
    ffn_down: "mlp.dense_4h_to_h",
  },
};

export const FALCON: Names = {
  outside: { token_embd: "transformer.word_embeddings", output_norm: "transformer.ln_f", output: "lm_head" },
  blocks: "transformer.h.",
  inside: {
    attn_norm: "input_layernorm",
    attn_qkv: "self_attention.query_key_value",
    attn_output: "self_attention.dense",
    ffn_up: "mlp.dense_h_to_4h",
    ffn_down: "mlp.dense_4h_to_h",
  },
};

/** Here `attn_norm` is the MLP's, `attn_norm_2` the attention's. */
export const FALCON_OF_TWO_NORMS: Names = {
  ...FALCON,
  inside: { ...FALCON.inside, attn_norm: "ln_mlp", attn_norm_2: "ln_attn" },
};
