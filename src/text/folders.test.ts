/** What of a folder is text, what is not and why; standard input and gzip by their content (METHODS §0 Document). */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { REPORT_MARK } from "../profile/version.ts";
import { isPosix } from "../system.testing.ts";
import { MOST_LISTED, saidOfFiles, TextAccount } from "./account.ts";
import { AS_THEY_ARE, readDocuments, type SourceDocument, type TextOptions } from "./documents.ts";

const at = temporaryFolder();

function write(name: string, content: string | Uint8Array): string {
  const path = at(...name.split("/"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function read(paths: string | string[], options: Partial<TextOptions> = {}) {
  const account = new TextAccount();
  const documents: SourceDocument[] = [];
  const text = [paths].flat().map((path) => ({ path, domain: null }));
  for await (const document of readDocuments({ ...AS_THEY_ARE, text, account, ...options })) documents.push(document);
  return {
    documents,
    files: account.summary(),
    ids: documents.map(({ id }) => id),
    texts: documents.map((one) => one.text),
  };
}

async function fromStdin(chunks: readonly (Buffer | string)[], options: Partial<TextOptions> = {}) {
  const stdin = Object.getOwnPropertyDescriptor(process, "stdin")!;
  Object.defineProperty(process, "stdin", { value: Readable.from(chunks.map((chunk) => Buffer.from(chunk))) });
  try {
    return (await read("-", options)).documents.map(({ id, text }) => [id, text]);
  } finally {
    Object.defineProperty(process, "stdin", stdin);
  }
}

const utf16 = (text: string, big = false): Buffer => {
  const bytes = Buffer.from(text, "utf16le");
  return big ? bytes.swap16() : bytes;
};

describe("a folder", () => {
  it("is read whole: code, pages, tables, files without an extension, gzip under any name", async () => {
    write("f/Makefile", "all:\n");
    write("f/a.py", "print('é')\n");
    write("f/b.html", "<p>b</p>");
    write("f/c.csv", "x,y\n1,2\n");
    write("f/d.txt", gzipSync("zipped"));
    write("f/e.gz", "not zipped");
    write("f/g.ndjson", '{"text":"one"}\n{"text":"two"}\n');
    write("f/h.JSONL.gz", gzipSync('{"text":"three"}'));
    write("f/i.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>');
    const { documents, files } = await read(at("f"));
    expect(Object.fromEntries(documents.map(({ id, text }) => [id, text]))).toEqual({
      Makefile: "all:\n",
      "a.py": "print('é')\n",
      "b.html": "<p>b</p>",
      "c.csv": "x,y\n1,2\n",
      "d.txt": "zipped",
      "e.gz": "not zipped",
      "g.ndjson#0": "one",
      "g.ndjson#1": "two",
      "h.JSONL.gz#0": "three",
      "i.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    });
    expect(files).toEqual({
      read: 9,
      asPlainText: { total: 0, names: [] },
      leftOut: { total: 0, reasons: {}, files: [] },
    });
    expect(saidOfFiles(files)).toBeNull();
  });

  it("puts to account what it leaves out, and why", async () => {
    write("f/a.txt", "text");
    write("f/b.png", Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"));
    write("f/c.pdf", "%PDF-1.7\n%âãÏÓ\n");
    write("f/d.bin", Buffer.from(Array.from({ length: 300 }, (_, i) => i % 32)));
    write("f/e.txt", utf16("wide\n"));
    write("f/f.txt", Buffer.from("caf\xe9 au lait", "latin1"));
    write("f/g.txt", "");
    write("f/late.txt", Buffer.concat([Buffer.from("x".repeat(100_000)), Buffer.from([0xff])]));
    write("f/.git/config", "[core]");
    write("f/.env", "X=1");
    write("f/node_modules/p/index.js", "x");
    symlinkSync(at("f", "gone"), at("f", "lost"));
    symlinkSync(at("f"), at("f", "round"));
    symlinkSync(at("f", "a.txt"), at("f", "z-again.txt"));
    if (isPosix) execFileSync("mkfifo", [at("f", "pipe")]);
    const { ids, files } = await read(at("f"));
    expect(ids).toEqual(["a.txt", "g.txt"]);
    expect(Object.fromEntries(files.leftOut.files.map(({ name, reason }) => [name, reason]))).toEqual({
      ".env": "hidden",
      ".git/": "hidden",
      "b.png": "image",
      "c.pdf": "PDF",
      "d.bin": "binary",
      "e.txt": "UTF-16 text",
      "f.txt": "not UTF-8",
      "late.txt": "not UTF-8",
      lost: "broken link",
      "node_modules/": "folder of tools",
      ...(isPosix && { pipe: "no file (pipe, socket, device)" }),
      "round/": "link in a circle",
      "z-again.txt": "same file again",
    });
    const total = isPosix ? 13 : 12;
    expect(files.leftOut.total).toBe(total);
    expect(saidOfFiles(files)).toContain(`2 files read; left out ${total} (2 hidden, 2 not UTF-8, 1 PDF, `);
    const replaced = await read(at("f"), { invalidUtf8: "replace" });
    expect(replaced.ids).toEqual(["a.txt", "f.txt", "g.txt", "late.txt"]);
  });

  it.skipIf(!isPosix || process.getuid?.() === 0)("says what may not be read (needs permissions)", async () => {
    write("f/a.txt", "text");
    chmodSync(write("f/b.txt", "secret"), 0);
    expect((await read(at("f"))).files.leftOut.files).toEqual([{ name: "b.txt", reason: "unreadable" }]);
  });

  it("of nothing but what is no text says what lies there", async () => {
    write("f/a.png", Buffer.from("\x89PNG\r\n\x1a\n", "latin1"));
    write("f/.b", "x");
    await expect(read(at("f"))).rejects.toThrow(
      /f has no text in it \(1 hidden, 1 image\): name another folder or file/,
    );
  });

  it("keeps a bounded list", async () => {
    write("f/a.txt", "x");
    for (let i = 0; i < MOST_LISTED + 5; i++) write(`f/.e${i}`, "");
    const { leftOut } = (await read(at("f"))).files;
    expect([leftOut.total, leftOut.files.length]).toEqual([MOST_LISTED + 5, MOST_LISTED]);
  });

  it("has JSON without records as plain text, and records where there are some", async () => {
    write("f/package.json", '{"name":"x","scripts":{"test":"y"}}');
    write("f/tsconfig.json", '{\n  // a comment\n  "files": []\n}\n');
    write("f/tailwind.json", '{"content":["./src"]}');
    write("f/list.json", "[1,2]");
    write("f/records.json", '[{"text":"one"},{"text":"two"}]');
    write("f/lines.json", '{"text":"three"}\n{"text":"four"}\n');
    write("f/lone.json", '{"text":"five"}');
    const { documents, files } = await read(at("f"));
    expect(documents.map(({ id, text }) => [id, text.slice(0, 9)])).toEqual(
      [
        ["lines.json#0", "three"],
        ["lines.json#1", "four"],
        ["list.json", "[1,2]"],
        ["lone.json", "five"],
        ["package.json", '{"name":"'],
        ["records.json#0", "one"],
        ["records.json#1", "two"],
        ["tailwind.json", '{"content'],
        ["tsconfig.json", "{\n  // a c"],
      ].map(([id, text]) => [id, text.slice(0, 9)]),
    );
    expect(files.asPlainText).toEqual({
      total: 4,
      names: ["list.json", "package.json", "tailwind.json", "tsconfig.json"],
    });
    expect(saidOfFiles(files)).toBe("7 files read; 4 files of JSON without records as plain text (list.json …)");
    await expect(read(at("f", "package.json"))).rejects.toThrow(/package\.json has no text in `text` or `content`/);
    await expect(read(at("f", "tsconfig.json"))).rejects.toThrow(/tsconfig\.json is not JSON/);
    // Who names a field reads records: a list that lacks it is a mistake.
    await expect(read(at("f"), { field: "body" })).rejects.toThrow(/lines\.json, line 1 has no text in `body`/);
  });

  it("never contains what we wrote, nor where this run writes", async () => {
    write("f/a.txt", "text");
    write("f/out/profile.json", '{\n "schema": "lossyscope.profile/1",\n "id": "x" }');
    write("f/renamed", '{"schema":"lossyscope.trajectory/1"}');
    write("f/page.html", `<!doctype html><html><head><meta charset="utf-8">${REPORT_MARK} 0.1.0">`);
    write("f/a.txt.lsz", Buffer.from("\x89LSZ\r\n\x1a\n\x01", "latin1"));
    write("f/runs/0123456789abcdef.lock", "4711 123456 somewhere");
    write("f/run/training.safetensors", "x");
    write("f/run/log.jsonl", '{"step":1}');
    write("f/model/config.json", "{}");
    write("f/model/model.safetensors", "x");
    write("f/model/vocab.json", "{}");
    write("f/report/today.txt", "written now");
    write("f/now.json", "written now");
    const { ids, files } = await read(at("f"), {
      outputs: [at("f", "report"), at("f", "now.json"), at("f", "coming")],
    });
    expect(ids).toEqual(["a.txt"]);
    expect(files.leftOut.reasons).toEqual({
      "written by lossyscope": 5,
      "folder of a model": 2,
    });
    expect(files.leftOut.files.filter(({ name }) => /^(?:report|now)/.test(name))).toEqual([]);
    // A folder that is itself the place is read all the same.
    expect((await read(at("f", "report"), { outputs: [at("f", "report")] })).texts).toEqual(["written now"]);
  });

  it("is read in one order everywhere, a character cut at the edge of what is looked at or not", async () => {
    for (const name of ["B", "a", "é", "Z", "_", "10", "9"]) write(`f/${name}`, `${name} ${"é".repeat(33_000)}`);
    expect((await read(at("f"))).ids).toEqual(["10", "9", "B", "Z", "_", "a", "é"]);
  });

  it("may not overlap with another one that is named", async () => {
    write("f/b/a.txt", "x");
    await expect(read([at("f"), at("f", "b")])).rejects.toThrow(/is the same text as/);
  });
});

describe("gzip", () => {
  it("may have members; one that breaks off is an error, in a folder too", async () => {
    const two = Buffer.concat([gzipSync("one "), gzipSync("two")]);
    expect((await read(write("two.gz", two))).texts).toEqual(["one two"]);
    write("f/a.txt", "x");
    write("f/cut.txt", gzipSync("x".repeat(1e6)).subarray(0, 500));
    await expect(read(at("f"))).rejects.toThrow(/cut\.txt is not a whole \.gz file .*: download it again/);
  });

  it("of what is no text is named for what is in it", async () => {
    const tar = Buffer.alloc(1024);
    tar.write("name.txt");
    tar.write("ustar\0", 257, "latin1");
    await expect(read(write("a.tar.gz", gzipSync(tar)))).rejects.toThrow(
      /a\.tar\.gz is a tar archive inside gzip: unpack/,
    );
    await expect(read(write("b.gz", gzipSync(gzipSync("x"))))).rejects.toThrow(/b\.gz is gzip inside gzip/);
  });
});

describe("standard input", () => {
  it("is gzip, JSON lines, a JSON list or text by what comes", async () => {
    const lines = '{"text":"one"}\n{"text":"two"}\n';
    const both = [["stdin#0", "one"], ["stdin#1", "two"]]; // biome-ignore format: short
    expect(await fromStdin([lines.slice(0, 5), lines.slice(5)])).toEqual(both);
    expect(await fromStdin([gzipSync(lines)])).toEqual(both);
    expect(await fromStdin(["\ufeff\n", lines])).toEqual(both);
    expect(await fromStdin(['[{"text":"one"},', ' {"text":"two"}]'])).toEqual(both);
    expect(await fromStdin(['[\n {"text":"one"},\n {"text":"two"}\n]'])).toEqual(both);
    const long = "x".repeat(300_000);
    expect(await fromStdin([`{"text":"${long}`, '"}\n{"text":"two"}'])).toEqual([["stdin#0", long], both[1]]);
    await expect(fromStdin(['{"a":1}\n{"a":2}\n'])).rejects.toThrow(/stdin, line 1 has no text in `text` or `content`/);
  });

  it.each(["{\n  code();\n}\n", '"Quoted," he said.\n', "[x] done\n[ ] open\n", "[1] a note", '["not", json]\n', ""])(
    "%j is text",
    async (text) => {
      expect(await fromStdin([text])).toEqual([["stdin", text]]);
    },
  );

  it("is named where it is no text", async () => {
    await expect(fromStdin([Buffer.from("%PDF-1.4\n%\xff", "latin1")])).rejects.toThrow(
      /standard input is a PDF document/,
    );
    await expect(fromStdin([Buffer.from("PAR1\x15\0", "latin1")])).rejects.toThrow(
      /standard input is Parquet, .*: name the file/,
    );
    await expect(fromStdin([utf16("\ufeffx")])).rejects.toThrow(/standard input is UTF-16 text/);
  });

  it.skipIf(!isPosix)("may be a pipe with a name (needs mkfifo)", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const writing = (async () => {
      const { writeFile } = await import("node:fs/promises");
      await writeFile(at("pipe"), gzipSync('{"text":"piped"}'));
    })();
    expect((await read(at("pipe"))).texts).toEqual(["piped"]);
    await writing;
  });
});

describe("a cut", () => {
  it("goes through records as through texts", async () => {
    const path = write("r.jsonl", '{"text":"a--b","lang":"x"}\n{"text":"--c"}\n');
    const { documents } = await read(path, { splitOn: "--", labels: ["lang"] });
    expect(documents.map(({ id, text, metadata }) => [id, text, metadata?.labels])).toEqual([
      ["r.jsonl#0.0", "a", { lang: "x" }],
      ["r.jsonl#0.1", "b", { lang: "x" }],
      ["r.jsonl#1.0", "c", {}],
    ]);
  });
});
