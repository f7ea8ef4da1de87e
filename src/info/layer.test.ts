import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { ONE } from "./assignment.ts";
import { chanceDraws } from "./chance.ts";
import { labelTree } from "./labels.ts";
import { addSums, KAPPAS, type LayerSums, layerSums, type Population } from "./layer.ts";
import { asRows, conditionalEntropy, entropyOf, heldOutGains, meanOf, someAssignments } from "./naive.testing.ts";

/** Fixed-point rows carry 2^−27 of rounding a bin, the logarithms some 1e-15: what is left is the order of sums. */
const DIGITS = 11;

interface Setup {
  readonly fixed: Uint32Array;
  readonly m: number;
  readonly population: Population;
  readonly labels: readonly (readonly string[])[];
}

/** Positions with labels of few values, so that every level has repeated, unseen and lone labels. */
function setUp(rows: number, m: number, levels: number, values: number, units: number, seed: number): Setup {
  const stream = random(seed, "labels");
  const keys = Array.from({ length: levels }, () =>
    Int32Array.from({ length: rows }, () => Math.floor(values * stream.uniform() ** 2)),
  );
  const place = Int32Array.from({ length: rows }, () => (stream.uniform() < 0.7 ? -1 : stream.below(units)));
  const all = Uint32Array.from({ length: rows }, (_, row) => row);
  const tree = labelTree(keys, all, place);
  const labels = keys.map((_, level) =>
    Array.from(all, (row) =>
      keys
        .slice(0, level + 1)
        .map((key) => key[row])
        .join(" "),
    ),
  );
  const chance = chanceDraws(all, seed);
  return {
    fixed: someAssignments(rows, m, seed),
    m,
    population: { rows: all, place, evaluatedUnits: units, trees: [tree], chance },
    labels,
  };
}

const setups = fc
  .record({
    rows: fc.integer({ min: 1, max: 60 }),
    m: fc.integer({ min: 2, max: 9 }),
    levels: fc.integer({ min: 1, max: 4 }),
    values: fc.integer({ min: 1, max: 6 }),
    units: fc.integer({ min: 1, max: 5 }),
    seed: fc.integer(),
  })
  .map(({ rows, m, levels, values, units, seed }) => setUp(rows, m, levels, values, units, seed));

const sumsOf = ({ fixed, m, population }: Setup): LayerSums => layerSums({ fixed, bins: m, m }, population);

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual[i]).toBeCloseTo(expected[i], DIGITS);
}

describe("layerSums", () => {
  it("equals the definitions written out", () => {
    fc.assert(
      fc.property(setups, (setup) => {
        const p = asRows(setup.fixed, setup.m);
        const { place, evaluatedUnits } = setup.population;
        const sums = sumsOf(setup);
        expect(sums.entropy).toBeCloseTo(entropyOf(meanOf(p)), DIGITS);
        expect(sums.tokenEntropy).toBeCloseTo(p.reduce((total, row) => total + entropyOf(row), 0) / p.length, DIGITS);
        expectClose(
          sums.trees[0].conditional,
          setup.labels.map((labels) => conditionalEntropy(p, labels)),
        );
        if (!place.some((unit) => unit < 0)) return;
        const gains = new Array<number>(sums.trees[0].gains.length).fill(0);
        heldOutGains(p, setup.labels, place).forEach((levels, row) => {
          levels.flat().forEach((gain, i) => {
            gains[place[row] * levels.length * KAPPAS.length + i] += gain;
          });
        });
        expect(gains.length).toBe(evaluatedUnits * setup.labels.length * KAPPAS.length);
        expectClose(sums.trees[0].gains, gains);
      }),
      { numRuns: 300 },
    );
  });

  it("is a sum over stretches of bins", () => {
    fc.assert(
      fc.property(setups, fc.integer({ min: 1, max: 8 }), (setup, width) => {
        const { fixed, m, population } = setup;
        let parts: LayerSums | undefined;
        for (let from = 0; from < m; from += width) {
          const bins = Math.min(width, m - from);
          const slice = Uint32Array.from(
            { length: population.rows.length * bins },
            (_, i) => fixed[Math.floor(i / bins) * m + from + (i % bins)],
          );
          const part = layerSums({ fixed: slice, bins, m }, population);
          if (parts) addSums(parts, part);
          else parts = part;
        }
        const whole = sumsOf(setup);
        for (const name of ["entropy", "tokenEntropy", "shift"] as const) {
          expect(parts![name]).toBeCloseTo(whole[name], DIGITS);
        }
        expectClose(parts!.chance, [...whole.chance]);
        expectClose(parts!.trees[0].conditional, [...whole.trees[0].conditional]);
        expectClose(parts!.trees[0].gains, [...whole.trees[0].gains]);
      }),
      { numRuns: 50 },
    );
  });

  it("does not depend on the order of the rows", () => {
    fc.assert(
      fc.property(setups, fc.integer(), (setup, seed) => {
        const { fixed, m, population } = setup;
        const rows = population.rows.length;
        const order = random(seed, "order").shuffle(Uint32Array.from(population.rows));
        const moved = new Uint32Array(fixed.length);
        const place = new Int32Array(rows);
        order.forEach((row, to) => {
          moved.set(fixed.subarray(row * m, (row + 1) * m), to * m);
          place[to] = population.place[row];
        });
        const keys = setup.labels.map((labels) => {
          const seen = [...new Set(labels)];
          return Int32Array.from(order, (row) => seen.indexOf(labels[row]));
        });
        const tree = labelTree(keys, population.rows, place);
        const sums = layerSums({ fixed: moved, bins: m, m }, { ...population, place, trees: [tree], chance: null });
        const before = sumsOf(setup);
        expect(sums.shift).toBeCloseTo(before.shift, DIGITS);
        expectClose(sums.trees[0].conditional, [...before.trees[0].conditional]);
        expectClose(sums.trees[0].gains, [...before.trees[0].gains]);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps to what information can be: conditional ≤ H(Z) ≤ ln m, the ceiling reached by labels of one position", () => {
    fc.assert(
      fc.property(setups, (setup) => {
        const sums = sumsOf(setup);
        const slack = setup.m / ONE;
        expect(sums.entropy).toBeLessThanOrEqual(Math.log(setup.m) + slack);
        let longer = sums.entropy;
        for (const conditional of sums.trees[0].conditional) {
          expect(conditional).toBeLessThanOrEqual(longer + slack);
          longer = conditional;
        }
        const alone = Int32Array.from(setup.population.rows);
        const tree = labelTree([alone], setup.population.rows, setup.population.place);
        const lone = layerSums(
          { fixed: setup.fixed, bins: setup.m, m: setup.m },
          { ...setup.population, trees: [tree] },
        );
        expect(lone.trees[0].conditional[0]).toBeCloseTo(sums.tokenEntropy, DIGITS);
      }),
      { numRuns: 50 },
    );
  });

  it("gains nothing for labels that the fit has not seen", () => {
    const rows = Uint32Array.from({ length: 40 }, (_, row) => row);
    const place = Int32Array.from(rows, (row) => (row < 30 ? -1 : row % 2));
    const tree = labelTree([Int32Array.from(rows, (row) => (row < 30 ? row % 3 : 3 + (row % 2)))], rows, place);
    const fixed = someAssignments(40, 5, 1);
    const sums = layerSums({ fixed, bins: 5, m: 5 }, { rows, place, evaluatedUnits: 2, trees: [tree], chance: null });
    expect(sums.trees[0].gains.every((gain) => gain === 0)).toBe(true);
  });
});
