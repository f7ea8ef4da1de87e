import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import { type GatheredLayer, layerShape } from "./geometry.ts";
import { layerShapes } from "./layer-shapes.ts";

/** Layers of random states, wide enough for threads. */
function gathered(layers: number, width: number, count = 2 * width): GatheredLayer[] {
  return Array.from({ length: layers }, (_, layer) => {
    const { normal } = random(layer, "states");
    const states = Float32Array.from({ length: count * width }, () => normal());
    const moments = {
      count,
      sum: new Float64Array(width),
      gram: new Float64Array((width * (width + 1)) / 2),
      unitSum: new Float64Array(width),
    };
    for (let from = 0; from < states.length; from += width) {
      const state = states.subarray(from, from + width);
      const norm = Math.hypot(...state);
      for (let i = 0, entry = 0; i < width; i++) {
        moments.sum[i] += state[i];
        moments.unitSum[i] += state[i] / norm;
        for (let j = 0; j <= i; j++) moments.gram[entry++] += state[i] * state[j];
      }
    }
    return { layer, moments, states: states.subarray(0, 64 * width) };
  });
}

describe("layerShapes", () => {
  const layers = gathered(6, 400, 80);

  it("gives the very figures of one thread, layers in their order, and tells of each", async () => {
    let told = 0;
    const found = await layerShapes(layers, { threads: 3, onLayer: () => told++ });
    expect(found).toEqual(layers.map(layerShape));
    expect(told).toBe(layers.length);
  });

  it.each([1, 2])("refuses what is no number, with %i threads", async (threads) => {
    const broken = structuredClone(layers);
    broken[3].moments.gram[7] = Number.POSITIVE_INFINITY;
    await expect(layerShapes(broken, { threads, onLayer: () => {} })).rejects.toMatchObject({
      fault: "input",
      message: "entry 7 of a symmetric matrix's is Infinity",
    });
  });

  it.each([1, 2])("stops when it is asked to, with %i threads", async (threads) => {
    const controller = new AbortController();
    const stopped = layerShapes(layers, { threads, signal: controller.signal, onLayer: () => controller.abort() });
    await expect(stopped).rejects.toMatchObject({ fault: "interrupted", message: /^stopped after [1-3] of 6 layers/ });
  });
});
