import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { runtimeBytes } from "../../engines/memory.ts";
import { fixture } from "../../fixtures.testing.ts";
import { openCheckpoint } from "../../models/checkpoint.ts";
import { specOf } from "../../models/config.ts";
import { foreseeLmEval, foreseeMemory, foreseePairs } from "./memory.ts";

const model = async () => {
  const checkpoint = await openCheckpoint(fixture("models/llama"));
  return { spec: specOf(checkpoint.config), weights: checkpoint.weights };
};

describe("the memory foreseen", () => {
  it("grows with weights, window and batch, whichever of the two is larger", async () => {
    const { spec, weights } = await model();
    const base = runtimeBytes(spec, weights, { longest: 64, batchTokens: 64 });
    const parameters = [...weights.names()].reduce((total, name) => total + weights.locate(name)!.bytes / 4, 0);
    expect(base).toBeGreaterThan(4 * parameters);
    expect(runtimeBytes(spec, weights, { longest: 64, batchTokens: 128 })).toBeGreaterThan(base);
    expect(runtimeBytes(spec, weights, { longest: 128, batchTokens: 64 })).toBe(
      runtimeBytes(spec, weights, { longest: 64, batchTokens: 128 }),
    );
  });

  it("is an error only where the machine has less", async () => {
    const decoder = await model();
    foreseeMemory(decoder, { longest: 64, batchTokens: 2048 });
    const batchTokens = Math.ceil(totalmem() / decoder.spec.width);
    expect(() => foreseeMemory(decoder, { longest: 64, batchTokens })).toThrow(
      /the model needs about [\d.]+ [GTPE]B of memory, this machine has [\d.]+ [GT]B \([\d.]+ [MGT]B free\): measure a smaller model/,
    );
  });

  it("counts the sums over pairs, and what are too many are refused with the option", async () => {
    const decoder = await model();
    const load = { longest: 64, batchTokens: 2048 };
    foreseePairs(decoder, load, 1024, 100);
    const pairs = Math.ceil(totalmem() / (1600 * (decoder.spec.blocks.length + 1)));
    expect(() => foreseePairs(decoder, load, pairs, 100)).toThrow(
      /sums over [\d,]+ pairs are among it: pass a smaller --limit-pairs/,
    );
  });

  it("of lm-evaluation-harness's windows grows with the square of their length, and what is too much is refused", async () => {
    const decoder = await model();
    foreseeLmEval(decoder, 512);
    const longest = Math.ceil(Math.sqrt(totalmem()));
    expect(() => foreseeLmEval(decoder, longest)).toThrow(
      /windows are of [\d,]+ tokens here; leave out --like lm-eval/,
    );
  });
});
