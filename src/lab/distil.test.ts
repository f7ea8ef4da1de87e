/** Distillation from end to end on a fixture, and what it refuses. */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import { retention, studentConfig } from "./distil.ts";
import { Rows } from "./rows.ts";
import { type TrainingJob, train } from "./trainer.ts";
import { unigramBitsPerByte } from "./validate.ts";

const at = temporaryFolder();
const CONFIG = {
  model_type: "llama",
  hidden_size: 24,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};

const documentOf = (ids: readonly number[], bytes = ids.length): TokenizedDocument => ({
  index: 0,
  id: "document",
  domain: "text",
  sha256: "",
  text: "",
  bytes,
  characters: bytes,
  ids: Int32Array.from(ids),
  byteEnds: new Uint32Array(ids.length),
  normalised: false,
  repairs: { bytes: 0, bits: 0 },
});

describe("distillation", () => {
  it("brings a student nearer to its teacher than the text alone does", async () => {
    const { config, weights } = await openCheckpoint(fixture("models/llama-tied-bf16"));
    const spec = specOf(config);
    const own = studentConfig(CONFIG, { config, spec }, 16);
    const ids = Array.from({ length: 1025 }, (_, i) => (i * i * 7 + 3 * i) % 97);
    const rows = new Rows([Int32Array.from(ids)], {
      positions: 16,
      prefix: null,
      packing: "stream",
      shuffled: true,
      seed: 1,
    });
    const by = { spec, weights, temperature: 2, weight: 0.9 };
    const job: TrainingJob = {
      out: at("student"),
      config: own,
      spec: specOf(own),
      rows,
      settings: {
        steps: 24,
        rows: 24 * 16,
        batch: 16,
        positions: 16,
        runTokens: 128,
        schedule: { rate: 0.02, warmup: 2, decay: "linear", finalShare: 0 },
        beta1: 0.9,
        beta2: 0.95,
        weightDecay: 0,
        clip: 1,
        checkpoints: 2,
        seed: 1,
      },
      identity: "identity",
      files: new Map(),
      dtype: "float32",
      threads: 1,
      resume: false,
      validate: null,
      judged: { by, documents: [documentOf(ids)], prefix: null },
    };
    const student = await train({ ...job, teacher: by });
    const alone = await train({ ...job, out: at("alone") });
    expect(student.klNats!).toBeLessThan(0.8 * alone.klNats!);
    expect(student.klNats!).toBeGreaterThan(0);
  });

  it("refuses what does not fit the teacher", async () => {
    const { config } = await openCheckpoint(fixture("models/llama-tied-bf16"));
    const teacher = { config, spec: specOf(config) };
    expect(studentConfig(CONFIG, teacher, 64)).toMatchObject({ vocab_size: 97, bos_token_id: 1, eos_token_id: 2 });
    expect(() => studentConfig({ ...CONFIG, vocab_size: 300 }, teacher, 64)).toThrow(
      /vocabulary of 97, the student's config.json one of 300: .*different tokens: set vocab_size to 97/,
    );
    expect(() => studentConfig(CONFIG, teacher, 9000)).toThrow(/8,192 positions, rows of 9,000.*--context 8192/);
  });
});

describe("retention", () => {
  it("is 0 for the frequencies of tokens, 1 for the teacher", () => {
    expect([3, 2, 2.5, 3.5].map((bits) => retention(3, 2, bits))).toEqual([0, 1, 0.5, -0.5]);
  });

  it("has its zero at the code length of single tokens", () => {
    const bits = unigramBitsPerByte([documentOf([0, 0, 0, 1])], [documentOf([0, 1, 2], 6)], 3);
    const share = (count: number) => -Math.log2((count + 0.5) / 5.5);
    expect(bits).toBeCloseTo((share(3) + share(1) + share(0)) / 6, 12);
  });
});
