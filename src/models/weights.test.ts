/** Checkpoints that do not match their config are refused by tensor; files may lie in folders of their own. */
import { cp, mkdir } from "node:fs/promises";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildMeasuringGraph } from "./heads.ts";
import { openGraph } from "./session.testing.ts";
import type { StoredTensor, TensorSource } from "./sources/tensor-source.ts";
import { bindWeights, isBuffer } from "./weights.ts";

const { config, weights } = await openCheckpoint(fixture("models/llama"));
const spec = specOf(config);

/** The fixture's tensors with some changed, added or (undefined) taken away. */
function changed(changes: Readonly<Record<string, Partial<StoredTensor> | undefined>>): TensorSource {
  const any = weights.locate("model.norm.weight")!;
  const names = new Set([...weights.names(), ...Object.keys(changes)]);
  const locate = (name: string): StoredTensor | undefined => {
    if (!(name in changes)) return weights.locate(name);
    return changes[name] && { ...(weights.locate(name) ?? any), ...changes[name] };
  };
  return { ...weights, locate, names: () => [...names].filter((name) => locate(name)) };
}

describe("bindWeights", () => {
  it.each<[string, Parameters<typeof changed>[0], RegExp]>([
    ["a missing tensor", { "lm_head.weight": undefined }, /no tensor lm_head\.weight of shape \[97, 48\]/],
    [
      "a wrong shape",
      { "model.norm.weight": { shape: [47] } },
      /model\.norm\.weight has shape \[47\].*makes it \[48\]/,
    ],
    [
      "a tensor too many",
      { "model.layers.3.mlp.up_proj.weight": {} },
      /no place for: model\.layers\.3\.mlp\.up_proj\.weight/,
    ],
    ["many tensors too many", { a: {}, b: {}, c: {}, d: {}, e: {} }, /no place for: a, b, c and 2 more/],
    ["packed integers", { "model.norm.weight": { dtype: "I8" } }, /model\.norm\.weight is stored as I8/],
  ])("refuses %s", (_, changes, message) => {
    expect(() => bindWeights(spec, changed(changes))).toThrow(message);
  });

  it("lets buffers be", () => {
    const buffers = {
      "model.layers.0.self_attn.rotary_emb.inv_freq": {},
      "gpt_neox.layers.0.attention.masked_bias": {},
    };
    expect(bindWeights(spec, changed(buffers)).size).toBe(bindWeights(spec, weights).size);
  });

  it("takes a tied head's copy for what it is", async () => {
    const tied = await openCheckpoint(fixture("models/llama-tied-bf16"));
    const embedding = tied.weights.locate("model.embed_tokens.weight")!;
    const copies = { ...tied.weights, names: () => [...tied.weights.names(), "lm_head.weight"] };
    const source = {
      ...copies,
      locate: (name: string) => (name === "lm_head.weight" ? embedding : tied.weights.locate(name)),
    };
    const bound = bindWeights(specOf(tied.config), source);
    expect([...bound.values()].filter((tensor) => tensor.offset === embedding.offset)).not.toEqual([]);
  });
});

it.each<[string, StoredTensor["dtype"], readonly number[], boolean]>([
  ["transformer.h.0.attn.bias", "F32", [1, 1, 8, 8], true],
  ["transformer.h.0.attn.attention.bias", "BOOL", [1, 1, 8, 8], true],
  ["h.0.attn.masked_bias", "F32", [], true],
  ["gpt_neox.layers.0.attention.rotary_emb.inv_freq", "F32", [8], true],
  ["gpt_neox.layers.0.attention.dense.bias", "F32", [64], false],
  ["transformer.h.0.attn.c_attn.bias", "F32", [192], false],
  ["h.0.attn.bias", "F32", [64], false],
])("isBuffer(%s, %s %j) is %s", (name, dtype, shape, expected) => {
  expect(isBuffer(name, { dtype, shape })).toBe(expected);
});

describe("files in several folders", () => {
  const temporary = temporaryFolder();

  it("run from the nearest folder that holds them all", async () => {
    const folder = fixture("models/mistral-sharded");
    const sharded = await openCheckpoint(folder);
    const golden = { input_ids: { data: [1, 2, 3], dims: [1, 3] } };
    const here = buildMeasuringGraph(specOf(sharded.config), sharded.weights, { everything: true }, 3);
    const files = [...new Set([...sharded.weights.names()].map((name) => sharded.weights.locate(name)!.file))];
    expect(files.length).toBe(2);
    const moved = new Map<string, string>();
    for (const [index, file] of files.entries()) {
      const target = temporary(`blobs ${index}`, "deep", basename(file));
      await mkdir(temporary(`blobs ${index}`, "deep"), { recursive: true });
      await cp(file, target);
      moved.set(file, target);
    }
    const source: TensorSource = {
      ...sharded.weights,
      locate(name) {
        const stored = sharded.weights.locate(name);
        return stored && { ...stored, file: moved.get(stored.file)! };
      },
    };
    const there = buildMeasuringGraph(specOf(sharded.config), source, { everything: true }, 3);
    expect(there.externalFolder).toBe(temporary());
    const [a, b] = [await (await openGraph(here))(golden), await (await openGraph(there))(golden)];
    expect(b.logits.data).toEqual(a.logits.data);
  });
});
