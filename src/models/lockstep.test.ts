/**
 * The two decoders of one graph against their naive twins in float64, and where the answer is known without one: a model
 * against itself, and against itself with all logits divided by a temperature.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildLockstepGraph, LOCKSTEP_CHUNK } from "./lockstep.ts";
import { naiveDecoder } from "./naive.testing.ts";
import { openGraph, openModel } from "./session.testing.ts";
import { slotsOf } from "./weights.ts";

const POSITIONS = 40;

const decoderIn = async (folder: string) => {
  const { config, weights } = await openCheckpoint(folder);
  return { spec: specOf(config), weights };
};

/** Outputs for every position but the last of one window. */
async function lockstep(p: string, q: string, ids: readonly number[], vocabulary: number) {
  const graph = buildLockstepGraph(await decoderIn(p), await decoderIn(q), vocabulary, ids.length);
  const run = await openGraph(graph);
  const rows = ids.slice(1);
  const found = await run({
    input_ids: { data: ids, dims: [1, ids.length] },
    loss_rows: { data: [...rows.keys()], dims: [rows.length] },
    loss_targets: { data: rows, dims: [rows.length] },
  });
  return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data]));
}

const logSumExp = (row: readonly number[]): number => {
  const top = row.reduce((most, x) => Math.max(most, x), -Infinity);
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
};
const logarithms = (row: readonly number[]): number[] => {
  const all = logSumExp(row);
  return row.map((x) => x - all);
};
const divergence = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, lnP, token) => sum + Math.exp(lnP) * (lnP - q[token]), 0);
const firstLargest = (row: readonly number[]): number => row.indexOf(row.reduce((a, b) => Math.max(a, b), -Infinity));

const idsBelow = (vocabulary: number, length = POSITIONS): number[] => {
  const pick = random(3, "lockstep ids");
  return Array.from({ length }, () => pick.below(vocabulary));
};

/** Largest difference, each over 1 + the magnitude of what is expected. */
const off = (found: Float32Array, expected: readonly number[]): number =>
  expected.reduce((most, x, row) => Math.max(most, Math.abs(found[row] - x) / (1 + Math.abs(x))), 0);

describe("two models in one graph", () => {
  it.each([
    ["llama", "qwen3"],
    ["gpt2", "gemma2"],
    ["gpt_neox", "gpt_neox-f16"],
    ["mistral-sharded", "phi3-longrope"],
  ])("%s and %s: as their naive twins have it", async (p, q) => {
    const [one, other] = [p, q].map((name) => fixture(`models/${name}`));
    const decoders = await Promise.all([one, other].map(decoderIn));
    const vocabulary = Math.min(...decoders.map(({ spec }) => spec.vocabulary));
    const ids = idsBelow(vocabulary);
    const found = await lockstep(one, other, ids, vocabulary);
    const [a, b] = await Promise.all(
      [one, other].map(async (folder) =>
        (await naiveDecoder(folder))(ids).logits.map((row) => logarithms(row.slice(0, vocabulary))),
      ),
    );
    const rows = ids.slice(1).map((target, row) => ({ lnP: a[row], lnQ: b[row], target }));
    const expected = {
      kl: rows.map(({ lnP, lnQ }) => divergence(lnP, lnQ)),
      "nats.p": rows.map(({ lnP, target }) => -lnP[target]),
      "nats.q": rows.map(({ lnQ, target }) => -lnQ[target]),
      delta: rows.map(({ lnP, lnQ, target }) => lnP[target] - lnQ[target]),
      probability: rows.map(({ lnP, lnQ, target }) => Math.exp(lnQ[target]) - Math.exp(lnP[target])),
    };
    // What float32 products make of logits: the fixtures' own difference from float64, a few times over.
    for (const [name, values] of Object.entries(expected)) expect(off(found[name], values), name).toBeLessThan(2e-5);
    expect([...found["top.p"]]).toEqual(rows.map(({ lnP }) => firstLargest(lnP)));
    expect([...found["top.q"]]).toEqual(rows.map(({ lnQ }) => firstLargest(lnQ)));
    expect(Math.min(...found.kl)).toBeGreaterThan(0);
  });

  it.each(["llama", "llama-tied-bf16", "gpt2", "gemma2", "gpt_neox-f16", "mixtral", "phi3", "falcon-7b", "mpt"])(
    "%s against itself: exactly nothing",
    async (name) => {
      const folder = fixture(`models/${name}`);
      const { vocabulary } = (await decoderIn(folder)).spec;
      const found = await lockstep(folder, folder, idsBelow(vocabulary), vocabulary);
      for (const output of ["kl", "delta", "probability"])
        expect(new Set(found[output].map(Math.abs)), output).toEqual(new Set([0]));
      expect(found["top.p"]).toEqual(found["top.q"]);
      expect(Math.max(...found["nats.p"])).toBeGreaterThan(0);
    },
  );
});

const LARGE = 3 * LOCKSTEP_CHUNK + 5;
const CONFIG = {
  model_type: "llama",
  vocab_size: LARGE,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  tie_word_embeddings: false,
};

describe("over several chunks of the vocabulary", () => {
  const temporary = temporaryFolder();

  /** @param change of the head's values, before they are written */
  async function write(name: string, change: (values: Float32Array) => void, rows = LARGE): Promise<string> {
    const folder = temporary(name);
    await mkdir(folder);
    const config = { ...CONFIG, vocab_size: rows };
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const tensors = [...slotsOf(specOf(config))].map(({ names: [tensor], shape }) => {
      const pick = random(5, "lockstep weights", tensor);
      const length = shape.reduce((product, size) => product * size, 1);
      const data = Float32Array.from({ length }, () => 0.7 * pick.normal());
      if (tensor.includes("norm")) data.fill(1);
      if (tensor === "lm_head.weight") change(data);
      return { name: tensor, dtype: "F32" as const, shape: [...shape], data };
    });
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    return folder;
  }
  const times = (factor: number) => (values: Float32Array) => values.set(values.map((x) => factor * x));

  it("halved logits: q ∝ √p, as float64 has it of the same logits", async () => {
    const p = await write("p", () => {});
    // a power of two: the halved products are the halves of the products, to the last bit
    const q = await write("q", times(0.5));
    const ids = idsBelow(LARGE);
    ids[4] = LARGE - 1;
    ids[5] = LOCKSTEP_CHUNK;
    ids[6] = LOCKSTEP_CHUNK - 1;
    const found = await lockstep(p, q, ids, LARGE);
    const { run } = await openModel(p, () => ({ everything: true }), POSITIONS);
    const { data } = (await run({ input_ids: { data: ids, dims: [1, POSITIONS] } })).logits;
    const expected = ids.slice(1).map((target, row) => {
      const logits = Array.from(data.subarray(row * LARGE, (row + 1) * LARGE));
      const lnP = logarithms(logits);
      // with a = ln p + LSE(a): KL = Σ p·a/2 − LSE(a) + LSE(a/2)
      const mean = lnP.reduce((sum, x, token) => sum + Math.exp(x) * logits[token], 0);
      const half = logits.map((x) => x / 2);
      return { kl: mean / 2 - logSumExp(logits) + logSumExp(half), delta: lnP[target] - logarithms(half)[target] };
    });
    expect(Math.max(...found.kl)).toBeGreaterThan(0.1);
    const float32 = 2 ** -23;
    for (const name of ["kl", "delta"] as const)
      expect(
        off(
          found[name],
          expected.map((one) => one[name]),
        ),
      ).toBeLessThan(float32);
    const top = ids.slice(1).map((_, row) => firstLargest(Array.from(data.subarray(row * LARGE, (row + 1) * LARGE))));
    expect([...found["top.p"]]).toEqual(top);
    expect([...found["top.q"]]).toEqual(top);
  });

  it("rows that only one of them has are no part of either, and of equal logits the lower token is the likeliest", async () => {
    const fewer = await write("fewer", (values) => values.fill(0), LOCKSTEP_CHUNK + 7);
    const more = await write("more", (values) => values.fill(0).fill(50, (LOCKSTEP_CHUNK + 7) * 16));
    const found = await lockstep(fewer, more, idsBelow(LOCKSTEP_CHUNK), LOCKSTEP_CHUNK + 7);
    expect(new Set(found.kl)).toEqual(new Set([0]));
    expect(new Set(found["top.q"])).toEqual(new Set([0]));
    for (const nats of [found["nats.p"], found["nats.q"]])
      expect(off(nats, new Array(39).fill(Math.log(LOCKSTEP_CHUNK + 7)))).toBeLessThan(1e-7);
  });
});
