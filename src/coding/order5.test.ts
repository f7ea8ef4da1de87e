import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Order5Model } from "./order5.ts";

/** The formula of METHODS §1 as it stands, a table for every context. */
class Naive {
  readonly #seen = new Map<string, Map<number, number>>();

  #after(context: readonly number[]): Map<number, number> {
    const name = context.join();
    if (!this.#seen.has(name)) this.#seen.set(name, new Map());
    return this.#seen.get(name)!;
  }

  learn(text: readonly number[]): void {
    text.forEach((byte, i) => {
      for (let k = Math.min(5, i); k >= 0; k--) {
        const counts = this.#after(text.slice(i - k, i));
        const before = counts.get(byte) ?? 0;
        counts.set(byte, before + 1);
        if (before > 0) break;
      }
    });
  }

  p(context: readonly number[], byte: number): number {
    let p = 1 / 256;
    for (let k = 0; k <= Math.min(5, context.length); k++) {
      const counts = this.#after(context.slice(context.length - k));
      const n = [...counts.values()].reduce((sum, count) => sum + count, 0);
      if (n > 0) p = ((counts.get(byte) ?? 0) + counts.size * p) / (n + counts.size);
    }
    return p;
  }
}

const byte = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 255 }));
const text = fc.array(byte, { maxLength: 60 });

function learnt(texts: readonly (readonly number[])[]): { model: Order5Model; naive: Naive } {
  const model = new Order5Model();
  const naive = new Naive();
  for (const one of texts) {
    model.learn(Uint8Array.from(one));
    naive.learn(one);
  }
  return { model, naive };
}

describe("order-5 byte model", () => {
  it("gives the bits of the formula", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, (texts, asked) => {
        const { model, naive } = learnt(texts);
        const bits = asked.reduce((sum, one, i) => sum - Math.log2(naive.p(asked.slice(0, i), one)), 0);
        expect(model.bits(Uint8Array.from(asked))).toBeCloseTo(bits, 8);
      }),
    );
  });

  it("goes on with the most probable byte of the formula", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), text, (texts, asked) => {
        const { model, naive } = learnt(texts);
        const written = [...model.continue(asked, 4)];
        written.forEach((one, i) => {
          const context = [...asked.slice(-5), ...written.slice(0, i)].slice(-5);
          const all = Array.from({ length: 256 }, (_, x) => naive.p(context, x));
          expect(all[one]).toBeGreaterThanOrEqual(Math.max(...all) * (1 - 1e-12));
        });
      }),
    );
  });

  it("knows the alphabet once it has read it, and says the rest of it", () => {
    const model = new Order5Model();
    const alphabet = Uint8Array.from({ length: 26 }, (_, i) => 97 + i);
    model.learn(alphabet);
    expect(model.continue(alphabet.subarray(0, 3), 23)).toEqual(alphabet.subarray(3));
    expect(model.bits(alphabet)).toBeLessThan(2.5 * 26);
  });

  it("without a text all bytes are alike", () => {
    const model = new Order5Model();
    expect(model.bits(Uint8Array.of(1, 2, 3))).toBeCloseTo(24, 12);
    expect([...model.continue([65], 2)]).toEqual([0, 0]);
  });
});
