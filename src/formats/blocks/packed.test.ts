/** Codes in blocks: what they stand for is scale · (code − middle), whatever block holds them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { halfBits, halfTable } from "../halves.ts";
import { dequantise } from "./dequantise.ts";
import { packedBlocks } from "./packed.ts";

describe("codes in blocks", () => {
  it.each([
    ["Q4_0", 2],
    ["Q4_0", 4],
    ["Q5_0", 5],
    ["Q8_0", 6],
    ["Q8_0", 8],
  ] as const)("%s holds codes of %i bits exactly", (type, bits) => {
    const middle = 2 ** (bits - 1);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 128, maxLength: 128 }),
        fc.array(fc.double({ min: 1e-4, max: 60_000, noNaN: true }), { minLength: 2, maxLength: 2 }),
        (bytes, scales) => {
          const codes = bytes.map((byte) => byte & (2 * middle - 1));
          const halves = Uint16Array.from(scales, halfBits);
          const blocks = packedBlocks(type, { codes, middle, scales: halves, group: 64 });
          const wanted = Array.from(codes, (code, i) => halfTable()[halves[i >> 6]] * (code - middle));
          expect([...dequantise(type, blocks)]).toEqual(wanted.map((one) => (one === 0 ? expect.closeTo(0) : one)));
        },
      ),
      { numRuns: 50 },
    );
  });
});
