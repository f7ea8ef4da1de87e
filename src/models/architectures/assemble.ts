/**
 * What architectures have around their blocks, whatever these are: a table of tokens in front, a norm and a head behind, the
 * head tied to the table or not. An architecture that is not one of Llama's relatives says here what its own are called.
 */
import type { Config } from "../config-keys.ts";
import type { BlockSpec, DecoderSpec, LinearSpec, NormSpec, TensorSlot } from "../spec.ts";
import { type Parts, parts } from "./parts.ts";

export interface Assembly {
  readonly width: number;
  readonly vocabulary: number;
  readonly positions: number | null;
  readonly part: Parts;
  readonly tokens: {
    /** of the table, without `.weight` */
    readonly name: string;
    /** of the head, which has no prefix; `lm_head` */
    readonly head?: string;
    /** whether one is the other, where the config does not say */
    readonly tied: boolean;
    /** whether the head has a bias */
    readonly headBias?: boolean;
    /** e of the table [V, e] and the head; the width of the model unless projected */
    readonly width?: number;
  };
  /** what the embedding has beside the table */
  readonly embedding?: Omit<Partial<DecoderSpec["embedding"]>, "tokens">;
  readonly blocks: readonly Block[];
  readonly finalNorm?: NormSpec;
  /** what the head has beside its map */
  readonly head?: Omit<Partial<DecoderSpec["head"]>, "linear">;
}

/** `sequential`, and its sums as they are, unless it says otherwise. */
type Block = Omit<BlockSpec, "residual" | "residualScale"> & Partial<BlockSpec>;

export function assemble(config: Config, given: Assembly): DecoderSpec {
  const { width, vocabulary, positions, blocks, finalNorm } = given;
  const { tokens, linear } = tableAndHead(config, given);
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions,
    embedding: { tokens, scale: 1, ...given.embedding },
    blocks: blocks.map((block) => ({ residual: "sequential", residualScale: 1, ...block })),
    ...(finalNorm && { finalNorm }),
    head: { linear, scale: 1, ...given.head },
  };
}

/** Tied: one tensor is both, under either name; a stored head is then a copy. */
function tableAndHead(
  config: Config,
  { width, vocabulary, part, tokens: { name, head = "lm_head", tied, headBias, width: own = width } }: Assembly,
): { tokens: TensorSlot; linear: LinearSpec } {
  const table = part.tensor(`${name}.weight`, [vocabulary, own]);
  const linear = parts([""]).linear(head, own, vocabulary, { bias: headBias });
  if (!config.flag("tie_word_embeddings", tied)) return { tokens: table, linear };
  const tokens = { names: [...table.names, ...linear.weight.names], shape: table.shape };
  return { tokens, linear: { ...linear, weight: tokens } };
}
