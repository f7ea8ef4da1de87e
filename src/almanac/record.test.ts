import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { AS_THEY_ARE, readDocuments, type SourceDocument, type TextOptions } from "../text/documents.ts";
import { saidBy } from "../text/metadata.ts";
import { createWorld, documents } from "./almanac.ts";
import { almanacPages, type PageRecord } from "./record.ts";

const at = temporaryFolder();
const pages = [...documents(createWorld(3, "tiny"), "known")].slice(0, 6);

async function read(records: readonly unknown[], options: Partial<TextOptions> = {}): Promise<SourceDocument[]> {
  writeFileSync(at("pages.jsonl"), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const found: SourceDocument[] = [];
  for await (const document of readDocuments({
    text: [{ path: at("pages.jsonl"), domain: null }],
    ...AS_THEY_ARE,
    kinds: [almanacPages],
    ...options,
  })) {
    found.push(document);
  }
  return found;
}

const pageOf = ({ metadata }: SourceDocument): PageRecord | undefined => saidBy(almanacPages, metadata);

describe("records of the almanac", () => {
  it("bring their floors along", async () => {
    const read6 = await read(pages);
    expect(read6.map(pageOf)).toEqual(
      pages.map(({ knownBits, unknownBits, split, exposures }) => ({ knownBits, unknownBits, split, exposures })),
    );
  });

  it.each([false, true])("leave them behind where a limit cuts the page (sampled: %s)", async (sample) => {
    const [first] = await read(pages, { limitBytes: pages[0].bytes, sample: false });
    expect(pageOf(first)).toBeDefined();
    const [cut, ...rest] = await read(pages, { limitBytes: 100, sample });
    expect(rest).toEqual([]);
    expect(cut.text).toHaveLength(100);
    expect(pageOf(cut)).toBeUndefined();
  });

  it("leave them behind where another field is the text", async () => {
    const [document] = await read([{ ...pages[0], summary: "a person" }], { field: "summary" });
    expect(document).toMatchObject({ text: "a person" });
    expect(pageOf(document)).toBeUndefined();
  });

  it("are no pages with fewer marks than all", () => {
    const { knownBits: _, ...rest } = pages[0];
    expect(almanacPages.read(rest, rest.text, "here")).toBeNull();
    expect(almanacPages.read({ text: "pages", split: "train" }, "pages", "here")).toBeNull();
  });

  it.each([
    [{ knownBits: -1 }, /knownBits: expected a number of at least 0, found -1/],
    [{ unknownBits: "many" }, /unknownBits: expected a number .*found "many"/],
    [{ unknownBits: Infinity }, /unknownBits: expected a number .*found Infinity/],
    [{ split: "test" }, /split: /],
    [{ exposures: 1.5 }, /exposures: expected a whole number .*found 1.5/],
    [{ exposures: undefined }, /exposures: expected a whole number .*found nothing/],
    [{ bytes: 3 }, /it says 3 bytes, its text has \d+/],
    [{ knownBits: 1e6 }, /knownBits is 1,000,000, its \d+ bytes take [\d,]+ as they are/],
  ])("are refused with %j", (wrong, message) => {
    const refused = (): unknown => almanacPages.read({ ...pages[0], ...wrong }, pages[0].text, "a.jsonl, line 4");
    expect(refused).toThrow(message);
    expect(refused).toThrow(/^a\.jsonl, line 4 is no sound page of the almanac: .*`lossyscope almanac`/);
  });
});
