import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { RangeDecoder, RangeEncoder, READ_AHEAD, TOTAL } from "./range-coder.ts";

type Interval = readonly [start: number, size: number];

function encode(symbols: readonly Interval[]): Uint8Array {
  const encoder = new RangeEncoder();
  for (const [start, size] of symbols) encoder.encode(start, size);
  return encoder.finish();
}

/** Decodes with the intervals known and reports the first symbol whose target lies outside its own. */
function firstMiss(bytes: Uint8Array, symbols: readonly Interval[]): number | undefined {
  const decoder = new RangeDecoder(bytes);
  for (let i = 0; i < symbols.length; i++) {
    const [start, size] = symbols[i];
    const target = decoder.target();
    if (target < start || target >= start + size) return i;
    decoder.consume(start, size);
  }
  return undefined;
}

const idealBits = (symbols: readonly Interval[]): number =>
  symbols.reduce((bits, [, size]) => bits - Math.log2(size / TOTAL), 0);

/** The coder in one big integer: low and range with as many digits as it takes, the reference for every byte. */
function naiveEncode(symbols: readonly Interval[]): Uint8Array {
  let low = 0n;
  let range = 2n ** 64n - 1n;
  let words = 0n;
  for (const [start, size] of symbols) {
    const step = range >> 30n;
    low += step * BigInt(start);
    range = step * BigInt(size);
    while (range < 2n ** 48n) {
      low <<= 16n;
      range <<= 16n;
      words++;
    }
  }
  const unit = 2n ** 48n;
  const code = (low + unit - 1n) / unit;
  const hex = code.toString(16).padStart(Number(words + 1n) * 4, "0");
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const interval: fc.Arbitrary<Interval> = fc
  .oneof(
    fc.tuple(fc.nat(TOTAL - 1), fc.integer({ min: 1, max: TOTAL })),
    // shares that leave no room, as small as can be, at the very ends, and close to certainty
    fc.tuple(
      fc.constantFrom(0, 1, TOTAL / 2, TOTAL - 2, TOTAL - 1),
      fc.constantFrom(1, 2, TOTAL / 2, TOTAL - 1, TOTAL),
    ),
  )
  .map(([start, size]) => [start, Math.min(size, TOTAL - start)]);

describe("a code that is read while it grows", () => {
  it("can be read up to a symbol once what had left the state after it is there, and what is read ahead", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(TOTAL - 2), { maxLength: 300 }), fc.nat(3), (starts, kind) => {
        // Wide intervals hold words back, narrow ones shift many.
        const symbols = starts.map((start) => ({
          start,
          size: Math.max(1, [1, 7, TOTAL >> 3, TOTAL][kind] % (TOTAL - start)),
        }));
        const encoder = new RangeEncoder();
        const left: number[] = [];
        let code: Uint8Array | undefined;
        const grown = () => code ?? encoder.written;
        let decoder: RangeDecoder | undefined;
        let read = 0;
        const follow = (): void => {
          for (; read < left.length && (code || encoder.written.length >= left[read] + READ_AHEAD); read++) {
            decoder ??= new RangeDecoder(grown);
            const { start, size } = symbols[read];
            const target = decoder.target();
            expect(target >= start && target < start + size).toBe(true);
            decoder.consume(start, size);
          }
        };
        for (const { start, size } of symbols) {
          encoder.encode(start, size);
          left.push(encoder.shifted);
          follow();
        }
        code = encoder.finish();
        follow();
        expect(read).toBe(symbols.length);
      }),
    );
  });
});

describe("range coder", () => {
  it("gives back any sequence of intervals", () => {
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 300 }), (symbols) => {
        expect(firstMiss(encode(symbols), symbols)).toBeUndefined();
      }),
    );
  });

  it("writes byte for byte what the same coder in big integers writes", () => {
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 120 }), (symbols) => {
        expect([...encode(symbols)]).toEqual([...naiveEncode(symbols)]);
      }),
    );
  });

  it("carries through any number of full words", () => {
    // Every symbol's interval holds one half of the whole, so the code stays 0x7fff ffff ffff … with nothing decided
    // until the last symbol lies below it, or above it and turns every word that was held back.
    for (const length of [3, 10, 200]) {
      for (const side of ["below", "above"]) {
        let low = 0n;
        let range = 2n ** 64n - 1n;
        let half = 2n ** 63n;
        const symbols: Interval[] = [];
        for (let i = 0; i < length; i++) {
          const step = range >> 30n;
          const place = Number((half - low) / step);
          const size = i % 3 === 0 ? 1 : 2;
          symbols.push(i < length - 1 ? [place, size] : side === "below" ? [place - 1, 1] : [place + 1, 1]);
          low += step * BigInt(symbols[i][0]);
          range = step * BigInt(symbols[i][1]);
          for (; range < 2n ** 48n; range <<= 16n) {
            low <<= 16n;
            half <<= 16n;
          }
        }
        const bytes = encode(symbols);
        const settled = side === "below" ? [0x7f, ...Array(length).fill(0xff)] : [0x80, ...Array(length).fill(0)];
        expect([...bytes.subarray(0, length + 1)]).toEqual(settled);
        expect([...bytes]).toEqual([...naiveEncode(symbols)]);
        expect(firstMiss(bytes, symbols)).toBeUndefined();
      }
    }
  });

  it("finds carries among random symbols that hug the top of the interval", () => {
    const draws = random(1, "carries");
    const symbols: Interval[] = Array.from({ length: 20_000 }, () => {
      const size = 1 + draws.below(64);
      return [TOTAL - size - draws.below(3) * (draws.below(50) === 0 ? 1 : 0), size];
    });
    expect([...encode(symbols)]).toEqual([...naiveEncode(symbols)]);
  });

  it("costs -log2 p to one part in ten thousand, and a word", () => {
    const draws = random(2, "distributions");
    for (const spread of [1, 4, 12, 29]) {
      const symbols: Interval[] = Array.from({ length: 50_000 }, () => {
        const size = Math.max(1, Math.floor(TOTAL * 2 ** (-spread * draws.uniform())));
        return [draws.below(TOTAL - size + 1), size];
      });
      const ideal = idealBits(symbols);
      const written = encode(symbols).length * 8;
      expect(written).toBeGreaterThan(ideal - 1);
      expect(written).toBeLessThan(ideal * (1 + 1e-4) + 32);
    }
  });

  it("costs a certain symbol less than a hundred-thousandth of a bit", () => {
    const encoder = new RangeEncoder();
    for (let i = 0; i < 1_000_000; i++) encoder.encode(0, TOTAL);
    expect(encoder.finish().length * 8).toBeLessThan(10 + 16);
  });

  it("drains what is settled and nothing else", () => {
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (symbols, every) => {
        const encoder = new RangeEncoder();
        const parts: number[] = [];
        symbols.forEach(([start, size], i) => {
          encoder.encode(start, size);
          if (i % every === 0) parts.push(...encoder.drain());
        });
        parts.push(...encoder.finish());
        expect(parts).toEqual([...encode(symbols)]);
      }),
    );
  });

  it("reads any bytes at all without leaving the total", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const decoder = new RangeDecoder(bytes);
        for (let i = 0; i < 60; i++) {
          const target = decoder.target();
          expect(target >= 0 && target < TOTAL && Number.isInteger(target)).toBe(true);
          const start = target - (target % 1000);
          decoder.consume(start, Math.min(1000, TOTAL - start));
        }
      }),
    );
  });

  it("refuses an interval that is empty or leaves the total", () => {
    const encoder = new RangeEncoder();
    for (const [start, size] of [
      [0, 0],
      [-1, 4],
      [TOTAL, 1],
      [1, TOTAL],
      [Number.NaN, 1],
    ]) {
      expect(() => encoder.encode(start, size)).toThrow(RangeError);
      expect(() => new RangeDecoder(new Uint8Array()).consume(start, size)).toThrow(RangeError);
    }
  });
});
