/**
 * Blocks of quantised values as float32, equal to what ggml's own `to_float` gives to the last bit: every product and
 * sum is rounded to float32 where ggml's is. The families of types are in files of their own beside this one; here is
 * which is which. Memory: the values asked for, and a byte and a quarter more for each of a type of codes.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { iq4Nl, iq4Xs, mxfp4, nvfp4 } from "./codebooks.ts";
import { type CodedType, decoderOf } from "./coded.ts";
import { iq1M, iq1S } from "./iq1.ts";
import { iq2S, iq2Xs, iq2Xxs } from "./iq2.ts";
import { iq3S, iq3Xxs } from "./iq3.ts";
import { q2K, q3K, q4K, q5K, q6K } from "./k-quants.ts";
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from "./legacy.ts";
import { tq1_0, tq2_0 } from "./ternary.ts";
import { BLOCKS, type BlockType, type Decoder } from "./types.ts";

/** Types that are codes under scales. */
export const CODED: Readonly<Partial<Record<BlockType, CodedType>>> = {
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q8_0: q8_0,
  Q2_K: q2K,
  Q3_K: q3K,
  Q4_K: q4K,
  Q5_K: q5K,
  Q6_K: q6K,
};

const OTHERS: Readonly<Partial<Record<BlockType, Decoder>>> = {
  IQ1_S: iq1S,
  IQ1_M: iq1M,
  IQ2_XXS: iq2Xxs,
  IQ2_XS: iq2Xs,
  IQ2_S: iq2S,
  IQ3_XXS: iq3Xxs,
  IQ3_S: iq3S,
  IQ4_NL: iq4Nl,
  IQ4_XS: iq4Xs,
  TQ1_0: tq1_0,
  TQ2_0: tq2_0,
  MXFP4: mxfp4,
  NVFP4: nvfp4,
};

function decoder(type: BlockType): Decoder {
  const coded = CODED[type];
  return coded ? decoderOf(type, coded) : OTHERS[type]!;
}

/**
 * The values of whole blocks.
 * @returns as many float32 as the blocks hold
 * @throws LossyscopeError `model` where the bytes are no whole number of blocks
 */
export function dequantise(type: BlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const block = BLOCKS[type];
  if (bytes.length % block.bytes !== 0)
    throw new LossyscopeError(
      "model",
      `${count(bytes.length)} bytes are no whole number of ${type} blocks of ${block.bytes}`,
      "fetch or write the file again",
    );
  const values = new Float32Array((bytes.length / block.bytes) * block.values);
  decoder(type)(bytes, values);
  return values;
}
