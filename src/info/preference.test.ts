/** Preference information: against scikit-learn and numpy (`fixtures/preference`), against the plane's own estimator row by row, and its null. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { sum } from "../numeric/sums.ts";
import { ONE } from "./assignment.ts";
import { againstChance, SHUFFLES } from "./concepts/chance.ts";
import { evaluatedPositions, layerInformations } from "./informations.ts";
import { labelTree } from "./labels.ts";
import { layerSums } from "./layer.ts";
import { type CompletionSums, evaluatedTokens, preferenceInformation, swapsOf } from "./preference.ts";
import { type Split, splitUnits } from "./split.ts";

interface Row {
  readonly pair: number;
  readonly side: number;
  readonly fixed: readonly number[];
}

/** The sums of token rows. */
function summed(rows: readonly Row[], pairs: number, m: number): CompletionSums {
  const sides = <T>(make: () => T): [T, T] => [make(), make()];
  const tokens = sides(() => new Float64Array(pairs));
  const assigned = sides(() => new Float64Array(pairs * m));
  for (const { pair, side, fixed } of rows) {
    tokens[side][pair]++;
    for (let b = 0; b < m; b++) assigned[side][pair * m + b] += fixed[b];
  }
  return { m, tokens, assigned };
}

/** Completions of 1 to 6 tokens whose states lean so far toward what tells the sides apart. */
function someRows(pairs: number, m: number, lean: number, seed: number): Row[] {
  const stream = random(seed, "rows");
  return Array.from({ length: 2 * pairs }, (_, completion) =>
    Array.from({ length: 1 + stream.below(6) }, () => {
      const side = completion % 2;
      const weights = Array.from({ length: m }, (_, b) => Math.exp(stream.normal() + (b === side ? lean : 0)));
      const total = sum(weights);
      return { pair: completion >> 1, side, fixed: weights.map((weight) => Math.round((weight / total) * ONE)) };
    }),
  ).flat();
}

const coins = (pairs: number) => swapsOf(pairs, (draw) => random("swaps", draw).uniform);

it("is scikit-learn's mutual information, and numpy's on pairs held out", () => {
  const golden = JSON.parse(readFileSync(fixture("preference/golden.json"), "utf8"));
  const { m, place, rows } = golden as { m: number; place: number[]; rows: Row[] };
  const evaluated = place.filter((at) => at >= 0).length;
  const split: Split = { place: Int32Array.from(place), evaluated, fitted: place.length - evaluated };
  const found = preferenceInformation(summed(rows, place.length, m), split, coins(place.length));
  // Both libraries take shares to add up to 1, which in fixed point they do to eight digits.
  expect(found.entropy).toBeCloseTo(golden.entropy, 8);
  expect(found.plugin.value).toBeCloseTo(golden.plugin, 8);
  expect(found.heldOut.value).toBeCloseTo(golden.heldOut, 12);
  expect(found.shift).toBeCloseTo(golden.shift, 12);
  expect(found.kappa).toEqual(golden.kappa);
  for (const [place, gain] of found.gains.entries()) expect(gain).toBeCloseTo(golden.gains[place], 12);
});

it.each([0, 0.2, 1])("is what the plane's estimator finds of the tokens one by one, lean %d", (lean) => {
  const [pairs, m] = [37, 6];
  const rows = someRows(pairs, m, lean, 3);
  const split = splitUnits(new Array<string>(pairs).fill(""), 5);
  const sums = summed(rows, pairs, m);
  const swaps = coins(pairs);
  const found = preferenceInformation(sums, split, swaps);
  const place = Int32Array.from(rows, ({ pair }) => split.place[pair]);
  const all = Uint32Array.from(rows, (_, row) => row);
  const table = { fixed: Uint32Array.from(rows.flatMap(({ fixed }) => fixed)), bins: m, m };
  for (const draw of [0, 1, 2]) {
    const labels = Int32Array.from(rows, ({ pair, side }) => side ^ swaps[draw][pair]);
    const tree = labelTree([labels], all, place);
    const population = { rows: all, place, evaluatedUnits: split.evaluated, trees: [tree], chance: null };
    const { entropy, trees } = layerInformations(layerSums(table, population), population, m, {
      seed: 0,
      intervals: false,
    });
    const [[{ information, gains }]] = trees;
    const of = (figure: (typeof found)["plugin"]): number => (draw === 0 ? figure.value : figure.shuffled[draw - 1]);
    expect(of(found.plugin)).toBeCloseTo(information.plugin, 9);
    expect(of(found.heldOut)).toBeCloseTo(information.heldOut.value!, 9);
    if (draw > 0) continue;
    expect(found.entropy).toBeCloseTo(entropy, 9);
    expect(found.kappa).toEqual(information.kappa);
    expect(found.shift).toBeCloseTo(information.shift!, 9);
    expect(evaluatedTokens(sums, split)).toEqual(evaluatedPositions(population));
    for (const [unit, gain] of found.gains.entries()) expect(gain).toBeCloseTo(gains[unit], 9);
  }
});

describe("swapped labels", () => {
  it("keep every label at first, then swap about half of the pairs", () => {
    const swaps = coins(50);
    expect(swaps).toHaveLength(1 + SHUFFLES);
    expect(sum(swaps[0])).toBe(0);
    for (const swap of swaps.slice(1)) expect(Math.abs(sum(swap) - 25)).toBeLessThan(20);
  });

  it("give p-values as often low as high where nothing is known, and the least where much is", () => {
    const pOf = (lean: number, seed: number): number => {
      const found = preferenceInformation(
        summed(someRows(30, 4, lean, seed), 30, 4),
        splitUnits(new Array<string>(30).fill(""), seed),
        coins(30),
      );
      return againstChance(found.plugin.value, found.plugin.shuffled).p;
    };
    const low = Array.from({ length: 40 }, (_, seed) => pOf(0, seed)).filter((p) => p <= 0.5).length;
    expect(low).toBeGreaterThan(8);
    expect(low).toBeLessThan(32);
    expect(pOf(2, 0)).toBe(1 / 201);
  });
});
