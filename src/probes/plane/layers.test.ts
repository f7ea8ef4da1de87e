import { describe, expect, it } from "vitest";
import { labelTree } from "../../info/labels.ts";
import type { Population } from "../../info/layer.ts";
import { someAssignments } from "../../info/naive.testing.ts";
import { random } from "../../numeric/random.ts";
import { AssignmentStore } from "./assignment-store.ts";
import { laneOf, measureLayer, takeSums } from "./layers.ts";

describe("measureLayer", () => {
  it("gives the same figures however few bins fit in memory", async () => {
    const [positions, m] = [120, 10];
    const rows = Uint32Array.from({ length: positions }, (_, row) => row);
    const place = Int32Array.from(rows, (row) => (row % 5 === 0 ? Math.floor(row / 10) : -1));
    const keys = [1, 2].map((level) => Int32Array.from(rows, (row) => random(level, "label", row).below(4)));
    const trees = [labelTree(keys, rows, place)];
    const population: Population = { rows, place, evaluatedUnits: 12, trees, chance: null };
    const store = new AssignmentStore({ layers: 1, columns: 2 * m, positions }, { folder: "", resumable: false });
    const order = random(1, "order").shuffle(rows.slice());
    store.append(0, someAssignments(positions, 2 * m, 1));
    const lane = laneOf(takeSums);
    const figures = async (bytes?: number) =>
      (await measureLayer({ store, order, m, bytes }, 0, 1, [population], { seed: 1, intervals: true }, lane))[0];
    const whole = await figures();
    const bin = 4 * positions + 16 * trees[0].widest;
    for (const bytes of [0, 3 * bin, 9 * bin]) {
      const { entropy, trees } = await figures(bytes);
      expect(entropy).toBeCloseTo(whole.entropy, 12);
      for (const [level, { information }] of trees[0].entries()) {
        const expected = whole.trees[0][level].information;
        expect(information.plugin).toBeCloseTo(expected.plugin, 12);
        expect(information.kappa).toEqual(expected.kappa);
        expect(information.shift).toBeCloseTo(expected.shift!, 12);
        for (const end of ["value", "low", "high"] as const) {
          expect(information.heldOut[end]).toBeCloseTo(expected.heldOut[end]!, 12);
        }
      }
    }
  });
});
