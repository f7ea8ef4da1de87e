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

export const q4_0: CodedType = {
  group: VALUES,
  bits: 4,
  middle: 8,
  hasMinima: false,
  read(bytes, codes, scales) {
    const halves = halfTable();
    for (let at = 0, block = 0; at < bytes.length; at += 18, block++) {
      scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
      nibbles(bytes, at + 2, codes, block * VALUES);
    }
  },
};

export const q4_1: CodedType = {
  group: VALUES,
  bits: 4,
  middle: 0,
  hasMinima: true,
  read(bytes, codes, scales, minima) {
    const halves = halfTable();
    for (let at = 0, block = 0; at < bytes.length; at += 20, block++) {
      scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
      minima[block] = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
      nibbles(bytes, at + 4, codes, block * VALUES);
    }
  },
};

export const q5_0: CodedType = {
  group: VALUES,
  bits: 5,
  middle: 16,
  hasMinima: false,
  read(bytes, codes, scales) {
    const halves = halfTable();
    for (let at = 0, block = 0; at < bytes.length; at += 22, block++) {
      scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
      nibbles(bytes, at + 6, codes, block * VALUES);
      fifths(bytes, at + 2, codes, block * VALUES);
    }
  },
};

export const q5_1: CodedType = {
  group: VALUES,
  bits: 5,
  middle: 0,
  hasMinima: true,
  read(bytes, codes, scales, minima) {
    const halves = halfTable();
    for (let at = 0, block = 0; at < bytes.length; at += 24, block++) {
      scales[block] = halves[bytes[at] | (bytes[at + 1] << 8)];
      minima[block] = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
      nibbles(bytes, at + 8, codes, block * VALUES);
      fifths(bytes, at + 4, codes, block * VALUES);
    }
  },
};

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
