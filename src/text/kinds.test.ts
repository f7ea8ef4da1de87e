/** What files are called, by their first bytes; real ones as other tools write them are in the tests of what reads them. */
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { AS_THEY_ARE, readDocuments } from "./documents.ts";
import { cutAtCharacter, HEAD_BYTES, kindOf } from "./kinds.ts";

const at = temporaryFolder();
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const whatOf = (bytes: Buffer): string => {
  const kind = kindOf(bytes, true);
  return kind.is === "other" ? `${kind.what}: ${kind.next}` : kind.is;
};
const wide = (text: string, big: boolean): Buffer =>
  big ? Buffer.from(text, "utf16le").swap16() : Buffer.from(text, "utf16le");
function wide32(text: string, big: boolean): Buffer {
  const units = Uint32Array.from(text, (one) => one.codePointAt(0)!);
  const bytes = Buffer.from(units.buffer);
  return big ? bytes.swap32() : bytes;
}

/** The beginning of a zip archive with these entries. */
const zip = (...entries: string[]): Buffer =>
  latin1(entries.map((entry) => `PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0${entry}`).join(""));

describe("kinds", () => {
  it.each([
    ["%PDF-1.7\n", /^a PDF document: .*pdftotext/],
    ["GIF89a\x01\0\x01\0", /a GIF image/],
    ["RIFF\x10\0\0\0WEBPVP8 ", /a WebP image/],
    ["\x28\xb5\x2f\xfd\x04", /Zstandard data: .*zstd -d/],
    ["BZh91AY&SY\x01\x02", /bzip2 data: .*bunzip2/],
    ["\xfd7zXZ\0\0\x04", /xz data: .*unxz/],
    ["7z\xbc\xaf\x27\x1c\0\x04", /a 7z archive/],
    ["SQLite format 3\0\x10\0", /an SQLite database: .*sqlite3/],
    ["GGUF\x03\0\0\0", /a GGUF model/],
    ['\x10\0\0\0\0\0\0\0{"a":{}}       ', /a safetensors file/],
    ["\x80\x04\x95\x10\0", /a Python pickle/],
    ["ARROW1\0\0\xff", /an Arrow or Feather file: .*Parquet/],
    ["\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", /Word document of before 2007/],
    ["{\\rtf1\\ansi text}", /a Rich Text document/],
    ["\x7fELF\x02\x01\x01\0", /a program/],
    ["\x89LSZ\r\n\x1a\n\x01", /lossyscope compress wrote: .*decompress/],
    [
      `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`,
      /git-lfs pointer to 12\.3 kB that were not fetched: run git lfs pull/,
    ],
  ])("%j", (bytes, what) => expect(whatOf(latin1(bytes))).toMatch(what));

  it.each([
    [["[Content_Types].xml", "_rels/.rels", "word/document.xml"], /a Word document \(\.docx\): .*pandoc/],
    [["[Content_Types].xml", "xl/workbook.xml"], /an Excel workbook \(\.xlsx\): .*CSV/],
    [["mimetypeapplication/vnd.oasis.opendocument.text"], /an OpenDocument text/],
    [["mimetypeapplication/epub+zip"], /an EPUB book/],
    [["archive/data.pkl"], /a PyTorch checkpoint/],
    [["a.txt"], /a zip archive: .*unzip/],
  ] as const)("a zip archive with %j", (entries, what) => expect(whatOf(zip(...entries))).toMatch(what));

  it.each([
    ["plain\r\nlines\n"],
    ["\ufeffmarked"],
    ["BM, MZ, ORC and GIF89a begin lines too: GIF89a, Rar!, abcdftyp\n"],
    ["MZ ".repeat(40)],
    ["nul \0 in the midst of it"],
    ["\x1b[1mcoloured\x1b[0m"],
  ])("%j is text", (text) => expect(whatOf(Buffer.from(text))).toBe("text"));

  it("tells UTF-16 and UTF-32, marked or not, in any script, and how to convert them", () => {
    for (const text of ["hi\n", "Der Fluß\n", "река течёт\n", "川 が流れる。\n人は\n", "😀 😀 😀 😀\n"]) {
      for (const [big, end] of [
        [false, "LE"],
        [true, "BE"],
      ] as const) {
        // biome-ignore format: a pair a line is long
        expect(whatOf(wide(`\ufeff${text}`, big))).toMatch(/UTF-16 text.*iconv -f UTF-16 -t UTF-8/);
        expect(whatOf(wide32(`\ufeff${text}`, big))).toMatch(/UTF-32 text.*iconv -f UTF-32 -t UTF-8/);
        expect(whatOf(wide(text, big))).toMatch(new RegExp(`UTF-16 text.*iconv -f UTF-16${end} -t UTF-8`));
        expect(whatOf(wide32(text, big))).toMatch(new RegExp(`UTF-32 text.*iconv -f UTF-32${end} -t UTF-8`));
      }
    }
  });

  it("never takes a cut character for damage", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.nat(40), (text, length) => {
        const bytes = Buffer.from(text).subarray(0, length + 1);
        expect(Buffer.from(text).subarray(0, cutAtCharacter(bytes).length).toString()).toBe(
          cutAtCharacter(bytes).toString(),
        );
        expect(bytes.length - cutAtCharacter(bytes).length).toBeLessThan(4);
      }),
    );
    const long = Buffer.from(`x${"é".repeat(HEAD_BYTES)}`).subarray(0, HEAD_BYTES);
    expect(kindOf(long, false).is).toBe("text");
    expect(kindOf(long, true).is).toBe("not UTF-8");
  });
});

describe("the advice on bytes that are not UTF-8", () => {
  const advice = async (bytes: Buffer): Promise<string> => {
    writeFileSync(at("x.txt"), bytes);
    const text = [{ path: at("x.txt"), domain: null }];
    return readDocuments({ ...AS_THEY_ARE, text })
      .next()
      .then(
        () => "read",
        (error: Error) => error.message,
      );
  };

  it("is to replace damage, and to convert another encoding", async () => {
    expect(await advice(Buffer.concat([Buffer.from("déjà "), latin1("\xff")]))).toMatch(
      /byte 7 \(0xff\): convert it, or pass --invalid-utf8 replace$/,
    );
    expect(await advice(latin1("le caf\xe9 est ferm\xe9"))).toMatch(
      /byte 6 \(0xe9\): it is in another encoding.*iconv -f WINDOWS-1252/,
    );
    expect(await advice(latin1("le caf\xe9"))).not.toMatch(/replace/);
    expect(await advice(latin1("\xfe\xfe\0\x01\x02\x03\x04"))).toMatch(/byte 0 \(0xfe\): this is binary data/);
  });
});
