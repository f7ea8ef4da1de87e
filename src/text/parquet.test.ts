/** Parquet as pyarrow writes it (fixtures/generate/parquet_files.py), and what damaged and hostile files come to. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { AS_THEY_ARE, readDocuments, type TextOptions } from "./documents.ts";

const at = temporaryFolder();
const fixture = (name: string): string => join(import.meta.dirname, "../../fixtures/parquet", `${name}.parquet`);

async function read(path: string, options: Partial<TextOptions> = {}): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  const defaults: TextOptions = {
    text: [{ path, domain: null }],
    ...AS_THEY_ARE,
    seed: 1,
  };
  const { labels } = { ...defaults, ...options };
  for await (const { id, text, metadata } of readDocuments({ ...defaults, ...options }))
    found.push([labels.length > 0 ? `${id} ${JSON.stringify(metadata?.labels)}` : id, text]);
  return found;
}
const texts = async (...from: Parameters<typeof read>) => (await read(...from)).map(([, text]) => text);

describe("Parquet", () => {
  it.each(["none", "snappy", "gzip", "zstd", "brotli", "lz4"])("compressed with %s", async (codec) => {
    expect(await read(fixture(codec), { labels: ["lang", "id"] })).toEqual([
      [`${codec}.parquet#0 {"lang":"en","id":"0"}`, "one"],
      [`${codec}.parquet#1 {"lang":"de","id":"1"}`, "zwei é 😀"],
      [`${codec}.parquet#2 {"lang":"en","id":"2"}`, ""],
      [`${codec}.parquet#3 {"lang":"de","id":"3"}`, "drei\nlines"],
      [`${codec}.parquet#4 {"lang":"en","id":"4"}`, "one"],
    ]);
  });

  it("in row groups of many pages, with dictionaries, without rows, under any name", async () => {
    const long = Array.from({ length: 3000 }, (_, i) => `${i} ${"word ".repeat(i % 7)}`);
    expect(await texts(fixture("pages"))).toEqual(long);
    expect(await texts(fixture("pages"), { limitDocuments: 3 })).toEqual(long.slice(0, 3));
    expect(await texts(fixture("dictionary"))).toEqual(["a", "b", "a", "a"]);
    expect(await texts(fixture("none-at-all"))).toEqual([]);
    mkdirSync(at("f"));
    copyFileSync(fixture("dictionary"), at("f", "data"));
    expect(await texts(at("f"))).toEqual(["a", "b", "a", "a"]);
  });

  it("gives the field that is named: nested, or with a dot in its name", async () => {
    expect(await texts(fixture("types"), { field: "meta.body" })).toEqual(["first", "second"]);
    expect(await texts(fixture("types"), { field: "a.b" })).toEqual(["dotted", "name"]);
  });

  it("replaces on request what is not UTF-8", async () => {
    expect(await texts(fixture("types"), { field: "raw", invalidUtf8: "replace" })).toEqual(["\ufffd\ufffd", "ok"]);
  });

  it.each([
    ["types", null, /`text`, which is of type list of string: pass --field meta\.body/],
    ["types", "n", /no text in the column `n`, which is of type int64/],
    ["types", "meta", /no column `meta` \(columns: .*meta\.body: string/],
    ["types", "raw", /types\.parquet, row 1 is not UTF-8 at byte 0 \(0xff\)/],
    ["types", "none", /no column `none`/],
    ["nulls", null, /nulls\.parquet, row 2 has null in `text`, no text/],
  ] as const)("%s with --field %s is refused", async (name, field, message) => {
    await expect(read(fixture(name), { field })).rejects.toThrow(message);
  });
});

describe("damaged Parquet", () => {
  const whole = readFileSync(fixture("zstd"));
  const write = (bytes: Uint8Array): string => {
    writeFileSync(at("bad.parquet"), bytes);
    return at("bad.parquet");
  };

  it("is named for what it is", async () => {
    await expect(read(write(whole.subarray(0, -1)))).rejects.toThrow(
      /bad\.parquet cannot be read as Parquet \(its end/,
    );
    await expect(read(write(whole.subarray(0, 6)))).rejects.toThrow(/6 bytes are too few/);
    const footer = Buffer.from(whole);
    footer.writeUInt32LE(0xfffffff0, footer.length - 8);
    await expect(read(write(footer))).rejects.toThrow(/footer would have 4,294,967,280 bytes/);
  });

  it("is only ever our own error, and soon", async () => {
    const draw = random(1, "damage");
    for (const name of ["zstd", "snappy", "pages", "types"]) {
      const sound = readFileSync(fixture(name));
      for (let run = 0; run < 3; run++) {
        const bytes = Buffer.from(sound);
        for (let i = 0; i < 4; i++)
          bytes[4 + Math.floor(draw.uniform() * (bytes.length - 12))] = Math.floor(draw.uniform() * 256);
        const found = await read(write(bytes), { field: name === "types" ? "meta.body" : null }).catch(
          (error: unknown) => error,
        );
        expect(Array.isArray(found) || found instanceof LossyscopeError, String(found)).toBe(true);
      }
    }
  });
});
