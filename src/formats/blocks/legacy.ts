/**
 * The first types of ggml, blocks of 32: a float16 scale d, in the `_1` types a float16 minimum m, in the five-bit
 * types the fifth bits together (bit j of a u32 is value j's), then the low bits, two values a byte: the lower nibble
 * is value j, the upper value j + 16. `_0`: d·(q − middle); `_1`: d·q + m.
 */
import { halfTable } from "../halves.ts";
import type { Decoder } from "./types.ts";

const VALUES = 32;
const fround = Math.fround;

export const q4_0: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 18, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 2 + j];
      values[to + j] = d * ((q & 15) - 8);
      values[to + 16 + j] = d * ((q >> 4) - 8);
    }
  }
};

export const q4_1: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 20, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const m = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 4 + j];
      values[to + j] = fround(d * (q & 15)) + m;
      values[to + 16 + j] = fround(d * (q >> 4)) + m;
    }
  }
};

/** The fifth bits of a block. */
const word = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);

export const q5_0: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 22, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const high = word(bytes, at + 2);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 6 + j];
      values[to + j] = d * (((q & 15) | (((high >>> j) & 1) << 4)) - 16);
      values[to + 16 + j] = d * (((q >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16);
    }
  }
};

export const q5_1: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 24, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const m = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
    const high = word(bytes, at + 4);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 8 + j];
      values[to + j] = fround(d * ((q & 15) | (((high >>> j) & 1) << 4))) + m;
      values[to + 16 + j] = fround(d * ((q >> 4) | (((high >>> (j + 16)) & 1) << 4))) + m;
    }
  }
};

/** d and 32 signed bytes: d·q. */
export const q8_0: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 34, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let j = 0; j < VALUES; j++) values[to + j] = d * ((bytes[at + 2 + j] << 24) >> 24);
  }
};
