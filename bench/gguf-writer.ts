/**
 * A llama in the Hugging Face layout as a GGUF file of float32, so that llama.cpp runs the same weights. Just what a peer on
 * token ids needs: its tokens have no text but those that llama.cpp looks for, and rows of query and key matrices go from
 * (i, i + h/2) pairs, as they turn here, to (2i, 2i + 1), as they turn there.
 *
 * Memory: one tensor as float32, twice.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { toFloat32 } from "../src/formats/tensor-types.ts";
import type { Checkpoint } from "../src/models/checkpoint.ts";

const ALIGNMENT = 32;
const [UINT32, FLOAT32, INT32, STRING, ARRAY] = [4, 6, 5, 8, 9];
/** Tokens by kind, as llama.cpp numbers them. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

type Metadata = { readonly type: number; readonly bytes: Buffer };

function whole(value: number, size: 4 | 8): Buffer {
  const bytes = Buffer.alloc(size);
  if (size === 4) bytes.writeUInt32LE(value);
  else bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function real(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([whole(Buffer.byteLength(value), 8), Buffer.from(value)]);
const uint = (value: unknown): Metadata => ({ type: UINT32, bytes: whole(Number(value), 4) });
const float = (value: unknown): Metadata => ({ type: FLOAT32, bytes: real(Number(value)) });
const string = (value: string): Metadata => ({ type: STRING, bytes: text(value) });
const array = (type: number, items: readonly Buffer[]): Metadata => ({
  type: ARRAY,
  bytes: Buffer.concat([whole(type, 4), whole(items.length, 8), ...items]),
});

/** What llama.cpp wants of a vocabulary: ids 0 to 2 and the 256 bytes mean something, no other one does. */
function vocabulary(size: number): Record<string, Metadata> {
  const special = ["<unk>", "<s>", "</s>"];
  const ids = Array.from({ length: size }, (_, id) => id);
  const isByte = (id: number): boolean => id >= special.length && id < special.length + 256;
  const name = (id: number): string =>
    isByte(id) ? `<0x${(id - special.length).toString(16).toUpperCase().padStart(2, "0")}>` : (special[id] ?? `t${id}`);
  const kind = (id: number): number =>
    isByte(id) ? BYTE : id === 0 ? UNKNOWN : id < special.length ? CONTROL : NORMAL;
  return {
    "tokenizer.ggml.model": string("llama"),
    "tokenizer.ggml.tokens": array(
      STRING,
      ids.map((id) => text(name(id))),
    ),
    "tokenizer.ggml.scores": array(
      FLOAT32,
      ids.map((id) => real(-id)),
    ),
    "tokenizer.ggml.token_type": array(
      INT32,
      ids.map((id) => whole(kind(id), 4)),
    ),
    "tokenizer.ggml.bos_token_id": uint(1),
    "tokenizer.ggml.eos_token_id": uint(2),
  };
}

const OUTER: readonly (readonly [string, string])[] = [
  ["model.embed_tokens.weight", "token_embd.weight"],
  ["model.norm.weight", "output_norm.weight"],
  ["lm_head.weight", "output.weight"],
];
const INNER: readonly (readonly [string, string])[] = [
  ["input_layernorm", "attn_norm"],
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["post_attention_layernorm", "ffn_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.up_proj", "ffn_up"],
  ["mlp.down_proj", "ffn_down"],
];

/** Rows of each head [2, h/2] → [h/2, 2]. */
function interleaved(values: Float32Array, heads: number, columns: number): Float32Array {
  const width = values.length / columns / heads;
  const turned = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < width; row++) {
      const from = (head * width + (row % 2) * (width / 2) + (row >> 1)) * columns;
      turned.set(values.subarray(from, from + columns), (head * width + row) * columns);
    }
  }
  return turned;
}

/** @throws Error for a model that is no plain llama, or whose vocabulary has no room for 256 bytes */
export async function writeGguf(
  { config, weights }: Pick<Checkpoint, "config" | "weights">,
  path: string,
): Promise<void> {
  const number = (key: string): number => Number(config[key]);
  const [layers, heads] = [number("num_hidden_layers"), number("num_attention_heads")];
  const kvHeads = Number(config.num_key_value_heads ?? heads);
  const size = number("vocab_size");
  if (config.model_type !== "llama" || config.rope_scaling || size < 259)
    throw new Error("not a llama for this writer");
  const metadata: Record<string, Metadata> = {
    "general.architecture": string("llama"),
    "llama.context_length": uint(config.max_position_embeddings),
    "llama.embedding_length": uint(config.hidden_size),
    "llama.block_count": uint(layers),
    "llama.feed_forward_length": uint(config.intermediate_size),
    "llama.attention.head_count": uint(heads),
    "llama.attention.head_count_kv": uint(kvHeads),
    "llama.attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
    "llama.rope.dimension_count": uint(number("hidden_size") / heads),
    "llama.rope.freq_base": float(config.rope_theta),
    "llama.vocab_size": uint(size),
    ...vocabulary(size),
  };
  const names = [
    ...OUTER,
    ...Array.from({ length: layers }, (_, l) =>
      INNER.map(([ours, theirs]) => [`model.layers.${l}.${ours}.weight`, `blk.${l}.${theirs}.weight`] as const),
    ).flat(),
  ].filter(([ours]) => weights.locate(ours) !== undefined);
  const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  let offset = 0;
  const tensors = names.map(([ours, theirs]) => {
    const stored = weights.locate(ours)!;
    const start = offset;
    offset += padded(4 * stored.shape.reduce((product, length) => product * length, 1));
    return { ours, theirs, stored, start };
  });
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    whole(3, 4),
    whole(tensors.length, 8),
    whole(Object.keys(metadata).length, 8),
    ...Object.entries(metadata).flatMap(([key, { type, bytes }]) => [text(key), whole(type, 4), bytes]),
    ...tensors.flatMap(({ theirs, stored: { shape }, start }) => [
      text(theirs),
      whole(shape.length, 4),
      ...[...shape].reverse().map((length) => whole(length, 8)),
      whole(0, 4), // float32
      whole(start, 8),
    ]),
  ]);
  const data = padded(header.length);
  const file = openSync(path, "w");
  writeSync(file, header, 0, header.length, 0);
  for (const { ours, stored, start } of tensors) {
    const values = toFloat32(stored.dtype, await weights.read(ours, 0, stored.bytes));
    const turning = /\.(q|k)_proj\./.exec(ours)?.[1];
    const turned = turning ? interleaved(values, turning === "q" ? heads : kvHeads, stored.shape[1]) : values;
    writeSync(
      file,
      new Uint8Array(turned.buffer, turned.byteOffset, turned.byteLength),
      0,
      turned.byteLength,
      data + start,
    );
  }
  ftruncateSync(file, data + offset);
  closeSync(file);
}
