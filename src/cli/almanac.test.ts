import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createWorld, parse, SPLITS } from "../almanac/almanac.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { AS_THEY_ARE, readDocuments } from "../text/documents.ts";
import { almanacCommand } from "./almanac.ts";

const folder = temporaryFolder();
afterEach(() => vi.restoreAllMocks());

async function almanac(...args: string[]): Promise<string> {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  await almanacCommand().parseAsync(args, { from: "user" });
  return printed;
}

const records = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("lossyscope almanac", () => {
  it("writes pages that measuring reads, facts, and the figures that it prints", async () => {
    const out = folder("almanac");
    const table = await almanac("--seed", "7", "--size", "tiny", "--out", out);
    const summary = JSON.parse(readFileSync(`${out}/almanac.json`, "utf8"));
    const world = createWorld(7, "tiny");
    for (const [i, split] of SPLITS.entries()) {
      const pages = records(`${out}/${split}.jsonl`);
      const bytes = pages.reduce((sum, page) => sum + Buffer.byteLength(page.text), 0);
      const known = pages.reduce((sum, page) => sum + page.knownBits, 0);
      expect(summary.splits[i]).toMatchObject({ split, documents: pages.length, bytes, floorKnown: known / bytes });
      for (const { text } of pages) parse(text, world);

      const read = [];
      const text = [{ path: `${out}/${split}.jsonl`, domain: null }];
      for await (const document of readDocuments({ ...AS_THEY_ARE, text, labels: ["kind"] })) read.push(document);
      expect(read.map(({ text, metadata }) => [text, metadata?.labels.kind])).toEqual(
        pages.map(({ text, kind }) => [text, kind]),
      );
    }
    expect(records(`${out}/facts.jsonl`)).toHaveLength(7 * (world.known.length + world.unseen.length));
    for (const { split, floorKnown, floorUnknown, compressors } of summary.splits) {
      expect(floorKnown).toBeLessThan(floorUnknown);
      expect(Object.values(compressors).every((rate) => (rate as number) > floorUnknown)).toBe(true);
      expect(table).toContain(`\n${split}`);
    }
    expect(table).toContain("exposure: 1: 32, 2: 16, 4: 8, 8: 3, 16: 1");
  });

  it("gives the figures as JSON, the same each time", async () => {
    const args = ["--size", "tiny", "--quiet", "--json"];
    const first = await almanac("--out", folder("a"), ...args);
    expect(await almanac("--out", folder("b"), ...args)).toBe(first);
    expect(JSON.parse(first).splits).toHaveLength(4);
    for (const file of ["train.jsonl", "facts.jsonl"]) {
      expect(readFileSync(folder("a", file))).toEqual(readFileSync(folder("b", file)));
    }
  });
});
