/**
 * The IQ2 types of ggml, blocks of 256: vectors of eight magnitudes from a grid (`iq-grids.ts`) with their signs, in
 * groups of 32 or 16 under 4-bit scales: d·(½ + scale)/4.
 */
import { halfTable } from "../halves.ts";
import { iq2sGrid, iq2xsGrid, iq2xxsGrid } from "./iq-grids.ts";
import { EVEN_SIGNS, signed } from "./signs.ts";
import type { Decoder } from "./types.ts";

const VALUES = 256;
const fround = Math.fround;
const scaled = (d: number, scale: number): number => fround(fround(d * (0.5 + scale)) * 0.25);

/** d; for every 32 values four places in the grid, then a u32: 7 bits of signs for each, and the scale on top. */
export const iq2Xxs: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq2xxsGrid();
  for (let at = 0, to = 0; at < bytes.length; at += 66, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let group = 0; group < 8; group++) {
      const from = at + 2 + group * 8;
      const word = bytes[from + 4] | (bytes[from + 5] << 8) | (bytes[from + 6] << 16) | (bytes[from + 7] << 24);
      const scale = scaled(d, word >>> 28);
      for (let vector = 0; vector < 4; vector++) {
        const signs = EVEN_SIGNS[(word >>> (7 * vector)) & 127];
        signed(values, to + group * 32 + vector * 8, scale, grid, bytes[from + vector], signs);
      }
    }
  }
};

/** d; 32 u16 of 9 bits of place and 7 of signs; 8 bytes of scales, a nibble for every 16 values. */
export const iq2Xs: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq2xsGrid();
  for (let at = 0, to = 0; at < bytes.length; at += 74, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let vector = 0; vector < 32; vector++) {
      const word = bytes[at + 2 + vector * 2] | (bytes[at + 3 + vector * 2] << 8);
      const scale = scaled(d, (bytes[at + 66 + (vector >> 2)] >> (4 * ((vector >> 1) & 1))) & 15);
      signed(values, to + vector * 8, scale, grid, word & 511, EVEN_SIGNS[word >> 9]);
    }
  }
};

/**
 * d; 32 low bytes of places; 32 bytes of signs; 8 bytes of two high bits each; 8 of scales, a nibble for every 16
 * values.
 */
export const iq2S: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq2sGrid();
  for (let at = 0, to = 0; at < bytes.length; at += 82, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let vector = 0; vector < 32; vector++) {
      const high = (bytes[at + 66 + (vector >> 2)] >> (2 * (vector & 3))) & 3;
      const scale = scaled(d, (bytes[at + 74 + (vector >> 2)] >> (4 * ((vector >> 1) & 1))) & 15);
      signed(values, to + vector * 8, scale, grid, bytes[at + 2 + vector] | (high << 8), bytes[at + 34 + vector]);
    }
  }
};
