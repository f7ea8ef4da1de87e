import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { greedy, sample } from "./sampling.ts";

const LOGITS = Float32Array.of(1, 3, 2, 3, -40);

/** Shares of every id among many draws. */
function shares(sampling: Parameters<typeof sample>[1], draws = 40_000): number[] {
  const stream = random(1, "sampling test");
  const counts = new Array<number>(LOGITS.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sample(LOGITS, sampling, stream)]++;
  return counts.map((count) => count / draws);
}

function softmax(logits: readonly number[]): number[] {
  const weights = logits.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** four standard deviations of a share of 40,000 draws */
const NOISE = 4 * Math.sqrt(0.25 / 40_000);

describe("sampling", () => {
  it("takes the largest, the lowest id among equals, at temperature 0", () => {
    expect(greedy(LOGITS)).toBe(1);
    expect(shares({ temperature: 0, topP: 1 }, 10)).toEqual([0, 1, 0, 0, 0]);
  });

  it.each([0.5, 1, 2])("draws from the softmax at temperature %d", (temperature) => {
    const expected = softmax(Array.from(LOGITS, (logit) => logit / temperature));
    shares({ temperature, topP: 1 }).forEach((share, id) => {
      expect(Math.abs(share - expected[id])).toBeLessThan(NOISE);
    });
  });

  it("keeps the fewest tokens that reach top-p, and shares all among them", () => {
    // ids 1 and 3 have 0.39 each, id 2 has 0.14, id 0 has 0.05
    const three = shares({ temperature: 1, topP: 0.9 });
    const expected = softmax([3, 2, 3]);
    expect(three[0]).toBe(0);
    [1, 2, 3].forEach((id, place) => {
      expect(Math.abs(three[id] - expected[place])).toBeLessThan(NOISE);
    });
    expect(shares({ temperature: 1, topP: 0.39 }, 100)).toEqual([0, 1, 0, 0, 0]);
    expect(shares({ temperature: 1, topP: 1e-9 }, 100)).toEqual([0, 1, 0, 0, 0]);
  });
});
