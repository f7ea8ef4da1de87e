/**
 * The definitions of METHODS §2.3–2.5 written out with maps and plain loops: the naive twins that the fast paths of this
 * room are held to. Labels are strings, probabilities are doubles, and nothing is shared between figures.
 */
import { random } from "../numeric/random.ts";
import { ONE } from "./assignment.ts";
import { KAPPAS } from "./layer.ts";

export const entropyOf = (p: readonly number[]): number =>
  p.reduce((total, value) => (value > 0 ? total - value * Math.log(value) : total), 0);

export const meanOf = (rows: readonly (readonly number[])[]): number[] =>
  rows[0].map((_, b) => rows.reduce((total, row) => total + row[b], 0) / rows.length);

function groups(labels: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  labels.forEach((label, row) => {
    found.set(label, [...(found.get(label) ?? []), row]);
  });
  return found;
}

/** Σ (n_x/N)·H(P_x) */
export function conditionalEntropy(p: readonly (readonly number[])[], labels: readonly string[]): number {
  let total = 0;
  for (const rows of groups(labels).values()) {
    total += (rows.length / p.length) * entropyOf(meanOf(rows.map((row) => p[row])));
  }
  return total;
}

export const pluginInformation = (p: readonly (readonly number[])[], labels: readonly string[]): number =>
  entropyOf(meanOf(p)) - conditionalEntropy(p, labels);

/**
 * Gains of every evaluated row, by level and κ. `labels[level][row]`; a row is evaluated where `place` is not negative.
 */
export function heldOutGains(
  p: readonly (readonly number[])[],
  labels: readonly (readonly string[])[],
  place: ArrayLike<number>,
): number[][][] {
  const m = p[0].length;
  const fitted = p.map((_, row) => row).filter((row) => place[row] < 0);
  const global = meanOf(fitted.map((row) => p[row]));
  const base = global.map((value) => (fitted.length * value + 1 / m) / (fitted.length + 1));
  return p.map((own, row) => {
    if (place[row] < 0) return [];
    return labels.map((_, level) =>
      KAPPAS.map((kappa) => {
        let q = base;
        for (let n = 0; n <= level; n++) {
          const same = fitted.filter((other) => labels[n][other] === labels[n][row]);
          const shorter = q;
          const mean = same.length > 0 ? meanOf(same.map((other) => p[other])) : shorter;
          q = shorter.map((value, b) => (same.length * mean[b] + kappa * value) / (same.length + kappa));
        }
        return own.reduce((total, value, b) => (value > 0 ? total + value * Math.log(q[b] / base[b]) : total), 0);
      }),
    );
  });
}

/** Assignments for a seed: normal logits with a common part, more or less peaked; each row adds up to about 1. */
export function someAssignments(rows: number, m: number, seed: number, spread = 2): Uint32Array {
  const stream = random(seed, "assignments", rows, m);
  const common = Array.from({ length: m }, () => stream.normal());
  const fixed = new Uint32Array(rows * m);
  for (let row = 0; row < rows; row++) {
    const weights = common.map((shared) => Math.exp(spread * stream.normal() + shared));
    const total = weights.reduce((a, b) => a + b);
    weights.forEach((weight, b) => {
      fixed[row * m + b] = Math.round((weight / total) * ONE);
    });
  }
  return fixed;
}

/** Rows of fixed-point assignments as doubles. */
export const asRows = (fixed: Uint32Array, m: number): number[][] =>
  Array.from({ length: fixed.length / m }, (_, row) =>
    Array.from(fixed.subarray(row * m, (row + 1) * m), (v) => v / ONE),
  );
