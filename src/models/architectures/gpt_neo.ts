/**
 * GPT-Neo (`GPTNeoForCausalLM`): GPT-2 with separate projections, scores that are not scaled, and blocks that see all
 * positions (`global`) or a window of them (`local`); tied head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp, separateProjections } from "./parts.ts";

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
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
  return assemble(config, {
    width,
    vocabulary,
    positions,
    part,
    tokens: { name: "wte", tied: true },
    embedding: { positions: { table: part.tensor("wpe.weight", [positions, width]), offset: 0 } },
    blocks: kindsOf(config, blocks).map((kind, index) => {
      const names = `h.${index}`;
      const attention = `${names}.attn.attention`;
      return {
        attention: {
          ...shape,
          projections: separateProjections(part, attention, width, shape),
          scale: 1,
          ...(kind === "local" && { window }),
          output: part.linear(`${attention}.out_proj`, width, width, { bias: true }),
        },
        mlp: plainMlp(
          part,
          [`${names}.mlp.c_fc`, `${names}.mlp.c_proj`],
          { width, mlpWidth, activation },
          { bias: true },
        ),
        norms: { beforeAttention: norm(`${names}.ln_1`), beforeMlp: norm(`${names}.ln_2`) },
      };
    }),
    finalNorm: norm("ln_f"),
  });
}
