/** Capacity: the figures on made-up code lengths, when training is over, and a model that memorises all there is. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { hasShared, shared } from "../fixtures.testing.ts";
import { tableOf } from "../formats/csv.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { type CapacityRun, memorised, plateauOf } from "./capacity.ts";
import { type MemoriseJob, memorise, settled, uniformStrings } from "./memorise.ts";
import { publishedCapacities } from "./published.ts";

const at = temporaryFolder();
const bits = (...lengths: number[]): Float64Array => Float64Array.from(lengths, (length) => length * Math.LN2);

describe("memorised bits", () => {
  it("are the entropy less the code length, and floored a string at a time, less what chance earns", () => {
    const figures = memorised(10, bits(2, 4, 13), bits(9, 12, 14));
    expect(figures.entropyBits).toBe(30);
    expect(figures.unflooredBits).toBeCloseTo(8 + 6 - 3, 12);
    expect(figures.flooredBits).toBeCloseTo(8 + 6 - 1, 12);
    expect(figures.unseenUnflooredBits).toBeCloseTo(1 - 2 - 4, 12);
  });

  it("are none where strings cost the same whether they were seen or not", () => {
    const lengths = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, (given) => {
        expect(memorised(20, bits(...given), bits(...given)).flooredBits).toBe(0);
      }),
    );
  });
});

describe("the plateau", () => {
  const run = (strings: number, seed: number, held: number): CapacityRun => ({
    strings,
    seed,
    steps: 1,
    settled: true,
    entropyBits: 10 * strings,
    flooredBits: held,
    unflooredBits: held - 5,
    unseenUnflooredBits: -1,
  });

  it("is the n within a tenth of the largest mean, and the mean over them of each seed", () => {
    const plateau = plateauOf([
      ...[run(8, 0, 80), run(8, 1, 80), run(16, 0, 100), run(16, 1, 94)],
      ...[run(32, 0, 104), run(32, 1, 96), run(64, 0, 90), run(64, 1, 70)],
    ]);
    expect(plateau).toEqual({
      strings: [16, 32],
      reached: true,
      bits: { value: 98.5, low: 95, high: 102 },
      unflooredBits: { value: 93.5, low: 90, high: 97 },
    });
  });

  it("has no range with one seed", () => {
    expect(plateauOf([run(16, 0, 100), run(32, 0, 104)]).bits).toEqual({ value: 102, low: null, high: null });
  });

  it("is not reached while the largest n holds most, nor where all was kept", () => {
    expect(plateauOf([run(8, 0, 60), run(16, 0, 100)])).toMatchObject({ strings: [16], reached: false });
    expect(plateauOf([run(8, 0, 60), run(16, 0, 100), run(32, 0, 60)])).toMatchObject({ strings: [16], reached: true });
    expect(plateauOf([run(8, 0, 79), run(16, 0, 60)])).toMatchObject({ strings: [8], reached: false });
  });
});

describe("training is over", () => {
  const most = 5;
  const after = (steps: number, kept: (step: number) => number): boolean =>
    settled(
      Array.from({ length: steps }, (_, step) => most - kept(step + 1)),
      most,
    );

  it("where twice the steps brought less than a fiftieth more", () => {
    expect(after(2000, (step) => 2 * (1 - Math.exp(-step / 500)))).toBe(false);
    expect(after(6000, (step) => 2 * (1 - Math.exp(-step / 500)))).toBe(true);
    expect(after(6000, (step) => Math.log(step))).toBe(false);
  });

  it("never before anything was kept", () => {
    expect(after(6000, () => 0)).toBe(false);
    expect(after(6000, () => -0.1)).toBe(false);
  });

  it("not because a few steps leapt", () => {
    const growing = (step: number): number => step / 2000;
    expect(after(2000, (step) => growing(step) - (step % 10 === 0 ? 4 : 0))).toBe(false);
  });
});

describe("uniform strings", () => {
  it("begin alike however many are drawn, use the whole vocabulary evenly, and depend on the name", () => {
    const many = uniformStrings(400, 50, 8, 3, "strings");
    expect(uniformStrings(10, 50, 8, 3, "strings")).toEqual(many.slice(0, 10));
    expect(uniformStrings(10, 50, 8, 4, "strings")).not.toEqual(many.slice(0, 10));
    const counts = new Array(8).fill(0);
    for (const ids of many) for (const id of ids) counts[id]++;
    const chiSquare = counts.reduce((total, count) => total + (count - 2500) ** 2 / 2500, 0);
    expect(chiSquare).toBeLessThan(24.3); // 7 degrees of freedom, one in a thousand
  });
});

describe("a model that memorises", () => {
  const config = {
    model_type: "llama",
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    vocab_size: 16,
    max_position_embeddings: 9,
    tie_word_embeddings: true,
  };
  const job = (more: Partial<MemoriseJob> = {}): MemoriseJob => ({
    out: at("model"),
    config,
    spec: specOf(config),
    settings: { length: 8, steps: 150, batch: 8, runTokens: 64, rate: 0.02 },
    strings: 8,
    seed: 1,
    threads: 1,
    ...more,
  });

  it("keeps all of a few strings but which of them it is, and leaves itself behind", async () => {
    const losses: number[] = [];
    const run = await memorise(job({ onStep: (_, nats) => losses.push(nats) }));
    expect(losses).toHaveLength(150);
    expect(run).toMatchObject({ strings: 8, seed: 1, steps: 150, settled: false, entropyBits: 8 * 8 * 4 });
    // Eight strings cannot all be likelier than one in eight.
    const most = 8 * (8 * 4 - 3);
    expect(run.unflooredBits).toBeLessThan(most);
    expect(run.unflooredBits).toBeGreaterThan(0.97 * most);
    expect(run.flooredBits).toBeCloseTo(run.unflooredBits, 6);
    expect(run.unseenUnflooredBits).toBeLessThan(0);
    // What training sees last is what the engine then measures.
    const [nats] = [losses.at(-1)!];
    expect((run.entropyBits - run.unflooredBits) / 64).toBeCloseTo(nats / Math.LN2, 2);
    expect((await openCheckpoint(at("model"))).config).toEqual({ ...config, torch_dtype: "float32" });
  });

  it("does so in parts of a step as in one, the same for a seed and not for another", async () => {
    const short = (more: Partial<MemoriseJob["settings"]>, seed = 1): Promise<CapacityRun> =>
      memorise(job({ settings: { ...job().settings, steps: 30, ...more }, seed }));
    const whole = await short({});
    expect(await short({})).toEqual(whole);
    expect((await short({ runTokens: 24 })).unflooredBits / whole.unflooredBits).toBeCloseTo(1, 2);
    expect((await short({}, 2)).unflooredBits / whole.unflooredBits).not.toBeCloseTo(1, 2);
  });

  it("refuses strings that are too long, and stops when told to", async () => {
    const settings = { ...job().settings, length: 9 };
    await expect(memorise(job({ settings }))).rejects.toThrow(
      /9 positions, strings of 9 tokens .* take 10: pass --length 8/,
    );
    await expect(memorise(job({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ fault: "interrupted" });
  });

  it("says that it diverged", async () => {
    const settings = { ...job().settings, rate: 1e30 };
    await expect(memorise(job({ settings }))).rejects.toThrow(/8 strings diverged at step \d+ .*pass a lower --rate/);
  });
});

describe("published capacities", () => {
  it("draw a line at the two that reports name", async () => {
    const lines = (await publishedCapacities()).filter(({ line }) => line !== null);
    expect(lines.map(({ line, bitsPerParameter }) => [line, bitsPerParameter])).toEqual([
      ["Morris et al. 2025", 3.6],
      ["Allen-Zhu & Li 2024", 2],
    ]);
  });

  it.skipIf(!hasShared)("are those of the collected figures (needs ../shared)", async () => {
    const name = "capacity-and-memorization.csv";
    const columns = ["paper", "measure", "value", "unit", "model", "condition", "source", "status"];
    const text = readFileSync(`${shared("")}../reference/${name}`, "utf8");
    const told = tableOf(text, name, columns, []).map(({ cells }) => cells);
    for (const { paper, measure, bitsPerParameter, model, condition, status } of await publishedCapacities()) {
      expect(told).toContainEqual(
        expect.objectContaining({
          ...{ paper, measure, model, condition, status },
          value: String(bitsPerParameter),
          unit: "bits per parameter",
        }),
      );
    }
  });
});
