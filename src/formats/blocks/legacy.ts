/**
 * The first types of ggml, blocks of 32: a float16 scale d, in the `_1` types a float16 minimum m, in the five-bit
 * types the fifth bits together (bit j of a u32 is value j's), then the low bits, two values a byte: the lower nibble
 * is value j, the upper value j + 16. `_0`: d·(q − middle); `_1`: d·q + m.
 */
import { halfTable } from "../halves.ts";
import type { CodedType } from "./coded.ts";

const VALUES = 32;

function nibbles(bytes: Uint8Array, at: number, codes: Uint8Array, to: number): void {
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + j];
    codes[to + j] = q & 15;
    codes[to + 16 + j] = q >> 4;
  }
}

function fifths(bytes: Uint8Array, at: number, codes: Uint8Array, to: number): void {
  const high = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  for (let j = 0; j < VALUES; j++) codes[to + j] |= ((high >>> j) & 1) << 4;
}

function type(bits: 4 | 5, hasMinima: boolean): CodedType {
  const high = hasMinima ? 4 : 2;
  const low = bits === 5 ? high + 4 : high;
  const length = low + VALUES / 2;
  return {
    group: VALUES,
    bits,
    middle: hasMinima ? 0 : 2 ** (bits - 1),
    hasMinima,
    read(bytes, codes, scales, minima) {
      const halves = halfTable();
      for (let at = 0, block = 0; at < bytes.length; at += length, block++) {
        scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
        if (hasMinima) minima[block] = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
        nibbles(bytes, at + low, codes, block * VALUES);
        if (bits === 5) fifths(bytes, at + high, codes, block * VALUES);
      }
    },
  };
}

export const q4_0 = type(4, false);
export const q4_1 = type(4, true);
export const q5_0 = type(5, false);
export const q5_1 = type(5, true);

/** d and 32 signed bytes: d·q. */
export const q8_0: CodedType = {
  group: VALUES,
  bits: 8,
  middle: 128,
  hasMinima: false,
  read(bytes, codes, scales) {
    const halves = halfTable();
    for (let at = 0, block = 0; at < bytes.length; at += 34, block++) {
      scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
      for (let j = 0; j < VALUES; j++) codes[block * VALUES + j] = bytes[at + 2 + j] ^ 128;
    }
  },
};
