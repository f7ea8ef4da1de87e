/** The windows that rows are driven through, against those that `measure` cuts, on a model that only remembers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { windowsOf } from "../text/windows.ts";
import { probe, type Stepper, walk } from "./walk.ts";

const VOCABULARY = 50;

/** Predicts, in place of probabilities, what each row has read since the restart. */
function remembering(): Stepper & { readonly widths: number[] } {
  let read: number[][] = [];
  const widths: number[] = [];
  return {
    widths,
    restart() {
      read = [];
    },
    spread(from) {
      read = from.map((row) => [...read[row]]);
    },
    async advance(rows) {
      read = rows.map((row, b) => [...(read[b] ?? []), ...Array.from(row)]);
      widths.push(rows[0].length);
      expect(new Set(rows.map(({ length }) => length)).size).toBe(1);
      return read.map((row) => Float32Array.from(row));
    },
  };
}

describe("walk", () => {
  it("shows every row the context that its window has, and no more", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(VOCABULARY - 1), { maxLength: 60 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(null, 7),
        fc.integer({ min: 4, max: 20 }),
        fc.integer({ min: 0, max: 10 }),
        async (texts, prefix, context, wanted) => {
          const overlap = Math.min(wanted, context - 3);
          const seen: number[][][] = texts.map(() => []);
          const rows = texts.map((ids, b) => ({
            next(read: Float32Array) {
              if (seen[b].length === ids.length) return null;
              seen[b].push([...read]);
              return ids[seen[b].length - 1];
            },
          }));
          await walk(remembering(), rows, { prefix, context, overlap, vocabulary: VOCABULARY });
          texts.forEach((text, b) => {
            const windows = windowsOf(
              0,
              Int32Array.from(text),
              prefix === null ? null : { id: prefix, addedByTokenizer: true },
              context,
              overlap,
            );
            const expected = windows.flatMap(({ ids, fresh, prefixSlots }) =>
              Array.from(ids.keys())
                .slice(Math.max(fresh, prefixSlots))
                .map((slot) => [...ids.subarray(0, slot)]),
            );
            // The first token of all, where no prefix is: one of V.
            if (prefix === null && text.length > 0) {
              expect(seen[b][0]).toEqual([...new Float32Array(VOCABULARY).fill(1 / VOCABULARY)]);
              seen[b][0] = [];
            }
            expect(seen[b]).toEqual(expected);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("shows rows what the one that they go on from has read, once", async () => {
    const openings = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const texts = [[10, 11], [20], [30, 31, 32, 33, 34, 35], []];
    const seen: number[][][] = texts.map(() => []);
    const session = remembering();
    const row = (ids: readonly number[], see: (read: number[]) => void = () => {}) => {
      let next = 0;
      return {
        next(read: Float32Array) {
          see([...read]);
          return ids[next++] ?? null;
        },
      };
    };
    await walk(
      session,
      texts.map((ids, b) => row(ids, (read) => seen[b].push(read))),
      { prefix: 7, context: 8, overlap: 4, vocabulary: VOCABULARY },
      () => {},
      { rows: openings.map((ids) => row(ids)), tokens: 3 },
    );
    texts.forEach((ids, b) => {
      const known = openings[Math.floor(b / 2)];
      // Seven tokens fill a window behind its prefix; the next one opens with four of them.
      const expected = [...ids, -1].map((_, at) =>
        3 + at < 7 ? [7, ...known, ...ids.slice(0, at)] : [7, ...[...known, ...ids.slice(0, at)].slice(3)],
      );
      expect(seen[b]).toEqual(expected);
    });
    expect(session.widths.slice(0, 4)).toEqual([1, 1, 1, 1]);
  });

  it("reads a long opening in pieces", async () => {
    const session = remembering();
    let left = 250;
    await walk(session, [{ next: () => (left-- > 0 ? 1 : null) }], {
      prefix: 0,
      context: 200,
      overlap: 150,
      vocabulary: 2,
    });
    // 1 of prefix, 198 steps, then the prefix and 150 tokens again
    expect(session.widths.slice(0, 199).every((width) => width === 1)).toBe(true);
    expect(session.widths.slice(199, 203)).toEqual([64, 64, 23, 1]);
  });

  it("refuses windows without room", async () => {
    const windows = { prefix: 0, context: 8, overlap: 7, vocabulary: 2 };
    await expect(walk(remembering(), [], windows)).rejects.toThrow(/no room for new ones after 7/);
  });
});

describe("the probe", () => {
  it("fits the shortest windows, and gives every row tokens of its own", async () => {
    for (const context of [2, 20, 1000]) {
      const steps: (readonly Float32Array[])[] = [];
      for await (const step of probe(remembering(), 3, { prefix: null, context, overlap: 1, vocabulary: VOCABULARY }))
        steps.push(step);
      const last = steps.at(-1)!.map((row) => [...row]);
      expect(last[0]).toHaveLength(Math.min(context - 1, 48));
      if (context > 2) expect(last[0]).not.toEqual(last[1]);
    }
  });
});
