import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { hasShared, shared } from "../../fixtures.testing.ts";
import { random } from "../../numeric/random.ts";
import { COMPRESSORS } from "./compressors.ts";

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const loaded = new Map(COMPRESSORS.map((compressor) => [compressor.name, compressor.load()]));

async function sizeOf(name: string, bytes: Uint8Array, part = 10_000): Promise<number> {
  const { compressedSize } = await loaded.get(name)!;
  return compressedSize(inParts(bytes, part), bytes.length);
}

const draws = random(1, "compressors");
const noise = Uint8Array.from({ length: 300_000 }, () => draws.below(256));

describe("compressors", () => {
  it("are the six that METHODS names, each with its implementation", async () => {
    expect(COMPRESSORS.map(({ name }) => name)).toEqual([
      "gzip -9",
      "brotli 11",
      "zstd 19",
      "xz -9e",
      "bzip2 -9",
      "order-2 bytes",
    ]);
    for (const compressor of loaded.values()) expect((await compressor).implementation).toMatch(/\d+\.\d+\.\d+/);
  });

  it.each(COMPRESSORS.map(({ name }) => name))("%s does not depend on how the stream is cut", async (name) => {
    const text = new TextEncoder().encode("the same bytes, over and over; ".repeat(2000));
    expect(await sizeOf(name, text, 7)).toBe(await sizeOf(name, text, text.length));
  });

  it.each(COMPRESSORS.map(({ name }) => name))("%s takes what cannot be compressed", async (name) => {
    const size = await sizeOf(name, noise);
    expect(size).toBeGreaterThan(noise.length);
    expect(size).toBeLessThan(noise.length * 1.15);
  });

  it("xz takes YZ, the end of its own files, anywhere in a part", async () => {
    const text = new TextEncoder().encode("YZ XYZ YZYZ ZY ".repeat(300));
    for (const part of [1, 2, 1000, text.length]) expect(await sizeOf("xz -9e", text, part)).toBeLessThan(300);
  });

  it("bzip2 takes more than its heap is large", { timeout: 30_000 }, async () => {
    // 20 MB: the heap starts at 16.
    const size = await sizeOf("bzip2 -9", new Uint8Array(20_000_000), 2 ** 20);
    expect(size).toBeGreaterThan(40);
    expect(size).toBeLessThan(1000);
  });

  it("gzip and brotli stream to the size they reach in one go", async () => {
    const text = new TextEncoder().encode("to be, or not to be: that is the question. ".repeat(500));
    expect(await sizeOf("gzip -9", text)).toBe(gzipSync(text, { level: 9 }).length);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
    expect(await sizeOf("brotli 11", text)).toBe(brotliCompressSync(text, { params }).length);
  });

  describe.skipIf(!hasShared)(
    "beside the system's tools on tinyshakespeare (skipped where ../shared is absent)",
    () => {
      const text = hasShared ? readFileSync(shared("text/tinyshakespeare.txt")) : new Uint8Array();

      it.each([
        ["xz -9e", 364_404], // xz 5.4.1
        ["bzip2 -9", 328_477], // bzip2 1.0.8
      ])("%s writes %i bytes", async (name, bytes) => expect(await sizeOf(name, text)).toBe(bytes));

      it("zstd 19 writes what zstd 1.5.4 does, but for one byte", async () =>
        expect(Math.abs((await sizeOf("zstd 19", text)) - 368_313)).toBeLessThanOrEqual(1));

      it("gzip -9 comes within 1 % of gzip 1.12: Node's zlib is a fork with other match finders", async () =>
        expect(Math.abs((await sizeOf("gzip -9", text)) / 433_627 - 1)).toBeLessThan(0.01));

      it("brotli 11 comes between xz and zstd", async () => {
        const size = await sizeOf("brotli 11", text);
        expect(size).toBeGreaterThan(350_000);
        expect(size).toBeLessThan(368_313);
      });
    },
  );
});
