import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALONE, denseKeys, labelTree } from "./labels.ts";

const inputs = fc
  .record({ rows: fc.integer({ min: 0, max: 50 }), levels: fc.integer({ min: 1, max: 4 }) })
  .chain(({ rows, levels }) =>
    fc.record({
      keys: fc.array(
        fc.array(fc.nat(3), { minLength: rows, maxLength: rows }).map((k) => Int32Array.from(k)),
        {
          minLength: levels,
          maxLength: levels,
        },
      ),
      place: fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 2 * rows, maxLength: 2 * rows }),
    }),
  );

describe("labelTree", () => {
  it("holds every repeated label of every order as one run, and counts the others", () => {
    fc.assert(
      fc.property(inputs, ({ keys, place }) => {
        // Rows need not be all rows of the table: here every second one.
        const rows = Uint32Array.from(keys[0], (_, i) => 2 * i + 1);
        const tree = labelTree(keys, rows, Int32Array.from(place));
        expect([...tree.rows].sort((a, b) => a - b)).toEqual([...rows]);

        let nodes = 0;
        for (let level = 0; level < keys.length; level++) {
          const found = new Map<string, number[]>();
          rows.forEach((row, i) => {
            const label = keys
              .slice(0, level + 1)
              .map((key) => key[i])
              .join(" ");
            found.set(label, [...(found.get(label) ?? []), row]);
          });
          const sizes = [...found.values()].map((members) => members.length);
          const bySize = new Map<number, number>();
          for (const size of sizes.sort((a, b) => a - b)) bySize.set(size, (bySize.get(size) ?? 0) + 1);
          expect(tree.counts[level].distinct).toBe(found.size);
          expect(tree.counts[level].once).toBe(bySize.get(1) ?? 0);
          expect([...tree.counts[level].bySize]).toEqual([...bySize]);

          const repeated = [...found.values()].filter((members) => members.length > 1);
          const runs = [...tree.level.keys()]
            .filter((node) => tree.level[node] === level)
            .map((node) => {
              const members = [...tree.rows.subarray(tree.start[node], tree.end[node])];
              expect(tree.fitted[node]).toBe(members.filter((row) => place[row] < 0).length);
              const above = tree.parent[node];
              if (level === 0) expect(above).toBe(-1);
              else {
                expect(tree.level[above]).toBe(level - 1);
                expect(above).toBeLessThan(node);
                expect(tree.start[above]).toBeLessThanOrEqual(tree.start[node]);
                expect(tree.end[above]).toBeGreaterThanOrEqual(tree.end[node]);
              }
              return members.sort((a, b) => a - b).join(" ");
            });
          expect(runs.sort()).toEqual(repeated.map((members) => members.join(" ")).sort());
          nodes += runs.length;
        }
        expect(tree.start.length).toBe(nodes);

        tree.leaf.forEach((leaf, s) => {
          const holding = [...tree.start.keys()].filter((node) => tree.start[node] <= s && s < tree.end[node]);
          const deepest = holding.sort((a, b) => tree.level[b] - tree.level[a])[0] ?? ALONE;
          expect(leaf).toBe(deepest);
        });
      }),
    );
  });

  it("knows the most branched label of order 1", () => {
    const rows = Uint32Array.from({ length: 9 }, (_, i) => i);
    const first = Int32Array.of(0, 0, 0, 0, 0, 1, 1, 2, 2);
    const second = Int32Array.of(0, 0, 1, 1, 2, 0, 0, 0, 1);
    const tree = labelTree([first, second], rows, new Int32Array(9).fill(-1));
    expect(tree.widest).toBe(3);
  });
});

describe("denseKeys", () => {
  it("gives equal values equal integers from 0", () => {
    expect(denseKeys(["b", "a", "b"])).toEqual({ keys: Int32Array.of(0, 1, 0), distinct: 2 });
    expect(denseKeys(BigInt64Array.of(2n ** 60n, -1n, 2n ** 60n)).keys).toEqual(Int32Array.of(0, 1, 0));
  });
});
