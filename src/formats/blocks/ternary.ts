/** Types of three values, −d, 0 and d, in blocks of 256 with a float16 scale d behind the codes. */
import { halfTable } from "../halves.ts";
import type { Decoder } from "./types.ts";

const VALUES = 256;

/**
 * Five values a byte, as a fraction of 256 in base 3: the next digit is the whole part of three times it. 32 bytes of 5
 * values, 16 of 5, 4 of 4; the n-th digits of a stretch of bytes stand together.
 */
const STRETCHES = [
  { begin: 0, bytes: 32, digits: 5 },
  { begin: 32, bytes: 16, digits: 5 },
  { begin: 48, bytes: 4, digits: 4 },
] as const;
const POWERS = [1, 3, 9, 27, 81] as const;

export const tq1_0: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 54) {
    const d = halves[bytes[at + 52] | (bytes[at + 53] << 8)];
    for (const stretch of STRETCHES) {
      for (let digit = 0; digit < stretch.digits; digit++) {
        for (let j = 0; j < stretch.bytes; j++) {
          const left = (bytes[at + stretch.begin + j] * POWERS[digit]) & 255;
          values[to++] = d * (((left * 3) >> 8) - 1);
        }
      }
    }
  }
};

/** 64 bytes of 2-bit codes, four planes of 32 values a half. */
export const tq2_0: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 66, to += VALUES) {
    const d = halves[bytes[at + 64] | (bytes[at + 65] << 8)];
    for (let plane = 0; plane < 8; plane++) {
      const codes = at + (plane >> 2) * 32;
      const shift = (plane & 3) * 2;
      for (let j = 0; j < 32; j++) values[to + plane * 32 + j] = d * (((bytes[codes + j] >> shift) & 3) - 1);
    }
  }
};
