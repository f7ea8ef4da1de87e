/**
 * How many multiply-adds a model takes, counted from its spec: the matrix products of a token, of attention's
 * scores, and of a token's logits. What an engine needs for them is its own to say; what else a pass does is not counted here.
 */
import { unreachable } from "../numeric/errors.ts";
import { queryBlockOf } from "./attention.ts";
import type { DecoderSpec, LinearSpec, MlpSpec, ProjectionsSpec } from "./spec.ts";

export interface Operations {
  /** multiply-adds of a token through embedding and all blocks, attention's scores left out; active experts alone */
  readonly token: number;
  /** multiply-adds of a token's logits */
  readonly logits: number;
}

const product = ({ inputs, outputs }: LinearSpec): number => inputs * outputs;

function projections(spec: ProjectionsSpec): number {
  switch (spec.kind) {
    case "separate":
      return product(spec.query) + product(spec.key) + product(spec.value);
    case "fused":
      return product(spec.linear);
    default:
      return unreachable(spec);
  }
}

function mlp(spec: MlpSpec): number {
  switch (spec.kind) {
    case "gated":
      return product(spec.gate) + product(spec.up) + product(spec.down);
    case "gated-fused":
      return product(spec.gateAndUp) + product(spec.down);
    case "plain":
      return product(spec.up) + product(spec.down);
    case "experts": {
      const { router, experts, perToken, shared } = spec;
      return product(router) + perToken * mlp(experts[0]) + (shared ? mlp(shared.mlp) : 0);
    }
    default:
      return unreachable(spec);
  }
}

export function operationsOf({ blocks, embedding, head }: DecoderSpec): Operations {
  const sum = (of: (block: DecoderSpec["blocks"][number]) => number): number =>
    blocks.reduce((total, block) => total + of(block), 0);
  return {
    token:
      (embedding.projection ? product(embedding.projection) : 0) +
      sum(({ attention, mlp: own }) => projections(attention.projections) + product(attention.output) + mlp(own)),
    logits: product(head.linear) + (head.projection ? product(head.projection) : 0),
  };
}

/** Queries and the keys that their block of queries meets, in a window of `length` tokens. */
function pairsOf(length: number, longest: number, window: number | undefined): number {
  const block = queryBlockOf(longest);
  let pairs = 0;
  for (let start = 0; start < length; start += block) {
    const first = window === undefined ? 0 : Math.max(0, start - window + 1);
    pairs += Math.min(block, length - start) * (Math.min(start + block, length) - first);
  }
  return pairs;
}

/**
 * Attention's scores in a window, and the multiply-adds of making them and of what they weigh, over all blocks.
 * @param longest tokens of the longest window that the graph is made for
 */
export function scoresOf(
  { blocks }: DecoderSpec,
  length: number,
  longest: number,
): { readonly scores: number; readonly products: number } {
  let [scores, products] = [0, 0];
  for (const { attention } of blocks) {
    const own = attention.heads * pairsOf(length, longest, attention.window);
    scores += own;
    products += 2 * attention.headWidth * own;
  }
  return { scores, products };
}
