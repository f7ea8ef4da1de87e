/**
 * Codes under float16 scales, as rounding makes them, in ggml's blocks of 32: Q4_0, Q5_0 and Q8_0 hold d·(q − middle) with 16,
 * 32 and 256 codes, so that symmetric codes of as many bits, or of fewer, stand in them exactly. A scale of more than 32
 * values is written once a block.
 */

export type PackedBlock = "Q4_0" | "Q5_0" | "Q8_0";

const VALUES = 32;
const MIDDLE: Readonly<Record<PackedBlock, number>> = { Q4_0: 8, Q5_0: 16, Q8_0: 0 };
const BYTES: Readonly<Record<PackedBlock, number>> = { Q4_0: 18, Q5_0: 22, Q8_0: 34 };

/** Codes as rounding has them. */
export interface ScaledCodes {
  /** [values] */
  readonly codes: Uint8Array;
  /** the code of 0 */
  readonly middle: number;
  /** [values / group] bit patterns of float16 */
  readonly scales: Uint16Array;
  /** values that share a scale, a multiple of 32 */
  readonly group: number;
}

export function packedBlocks(
  type: PackedBlock,
  { codes, middle, scales, group }: ScaledCodes,
): Uint8Array<ArrayBuffer> {
  const size = BYTES[type];
  const bytes = new Uint8Array((codes.length / VALUES) * size);
  for (let from = 0, to = 0; from < codes.length; from += VALUES, to += size) {
    const scale = scales[Math.floor(from / group)];
    bytes[to] = scale & 0xff;
    bytes[to + 1] = scale >> 8;
    const code = (j: number): number => codes[from + j] - middle + MIDDLE[type];
    if (type === "Q8_0") {
      for (let j = 0; j < VALUES; j++) bytes[to + 2 + j] = code(j) & 0xff;
      continue;
    }
    const low = type === "Q5_0" ? to + 6 : to + 2;
    for (let j = 0; j < 16; j++) bytes[low + j] = (code(j) & 15) | ((code(j + 16) & 15) << 4);
    if (type === "Q5_0") for (let j = 0; j < VALUES; j++) bytes[to + 2 + (j >> 3)] |= (code(j) >> 4) << (j & 7);
  }
  return bytes;
}
