/**
 * The K types of ggml, blocks of 256 in groups of 16 or 32 with small integer scales under a float16 scale d of the
 * block, and in Q2_K, Q4_K, Q5_K small integer minima under a float16 dmin: (d·scale)·q − (dmin·minimum); Q3_K, Q6_K:
 * (d·scale)·(q − middle).
 */
import { halfTable } from "../halves.ts";
import type { Decoder } from "./types.ts";

const VALUES = 256;
const fround = Math.fround;

/** 16 bytes of scale (low nibble) and minimum (high); 64 of 2-bit codes, four planes of 32 values a half; d, dmin. */
export const q2K: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 84, to += VALUES) {
    const d = halves[bytes[at + 80] | (bytes[at + 81] << 8)];
    const dmin = halves[bytes[at + 82] | (bytes[at + 83] << 8)];
    for (let group = 0; group < 16; group++) {
      const packed = bytes[at + group];
      const scale = fround(d * (packed & 15));
      const minimum = fround(dmin * (packed >> 4));
      const codes = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      const out = to + group * 16;
      for (let j = 0; j < 16; j++) values[out + j] = fround(scale * ((bytes[codes + j] >> shift) & 3)) - minimum;
    }
  }
};

/**
 * 32 bytes of third bits (clear: minus 4); 64 of 2-bit codes; 12 of 6-bit scales, low nibbles then pairs of bits; d.
 */
export const q3K: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 110, to += VALUES) {
    const d = halves[bytes[at + 108] | (bytes[at + 109] << 8)];
    const scales = at + 96;
    for (let group = 0; group < 16; group++) {
      const low = (bytes[scales + (group & 7)] >> (4 * (group >> 3))) & 15;
      const high = (bytes[scales + 8 + (group & 3)] >> (2 * (group >> 2))) & 3;
      const scale = fround(d * ((low | (high << 4)) - 32));
      const codes = at + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const thirds = at + (group & 1) * 16;
      const plane = group >> 1;
      const shift = (plane & 3) * 2;
      const out = to + group * 16;
      for (let j = 0; j < 16; j++) {
        const third = ((bytes[thirds + j] >> plane) & 1) ^ 1;
        values[out + j] = scale * (((bytes[codes + j] >> shift) & 3) - (third << 2));
      }
    }
  }
};

/** The 6-bit scale of one of eight groups from the 12 bytes that hold scales and minima. */
const scaleOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4 ? bytes[at + group] & 63 : (bytes[at + group + 4] & 15) | ((bytes[at + group - 4] >> 6) << 4);

/** The 6-bit minimum of the same. */
const minimumOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4 ? bytes[at + group + 4] & 63 : (bytes[at + group + 4] >> 4) | ((bytes[at + group] >> 6) << 4);

/** d, dmin; 12 bytes of scales and minima; 128 of 4-bit codes: of 64 values the lower nibbles are the first 32. */
export const q4K: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 144, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const dmin = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(bytes, at + 4, group));
      const minimum = fround(dmin * minimumOf(bytes, at + 4, group));
      const codes = at + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      const out = to + group * 32;
      for (let j = 0; j < 32; j++) values[out + j] = fround(scale * ((bytes[codes + j] >> shift) & 15)) - minimum;
    }
  }
};

/** Q4_K with 32 bytes of fifth bits before the codes: bit g of byte j is of value j of group g. */
export const q5K: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 176, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const dmin = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * scaleOf(bytes, at + 4, group));
      const minimum = fround(dmin * minimumOf(bytes, at + 4, group));
      const codes = at + 48 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      const out = to + group * 32;
      for (let j = 0; j < 32; j++) {
        const fifth = (bytes[at + 16 + j] >> group) & 1;
        values[out + j] = fround(scale * (((bytes[codes + j] >> shift) & 15) | (fifth << 4))) - minimum;
      }
    }
  }
};

/** 128 bytes of low nibbles, 64 of 2-bit high parts, 16 signed scales, d; halves of 128 values. */
export const q6K: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 210, to += VALUES) {
    const d = halves[bytes[at + 208] | (bytes[at + 209] << 8)];
    for (let group = 0; group < 16; group++) {
      const scale = fround(d * ((bytes[at + 192 + group] << 24) >> 24));
      const half = group >> 3;
      const plane = (group >> 1) & 3; // 32 values each
      const low = at + half * 64 + (plane & 1) * 32 + (group & 1) * 16;
      const high = at + 128 + half * 32 + (group & 1) * 16;
      const lowShift = (plane >> 1) * 4;
      const highShift = plane * 2;
      const out = to + group * 16;
      for (let j = 0; j < 16; j++) {
        const q = ((bytes[low + j] >> lowShift) & 15) | (((bytes[high + j] >> highShift) & 3) << 4);
        values[out + j] = scale * (q - 32);
      }
    }
  }
};
