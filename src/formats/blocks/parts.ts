/**
 * What a block is made of, in order: float16 scales and minima, and stretches of bytes that hold one kind of thing, by
 * the names that the families of types have for them (`legacy.ts` and the rest).
 */
import type { BlockType } from "./types.ts";

export interface BlockPart {
  /** `half`: a float16 number; else so many bytes of one kind */
  readonly kind: "half" | "codes" | "high" | "scales" | "signs";
  readonly bytes: number;
}

const half: BlockPart = { kind: "half", bytes: 2 };
const codes = (bytes: number): BlockPart => ({ kind: "codes", bytes });
/** upper bits of codes that do not fit beside the lower ones */
const high = (bytes: number): BlockPart => ({ kind: "high", bytes });
const scales = (bytes: number): BlockPart => ({ kind: "scales", bytes });
const signs = (bytes: number): BlockPart => ({ kind: "signs", bytes });

export const BLOCK_PARTS: Readonly<Record<BlockType, readonly BlockPart[]>> = {
  Q4_0: [half, codes(16)],
  Q4_1: [half, half, codes(16)],
  Q5_0: [half, high(4), codes(16)],
  Q5_1: [half, half, high(4), codes(16)],
  Q8_0: [half, codes(32)],
  Q2_K: [scales(16), codes(64), half, half],
  Q3_K: [high(32), codes(64), scales(12), half],
  Q4_K: [half, half, scales(12), codes(128)],
  Q5_K: [half, half, scales(12), high(32), codes(128)],
  Q6_K: [codes(128), high(64), scales(16), half],
  IQ1_S: [half, codes(32), high(16)],
  IQ1_M: [codes(32), high(16), scales(8)],
  IQ2_XXS: [half, codes(64)],
  IQ2_XS: [half, codes(64), scales(8)],
  IQ2_S: [half, codes(32), signs(32), high(8), scales(8)],
  IQ3_XXS: [half, codes(64), scales(32)],
  IQ3_S: [half, codes(64), high(8), signs(32), scales(4)],
  IQ4_NL: [half, codes(16)],
  IQ4_XS: [half, scales(6), codes(128)],
  TQ1_0: [codes(48), high(4), half],
  TQ2_0: [codes(64), half],
  MXFP4: [scales(1), codes(16)],
  NVFP4: [scales(4), codes(32)],
};

/** Where in a block its float16 numbers begin. */
export function halvesOf(type: BlockType): readonly number[] {
  let at = 0;
  return BLOCK_PARTS[type].flatMap(({ kind, bytes }) => {
    const begin = at;
    at += bytes;
    return kind === "half" ? [begin] : [];
  });
}
