/**
 * The engine against the naive decoder's goldens and against itself: rows in order, padding without effect, a death of
 * the child that becomes an error with the window's name.
 */
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { describeEngine } from "../ports/engine.testing.ts";
import type { EngineRequest } from "../ports/engine.ts";
import type { Observation } from "../ports/observation.ts";
import { isPosix } from "../system.testing.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import { OnnxEngine } from "./onnx.ts";

async function engineOf(name: string, longest: number): Promise<OnnxEngine> {
  const checkpoint = await openCheckpoint(fixture(`models/${name}`));
  return new OnnxEngine({
    spec: specOf(checkpoint.config),
    weights: checkpoint.weights,
    threads: 1,
    longest,
    describe: (batch) => `batch ${batch.index}`,
  });
}

async function goldenOf(name: string) {
  const file = await openSafetensors(fixture(`models/${name}/golden.safetensors`));
  const tensor = async (name: string) => ({ data: await file.read(name), shape: file.entry(name).shape });
  const ids = await tensor("input_ids");
  const hidden = await tensor("hidden_states");
  const nll = await tensor("nll");
  await file.close();
  return { ids, hidden, nll };
}

const window = (ids: readonly number[], fresh = 0, prefixSlots: 0 | 1 = 0): Window => ({
  document: 0,
  ids: Int32Array.from(ids),
  prefixSlots,
  start: 0,
  fresh,
});

async function all(observations: AsyncIterable<Observation>): Promise<Observation[]> {
  const list: Observation[] = [];
  for await (const observation of observations) list.push(observation);
  return list;
}

const losses: EngineRequest = { heads: { losses: true, preNorm: false } };

describeEngine("the ONNX engine", { make: () => engineOf("llama", 8), vocabulary: 32 });

describe("the ONNX engine", () => {
  it("gives every fresh slot one row, with the golden losses and states", async () => {
    const golden = await goldenOf("llama");
    const ids = Array.from(golden.ids.data as ArrayLike<number | bigint>, Number);
    const [batchSize, length] = golden.ids.shape;
    const width = golden.hidden.shape[3];
    const layers = golden.hidden.shape[0];
    const batch: WindowBatch = {
      index: 0,
      // The second window is short and starts late: its rows must be those of its own slots.
      windows: [window(ids.slice(0, length)), window(ids.slice(length, length + 9), 4)],
    };
    expect(batchSize).toBe(2);
    const engine = await engineOf("llama", length);
    const [seen] = await all(
      engine.run([batch], { ...losses, stateRows: () => Int32Array.from([2, length, length + 4]) }),
    );
    expect(seen.rows).toBe(length + 5);
    const nll = golden.nll.data as Float32Array;
    const expected = [Number.NaN, ...nll.slice(0, length - 1), ...nll.slice(length - 1 + 3, length - 1 + 8)];
    expected.forEach((value, row) => {
      if (Number.isNaN(value)) expect(seen.losses![row]).toBeNaN();
      else expect(seen.losses![row]).toBeCloseTo(value, 4);
    });
    const hidden = golden.hidden.data as Float32Array;
    const at = (layer: number, b: number, s: number) => {
      const from = ((layer * batchSize + b) * length + s) * width;
      return hidden.slice(from, from + width);
    };
    for (let layer = 0; layer < layers; layer++) {
      const want = [at(layer, 0, 2), at(layer, 1, 4), at(layer, 1, 8)].flatMap((row) => [...row]);
      want.forEach((value, index) => {
        expect(Math.abs(seen.states![layer][index] - value)).toBeLessThan(2e-4);
      });
    }
  });

  it("runs a window of one slot, where nothing is predicted", async () => {
    const [seen] = await all((await engineOf("gpt2", 4)).run([{ index: 0, windows: [window([5])] }], losses));
    expect([...seen.losses!]).toEqual([Number.NaN]);
  });

  it("adds up moments over the rows asked for, also over none", async () => {
    const batch = { index: 0, windows: [window([1, 2, 3, 4])] };
    const request: EngineRequest = {
      heads: { losses: false, moments: true, preNorm: false },
      momentRows: () => Int32Array.from([1, 3]),
      stateRows: () => Int32Array.from([1, 3]),
    };
    const [seen] = await all((await engineOf("llama", 4)).run([batch], request));
    const width = seen.moments![0].sum.length;
    seen.moments!.forEach((moments, layer) => {
      expect(moments.count).toBe(2);
      for (let i = 0; i < width; i++) {
        expect(moments.sum[i]).toBeCloseTo(seen.states![layer][i] + seen.states![layer][width + i], 3);
      }
    });
    const [none] = await all(
      (await engineOf("llama", 4)).run([batch], { ...request, momentRows: () => new Int32Array() }),
    );
    expect(none.moments!.every(({ count, gram }) => count === 0 && gram.every((value) => value === 0))).toBe(true);
  });

  it.skipIf(!isPosix)("turns the end of its process into an error that names the window (needs signals)", async () => {
    const engine = await engineOf("llama", 4);
    const endless = (function* () {
      for (let index = 0; ; index++) yield { index, windows: [window([1, 2, 3, 4])] };
    })();
    const error = await (async () => {
      for await (const seen of engine.run(endless, losses)) {
        if (seen.batch.index === 1) process.kill(engine.processId!, "SIGKILL");
      }
      return undefined;
    })().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LossyscopeError);
    expect((error as LossyscopeError).fault).toBe("memory");
    expect((error as LossyscopeError).message).toMatch(/SIGKILL at batch \d+/);
  });
});
