import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import { FIRST, PRODUCTS, SCALED } from "./arithmetic.ts";
import {
  batches,
  blockCount,
  blockEnd,
  crc32,
  type Header,
  headerBytes,
  OPENING_BYTES,
  readHeader,
  readTable,
  tableBytes,
  writeHeader,
  writeTable,
} from "./container.ts";

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((digest) => Buffer.from(digest).toString("hex"));
const parts = fc.record({
  weights: hex(16),
  config: hex(16),
  tokenizer: hex(16),
  distributions: hex(16),
  plain: hex(32),
  runtime: fc.string({ maxLength: 40, unit: "grapheme" }),
  plainBytes: fc.maxSafeNat(),
  context: fc.integer({ min: 2, max: 2 ** 20 }),
  overlap: fc.nat(2 ** 19),
  blockBytes: fc.integer({ min: 4, max: 2 ** 30 }),
  rows: fc.integer({ min: 1, max: 4096 }),
  lanes: fc.constantFrom(1, 2, 7, 4096),
  primer: fc.nat(1000),
  products: fc.constantFrom(...PRODUCTS),
  scaled: fc.constantFrom(...SCALED),
});
const header: fc.Arbitrary<Header> = parts.map(({ primer, overlap, ...rest }) => ({
  ...rest,
  overlap: overlap % rest.context,
  primer: rest.lanes === 1 ? 0 : primer % rest.context,
}));
const entry = fc.record({ back: fc.nat(3), codeBytes: fc.nat(2 ** 32 - 1), crc: fc.nat(2 ** 32 - 1) });

const read = (file: Uint8Array): Header => {
  const opening = file.subarray(0, OPENING_BYTES);
  return readHeader(opening, file.subarray(OPENING_BYTES, OPENING_BYTES + headerBytes(opening)));
};

describe("CRC-32", () => {
  it("is that of gzip and PNG", () => {
    expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });
});

describe("a header", () => {
  it("comes back as it was written, whatever follows it", () => {
    fc.assert(
      fc.property(header, (written) => {
        const bytes = writeHeader(written);
        expect(headerBytes(bytes)).toBe(bytes.length - OPENING_BYTES);
        expect(read(Buffer.concat([bytes, Buffer.from("more")]))).toEqual(written);
      }),
    );
  });

  it("leaves room in 256 bytes beside the code's last word", () => {
    fc.assert(
      fc.property(header, (written) => writeHeader({ ...written, runtime: "onnxruntime 1.30.0" }).length < 200),
    );
  });

  it("is refused with one bit changed, or cut anywhere", () => {
    fc.assert(
      fc.property(header, fc.nat(), fc.nat(7), (written, at, bit) => {
        const bytes = writeHeader(written);
        const place = at % bytes.length;
        expect(() => read(bytes.subarray(0, place))).toThrow(LossyscopeError);
        bytes[place] ^= 1 << bit;
        expect(() => read(bytes)).toThrow(LossyscopeError);
      }),
    );
  });

  it.each<[Partial<Header>, RegExp]>([
    [{ blockBytes: 2 ** 30 + 1 }, /blocks of 1,073,741,825 bytes, which have 4 to 1,073,741,824/],
    [{ blockBytes: 3 }, /blocks of 3 bytes/],
    [{ rows: 0 }, /batches of 0 blocks/],
    [{ context: 1 }, /windows of 1 token, which need 2/],
    [{ context: 100, overlap: 100 }, /windows of 100 tokens that read 100 again/],
    [{ lanes: 0 }, /blocks of 0 lanes, which have 2 to 4,096/],
    [{ lanes: 2 ** 31 }, /blocks of 2,147,483,648 lanes, which have 2 to 4,096/],
    [{ lanes: 2 ** 31, scaled: "queries" }, /blocks of 2,147,483,648 lanes, which have 1 to 4,096/],
    [{ lanes: 2, context: 100, overlap: 0, primer: 100 }, /opens blocks with 100 tokens in windows of 100/],
    [{ lanes: 1, primer: 7, products: "fast" }, /opens blocks with 7 tokens for a single lane/],
  ])("is refused where no file has what it says: %o", (change, message) => {
    const numbers = { context: 1024, overlap: 512, blockBytes: 32768, rows: 4, primer: 0, ...FIRST };
    const [sound] = fc.sample(header, 1);
    expect(() => read(writeHeader({ ...sound, ...numbers, ...change }))).toThrow(message);
  });

  it("of a way to compute that came later is refused, with its numbers", () => {
    const bytes = writeHeader({ ...small, products: "fast", scaled: "queries" });
    // Before the checksum: what is multiplied by, and how keys are kept.
    for (const [place, way] of [
      [6, "7, 1"],
      [5, "2, 7"],
    ] as const) {
      const other = Uint8Array.from(bytes);
      other[bytes.length - place] = 7;
      new DataView(other.buffer).setUint32(bytes.length - 4, crc32(other.subarray(0, -4)), true);
      expect(() => read(other)).toThrow(`computed in a way (${way}) that this program does not know`);
    }
  });

  const small: Header = {
    weights: "11".repeat(16),
    config: "22".repeat(16),
    tokenizer: "33".repeat(16),
    distributions: "44".repeat(16),
    plain: "55".repeat(32),
    runtime: "x 1",
    plainBytes: 300,
    context: 1024,
    overlap: 512,
    blockBytes: 32768,
    rows: 4,
    lanes: 1,
    primer: 0,
    ...FIRST,
  };

  it("of blocks that are one lane each is the one that version 1 had", () => {
    // Bytes that the release before lanes wrote.
    const before = `894c535a0d0a1a0a016e00${"11".repeat(16)}${"22".repeat(16)}${"33".repeat(16)}${"44".repeat(16)}${"55".repeat(32)}03782031ac028008800480800204`;
    const bytes = writeHeader(small);
    expect(Buffer.from(bytes).subarray(0, -4).toString("hex")).toBe(before);
    expect(read(bytes)).toEqual(small);
    expect(writeHeader({ ...small, lanes: 2 })[8]).toBe(2);
    expect(writeHeader({ ...small, scaled: "queries" })[8]).toBe(3);
  });

  it("says which version it cannot read", () => {
    const bytes = writeHeader(small);
    bytes[8] = 9;
    expect(() => read(bytes)).toThrow(/version 9 of the format, this program reads versions 1 to 3/);
    expect(() => read(Buffer.from("PK\x03\x04 something else"))).toThrow(/not an \.lsz file/);
  });
});

describe("a section's table", () => {
  it("comes back as it was written, and not at all with one bit changed", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.nat(), fc.nat(7), (entries, at, bit) => {
        const bytes = writeTable(entries);
        expect(bytes).toHaveLength(tableBytes(entries.length));
        expect(readTable(bytes)).toEqual(entries);
        bytes[at % bytes.length] ^= 1 << bit;
        expect(readTable(bytes)).toBeNull();
        expect(readTable(bytes.subarray(0, at % bytes.length))).toBeNull();
      }),
    );
  });
});

describe("batches", () => {
  it("hold every block once, in order, in as few batches as the rows allow, of sizes that differ by one at most", () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.integer({ min: 4, max: 500 }),
        fc.integer({ min: 1, max: 40 }),
        (plainBytes, blockBytes, rows) => {
          const layout = { plainBytes, blockBytes, rows };
          const blocks = blockCount(layout);
          const cut = batches(layout);
          expect(cut.flatMap(({ first, count }) => Array.from({ length: count }, (_, b) => first + b))).toEqual(
            Array.from({ length: blocks }, (_, b) => b),
          );
          expect(cut).toHaveLength(Math.ceil(blocks / rows));
          const counts = cut.map(({ count }) => count);
          if (blocks > 0) {
            expect(Math.max(...counts)).toBeLessThanOrEqual(rows);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
            expect(blockEnd(layout, blocks - 1)).toBe(plainBytes);
            expect(blockEnd(layout, blocks - 1) - (blocks > 1 ? blockEnd(layout, blocks - 2) : 0)).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});
