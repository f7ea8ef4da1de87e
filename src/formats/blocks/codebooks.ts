/**
 * Types whose 4-bit code is a place in a list of 16 values: IQ4_NL and IQ4_XS (a list of ggml's, denser around zero),
 * MXFP4 and NVFP4 (float4 E2M1, twice its values, so that they are whole). Of a byte the lower nibble is value j, the
 * upper one of the second half of its stretch.
 */
import { halfTable } from "../halves.ts";
import type { Decoder } from "./types.ts";

const fround = Math.fround;
const NONLINEAR = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const E2M1_TWICE = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** A stretch of twice so many values, from as many bytes of codes. */
function lookUp(
  bytes: Uint8Array,
  codes: number,
  count: number,
  list: Int8Array,
  scale: number,
  values: Float32Array,
  to: number,
): void {
  for (let j = 0; j < count; j++) {
    const q = bytes[codes + j];
    values[to + j] = scale * list[q & 15];
    values[to + count + j] = scale * list[q >> 4];
  }
}

/** Blocks of 32: float16 scale d, 16 bytes of codes. */
export const iq4Nl: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 18, to += 32) {
    lookUp(bytes, at + 2, 16, NONLINEAR, halves[bytes[at] | (bytes[at + 1] << 8)], values, to);
  }
};

/** Blocks of 256 in groups of 32: d; 2 high bits of every group's scale in a u16, 4 low ones in nibbles; codes. */
export const iq4Xs: Decoder = (bytes, values) => {
  const halves = halfTable();
  for (let at = 0, to = 0; at < bytes.length; at += 136, to += 256) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    const high = bytes[at + 2] | (bytes[at + 3] << 8);
    for (let group = 0; group < 8; group++) {
      const low = (bytes[at + 4 + (group >> 1)] >> (4 * (group & 1))) & 15;
      const scale = fround(d * ((low | (((high >> (2 * group)) & 3) << 4)) - 32));
      lookUp(bytes, at + 8 + group * 16, 16, NONLINEAR, scale, values, to + group * 32);
    }
  }
};

/** Half of 2^(e − 127) for every e of a byte: what a value of twice E2M1 is multiplied by. */
const HALF_E8M0 = Float32Array.from({ length: 256 }, (_, e) => 2 ** (e - 128));

/** Blocks of 32: a scale of E8M0, 16 bytes of codes (OCP Microscaling Formats 1.0). */
export const mxfp4: Decoder = (bytes, values) => {
  for (let at = 0, to = 0; at < bytes.length; at += 17, to += 32) {
    lookUp(bytes, at + 1, 16, E2M1_TWICE, HALF_E8M0[bytes[at]], values, to);
  }
};

/** Half of every E4M3 without its sign; ggml takes the pattern of NaN for zero. */
const HALF_E4M3 = Float32Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x7f) return 0;
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  return exponent === 0 ? mantissa * 2 ** -10 : (1 + mantissa / 8) * 2 ** (exponent - 8);
});

/** Blocks of 64 in groups of 16: four scales of E4M3, then 8 bytes of codes a group. */
export const nvfp4: Decoder = (bytes, values) => {
  for (let at = 0, to = 0; at < bytes.length; at += 36, to += 64) {
    for (let group = 0; group < 4; group++) {
      lookUp(bytes, at + 4 + group * 8, 8, E2M1_TWICE, HALF_E4M3[bytes[at + group]], values, to + group * 16);
    }
  }
};
