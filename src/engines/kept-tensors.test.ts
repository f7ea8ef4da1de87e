/** Kept tensors against joining everything anew at every run. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeptTensors } from "./kept-tensors.ts";
import type { KeptTensor } from "./runtime-messages.ts";

const TENSORS: readonly KeptTensor[] = [
  { input: "past.a", output: "new.a", heads: 2, width: 3 },
  { input: "past.b", output: "new.b", heads: 1, width: 1 },
];

describe("kept tensors", () => {
  it("hold what the runs gave, in order, zeros behind it, and nothing of what was before a restart", () => {
    const runs = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), runs), { minLength: 1, maxLength: 3 }),
        (sessions) => {
          const kept = new KeptTensors(TENSORS);
          let next = 1;
          for (const [rows, sizes] of sessions) {
            /** [tensor][row · head][slot][width] */
            const naive = TENSORS.map(({ heads }) => Array.from({ length: rows * heads }, (): number[][] => []));
            let filled = 0;
            for (const size of sizes) {
              const fed = kept.before({ rows, filled });
              TENSORS.forEach(({ input, heads, width }, t) => {
                const { name, data, dims } = fed[t];
                const capacity = dims[3];
                expect(name).toBe(input);
                expect(dims).toEqual([rows, heads, 1, capacity, width]);
                expect(capacity).toBeGreaterThanOrEqual(Math.max(1, filled));
                expect(capacity).toBeLessThan(filled + 65);
                const expected = naive[t].flatMap((slots) => {
                  const spare = (capacity - slots.length) * width;
                  return [...slots.flat(), ...new Array<number>(spare).fill(0)];
                });
                expect([...data]).toEqual(expected);
              });
              const given = TENSORS.map(({ heads, width }) => ({
                data: Float32Array.from({ length: rows * heads * size * width }, () => next++ % 4096),
                dims: [rows, heads, 1, size, width],
              }));
              kept.after({ rows, filled }, (name) => given[kept.outputs.indexOf(name)]);
              given.forEach(({ data }, t) => {
                const { width } = TENSORS[t];
                naive[t].forEach((slots, head) => {
                  for (let slot = 0; slot < size; slot++) {
                    const at = (head * size + slot) * width;
                    slots.push([...data.subarray(at, at + width)]);
                  }
                });
              });
              filled += size;
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
