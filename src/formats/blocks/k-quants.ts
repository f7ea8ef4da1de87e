/**
 * The K types of ggml, blocks of 256 in groups of 16 or 32 with small integer scales under a float16 scale d of the
 * block, and in Q2_K, Q4_K, Q5_K small integer minima under a float16 dmin: (d·scale)·q − (dmin·minimum); Q3_K, Q6_K:
 * (d·scale)·(q − middle).
 */
import { halfTable } from "../halves.ts";
import type { CodedType } from "./coded.ts";

const VALUES = 256;

/** 16 bytes of scale (low nibble) and minimum (high); 64 of 2-bit codes, four planes of 32 values a half; d, dmin. */
export const q2K: CodedType = {
  group: 16,
  bits: 2,
  middle: 0,
  hasMinima: true,
  read(bytes, codes, scales, minima) {
    const halves = halfTable();
    for (let at = 0, to = 0; at < bytes.length; at += 84, to += VALUES) {
      const d = halves[bytes[at + 80] | (bytes[at + 81] << 8)];
      const dmin = halves[bytes[at + 82] | (bytes[at + 83] << 8)];
      for (let group = 0; group < 16; group++) {
        const packed = bytes[at + group];
        scales[to / 16 + group] = d * (packed & 15);
        minima[to / 16 + group] = -(dmin * (packed >> 4));
        const from = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
        const shift = ((group >> 1) & 3) * 2;
        const out = to + group * 16;
        for (let j = 0; j < 16; j++) codes[out + j] = (bytes[from + j] >> shift) & 3;
      }
    }
  },
};

/**
 * 32 bytes of third bits (clear: minus 4); 64 of 2-bit codes; 12 of 6-bit scales, low nibbles then pairs of bits; d.
 */
export const q3K: CodedType = {
  group: 16,
  bits: 3,
  middle: 4,
  hasMinima: false,
  read(bytes, codes, scales) {
    const halves = halfTable();
    for (let at = 0, to = 0; at < bytes.length; at += 110, to += VALUES) {
      const d = halves[bytes[at + 108] | (bytes[at + 109] << 8)];
      const packed = at + 96;
      for (let group = 0; group < 16; group++) {
        const low = (bytes[packed + (group & 7)] >> (4 * (group >> 3))) & 15;
        const high = (bytes[packed + 8 + (group & 3)] >> (2 * (group >> 2))) & 3;
        scales[to / 16 + group] = d * ((low | (high << 4)) - 32);
        const from = at + 32 + (group >> 3) * 32 + (group & 1) * 16;
        const thirds = at + (group & 1) * 16;
        const plane = group >> 1;
        const shift = (plane & 3) * 2;
        const out = to + group * 16;
        for (let j = 0; j < 16; j++)
          codes[out + j] = ((bytes[from + j] >> shift) & 3) | (((bytes[thirds + j] >> plane) & 1) << 2);
      }
    }
  },
};

/** The 6-bit scale of one of eight groups from the 12 bytes that hold scales and minima. */
const scaleOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4 ? bytes[at + group] & 63 : (bytes[at + group + 4] & 15) | ((bytes[at + group - 4] >> 6) << 4);

/** The 6-bit minimum of the same. */
const minimumOf = (bytes: Uint8Array, at: number, group: number): number =>
  group < 4 ? bytes[at + group + 4] & 63 : (bytes[at + group + 4] >> 4) | ((bytes[at + group] >> 6) << 4);

/** Scales and minima of a block's eight groups, from the bytes that it begins with: d, dmin, and 12 of small integers. */
function scalesAndMinima(bytes: Uint8Array, at: number, scales: Float32Array, minima: Float32Array, to: number): void {
  const halves = halfTable();
  const d = halves[bytes[at] | (bytes[at + 1] << 8)];
  const dmin = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
  for (let group = 0; group < 8; group++) {
    scales[to + group] = d * scaleOf(bytes, at + 4, group);
    minima[to + group] = -(dmin * minimumOf(bytes, at + 4, group));
  }
}

/** d, dmin; 12 bytes of scales and minima; 128 of 4-bit codes: of 64 values the lower nibbles are the first 32. */
export const q4K: CodedType = {
  group: 32,
  bits: 4,
  middle: 0,
  hasMinima: true,
  read(bytes, codes, scales, minima) {
    for (let at = 0, to = 0; at < bytes.length; at += 144, to += VALUES) {
      scalesAndMinima(bytes, at, scales, minima, to / 32);
      for (let group = 0; group < 8; group++) {
        const from = at + 16 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        const out = to + group * 32;
        for (let j = 0; j < 32; j++) codes[out + j] = (bytes[from + j] >> shift) & 15;
      }
    }
  },
};

/** Q4_K with 32 bytes of fifth bits before the codes: bit g of byte j is of value j of group g. */
export const q5K: CodedType = {
  group: 32,
  bits: 5,
  middle: 0,
  hasMinima: true,
  read(bytes, codes, scales, minima) {
    for (let at = 0, to = 0; at < bytes.length; at += 176, to += VALUES) {
      scalesAndMinima(bytes, at, scales, minima, to / 32);
      for (let group = 0; group < 8; group++) {
        const from = at + 48 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        const out = to + group * 32;
        for (let j = 0; j < 32; j++)
          codes[out + j] = ((bytes[from + j] >> shift) & 15) | (((bytes[at + 16 + j] >> group) & 1) << 4);
      }
    }
  },
};

/** 128 bytes of low nibbles, 64 of 2-bit high parts, 16 signed scales, d; halves of 128 values. */
export const q6K: CodedType = {
  group: 16,
  bits: 6,
  middle: 32,
  hasMinima: false,
  read(bytes, codes, scales) {
    const halves = halfTable();
    for (let at = 0, to = 0; at < bytes.length; at += 210, to += VALUES) {
      const d = halves[bytes[at + 208] | (bytes[at + 209] << 8)];
      for (let group = 0; group < 16; group++) {
        scales[to / 16 + group] = d * ((bytes[at + 192 + group] << 24) >> 24);
        const half = group >> 3;
        const plane = (group >> 1) & 3; // 32 values each
        const low = at + half * 64 + (plane & 1) * 32 + (group & 1) * 16;
        const high = at + 128 + half * 32 + (group & 1) * 16;
        const lowShift = (plane >> 1) * 4;
        const highShift = plane * 2;
        const out = to + group * 16;
        for (let j = 0; j < 16; j++)
          codes[out + j] = ((bytes[low + j] >> lowShift) & 15) | (((bytes[high + j] >> highShift) & 3) << 4);
      }
    }
  },
};
