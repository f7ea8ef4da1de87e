/**
 * The project's own seeded generator: xoshiro128** (Blackman & Vigna 2018) over 32-bit words, seeded by SplitMix32 from
 * a number and any words that name the use (`random(seed, "reference-points", m, d)`), so that streams with different
 * names are independent and the same name gives the same stream on every machine. Normal deviates by the polar method.
 */

export interface Random {
  /** uniform on [0, 1), 53 bits */
  uniform(): number;
  /** uniform integer on [0, n); throws on n < 1 or n > 2^53 */
  below(n: number): number;
  /** standard normal */
  normal(): number;
  /** shuffles in place (Fisher–Yates) and returns its argument */
  shuffle<T>(items: T[]): T[];
  shuffle<A extends Int32Array | Uint32Array | Float64Array>(items: A): A;
}

/** FNV-1a over the UTF-16 units of the words, then SplitMix32: enough to keep named streams apart. */
function seedWords(parts: readonly (number | string)[]): () => number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (const unit of `${typeof part}:${part};`) {
      hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193) >>> 0;
    }
  }
  return () => {
    hash = (hash + 0x9e3779b9) >>> 0;
    let word = hash;
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}

export function random(...name: readonly (number | string)[]): Random {
  const word = seedWords(name);
  const state = Uint32Array.from({ length: 4 }, word);
  let spare: number | undefined;

  const next = (): number => {
    const scrambled = Math.imul(state[1], 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = (state[3] << 11) | (state[3] >>> 21);
    return result;
  };

  const uniform = (): number => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;

  const below = (n: number): number => {
    if (!(n >= 1 && n <= 2 ** 53)) throw new RangeError(`below(${n}): n must be between 1 and 2^53`);
    return Math.floor(uniform() * n);
  };

  return {
    uniform,
    below,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const a = 2 * uniform() - 1;
        const b = 2 * uniform() - 1;
        const square = a * a + b * b;
        if (square > 0 && square < 1) {
          const scale = Math.sqrt((-2 * Math.log(square)) / square);
          spare = b * scale;
          return a * scale;
        }
      }
    },
    shuffle<A extends { length: number; [index: number]: unknown }>(items: A): A {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1);
        const held = items[i];
        items[i] = items[j];
        items[j] = held;
      }
      return items;
    },
  } as Random;
}
