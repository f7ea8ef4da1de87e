/**
 * Every format that is read, mutated by the thousand (`src/mutations.testing.ts`): whoever opens a file that somebody else
 * made gets figures or an error of ours, in bounded time and memory, and nothing is left behind.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { parseScores } from "../src/atlas/scores.ts";
import { parseSet } from "../src/atlas/sets.ts";
import { batches, crc32, headerBytes, OPENING_BYTES, readHeader, writeHeader } from "../src/coding/container.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { mutatedBytes, mutatedJson } from "../src/mutations.testing.ts";
import { parseProfile } from "../src/profile/read.ts";
import { renderReport } from "../src/report/html.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { createTokenizer } from "../src/tokenizer/tokenizer.ts";

describe("tokenizers", () => {
  const BESIDE = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json"];
  const texts = ["", " ", "Hello,  world\n", "▁ <s>naïve</s> 🙂\u0301 \u0000 0123456789".repeat(3)];
  const folders = readdirSync(fixture("tokenizers"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => fixture(`tokenizers/${name}`));
  const read = (path: string): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {});
  const files = folders.map((folder) => ["tokenizer.json", ...BESIDE].map((name) => read(`${folder}/${name}`)));
  const config = { vocab_size: 2000, eos_token_id: 0, model_type: "llama" };

  const load = (hostile: unknown): void => {
    const [json, tokenizerConfig, specialTokensMap, addedTokens, generationConfig] = (hostile as unknown[]).map(
      (file) =>
        (typeof file === "object" && file !== null && !Array.isArray(file) ? file : {}) as Record<string, unknown>,
    );
    for (const specialTokens of [false, true]) {
      const beside = { config, tokenizerConfig, specialTokensMap, addedTokens, generationConfig, specialTokens };
      const tokenizer = createTokenizer(json, beside);
      for (const text of texts) {
        const { ids, byteEnds, bytes } = tokenizer.encode(text);
        expect(byteEnds.at(-1) ?? 0).toBe(bytes);
        expect(ids.length).toBe(byteEnds.length);
      }
    }
  };

  it("tokenizer.json", async () => {
    const mutants = fc
      .constantFrom(...files)
      .chain(([json, ...beside]) =>
        mutatedJson([json]).map(({ content, how }) => ({ content: [content, ...beside], how })),
      );
    const { sound } = await hold(mutants, load, 2000);
    expect(sound).toBeGreaterThan(100);
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
    await hold(mutants, load, 2000);
  });
});

describe("what we write", () => {
  it("profiles, and the pages drawn from them", async () => {
    const profiles = [modelProfile({ name: "m", bitsPerByte: 2 })];
    const { sound } = await hold(
      mutatedJson(profiles, 8),
      async (hostile) => {
        const profile = parseProfile(JSON.stringify(hostile), "p.json");
        renderTerminal(profile, { width: 80, colour: false, unicode: true });
        renderReport(profile);
      },
      1500,
    );
    expect(sound).toBeGreaterThan(100);
  });

  it(".lsz headers, sealed again", async () => {
    const digest = "ab".repeat(32);
    const header = { weights: digest, config: digest, tokenizer: digest, distributions: digest, plain: digest };
    const sizes = { plainBytes: 100_000, context: 512, overlap: 256, blockBytes: 32_768, rows: 4 };
    const sample = writeHeader({ ...header, runtime: "onnxruntime 1.30.0", ...sizes });
    await hold(
      mutatedBytes([sample]),
      (bytes) => {
        const rest = headerBytes(bytes.subarray(0, OPENING_BYTES));
        const body = bytes.subarray(OPENING_BYTES, OPENING_BYTES + rest);
        if (body.length >= 4)
          body.writeUInt32LE(crc32(bytes.subarray(0, OPENING_BYTES), body.subarray(0, -4)), body.length - 4);
        const found = readHeader(bytes.subarray(0, OPENING_BYTES), body);
        batches(found);
      },
      3000,
    );
  });
});

describe("tables", () => {
  it("scores", async () => {
    const table = Buffer.from('model,benchmark,score,stderr,family\na,"qu,iz",0.5,0.01,f\n"b ""c""",quiz,0.25,,\n');
    await hold(mutatedBytes([table]), (bytes) => parseScores(bytes.toString("utf8"), "s.csv"), 2000);
  });

  it("results of lm-evaluation-harness", async () => {
    const results = {
      results: {
        arc: { alias: "arc", "acc,none": 0.4, "acc_stderr,none": 0.01 },
        wikitext: { "bits_per_byte,none": 1 },
      },
      config: { model: "hf", model_args: "pretrained=org/name,dtype=float32" },
      model_name: "org/name",
    };
    await hold(mutatedJson([results]), (hostile) => parseScores(JSON.stringify(hostile), "r.json"), 1000);
  });

  it("calibration sets", async () => {
    const folder = new URL("../data/atlas/", import.meta.url);
    const name = "open-llm";
    const [set, table] = ["set.json", "rows.csv"].map((file) => readFileSync(new URL(`${name}/${file}`, folder)));
    const rows = Buffer.from(table.toString().split("\n").slice(0, 30).join("\n"));
    await hold(
      mutatedJson([JSON.parse(set.toString())]),
      (hostile) => parseSet(JSON.stringify(hostile), rows.toString(), "s"),
      1000,
    );
    await hold(mutatedBytes([rows]), (bytes) => parseSet(set.toString(), bytes.toString(), "s"), 1000);
  });
});
