import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTensor, fromFloat32, toFloat32, toInt32 } from "./tensor-types.ts";

describe("values", () => {
  it("widens every float16 exactly", () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = toFloat32("F16", new Uint8Array(patterns.buffer));
    let wrong = 0;
    for (let half = 0; half < 65536; half++) {
      const exponent = (half >> 10) & 31;
      const fraction = half & 0x3ff;
      const magnitude =
        exponent === 31
          ? fraction
            ? Number.NaN
            : Infinity
          : exponent === 0
            ? fraction * 2 ** -24
            : (1 + fraction / 1024) * 2 ** (exponent - 15);
      if (!Object.is(values[half], half & 0x8000 ? -magnitude : magnitude)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("widens every bfloat16 exactly", () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = toFloat32("BF16", new Uint8Array(patterns.buffer));
    let wrong = 0;
    for (let pattern = 0; pattern < 65536; pattern++) {
      const exponent = (pattern >> 7) & 255;
      const fraction = pattern & 127;
      const magnitude =
        exponent === 255
          ? fraction
            ? Number.NaN
            : Infinity
          : exponent === 0
            ? fraction * 2 ** -133
            : (1 + fraction / 128) * 2 ** (exponent - 127);
      if (!Object.is(values[pattern], pattern & 0x8000 ? -magnitude : magnitude)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("reads bytes at any alignment", () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat64(1, Math.PI, true);
    expect(decodeTensor("F64", bytes.subarray(1))).toEqual(Float64Array.of(Math.PI));
    expect(toFloat32("F64", bytes.subarray(1))).toEqual(Float32Array.of(Math.fround(Math.PI)));
  });

  it("keeps 64-bit integers whole and narrows only what fits", () => {
    const ids = BigInt64Array.of(1n, -(2n ** 31n), 2n ** 31n - 1n);
    expect(decodeTensor("I64", new Uint8Array(ids.buffer))).toEqual(ids);
    expect(toInt32("I64", new Uint8Array(ids.buffer))).toEqual(Int32Array.of(1, -(2 ** 31), 2 ** 31 - 1));
    const large = BigInt64Array.of(5n, 2n ** 31n);
    expect(() => toInt32("I64", new Uint8Array(large.buffer))).toThrow("value 2147483648 at element 1");
    expect(toInt32("BOOL", Uint8Array.of(0, 1))).toEqual(Int32Array.of(0, 1));
  });

  it("refuses what it cannot read", () => {
    expect(() => decodeTensor("F6_E2M3", new Uint8Array(3))).toThrow("F6_E2M3");
    expect(() => toFloat32("I64", new Uint8Array(8))).toThrow("I64");
    expect(() => toInt32("F32", new Uint8Array(4))).toThrow("not integers");
    expect(() => toFloat32("F32", new Uint8Array(5))).toThrow("5 bytes");
  });
});

describe("float32 to 16 bits", () => {
  const back = (dtype: "F16" | "BF16", value: number): number =>
    toFloat32(dtype, fromFloat32(dtype, Float32Array.of(value)))[0];

  for (const dtype of ["F16", "BF16"] as const) {
    it(`${dtype} gives every pattern back`, () => {
      const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const values = toFloat32(dtype, new Uint8Array(patterns.buffer));
      const written = new Uint16Array(fromFloat32(dtype, values).slice().buffer);
      for (let pattern = 0; pattern < 65536; pattern++) {
        if (Number.isNaN(values[pattern]))
          expect(toFloat32(dtype, new Uint8Array(written.slice(pattern, pattern + 1).buffer))[0]).toBeNaN();
        else if (written[pattern] !== pattern) throw new Error(`${pattern} came back as ${written[pattern]}`);
      }
    });

    it(`${dtype} is the nearest, ties to even`, () => {
      const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const grid = [...toFloat32(dtype, new Uint8Array(patterns.buffer))].filter(Number.isFinite).sort((a, b) => a - b);
      fc.assert(
        fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, min: -60000, max: 60000 }), (value) => {
          const found = back(dtype, value);
          let low = 0;
          let high = grid.length - 1;
          while (high - low > 1) {
            const middle = (low + high) >> 1;
            if (grid[middle] <= value) low = middle;
            else high = middle;
          }
          const nearest = Math.min(Math.abs(grid[low] - value), Math.abs(grid[high] - value));
          expect(Math.abs(found - value)).toBe(nearest);
        }),
      );
    });
  }

  it("ties go to the even neighbour, overflow to infinity", () => {
    expect(back("F16", 2049)).toBe(2048);
    expect(back("F16", 2051)).toBe(2052);
    expect(back("F16", 2 ** -25)).toBe(0);
    expect(back("F16", 1.5 * 2 ** -24)).toBe(2 * 2 ** -24);
    expect(back("F16", 65520)).toBe(Infinity);
    expect(back("F16", 65519)).toBe(65504);
    expect(back("BF16", 257)).toBe(256);
    expect(back("BF16", 259)).toBe(260);
  });
});
