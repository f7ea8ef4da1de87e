/**
 * How often given strings of bytes occur in texts: one pass of a rolling hash over the shortest of them (Karp & Rabin 1987,
 * modulo 2^32), every hit compared byte by byte. Occurrences may overlap; none spans two texts.
 *
 * Memory: 64 KiB and the strings. Time: the bytes of the texts, and of every hit.
 */

const BASE = 0x01000193;
const FILTER_BITS = 16;

/** Spreads a hash over the places of the filter. */
const placeOf = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> (32 - FILTER_BITS);

/** @returns how often each pattern occurs, 0 for an empty one */
export function occurrences(patterns: readonly Uint8Array[], texts: Iterable<Uint8Array>): number[] {
  const found = patterns.map(() => 0);
  const width = patterns.reduce((least, { length }) => (length > 0 ? Math.min(least, length) : least), Infinity);
  if (width === Infinity) return found;

  const hashOf = (bytes: Uint8Array): number => {
    let hash = 0;
    for (let i = 0; i < width; i++) hash = (Math.imul(hash, BASE) + bytes[i]) | 0;
    return hash;
  };
  const byHash = new Map<number, number[]>();
  const filter = new Uint8Array(1 << FILTER_BITS);
  patterns.forEach((pattern, index) => {
    if (pattern.length === 0) return;
    const hash = hashOf(pattern);
    byHash.set(hash, [...(byHash.get(hash) ?? []), index]);
    filter[placeOf(hash)] = 1;
  });
  let leading = 1;
  for (let i = 1; i < width; i++) leading = Math.imul(leading, BASE);

  for (const text of texts) {
    if (text.length < width) continue;
    let hash = hashOf(text);
    for (let start = 0; ; start++) {
      if (filter[placeOf(hash)]) {
        for (const index of byHash.get(hash) ?? []) if (isAt(patterns[index], text, start)) found[index]++;
      }
      if (start + width >= text.length) break;
      hash = (Math.imul(hash - Math.imul(text[start], leading), BASE) + text[start + width]) | 0;
    }
  }
  return found;
}

function isAt(pattern: Uint8Array, text: Uint8Array, start: number): boolean {
  if (start + pattern.length > text.length) return false;
  for (let i = 0; i < pattern.length; i++) if (pattern[i] !== text[start + i]) return false;
  return true;
}
