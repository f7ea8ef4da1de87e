/**
 * What a figure of labelled rows comes to where the labels say nothing: the same figure under shuffled labels (METHODS §3.1).
 */

import { quantile } from "../../numeric/bootstrap.ts";
import { random } from "../../numeric/random.ts";
import { mean } from "../../numeric/sums.ts";

/** Shuffles of every null. */
export const SHUFFLES = 200;

/** A figure beside what chance gives. */
export interface AgainstChance {
  readonly value: number;
  /** mean under shuffled labels, and its middle 95 % */
  readonly chance: number;
  readonly low: number;
  readonly high: number;
  /** (1 + shuffles that reach the figure) / (1 + shuffles) */
  readonly p: number;
}

/**
 * @param shuffled the figure under each shuffle
 * @param better whether large figures speak against chance, or small ones
 */
export function againstChance(value: number, shuffled: Float64Array, better: "more" | "less" = "more"): AgainstChance {
  const sorted = shuffled.slice().sort();
  // Sums in another order differ in their last digits: what is equal must count as reached.
  const slack = 1e-12 * Math.max(1, Math.abs(value));
  const reached = sorted.filter((one) => (better === "more" ? one >= value - slack : one <= value + slack)).length;
  return {
    value,
    chance: mean(sorted),
    low: quantile(sorted, 0.025),
    high: quantile(sorted, 0.975),
    p: (1 + reached) / (1 + sorted.length),
  };
}

/**
 * Shuffled labels. Rows of one document go together where each document has one label: then documents swap labels, those of
 * equal numbers of rows among themselves; otherwise rows do.
 * @param labels [n]
 * @param documents [n]
 * @returns [SHUFFLES] labellings [n]
 */
export function shuffledLabels(
  labels: Int32Array,
  documents: Int32Array,
  name: readonly (string | number)[],
): Int32Array[] {
  const strata = strataOf(labels, documents);
  return Array.from({ length: SHUFFLES }, (_, draw) => {
    const stream = random(...name, draw);
    const shuffled = labels.slice();
    for (const blocks of strata) {
      const order = stream.shuffle(blocks.map((_, index) => index));
      for (const [to, rows] of blocks.entries())
        for (const [place, row] of rows.entries()) shuffled[row] = labels[blocks[order[to]][place]];
    }
    return shuffled;
  });
}

/** Blocks of rows that may swap their labels, by how many rows they have. */
function strataOf(labels: Int32Array, documents: Int32Array): number[][][] {
  const blocks = new Map<number, number[]>();
  for (const [row, document] of documents.entries()) {
    const block = blocks.get(document) ?? [];
    blocks.set(document, block);
    block.push(row);
  }
  const whole = [...blocks.values()].every((rows) => rows.every((row) => labels[row] === labels[rows[0]]));
  if (!whole) return [[...labels.keys()].map((row) => [row])];
  const bySize = new Map<number, number[][]>();
  for (const rows of blocks.values()) {
    const stratum = bySize.get(rows.length) ?? [];
    bySize.set(rows.length, stratum);
    stratum.push(rows);
  }
  return [...bySize.values()];
}
