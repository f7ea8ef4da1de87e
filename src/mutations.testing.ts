/**
 * Files as somebody who means harm, or a disk that fails, would make them: a sound file with a few changes. JSON is changed
 * where it has a value (a hostile one in its place, the key gone, renamed or twice), any file where it has a byte, and some
 * files are another one altogether. Reading them by the thousand is `hold.testing.ts`'s work.
 */
import { gzipSync } from "node:zlib";
import fc from "fast-check";

const DEEP = 1_500;
const DEEPEST = 100_000;
const nested = (depth: number): string[] => [
  "[".repeat(depth) + "]".repeat(depth),
  '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
];

/** What a value may turn into, as JSON. */
const VALUES: readonly string[] = [
  ...[null, true, false, 0, 1, -1, 2, 3, 0.5, -0.5, 1e-320, 1e308, -1e308, 1e21, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)],
  ...[255, 256, 65_536, 1e6, 1e9, 123_456_789_012],
  ...[
    "",
    " ",
    "x",
    "0",
    "-1",
    "1e999",
    "NaN",
    "constructor",
    "__proto__",
    "toString",
    "\u0000",
    "\ud800",
    "\u202e",
    "▁",
  ],
  ...["x".repeat(70_000), "(a+)+$", "[", "\\", "../../etc/passwd", "<script>alert(1)</script>", "F32", "U8", "llama"],
  ...[[], [null], [[]], [0], [1, 2, 3], [-1], [1e21], ["a", "a"], Array.from({ length: 3_000 }, () => 0)],
  ...[{}, { length: 1e9 }, { type: "Sequence" }, { constructor: null }],
]
  .map((value) => JSON.stringify(value))
  .concat(nested(DEEP));

/** What only a text can hold: numbers past all others, text of megabytes, depths that no stack has, and what is no JSON. */
const RAW: readonly string[] = [
  ...["1e309", "-1e309", "-0", "0.1e-400", "9".repeat(400), "1".repeat(100_000)],
  ...["NaN", "Infinity", "undefined", "01", "0x10", "1.", "'x'", "", "//", '"\n"', '"\\x"', '"\\u12"', '"\u0000"'],
  ...[`"${"y".repeat(2_000_000)}"`, `"${"\\u0000".repeat(50_000)}"`, `[${"0,".repeat(300_000)}0]`, ...nested(DEEPEST)],
];

type Path = readonly (string | number)[];

/** Paths of all values, at most `most` of an array's and of an object's. */
function pathsOf(json: unknown, most: number, path: Path = []): Path[] {
  if (typeof json !== "object" || json === null || ArrayBuffer.isView(json)) return [path];
  const keys = Array.isArray(json) ? json.keys() : json instanceof Map ? json.keys() : Object.keys(json);
  const inner = [...keys].slice(0, most).flatMap((key) => pathsOf(get(json, key), most, [...path, key]));
  return [path, ...inner];
}

type Holder = Record<string | number, unknown>;
const get = (holder: object, key: string | number): unknown =>
  holder instanceof Map ? holder.get(key) : (holder as Holder)[key];
const put = (holder: object, key: string | number, value: unknown): void => {
  if (holder instanceof Map) holder.set(key, value);
  else if (!Array.isArray(holder) || /^\d+$/.test(`${key}`))
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};
const drop = (holder: object, key: string | number): void => {
  if (holder instanceof Map) holder.delete(key);
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete (holder as Holder)[key];
};

const OPERATIONS = ["set", "set", "set", "set", "delete", "rename", "double", "swap"] as const;

interface Change {
  readonly where: number;
  readonly operation: (typeof OPERATIONS)[number];
  readonly key: string;
}

/** @param twin what a doubled key is called */
function changed(
  json: unknown,
  paths: readonly Path[],
  { where, operation, key }: Change,
  value: unknown,
  twin: (key: string | number) => string,
): unknown {
  const path = paths[where % paths.length];
  if (path.length === 0) return operation === "set" ? value : json;
  let holder = json as object;
  if (typeof json !== "object" || json === null) return json;
  for (const step of path.slice(0, -1)) {
    const next = get(holder, step);
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next)) return json; // an earlier change has taken this place away
    holder = next;
  }
  const last = path.at(-1)!;
  switch (operation) {
    case "set":
      put(holder, last, value);
      break;
    case "delete":
      drop(holder, last);
      break;
    case "rename":
      put(holder, key, get(holder, last));
      drop(holder, last);
      break;
    case "double":
      if (Array.isArray(holder)) holder.push(holder[Number(last)]);
      else put(holder, twin(last), get(holder, last));
      break;
    case "swap": {
      const keys = holder instanceof Map ? [...holder.keys()] : Object.keys(holder);
      if (keys.length === 0) break;
      const other = keys[where % keys.length];
      const [one, two] = [get(holder, last), get(holder, other)];
      put(holder, last, two);
      put(holder, other, one);
      break;
    }
  }
  return json;
}

const aChange: fc.Arbitrary<Change> = fc.record({
  where: fc.nat(),
  operation: fc.constantFrom(...OPERATIONS),
  key: fc.constantFrom("__proto__", "constructor", "", "x", "0", "type", "length"),
});
const withValue = <T>(values: fc.Arbitrary<T>) => fc.array(fc.tuple(aChange, values), { minLength: 1, maxLength: 3 });

/** A file that was changed, and how, for the message where it does harm. */
export interface Mutant<T> {
  readonly content: T;
  readonly how: string;
}

const told = ({ operation, where, key }: Change, paths: readonly Path[], value: string): string =>
  [operation, paths[where % paths.length].join("."), operation === "set" ? value.slice(0, 60) : key].join(" ");

/** Some of the samples, changed in one to three places. @param mostOfOne values of an array or object that are changed */
export function mutatedJson(samples: readonly unknown[], mostOfOne = 40): fc.Arbitrary<Mutant<unknown>> {
  const known = samples.map((sample) => ({ text: JSON.stringify(sample), paths: pathsOf(sample, mostOfOne) }));
  return fc
    .tuple(fc.constantFrom(...known), withValue(fc.constantFrom(...VALUES)))
    .map(([{ text, paths }, changes]) => ({
      content: changes.reduce<unknown>(
        (json, [change, value]) => changed(json, paths, change, JSON.parse(value), (key) => `${key} `),
        JSON.parse(text),
      ),
      how: changes.map(([change, value]) => told(change, paths, value)).join("; "),
    }));
}

/** Marks in a text where something stands that no value is: a piece of `RAW`, a key that is there already. */
const PIECE = /"\\u0001(\d+)"/g;
const TWIN = /"\\u0001=/g;

/** The same as text: also with what only a text can hold, and with its bytes changed. */
export function mutatedJsonText(samples: readonly unknown[], mostOfOne = 40): fc.Arbitrary<Mutant<Buffer>> {
  const known = samples.map((sample) => ({ text: JSON.stringify(sample), paths: pathsOf(sample, mostOfOne) }));
  const pieces = [...VALUES, ...RAW];
  const structural = fc
    .tuple(fc.constantFrom(...known), withValue(fc.nat(pieces.length - 1)), fc.constantFrom(undefined, 1, "\t"))
    .map(([{ text, paths }, changes, indent]) => {
      const json = changes.reduce<unknown>(
        (json, [change, piece]) => changed(json, paths, change, `\u0001${piece}`, (key) => `\u0001=${key}`),
        JSON.parse(text),
      );
      const marked = JSON.stringify(json, null, indent);
      return {
        content: Buffer.from(marked.replaceAll(PIECE, (_, piece) => pieces[Number(piece)]).replaceAll(TWIN, '"')),
        how: changes.map(([change, piece]) => told(change, paths, pieces[piece])).join("; "),
      };
    });
  return fc.oneof(
    { arbitrary: structural, weight: 8 },
    { arbitrary: structural.chain(({ content, how }) => bytesChanged(content, `${how}; `)), weight: 1 },
    { arbitrary: fc.constantFrom(...known).chain(({ text }) => mutatedBytes([Buffer.from(text)])), weight: 1 },
  );
}

/** Values that the structured clone carries, typed arrays and maps among them. */
const CLONED: readonly unknown[] = [
  ...VALUES.map((value): unknown => JSON.parse(value)),
  ...[undefined, Number.NaN, Infinity, -Infinity, -0, 10n ** 30n, new Date(Number.NaN), /x/, new Map(), new Set([1])],
  ...[new Float32Array(), new Float32Array(7).fill(Number.NaN), new Float64Array([1e300, -1]), new Uint8Array(100)],
  ...[new Int32Array([-1, 2 ** 31 - 1, 0]), new Uint32Array([2 ** 32 - 1, 0]), new BigInt64Array(3)],
  Object.assign([], { length: 2 ** 32 - 1 }),
];

/** Plain data with typed arrays and maps, changed in one to three places. */
export function mutatedClone<T>(sample: T, mostOfOne = 40): fc.Arbitrary<Mutant<unknown>> {
  const paths = pathsOf(sample, mostOfOne);
  return withValue(fc.nat(CLONED.length - 1)).map((changes) => ({
    content: changes.reduce<unknown>(
      (data, [change, value]) => changed(data, paths, change, structuredClone(CLONED[value]), (key) => `${key} `),
      structuredClone(sample),
    ),
    how: changes
      .map(([change, value]) =>
        told(change, paths, String(VALUES[value] ?? Object.prototype.toString.call(CLONED[value]))),
      )
      .join("; "),
  }));
}

const HOSTILE_BYTES = [
  ...[
    "\0",
    "\xff\xfe",
    "\r\n",
    '"',
    ",",
    "{",
    "[",
    "9".repeat(40),
    "\xef\xbb\xbf",
    "\u0001",
    "\x80",
    "\xed\xa0\x80",
    "\\u",
  ],
].map((text) => Buffer.from(text, "latin1"));

/** Files that stand where another one should. */
const OTHERS = [
  "",
  "{}",
  "[]",
  "null",
  "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 1234\n",
  "<!doctype html><title>404</title>",
  "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
  "PAR1\0\0\0\0PAR1",
  "PK\x03\x04",
  "\x08\0\0\0\0\0\0\0{}      ",
]
  .map((text) => Buffer.from(text, "latin1"))
  .concat(gzipSync("{}"), Buffer.alloc(4_096), Buffer.alloc(4_096, 255));

const aByteChange = fc.record({
  kind: fc.constantFrom("flip", "cut", "insert", "repeat", "drop", "zero"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 64 }),
  bit: fc.nat(7),
  bytes: fc.constantFrom(...HOSTILE_BYTES),
});
type ByteChange = typeof aByteChange extends fc.Arbitrary<infer C> ? C : never;

function byteChanged(bytes: Buffer, { kind, at, length, bit, bytes: hostile }: ByteChange): Buffer {
  // Where a file begins and where it ends matter most: half of the changes are at one end or the other.
  const near = Math.min(256, bytes.length);
  const place = Math.floor(
    at < 0.25 ? at * 4 * near : at < 0.5 ? bytes.length - (at - 0.25) * 4 * near : (at - 0.5) * 2 * bytes.length,
  );
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "flip": {
      const flipped = Buffer.from(bytes);
      if (place < flipped.length) flipped[place] ^= 1 << bit;
      return flipped;
    }
    case "cut":
      return before;
    case "insert":
      return Buffer.concat([before, hostile, after]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, length), after]);
    case "drop":
      return Buffer.concat([before, after.subarray(length)]);
    default:
      return Buffer.concat([before, Buffer.alloc(Math.min(length, after.length)), after.subarray(length)]);
  }
}

const bytesChanged = (sample: Uint8Array, how = ""): fc.Arbitrary<Mutant<Buffer>> =>
  fc.array(aByteChange, { minLength: 1, maxLength: 4 }).map((changes) => ({
    how: how + JSON.stringify(changes.map(({ bytes, ...change }) => ({ ...change, bytes: bytes.toString("latin1") }))),
    content: changes.reduce(byteChanged, Buffer.from(sample)),
  }));

/** Some of the samples, their bytes changed in one to four places; one in thirty is another file. */
export const mutatedBytes = (samples: readonly Uint8Array[]): fc.Arbitrary<Mutant<Buffer>> =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...samples).chain((sample) => bytesChanged(sample)), weight: 29 },
    { arbitrary: fc.constantFrom(...OTHERS).map((content) => ({ content, how: "another file" })), weight: 1 },
  );

const LENGTH_BYTES = 8;

/** A safetensors file: what its header says, with the length that belongs to it, or any of its bytes. */
export function mutatedSafetensors(file: Buffer): fc.Arbitrary<Mutant<Buffer>> {
  const end = LENGTH_BYTES + Number(file.readBigUInt64LE());
  const header: unknown = JSON.parse(file.toString("utf8", LENGTH_BYTES, end));
  const headers = mutatedJsonText([header]).map(({ content, how }) => {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeBigUInt64LE(BigInt(content.length));
    return { content: Buffer.concat([length, content, file.subarray(end)]), how };
  });
  return fc.oneof({ arbitrary: headers, weight: 2 }, { arbitrary: mutatedBytes([file]), weight: 1 });
}
