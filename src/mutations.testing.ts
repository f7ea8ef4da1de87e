/**
 * Files as somebody who means harm, or a disk that fails, would make them: a sound file with a few changes. JSON is changed
 * where it has a value (a hostile one in its place, the key gone, renamed or twice), any file where it has a byte. `hold`
 * reads such files by the hundred and holds what every reader promises at the rim: an answer or an error of ours, in time.
 */
import fc from "fast-check";
import { LossyscopeError } from "./numeric/errors.ts";

const DEEP = 1_500;

/** What a value may turn into, as JSON. */
const HOSTILE: readonly string[] = [
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
].map((value) => JSON.stringify(value));
const NESTED = ["[".repeat(DEEP) + "]".repeat(DEEP), '{"a":'.repeat(DEEP) + "1" + "}".repeat(DEEP)];

type Path = readonly (string | number)[];

/** Paths of all values, at most `most` of an array's and of an object's. */
function pathsOf(json: unknown, most: number, path: Path = []): Path[] {
  if (typeof json !== "object" || json === null) return [path];
  const keys = Array.isArray(json) ? json.keys() : Object.keys(json);
  const inner = [...keys]
    .slice(0, most)
    .flatMap((key) => pathsOf((json as Record<string | number, unknown>)[key], most, [...path, key]));
  return [path, ...inner];
}

const OPERATIONS = ["set", "set", "set", "set", "delete", "rename", "double", "swap"] as const;

interface Change {
  readonly where: number;
  readonly operation: (typeof OPERATIONS)[number];
  /** JSON */
  readonly value: string;
  readonly key: string;
}

function changed(json: unknown, paths: readonly Path[], { where, operation, value, key }: Change): unknown {
  const path = paths[where % paths.length];
  if (path.length === 0) return operation === "set" ? JSON.parse(value) : json;
  let holder = json as Record<string | number, unknown>;
  if (typeof json !== "object" || json === null) return json;
  for (const step of path.slice(0, -1)) {
    const next = holder[step];
    if (typeof next !== "object" || next === null) return json; // an earlier change has taken this place away
    holder = next as Record<string | number, unknown>;
  }
  const last = path.at(-1)!;
  switch (operation) {
    case "set":
      holder[last] = JSON.parse(value);
      break;
    case "delete":
      if (Array.isArray(holder)) holder.splice(Number(last), 1);
      else delete holder[last];
      break;
    case "rename":
      Object.defineProperty(holder, key, { value: holder[last], enumerable: true, configurable: true, writable: true });
      delete holder[last];
      break;
    case "double":
      if (Array.isArray(holder)) holder.push(holder[Number(last)]);
      else holder[`${last} `] = holder[last];
      break;
    case "swap": {
      const keys = Object.keys(holder);
      const other = keys[where % keys.length];
      [holder[last], holder[other]] = [holder[other], holder[last]];
      break;
    }
  }
  return json;
}

const aChange: fc.Arbitrary<Change> = fc.record({
  where: fc.nat(),
  operation: fc.constantFrom(...OPERATIONS),
  value: fc.constantFrom(...HOSTILE, ...NESTED),
  key: fc.constantFrom("__proto__", "constructor", "", "x", "0", "type"),
});

/** A file that was changed, and how, for the message where it does harm. */
export interface Mutant<T> {
  readonly content: T;
  readonly how: string;
}

/** Some of the samples, changed in one to three places. */
export function mutatedJson(samples: readonly unknown[], mostOfOne = 40): fc.Arbitrary<Mutant<unknown>> {
  const known = samples.map((sample) => ({ text: JSON.stringify(sample), paths: pathsOf(sample, mostOfOne) }));
  return fc
    .tuple(fc.constantFrom(...known), fc.array(aChange, { minLength: 1, maxLength: 3 }))
    .map(([{ text, paths }, changes]) => ({
      content: changes.reduce<unknown>((json, change) => changed(json, paths, change), JSON.parse(text)),
      how: changes
        .map(({ where, operation, value, key }) =>
          [operation, paths[where % paths.length].join("."), operation === "set" ? value.slice(0, 60) : key].join(" "),
        )
        .join("; "),
    }));
}

const HOSTILE_BYTES = ["\0", "\xff\xfe", "\r\n", '"', ",", "{", "9".repeat(40), "\xef\xbb\xbf", "\u0001", "\x80"].map(
  (text) => Buffer.from(text, "latin1"),
);

const aByteChange = fc.record({
  kind: fc.constantFrom("flip", "cut", "insert", "repeat", "drop", "zero"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 64 }),
  bit: fc.nat(7),
  bytes: fc.constantFrom(...HOSTILE_BYTES),
});

/** Some of the samples, their bytes changed in one to four places. */
export function mutatedBytes(samples: readonly Uint8Array[]): fc.Arbitrary<Mutant<Buffer>> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(aByteChange, { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) => ({
      how: JSON.stringify(changes.map(({ bytes, ...change }) => ({ ...change, bytes: bytes.toString("latin1") }))),
      content: changes.reduce<Buffer>((bytes, { kind, at, length, bit, bytes: hostile }) => {
        // Where a file begins matters most: half of the changes are there.
        const place = Math.floor(at < 0.5 ? at * Math.min(256, bytes.length) : at * bytes.length);
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
      }, Buffer.from(sample)),
    }));
}

export interface Held {
  readonly runs: number;
  /** of them, those that were read */
  readonly sound: number;
}

const SLOWEST_SECONDS = 5;
const MOST_BYTES = 1e9;
const LONGEST_MESSAGE = 4_000;

/**
 * Reads mutated files and holds the promise: an answer, or a `LossyscopeError` with a message; within five seconds, and with
 * less than a gigabyte more than before.
 * @param seed another one looks elsewhere (`HOSTILE_SEED`)
 */
export async function hold<T>(
  mutants: fc.Arbitrary<Mutant<T>>,
  read: (hostile: T) => unknown,
  runs: number,
  seed = Number(process.env.HOSTILE_SEED ?? 1),
): Promise<Held> {
  let sound = 0;
  const before = process.memoryUsage.rss();
  for (let run = 0; run < runs; run++) {
    const [{ content, how }] = fc.sample(mutants, { numRuns: 1, seed: seed * 1_000_003 + run });
    const started = performance.now();
    const harm = (what: string, cause?: unknown): Error => new Error(`${what}, by ${how}`, { cause });
    try {
      await read(content);
      sound++;
    } catch (error) {
      if (!(error instanceof LossyscopeError)) throw harm(String(error), error);
      if (error.message.length > LONGEST_MESSAGE) throw harm(`${error.message.length} characters of message`, error);
    }
    const seconds = (performance.now() - started) / 1000;
    if (seconds > SLOWEST_SECONDS) throw harm(`${seconds.toFixed(1)} s`);
    const bytes = process.memoryUsage.rss() - before;
    if (bytes > MOST_BYTES) throw harm(`${(bytes / 1e9).toFixed(2)} GB more than before`);
  }
  return { runs, sound };
}
