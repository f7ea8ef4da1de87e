/** Sets of concepts: what files may hold, what is said of bad ones, and the sets that come with the tool. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { BUILT_IN, WORD_SETS } from "./concept-sets.ts";
import { MOST_TEXTS, readConcepts } from "./concepts.ts";

const at = temporaryFolder();

function write(name: string, ...records: readonly (object | string)[]): string {
  const line = (one: object | string): string => (typeof one === "string" ? one : JSON.stringify(one));
  writeFileSync(at(name), records.map((one) => `${line(one)}\n`).join(""));
  return at(name);
}
const read = (...records: readonly (object | string)[]) => readConcepts([write("sets.jsonl", ...records)], 0);

const TWO = [
  { concept: "a", text: "one" },
  { concept: "b", text: "two" },
];

describe("files of concepts", () => {
  it("are words and passages under their concepts, documents of their own unless they say otherwise", async () => {
    const set = await read(
      { concept: "a", parent: "p", text: " red apple " },
      "",
      { concept: "b", text: "a longer text of many words" },
      { concept: "b", text: "short", as: "passage", document: "x", pair: "k" },
      { concept: "a", text: "long, but a word all the same", as: "word", document: "x" },
      { concept: "a", text: "red apple" },
    );
    expect(set).toMatchObject({ name: "sets.jsonl", documents: 3, total: 5, sources: [] });
    expect(set.concepts).toEqual([
      { name: "a", parent: "p" },
      { name: "b", parent: null },
    ]);
    expect(set.texts).toEqual([
      { concept: 0, text: "red apple", as: "word", document: 0, pair: null },
      { concept: 1, text: "a longer text of many words", as: "passage", document: 1, pair: null },
      { concept: 1, text: "short", as: "passage", document: 2, pair: "k" },
      { concept: 0, text: "long, but a word all the same", as: "word", document: 2, pair: null },
    ]);
  });

  it.each([
    [["{"], /sets\.jsonl, line 1 /],
    [[{ concept: "a" }], /line 1: text: .*a record has concept, text/],
    [[{ concept: "a", text: "  " }], /line 1: text: expected text that is not blank/],
    [[{ concept: "a", text: "x", as: "verse" }], /line 1: as: expected "word" or "passage"/],
    [[{ concept: "a", text: "\ud800" }], /half a surrogate pair/],
    [[...TWO, { concept: "b", text: "one" }], /line 3: "one" is of "b", before of "a": give a text one concept/],
    [
      [
        { concept: "a", text: "x", parent: "p" },
        { concept: "a", text: "y", parent: "q" },
      ],
      /line 2: "a" is under "q", before under "p"/,
    ],
    [[TWO[0]], /sets\.jsonl has one concept, "a", and nothing to tell it from: name two concepts or more/],
    [[], /sets\.jsonl has no concepts/],
    [
      Array.from({ length: 41 }, (_, i) => ({ concept: `c${i}`, text: `t${i}` })),
      /has 41 concepts, at most 40 are compared/,
    ],
  ])("are refused where they are wrong: %j", async (records, message) => {
    await expect(read(...records)).rejects.toThrow(message);
  });

  it("that are not there are refused with the names of the sets, and no line of which is UTF-8 by its place", async () => {
    await expect(readConcepts([at("none.jsonl")], 0)).rejects.toThrow(/none\.jsonl.*or a set: months, .*all/);
    writeFileSync(at("sets.txt"), "x");
    await expect(readConcepts([at("sets.txt")], 0)).rejects.toThrow(
      /is no file of concepts: name a file in JSON lines/,
    );
    writeFileSync(at("latin.jsonl"), Buffer.from([0x7b, 0xff, 0x0a]));
    await expect(readConcepts([at("latin.jsonl")], 0)).rejects.toThrow(/latin\.jsonl, line 1 is not UTF-8/);
  });

  it("of too many texts are drawn from by the seed, concepts in proportion", async () => {
    const records = Array.from({ length: 3 * MOST_TEXTS }, (_, i) => ({ concept: i % 3 ? "a" : "b", text: `t${i}` }));
    const path = write("many.jsonl", ...records);
    const sizes = async (seed: number) => {
      const { texts, total } = await readConcepts([path], seed);
      expect(total).toBe(3 * MOST_TEXTS);
      return { own: [0, 1].map((concept) => texts.filter((text) => text.concept === concept).length), texts };
    };
    const one = await sizes(1);
    expect(one.own).toEqual([Math.floor(MOST_TEXTS / 3), Math.floor((2 * MOST_TEXTS) / 3)]);
    expect((await sizes(1)).texts).toEqual(one.texts);
    expect((await sizes(2)).texts).not.toEqual(one.texts);
  });
});

describe("built-in sets", () => {
  it("hold no text twice, and name their sources", async () => {
    const set = await readConcepts(["all"], 0);
    const records = WORD_SETS.flatMap((name) => BUILT_IN[name].records());
    expect(set.total).toBe(records.length);
    expect(set.texts).toHaveLength(records.length);
    expect(set.sources).toHaveLength(WORD_SETS.length);
    expect(set.concepts.map(({ parent }) => parent)).toContain("places");
    const pairs = new Set(records.flatMap(({ pair }) => pair ?? []));
    expect(records.filter(({ pair }) => pair !== null)).toHaveLength(2 * pairs.size);
  });

  it("of passages are four kinds of text, with what is ten documents' and an interval's need, translations in pairs", async () => {
    const { texts, concepts, total } = await readConcepts(["texts"], 0);
    expect(concepts.map(({ name }) => name)).toEqual(["english text", "german text", "code text", "numbers text"]);
    expect([texts.length, total]).toEqual([96, 96]);
    for (const concept of concepts.keys()) {
      const own = texts.filter((text) => text.concept === concept);
      expect(own).toHaveLength(24);
      const bytes = own.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
      expect(bytes).toBeGreaterThan(2500);
      expect(bytes).toBeLessThan(6000);
    }
    expect(texts.filter(({ pair }) => pair !== null)).toHaveLength(48);
    expect((await readConcepts(["all"], 0)).texts.every(({ as }) => as === "word")).toBe(true);
  });

  it("come together with files, in the order in which they are named", async () => {
    const set = await readConcepts(["weekdays", write("sets.jsonl", ...TWO), "weekdays"], 0);
    expect(set.name).toBe("weekdays, sets.jsonl");
    expect(set.concepts.map(({ name }) => name)).toEqual(["weekdays", "a", "b"]);
    await expect(readConcepts(["months"], 0)).rejects.toThrow(/months has one concept, "months"/);
  });
});
