/**
 * `lossyscope demo`: the whole way on a model that comes with the tool, so that it can be seen before anything is
 * downloaded. The model is a small llama with a token for every byte, drawn from a seed and never trained: it knows
 * nothing, and the measurement has to say so.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "@commander-js/extra-typings";
import { type Measurement, measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { validatePlan } from "../measure/plan.ts";
import type { ProgressSink } from "../measure/progress.ts";
import { writeUntrained } from "../models/untrained.ts";
import { createProgress } from "../report/progress.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../tokenizer/bytes.ts";
import { deliver, prepareDelivery } from "./deliver.ts";
import { interruptible } from "./interrupt.ts";
import { seed, threads } from "./options.ts";

const NAME = "untrained-demo";

/** 256 bytes and end of text. */
const VOCABULARY = 257;

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: VOCABULARY,
  hidden_size: 64,
  intermediate_size: 176,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: "silu",
  initializer_range: 0.02,
  tie_word_embeddings: false,
  eos_token_id: VOCABULARY - 1,
  torch_dtype: "float32",
};

const TITLE =
  "This model is untrained: its weights are random and it knows nothing. " +
  "About 8 bits per byte is the right answer here; every trained model does better.";

/** The guide of this very tool, a paragraph a document. */
const GUIDE = fileURLToPath(new URL("../../docs/guide", import.meta.url));

interface DemoOptions {
  readonly seed: number;
  readonly threads: number;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
}

/** Builds the untrained model in a temporary folder, measures it on the guide and removes it again. */
async function demo({ seed, threads, progress, signal }: DemoOptions): Promise<Measurement> {
  const work = mkdtempSync(join(tmpdir(), "lossyscope-demo-"));
  try {
    const folder = join(work, NAME);
    await writeUntrained(folder, CONFIG, seed);
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(byteLevelTokenizerJson()));
    await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(byteLevelTokenizerConfig()));
    const plan = validatePlan({ text: [{ path: GUIDE }], splitOn: "\\n\\n", seed });
    const model = await openModel(folder, { offline: true, signal });
    return await measure({
      model,
      plan,
      points: null,
      title: TITLE,
      threads,
      work,
      resume: false,
      progress: { ...progress, message() {} },
      signal,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export function demoCommand() {
  return new Command("demo")
    .summary("measure a tiny untrained model that comes with the tool")
    .description(
      "Builds a small untrained model from a seed, measures it on the tool's own guide and writes profile and report. Nothing is downloaded.",
    )
    .option("-o, --out <folder>", "writes profile.json and report.html there", "lossyscope-report")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .addOption(threads())
    .option("--seed <n>", "seed of everything random", seed, 0)
    .option("--quiet", "no progress", false)
    .action(async ({ out, json, threads, seed, quiet }) => {
      const progress = createProgress(process.stderr, { quiet });
      const delivery = { out, json, keep: [] };
      await prepareDelivery(delivery);
      await deliver(await interruptible((signal) => demo({ seed, threads, progress, signal })), delivery);
    });
}
