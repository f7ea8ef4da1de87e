/**
 * One decoder for every architecture: a spec, weights and token ids become the residual stream after every block and the
 * logits, as values of a graph. Positions are 0 … S − 1 in every window, or go on from a past, or branch. What is computed
 * from them is for others: measuring is `heads.ts`'s, decoding step by step `steps.ts`'s, many continuations `trees.ts`'s.
 */
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, unreachable } from "../numeric/errors.ts";
import { Attention } from "./attention.ts";
import { type Building, byRows, givenPositions, linear, mlp, norm, scaled, softcapped } from "./layers.ts";
import type { BlockSpec, DecoderSpec } from "./spec.ts";

/**
 * Columns of logits that are computed at a time: softmax over a chunk stays in cache, and no array of all logits is made
 * where only a loss is wanted.
 */
const VOCABULARY_CHUNK = 16384;

/** Which logits are made, and how many together. */
export interface Columns {
  /** of a chunk at most; absent: what is fastest for losses */
  readonly chunk?: number;
  /** the first so many tokens; absent: all */
  readonly vocabulary?: number;
}

export interface Decoder {
  /** [B, S, d] each: the embedding output, then the residual stream after every block (before the final norm) */
  readonly stream: readonly Value[];
  /** [B, S, d], after the final norm */
  readonly final: Value;
  /** final states [..., d] → logits, in chunks [..., c] along the vocabulary */
  logits(states: Value, columns?: Columns): readonly Value[];
}

/** @throws LossyscopeError `usage` where the model has fewer positions than the longest window */
export function requirePositions({ positions }: Pick<DecoderSpec, "positions">, longest: number): void {
  if (positions === null || longest <= positions) return;
  throw new LossyscopeError(
    "usage",
    `the model has ${count(positions)} positions, windows of ${count(longest)} were asked for`,
    `pass --context ${positions}`,
  );
}

/** @throws LossyscopeError as `requirePositions` */
export function decoder(building: Building, spec: DecoderSpec): Decoder {
  requirePositions(spec, building.longest);
  const attention = new Attention(building);
  const stream = [norm(building, embedded(building, spec), spec.embedding.norm)];
  spec.blocks.forEach((block, index) => {
    const after = blockOutput(building, attention, stream[index], block, index);
    stream.push(building.taps?.stream?.(after, stream[index], index) ?? after);
  });
  return {
    stream,
    final: norm(building, stream[spec.blocks.length], spec.finalNorm),
    logits: (states, columns) => logits(building, spec, states, columns),
  };
}

/** Layer 0 before its norm: [B, S] → [B, S, d] */
function embedded(building: Building, { embedding }: DecoderSpec): Value {
  const { graph, weights, ids } = building;
  const tokens = scaled(weights.looked(embedding.tokens, ids), embedding.scale);
  const projected = embedding.projection ? linear(building, tokens, embedding.projection) : tokens;
  if (!embedding.positions) return projected;
  const { table, offset } = embedding.positions;
  const given = givenPositions(building);
  if (given) {
    const rows = ops.add(given, graph.integers(offset));
    return ops.add(projected, weights.looked(table, rows));
  }
  const start = graph.integers([offset]);
  const positions = ids.shape[1];
  const end = ops.add(start, ops.sizes(ids, 1, 2));
  return ops.add(projected, ops.sliceTo(weights.value(table), [0], start, end, [positions]));
}

/** [B, S, d] → [B, S, d], as `BlockSpec` writes it */
function blockOutput(building: Building, attention: Attention, x: Value, block: BlockSpec, index: number): Value {
  const { norms, residualScale } = block;
  const read = norm(building, x, norms.beforeAttention);
  const attended = norm(building, attention.apply(read, block.attention, index), norms.afterAttention);
  const thought = (from: Value): Value => norm(building, mlp(building, from, block.mlp, index), norms.afterMlp);
  switch (block.residual) {
    case "sequential": {
      const between = norm(building, ops.add(x, scaled(attended, residualScale)), norms.afterAttentionSum);
      const branch = thought(norm(building, between, norms.beforeMlp));
      return norm(building, ops.add(between, scaled(branch, residualScale)), norms.afterMlpSum);
    }
    case "parallel":
    case "parallel-one-norm": {
      const branch = thought(block.residual === "parallel" ? norm(building, x, norms.beforeMlp) : read);
      return ops.add(x, scaled(ops.add(attended, branch), residualScale));
    }
    default:
      return unreachable(block.residual);
  }
}

function logits(
  building: Building,
  { head, ...spec }: DecoderSpec,
  states: Value,
  { chunk: size = VOCABULARY_CHUNK, vocabulary = spec.vocabulary }: Columns = {},
): readonly Value[] {
  const { weights } = building;
  const from = head.projection ? linear(building, states, head.projection) : states;
  return Array.from({ length: Math.ceil(vocabulary / size) }, (_, chunk) => {
    const start = chunk * size;
    const end = Math.min(start + size, vocabulary);
    const mapped = byRows(building, from, head.linear.weight, start, end);
    const biased = head.linear.bias ? ops.add(mapped, weights.rows(head.linear.bias, start, end)) : mapped;
    return softcapped(scaled(biased, head.scale), head.softcap);
  });
}
