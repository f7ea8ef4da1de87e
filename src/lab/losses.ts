/**
 * What training makes small, with the gradient by the logits written out, so that neither is computed through a chain of
 * ops over the whole vocabulary: the loss of the given tokens, and the divergence from a teacher (METHODS §8, Hinton et al.
 * 2015). Rows carry shares: the loss is Σ share · row, so that batches add up and padding counts nothing.
 *
 * Memory in the runtime: 3 · 4 bytes · rows · V; with a teacher 6 · 4 bytes · rows · V.
 */
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";

export interface Loss {
  /** [] */
  readonly nats: Value;
  /** [rows, V], of `nats` by the logits */
  readonly gradient: Value;
}

/**
 * Σ share · −ln softmax(logits)[target].
 * @param logits [rows, V]
 * @param targets int64 [rows, 1]
 * @param shares [rows, 1]
 */
export function crossEntropy(logits: Value, targets: Value, shares: Value): Loss {
  const predicted = ops.softmax(logits);
  // ln Σ exp = largest logit − ln of its share; the large terms are subtracted first (`heads.ts`).
  const margin = ops.subtract(ops.max(logits, -1, { keep: true }), ops.gatherElements(logits, targets, 1));
  const rows = ops.subtract(margin, ops.log(ops.max(predicted, -1, { keep: true }))); // [rows,1]
  return {
    nats: ops.sum(ops.multiply(rows, shares), [0, 1]),
    gradient: ops.scatterElements(ops.multiply(predicted, shares), targets, ops.negative(shares), 1),
  };
}

/**
 * Σ share · KL(teacher ‖ student), both softened by the temperature T: softmax(logits / T).
 * @param logits [rows, V] each
 * @param shares [rows, 1]
 */
export function divergence(student: Value, teacher: Value, shares: Value, temperature: number): Loss {
  const soften = (logits: Value): Value =>
    ops.logSoftmax(temperature === 1 ? logits : ops.multiply(logits, logits.graph.scalar(1 / temperature)));
  const [own, given] = [soften(student), soften(teacher)];
  const target = ops.exp(given);
  const rows = ops.sum(ops.multiply(target, ops.subtract(given, own)), -1, { keep: true }); // [rows,V] → [rows,1]
  const perLogit = ops.multiply(shares, shares.graph.scalar(1 / temperature));
  return {
    nats: ops.sum(ops.multiply(rows, shares), [0, 1]),
    gradient: ops.multiply(ops.subtract(ops.exp(own), target), perLogit),
  };
}

/** Σ weight · loss. */
export function mixed(parts: readonly { readonly loss: Loss; readonly weight: number }[]): Loss {
  const weighted = (of: (loss: Loss) => Value): Value =>
    parts.map(({ loss, weight }) => ops.multiply(of(loss), of(loss).graph.scalar(weight))).reduce(ops.add);
  return { nats: weighted(({ nats }) => nats), gradient: weighted(({ gradient }) => gradient) };
}
