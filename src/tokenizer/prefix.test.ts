import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { byteLevelTokenizerJson } from "./bytes.ts";
import { createTokenizer, loadTokenizer } from "./tokenizer.ts";

const template = (...before: string[]) => ({
  type: "TemplateProcessing",
  single: [
    ...before.map((id) => ({ SpecialToken: { id, type_id: 0 } })),
    { Sequence: { id: "A", type_id: 0 } },
    { SpecialToken: { id: "<|endoftext|>", type_id: 0 } },
  ],
  pair: [],
  special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [256], tokens: ["<|endoftext|>"] } },
});

function prefix(
  postProcessor: unknown,
  tokenizerConfig: Record<string, unknown> = {},
  config: Record<string, unknown> = {},
  generationConfig: Record<string, unknown> = {},
) {
  const json = { ...byteLevelTokenizerJson(), post_processor: postProcessor };
  return createTokenizer(json, { tokenizerConfig, config, generationConfig }).prefix;
}

describe("prefix", () => {
  const bos = { bos_token: { content: "<|endoftext|>" } };

  it("is what the tokenizer's template puts before a text, whatever else is configured", () => {
    const added = { id: 256, addedByTokenizer: true };
    expect(prefix(template("<|endoftext|>"), {}, { eos_token_id: 7 })).toEqual(added);
    expect(prefix({ type: "Sequence", processors: [{ type: "ByteLevel" }, template("<|endoftext|>")] })).toEqual(added);
    expect(prefix(template("<|endoftext|>"), { ...bos, add_bos_token: false })).toEqual(added);
  });

  it("without one is the end of text, whatever add_bos_token says, as in transformers 5", () => {
    const after = { id: 7, addedByTokenizer: false };
    for (const add_bos_token of [true, false]) {
      expect(prefix(null, { ...bos, add_bos_token }, { eos_token_id: 7 })).toEqual(after);
    }
    expect(prefix(template(), bos, { eos_token_id: 7 })).toEqual(after);
    expect(prefix(template("<|endoftext|>"), { tokenizer_class: "GPTNeoXTokenizer" }, { eos_token_id: 7 })).toEqual(
      after,
    );
  });

  it("is else the model's end of text, from config, generation config, tokenizer config in turn, else nothing", () => {
    expect(prefix(template(), {}, { eos_token_id: [9, 7] }, { eos_token_id: 5 })).toMatchObject({ id: 9 });
    expect(prefix(null, {}, {}, { eos_token_id: 5 })).toEqual({ id: 5, addedByTokenizer: false });
    expect(prefix(null, { eos_token: "<|endoftext|>" })).toEqual({ id: 256, addedByTokenizer: false });
    expect(prefix(null)).toBeNull();
  });

  it("is one token", () => {
    expect(() => prefix(template("<|endoftext|>", "<|endoftext|>"))).toThrow(/2 tokens before a text/);
  });

  it.each([
    ["gpt2", { id: 0, addedByTokenizer: false }],
    ["llama3", { id: 0, addedByTokenizer: true }],
    ["gemma", { id: 2, addedByTokenizer: true }],
    ["metaspace-first", { id: 1, addedByTokenizer: false }],
    ["qwen", { id: 0, addedByTokenizer: false }],
  ])("of %s is as its files say", async (name, expected) => {
    expect((await loadTokenizer(fixture(`tokenizers/${name}`), {})).prefix).toEqual(expected);
  });
});

describe("refusals", () => {
  const json = JSON.parse(readFileSync(fixture("tokenizers/gpt2/tokenizer.json"), "utf8"));
  const create = (change: object) => () => createTokenizer({ ...json, ...change });

  it.each<[string, RegExp, object]>([
    ["white space dropped", /BertPreTokenizer/, { pre_tokenizer: { type: "BertPreTokenizer" } }],
    ["matches dropped", /Removed/, { pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "Removed" } }],
    [
      "a pattern that has no form here",
      /cannot be run/,
      {
        pre_tokenizer: { type: "Split", pattern: { Regex: "(a" }, behavior: "Isolated" },
      },
    ],
    ["an unknown normaliser", /Nonsense/, { normalizer: { type: "Nonsense" } }],
    ["another space", /Prepend/, { normalizer: { type: "Prepend", prepend: "_" } }],
    ["word pieces", /WordPiece/, { model: { type: "WordPiece", vocab: { a: 0 }, continuing_subword_prefix: "##" } }],
    ["merges left out at random", /dropout 0\.1/, { model: { ...json.model, dropout: 0.1 } }],
  ])("%s is refused by name", (_, message, change) => {
    expect(create(change)).toThrow(
      expect.objectContaining({ fault: "unsupported", message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, RegExp, object]>([
    ["no model", /malformed: model: expected an object, found nothing/, { model: undefined }],
    [
      "a negative id",
      /malformed: model\.vocab: expected tokens with their ids.*found an object/,
      { model: { ...json.model, vocab: { a: -1 } } },
    ],
    [
      "added tokens without content",
      /malformed: added_tokens\[0\]\.content: expected text.*found nothing/,
      { added_tokens: [{ id: 1 }] },
    ],
  ])("%s is malformed", (_, message, change) => {
    expect(create(change)).toThrow(
      expect.objectContaining({ fault: "model", message: expect.stringMatching(message) }),
    );
  });

  it("an opening token that the model has no row for", () => {
    const config = { eos_token_id: 556 };
    expect(() => createTokenizer(json, { config: { ...config, vocab_size: 557 } })).not.toThrow();
    expect(() => createTokenizer(json, { config: { ...config, vocab_size: 556 } })).toThrow(
      /the opening of every text reaches the token ".+" \(id 556\), which is past the model's 556 embeddings/,
    );
  });

  it("a folder without tokenizer.json", async () => {
    await expect(loadTokenizer(fixture("models/llama"), {})).rejects.toThrow(/llama has no tokenizer\.json/);
  });
});
