import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Prefix, Window } from "./corpus.ts";
import { batchesOf, windowsOf } from "./windows.ts";

/** METHODS §0 read aloud: walk the tokens; one that fits no open window opens the next, `reread` tokens back. */
function naiveWindows(ids: Int32Array, prefix: Prefix | null, context: number, overlap: number): number[][] {
  const reread = prefix ? overlap : Math.max(1, overlap);
  const windows: number[][] = [];
  for (let token = 0; token < ids.length; token++) {
    if (windows.length === 0 || windows[windows.length - 1].length === context) {
      const again = windows.length === 0 ? [] : Array.from(ids.subarray(token - reread, token));
      windows.push([...(prefix ? [prefix.id] : []), ...again]);
    }
    windows[windows.length - 1].push(ids[token]);
  }
  return windows;
}

const setting = fc
  .record({
    length: fc.nat(70),
    prefix: fc.constantFrom<Prefix | null>(null, { id: -7, addedByTokenizer: true }),
    context: fc.integer({ min: 3, max: 20 }),
    overlap: fc.nat(18),
  })
  .filter(({ prefix, context, overlap }) => Math.max(prefix ? 0 : 1, overlap) < context - (prefix ? 1 : 0));

describe("windowsOf", () => {
  it("holds what METHODS §0 says of every window", () => {
    fc.assert(
      fc.property(setting, ({ length, prefix, context, overlap }) => {
        const ids = Int32Array.from({ length }, (_, i) => 100 + i);
        const windows = windowsOf(3, ids, prefix, context, overlap);
        expect(windows.map((window) => Array.from(window.ids))).toEqual(naiveWindows(ids, prefix, context, overlap));

        const scored = new Int32Array(length);
        const states = new Int32Array(length);
        for (const [index, window] of windows.entries()) {
          expect(window.document).toBe(3);
          expect(window.ids.length).toBeLessThanOrEqual(context);
          expect(window.prefixSlots).toBe(prefix ? 1 : 0);
          if (prefix) expect(window.ids[0]).toBe(prefix.id);
          for (let slot = window.prefixSlots; slot < window.ids.length; slot++) {
            expect(window.ids[slot]).toBe(ids[window.start + slot - window.prefixSlots]);
          }
          expect(window.fresh === 0).toBe(index === 0);
          if (index > 0) {
            expect(window.fresh - window.prefixSlots).toBe(prefix ? overlap : Math.max(1, overlap));
            // something stands before every token that is scored here
            expect(window.fresh).toBeGreaterThan(0);
          }
          for (let slot = Math.max(window.fresh, window.prefixSlots); slot < window.ids.length; slot++) {
            states[window.start + slot - window.prefixSlots]++;
            if (slot > 0) scored[window.start + slot - window.prefixSlots]++;
          }
        }
        expect(Array.from(states)).toEqual(new Array(length).fill(1));
        // the first token is predicted only where a prefix stands before it
        expect(Array.from(scored)).toEqual(Array.from({ length }, (_, i) => (i > 0 || prefix ? 1 : 0)));
      }),
    );
  });

  it("has no window for a document without tokens", () => {
    expect(windowsOf(0, new Int32Array(), { id: 1, addedByTokenizer: false }, 8, 4)).toEqual([]);
  });

  it.each([
    [8, 7, { id: 1, addedByTokenizer: true }],
    [8, 8, null],
    [1, 0, null],
    [8, -1, null],
    [8.5, 2, null],
  ])("refuses a context of %d with an overlap of %d", (context, overlap, prefix) => {
    expect(() => windowsOf(0, Int32Array.of(1, 2, 3), prefix, context, overlap)).toThrow(/room for new/);
  });
});

describe("batchesOf", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });
  const windowOf = (length: number, document: number): Window => ({
    document,
    ids: new Int32Array(length),
    prefixSlots: 0,
    start: 0,
    fresh: 0,
  });

  it("takes every window once, within the budget, the longest first", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 200 }), (all, budget) => {
        const windows = all.map(windowOf);
        const batches = batchesOf(windows, budget);
        expect(batches.map((batch) => batch.index)).toEqual(batches.map((_, i) => i));
        const taken = batches.flatMap((batch) => batch.windows);
        expect(new Set(taken)).toEqual(new Set(windows));
        expect(taken.length).toBe(windows.length);
        expect(taken.map((window) => window.ids.length)).toEqual([...all].sort((a, b) => b - a));
        for (const { windows: together } of batches) {
          const padded = together.length * Math.max(...together.map((window) => window.ids.length));
          expect(together.length === 1 || padded <= budget).toBe(true);
        }
      }),
    );
  });

  it("never pads a window to one that the model reads otherwise for its length", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 200 }), (all, budget) => {
        const windows = all.map(windowOf);
        const batches = batchesOf(windows, budget, [10, 25]);
        expect(batches.flatMap((batch) => batch.windows)).toEqual(batchesOf(windows, budget).flatMap((b) => b.windows));
        for (const { windows: together } of batches)
          for (const step of [10, 25]) expect(new Set(together.map(({ ids }) => ids.length > step)).size).toBe(1);
      }),
    );
  });

  it("keeps corpus order among windows of one length", () => {
    const [{ windows }] = batchesOf([5, 5, 5].map(windowOf), 100);
    expect(windows.map((window) => window.document)).toEqual([0, 1, 2]);
  });
});
