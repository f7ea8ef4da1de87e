/**
 * Rotations that depend on a window's length, through the decoder: both sets of frequencies against the naive decoder (which
 * `naive.test.ts` holds to golden values of either), sessions that pass the limit, and a model of another tool whole.
 */
import { describe, expect, it } from "vitest";
import { DecodingSession } from "../decode/session.ts";
import { OnnxEngine } from "../engines/onnx.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import type { Window } from "../text/corpus.ts";
import { batchesOf } from "../text/windows.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { naiveDecoder } from "./naive.testing.ts";
import { lengthSteps } from "./rotary.ts";
import { openModel } from "./session.testing.ts";

const FOLDER = fixture("models/phi3-longrope");
/** its `original_max_position_embeddings` */
const LIMIT = 8;
const LONGEST = 20;
const pick = random(1, "longrope");
const IDS = Array.from({ length: LONGEST }, () => pick.below(97));

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, at) => Math.abs(value - b[at])).reduce((most, one) => Math.max(most, one), 0);
};

describe("LongRoPE", () => {
  it("turns a window by its own length, whatever else the graph can run", async () => {
    const { run, spec } = await openModel(FOLDER, () => ({ everything: true }), LONGEST);
    expect(lengthSteps(spec)).toEqual([LIMIT]);
    const naive = await naiveDecoder(FOLDER);
    for (const length of [LIMIT - 1, LIMIT, LIMIT + 1, LONGEST]) {
      const ids = IDS.slice(0, length);
      const { logits } = await run({ input_ids: { data: ids, dims: [1, length] } });
      expect(worst(logits.data, naive(ids).logits.flat()), `${length} tokens`).toBeLessThan(1e-4);
    }
    const long = naive(IDS.slice(0, LIMIT + 1)).logits.slice(0, LIMIT);
    expect(worst(long.flat(), naive(IDS.slice(0, LIMIT)).logits.flat())).toBeGreaterThan(0.1);
  });

  it("costs a window the same where nothing but losses is read, which leaves its last token out", async () => {
    const { config, weights } = await openCheckpoint(FOLDER);
    const naive = await naiveDecoder(FOLDER);
    const lengths = [LIMIT, LIMIT + 1];
    const windows = lengths.map(
      (length, document): Window => ({
        document,
        ids: Int32Array.from(IDS.slice(0, length)),
        prefixSlots: 0,
        start: 0,
        fresh: 0,
      }),
    );
    const spec = specOf(config);
    const engine = new OnnxEngine({ spec, weights, threads: 1, longest: LONGEST, describe: () => "a window" });
    const heads = { losses: true, preNorm: false };
    for await (const { batch, losses } of engine.run(batchesOf(windows, 1000, lengthSteps(spec)), { heads })) {
      const expected = batch.windows.flatMap(({ ids }) => [0, ...naive([...ids]).nll]);
      expect(
        worst(
          Array.from(losses!, (loss) => loss || 0),
          expected,
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it("turns a session by the most positions it may reach, from its first on", async () => {
    const { config, weights } = await openCheckpoint(FOLDER);
    const naive = await naiveDecoder(FOLDER);
    for (const longest of [LIMIT, LONGEST]) {
      const options = { spec: specOf(config), weights, threads: 1, prediction: "logits" as const, longest };
      const session = await DecodingSession.open(options);
      const expected = naive(IDS.slice(0, longest)).logits;
      for (const [s, id] of IDS.slice(0, longest).entries()) {
        const [row] = await session.advance([[id]]);
        expect(worst(row, expected[s]), `${longest} at most, position ${s}`).toBeLessThan(1e-4);
      }
      await session.close();
    }
  });

  it.skipIf(!hasShared)("of a Llama, as transformers computes it (needs ../shared/fixtures)", async () => {
    const folder = shared("cases/longrope");
    const expected = await openSafetensors(`${folder}/expected.safetensors`);
    const ids = Array.from((await expected.read("input_ids")) as ArrayLike<number>);
    const { run } = await openModel(folder, () => ({ everything: true }), 64);
    const { logits } = await run({ input_ids: { data: ids, dims: [1, ids.length] } });
    expect(worst(logits.data, (await expected.read("logits")) as ArrayLike<number>)).toBeLessThan(1e-4);
    await expected.close();
  });
});
