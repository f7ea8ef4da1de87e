/**
 * The IQ3 types of ggml, blocks of 256: vectors of four magnitudes from a grid (`iq-grids.ts`) with their signs, in
 * groups of 32 under 4-bit scales.
 */
import { halfTable } from "../halves.ts";
import { iq3sGrid, iq3xxsGrid } from "./iq-grids.ts";
import { EVEN_SIGNS, signed } from "./signs.ts";
import type { Decoder } from "./types.ts";

const VALUES = 256;
const fround = Math.fround;

/**
 * d; 64 places in the grid; for every 32 values a u32: 7 bits of signs for each 8, the scale on top. d·(½ + scale)/2
 */
export const iq3Xxs: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq3xxsGrid();
  for (let at = 0, to = 0; at < bytes.length; at += 98, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let group = 0; group < 8; group++) {
      const from = at + 66 + group * 4;
      const word = bytes[from] | (bytes[from + 1] << 8) | (bytes[from + 2] << 16) | (bytes[from + 3] << 24);
      const scale = fround(fround(d * (0.5 + (word >>> 28))) * 0.5);
      for (let vector = 0; vector < 8; vector++) {
        const signs = EVEN_SIGNS[(word >>> (7 * (vector >> 1))) & 127];
        const place = bytes[at + 2 + group * 8 + vector];
        signed(values, to + group * 32 + vector * 4, scale, grid, place, signs, 4 * (vector & 1));
      }
    }
  }
};

/**
 * d; 64 low bytes of places; 8 bytes of their ninth bits; 32 of signs; 4 of scales, a nibble a group. d·(1 + 2·scale)
 */
export const iq3S: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq3sGrid();
  for (let at = 0, to = 0; at < bytes.length; at += 110, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let vector = 0; vector < 64; vector++) {
      const group = vector >> 3;
      const scale = fround(d * (1 + 2 * ((bytes[at + 106 + (group >> 1)] >> (4 * (group & 1))) & 15)));
      const ninth = (bytes[at + 66 + group] >> (vector & 7)) & 1;
      const place = bytes[at + 2 + vector] | (ninth << 8);
      signed(values, to + vector * 4, scale, grid, place, bytes[at + 74 + (vector >> 1)], 4 * (vector & 1));
    }
  }
};
