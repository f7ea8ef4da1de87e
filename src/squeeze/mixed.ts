/**
 * A plan that gives every part of a model a type of its own within a budget of bytes (METHODS §7.5): greedy on the divergence
 * that a byte saves. What a part costs is measured with two types on either side of the budget and follows a power of the
 * squared error of the weights between and beyond them: near the original KL is quadratic in what was changed, a power of
 * one; further off it rises faster, or no more.
 */

export interface PartChoice {
  readonly bytes: number;
  /** divergence foretold */
  readonly cost: number;
}

/** The choices of one part by bytes, rising, those alone that cost less than every smaller one. */
export function improving<C extends PartChoice>(choices: readonly C[]): C[] {
  const kept: C[] = [];
  for (const choice of [...choices].sort((a, b) => a.bytes - b.bytes || a.cost - b.cost))
    if (kept.length === 0 || choice.cost < kept[kept.length - 1].cost) kept.push(choice);
  return kept;
}

/**
 * @param parts choices of every part, one at least
 * @param bytes of all parts together, at most
 * @returns one choice a part; null where the smallest of all are too large
 */
export function allot<C extends PartChoice>(parts: readonly (readonly C[])[], bytes: number): C[] | null {
  const choices = parts.map(improving);
  const at = choices.map(() => 0);
  let spent = choices.reduce((sum, [smallest]) => sum + smallest.bytes, 0);
  if (spent > bytes) return null;
  for (;;) {
    let best: { part: number; to: number; gain: number } | undefined;
    for (const [part, own] of choices.entries()) {
      const now = own[at[part]];
      for (let to = at[part] + 1; to < own.length; to++) {
        const more = own[to].bytes - now.bytes;
        if (spent + more > bytes) break;
        const gain = (now.cost - own[to].cost) / Math.max(more, 1e-9);
        if (!best || gain > best.gain) best = { part, to, gain };
      }
    }
    if (!best) return choices.map((own, part) => own[at[part]]);
    spent += choices[best.part][best.to].bytes - choices[best.part][at[best.part]].bytes;
    at[best.part] = best.to;
  }
}

/** Powers of the squared error that KL may go by. */
const [FLATTEST, STEEPEST] = [0.5, 2];

/**
 * KL of a part at a squared error of its weights.
 * @param measured one or two of the types, with their KL; of two the nearer has its own
 */
export function costAt(error: number, measured: readonly { readonly error: number; readonly kl: number }[]): number {
  const [first, second] = measured.map((one) => ({ error: Math.max(one.error, TINY), kl: Math.max(one.kl, TINY) }));
  const at = Math.max(error, TINY);
  if (!second) return first.kl * (at / first.error);
  const power = Math.log(second.kl / first.kl) / Math.log(second.error / first.error);
  const bounded = Number.isFinite(power) ? Math.min(Math.max(power, FLATTEST), STEEPEST) : 1;
  const from = Math.abs(Math.log(at / first.error)) <= Math.abs(Math.log(at / second.error)) ? first : second;
  return from.kl * (at / from.error) ** bounded;
}

const TINY = 1e-30;

/**
 * The two types on either side of a share of the budget: the one that errs least within it, and the next smaller that errs
 * more; where one of these is not there, the next larger.
 */
export function nearest<C extends { readonly bytes: number; readonly error: number }>(
  types: readonly C[],
  bytes: number,
): C[] {
  const sorted = [...types].sort((a, b) => a.error - b.error);
  const at = sorted.findIndex((one) => one.bytes <= bytes);
  const from = at < 0 ? sorted.length - 1 : at;
  const other = sorted.slice(from + 1).find((one) => one.error > sorted[from].error) ?? sorted[from - 1];
  return other ? [sorted[from], other] : [sorted[from]];
}
