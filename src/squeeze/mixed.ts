/**
 * A plan that gives every part of a model a type of its own within a budget of bytes (METHODS §7.5): greedy on the divergence
 * that a byte saves. What a part costs is foretold from one type that it was measured with: near the original KL is
 * quadratic in what was changed, so that it goes as the squared error of the weights.
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
