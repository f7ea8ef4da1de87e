/**
 * Against hcoxec/soft_h at 0073a4e63f14 (`fixtures/README.md`, 'estimator'): float64 there, fixed point here. A probability
 * carries up to 2^−27 of rounding, so that entropies agree to about 1e-7 of ln m; the reference also clips inside its
 * logarithm at 1e-9.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { assign } from "./assignment.ts";
import { layerInformations } from "./informations.ts";
import { denseKeys, labelTree } from "./labels.ts";
import { type LayerSums, layerSums, type Population } from "./layer.ts";
import { temperature } from "./temperature.ts";

const TOLERANCE = 2e-7;

interface ClusterCase {
  n: number;
  d: number;
  n_bins: number;
  eps: number;
  expected: { H: number; I: number; H_given_label: Record<string, number> };
  expected_leading_order_calibration: { H: number; I: number };
}
interface StoryLayer {
  layer: number;
  numpy_W: { H: number; I: Record<string, number>; optimality: Record<string, number> };
  torch_W_float64: Record<string, number>;
}
const golden = JSON.parse(readFileSync(fixture("estimator/golden.json"), "utf8")) as {
  cases: Record<string, ClusterCase>;
  stories260k_shakespeare: { layers: StoryLayer[]; eps: number };
};

/** All positions fitted, one tree of one level for every label set. */
function everything(labels: readonly ArrayLike<number | bigint>[]): Population {
  const rows = Uint32Array.from({ length: labels[0].length }, (_, row) => row);
  const place = new Int32Array(rows.length).fill(-1);
  const trees = labels.map((values) => labelTree([denseKeys(values).keys], rows, place));
  return { rows, place, evaluatedUnits: 0, trees, chance: null };
}

const pluginOf = (sums: LayerSums, tree: number): number => sums.entropy - sums.trees[tree].conditional[0];

function expectNear(actual: number, expected: number): void {
  expect(Math.abs(actual - expected), `${actual} against ${expected}`).toBeLessThan(TOLERANCE);
}

describe.each(Object.entries(golden.cases))("%s", (name, { d, n_bins: m, eps, ...want }) => {
  const load = async () => {
    const file = await openSafetensors(fixture(`estimator/${name}.safetensors`));
    const tensors = {
      z: (await file.read("z")) as Float32Array,
      labels: (await file.read("labels")) as BigInt64Array,
      points: (await file.read("W")) as Float64Array,
    };
    await file.close();
    return tensors;
  };

  it("entropy and information, overall and by label", async () => {
    const { z, labels, points } = await load();
    expect(Math.abs(temperature(m, d, "bound") / eps - 1)).toBeLessThan(1e-10);
    const fixed = assign(z, { points, m, d, epsilon: eps });
    const population = everything([labels]);
    const lnM = Math.log(m);
    const sums = layerSums({ fixed, bins: m, m }, population);
    expectNear(sums.entropy / lnM, want.expected.H);
    expectNear(pluginOf(sums, 0) / lnM, want.expected.I);
    expect(layerInformations(sums, population, m, { seed: 0, intervals: false }).trees[0][0].information).toMatchObject(
      {
        plugin: pluginOf(sums, 0) / lnM,
        heldOut: { value: null, low: null, high: null },
        kappa: null,
      },
    );
    const given = Object.entries(want.expected.H_given_label);
    for (const [label, entropy] of given) {
      const members = [...labels.keys()].filter((row) => String(labels[row]) === label);
      const rows = Uint32Array.from(members);
      const only = layerSums({ fixed, bins: m, m }, { ...population, rows, trees: [] });
      expectNear(only.entropy / lnM, entropy);
    }
    expect(population.trees[0].counts[0].distinct).toBe(given.length);
  });

  it("under the leading-order temperature", async () => {
    const { z, labels, points } = await load();
    const fixed = assign(z, { points, m, d, epsilon: temperature(m, d, "leading-order") });
    const sums = layerSums({ fixed, bins: m, m }, everything([labels]));
    expectNear(sums.entropy / Math.log(m), want.expected_leading_order_calibration.H);
    expectNear(pluginOf(sums, 0) / Math.log(m), want.expected_leading_order_calibration.I);
  });
});

describe("hidden states of stories260k", async () => {
  const { layers, eps } = golden.stories260k_shakespeare;
  const file = await openSafetensors(fixture("estimator/stories260k_shakespeare.safetensors"));
  const names = ["input_unigram", "output_unigram", "input_bigram", "output_bigram", "input_trigram", "output_trigram"];
  const [depth, positions, d] = file.entry("z").shape;
  const z = (await file.read("z")) as Float32Array;
  const draws = {
    W: (await file.read("W")) as Float64Array,
    W_torch: Float64Array.from((await file.read("W_torch")) as Float32Array),
  };
  const labels: BigInt64Array[] = [];
  for (const name of names) labels.push((await file.read(`labels.${name}`)) as BigInt64Array);
  await file.close();
  const population = everything(labels);
  const m = 100;

  it("has a state for every layer", () => expect(depth).toBe(layers.length));

  it.each(layers)("layer $layer", ({ layer, numpy_W, torch_W_float64 }) => {
    const states = z.subarray(layer * positions * d, (layer + 1) * positions * d);
    for (const [draw, points] of Object.entries(draws)) {
      const fixed = assign(states, { points, m, d, epsilon: eps });
      const sums = layerSums({ fixed, bins: m, m }, population);
      const lnM = Math.log(m);
      expectNear(sums.entropy / lnM, draw === "W" ? numpy_W.H : torch_W_float64["H(Z)"]);
      names.forEach((name, tree) => {
        expectNear(pluginOf(sums, tree) / lnM, draw === "W" ? numpy_W.I[name] : torch_W_float64[`I(X;Z)/${name}`]);
      });
    }
  });
});
