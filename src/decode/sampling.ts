/**
 * Picks the next token from logits z: the largest, or a draw from softmax(z / temperature) cut to its nucleus, the fewest
 * most probable tokens whose probabilities reach top-p (Holtzman et al. 2020), and normalised again.
 */
import type { Random } from "../numeric/random.ts";

export interface Sampling {
  /** 0: always the most probable token */
  readonly temperature: number;
  /** in (0, 1]; 1: all tokens */
  readonly topP: number;
}

/** The most probable token; the lowest id among equals. */
export function greedy(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

/** @param logits [V] @returns an id; draws one number from `stream` unless the temperature is 0 */
export function sample(logits: Float32Array, { temperature, topP }: Sampling, stream: Random): number {
  const best = greedy(logits);
  if (temperature === 0) return best;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - logits[best]) / temperature));
  const ids = topP < 1 ? nucleus(weights, topP) : weights.keys();
  const candidates = [...ids];
  const total = candidates.reduce((sum, id) => sum + weights[id], 0);
  let left = stream.uniform() * total;
  for (const id of candidates) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return best;
}

/** Ids of the fewest largest weights that reach `share` of them all, largest first; the lower id among equals. */
function nucleus(weights: Float64Array, share: number): readonly number[] {
  const ids = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a] || a - b);
  const enough = share * weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  const count = ids.findIndex((id) => (reached += weights[id]) >= enough) + 1;
  return count === 0 ? ids : ids.slice(0, count);
}
