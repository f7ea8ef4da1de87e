/**
 * Values of a GGUF file's metadata, with the types that the file gives them: numbers of every width, booleans, strings,
 * and arrays of one type. A 64-bit integer is a number where that holds it exactly and a bigint elsewhere; arrays of
 * numbers are typed arrays in the host's byte order, of booleans bytes of 0 and 1.
 */
import { count } from "../../numeric/amounts.ts";
import { swapWords } from "./byte-order.ts";
import { type Cursor, MOST_HEADER_BYTES, unsound } from "./cursor.ts";

export type GgufArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array
  | readonly string[]
  | readonly GgufArray[];

export type GgufValue = boolean | number | bigint | string | GgufArray;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
/** Lengths of strings, of which an array may have that many. */
const STRING_BYTES = 8;
/** Type and length of an array in an array. */
const ARRAY_BYTES = 12;
const DEEPEST = 4;
const MOST_ARRAYS = 1 << 16;

interface Words {
  new (buffer: ArrayBuffer): Exclude<GgufArray, readonly unknown[]>;
  readonly BYTES_PER_ELEMENT: number;
}

/** Arrays of the types that have a fixed width, by their numbers. */
const WORDS: ReadonlyMap<number, Words> = new Map<number, Words>([
  [0, Uint8Array],
  [1, Int8Array],
  [2, Uint16Array],
  [3, Int16Array],
  [4, Uint32Array],
  [5, Int32Array],
  [6, Float32Array],
  [BOOL, Uint8Array],
  [10, BigUint64Array],
  [11, BigInt64Array],
  [12, Float64Array],
]);

/**
 * The value at the cursor.
 * @param key it stands under, for messages
 * @throws LossyscopeError `model` for a type that is none, or a length that cannot be
 */
export function readValue(cursor: Cursor, key: string): GgufValue {
  const what = (): string => `the value of ${key}`;
  const type = cursor.u32(what);
  if (type === STRING) return cursor.string(MOST_HEADER_BYTES, what);
  if (type === ARRAY) return readArray(cursor, key, { depth: 1, arrays: 0 });
  const [value] = readWords(cursor, key, type, 1);
  if (type === BOOL) return value === 1;
  return typeof value === "bigint" && BigInt.asIntN(54, value) === value ? Number(value) : value;
}

function readArray(cursor: Cursor, key: string, seen: { readonly depth: number; arrays: number }): GgufArray {
  const what = (): string => `the array ${key}`;
  if (seen.depth > DEEPEST) throw unsound(`${what()} nests deeper than ${DEEPEST} arrays`);
  const type = cursor.u32(what);
  const bytesOfOne = type === STRING ? STRING_BYTES : type === ARRAY ? ARRAY_BYTES : WORDS.get(type)?.BYTES_PER_ELEMENT;
  if (bytesOfOne === undefined) throw unsound(`${what()} is of type ${count(type)}, which is none`);
  const length = cursor.count(bytesOfOne, MOST_HEADER_BYTES, what);
  if (type === STRING) {
    cursor.need(length * STRING_BYTES, what);
    const strings: string[] = [];
    while (strings.length < length)
      strings.push(cursor.string(MOST_HEADER_BYTES, () => `string ${count(strings.length)} of ${what()}`));
    return strings;
  }
  if (type !== ARRAY) return readWords(cursor, key, type, length);
  const arrays: GgufArray[] = [];
  for (let index = 0; index < length; index++) {
    if (++seen.arrays > MOST_ARRAYS) throw unsound(`${what()} holds more than ${count(MOST_ARRAYS)} arrays`);
    const inner = { depth: seen.depth + 1, arrays: seen.arrays };
    arrays.push(readArray(cursor, key, inner));
    seen.arrays = inner.arrays;
  }
  return arrays;
}

function readWords(cursor: Cursor, key: string, type: number, length: number) {
  const Kind = WORDS.get(type);
  if (!Kind) throw unsound(`the value of ${key} is of type ${count(type)}, which is none`);
  // A copy: the file's bytes may be a Buffer, whose slices are views.
  const bytes = new Uint8Array(cursor.take(length * Kind.BYTES_PER_ELEMENT, () => `the value of ${key}`));
  if (!cursor.isLittleEndian) swapWords(bytes, Kind.BYTES_PER_ELEMENT);
  if (type === BOOL) {
    const wrong = bytes.find((byte) => byte > 1);
    if (wrong !== undefined) throw unsound(`the value of ${key} is a boolean of ${wrong}`);
  }
  return new Kind(bytes.buffer);
}
