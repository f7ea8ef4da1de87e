/**
 * What training leaves, mutated by the thousand (`src/mutations.testing.ts`): the state that a run goes on from, its log,
 * trajectories and capacities, with the pages drawn from them.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { CAPACITY_SCHEMA, parseCapacity, plateauOf } from "../src/lab/capacity.ts";
import { logged, RUN_LOG, readState, saveState } from "../src/lab/checkpoint.ts";
import { findRun } from "../src/measure/checkpoints/checkpoints.ts";
import { mutatedBytes, mutatedJsonText, mutatedSafetensors } from "../src/mutations.testing.ts";
import { parseTrajectory } from "../src/profile/read.ts";
import { capacityBlocks, capacityPage } from "../src/report/capacity.ts";
import { trajectoryPage } from "../src/report/trajectory/page.ts";
import { sampleTrajectory } from "../src/report/trajectory/sample.testing.ts";
import { trajectoryBlocks } from "../src/report/trajectory/text.ts";

const at = temporaryFolder();

describe("a training run", () => {
  it("by the state that it goes on from", async () => {
    const size = 6;
    const vector = (scale: number) => Float32Array.from({ length: size }, (_, i) => scale * i);
    const state = { parameters: vector(1), mean: vector(0.1), square: vector(0.01) };
    await saveState(at(), "this run", { step: 3, tokens: 96, state });
    const [name] = readdirSync(at());
    const { sound } = await hold(
      mutatedSafetensors(readFileSync(at(name))),
      async (bytes) => {
        writeFileSync(at(name), bytes);
        const saved = await readState(at(), "this run", { size }, 10);
        expect(saved.step).toBeLessThanOrEqual(10);
        expect(Object.values(saved.state).map(({ length }) => length)).toEqual([size, size, size]);
      },
      500,
      { left: () => readdirSync(at()) },
    );
    expect(sound).toBeGreaterThan(0);
  });

  it("by its log, beside its checkpoints", async () => {
    for (const step of [0, 10]) {
      mkdirSync(at("run", `step-${step}`), { recursive: true });
      writeFileSync(at("run", `step-${step}`, "config.json"), "{}");
    }
    const lines = [
      { step: 1, tokens: 32, nllNats: 2.5, rate: 1e-3 },
      { checkpoint: "step-1", step: 1, heldOutBitsPerByte: 3 },
      { step: 2, tokens: 64, nllNats: 2.25, rate: 1e-3 },
    ];
    writeFileSync(at("run", RUN_LOG), "");
    const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const mutants = fc.oneof(mutatedJsonText(lines), mutatedBytes([text]));
    const { sound, runs } = await hold(
      mutants,
      async (bytes) => {
        writeFileSync(at("run", RUN_LOG), bytes);
        const { log, checkpoints } = await findRun([at("run")]);
        expect(checkpoints).toHaveLength(2);
        for (const { step, tokens, nats } of log ?? []) expect([step, tokens, nats].every(Number.isFinite)).toBe(true);
        for (const line of bytes.toString().split("\n")) logged(line);
      },
      300,
      { left: () => readdirSync(at("run")) },
    );
    expect(sound).toBe(runs);
  });

  it("by the trajectory that was measured of it, and the page drawn from that", async () => {
    const { sound } = await hold(
      mutatedJsonText([sampleTrajectory()], 8),
      (bytes) => {
        const trajectory = parseTrajectory(bytes.toString(), "t.json");
        trajectoryPage(trajectory);
        trajectoryBlocks(trajectory);
      },
      400,
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("a capacity", () => {
  it("by its document, and the page drawn from it", async () => {
    const runs = [2, 4, 8].flatMap((strings) =>
      [0, 1].map((seed) => ({
        ...{ strings, seed, steps: 40, settled: seed === 0, entropyBits: 32 * strings },
        ...{ unflooredBits: 20 * strings, flooredBits: 18 * strings, unseenUnflooredBits: -3 },
      })),
    );
    const capacity = {
      schema: CAPACITY_SCHEMA,
      config: { model_type: "llama", hidden_size: 16 },
      settings: { length: 8, steps: 40, batch: 16, runTokens: 64, rate: 0.01 },
      parameters: { total: 1000, nonEmbedding: 800 },
      runs,
      plateau: plateauOf(runs),
    };
    const published = [
      { ...{ paper: "p", measure: "m", bitsPerParameter: 3.6, model: "x" }, condition: "", status: "", line: "l" },
    ];
    const { sound } = await hold(
      mutatedJsonText([capacity], 8),
      (bytes) => {
        const found = parseCapacity(bytes.toString(), "c.json");
        plateauOf(found.runs);
        capacityBlocks(found, published);
        capacityPage(found, published);
      },
      400,
    );
    expect(sound).toBeGreaterThan(0);
  });
});
