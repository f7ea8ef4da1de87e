/**
 * Tokenizers, mutated by the thousand (`src/mutations.testing.ts`): tokenizer.json and the files beside it, as values and as
 * bytes, each made to encode.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { mutatedJson, mutatedJsonText } from "../src/mutations.testing.ts";
import { ggufChatTemplates, ggufTokenizer } from "../src/tokenizer/gguf/tokenizer.ts";
import { metadataOf } from "../src/tokenizer/gguf/vocabulary.testing.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "../src/tokenizer/tokenizer.ts";

const at = temporaryFolder();

describe("tokenizers", () => {
  const BESIDE = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json"];
  const texts = ["", " ", "Hello,  world\n", "▁ <s>naïve</s> 🙂\u0301 \u0000 0123456789".repeat(3)];
  const folders = readdirSync(fixture("tokenizers"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => fixture(`tokenizers/${name}`));
  const read = (path: string): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {});
  const files = folders.map((folder) => ["tokenizer.json", ...BESIDE].map((name) => read(`${folder}/${name}`)));
  const config = { vocab_size: 2000, eos_token_id: 0, model_type: "llama" };

  const encode = (tokenizer: Tokenizer): void => {
    for (const text of texts) {
      const { ids, byteEnds, bytes } = tokenizer.encode(text);
      expect(byteEnds.at(-1) ?? 0).toBe(bytes);
      expect(ids.length).toBe(byteEnds.length);
    }
  };
  const load = (hostile: unknown): void => {
    const [json, tokenizerConfig, specialTokensMap, addedTokens, generationConfig] = (hostile as unknown[]).map(
      (file) =>
        (typeof file === "object" && file !== null && !Array.isArray(file) ? file : {}) as Record<string, unknown>,
    );
    for (const specialTokens of [false, true]) {
      const beside = { config, tokenizerConfig, specialTokensMap, addedTokens, generationConfig, specialTokens };
      encode(createTokenizer(json, beside));
    }
  };

  it("tokenizer.json", async () => {
    const mutants = fc
      .constantFrom(...files)
      .chain(([json, ...beside]) =>
        mutatedJson([json]).map(({ content, how }) => ({ content: [content, ...beside], how })),
      );
    const { sound } = await hold(mutants, load, 1000);
    expect(sound).toBeGreaterThan(50);
  });

  it("the files beside it", async () => {
    const special = {
      bos_token: "<s>",
      eos_token: { content: "</s>", lstrip: false, normalized: false, rstrip: false, single_word: false },
      unk_token: null,
      additional_special_tokens: ["<a>", { content: "<b>", special: true }],
      extra_special_tokens: { image_token: "<i>" },
    };
    const content = (text: string) => ({
      content: text,
      lstrip: false,
      normalized: true,
      rstrip: false,
      special: true,
    });
    const mutants = fc.constantFrom(...files).chain(([json]) =>
      mutatedJson([
        [
          {
            ...special,
            added_tokens_decoder: { 7: content("<x>"), 900: content("<y>") },
            legacy: false,
            add_prefix_space: true,
            tokenizer_class: "LlamaTokenizer",
            add_bos_token: true,
            model_max_length: 1e30,
            chat_template: "{{ messages }}",
          },
          special,
          { "<z>": 901 },
          { bos_token_id: 1, eos_token_id: [2, 3] },
        ],
      ]).map(({ content: beside, how }) => ({ content: [json, ...(Array.isArray(beside) ? beside : [])], how })),
    );
    await hold(mutants, load, 1000);
  });

  it("the metadata of GGUF files", async () => {
    const small = (name: string, changes: Readonly<Record<string, unknown>>): object => {
      const all = Object.fromEntries(metadataOf(name, changes));
      const [tokens, types, scores] = ["tokens", "token_type", "scores"].map((key) => all[`tokenizer.ggml.${key}`]);
      const some = (list: unknown): unknown => (list as unknown[] | undefined)?.slice(0, 300);
      const known = new Set(some(tokens) as string[]);
      const merges = (all["tokenizer.ggml.merges"] as string[] | undefined)?.filter((merge) =>
        [...merge.split(" "), merge.replace(" ", "")].every((part) => known.has(part)),
      );
      const own = { tokens: some(tokens), token_type: some(types), scores: some(scores), merges };
      const present = Object.entries(own).filter(([, list]) => list !== undefined);
      return { ...all, ...Object.fromEntries(present.map(([key, list]) => [`tokenizer.ggml.${key}`, list])) };
    };
    const mutants = fc
      .constantFrom(
        small("byte-pairs", { pre: "qwen2", bos_token_id: 7, eos_token_id: 8, add_bos_token: true }),
        small("sentence-pieces", { add_space_prefix: true, add_eos_token: true }),
        small("unigram-spaces-kept", { remove_extra_whitespaces: true, add_bos_token: true, bos_token_id: 7 }),
        { ...small("sentence-pieces", {}), "tokenizer.chat_template": "{{ x }}", "tokenizer.chat_templates": ["a"] },
      )
      .chain((metadata) => mutatedJson([metadata]));
    const { sound } = await hold(
      mutants,
      (hostile) => {
        const metadata = new Map(Object.entries((hostile ?? {}) as object));
        ggufChatTemplates(metadata);
        for (const specialTokens of [false, true]) encode(ggufTokenizer(metadata, { specialTokens }));
      },
      1000,
    );
    expect(sound).toBeGreaterThan(50);
  });

  it.each(["tokenizer.json", "tokenizer_config.json"])("by the bytes of %s", async (name) => {
    const folder = folders.find((one) => existsSync(join(one, name)))!;
    cpSync(folder, at("t"), { recursive: true });
    const left = (): unknown => readdirSync(at("t"));
    const mutants = mutatedJsonText([JSON.parse(readFileSync(join(folder, name), "utf8"))]);
    const { sound } = await hold(
      mutants,
      async (bytes) => {
        writeFileSync(at("t", name), bytes);
        encode(await loadTokenizer(at("t"), config, { specialTokens: true }));
      },
      300,
      { left },
    );
    expect(sound).toBeGreaterThan(0);
  });
});
