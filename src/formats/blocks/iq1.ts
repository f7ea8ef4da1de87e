/**
 * The IQ1 types of ggml, blocks of 256: vectors of eight values −1, 0 and 1 from a grid (`iq-grids.ts`), all moved by
 * an eighth up or down, under 3-bit scales: d·(2·scale + 1)·(value ± ⅛).
 */
import { halfTable } from "../halves.ts";
import { iq1Grid } from "./iq-grids.ts";
import type { Decoder } from "./types.ts";

const VALUES = 256;
const fround = Math.fround;
const SHIFT = 0.125;

function moved(values: Float32Array, to: number, scale: number, grid: Int8Array, vector: number, shift: number): void {
  for (let j = 0; j < 8; j++) values[to + j] = scale * (grid[vector * 8 + j] + shift);
}

/** d; 32 low bytes of places; for every 32 values a u16: 3 high bits of each place, the scale, the direction. */
export const iq1S: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq1Grid().values;
  for (let at = 0, to = 0; at < bytes.length; at += 50, to += VALUES) {
    const d = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let group = 0; group < 8; group++) {
      const word = bytes[at + 34 + group * 2] | (bytes[at + 35 + group * 2] << 8);
      const scale = fround(d * (2 * ((word >> 12) & 7) + 1));
      const shift = word & 0x8000 ? -SHIFT : SHIFT;
      for (let vector = 0; vector < 4; vector++) {
        const place = bytes[at + 2 + group * 4 + vector] | (((word >> (3 * vector)) & 7) << 8);
        moved(values, to + group * 32 + vector * 8, scale, grid, place, shift);
      }
    }
  }
};

/**
 * 32 low bytes of places; 16 of nibbles: 3 high bits of a place and its direction; four u16 of 3-bit scales, one for
 * every 16 values, whose highest four bits together are d.
 */
export const iq1M: Decoder = (bytes, values) => {
  const halves = halfTable();
  const grid = iq1Grid().values;
  for (let at = 0, to = 0; at < bytes.length; at += 56, to += VALUES) {
    const scales = at + 48;
    const top = (word: number): number => bytes[scales + 2 * word + 1] >> 4;
    const d = halves[top(0) | (top(1) << 4) | (top(2) << 8) | (top(3) << 12)];
    for (let vector = 0; vector < 32; vector++) {
      const sixteen = vector >> 1;
      const word = bytes[scales + 2 * (sixteen >> 2)] | (bytes[scales + 2 * (sixteen >> 2) + 1] << 8);
      const scale = fround(d * (2 * ((word >> (3 * (sixteen & 3))) & 7) + 1));
      const nibble = (bytes[at + 32 + sixteen] >> (4 * (vector & 1))) & 15;
      const place = bytes[at + vector] | ((nibble & 7) << 8);
      moved(values, to + vector * 8, scale, grid, place, nibble & 8 ? -SHIFT : SHIFT);
    }
  }
};
