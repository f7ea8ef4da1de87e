/**
 * GPT-Neo (`GPTNeoForCausalLM`): GPT-2 with separate projections, scores that are not scaled, and blocks that see all
 * positions (`global`) or a window of them (`local`); tied head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

const KINDS: readonly unknown[] = ["global", "local"];

/**
 * The kind of every block: `attention_layers`, or `attention_types`, a list of [kinds, times they repeat].
 * @throws LossyscopeError `unsupported` for a kind that is neither, or another number of them than blocks
 */
function kindsOf(config: Config, blocks: number): readonly string[] {
  const listed = config.perBlock("attention_layers", blocks, ["global", "local"]);
  if (listed) return listed;
  const types = config.raw("attention_types") ?? [[["global", "local"], 12]];
  const kinds = (Array.isArray(types) ? types : []).flatMap((entry) => {
    const [pattern, times] = Array.isArray(entry) ? entry : [];
    return Array.isArray(pattern) && Number.isSafeInteger(times) && times >= 0 && times <= blocks
      ? Array.from({ length: times }, () => pattern).flat()
      : [undefined];
  });
  if (kinds.length !== blocks || !kinds.every((kind) => KINDS.includes(kind)))
    throw config.unsupported("attention_types", types, `[["global" or "local", …], times], ${blocks} blocks in all`);
  return kinds;
}

export function gptNeo(config: Config): DecoderSpec {
  const width = config.count("hidden_size", 2048);
  const vocabulary = config.count("vocab_size", 50257);
  const positions = config.count("max_position_embeddings", 2048);
  const blocks = config.count(["num_layers", "num_hidden_layers"], 24);
  const heads = config.count(["num_heads", "num_attention_heads"], 16);
  const mlpWidth = config.optional("intermediate_size", null) ?? 4 * width;
  const window = config.count("window_size", 256);
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation_function", "gelu_new");
  const shape = config.heads({ heads, kvHeads: heads, width });
  const part = parts(["transformer.", ""]);

  const { tokens, linear } = embeddingAndHead(
    part.tensor("wte.weight", [vocabulary, width]),
    parts([""]).tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", true) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions,
    embedding: { tokens, scale: 1, positions: { table: part.tensor("wpe.weight", [positions, width]), offset: 0 } },
    blocks: kindsOf(config, blocks).map((kind, index) => ({
      residual: "sequential",
      attention: {
        ...shape,
        projections: {
          kind: "separate",
          query: part.linear(`h.${index}.attn.attention.q_proj`, width, width),
          key: part.linear(`h.${index}.attn.attention.k_proj`, width, width),
          value: part.linear(`h.${index}.attn.attention.v_proj`, width, width),
        },
        scale: 1,
        ...(kind === "local" && { window }),
        output: part.linear(`h.${index}.attn.attention.out_proj`, width, width, { bias: true }),
      },
      mlp: {
        kind: "plain",
        activation,
        up: part.linear(`h.${index}.mlp.c_fc`, width, mlpWidth, { bias: true }),
        down: part.linear(`h.${index}.mlp.c_proj`, mlpWidth, width, { bias: true }),
      },
      norms: {
        beforeAttention: part.layerNorm(`h.${index}.ln_1`, width, epsilon),
        beforeMlp: part.layerNorm(`h.${index}.ln_2`, width, epsilon),
      },
      residualScale: 1,
    })),
    finalNorm: part.layerNorm("ln_f", width, epsilon),
    head: { linear, scale: 1 },
  };
}
