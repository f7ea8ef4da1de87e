/**
 * Levenshtein's distance: the fewest insertions, deletions and substitutions that turn one sequence into another, by the
 * two-row dynamic programme. Memory: 8 bytes an element of the second. Time: |a|·|b|.
 */

/** @returns 0 for equal sequences, at most the length of the longer one */
export function editDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let row = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  let next = new Uint32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    next[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(substituted, row[j] + 1, next[j - 1] + 1);
    }
    [row, next] = [next, row];
  }
  return row[b.length];
}
