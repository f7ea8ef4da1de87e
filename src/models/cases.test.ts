/**
 * Models in layouts that real files have, against logits that transformers computed in float64: a text model inside another,
 * names that tools leave behind, and configs in which two places say different things (fixtures/README.md, `cases/`).
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors, type TensorContent, writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import type { LossyscopeError } from "../numeric/errors.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { storageLedger } from "./ledger.ts";
import { openModel } from "./session.testing.ts";
import { tensorsInFiles } from "./sources/tensor-source.ts";
import { textModel } from "./text-model.ts";
import { bindWeights } from "./weights.ts";

const at = temporaryFolder();
const cases = readdirSync(fixture("cases"), { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** The largest difference from the expected logits, as a share of the largest of them. */
async function difference(folder: string, expected = folder): Promise<number> {
  const file = await openSafetensors(join(expected, "expected.safetensors"));
  const [ids, logits] = [await file.read("input_ids"), await file.read("logits")];
  await file.close();
  const { run } = await openModel(folder, () => ({ everything: true }), ids.length);
  const found = (
    await run({ input_ids: { data: Array.from(ids as ArrayLike<number | bigint>, Number), dims: [1, ids.length] } })
  ).logits.data;
  expect(found.length).toBe(logits.length);
  const largest = Math.max(...Array.from(logits as ArrayLike<number | bigint>, (value) => Math.abs(Number(value))));
  return Math.max(...Array.from(found, (value, at) => Math.abs(value - Number(logits[at])))) / largest;
}

describe("logits as transformers computes them", () => {
  it.each(cases)("%s", async (name) => {
    expect(await difference(fixture(`cases/${name}`))).toBeLessThan(5e-6);
  });
});

/** A case with its tensors under other names, more of them, or another config. */
async function changed(
  name: string,
  change: (tensors: TensorContent[]) => TensorContent[],
  config: (values: Record<string, unknown>) => Record<string, unknown> = (values) => values,
): Promise<string> {
  cpSync(fixture(`cases/${name}`), at("model"), { recursive: true });
  const file = await openSafetensors(fixture(`cases/${name}/model.safetensors`));
  const tensors: TensorContent[] = [];
  for (const { name: own, dtype, shape, begin, end } of file.header.tensors.values())
    tensors.push({ name: own, dtype, shape, data: await file.readRange(begin, end) });
  await file.close();
  await writeSafetensors(at("model", "model.safetensors"), change(tensors));
  const values = JSON.parse(readFileSync(at("model", "config.json"), "utf8"));
  writeFileSync(at("model", "config.json"), JSON.stringify(config(values)));
  return at("model");
}

const renamed = (rename: (name: string) => string) => (tensors: TensorContent[]) =>
  tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) }));
const plain = (name: string): string => name.replace("_orig_mod.", "");

describe("names that tools leave behind", () => {
  it.each<[string, (name: string) => string]>([
    ["module.", (name) => `module.${plain(name)}`],
    ["module._orig_mod.", (name) => `module.${name}`],
    ["_orig_mod. inside", (name) => plain(name).replace(/layers\.(\d)\./, "layers.$1._orig_mod.")],
    ["_fsdp_wrapped_module.", (name) => plain(name).replace(/layers\.(\d)\./, "layers.$1._fsdp_wrapped_module.")],
    ["base_model.model., merged", (name) => `base_model.model.${plain(name)}`],
    ["model. of a trainer's module", (name) => `model.${plain(name)}`],
  ])("%s are read through", async (_, rename) => {
    const folder = await changed("compiled-prefix", renamed(rename));
    expect(await difference(folder, fixture("cases/compiled-prefix"))).toBeLessThan(5e-6);
  });

  it("of an adapter that is not merged are refused", async () => {
    const folder = await changed(
      "compiled-prefix",
      renamed((name) => plain(name).replace("q_proj.weight", "q_proj.base_layer.weight")),
    );
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /holds an adapter beside its weights \(.*base_layer.*\): merge it/,
    );
  });

  it("that make two of one are read where both are the same, and refused where they differ", async () => {
    const twice = (change: number) => (tensors: TensorContent[]) => {
      const data = new Uint8Array(tensors[0].data as Uint8Array);
      data[0] += change;
      return [...tensors, { ...tensors[0], name: plain(tensors[0].name), data }];
    };
    const same = await changed("compiled-prefix", twice(0));
    expect(await difference(same, fixture("cases/compiled-prefix"))).toBeLessThan(5e-6);
    expect((await openCheckpoint(same)).notes).toEqual(["stored twice, with and without a prefix: 1 tensor"]);
    await expect(openCheckpoint(await changed("compiled-prefix", twice(1)))).rejects.toThrow(
      "_orig_mod.lm_head.weight and lm_head.weight are one tensor under two names, and differ",
    );
  });
});

it("a text model whose keys and names stand among those of its wrapper's first program is read", async () => {
  const names = [
    [/^language_model\.(model|lm_head)\./, "$1."],
    [/^vision_tower\./, "model.vision_tower.vision_tower."],
    [/^multi_modal_projector\.linear_(\d)/, "model.mm_projector.$1"],
  ] as const;
  const folder = await changed(
    "tower-llava",
    renamed((name) => names.reduce((now, [from, to]) => now.replace(from, to), name)),
    ({ text_config }) => ({ mm_hidden_size: 8, ...(text_config as object), model_type: "llava" }),
  );
  expect(await difference(folder, fixture("cases/tower-llava"))).toBeLessThan(5e-6);
  expect((await openCheckpoint(folder)).aside.map(({ name }) => name)).toEqual(["mm_projector", "vision_tower"]);
});

describe("a tensor under two names", () => {
  const withBareNorm = (first: number) => (tensors: TensorContent[]) => {
    const norm = tensors.find(({ name }) => name.endsWith("model.norm.weight"))!;
    const data = new Uint8Array(norm.data as Uint8Array);
    data[0] += first;
    return [...tensors, { ...norm, name: "norm.weight", data }];
  };

  it("is read where both are the same, and said", async () => {
    const folder = await changed("rope-scaling-beside-rope-parameters", withBareNorm(0));
    expect(await difference(folder, fixture("cases/rope-scaling-beside-rope-parameters"))).toBeLessThan(5e-6);
    const { notes } = await openCheckpoint(folder);
    expect(notes).toEqual(["stored twice, with and without a prefix: 1 tensor"]);
  });

  it("is refused where they differ", async () => {
    const folder = await changed("rope-scaling-beside-rope-parameters", withBareNorm(1));
    await expect(openCheckpoint(folder)).rejects.toThrow(
      "model.norm.weight and norm.weight are one tensor under two names, and differ",
    );
  });
});

it("a type that no weight is stored in is said, whichever key names it", async () => {
  const said = async (change: Record<string, unknown>) => {
    const folder = await changed(
      "compiled-prefix",
      (tensors) => tensors,
      (values) => ({ ...values, ...change }),
    );
    return (await openCheckpoint(folder)).notes;
  };
  const note = ["stored as F32 and read so, though config.json says bfloat16"];
  expect(await said({ dtype: "bfloat16" })).toEqual(note);
  expect(await said({ dtype: undefined, torch_dtype: "bfloat16" })).toEqual(note);
  expect(await said({ torch_dtype: "bfloat16" })).toEqual([]);
});

describe("what is left aside", () => {
  it("is said, and not counted as the text model's", async () => {
    const { config, weights, aside, notes } = await openCheckpoint(fixture("cases/text-tower-of-gemma3"));
    expect(notes).toEqual([
      "the text model of gemma3",
      "left aside: multi_modal_projector, 512 parameters in 2.05 kB that no text goes through",
      "left aside: vision_tower, 768 parameters in 3.07 kB that no text goes through",
    ]);
    const ledger = storageLedger(config, weights, { name: "m", aside, notes });
    expect(ledger.aside).toEqual([
      { name: "multi_modal_projector", tensors: 1, parameters: 512, bytes: 2048 },
      { name: "vision_tower", tensors: 1, parameters: 768, bytes: 3072 },
    ]);
    const bound = bindWeights(specOf(config), weights);
    const files = new Set([...bound.values()].map(({ offset }) => offset));
    expect(ledger.weightBytes).toBe([...bound.values()].reduce((sum, { bytes }) => sum + bytes, 0));
    expect(files.size).toBe([...weights.names()].length);
    expect(ledger.notes!.slice(0, 3)).toEqual(notes);
  });

  it("is no tensor of the text model that the architecture has no place for", async () => {
    const folder = await changed("tower-llava", (tensors) => [
      ...tensors,
      { ...tensors[0], name: "language_model.model.layers.0.mlp.extra.weight" },
    ]);
    await expect(openModel(folder, () => ({ losses: true }), 8)).rejects.toThrow(
      /has no place for: model.layers.0.mlp.extra.weight/,
    );
  });

  it("nothing is said of a head where nothing ties it", async () => {
    const untold = (values: Record<string, unknown>) => ({ ...values, tie_word_embeddings: undefined });
    const folder = await changed("tied-flag-with-another-head", (tensors) => tensors, untold);
    expect((await openCheckpoint(folder)).notes).toEqual([]);
    expect(await difference(folder, fixture("cases/tied-flag-with-another-head"))).toBeLessThan(5e-6);
  });

  it("a head that differs from the table though the config ties them is said", async () => {
    const { notes } = await openCheckpoint(fixture("cases/tied-flag-with-another-head"));
    expect(notes).toEqual([
      "lm_head.weight differs from model.embed_tokens.weight, so it is the head, though the config ties them",
    ]);
  });

  it("a nested architecture that is not known is refused by its name", async () => {
    const folder = await changed(
      "tower-llava",
      (tensors) => tensors,
      (values) => ({ ...values, text_config: { ...(values.text_config as object), model_type: "llama4_text" } }),
    );
    await expect(openModel(folder, () => ({ losses: true }), 8)).rejects.toThrow(/llama4_text is/);
  });
});

describe("what a wrapper means where it does not say", () => {
  interface Written {
    readonly text: string;
    readonly ties: readonly (readonly [outer: boolean | null, nested: boolean | null, tied: boolean | null])[];
    readonly defaults: Record<string, unknown>;
  }
  const written: [string, Written][] = Object.entries(JSON.parse(readFileSync(fixture("wrappers.json"), "utf8")));
  const without = tensorsInFiles(new Map());

  it.each(written)("%s: as transformers has it, or refused by its name", (model_type, { text, ties, defaults }) => {
    const { config } = textModel({ model_type, text_config: {} }, without);
    if (config.model_type === model_type) {
      expect(() => specOf(config)).toThrow(`${model_type} is`);
      return;
    }
    const read = (values: Record<string, unknown>) => {
      try {
        return specOf(values);
      } catch (error) {
        return (error as LossyscopeError).message.replace(/^.*? puts/, "puts");
      }
    };
    expect(config.model_type).toBe(text);
    for (const [outer, nested, tied] of ties) {
      const flag = (value: boolean | null) => (value === null ? {} : { tie_word_embeddings: value });
      const heard = textModel({ model_type, ...flag(outer), text_config: flag(nested) }, without).config;
      // Where the wrapper has no such key its head is its own, but for BLIP's, which is its language model's; and where it
      // says nothing and no head is stored, a nested flag is heard, of which transformers would make a random head.
      const isOfItself = text === "opt" && (nested ?? true);
      const expected = (tied ?? outer ?? isOfItself) || (outer === null && nested === true);
      expect([outer, nested, heard.tie_word_embeddings]).toEqual([outer, nested, expected]);
    }
    const { tie_word_embeddings, _wrapped_in } = config;
    expect(read(config)).toEqual(read({ ...defaults, model_type: text, tie_word_embeddings, _wrapped_in }));
  });

  it("a nested flag is not heard where a head is stored, unless the wrapper's class hears it", () => {
    const any = { dtype: "F32", shape: [1], file: "", offset: 0, bytes: 4 } as const;
    const stored = tensorsInFiles(new Map([["language_model.lm_head.weight", any]]));
    const tied = (model_type: string) =>
      textModel({ model_type, text_config: { tie_word_embeddings: true } }, stored).config.tie_word_embeddings;
    expect([tied("llava"), tied("llava_next")]).toEqual([true, false]);
  });

  it("quantisation that the wrapper names is the text model's", () => {
    const { config } = textModel(
      { model_type: "llava", text_config: { model_type: "llama" }, quantization_config: { quant_method: "hqq" } },
      without,
    );
    expect(() => specOf(config)).toThrow(/quantised \(quantization_config: hqq\)/);
  });

  it.each([
    ["llava_next", { model_type: "granite", logits_scaling: 8 }],
    ["gemma3", { model_type: "gemma3_text", final_logit_softcapping: 30 }],
    ["cohere2_vision", { model_type: "cohere2" }],
  ])("%s around %j, whose head it leaves out, is refused", (model_type, text_config) => {
    expect(() => specOf(textModel({ model_type, text_config }, without).config)).toThrow(/puts a head of its own on/);
    expect(specOf(text_config).head).not.toEqual({ linear: expect.anything(), scale: 1 });
  });
});
