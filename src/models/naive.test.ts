/**
 * Specs against golden values in float64: what an architecture file makes of a config is the model that transformers runs,
 * to the rounding of the golden values themselves. `architectures.test.ts` holds the graph to the same values in float32;
 * here the two meet on windows that are longer than the golden ones and take several blocks of queries.
 */
import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { naiveDecoder } from "./naive.testing.ts";
import { openModel } from "./session.testing.ts";

/** half a unit in the last place of a float32, the golden values' own rounding, and as much again for float64 sums */
const TOLERANCE = 2 ** -23;

const models = readdirSync(fixture("models")).filter((name) =>
  existsSync(fixture(`models/${name}/golden.safetensors`)),
);

const worst = (mine: readonly number[], theirs: Float32Array): number => {
  expect(mine.length).toBe(theirs.length);
  return mine.reduce((most, value, index) => Math.max(most, Math.abs(value - theirs[index])), 0);
};
const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("the naive decoder", () => {
  it.each(models)("%s: gives the golden values", async (name) => {
    const golden = await openSafetensors(fixture(`models/${name}/golden.safetensors`));
    const read = async (tensor: string) => (await golden.read(tensor)) as Float32Array;
    const ids = Array.from((await golden.read("input_ids")) as BigInt64Array, Number);
    const [windows, positions] = golden.header.tensors.get("input_ids")!.shape;
    const decode = await naiveDecoder(fixture(`models/${name}`));
    const runs = Array.from({ length: windows }, (_, b) => decode(ids.slice(b * positions, (b + 1) * positions)));

    const layers = runs[0].hiddenStates.map((_, layer) => runs.flatMap((run) => run.hiddenStates[layer].flat()));
    const mine: Record<string, readonly number[]> = {
      hidden_states: layers.flat(),
      last_block_output: runs.flatMap((run) => run.lastBlockOutput.flat()),
      logits: runs.flatMap((run) => run.logits.flat()),
      nll: runs.flatMap((run) => run.nll),
    };
    for (const [tensor, values] of Object.entries(mine)) {
      const theirs = await read(tensor);
      expect(worst(values, theirs), tensor).toBeLessThan(TOLERANCE * largest(theirs));
    }
    await golden.close();
  });
});

describe("the graph and the naive decoder", () => {
  // Falcon RW goes beyond 256, from where bfloat16 no longer has every position.
  it.each([
    ["falcon-rw", 300],
    ["falcon-40b", 150],
    ["gemma2", 150],
    ["gemma3_text", 150],
    ["mistral-sharded", 150],
    ["mixtral", 150],
    ["bloom", 150],
    ["cohere2", 150],
    ["granitemoeshared", 150],
    ["ministral3", 150],
  ])("%s: agree on %i positions", async (name, positions) => {
    const folder = fixture(`models/${name}`);
    const pick = random(1, "naive ids", name);
    const ids = Array.from({ length: positions }, () => pick.below(97));
    const { run } = await openModel(folder, () => ({ everything: true }), positions);
    const { logits } = await run({ input_ids: { data: ids, dims: [1, positions] } });
    const naive = (await naiveDecoder(folder))(ids).logits.flat();
    expect(worst(naive, logits.data)).toBeLessThan(1e-5 * largest(logits.data));
  });
});
