/** Weights nobody trained: drawn as the config says, the same for a seed, whole for every architecture. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { manifest } from "./architectures.testing.ts";
import { openModel } from "./session.testing.ts";
import { untrainedTensors, writeUntrained } from "./untrained.ts";

const at = temporaryFolder();
const config = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(fixture(`models/${name}`), "config.json"), "utf8"));

/** one fixture an architecture */
const fixtures = new Map((await manifest()).map(({ model_type, name }) => [model_type, name]));
fixtures.set("llama", "llama");

const CONFIG = { ...config("llama"), initializer_range: 0.05 };

const statistics = (values: Float32Array) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
};

describe("untrainedTensors", () => {
  it("draws matrices from N(0, initializer_range), biases 0, norms the identity", () => {
    const tensors = new Map(untrainedTensors(CONFIG, 1).map((tensor) => [tensor.name, tensor]));
    const matrix = tensors.get("model.layers.0.mlp.up_proj.weight")!;
    const values = matrix.values();
    expect(values).toHaveLength(matrix.shape.reduce((product, size) => product * size, 1));
    const { mean, deviation } = statistics(values);
    const error = 0.05 / Math.sqrt(values.length);
    expect(Math.abs(mean)).toBeLessThan(4 * error);
    expect(Math.abs(deviation - 0.05)).toBeLessThan(4 * error);
    expect(new Set(tensors.get("model.norm.weight")!.values())).toEqual(new Set([1]));
    const named = (name: string, of: string): Float32Array =>
      untrainedTensors(config(of), 1)
        .find((tensor) => tensor.name === name)!
        .values();
    expect(new Set(named("model.layers.0.self_attn.q_proj.bias", "qwen2"))).toEqual(new Set([0]));
    // gemma's norms scale by 1 + w: w = 0 is the identity
    expect(new Set(named("model.norm.weight", "gemma2"))).toEqual(new Set([0]));
  });

  it("draws the same for a seed, and other numbers for another seed or tensor", () => {
    const first = (seed: number, index: number) => [...untrainedTensors(CONFIG, seed)[index].values().slice(0, 4)];
    expect(first(1, 0)).toEqual(first(1, 0));
    expect(first(1, 0)).not.toEqual(first(2, 0));
    const [one, other] = untrainedTensors(CONFIG, 1).filter(({ name }) => name.endsWith("q_proj.weight"));
    expect([...one.values().slice(0, 4)]).not.toEqual([...other.values().slice(0, 4)]);
  });

  it("refuses a deviation that is none", () => {
    expect(() => untrainedTensors({ ...CONFIG, initializer_range: "wide" }, 1)).toThrow(/initializer_range is "wide"/);
    expect(() => untrainedTensors({ ...CONFIG, initializer_range: -1 }, 1)).toThrow(/non-negative/);
  });
});

describe("writeUntrained", () => {
  it.each([...fixtures])("%s: a folder that opens and runs, every logit finite", async (type, name) => {
    await writeUntrained(at(type), config(name), 7);
    const { spec, run } = await openModel(at(type), () => ({ everything: true, losses: true }), 3);
    expect(spec.architecture).toBe(type);
    const { logits } = await run({
      input_ids: { data: [1, 2, 3], dims: [1, 3] },
      loss_rows: { data: [0], dims: [1] },
      loss_targets: { data: [2], dims: [1] },
    });
    expect(logits.data.every(Number.isFinite)).toBe(true);
    expect(new Set(logits.data).size).toBeGreaterThan(1);
  });
});
