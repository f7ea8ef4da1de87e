/**
 * What values would take entropy-coded (METHODS §1.2): Σ n·H over the fields of a stored type, as if every field had an ideal
 * code of its own. Fields are cut from 16-bit words: bf16 exponent 8 bits | sign+mantissa 8; f16 sign+exponent 6 | mantissa
 * 10; f32 exponent 8 | sign+7 high mantissa bits | each low byte. Of a block, every float16 number is cut as f16, and every
 * stretch of codes, scales or signs is a field of bytes; values of any other type cost their bytes.
 *
 * Exact; memory 2 MiB whatever the tensor.
 */
import { BLOCK_PARTS, halvesOf } from "./blocks/parts.ts";
import { BLOCKS, type BlockType, isBlockType } from "./blocks/types.ts";
import type { Dtype } from "./tensor-types.ts";

const WORDS = 1 << 16;

/** A field of a word, as the number its bits make. */
type Field = (word: number) => number;

const exponent: Field = (word) => (word >> 7) & 0xff;
const signAndMantissa: Field = (word) => ((word >> 8) & 0x80) | (word & 0x7f);
const highByte: Field = (word) => word >> 8;
const lowByte: Field = (word) => word & 0xff;

/** Fields of the words a value is stored in, first word first (little-endian: the low half of a float32). */
const FIELDS: Readonly<Partial<Record<Dtype, readonly (readonly Field[])[]>>> = {
  BF16: [[exponent, signAndMantissa]],
  F16: [[(word) => word >> 10, (word) => word & 0x3ff]],
  F32: [
    [highByte, lowByte],
    [exponent, signAndMantissa],
  ],
};

/** The bits of a value's highest word that are all set where it is NaN or infinite: its exponent. */
const NON_FINITE: Readonly<Partial<Record<Dtype, number>>> = { BF16: 0x7f80, F16: 0x7c00, F32: 0x7f80 };

/** The values of one tensor, counted piece by piece. */
export interface CodedCounts {
  /** values that are NaN or infinite, or in blocks that have such a number */
  readonly nonFinite: number;
  /** @param bytes whole values, or whole blocks, in a buffer of their own */
  add(bytes: Uint8Array): void;
  /** of all that was added, not rounded */
  bits(): number;
}

/** Whether values of a type have fields that are counted; others cost their bytes. */
export const hasFields = (dtype: Dtype): boolean => isBlockType(dtype) || FIELDS[dtype] !== undefined;

/** For a type that has fields. */
export function codedCounts(dtype: Dtype): CodedCounts {
  if (isBlockType(dtype)) return new BlockCounts(dtype);
  return new WordCounts(FIELDS[dtype]!, NON_FINITE[dtype]!);
}

class WordCounts implements CodedCounts {
  readonly #fields: readonly (readonly Field[])[];
  readonly #mask: number;
  readonly #counts: readonly Float64Array[];

  constructor(fields: readonly (readonly Field[])[], mask: number) {
    this.#fields = fields;
    this.#mask = mask;
    this.#counts = fields.map(() => new Float64Array(WORDS));
  }

  get nonFinite(): number {
    const mask = this.#mask;
    return this.#counts.at(-1)!.reduce((sum, count, word) => ((word & mask) === mask ? sum + count : sum), 0);
  }

  add(bytes: Uint8Array): void {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    const stride = this.#counts.length;
    this.#counts.forEach((count, place) => {
      for (let i = place; i < words.length; i += stride) count[words[i]]++;
    });
  }

  bits(): number {
    return codedBits(this.#counts, this.#fields);
  }
}

/** What of every part of a tensor's blocks comes how often. */
class BlockCounts implements CodedCounts {
  nonFinite = 0;
  readonly #type: BlockType;
  /** of every part: by word for a float16 number, else by byte */
  readonly #counts: readonly Float64Array[];

  constructor(type: BlockType) {
    this.#type = type;
    this.#counts = BLOCK_PARTS[type].map(({ kind }) => new Float64Array(kind === "half" ? WORDS : 256));
  }

  add(bytes: Uint8Array): void {
    const { values, bytes: size } = BLOCKS[this.#type];
    const mask = NON_FINITE.F16!;
    const halves = halvesOf(this.#type);
    const word = (at: number): number => bytes[at] | (bytes[at + 1] << 8);
    let begin = 0;
    for (const [index, part] of BLOCK_PARTS[this.#type].entries()) {
      const counts = this.#counts[index];
      if (part.kind === "half") for (let at = begin; at < bytes.length; at += size) counts[word(at)]++;
      else
        for (let at = begin; at < bytes.length; at += size)
          for (let i = at; i < at + part.bytes; i++) counts[bytes[i]]++;
      begin += part.bytes;
    }
    for (let at = 0; at < bytes.length; at += size)
      if (halves.some((half) => (word(at + half) & mask) === mask)) this.nonFinite += values;
  }

  bits(): number {
    return this.#counts.reduce(
      (bits, counts) => bits + (counts.length === WORDS ? codedBits([counts], FIELDS.F16!) : entropyBits(counts)),
      0,
    );
  }
}

function codedBits(counts: readonly Float64Array[], fields: readonly (readonly Field[])[]): number {
  let bits = 0;
  fields.forEach((ofWord, place) => {
    for (const field of ofWord) {
      const marginal = new Float64Array(1024);
      counts[place].forEach((count, word) => {
        marginal[field(word)] += count;
      });
      bits += entropyBits(marginal);
    }
  });
  return bits;
}

/** n·H of a histogram, in bits. */
export function entropyBits(counts: Float64Array): number {
  let n = 0;
  let sum = 0;
  for (const count of counts) {
    n += count;
    if (count > 0) sum += count * Math.log2(count);
  }
  return n > 0 ? n * Math.log2(n) - sum : 0;
}
