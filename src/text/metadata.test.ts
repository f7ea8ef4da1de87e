import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { AS_THEY_ARE, readDocuments, type SourceDocument, type TextOptions } from "./documents.ts";
import { type RecordKind, saidBy } from "./metadata.ts";

const at = temporaryFolder();

/** Records that say how many words they have, as no record of another kind does. */
const counted: RecordKind<{ readonly words: number }> = {
  name: "counted",
  fields: ["words"],
  read: ({ words }, text, where) => {
    if (typeof words !== "number") return null;
    if (words !== text.split(" ").length) throw new Error(`${where} miscounts`);
    return { words };
  },
};
/** Reads the same field, and is another kind all the same. */
const doubled: RecordKind<number> = {
  name: "doubled",
  fields: ["words"],
  read: ({ words }) => (typeof words === "number" ? 2 * words : null),
};

async function read(records: readonly unknown[], more: Partial<TextOptions> = {}): Promise<SourceDocument[]> {
  writeFileSync(at("records.jsonl"), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const options: TextOptions = {
    text: [{ path: at("records.jsonl"), domain: null }],
    ...AS_THEY_ARE,
    labels: ["lang"],
    kinds: [counted, doubled],
    ...more,
  };
  const found: SourceDocument[] = [];
  for await (const document of readDocuments(options)) found.push(document);
  return found;
}

const RECORDS = [
  { text: "one two three", words: 3, exposures: 7, lang: "en" },
  { text: "four five", exposures: -1, lang: true },
];

it("is what each kind says, found by the kind; the rest is of every record", async () => {
  const [first, second] = (await read(RECORDS)).map(({ metadata }) => metadata!);
  expect([saidBy(counted, first), saidBy(doubled, first)]).toEqual([{ words: 3 }, 6]);
  expect([saidBy(counted, second), saidBy(doubled, second), saidBy(counted, undefined)]).toEqual(
    new Array(3).fill(undefined),
  );
  expect([first, second].map(({ labels, exposures, chat }) => ({ labels, exposures, chat }))).toEqual([
    { labels: { lang: "en" }, exposures: 7, chat: null },
    { labels: { lang: "true" }, exposures: null, chat: null },
  ]);
  expect(saidBy(counted, (await read(RECORDS, { kinds: [doubled] }))[0].metadata)).toBeUndefined();
});

it("keeps a text whole of which something is said, and loses what is said where a limit cuts it", async () => {
  const pieces = await read(RECORDS, { splitOn: " " });
  expect(pieces.map(({ text }) => text)).toEqual(["one two three", "four", "five"]);
  expect(pieces[2].metadata?.labels).toEqual({ lang: "true" });
  const [beginning] = await read(RECORDS, { limitBytes: 5 });
  expect(beginning.text).toBe("one t");
  expect(beginning.metadata).toMatchObject({ exposures: 7, labels: { lang: "en" } });
  expect(saidBy(counted, beginning.metadata)).toBeUndefined();
});

it("lets a kind refuse what cannot be so", async () => {
  await expect(read([{ ...RECORDS[0], words: 4 }])).rejects.toThrow("records.jsonl, line 1 miscounts");
});

it("is not there for the text of a file", async () => {
  writeFileSync(at("plain.txt"), "text");
  const [plain] = await read([], { text: [{ path: at("plain.txt"), domain: null }], labels: [] });
  expect(plain).toEqual({ id: "plain.txt", domain: plain.domain, text: "text", replaced: 0 });
});
