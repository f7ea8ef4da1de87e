/**
 * Memory of a whole measurement with many layers: an untrained model of 30 narrow blocks with a token for every byte, so
 * that a million bytes are a million positions of 31 layers, orders 1–4. Peak of this process, which has text, labels and
 * the plane's finish, of the runtime, and what was spilled.
 *
 *     npm run bench -- memory [--bytes 300000] [--threads 2]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "../src/measure/measure.ts";
import { writeText } from "../src/measure/model.testing.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { random } from "../src/numeric/random.ts";
import { SILENT } from "../src/ports/progress.ts";
import { openModel } from "../src/references/open.ts";
import { megabytes, numbers, timed } from "./report.ts";
import { shapedModel } from "./shapes.ts";

const { bytes, threads } = numbers({ bytes: 300_000, threads: 2 });
const BLOCKS = 30;

const folder = await shapedModel(`narrow-${BLOCKS}`, {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 257,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: BLOCKS,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: "silu",
  initializer_range: 0.1,
  tie_word_embeddings: true,
  eos_token_id: 256,
  torch_dtype: "float32",
});

/** Words of a made-up language, the r-th of them 1/r as frequent as the first, in documents of a kilobyte. */
function someText(): string {
  const stream = random(1, "words");
  const words = Array.from({ length: 4096 }, () =>
    Array.from({ length: 2 + stream.below(8) }, () => "etaoinshrdlucmfwyp"[stream.below(18)]).join(""),
  );
  const documents: string[] = [];
  for (let total = 0; total < bytes; total += documents.at(-1)!.length) {
    let document = "";
    while (document.length < 1000) document += `${words[Math.floor(words.length ** stream.uniform()) - 1]} `;
    documents.push(document);
  }
  return documents.join("\n\n");
}

const work = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
const plan = validatePlan({
  text: [{ path: writeText(join(work, "text.txt"), someText()) }],
  splitOn: "\n\n",
  overlap: 0,
  baselines: false,
});
const model = await openModel(folder, { offline: true, onDownload() {} });
const { value, seconds } = await timed(() =>
  measure({ model, plan, points: null, threads, work, resume: false, progress: SILENT }),
);
rmSync(work, { recursive: true });
const { plane, provenance } = value.profile;
const here = process.resourceUsage().maxRSS * 1024;
console.log(
  `${plane!.positions} positions of ${plane!.layers.length} layers in ${seconds.toFixed(0)} s: peak of this process ${megabytes(here)}, of the runtime ${megabytes(provenance.peakMemoryBytes! - here)}, spilled ${megabytes(plane!.spillBytes)}`,
);
