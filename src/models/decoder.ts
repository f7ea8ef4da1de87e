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

/** A decoder piece by piece, for a graph that holds some of it. */
export interface DecoderParts {
  /** layer 0, [B, S, d] */
  embedded(): Value;
  /** the residual stream after a block, [B, S, d] → [B, S, d] */
  after(block: number, x: Value): Value;
  /** the residual stream after the last block → what its final norm makes of it */
  normed(x: Value): Value;
  /** final states [..., d] → logits, in chunks [..., c] along the vocabulary */
  logits(states: Value, columns?: Columns): readonly Value[];
  /** the logits of tokens [start, end) alone, [..., end − start] */
  logitsOf(states: Value, start: number, end: number): Value;
}

export interface Decoder extends Pick<DecoderParts, "logits"> {
  /** [B, S, d] each: the embedding output, then the residual stream after every block (before the final norm) */
  readonly stream: readonly Value[];
  /** [B, S, d], after the final norm */
  readonly final: Value;
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
export function decoderParts(building: Building, spec: DecoderSpec): DecoderParts {
  requirePositions(spec, building.longest);
  const attention = new Attention(building);
  return {
    embedded: () => norm(building, embedded(building, spec), spec.embedding.norm),
    after(index, x) {
      const after = blockOutput(building, attention, x, spec.blocks[index], index);
      return building.taps?.stream?.(after, x, index) ?? after;
    },
    normed: (x) => norm(building, x, spec.finalNorm),
    logits(states, { chunk, vocabulary = spec.vocabulary } = {}) {
      const from = projected(building, spec.head, states);
      return chunksOf(vocabulary, chunk).map((range) => columns(building, spec.head, from, range));
    },
    logitsOf: (states, start, end) =>
      columns(building, spec.head, projected(building, spec.head, states), { start, end }),
  };
}

/** @throws LossyscopeError as `requirePositions` */
export function decoder(building: Building, spec: DecoderSpec): Decoder {
  const parts = decoderParts(building, spec);
  const stream = [parts.embedded()];
  for (const index of spec.blocks.keys()) stream.push(parts.after(index, stream[index]));
  return { stream, final: parts.normed(stream[spec.blocks.length]), logits: parts.logits };
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

/** Tokens [start, end) of a chunk. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** The vocabulary in chunks of so many columns at most. */
export const chunksOf = (vocabulary: number, size = VOCABULARY_CHUNK): readonly Range[] =>
  Array.from({ length: Math.ceil(vocabulary / size) }, (_, chunk) => ({
    start: chunk * size,
    end: Math.min((chunk + 1) * size, vocabulary),
  }));

/** What the head maps: [..., d] → [..., e] */
const projected = (building: Building, { projection }: DecoderSpec["head"], states: Value): Value =>
  projection ? linear(building, states, projection) : states;

function columns(building: Building, head: DecoderSpec["head"], from: Value, { start, end }: Range): Value {
  const { weight, bias } = head.linear;
  const mapped = byRows(building, from, weight, start, end);
  const biased = bias ? ops.add(mapped, building.weights.rows(bias, start, end)) : mapped;
  return softcapped(scaled(biased, head.scale), head.softcap);
}
