/**
 * Tokenizers of folders as GGUF metadata: ids stay what they were, for text that no search for the name looked at; what llama.cpp
 * has no like of is refused. What a reader makes of the metadata is held by llama.cpp's own ids in tokenizer.test.ts.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../../fixtures.testing.ts";
import type { GgufPair } from "../../formats/gguf/write.ts";
import { loadDefinition, loadTokenizer } from "../tokenizer.ts";
import { ggufTokenizer } from "./tokenizer.ts";
import { writtenTokenizer } from "./written.ts";

const ROWS = 640;
const TEXT = readFileSync(new URL("../../../README.md", import.meta.url), "utf8").slice(0, 6000);

async function written(name: string) {
  const folder = fixture(`tokenizers/${name}`);
  const tokenizer = await loadTokenizer(folder, {}, { rows: ROWS });
  const { pairs, said } = writtenTokenizer(await loadDefinition(folder, {}), tokenizer, ROWS);
  return { tokenizer, pairs, said };
}

const plainOf = (pair: GgufPair): unknown => ("values" in pair ? pair.values : "value" in pair ? pair.value : null);

describe("a tokenizer written as GGUF", () => {
  it.each([
    ["gpt2", "gpt2, cut as gpt-2"],
    ["smollm", "gpt2, cut as smollm"],
    ["llama3", "gpt2, cut as llama-bpe"],
    ["qwen", "gpt2, cut as qwen2"],
    ["gemma", "llama"],
  ])("gives the ids of its folder: %s", async (name, called) => {
    const { tokenizer, pairs, said } = await written(name);
    expect(said).toBe(called);
    const read = ggufTokenizer(new Map(pairs.map(([key, pair]) => [key, plainOf(pair)])), { rows: ROWS });
    expect([...read.encode(TEXT).ids]).toEqual([...tokenizer.encode(TEXT).ids]);
    expect(read.prefix).toEqual(tokenizer.prefix);
    const metadata = new Map(pairs.map(([key, pair]) => [key, plainOf(pair)]));
    const [tokens, types] = ["tokens", "token_type"].map((key) => metadata.get(`tokenizer.ggml.${key}`) as unknown[]);
    expect([tokens.length, types.length]).toEqual([ROWS, ROWS]);
    // Rows without a token have a name of their own, and no text becomes them.
    expect([tokens[ROWS - 1], types[ROWS - 1]]).toEqual([`[PAD${ROWS - 1}]`, 5]);
  });

  it.each([
    ["unigram", /its model is a unigram one/],
    ["prefix-space", /no way of cutting that llama.cpp has gives its ids/],
    ["unknown-fused", /neither byte by byte nor falls back/],
  ])("is refused where llama.cpp has no like of it: %s", async (name, message) => {
    await expect(written(name)).rejects.toThrow(message);
  });
});
