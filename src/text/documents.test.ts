import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { patienceFor } from "../files/in-time.ts";
import { random } from "../numeric/random.ts";
import { AS_THEY_ARE, readDocuments, type SourceDocument, type TextOptions } from "./documents.ts";

vi.mock(import("../files/in-time.ts"), { spy: true });

const at = temporaryFolder();

function write(name: string, content: string | Uint8Array): string {
  const path = at(...name.split("/"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function read(paths: string | string[], options: Partial<TextOptions> = {}): Promise<SourceDocument[]> {
  const documents: SourceDocument[] = [];
  const defaults: TextOptions = {
    text: [paths].flat().map((path) => ({ path, domain: null })),
    ...AS_THEY_ARE,
    seed: 1,
  };
  for await (const document of readDocuments({ ...defaults, ...options })) documents.push(document);
  return documents;
}
const texts = async (...from: Parameters<typeof read>) => (await read(...from)).map((document) => document.text);

describe("files", () => {
  it("are one document each, bytes as given", async () => {
    const odd = "\ufeffa\r\nb\0\u2028 \ufffd";
    expect(await read(write("odd.txt", odd))).toEqual([{ id: "odd.txt", domain: "text", text: odd, replaced: 0 }]);
    expect(await texts(write("empty.txt", ""))).toEqual([""]);
  });

  it("in folders are read in the order of their names, domains by the first folder below", async () => {
    write("corpus/b/deep/2.md", "two");
    write("corpus/a/1.txt", "one");
    write("corpus/z.txt.gz", gzipSync("three"));
    write("corpus/.hidden/x.txt", "no");
    write("corpus/picture.png", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"));
    symlinkSync(at("corpus"), at("corpus", "a", "circle"));
    expect((await read(at("corpus"))).map(({ id, domain, text }) => [id, domain, text])).toEqual([
      ["a/1.txt", "a", "one"],
      ["b/deep/2.md", "b", "two"],
      ["z.txt.gz", "text", "three"],
    ]);
    const named = await read([], { text: [{ path: at("corpus"), domain: "mine" }] });
    expect(named.map((document) => document.domain)).toEqual(["mine", "mine", "mine"]);
  });

  it("of one name are told apart, and one file twice is refused", async () => {
    const one = write("p/x/t.txt", "1");
    const two = write("p/y/t.txt", "2");
    expect((await read([one, two])).map((document) => document.id)).toEqual(["x/t.txt", "y/t.txt"]);
    await expect(read([one, one])).rejects.toThrow(/same text/);
    symlinkSync(one, at("link.txt"));
    await expect(read([one, at("link.txt")])).rejects.toThrow(/same text/);
  });

  it("that are not there, hold nothing or break off are named", async () => {
    await expect(read(at("none.txt"))).rejects.toMatchObject({ fault: "io", message: /none\.txt/ });
    mkdirSync(at("bare"), { recursive: true });
    await expect(read(at("bare"))).rejects.toThrow(/bare has no text in it/);
    const whole = gzipSync("x".repeat(100_000));
    await expect(read(write("cut.txt.gz", whole.subarray(0, 60)))).rejects.toThrow(/cut\.txt\.gz is not a whole \.gz/);
    expect(await texts(write("fake.txt.gz", "plain"))).toEqual(["plain"]);
  });

  it("may be standard input", async () => {
    const stdin = Object.getOwnPropertyDescriptor(process, "stdin")!;
    Object.defineProperty(process, "stdin", {
      value: Readable.from([Buffer.from("a\xc3", "latin1"), Buffer.from([0xa9])]),
    });
    try {
      expect(await read("-")).toEqual([{ id: "stdin", domain: "text", text: "aé", replaced: 0 }]);
    } finally {
      Object.defineProperty(process, "stdin", stdin);
    }
  });

  it("are cut by a pattern; empty stretches are no documents, empty matches cut", async () => {
    const path = write("parts.txt", "\n\none\n\ntwo\n\n\n\nthree\n\n");
    expect(await read(path, { splitOn: "\\n\\n" })).toMatchObject([
      { id: "parts.txt#0", text: "one" },
      { id: "parts.txt#1", text: "two" },
      { id: "parts.txt#2", text: "three" },
    ]);
    expect(await texts(write("chapters.txt", "# a\nx\n# b\n"), { splitOn: "^(?=# )" })).toEqual(["# a\nx\n", "# b\n"]);
    expect(await texts(write("characters.txt", "a😀b"), { splitOn: "" })).toEqual(["a", "😀", "b"]);
    await expect(read(path, { splitOn: "(" })).rejects.toMatchObject({ fault: "usage" });
    vi.mocked(patienceFor).mockReturnValueOnce(300);
    const started = performance.now();
    await expect(read(write("a.txt", `${"a".repeat(60)}!`), { splitOn: "(a+)+$" })).rejects.toThrow(
      'the pattern of --split-on, "(a+)+$", was not through with a text of 61 characters in 0.3 s',
    );
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("records", () => {
  it("are read from .jsonl and .json, by text, content or a field of one's own", async () => {
    const lines = '{"text":"one","content":"no"}\n\n{"content":"two\\u0000"}\r\n"three"\n{"text":""}';
    const jsonl = await read(write("r.jsonl", lines));
    expect(jsonl.map(({ id, text }) => [id, text])).toEqual([
      ["r.jsonl#0", "one"],
      ["r.jsonl#1", "two\0"],
      ["r.jsonl#2", "three"],
      ["r.jsonl#3", ""],
    ]);
    expect(await texts(write("r.json", '\ufeff[{"text":"one"},"two"]'))).toEqual(["one", "two"]);
    expect(await read(write("lone.json", '{"body":"x"}'), { field: "body" })).toMatchObject([{ id: "lone.json" }]);
    await expect(read(at("r.jsonl"), { field: "body" })).rejects.toThrow(/r\.jsonl, line 1 has no text in `body`/);
    await expect(read(write("bad.jsonl", '{"text":"a"}\n{"text":'))).rejects.toThrow(/bad\.jsonl, line 2 is not JSON/);
  });

  it("are read across chunks, compressed or not", async () => {
    const all = Array.from({ length: 500 }, (_, i) => `${i} ${"é😀".repeat(i * 7)}`);
    const lines = all.map((text) => JSON.stringify({ text })).join("\n");
    expect(await texts(write("long.jsonl", lines))).toEqual(all);
    expect(await texts(write("long.jsonl.gz", gzipSync(lines)))).toEqual(all);
  });

  it("carry labels, and a label that none carries is a mistake", async () => {
    const path = write("l.jsonl", '{"text":"a","lang":"fr","n":3}\n{"text":"b","n":null}');
    expect((await read(path, { labels: ["lang", "n"] })).map((document) => document.metadata?.labels)).toEqual([
      { lang: "fr", n: "3" },
      {},
    ]);
    await expect(read(path, { labels: ["language"] })).rejects.toThrow(/`language`/);
  });
});

describe("what is not UTF-8", () => {
  const broken = Buffer.concat([
    Buffer.from("aé\ufffd"),
    Buffer.from([0xe2, 0x82]),
    Buffer.from("b"),
    Buffer.from([0xff]),
  ]);

  it("is an error naming file and byte", async () => {
    await expect(read(write("x.txt", broken))).rejects.toThrow(/x\.txt is not UTF-8 at byte 6 \(0xe2\)/);
    const line = Buffer.concat([Buffer.from('{"text":"ok"}\n{"text":"'), Buffer.from([0x80]), Buffer.from('"}')]);
    await expect(read(write("x.jsonl", line))).rejects.toThrow(/x\.jsonl, line 2 is not UTF-8 at byte 23 \(0x80\)/);
  });

  it("is replaced on request and counted", async () => {
    const [document] = await read(write("x.txt", broken), { invalidUtf8: "replace" });
    expect(document).toMatchObject({ text: "aé\ufffd\ufffdb\ufffd", replaced: 2 });
    const pieces = await read(at("x.txt"), { invalidUtf8: "replace", splitOn: "b" });
    expect(pieces.reduce((sum, piece) => sum + piece.replaced, 0)).toBe(2);
  });

  it("in JSON is half a surrogate pair", async () => {
    const path = write("s.jsonl", '{"text":"fine \\ud83d\\ude00"}\n{"text":"half \\ud83d"}');
    await expect(read(path)).rejects.toThrow(/s\.jsonl, line 2 holds half a surrogate pair/);
    expect(await read(path, { invalidUtf8: "replace" })).toMatchObject([
      { text: "fine 😀", replaced: 0 },
      { text: "half \ufffd", replaced: 1 },
    ]);
  });

  it("is found wherever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), async (before, after) => {
        const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xc0]), Buffer.from(after)]);
        const place = Buffer.byteLength(before).toLocaleString("en-US");
        await expect(read(write("any.txt", bytes))).rejects.toThrow(`byte ${place} (0xc0)`);
      }),
      { numRuns: 50 },
    );
  });
});

describe("limits", () => {
  it("read no more of a large file than they want", async () => {
    const [text, jsonl] = [
      write("large.txt", "é".repeat(50_000)),
      write("large.jsonl", '{"text":"one"}\n{"text":"two"}\n'),
    ];
    // What follows are holes: no disk, and 300 MB to whoever reads them.
    for (const path of [text, jsonl]) truncateSync(path, 300_000_000);
    const before = process.memoryUsage();
    expect((await texts(text, { limitBytes: 1001 })).map((one) => one.length)).toEqual([500]);
    expect(await texts(jsonl, { limitDocuments: 2 })).toEqual(["one", "two"]);
    expect(await texts(jsonl, { limitBytes: 5 })).toEqual(["one", "tw"]);
    const { external, arrayBuffers } = process.memoryUsage();
    expect(external + arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(20_000_000);
  });

  const records = (all: readonly string[]) => write("d.jsonl", all.map((text) => JSON.stringify(text)).join("\n"));

  it("take the first documents and cut the last between two characters", async () => {
    const path = records(["abc", "", "d😀e", "f"]);
    expect(await texts(path, { limitDocuments: 2 })).toEqual(["abc", ""]);
    expect(await texts(path, { limitBytes: 3 })).toEqual(["abc"]);
    expect(await texts(path, { limitBytes: 6 })).toEqual(["abc", "", "d"]);
    expect(await texts(path, { limitBytes: 8 })).toEqual(["abc", "", "d😀"]);
    expect(await texts(path, { limitBytes: 100 })).toEqual(["abc", "", "d😀e", "f"]);
    expect(await texts(write("one.txt", "é".repeat(2_000_000)), { limitBytes: 5 })).toEqual(["éé"]);
  });

  /** The sample as one would draw it with everything at hand. */
  it("reads no more of a text that a pattern cuts than the limit wants, and cuts it as all of it would be", async () => {
    const stream = random(5, "pieces");
    const piece = () => "é word ".repeat(stream.below(40)) + "x".repeat(stream.below(3000));
    const text = Array.from({ length: 400 }, piece).join("\n\n\n");
    const all = await texts(write("whole.txt", text), { splitOn: "\\n\\n+" });
    // What lies behind would be refused if it were read.
    const path = at("begun.txt");
    writeFileSync(path, Buffer.concat([Buffer.from(text), Buffer.alloc(2_000_000, 0xff)]));
    await expect(texts(path, { splitOn: "\\n\\n+" })).rejects.toThrow(/UTF-8/);
    for (const limitBytes of [5_000, 100_000]) {
      const first = await texts(path, { splitOn: "\\n\\n+", limitBytes });
      expect(first.length).toBeGreaterThan(2);
      expect(first.findIndex((own, i) => own !== all[i])).toBe(first.length - 1);
      expect(all[first.length - 1].startsWith(first.at(-1)!)).toBe(true);
      expect(Math.abs(Buffer.byteLength(first.join("")) - limitBytes)).toBeLessThan(2);
    }
    const seven = await texts(path, { splitOn: "\\n\\n+", limitDocuments: 7 });
    expect([seven.length, seven.findIndex((own, i) => own !== all[i])]).toEqual([7, -1]);
    // Where no cut comes for long, twice as much is read until one does.
    const long = write("long.txt", `${"y".repeat(700_000)}\n\nz\n\n${"w".repeat(100)}`);
    const [longest, z, ...none] = await texts(long, { splitOn: "\\n\\n", limitDocuments: 2 });
    expect([longest.length, z, none]).toEqual([700_000, "z", []]);
    expect(await texts(long, { splitOn: "\\n\\n", limitBytes: 10 })).toEqual(["y".repeat(10)]);
  });

  function naiveSample(all: readonly string[], seed: number, limitBytes: number, limitDocuments: number): string[] {
    const keys = random(seed, "documents");
    const order = all.map((text, index) => ({ text, index, key: keys.uniform() })).sort((a, b) => a.key - b.key);
    const chosen: typeof order = [];
    let left = limitBytes;
    for (const document of order) {
      const bytes = Buffer.byteLength(document.text);
      if (chosen.length === limitDocuments || (bytes > left && chosen.length > 0)) break;
      chosen.push({ ...document, text: document.text.slice(0, left) });
      if (bytes > left) break;
      left -= bytes;
    }
    return chosen.sort((a, b) => a.index - b.index).map((document) => document.text);
  }

  it("draw whole documents by seed, as if all were at hand", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme-ascii", maxLength: 12 }), { minLength: 1, maxLength: 40 }),
        fc.nat(1000),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        async (all, seed, limitBytes, limitDocuments) => {
          const drawn = await texts(records(all), { sample: true, seed, limitBytes, limitDocuments });
          expect(drawn).toEqual(naiveSample(all, seed, limitBytes, limitDocuments));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("draw alike for one seed and otherwise for another", async () => {
    const path = records(Array.from({ length: 50 }, (_, i) => `document ${i}`));
    const draw = (seed: number) => texts(path, { sample: true, seed, limitDocuments: 5 });
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });
});
