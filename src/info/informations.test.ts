import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { chanceDraws } from "./chance.ts";
import { evaluatedPositions, layerInformations, meanOverLayers, optimality } from "./informations.ts";
import { labelTree } from "./labels.ts";
import { KAPPAS, layerSums, type Population } from "./layer.ts";
import { asRows, heldOutGains, someAssignments } from "./naive.testing.ts";

const ROWS = 300;
const UNITS = 12;
const m = 6;
const lnM = Math.log(m);

/** Assignments that depend on a label of three values, in part; units of ten rows, every fourth one evaluated. */
function setUp(seed: number) {
  const stream = random(seed, "labels");
  const told = Int32Array.from({ length: ROWS }, () => stream.below(3));
  const longer = Int32Array.from({ length: ROWS }, () => stream.below(4));
  const fixed = someAssignments(ROWS, m, seed, 1);
  for (let row = 0; row < ROWS; row++) {
    const favoured = row * m + told[row];
    const other = row * m + 5;
    fixed[favoured] += Math.floor(fixed[other] / 2);
    fixed[other] -= Math.floor(fixed[other] / 2);
  }
  const rows = Uint32Array.from({ length: ROWS }, (_, row) => row);
  const place = Int32Array.from(rows, (row) => (row % 5 < 3 ? -1 : Math.floor(row / 5) % UNITS));
  const trees = [
    labelTree([told, longer], rows, place),
    labelTree([Int32Array.from(rows, (row) => random(seed, row).below(40))], rows, place),
  ];
  const population: Population = { rows, place, evaluatedUnits: UNITS, trees, chance: chanceDraws(rows, seed) };
  const labels = [[...told].map(String), [...told].map((value, row) => `${value} ${longer[row]}`)];
  return { fixed, population, labels };
}

describe("layerInformations", () => {
  it("takes for each half of the units the κ that gains most on the other half", () => {
    let different = 0;
    for (let seed = 0; seed < 8; seed++) {
      const { fixed, population, labels } = setUp(seed);
      const sums = layerSums({ fixed, bins: m, m }, population);
      const { trees } = layerInformations(sums, population, m, { seed, intervals: false });
      const gains = heldOutGains(asRows(fixed, m), labels, population.place);
      for (const level of [0, 1]) {
        const total = (parity: number, k: number): number =>
          gains.reduce(
            (sum, row, r) =>
              population.place[r] >= 0 && population.place[r] % 2 === parity ? sum + row[level][k] : sum,
            0,
          );
        const best = (parity: number): number => {
          const totals = [...KAPPAS.map((_, k) => total(parity, k)), 0];
          return totals.indexOf(Math.max(...totals));
        };
        const [forOdd, forEven] = [best(0), best(1)];
        const { information } = trees[0][level];
        expect(information.kappa).toEqual([KAPPAS[forOdd] ?? null, KAPPAS[forEven] ?? null]);
        if (forOdd !== forEven) different++;
        const gain =
          (forOdd < KAPPAS.length ? total(1, forOdd) : 0) + (forEven < KAPPAS.length ? total(0, forEven) : 0);
        const positions = population.place.filter((unit) => unit >= 0).length;
        expect(information.heldOut.value).toBeCloseTo(gain / positions / lnM, 11);
      }
    }
    expect(different).toBeGreaterThan(0);
  });

  it("gives labels that say nothing zero or a little below, and tells infinity by null", () => {
    const kappas = Array.from({ length: 20 }, (_, seed) => {
      const { fixed, population } = setUp(seed);
      const sums = layerSums({ fixed, bins: m, m }, population);
      const { information } = layerInformations(sums, population, m, { seed, intervals: false }).trees[1][0];
      expect(information.heldOut.value!).toBeLessThan(0.01);
      expect(Math.abs(information.excess)).toBeLessThan(0.02);
      expect(information.plugin).toBeGreaterThan(0.01);
      return information.kappa!;
    });
    expect(kappas.flat()).toContain(null);
  });

  it("resamples units, numerator and denominator together", () => {
    const { fixed, population } = setUp(1);
    const sums = layerSums({ fixed, bins: m, m }, population);
    const { trees } = layerInformations(sums, population, m, { seed: 1, intervals: true });
    const { information, samples, gains } = trees[0][0];
    const units = evaluatedPositions(population);
    expect(samples).toHaveLength(2000);
    expect(information.heldOut.low!).toBeLessThan(information.heldOut.value!);
    expect(information.heldOut.high!).toBeGreaterThan(information.heldOut.value!);
    // Linearised variance of a ratio of sums over units.
    const value = information.heldOut.value! * lnM;
    const residuals = gains.reduce((total, gain, unit) => total + (gain - value * units[unit]) ** 2, 0);
    const error = Math.sqrt(residuals) / units.reduce((a, b) => a + b) / lnM;
    const mean = samples!.reduce((a, b) => a + b) / 2000;
    const spread = Math.sqrt(samples!.reduce((total, sample) => total + (sample - mean) ** 2, 0) / 2000);
    expect(spread / error).toBeGreaterThan(0.85);
    expect(spread / error).toBeLessThan(1.15);
  });

  it("leaves the adjusted figure out where chance leaves no room, and gives 1 at the ceiling", () => {
    const { fixed, population } = setUp(2);
    const alone = labelTree([Int32Array.from(population.rows)], population.rows, population.place);
    // p is the same wherever the label is: the label says all there is to say.
    const two = Int32Array.from(population.rows, (row) => row % 2);
    const same = Uint32Array.from(fixed, (_, i) => fixed[two[Math.floor(i / m)] * m + (i % m)]);
    const rooms = [
      { fixed, tree: alone, expected: null },
      { fixed: same, tree: labelTree([two], population.rows, population.place), expected: 1 },
    ];
    for (const { fixed, tree, expected } of rooms) {
      const one = { ...population, trees: [tree] };
      const sums = layerSums({ fixed, bins: m, m }, one);
      const { information } = layerInformations(sums, one, m, { seed: 0, intervals: false }).trees[0][0];
      if (expected === null) expect(information.adjusted).toBeNull();
      else expect(information.adjusted).toBeCloseTo(expected, 6);
    }
  });
});

describe("optimality", () => {
  const measured = (value: number | null, plugin: number, samples: number[] | null) => ({
    information: {
      heldOut: { value, low: null, high: null },
      plugin,
      null: 0,
      excess: 0,
      adjusted: null,
      kappa: null,
      shift: null,
    },
    gains: new Float64Array(0),
    samples: samples && Float64Array.from(samples),
  });

  it("divides in pairs", () => {
    const { heldOut, plugin, hollow } = optimality(
      measured(0.4, 0.5, [0.2, 0.4, 0.8]),
      measured(0.1, 0.2, [0.05, 0.1, 0.2]),
    );
    expect(heldOut).toEqual({ value: 0.25, low: 0.25, high: 0.25 });
    expect(plugin).toBe(0.4);
    expect(hollow).toBe(false);
  });

  it("is hollow where the two complexities are more than a fifth apart", () => {
    expect(optimality(measured(0.39, 0.5, null), measured(0.1, 0.2, null)).hollow).toBe(true);
    expect(optimality(measured(null, 0.5, null), measured(null, 0.2, null)).hollow).toBe(false);
  });

  it("is not defined where the complexity is not positive, nor its interval where a resample's is not", () => {
    expect(optimality(measured(-0.01, 0, null), measured(0.1, 0.2, null))).toEqual({
      heldOut: { value: null, low: null, high: null },
      plugin: null,
      hollow: true,
    });
    expect(optimality(measured(0.1, 0.1, [0.1, -0.1]), measured(0.1, 0.1, [0.1, 0.1])).heldOut).toEqual({
      value: 1,
      low: null,
      high: null,
    });
  });
});

describe("meanOverLayers", () => {
  it("is the mean of the layers' figures, and the ratio of the two means", () => {
    const positions = Float64Array.of(10, 30, 20, 15, 25);
    const complexity = [1, 3].map((scale) => positions.map((count) => scale * count * lnM));
    const expressivity = [0.5, 0.3].map((scale) => positions.map((count) => scale * count * lnM));
    const means = meanOverLayers(positions, complexity, expressivity, m, { seed: 0, intervals: true });
    for (const [name, value] of [
      ["complexity", 2],
      ["expressivity", 0.4],
      ["optimality", 0.2],
    ] as const) {
      expect(means[name].value).toBeCloseTo(value, 12);
      expect(means[name].low).toBeCloseTo(value, 12);
      expect(means[name].high).toBeCloseTo(value, 12);
    }
  });

  it("is not defined where nothing is held out", () => {
    const nothing = { value: null, low: null, high: null };
    const means = meanOverLayers(new Float64Array(0), [new Float64Array(0)], [new Float64Array(0)], m, {
      seed: 0,
      intervals: false,
    });
    expect(means).toEqual({ complexity: nothing, expressivity: nothing, optimality: nothing });
  });
});
