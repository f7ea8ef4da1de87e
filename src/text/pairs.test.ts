/** Pairs of completions: what files may hold, and what is said of bad ones. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { readPairs } from "./pairs.ts";

const at = temporaryFolder();

function write(...records: readonly (object | string)[]): string {
  const path = at("pairs.jsonl");
  writeFileSync(path, records.map((one) => `${typeof one === "string" ? one : JSON.stringify(one)}\n`).join(""));
  return path;
}
const read = (...records: readonly (object | string)[]) => readPairs(write(...records), null, 0);

const ONE = { prompt: "2 + 2 =", chosen: " 4", rejected: " 5" };

describe("files of pairs", () => {
  it("are read as they stand; a pair that comes twice counts once, equal completions not at all", async () => {
    const { pairs, ...rest } = await read(ONE, "", { chosen: "yes", rejected: " yes" }, ONE, {
      ...ONE,
      rejected: " 4",
      score: 7,
    });
    expect(pairs).toEqual([
      { line: 1, ...ONE },
      { line: 3, prompt: "", chosen: "yes", rejected: " yes" },
    ]);
    expect(rest).toMatchObject({ name: "pairs.jsonl", total: 4, repeated: 1, equal: 1 });
    expect(rest.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it("may hold names of prototypes, control characters and markup, which stay text", async () => {
    const hostile =
      '{"__proto__": {"chosen": "x"}, "prompt": "<script>", "chosen": "\\u001b[31m", "rejected": "constructor"}';
    const { pairs } = await read(hostile);
    expect(pairs).toEqual([{ line: 1, prompt: "<script>", chosen: "\u001b[31m", rejected: "constructor" }]);
    await expect(read('{"__proto__": {"chosen": "x", "rejected": "y"}}')).rejects.toThrow(/chosen: /);
  });

  it.each([
    [["{"], /pairs\.jsonl, line 1 /],
    [["[1]"], /line 1: .*a record has prompt, chosen, rejected/],
    [[ONE, { prompt: "p", chosen: "a" }], /line 2: rejected: .*a record has prompt, chosen, rejected, each a text/],
    [[{ ...ONE, chosen: " \n" }], /line 1: chosen: expected text that is not blank/],
    [[{ ...ONE, chosen: null }], /line 1: chosen: expected text/],
    [['{"prompt": "p", "chosen": NaN, "rejected": "x"}'], /line 1 /],
    [[{ ...ONE, chosen: [{ role: "assistant", content: "4" }] }], /conversations are written out first/],
    [[{ ...ONE, prompt: "\ud800" }], /half a surrogate pair/],
    [[], /pairs\.jsonl has no pairs/],
    [[{ chosen: "a", rejected: "a" }], /has 1 pairs?, and the two completions of each are equal/],
  ])("are refused where they are wrong: %j", async (records, message) => {
    await expect(read(...records)).rejects.toThrow(message);
  });

  it("are files in JSON lines in UTF-8", async () => {
    await expect(readPairs(at("none.jsonl"), null, 0)).rejects.toThrow(/none\.jsonl/);
    writeFileSync(at("pairs.txt"), "x");
    await expect(readPairs(at("pairs.txt"), null, 0)).rejects.toThrow(
      /is no file of pairs: name one file in JSON lines/,
    );
    writeFileSync(at("latin.jsonl"), Buffer.from([0x7b, 0xff, 0x0a]));
    await expect(readPairs(at("latin.jsonl"), null, 0)).rejects.toThrow(/latin\.jsonl, line 1 is not UTF-8/);
  });

  it("are drawn from by the seed where they have more pairs than are asked for, each as likely", async () => {
    const path = write(...Array.from({ length: 400 }, (_, i) => ({ chosen: `a${i}`, rejected: `b${i}` })));
    const lines = async (seed: number) => (await readPairs(path, 40, seed)).pairs.map(({ line }) => line);
    const [one, other] = [await lines(1), await lines(2)];
    expect(one).toHaveLength(40);
    expect(one).toEqual(one.toSorted((a, b) => a - b));
    expect(await lines(1)).toEqual(one);
    expect(other).not.toEqual(one);
    const drawn = (await Promise.all(Array.from({ length: 30 }, (_, seed) => lines(seed)))).flat();
    const early = drawn.filter((line) => line <= 200).length;
    expect(Math.abs(early - 600)).toBeLessThan(90);
    expect(await readPairs(path, null, 0)).toMatchObject({ total: 400 });
  });
});
