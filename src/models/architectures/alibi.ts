/** ALiBi's slopes (Press et al. 2022), for the architectures that have them in place of rotation. */

/**
 * 2^(−most·n/p) for n = 1…p with p the largest power of two up to the number of heads, then every other slope of the next
 * power.
 */
export function alibiSlopes(heads: number, most = 8): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const slopes = Array.from({ length: power }, (_, head) => 2 ** ((-most * (head + 1)) / power));
  const between = Array.from({ length: heads - power }, (_, head) => 2 ** (((-most / 2) * (2 * head + 1)) / power));
  return [...slopes, ...between];
}
