/**
 * Entropy-coded bytes of the weights (METHODS §1.2): per tensor Σ n·H over the fields of its values, as if every field
 * had an ideal code of its own. Fields are cut from 16-bit words: bf16 exponent 8 bits | sign+mantissa 8; f16
 * sign+exponent 6 | mantissa 10; f32 exponent 8 | sign+7 high mantissa bits | each low byte. Of a block, every float16
 * number is cut as f16, and every stretch of codes, scales or signs is a field of bytes; values of any other type cost
 * their bytes.
 *
 * One pass: a histogram of the whole words of a tensor, from which those of the fields follow. Exact; memory 8 MiB
 * whatever the tensor.
 */
import { BLOCK_PARTS, halvesOf } from "../formats/blocks/parts.ts";
import { BLOCKS, type BlockType, isBlockType } from "../formats/blocks/types.ts";
import type { Dtype } from "../formats/tensor-types.ts";
import { piecesOf, type TensorSource } from "./sources/tensor-source.ts";
import { isBuffer } from "./weights.ts";

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

export interface EntropyOptions {
  /** bytes read so far, of how many */
  readonly onProgress?: (done: number, total: number) => void;
  /** told of every tensor that holds NaN or infinity, and of how many values they are */
  readonly onNonFinite?: (tensor: string, values: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Counts the bytes that the weights would take if their values were entropy-coded.
 * @returns bytes, buffers left out, not rounded
 * @throws LossyscopeError `io` where a file cannot be read; `interrupted`
 */
export async function entropyCodedBytes(source: TensorSource, options: EntropyOptions = {}): Promise<number> {
  const weights = source.stored ?? source;
  const tensors = [...weights.names()]
    .map((name) => ({ name, ...weights.locate(name)! }))
    .filter((tensor) => !isBuffer(tensor.name, tensor))
    .sort((a, b) => (a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1));
  const total = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  let coded = 0;
  for (const { name, dtype, bytes } of tensors) {
    const onBytes = (read: number): void => options.onProgress?.((done += read), total);
    if (isBlockType(dtype)) {
      const blocks = new BlockCounts(dtype);
      for await (const piece of piecesOf(weights, name, options.signal)) {
        blocks.add(piece);
        onBytes(piece.length);
      }
      coded += blocks.bits() / 8;
      if (blocks.nonFinite > 0) options.onNonFinite?.(name, blocks.nonFinite);
      continue;
    }
    const fields = FIELDS[dtype];
    if (!fields) {
      coded += bytes;
      options.onProgress?.((done += bytes), total);
      continue;
    }
    const counts = fields.map(() => new Float64Array(WORDS));
    for await (const piece of piecesOf(weights, name, options.signal)) {
      countWords(new Uint16Array(piece.buffer), counts);
      options.onProgress?.((done += piece.length), total);
    }
    coded += codedBits(counts, fields) / 8;
    const mask = NON_FINITE[dtype]!;
    const bad = counts.at(-1)!.reduce((sum, count, word) => ((word & mask) === mask ? sum + count : sum), 0);
    if (bad > 0) options.onNonFinite?.(name, bad);
  }
  return coded;
}

/** What of every part of a tensor's blocks comes how often. */
class BlockCounts {
  /** values in blocks that have a number which is NaN or infinite */
  nonFinite = 0;
  readonly #type: BlockType;
  /** of every part: by word for a float16 number, else by byte */
  readonly #counts: readonly Float64Array[];

  constructor(type: BlockType) {
    this.#type = type;
    this.#counts = BLOCK_PARTS[type].map(({ kind }) => new Float64Array(kind === "half" ? WORDS : 256));
  }

  /** @param bytes whole blocks */
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

/** Adds the words of whole values to the histogram of their place in the value. */
function countWords(words: Uint16Array, counts: readonly Float64Array[]): void {
  const stride = counts.length;
  counts.forEach((count, place) => {
    for (let i = place; i < words.length; i += stride) count[words[i]]++;
  });
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
function entropyBits(counts: Float64Array): number {
  let n = 0;
  let sum = 0;
  for (const count of counts) {
    n += count;
    if (count > 0) sum += count * Math.log2(count);
  }
  return n > 0 ? n * Math.log2(n) - sum : 0;
}
