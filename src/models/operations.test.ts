/** Multiply-adds counted from specs, against the matrices that lie in the checkpoints and against scores counted one by one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { manifest } from "./architectures.testing.ts";
import { queryBlockOf } from "./attention.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { operationsOf, scoresOf } from "./operations.ts";
import type { DecoderSpec } from "./spec.ts";

const ELSEWHERE = /embed|wte|wpe|lm_head|position|norm|project_out/;

describe("multiply-adds of a token", async () => {
  it.each((await manifest()).map(({ name }) => name).filter((name) => name !== "stories260k"))(
    "are the numbers in the matrices of %s",
    async (name) => {
      const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
      const spec = specOf(config);
      const { token, logits } = operationsOf(spec);
      expect(logits).toBe(
        spec.vocabulary * spec.head.linear.inputs + (spec.head.projection ? spec.width * spec.head.linear.inputs : 0),
      );
      const stored = [...weights.names()]
        .filter((tensor) => !ELSEWHERE.test(tensor))
        .map((tensor) => weights.locate(tensor)!.shape)
        .filter(({ length }) => length === 2 || length === 3) // masks have four
        .reduce((total, shape) => total + shape.reduce((product, size) => product * size, 1), 0);
      // Of experts only some see a token.
      if (spec.blocks.some(({ mlp }) => mlp.kind === "experts")) expect(token).toBeLessThan(stored);
      else expect(token).toBe(stored);
    },
  );
});

describe("scores of a window", () => {
  const attention = (heads: number, headWidth: number, window?: number) => ({
    attention: { heads, headWidth, window },
  });

  it("are those of all queries with the keys that their block meets", () => {
    const blocks = fc.array(
      fc.record({
        heads: fc.integer({ min: 1, max: 4 }),
        width: fc.integer({ min: 1, max: 8 }),
        window: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(blocks, fc.integer({ min: 1, max: 900 }), fc.integer({ min: 0, max: 400 }), (given, length, more) => {
        const longest = length + more;
        const spec = { blocks: given.map(({ heads, width, window }) => attention(heads, width, window)) };
        let [scores, products] = [0, 0];
        for (const { heads, width, window } of given)
          for (let query = 0; query < length; query++) {
            const start = query - (query % queryBlockOf(longest));
            const end = Math.min(length, start + queryBlockOf(longest));
            const first = window === undefined ? 0 : Math.max(0, start - window + 1);
            scores += heads * (end - first);
            products += 2 * heads * width * (end - first);
          }
        expect(scoresOf(spec as unknown as DecoderSpec, length, longest)).toEqual({ scores, products });
      }),
    );
  });

  it("are nearly half of a square where a window is long, and the square where it is short", () => {
    const spec = { blocks: [attention(1, 1)] } as unknown as DecoderSpec;
    expect(scoresOf(spec, 64, 64).scores).toBe(64 ** 2);
    expect(scoresOf(spec, 1024, 1024).scores / 1024 ** 2).toBeCloseTo(9 / 16, 6);
  });
});
