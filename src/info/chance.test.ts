import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { assign, ONE, referencePoints } from "./assignment.ts";
import { chanceDraws, chanceInformation, expectedInformation } from "./chance.ts";
import { layerInformations } from "./informations.ts";
import { labelTree } from "./labels.ts";
import { layerSums, type Population } from "./layer.ts";
import { asRows, entropyOf, meanOf, someAssignments } from "./naive.testing.ts";
import { splitUnits } from "./split.ts";
import { temperature } from "./temperature.ts";

const allRows = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

/** Every row a unit of its own, a fifth of them evaluated. */
function populationOf(labels: readonly Int32Array[], seed: number): Population {
  const rows = allRows(labels[0].length);
  const { place, evaluated } = splitUnits(new Array<string>(rows.length).fill(""), seed);
  const trees = labels.map((keys) => labelTree([keys], rows, place));
  return { rows, place, evaluatedUnits: evaluated, trees, chance: chanceDraws(rows, seed) };
}

describe("chanceDraws", () => {
  it("takes sizes 2 to 16, then each a quarter larger, up to 1,024 and below the number of positions", () => {
    const { sizes } = chanceDraws(allRows(5000), 0);
    expect(sizes.slice(0, 18)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 25, 31]);
    expect(sizes.at(-1)).toBe(1024);
    for (let c = 16; c < sizes.length; c++) expect(sizes[c] / sizes[c - 1]).toBeLessThan(1.28);
    expect(chanceDraws(allRows(6), 0).sizes).toEqual([2, 3, 4, 5]);
    expect(chanceDraws(allRows(1), 0).sizes).toEqual([]);
  });

  it("walks without replacement over a sample of the positions", () => {
    const { rows, walks, length } = chanceDraws(allRows(6000), 3);
    expect(new Set(rows).size).toBe(4096);
    expect(Math.max(...rows)).toBeGreaterThan(5500);
    expect(walks.length).toBe(300 * length);
    for (let walk = 0; walk < 300; walk++) {
      expect(new Set(walks.subarray(walk * length, (walk + 1) * length)).size).toBe(length);
    }
  });
});

describe("chanceInformation", () => {
  it("is H(Z) less the mean entropy of all means of c positions", () => {
    const m = 5;
    const fixed = someAssignments(7, m, 2);
    const p = asRows(fixed, m);
    const draws = chanceDraws(allRows(7), 1);
    const drawn = chanceInformation(fixed, m, Float64Array.from(meanOf(p)), draws);
    for (const [c, size] of draws.sizes.entries()) {
      const entropies: number[] = [];
      for (let subset = 0; subset < 2 ** 7; subset++) {
        const members = p.filter((_, row) => (subset >> row) & 1);
        if (members.length === size) entropies.push(entropyOf(meanOf(members)));
      }
      const expected = entropyOf(meanOf(p)) - entropies.reduce((a, b) => a + b) / entropies.length;
      const spread = Math.sqrt(
        entropies.reduce((a, b) => a + (b - entropyOf(meanOf(p)) + expected) ** 2, 0) / entropies.length,
      );
      // Five standard errors of 300 independent draws; k is drawn with less noise than the entropies have.
      expect(Math.abs(drawn[c] - expected)).toBeLessThan((5 * spread) / Math.sqrt(300));
    }
  });
});

describe("chanceInformation in WebAssembly", () => {
  it.each([
    [1, 9],
    [5, 70],
    [101, 1100],
  ])("of %d bins and %d rows is the same to the last bit", (m, count) => {
    const fixed = someAssignments(count, m, 8);
    const mean = Float64Array.from(meanOf(asRows(fixed, m)));
    const draws = chanceDraws(allRows(count), 2);
    const [pairs, plain] = [false, true].map((alone) => chanceInformation(fixed, m, mean, draws, alone));
    expect(new BigUint64Array(pairs.buffer)).toEqual(new BigUint64Array(plain.buffer));
  });
});

describe("expectedInformation", () => {
  it("is what relabelling at random gives, for labels of many sizes", () => {
    const count = 4000;
    const m = 20;
    const fixed = someAssignments(count, m, 5);
    const stream = random(6, "sizes");
    const keys = Int32Array.from({ length: count }, () => Math.floor(800 * stream.uniform() ** 3));
    const relabelled = Array.from({ length: 8 }, (_, run) => random(run, "relabel").shuffle(keys.slice()));
    const population = populationOf(relabelled, 0);
    const sums = layerSums({ fixed, bins: m, m }, population);
    const plugin = sums.trees.map(({ conditional }) => sums.entropy - conditional[0]);
    const mean = plugin.reduce((a, b) => a + b) / plugin.length;
    const spread = Math.sqrt(plugin.reduce((a, b) => a + (b - mean) ** 2, 0) / (plugin.length - 1));
    const { chance, trees } = population;
    const ceiling = sums.entropy - sums.tokenEntropy;
    const expected = expectedInformation(trees[0].counts[0], count, ceiling, chance!.sizes, sums.chance);
    expect(mean).toBeGreaterThan(0.2);
    // Five standard errors of the relabellings, and 1 % for the reservoir and its draws.
    expect(Math.abs(mean - expected)).toBeLessThan((5 * spread) / Math.sqrt(plugin.length) + 0.01 * expected);
  });

  it("is the ceiling for labels that occur once and nothing for one label of all", () => {
    const sizes = [2, 3];
    const counts = (size: number, labels: number) => ({ distinct: labels, once: 0, bySize: new Map([[size, labels]]) });
    expect(expectedInformation(counts(1, 12), 12, 0.7, sizes, [0.3, 0.2])).toBeCloseTo(0.7, 14);
    expect(expectedInformation(counts(12, 1), 12, 0.7, sizes, [0.3, 0.2])).toBe(0);
    expect(expectedInformation(counts(3, 4), 12, 0.7, sizes, [0.3, 0.2])).toBeCloseTo(0.2, 14);
  });

  it("falls as 1/c − 1/N beyond the last size", () => {
    const counts = { distinct: 2, once: 0, bySize: new Map([[5000, 2]]) };
    const at1024 = 0.01;
    const expected = (at1024 * (1 / 5000 - 1e-4)) / (1 / 1024 - 1e-4);
    expect(expectedInformation(counts, 10_000, 0.7, [1024], [at1024])).toBeCloseTo(expected, 14);
  });
});

/**
 * Plug-in information of random labels on isotropic states at m = 100, d = 64, bound temperature: positions a label, share
 * of ln m, its standard deviation over three draws of W. Simulated independently with the reference estimator.
 */
const LISTED = [
  { size: 1, plugin: 0.60767, deviation: 0.00105 },
  { size: 2, plugin: 0.47258, deviation: 0.00096 },
  { size: 4, plugin: 0.34867, deviation: 0.00082 },
  { size: 8, plugin: 0.24122, deviation: 0.0006 },
  { size: 16, plugin: 0.15468, deviation: 0.0003 },
  { size: 32, plugin: 0.0916, deviation: 0.00019 },
  { size: 64, plugin: 0.05048, deviation: 0.00007 },
  { size: 128, plugin: 0.02646, deviation: 0.00003 },
  { size: 256, plugin: 0.01353, deviation: 0.00013 },
];

describe("labels at random on isotropic states", () => {
  const m = 100;
  const d = 64;
  const positions = 16_384;
  const lnM = Math.log(m);
  const stream = random(1, "isotropic");
  const states = Float64Array.from({ length: positions * d }, () => stream.normal());
  const fixed = assign(states, { points: referencePoints(0, m, d), m, d, epsilon: temperature(m, d, "bound") });
  const labels = LISTED.map(({ size }) =>
    random(2, size).shuffle(Int32Array.from({ length: positions }, (_, place) => Math.floor(place / size))),
  );
  const population = populationOf(labels, 4);
  const { entropy, trees } = layerInformations(layerSums({ fixed, bins: m, m }, population), population, m, {
    seed: 5,
    intervals: true,
  });

  it("spread over nearly all of ln m", () => expect(Math.abs(entropy - 0.99963)).toBeLessThan(1e-3));

  it.each(LISTED.map((row, i) => ({ ...row, i })))("$size positions a label", ({ plugin: expected, deviation, i }) => {
    const { plugin, null: chance, excess, heldOut } = trees[i][0].information;
    // W's own spread, and 3.4/N because the positions are only so many.
    const noise = 4 * deviation + 3.4 / positions + 5e-4;
    expect(Math.abs(plugin - expected)).toBeLessThan(noise);
    expect(excess).toBeCloseTo(plugin - chance, 14);
    expect(Math.abs(excess)).toBeLessThan(0.002);
    expect(heldOut.value!).toBeLessThan(0.001);
    expect(heldOut.low!).toBeLessThanOrEqual(0);
  });

  it("while labels that say something are seen to", () => {
    const nearest = Int32Array.from({ length: positions }, (_, row) => {
      const own = fixed.subarray(row * m, (row + 1) * m);
      return own.indexOf(Math.max(...own));
    });
    const told = populationOf([nearest], 4);
    const sums = layerSums({ fixed, bins: m, m }, told);
    const { information } = layerInformations(sums, told, m, { seed: 5, intervals: true }).trees[0][0];
    expect(information.heldOut.low!).toBeGreaterThan(0.1);
    expect(information.excess).toBeGreaterThan(0.1);
    expect(information.heldOut.value!).toBeLessThan(information.plugin);
    expect(information.plugin).toBeLessThan((sums.entropy - sums.tokenEntropy) / lnM + m / ONE);
  });
});
