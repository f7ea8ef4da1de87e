/**
 * Float32 values as blocks of ggml's types, for those that are written as well as read: what `dequantise.ts` reads. Bytes
 * are not ggml's own, errors are no larger: scales are found by least squares (`fit.ts`) and rounded to what the block can
 * hold before the codes are taken. Nothing is allocated but the bytes and a block's scales.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { halfBits, halfTable } from "../halves.ts";
import { type Affine, affineFit, clamped, nearest, symmetricScale } from "./fit.ts";
import { BLOCKS, type BlockType } from "./types.ts";

/** Types that are written. */
export const WRITTEN_BLOCKS = [
  "Q8_0",
  "Q6_K",
  "Q5_K",
  "Q4_K",
  "Q4_0",
  "Q3_K",
  "Q2_K",
] as const satisfies readonly BlockType[];
export type WrittenBlock = (typeof WRITTEN_BLOCKS)[number];

/** Writes the block at `to` from the values at `from`. */
type Encoder = (values: Float32Array, from: number, bytes: Uint8Array, to: number) => void;

/** Writes a float16 and gives what it holds. @throws LossyscopeError `model` where it is beyond the type */
function putHalf(value: number, bytes: Uint8Array, at: number): number {
  const half = halfBits(value);
  if ((half & 0x7c00) === 0x7c00)
    throw new LossyscopeError(
      "model",
      `a scale of ${value} is beyond float16, whose largest number is 65,504`,
      "leave the matrix as it is, or choose a type of larger scales",
    );
  bytes[at] = half & 0xff;
  bytes[at + 1] = half >> 8;
  return halfTable()[half];
}

/** x / scale for a scale that may be 0: the code is then of no account. */
const inverseOf = (scale: number): number => (scale === 0 ? 0 : 1 / scale);

const q8_0: Encoder = (values, from, bytes, to) => {
  let largest = 0;
  for (let j = 0; j < 32; j++) largest = Math.max(largest, Math.abs(values[from + j]));
  const inverse = inverseOf(putHalf(largest / 127, bytes, to));
  for (let j = 0; j < 32; j++) bytes[to + 2 + j] = clamped(nearest(values[from + j] * inverse), -127, 127) & 0xff;
};

const q4_0: Encoder = (values, from, bytes, to) => {
  const inverse = inverseOf(putHalf(symmetricScale(values, from, 32, 8), bytes, to));
  const code = (x: number): number => clamped(nearest(x * inverse), -8, 7) + 8;
  for (let j = 0; j < 16; j++) bytes[to + 2 + j] = code(values[from + j]) | (code(values[from + 16 + j]) << 4);
};

/** Of the groups of one block, at most 16. */
const scales = new Float64Array(16);
const minima = new Float64Array(16);
const steps = new Int32Array(16);
const floors = new Int32Array(16);
const codes = new Uint8Array(256);
const affine: Affine = { scale: 0, minimum: 0 };

/** Codes x ≈ (d·step)·(q − middle) for groups of 16 values; d is written at `half`. */
function signedGroups(
  values: Float32Array,
  from: number,
  bytes: Uint8Array,
  half: number,
  middle: number,
  most: number,
): void {
  let extreme = 0;
  for (let group = 0; group < 16; group++) {
    scales[group] = symmetricScale(values, from + group * 16, 16, middle);
    if (Math.abs(scales[group]) > Math.abs(extreme)) extreme = scales[group];
  }
  // Steps go one further down than up.
  const d = putHalf(extreme / -most, bytes, half);
  const inverse = inverseOf(d);
  for (let group = 0; group < 16; group++) {
    steps[group] = clamped(nearest(scales[group] * inverse), -most, most - 1);
    const code = inverseOf(d * steps[group]);
    for (let i = group * 16; i < group * 16 + 16; i++)
      codes[i] = clamped(nearest(values[from + i] * code), -middle, middle - 1) + middle;
  }
}

/**
 * Codes x ≈ (d·step)·q − dmin·floor for groups of `width` values, steps and floors to `most`; d and dmin are written
 * at `half` and behind it.
 */
function affineGroups(
  values: Float32Array,
  from: number,
  bytes: Uint8Array,
  half: number,
  width: number,
  topCode: number,
  most: number,
): void {
  const groups = 256 / width;
  let largestScale = 0;
  let largestMinimum = 0;
  for (let group = 0; group < groups; group++) {
    affineFit(values, from + group * width, width, topCode, affine);
    scales[group] = affine.scale;
    minima[group] = affine.minimum;
    largestScale = Math.max(largestScale, affine.scale);
    largestMinimum = Math.max(largestMinimum, affine.minimum);
  }
  const d = putHalf(largestScale / most, bytes, half);
  const dmin = putHalf(largestMinimum / most, bytes, half + 2);
  for (let group = 0; group < groups; group++) {
    const at = from + group * width;
    // Of the whole numbers on either side of both, those that leave the least error.
    const step = clamped(Math.floor(scales[group] * inverseOf(d)), 0, most);
    const floor = clamped(Math.floor(minima[group] * inverseOf(dmin)), 0, most);
    let least = Infinity;
    for (let other = 0; other < 4; other++) {
      const tried = Math.min(step + (other & 1), most);
      const under = Math.min(floor + (other >> 1), most);
      const error = errorOf(values, at, width, d * tried, dmin * under, topCode);
      if (error >= least) continue;
      least = error;
      steps[group] = tried;
      floors[group] = under;
    }
    const inverse = inverseOf(d * steps[group]);
    const minimum = dmin * floors[group];
    for (let i = 0; i < width; i++)
      codes[group * width + i] = clamped(nearest((values[at + i] + minimum) * inverse), 0, topCode);
  }
}

/** Σ (x − (scale·q − minimum))² for the best codes q. */
function errorOf(
  values: Float32Array,
  from: number,
  length: number,
  scale: number,
  minimum: number,
  topCode: number,
): number {
  const inverse = inverseOf(scale);
  let error = 0;
  for (let i = from; i < from + length; i++) {
    const x = values[i] + minimum;
    const off = x - scale * clamped(nearest(x * inverse), 0, topCode);
    error += off * off;
  }
  return error;
}

/** 2-bit codes, four planes of 32 values a half. */
function putPairs(bytes: Uint8Array, at: number, of: (code: number) => number): void {
  for (let half = 0; half < 2; half++)
    for (let j = 0; j < 32; j++) {
      const first = half * 128 + j;
      bytes[at + half * 32 + j] =
        of(codes[first]) | (of(codes[first + 32]) << 2) | (of(codes[first + 64]) << 4) | (of(codes[first + 96]) << 6);
    }
}

const q2K: Encoder = (values, from, bytes, to) => {
  affineGroups(values, from, bytes, to + 80, 16, 3, 15);
  for (let group = 0; group < 16; group++) bytes[to + group] = steps[group] | (floors[group] << 4);
  putPairs(bytes, to + 16, (code) => code);
};

const q3K: Encoder = (values, from, bytes, to) => {
  signedGroups(values, from, bytes, to + 108, 4, 32);
  putPairs(bytes, to + 32, (code) => code & 3);
  bytes.fill(0, to, to + 32);
  for (let i = 0; i < 256; i++) bytes[to + (i & 31)] |= (codes[i] >> 2) << (i >> 5);
  bytes.fill(0, to + 96, to + 108);
  for (let group = 0; group < 16; group++) {
    const step = steps[group] + 32;
    bytes[to + 96 + (group & 7)] |= (step & 15) << (4 * (group >> 3));
    bytes[to + 104 + (group & 3)] |= (step >> 4) << (2 * (group >> 2));
  }
};

/** 6-bit steps and floors of eight groups in 12 bytes. */
function putSteps(bytes: Uint8Array, at: number): void {
  for (let group = 0; group < 4; group++) {
    bytes[at + group] = steps[group] | ((steps[group + 4] >> 4) << 6);
    bytes[at + 4 + group] = floors[group] | ((floors[group + 4] >> 4) << 6);
    bytes[at + 8 + group] = (steps[group + 4] & 15) | ((floors[group + 4] & 15) << 4);
  }
}

/** Low nibbles: of 64 values the lower ones are the first 32. */
function putNibbles(bytes: Uint8Array, at: number): void {
  for (let pair = 0; pair < 4; pair++)
    for (let j = 0; j < 32; j++)
      bytes[at + pair * 32 + j] = (codes[pair * 64 + j] & 15) | ((codes[pair * 64 + 32 + j] & 15) << 4);
}

const q4K: Encoder = (values, from, bytes, to) => {
  affineGroups(values, from, bytes, to, 32, 15, 63);
  putSteps(bytes, to + 4);
  putNibbles(bytes, to + 16);
};

const q5K: Encoder = (values, from, bytes, to) => {
  affineGroups(values, from, bytes, to, 32, 31, 63);
  putSteps(bytes, to + 4);
  bytes.fill(0, to + 16, to + 48);
  for (let i = 0; i < 256; i++) bytes[to + 16 + (i & 31)] |= (codes[i] >> 4) << (i >> 5);
  putNibbles(bytes, to + 48);
};

const q6K: Encoder = (values, from, bytes, to) => {
  signedGroups(values, from, bytes, to + 208, 32, 128);
  for (let group = 0; group < 16; group++) bytes[to + 192 + group] = steps[group] & 0xff;
  for (let half = 0; half < 2; half++)
    for (let j = 0; j < 32; j++) {
      const [a, b, c, d] = [0, 32, 64, 96].map((plane) => codes[half * 128 + plane + j]);
      bytes[to + half * 64 + j] = (a & 15) | ((c & 15) << 4);
      bytes[to + half * 64 + 32 + j] = (b & 15) | ((d & 15) << 4);
      bytes[to + 128 + half * 32 + j] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
    }
};

const ENCODERS: Readonly<Record<WrittenBlock, Encoder>> = {
  Q8_0: q8_0,
  Q6_K: q6K,
  Q5_K: q5K,
  Q4_K: q4K,
  Q4_0: q4_0,
  Q3_K: q3K,
  Q2_K: q2K,
};

/**
 * @param values of whole blocks, all finite
 * @throws LossyscopeError `model` where they are no whole number of blocks, or a scale is beyond float16
 */
export function quantise(type: WrittenBlock, values: Float32Array): Uint8Array<ArrayBuffer> {
  const block = BLOCKS[type];
  if (values.length % block.values !== 0)
    throw new LossyscopeError(
      "model",
      `${count(values.length)} values are no whole number of ${type} blocks of ${block.values}`,
      "choose a type of smaller blocks",
    );
  const bytes = new Uint8Array((values.length / block.values) * block.bytes);
  const encode = ENCODERS[type];
  for (let from = 0, to = 0; from < values.length; from += block.values, to += block.bytes)
    encode(values, from, bytes, to);
  return bytes;
}
