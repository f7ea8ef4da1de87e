/**
 * Holds how amounts are written in messages, wherever they are made: sizes as kB, MB, GB, counts in groups of three, times in
 * s, min, h, by the one implementation (`numeric/amounts.ts`); exact bytes only where they are grouped.
 */
import { describe, expect, it } from "vitest";
import { missesOf } from "./atlas/limits.ts";
import { requireMemory } from "./engines/memory.ts";
import { temporaryFolder } from "./files/folder.testing.ts";
import { refusePointer } from "./formats/lfs.ts";
import { headerEnd } from "./formats/safetensors.ts";
import { contextOf } from "./measure/plan.ts";
import { RunFolder } from "./measure/running/run-folder.ts";
import { programs } from "./programs.testing.ts";
import { decodeUtf8 } from "./text/utf8.ts";

/** What is counted in messages and may come to thousands. */
const NOUNS = "bytes|documents|tokens|characters|positions|facts|pages|tensors";
/** An amount before its noun: by `numeric/amounts.ts`, a constant of the program's own, or the name of an order. */
const WRITTEN = /\b(count|counted|numeral|figure|interval|sizeText)\(|^[A-Z][A-Z_]+$|^order$/;

/** Where a program writes an amount by itself. */
function ownWays(program: string): string[] {
  const templates = [...program.matchAll(new RegExp(`\\$\\{([^{}]*)\\} (?:${NOUNS})\\b`, "g"))];
  return [
    ...(program.match(
      /\.toLocaleString\(|\/ (1e3|1e6|1e9|2 \*\* [123]0)\)?\.toFixed\(|\$\{[^{}]*\/ 1000\} (s|seconds)\b/g,
    ) ?? []),
    ...templates.filter(([, amount]) => !WRITTEN.test(amount)).map(([whole]) => whole),
  ];
}

describe("the programs", () => {
  it("write no amount in a way of their own", () => {
    const sources = [...programs()].filter(({ path }) => /^src\/.*(?<!\.(test|testing))\.ts$/.test(path));
    expect(sources.length).toBeGreaterThan(250);
    const found = sources
      .filter(({ path }) => path !== "src/numeric/amounts.ts")
      .flatMap(({ path, text }) => ownWays(text).map((way) => `${path}: ${way}`));
    expect(found).toEqual([]);
  });

  it.each([
    ["`takes #{bytes} bytes`", 1],
    ["`#{(bytes / 1e9).toFixed(1)} GB`", 1],
    ["`#{n.toLocaleString('en-US')} rows`", 1],
    ["`not in #{patience / 1000} s`", 1],
    ["`#{ids.length} tokens`", 1],
    ["`takes #{count(bytes)} bytes`", 0],
    ["`takes #{sizeText(bytes)}`", 0],
    ["`the last #{ORDERS} tokens`", 0],
  ])("%s", (program, ways) => expect(ownWays(program.replaceAll("#{", "${"))).toHaveLength(ways));
});

const at = temporaryFolder();

/** What is said where something is refused. */
function said(refused: () => unknown): string {
  try {
    refused();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

const header = (claimed: bigint): Uint8Array => new Uint8Array(new BigUint64Array([claimed]).buffer);

describe("messages", () => {
  const [pointed, memory] = ["version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64), 2 ** 57];
  it.each<[string, () => unknown, RegExp]>([
    ["memory", () => requireMemory(memory), /needs about 144 PB of memory, this machine has [\d.]+ [GT]B/],
    ["disk", () => new RunFolder(at("work"), "run", false).foresee(2 ** 60), /needs 1\.15 EB of temporary disk space/],
    ["a pointer", () => refusePointer("w", `${pointed}\nsize 134217728\n`), /stand for a file of 134 MB/],
    ["a header", () => headerEnd(header(123_456_789n), 20_000), /claims 123,456,789 bytes, the file has 20,000/],
    ["a text", () => decodeUtf8(Buffer.from([0xff]), "error", "t", 123_456), /not UTF-8 at byte 123,456 /],
    ["positions", () => contextOf({ tokens: 131_072, asked: true }, 2_048), /has 2,048 positions, .* asks 131,072/],
  ])("of %s", (_, refused, message) => {
    const words = said(refused);
    expect(words).toMatch(message);
    // What an option takes is written as it is typed.
    expect(words.replace(/--[\w-]+ \d+/g, "")).not.toMatch(/\d{4,}/);
  });

  it("of a model that is too large", () => {
    const model = { weightBytes: 134_217_728, licence: null, tokensPerSecond: null, price: null };
    expect(missesOf(model, { memoryBytes: 1e8 }).map(({ reason }) => reason)).toEqual([
      "134 MB of weights, 34.2 MB more than the 100 MB of memory",
    ]);
  });
});
