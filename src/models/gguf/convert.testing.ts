/**
 * Folders of models as GGUF files, by the rules that llama.cpp's converter publishes: for each architecture what its
 * keys are, what its tensors are called, and which of them it writes otherwise than the folder has them.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openSafetensors } from "../../files/safetensors.ts";
import {
  f32,
  type TypedValue,
  text,
  u32,
  type Written,
  type WrittenTensor,
  writeGguf,
} from "../../formats/gguf/gguf.testing.ts";
import { fromFloat32, toFloat32 } from "../../formats/tensor-types.ts";

export type StoredAs = "F32" | "F16" | "Q8_0";

interface Rows {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
type Json = Readonly<Record<string, unknown>>;
type Pairs = [string, TypedValue][];

/** Blocks of rows in another order. @param order of the pieces of `shape[0] / pieces` rows */
function reordered({ shape, values }: Rows, order: readonly number[]): Rows {
  const length = values.length / order.length;
  const result = new Float32Array(values.length);
  for (const [to, from] of order.entries())
    result.set(values.subarray(from * length, (from + 1) * length), to * length);
  return { shape, values: result };
}

/** Rows of every head so that row i and row i + half stand side by side. */
function permuted(rows: Rows, heads: number): Rows {
  const width = rows.shape[0] / heads;
  const order = Array.from({ length: rows.shape[0] }, (_, row) => {
    const head = Math.floor(row / width);
    const place = row % width;
    return head * width + (place >> 1) + (place & 1) * (width / 2);
  });
  return reordered(rows, order);
}

/** Queries, keys, values, from groups of `perGroup` queries, a key and a value. */
function ungrouped(rows: Rows, groups: number, perGroup: number): Rows {
  const pieces = Array.from({ length: groups }, (_, group) => group * (perGroup + 2));
  const queries = pieces.flatMap((first) => Array.from({ length: perGroup }, (_, query) => first + query));
  return reordered(rows, [
    ...queries,
    ...pieces.map((first) => first + perGroup),
    ...pieces.map((first) => first + perGroup + 1),
  ]);
}

function transposed({ shape: [rows, columns], values }: Rows): Rows {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  return { shape: [columns, rows], values: result };
}

const plusOne = ({ shape, values }: Rows): Rows => ({ shape, values: values.map((value) => value + 1) });

interface Rules {
  readonly architecture: string;
  readonly keys: (config: Json) => Pairs;
  /** pieces of the folder's names, by what becomes of them */
  readonly names: readonly (readonly [RegExp, string])[];
  readonly change?: (name: string, rows: Rows, config: Json) => Rows;
}

const number = (config: Json, key: string, fallback?: number): number => Number(config[key] ?? fallback);

/** Keys under the architecture's prefix. */
function prefixed(architecture: string, pairs: Pairs): Pairs {
  return pairs.map(([key, value]) => [`${architecture}.${key}`, value]);
}

function llamaKeys(config: Json): Pairs {
  const heads = number(config, "num_attention_heads");
  const width = number(config, "head_dim", number(config, "hidden_size") / heads);
  return [
    ["block_count", u32(number(config, "num_hidden_layers"))],
    ["context_length", u32(number(config, "max_position_embeddings"))],
    ["embedding_length", u32(number(config, "hidden_size"))],
    ["feed_forward_length", u32(number(config, "intermediate_size"))],
    ["attention.head_count", u32(heads)],
    ["attention.head_count_kv", u32(number(config, "num_key_value_heads", heads))],
    ...(config.head_dim === undefined
      ? []
      : ([
          ["attention.key_length", u32(width)],
          ["attention.value_length", u32(width)],
        ] as Pairs)),
    ...(config.rms_norm_eps === undefined
      ? []
      : ([["attention.layer_norm_rms_epsilon", f32(number(config, "rms_norm_eps"))]] as Pairs)),
    ...(config.rope_theta === undefined ? [] : ([["rope.freq_base", f32(number(config, "rope_theta"))]] as Pairs)),
  ];
}

const LLAMA_NAMES = [
  [/^model\.embed_tokens\./, "token_embd."],
  [/^model\.norm\./, "output_norm."],
  [/^lm_head\./, "output."],
  [/^model\.layers\.(\d+)\./, "blk.$1."],
  [/input_layernorm/, "attn_norm"],
  [/self_attn\.([qkv])_proj/, "attn_$1"],
  [/self_attn\.([qk])_norm/, "attn_$1_norm"],
  [/self_attn\.o_proj/, "attn_output"],
  [/mlp\.(gate|up|down)_proj/, "ffn_$1"],
] as const;
const FFN_NORM = [/post_attention_layernorm/, "ffn_norm"] as const;
const NORMS_BEHIND = [
  [/post_attention_layernorm/, "post_attention_norm"],
  [/post_feedforward_layernorm/, "post_ffw_norm"],
] as const;

const permute: Rules["change"] = (name, rows, config) => {
  const heads = number(config, "num_attention_heads");
  if (/attn_q\./.test(name)) return permuted(rows, heads);
  if (/attn_k\./.test(name)) return permuted(rows, number(config, "num_key_value_heads", heads));
  return rows;
};

const llama: Rules = {
  architecture: "llama",
  keys: (config) => [
    ...llamaKeys(config),
    ["vocab_size", u32(number(config, "vocab_size"))],
    [
      "rope.dimension_count",
      u32(number(config, "head_dim", number(config, "hidden_size") / number(config, "num_attention_heads"))),
    ],
    ...(config.num_local_experts === undefined
      ? []
      : ([
          ["expert_count", u32(number(config, "num_local_experts"))],
          ["expert_used_count", u32(number(config, "num_experts_per_tok"))],
        ] as Pairs)),
  ],
  names: [
    ...LLAMA_NAMES,
    FFN_NORM,
    [/block_sparse_moe\.gate\./, "ffn_gate_inp."],
    [/block_sparse_moe\.experts\.(\d+)\.w1/, "ffn_gate_exps@$1"],
    [/block_sparse_moe\.experts\.(\d+)\.w2/, "ffn_down_exps@$1"],
    [/block_sparse_moe\.experts\.(\d+)\.w3/, "ffn_up_exps@$1"],
  ],
  change: permute,
};

const gemma: Rules = {
  architecture: "gemma2",
  keys: (config) => [
    ...llamaKeys({ ...config, rope_theta: undefined }),
    ["attn_logit_softcapping", f32(number(config, "attn_logit_softcapping"))],
    ["final_logit_softcapping", f32(number(config, "final_logit_softcapping"))],
    ["attention.sliding_window", u32(number(config, "sliding_window"))],
  ],
  names: [...LLAMA_NAMES, ...NORMS_BEHIND, [/pre_feedforward_layernorm/, "ffn_norm"]],
  change: (name, rows) => (/norm\.weight$/.test(name) ? plusOne(rows) : rows),
};

const fusedGroups =
  (groups: (config: Json) => number): Rules["change"] =>
  (name, rows, config) => {
    const perGroup = number(config, "num_attention_heads") / groups(config);
    return /attn_qkv\./.test(name) ? ungrouped(rows, groups(config), perGroup) : rows;
  };

const RULES: Readonly<Record<string, Rules>> = {
  llama,
  mistral: llama,
  mixtral: llama,
  granite: {
    ...llama,
    architecture: "granite",
    keys: (config) => [
      ...llama.keys(config),
      ["attention.scale", f32(number(config, "attention_multiplier"))],
      ["embedding_scale", f32(number(config, "embedding_multiplier"))],
      ["residual_scale", f32(number(config, "residual_multiplier"))],
      ["logit_scale", f32(number(config, "logits_scaling"))],
    ],
  },
  qwen2: { architecture: "qwen2", keys: llamaKeys, names: [...LLAMA_NAMES, FFN_NORM] },
  qwen3: { architecture: "qwen3", keys: llamaKeys, names: [...LLAMA_NAMES, FFN_NORM] },
  olmo2: { architecture: "olmo2", keys: llamaKeys, names: [...LLAMA_NAMES, ...NORMS_BEHIND] },
  gemma2: gemma,
  gemma3_text: {
    ...gemma,
    architecture: "gemma3",
    keys: (config) => [
      ...llamaKeys(config),
      ["attention.sliding_window", u32(number(config, "sliding_window"))],
      ["attention.sliding_window_pattern", u32(number(config, "sliding_window_pattern", 6))],
    ],
  },
  qwen3_moe: {
    architecture: "qwen3moe",
    keys: (config) => [
      ...llamaKeys(config),
      ["expert_count", u32(number(config, "num_experts"))],
      ["expert_used_count", u32(number(config, "num_experts_per_tok"))],
      ["expert_feed_forward_length", u32(number(config, "moe_intermediate_size"))],
    ],
    names: [
      [/mlp\.gate\./, "ffn_gate_inp."],
      [/mlp\.experts\.(\d+)\.(gate|up|down)_proj/, "ffn_$2_exps@$1"],
      ...LLAMA_NAMES,
      FFN_NORM,
    ],
  },
  qwen2_moe: {
    architecture: "qwen2moe",
    keys: (config) => [
      ...llamaKeys(config),
      ["expert_count", u32(number(config, "num_experts"))],
      ["expert_used_count", u32(number(config, "num_experts_per_tok"))],
      ["expert_feed_forward_length", u32(number(config, "moe_intermediate_size"))],
      ["expert_shared_feed_forward_length", u32(number(config, "shared_expert_intermediate_size"))],
    ],
    names: [
      [/mlp\.gate\./, "ffn_gate_inp."],
      [/mlp\.shared_expert_gate\./, "ffn_gate_inp_shexp."],
      [/mlp\.shared_expert\.(gate|up|down)_proj/, "ffn_$1_shexp"],
      [/mlp\.experts\.(\d+)\.(gate|up|down)_proj/, "ffn_$2_exps@$1"],
      ...LLAMA_NAMES,
      FFN_NORM,
    ],
    change: (name, rows) => (/ffn_gate_inp_shexp/.test(name) ? { ...rows, shape: rows.shape.slice(1) } : rows),
  },
  olmo: {
    architecture: "olmo",
    keys: (config) => [
      ...llamaKeys(config),
      ["attention.layer_norm_epsilon", f32(1e-5)],
      ...(config.clip_qkv == null ? [] : ([["attention.clamp_kqv", f32(number(config, "clip_qkv"))]] as Pairs)),
    ],
    names: [...LLAMA_NAMES, FFN_NORM],
    change: permute,
  },
  olmoe: {
    architecture: "olmoe",
    keys: (config) => [
      ...llamaKeys({ ...config, rms_norm_eps: 1e-5 }),
      ["expert_count", u32(number(config, "num_experts"))],
      ["expert_used_count", u32(number(config, "num_experts_per_tok"))],
    ],
    names: [
      [/mlp\.gate\./, "ffn_gate_inp."],
      [/mlp\.experts\.(\d+)\.(gate|up|down)_proj/, "ffn_$2_exps@$1"],
      ...LLAMA_NAMES,
      FFN_NORM,
    ],
  },
  seed_oss: {
    architecture: "seed_oss",
    keys: llamaKeys,
    names: [...LLAMA_NAMES, [/post_attention_layernorm/, "post_attention_norm"]],
  },
  smollm3: { ...llama, architecture: "smollm3" },
  gemma: {
    ...gemma,
    architecture: "gemma",
    keys: (config) => llamaKeys({ ...config, rope_theta: undefined }),
    names: [...LLAMA_NAMES, FFN_NORM],
  },
  cohere: {
    architecture: "command-r",
    keys: (config) => [
      ...llamaKeys(config),
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_eps"))],
      ["logit_scale", f32(number(config, "logit_scale"))],
      ["rope.scaling.type", text("none")],
    ],
    names: LLAMA_NAMES,
  },
  phi: {
    architecture: "phi2",
    keys: (config) => [
      ...llamaKeys({ ...config, rope_theta: undefined }),
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_eps"))],
      [
        "rope.dimension_count",
        u32(
          Math.floor(
            Math.floor(number(config, "partial_rotary_factor") * number(config, "hidden_size")) /
              number(config, "num_attention_heads"),
          ),
        ),
      ],
    ],
    names: [
      [/final_layernorm/, "norm"],
      [/self_attn\.dense/, "attn_output"],
      [/mlp\.fc1/, "ffn_up"],
      [/mlp\.fc2/, "ffn_down"],
      ...LLAMA_NAMES,
    ],
  },
  phi3: {
    architecture: "phi3",
    keys: (config) => [
      ...llamaKeys(config),
      ["rope.dimension_count", u32(number(config, "hidden_size") / number(config, "num_attention_heads"))],
      ["rope.scaling.original_context_length", u32(number(config, "original_max_position_embeddings"))],
      ["attention.sliding_window", u32(number(config, "sliding_window", 0))],
    ],
    names: [...LLAMA_NAMES, FFN_NORM, [/self_attn\.qkv_proj/, "attn_qkv"], [/mlp\.gate_up_proj/, "ffn_up"]],
  },
  starcoder2: {
    architecture: "starcoder2",
    keys: (config) => [...llamaKeys(config), ["attention.layer_norm_epsilon", f32(number(config, "norm_epsilon"))]],
    names: [...LLAMA_NAMES, FFN_NORM, [/mlp\.c_fc/, "ffn_up"], [/mlp\.c_proj/, "ffn_down"]],
  },
  stablelm: {
    architecture: "stablelm",
    keys: (config) => [
      ...llamaKeys({ ...config, rope_theta: undefined }),
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_eps"))],
      [
        "rope.dimension_count",
        u32(
          (number(config, "partial_rotary_factor") * number(config, "hidden_size")) /
            number(config, "num_attention_heads"),
        ),
      ],
      ["use_parallel_residual", { type: "bool", value: config.use_parallel_residual !== false }],
    ],
    names: [...LLAMA_NAMES, FFN_NORM, [/self_attn\.([qk])_layernorm\.norms\.(\d+)/, "attn_$1_norm@$2"]],
  },
  gpt2: {
    architecture: "gpt2",
    keys: (config) => [
      ["block_count", u32(number(config, "n_layer"))],
      ["context_length", u32(number(config, "n_ctx"))],
      ["embedding_length", u32(number(config, "n_embd"))],
      ["feed_forward_length", u32(4 * number(config, "n_embd"))],
      ["attention.head_count", u32(number(config, "n_head"))],
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_epsilon"))],
    ],
    names: [
      [/^(?:transformer\.)?wte\./, "token_embd."],
      [/^(?:transformer\.)?wpe\./, "position_embd."],
      [/^(?:transformer\.)?ln_f\./, "output_norm."],
      [/^(?:transformer\.)?h\.(\d+)\./, "blk.$1."],
      [/ln_1/, "attn_norm"],
      [/ln_2/, "ffn_norm"],
      [/attn\.c_attn/, "attn_qkv"],
      [/attn\.c_proj/, "attn_output"],
      [/mlp\.c_fc/, "ffn_up"],
      [/mlp\.c_proj/, "ffn_down"],
    ],
    change: (name, rows) => (/(?:attn_qkv|attn_output|ffn_up|ffn_down)\.weight/.test(name) ? transposed(rows) : rows),
  },
  gpt_neox: {
    architecture: "gptneox",
    keys: (config) => [
      ...llamaKeys({ ...config, rope_theta: undefined }),
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_eps"))],
      [
        "rope.dimension_count",
        u32((number(config, "rotary_pct") * number(config, "hidden_size")) / number(config, "num_attention_heads")),
      ],
      ["use_parallel_residual", { type: "bool", value: config.use_parallel_residual !== false }],
    ],
    names: [
      [/^gpt_neox\.embed_in\./, "token_embd."],
      [/^gpt_neox\.final_layer_norm\./, "output_norm."],
      [/^embed_out\./, "output."],
      [/^gpt_neox\.layers\.(\d+)\./, "blk.$1."],
      [/input_layernorm/, "attn_norm"],
      FFN_NORM,
      [/attention\.query_key_value/, "attn_qkv"],
      [/attention\.dense/, "attn_output"],
      [/mlp\.dense_h_to_4h/, "ffn_up"],
      [/mlp\.dense_4h_to_h/, "ffn_down"],
    ],
    change: fusedGroups((config) => number(config, "num_attention_heads")),
  },
  falcon: {
    architecture: "falcon",
    keys: (config) => [
      ["context_length", u32(2048)],
      ["tensor_data_layout", text("jploski")],
      ["embedding_length", u32(number(config, "hidden_size"))],
      ["feed_forward_length", u32(number(config, "ffn_hidden_size", 4 * number(config, "hidden_size")))],
      ["block_count", u32(number(config, "num_hidden_layers"))],
      ["attention.head_count", u32(number(config, "num_attention_heads"))],
      ["attention.head_count_kv", u32(number(config, "num_kv_heads", 1))],
      ["attention.layer_norm_epsilon", f32(number(config, "layer_norm_epsilon"))],
    ],
    names: [
      [/^transformer\.word_embeddings\./, "token_embd."],
      [/^transformer\.ln_f\./, "output_norm."],
      [/^lm_head\./, "output."],
      [/^transformer\.h\.(\d+)\./, "blk.$1."],
      [/input_layernorm|ln_mlp/, "attn_norm"],
      [/ln_attn/, "attn_norm_2"],
      [/self_attention\.query_key_value/, "attn_qkv"],
      [/self_attention\.dense/, "attn_output"],
      [/mlp\.dense_h_to_4h/, "ffn_up"],
      [/mlp\.dense_4h_to_h/, "ffn_down"],
    ],
    change: fusedGroups((config) => number(config, "num_kv_heads", 1)),
  },
};

/** Buffers that older folders carry along. */
const BUFFER = /\.(?:attn|attention)\.(?:masked_)?bias$|inv_freq$/;

/** Of a block that a changed config no longer counts. */
const isBeyond = (name: string, { num_hidden_layers: blocks }: Json): boolean =>
  typeof blocks === "number" && Number(/\.layers\.(\d+)\./.exec(name)?.[1] ?? -1) >= blocks;

/** Rounded to halves and to bytes as ggml's reference does it. */
function quantised(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 34);
  for (let block = 0; block * 32 < values.length; block++) {
    const of = values.subarray(block * 32, block * 32 + 32);
    const scale = Math.fround(of.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
    bytes.set(fromFloat32("F16", Float32Array.of(scale)), block * 34);
    for (const [j, value] of of.entries())
      bytes[block * 34 + 2 + j] = scale === 0 ? 0 : Math.round(value / scale) & 255;
  }
  return bytes;
}

function storedAs(as: StoredAs, name: string, { shape, values }: Rows): WrittenTensor {
  const isPlain = shape.length < 2 || as === "F32" || (as === "Q8_0" && shape.at(-1)! % 32 !== 0);
  if (isPlain) return { name, dtype: "F32", shape, data: fromFloat32("F32", values) };
  return { name, dtype: as, shape, data: as === "Q8_0" ? quantised(values) : fromFloat32(as, values) };
}

export interface Conversion {
  /** of matrices; vectors stay float32 */
  readonly as?: StoredAs;
  /** keys of config.json that the file is to be made with */
  readonly config?: Json;
  readonly more?: Pairs;
  readonly extra?: readonly WrittenTensor[];
}

/** What would be written of a model's folder. */
export async function converted(
  folder: string,
  { as = "F32", config: changes = {}, more = [], extra = [] }: Conversion = {},
): Promise<Required<Pick<Written, "metadata" | "tensors">>> {
  const config: Json = { ...JSON.parse(await readFile(join(folder, "config.json"), "utf8")), ...changes };
  const rules = RULES[String(config.model_type)];
  const stacks = new Map<string, Rows[]>();
  const tensors: WrittenTensor[] = [];
  for (const [name, rows] of await tensorsOf(folder)) {
    if (BUFFER.test(name) || isBeyond(name, config)) continue;
    const called = rules.names.reduce((so, [from, to]) => so.replace(from, to), name);
    const changed = rules.change?.(called, rows, config) ?? rows;
    const [, before, entry, after] = /^(.*)@(\d+)(.*)$/.exec(called) ?? [];
    if (entry === undefined) tensors.push(storedAs(as, called, changed));
    else {
      const stack = stacks.get(before + after) ?? [];
      stack[Number(entry)] = changed;
      stacks.set(before + after, stack);
    }
  }
  for (const [name, stack] of stacks) {
    const values = Float32Array.from(stack.flatMap((rows) => [...rows.values]));
    tensors.push(storedAs(as, name, { shape: [stack.length, ...stack[0].shape], values }));
  }
  return {
    metadata: [
      ["general.architecture", text(rules.architecture)],
      ...prefixed(rules.architecture, [...rules.keys(config), ...more]),
    ],
    tensors: [...tensors, ...extra],
  };
}

export const convertedFile = async (folder: string, conversion?: Conversion): Promise<Buffer> =>
  writeGguf(await converted(folder, conversion));

async function tensorsOf(folder: string): Promise<ReadonlyMap<string, Rows>> {
  const index = await readFile(join(folder, "model.safetensors.index.json"), "utf8").then(JSON.parse, () => undefined);
  const names = index ? [...new Set(Object.values(index.weight_map as Record<string, string>))] : ["model.safetensors"];
  const tensors = new Map<string, Rows>();
  for (const name of names) {
    const file = await openSafetensors(join(folder, name));
    for (const { name: tensor, dtype, shape, begin, end } of file.header.tensors.values()) {
      if (/^(?:F32|F16|BF16)$/.test(dtype))
        tensors.set(tensor, { shape, values: toFloat32(dtype, await file.readRange(begin, end)) });
    }
    await file.close();
  }
  return tensors;
}
