/**
 * What a layer knows of which of two completions was chosen (METHODS §2.3 Preference information): plug-in (§2.3) and held out
 * (§2.4) for a label of two values, beside what both are where labels are swapped inside pairs. Every figure follows from
 * the sums of soft assignments over each completion's tokens, so that a swap costs n·m additions. Pure.
 *
 * Time: (1 + SHUFFLES)·n·m additions a layer. Memory: the sums, 16·n·m bytes.
 */
import { sum } from "../numeric/sums.ts";
import { ONE } from "./assignment.ts";
import { SHUFFLES } from "./concepts/chance.ts";
import { KAPPAS } from "./layer.ts";
import type { Split } from "./split.ts";

/** Sums over completions, by pair; side 0 is the chosen one, side 1 the rejected one. */
export interface CompletionSums {
  readonly m: number;
  /** [2][n] tokens */
  readonly tokens: readonly [Float64Array, Float64Array];
  /** [2][n·m] Σ p over them, in fixed point */
  readonly assigned: readonly [Float64Array, Float64Array];
}

/** Shares of ln m. */
export interface PreferenceInformation {
  /** H(Z) over the tokens of all completions */
  readonly entropy: number;
  readonly plugin: UnderSwaps;
  readonly heldOut: UnderSwaps;
  /** κ for the odd and for the even evaluated pairs; null: infinite */
  readonly kappa: readonly [number | null, number | null];
  /** KL(mean evaluated p ‖ q_0) */
  readonly shift: number;
  /** [evaluated pairs] Σ over the pair's tokens of the gain, nats */
  readonly gains: Float64Array;
}

/** A figure, and what it is under each of the swaps. */
export interface UnderSwaps {
  readonly value: number;
  /** [SHUFFLES] */
  readonly shuffled: Float64Array;
}

/** A swap for every pair: 1 where its labels are exchanged. The first is none at all: the labels as they are. */
export type Swaps = readonly Uint8Array[];

/** @param swaps `1 + SHUFFLES` of them, the same for all layers */
export function preferenceInformation(sums: CompletionSums, split: Split, swaps: Swaps): PreferenceInformation {
  const { m } = sums;
  const lnM = Math.log(m);
  const base = baseOf(sums, split);
  const [own, ...others] = swaps.map((swap) => underSwap(sums, split, swap, base));
  const positions = sum(evaluatedTokens(sums, split));
  const under = (figure: (swapped: Swapped) => number): UnderSwaps => ({
    value: figure(own),
    shuffled: Float64Array.from(others, figure),
  });
  return {
    entropy: base.entropy / lnM,
    plugin: under(({ plugin }) => plugin / lnM),
    heldOut: under(({ gain }) => gain / positions / lnM),
    kappa: [KAPPAS[own.forOdd] ?? null, KAPPAS[own.forEven] ?? null],
    shift: base.shift / lnM,
    gains: gainsOf(sums, split, own, base),
  };
}

/** [evaluated pairs] tokens of both completions: what gains are divided by. */
export function evaluatedTokens({ tokens }: Pick<CompletionSums, "tokens">, { place, evaluated }: Split): Float64Array {
  const counts = new Float64Array(evaluated);
  for (const [pair, at] of place.entries()) if (at >= 0) counts[at] = tokens[0][pair] + tokens[1][pair];
  return counts;
}

/** What no label changes. */
interface Base {
  /** q_0 [m] */
  readonly q: Float64Array;
  /** H(Z), nats */
  readonly entropy: number;
  /** KL(mean evaluated p ‖ q_0), nats */
  readonly shift: number;
}

function baseOf({ m, tokens, assigned }: CompletionSums, { place }: Split): Base {
  const parts = [0, 1].map(() => ({ positions: 0, sums: new Float64Array(m) }));
  for (let pair = 0; pair < place.length; pair++)
    for (const side of [0, 1] as const) {
      const part = parts[Number(place[pair] >= 0)];
      part.positions += tokens[side][pair];
      addRow(assigned[side], pair * m, part.sums);
    }
  const [fitted, evaluated] = parts;
  const q = fitted.sums.map((total) => (total / ONE + 1 / m) / (fitted.positions + 1));
  let shift = 0;
  for (let b = 0; b < m; b++) {
    const p = evaluated.sums[b] / ONE / evaluated.positions;
    if (p > 0) shift += p * Math.log(p / q[b]);
  }
  const all = fitted.sums.map((total, b) => total + evaluated.sums[b]);
  return { q, shift, entropy: entropyOf(all, fitted.positions + evaluated.positions) };
}

/** What the labels of one swap come to. */
interface Swapped {
  /** H(Z) − Σ (n_x/N) H(P_x), nats */
  readonly plugin: number;
  /** Σ over all evaluated tokens, nats */
  readonly gain: number;
  /** places of κ; −1: infinite */
  readonly forOdd: number;
  readonly forEven: number;
  readonly fitted: Labelled;
}

/** Sums by label: of chosen, then of rejected. */
interface Labelled {
  readonly positions: readonly [number, number];
  readonly sums: readonly [Float64Array, Float64Array];
}

function underSwap({ m, tokens, assigned }: CompletionSums, { place }: Split, swap: Uint8Array, base: Base): Swapped {
  // fitted pairs, then evaluated ones at even and at odd places
  const parts = [0, 1, 2].map(() => ({
    positions: [0, 0] as [number, number],
    sums: [new Float64Array(m), new Float64Array(m)] as const,
  }));
  for (let pair = 0; pair < place.length; pair++) {
    const part = parts[place[pair] < 0 ? 0 : 1 + (place[pair] % 2)];
    for (const side of [0, 1] as const) {
      const label = side ^ swap[pair];
      part.positions[label] += tokens[side][pair];
      addRow(assigned[side], pair * m, part.sums[label]);
    }
  }
  const [fitted, even, odd] = parts;
  const logs = logsOf(fitted, base);
  const best = (half: Labelled): number => {
    let [chosen, most] = [-1, 0];
    for (let k = KAPPAS.length - 1; k >= 0; k--) {
      const gain = gainUnder(logs[k], half.sums, 0);
      if (gain > most) [chosen, most] = [k, gain];
    }
    return chosen;
  };
  const [forOdd, forEven] = [best(even), best(odd)];
  const gained = (half: Labelled, k: number): number => (k < 0 ? 0 : gainUnder(logs[k], half.sums, 0));
  const total = sum(parts.flatMap(({ positions }) => positions));
  const conditional = [0, 1].map((label) => {
    const own = sum(parts.map(({ positions }) => positions[label]));
    const sums = fitted.sums[label].map((value, b) => value + even.sums[label][b] + odd.sums[label][b]);
    return (own / total) * entropyOf(sums, own);
  });
  return {
    plugin: base.entropy - conditional[0] - conditional[1],
    gain: gained(even, forEven) + gained(odd, forOdd),
    forOdd,
    forEven,
    fitted,
  };
}

/** [KAPPAS][2][m]: ln(q_1/q_0) of chosen and rejected, q_1 = (n_x P_x + κ q_0)/(n_x + κ). */
const logsOf = ({ positions, sums }: Labelled, { q }: Base): Float64Array[][] =>
  KAPPAS.map((kappa) =>
    sums.map((own, label) =>
      own.map((total, b) => Math.log((total / ONE / q[b] + kappa) / (positions[label] + kappa))),
    ),
  );

/** Σ over a row of each side, nats. */
function gainUnder(
  [chosen, rejected]: readonly Float64Array[],
  [ofChosen, ofRejected]: readonly Float64Array[],
  from: number,
): number {
  let gain = 0;
  for (let b = 0; b < chosen.length; b++) gain += ofChosen[from + b] * chosen[b] + ofRejected[from + b] * rejected[b];
  return gain / ONE;
}

function gainsOf(
  { m, assigned }: CompletionSums,
  { place, evaluated }: Split,
  { fitted, forOdd, forEven }: Swapped,
  base: Base,
): Float64Array {
  const logs = logsOf(fitted, base);
  const gains = new Float64Array(evaluated);
  for (const [pair, at] of place.entries()) {
    const k = at % 2 === 0 ? forEven : forOdd;
    if (at >= 0 && k >= 0) gains[at] = gainUnder(logs[k], assigned, pair * m);
  }
  return gains;
}

/** Entropy in nats of a mean of `positions` rows; 0 of none. */
function entropyOf(sums: Float64Array, positions: number): number {
  let entropy = 0;
  for (let b = 0; b < sums.length; b++) {
    const p = sums[b] / ONE / positions;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return entropy;
}

function addRow(from: Float64Array, at: number, to: Float64Array): void {
  for (let b = 0; b < to.length; b++) to[b] += from[at + b];
}

/** The labels as they are, then `SHUFFLES` draws in which every pair keeps or swaps its own by a coin. */
export function swapsOf(pairs: number, coin: (draw: number) => () => number): Swaps {
  return Array.from({ length: 1 + SHUFFLES }, (_, draw) => {
    const swap = new Uint8Array(pairs);
    if (draw === 0) return swap;
    const uniform = coin(draw - 1);
    return swap.map(() => Number(uniform() < 0.5));
  });
}
