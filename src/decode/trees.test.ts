/**
 * Code lengths over trees against the full pass, text by text, over every fixture: sliding windows, ALiBi and learned
 * positions among them. The full pass itself is held to other implementations in `models/architectures.test.ts`.
 */
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { manifest } from "../models/architectures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { openModel } from "../models/session.testing.ts";
import { random } from "../numeric/random.ts";
import { type Branching, codeLengths, type TreeOptions } from "./trees.ts";

const models = (await manifest()).filter(({ name }) => name !== "stories260k");
const VOCABULARY = 97;
const LONGEST = 28;
/** nats of a whole tail; float32 in both passes */
const ALLOWED = 2e-4;

const pick = random(1, "trees");
const some = (length: number): number[] => Array.from({ length }, () => pick.below(VOCABULARY));

/** Stems of different lengths; tails that share beginnings, one that begins another, a long one, one twice. */
const BRANCHINGS: readonly Branching[] = [5, 16, 1].map((length) => {
  const shared = some(3);
  const tails = [
    [...shared, ...some(2)],
    [...shared, ...some(1)],
    shared,
    [...shared.slice(0, 2), ...some(4)],
    some(1),
    some(12),
  ];
  return { stem: some(length), tails: [...tails, tails[0]] };
});

async function optionsOf(name: string): Promise<TreeOptions> {
  const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
  return { spec: specOf(config), weights, threads: 1 };
}

/** Every tail by itself, in float64 from the logits of the measuring graph. */
async function oneByOne(name: string): Promise<number[][]> {
  const { run, spec } = await openModel(fixture(`models/${name}`), () => ({ everything: true }), LONGEST);
  const natsOf = async (stem: readonly number[], tail: readonly number[]): Promise<number> => {
    const ids = [...stem, ...tail];
    const { logits } = await run({ input_ids: { data: ids, dims: [1, ids.length] } });
    return tail.reduce((nats, token, at) => {
      const row = logits.data.subarray((stem.length + at - 1) * spec.vocabulary, (stem.length + at) * spec.vocabulary);
      const largest = row.reduce((a, b) => Math.max(a, b));
      return nats + largest - row[token] + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    }, 0);
  };
  return Promise.all(BRANCHINGS.map(({ stem, tails }) => Promise.all(tails.map((tail) => natsOf(stem, tail)))));
}

describe.each(models)("$name", ({ name }) => {
  it("gives every tail the code length of the full pass", async () => {
    const [found, expected] = await Promise.all([codeLengths(BRANCHINGS, await optionsOf(name)), oneByOne(name)]);
    found.forEach((nats, b) => {
      nats.forEach((value, tail) => {
        expect(Math.abs(value - expected[b][tail]), `branching ${b}, tail ${tail}`).toBeLessThan(ALLOWED);
      });
    });
  });
});

describe("trees", () => {
  it("larger than a run are cut, and give what they give whole", async () => {
    const options = await optionsOf("llama");
    const stem = some(4);
    const tails = Array.from({ length: 1200 }, () => some(6));
    let most = 0;
    const [whole] = await codeLengths([{ stem, tails }], { ...options, onProgress: (done) => (most = done) });
    expect(most).toBe(1);
    const few = [0, 1, 599, 1199];
    const [alone] = await codeLengths([{ stem, tails: few.map((tail) => tails[tail]) }], options);
    few.forEach((tail, index) => {
      expect(whole[tail]).toBeCloseTo(alone[index], 4);
    });
    expect(whole.every((nats) => nats > 0)).toBe(true);
  });

  it("refuse a text longer than the model's positions, and stop when told to", async () => {
    const options = await optionsOf("gpt2");
    await expect(codeLengths([{ stem: some(64), tails: [some(2)] }], options)).rejects.toThrow(/has 64 positions/);
    const signal = AbortSignal.abort();
    await expect(codeLengths([{ stem: [1], tails: [[2]] }], { ...options, signal })).rejects.toThrow("stopped");
  });

  it("without branchings need no model", async () => {
    expect(await codeLengths([], await optionsOf("llama"))).toEqual([]);
  });
});
