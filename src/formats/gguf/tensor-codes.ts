/**
 * Types of tensors by the numbers that GGUF files give them (`ggml_type`): those that are read, and the names of the
 * others.
 */
import type { Dtype } from "../tensor-types.ts";

const READ: readonly (readonly [code: number, type: Dtype])[] = [
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [6, "Q5_0"],
  [7, "Q5_1"],
  [8, "Q8_0"],
  [10, "Q2_K"],
  [11, "Q3_K"],
  [12, "Q4_K"],
  [13, "Q5_K"],
  [14, "Q6_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [20, "IQ4_NL"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [23, "IQ4_XS"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [30, "BF16"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
  [40, "NVFP4"],
];

/** What the format has or had besides. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  [4, "Q4_2, which the format no longer has"],
  [5, "Q4_3, which the format no longer has"],
  [9, "Q8_1, which no file should have"],
  [15, "Q8_K, which no file should have"],
  [31, "Q4_0_4_4, which the format no longer has"],
  [32, "Q4_0_4_8, which the format no longer has"],
  [33, "Q4_0_8_8, which the format no longer has"],
  [36, "IQ4_NL_4_4, which the format no longer has"],
  [37, "IQ4_NL_4_8, which the format no longer has"],
  [38, "IQ4_NL_8_8, which the format no longer has"],
  [41, "Q1_0, which is not read"],
  [42, "Q2_0, which is not read"],
]);

const TYPES: ReadonlyMap<number, Dtype> = new Map(READ);
const CODES: ReadonlyMap<Dtype, number> = new Map(READ.map(([code, type]) => [type, code]));

/** @returns undefined for a type that is not read */
export const typeOfCode = (code: number): Dtype | undefined => TYPES.get(code);
/** @returns undefined for a type that GGUF has no number for */
export const codeOfType = (type: Dtype): number | undefined => CODES.get(type);
/** What a code that is not read stands for. */
export const otherCode = (code: number): string => OTHERS.get(code) ?? "which is not known";
