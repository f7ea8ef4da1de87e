import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasShared, shared } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { Order2Encoder, order2Decode } from "./order2.ts";

function compress(bytes: Uint8Array): Uint8Array {
  const encoder = new Order2Encoder();
  encoder.write(bytes);
  return encoder.finish();
}

/** −log2 of the text by the formula in the header, with plain tables of counts. */
function naiveBits(bytes: Uint8Array): number {
  const orders = [0, 1, 2].map(() => new Map<string, Map<number, number>>());
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) {
    const past = [bytes[i - 2] ?? 0, bytes[i - 1] ?? 0];
    const tables = orders.map((order, k) => {
      const context = past.slice(2 - k).join();
      if (!order.has(context)) order.set(context, new Map());
      return order.get(context)!;
    });
    let p = 1 / 256;
    for (const table of tables) {
      const n = [...table.values()].reduce((sum, count) => sum + count, 0);
      if (n > 0) p = ((table.get(bytes[i]) ?? 0) + table.size * p) / (n + table.size);
    }
    bits -= Math.log2(p);
    for (const table of tables.reverse()) {
      const count = table.get(bytes[i]) ?? 0;
      table.set(bytes[i], count + 1);
      if (count > 0) break;
    }
  }
  return bits;
}

const text = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.array(fc.constantFrom(97, 98, 99, 255, 0), { maxLength: 400 }).map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: "grapheme", maxLength: 200 }).map((string) => new TextEncoder().encode(string)),
);

describe("order-2 byte model", () => {
  it("gives back any bytes", () => {
    fc.assert(
      fc.property(text, (bytes) => {
        expect([...order2Decode(compress(bytes), bytes.length)]).toEqual([...bytes]);
      }),
    );
  });

  it("writes as many bits as its formula says", () => {
    fc.assert(
      fc.property(text, (bytes) => {
        const ideal = naiveBits(bytes);
        const written = compress(bytes).length * 8;
        expect(written).toBeGreaterThan(ideal - 1);
        expect(written).toBeLessThan(ideal + 1e-4 * bytes.length + 24);
      }),
    );
  });

  it("does not depend on how the stream is cut", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (bytes, step) => {
        const encoder = new Order2Encoder();
        const parts: number[] = [];
        for (let at = 0; at < bytes.length; at += step) {
          encoder.write(bytes.subarray(at, at + step));
          parts.push(...encoder.drain());
        }
        parts.push(...encoder.finish());
        expect(parts).toEqual([...compress(bytes)]);
      }),
    );
  });

  it("spends 8 bits a byte, and what learning costs, on noise and next to nothing on repetition", () => {
    const draws = random(3, "noise");
    const noise = Uint8Array.from({ length: 20_000 }, () => draws.below(256));
    const cost = (compress(noise).length * 8) / noise.length;
    expect(cost).toBeGreaterThan(8);
    expect(cost).toBeLessThan(9);
    expect(compress(new Uint8Array(100_000).fill(120)).length).toBeLessThan(16);
  });

  it("keeps every pair of bytes apart", () => {
    const bytes = new Uint8Array(2 * 65_536);
    for (let pair = 0; pair < 65_536; pair++) {
      bytes[2 * pair] = pair >>> 8;
      bytes[2 * pair + 1] = pair & 0xff;
    }
    expect(Buffer.compare(order2Decode(compress(bytes), bytes.length), bytes)).toBe(0);
  });

  it.skipIf(!hasShared)("tinyshakespeare and wikitext-2 (skipped where ../shared is absent)", () => {
    // −log2 of each text under the formula, in bytes rounded up, by a separate table-based computation.
    for (const [file, ideal] of [
      ["tinyshakespeare.txt", 390_402],
      ["wikitext2-test.txt", 420_910],
    ] as const) {
      const bytes = readFileSync(shared(`text/${file}`));
      const code = compress(bytes);
      expect(code.length).toBeGreaterThanOrEqual(ideal - 1);
      expect(code.length).toBeLessThanOrEqual(ideal + 4);
      expect(Buffer.compare(order2Decode(code, bytes.length), bytes)).toBe(0);
    }
  });
});
