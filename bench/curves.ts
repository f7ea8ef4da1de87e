/**
 * What a measurement costs as it grows: seconds of its stages, by the wall, and peak memory of both processes, over tokens,
 * blocks, width and labels (words that the text is made of). Each line changes one of them from a middle that is small enough for
 * many lines: an untrained llama of 4 blocks of width 64 with a token for every byte, 16,384 tokens, 4,096 words.
 *
 *     npm run bench -- curves [--most 262144] [--threads 2]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "../src/measure/measure.ts";
import { writeText } from "../src/measure/model.testing.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { random } from "../src/numeric/random.ts";
import { type ProgressSink, SILENT } from "../src/ports/progress.ts";
import { openModel } from "../src/references/open.ts";
import { megabytes, numbers, table } from "./report.ts";
import { shapedModel } from "./shapes.ts";

const { most, threads } = numbers({ most: 262_144, threads: 2 });
const MIDDLE = { tokens: Math.min(16_384, most), blocks: 4, width: 64, words: 4096 };
const LINES: readonly (readonly [keyof typeof MIDDLE, readonly number[]])[] = [
  ["tokens", [1024, 4096, 16_384, 65_536, 262_144].filter((tokens) => tokens <= most)],
  ["blocks", [2, 8, 30]],
  ["width", [128, 256, 576]],
  ["words", [64, 512, 32_768]],
];
const STAGES = ["model pass", "embedding matrix", "information plane", "frontier", "geometry"];

/** Words of a made-up language, the r-th of them 1/r as frequent as the first, in documents of 500 bytes. */
function someText(bytes: number, words: number): string {
  const stream = random(1, "words");
  const spelt = Array.from({ length: words }, () =>
    Array.from({ length: 2 + stream.below(8) }, () => "etaoinshrdlucmfwyp"[stream.below(18)]).join(""),
  );
  const documents: string[] = [];
  for (let total = 0; total < bytes; total += documents.at(-1)!.length) {
    let document = "";
    while (document.length < 500) document += `${spelt[Math.floor(words ** stream.uniform()) - 1]} `;
    documents.push(document.slice(0, 500));
  }
  return documents.join("\n\n");
}

/** Seconds by stage as they start and end. */
function stopwatch(): { readonly sink: ProgressSink; readonly seconds: ReadonlyMap<string, number> } {
  const seconds = new Map<string, number>();
  let running: { readonly label: string; readonly started: number } | null = null;
  const end = (): void => {
    if (running) {
      const before = seconds.get(running.label) ?? 0;
      seconds.set(running.label, before + (performance.now() - running.started) / 1000);
    }
    running = null;
  };
  const start = (label: string): void => {
    end();
    running = { label, started: performance.now() };
  };
  return { sink: { ...SILENT, start, finish: end }, seconds };
}

async function line(of: typeof MIDDLE): Promise<string[]> {
  const { tokens, blocks, width, words } = of;
  const folder = await shapedModel(`curve-${blocks}-${width}`, {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: 257,
    hidden_size: width,
    intermediate_size: 2 * width,
    num_hidden_layers: blocks,
    num_attention_heads: width / 32,
    num_key_value_heads: width / 32,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: "silu",
    initializer_range: 0.1,
    tie_word_embeddings: true,
    eos_token_id: 256,
    torch_dtype: "float32",
  });
  const work = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
  const path = writeText(join(work, "text.txt"), someText(tokens, words));
  const plan = validatePlan({
    text: [{ path }],
    splitOn: "\n\n",
    context: { tokens: 512, asked: true },
    overlap: 0,
    baselines: false,
  });
  const model = await openModel(folder, { offline: true, onDownload() {} });
  const { sink, seconds } = stopwatch();
  const started = performance.now();
  const { profile } = await measure({ model, plan, points: null, threads, work, resume: false, progress: sink });
  const all = (performance.now() - started) / 1000;
  rmSync(work, { recursive: true });
  const first = profile.plane?.layers[0].orders["4"]?.labels;
  return [
    ...Object.values(of).map(String),
    first ? String(first.input + first.output) : "",
    ...STAGES.map((stage) => (seconds.get(stage) ?? 0).toFixed(2)),
    all.toFixed(2),
    megabytes(profile.provenance.peakMemoryBytes ?? 0),
  ];
}

// What is compiled once is compiled before.
await line({ ...MIDDLE, tokens: 2048 });
for (const [name, values] of LINES) {
  const rows = [[...Object.keys(MIDDLE), "labels of order 4", ...STAGES, "all", "peak of the run so far"]];
  for (const value of values) rows.push(await line({ ...MIDDLE, [name]: value }));
  console.log(`\n${name}`);
  table(rows);
}
