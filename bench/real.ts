/**
 * A real model, ours beside its peers in one run: transformers and torch in float32 and bfloat16, with and without hidden states,
 * and soft_entropy's own LLMInferrer. Everything takes turns, a process of its own each; seconds are by the wall, so that the
 * machine must be quiet, and every rate comes as the best and the median of the rounds. `whole` is all of `measure` as a
 * library: loading, pass, plane with its frontier, geometry.
 *
 *     REAL_MODEL=model.gguf npm run bench -- real [--tokens 4096] [--window 512] [--batch 2048] [--threads 2] [--rounds 3]
 *
 * `REAL_MODEL` is a folder in the Hugging Face layout or a GGUF file, which is written for transformers as a folder in
 * `work/bench/`, once; `REAL_TEXT` a text, else this project's own pages. Memory: one model at a time.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { OnnxEngine } from "../src/engines/onnx.ts";
import { referencePoints } from "../src/info/assignment.ts";
import { temperature } from "../src/info/temperature.ts";
import { measure } from "../src/measure/measure.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { requireDecoder } from "../src/ports/model.ts";
import { SILENT } from "../src/ports/progress.ts";
import { openModel } from "../src/references/open.ts";
import { batchesOf, windowsOf } from "../src/text/windows.ts";
import { peer } from "./peers.ts";
import { megabytes, numbers, table, timed } from "./report.ts";

const { tokens, window, batch, threads, rounds } = numbers({
  tokens: 4096,
  window: 512,
  batch: 2048,
  threads: 2,
  rounds: 3,
});
const POINTS = 100;
const root = fileURLToPath(new URL("..", import.meta.url));

/** Rates of one way to do it. */
interface Way {
  readonly name: string;
  /** tokens a second, one a round */
  readonly rates: readonly number[];
  readonly peakBytes: number;
}

type Theirs =
  | { readonly seconds: readonly number[]; readonly tokens: number; readonly peakBytes: number }
  | { readonly missing: string };

function ownPages(): string {
  const guide = readdirSync(join(root, "docs/guide")).map((page) => join("docs/guide", page));
  return ["README.md", "docs/METHODS.md", ...guide].map((page) => readFileSync(join(root, page), "utf8")).join("\n\n");
}

async function main(path: string): Promise<void> {
  const model = await openModel(path, { offline: true, onDownload() {} });
  const { spec, weights } = requireDecoder(model, "the benchmark");
  const tokenizer = await model.tokenizer();
  const text = process.env.REAL_TEXT ? readFileSync(process.env.REAL_TEXT, "utf8") : ownPages();
  const count = Math.max(1, Math.floor(tokens / window));
  const all = tokenizer.encode(text.slice(0, 8 * tokens)).ids;
  if (all.length < count * window) throw new Error(`the text has ${all.length} tokens, not ${count * window}`);
  const ids = all.slice(0, count * window);
  const documents = Array.from({ length: count }, (_, d) => ids.slice(d * window, (d + 1) * window));
  const decoder = new TextDecoder();
  const texts = documents.map((own) => [...own].map((id) => decoder.decode(tokenizer.bytesOf(id))).join(""));
  const rows = Math.max(1, Math.floor(batch / window));
  const layers = spec.blocks.length + 1;

  const points = Float32Array.from(referencePoints(0, POINTS, spec.width));
  const assignments = { points, m: POINTS, draws: 1, epsilon: temperature(POINTS, spec.width, "bound") };
  const windows = documents.flatMap((own, d) => windowsOf(d, own, null, window, 0));
  const pass = async (heads: object) => {
    const engine = new OnnxEngine({ spec, weights, threads, longest: window, describe: () => "a batch" });
    for await (const _ of engine.run(batchesOf(windows, batch), { heads: { losses: true, preNorm: false, ...heads } }));
    return { seconds: engine.report.runSeconds, peakBytes: engine.report.peakBytes };
  };
  const work = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
  const file = join(work, "text.jsonl");
  writeFileSync(file, texts.map((own) => JSON.stringify({ text: own })).join("\n"));
  const whole = async () => {
    const plan = validatePlan({
      text: [{ path: file }],
      context: { tokens: window + 1, asked: true },
      overlap: 0,
      baselines: false,
      batchTokens: batch,
    });
    const { value, seconds } = await timed(() =>
      measure({ model, plan, points: null, threads, work, resume: false, progress: SILENT }),
    );
    return { seconds, peakBytes: value.profile.provenance.peakMemoryBytes ?? 0 };
  };
  const folder = path.endsWith(".gguf") ? join(root, "work/bench", `${basename(path, ".gguf")}-folder`) : resolve(path);
  if (!existsSync(join(folder, "config.json")))
    peer("peer_real.py", { what: "convert", threads, file: resolve(path), folder });
  const given = { folder, length: window, rows, rounds: 1, threads };
  const torch = (dtype: string, hidden: boolean) => async () =>
    theirs({ what: "forward", ...given, dtype, hidden, ids: [...ids] });
  const theirs = (options: { readonly what: string; readonly [name: string]: unknown }) => {
    const found = peer("peer_real.py", options) as unknown as Theirs | undefined;
    if (found && "missing" in found) console.error(`skipped ${options.what}: ${found.missing}`);
    if (!found || "missing" in found) return undefined;
    return { seconds: (found.seconds[0] * ids.length) / found.tokens, peakBytes: found.peakBytes };
  };
  const ways = {
    "ours, losses": () => pass({}),
    "ours, measured pass": () => pass({ assignments, moments: true }),
    "ours, whole": whole,
    "torch float32": torch("float32", false),
    "torch float32, hidden states": torch("float32", true),
    "torch bfloat16": torch("bfloat16", false),
    "torch bfloat16, hidden states": torch("bfloat16", true),
    "soft_entropy, LLMInferrer": async () => theirs({ what: "published", ...given, texts, points: POINTS }),
  };
  const found = new Map<string, Way>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const one = await run();
      if (!one) continue;
      const { rates = [], peakBytes = 0 } = found.get(name) ?? {};
      found.set(name, {
        name,
        rates: [...rates, ids.length / one.seconds],
        peakBytes: Math.max(peakBytes, one.peakBytes),
      });
    }
  }
  rmSync(work, { recursive: true });
  show(
    [...found.values()],
    `${basename(path)}, ${ids.length} tokens, windows of ${window}, ${layers} layers, ${threads} threads, ${rounds} rounds`,
  );
}

const best = (rates: readonly number[]): number => Math.max(...rates);
function median(rates: readonly number[]): number {
  const sorted = [...rates].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** Every way, and how many times as fast our measured pass and our whole measurement are. */
function show(ways: readonly Way[], title: string): void {
  const rateOf = (name: string, of: typeof best): number => of(ways.find((way) => way.name === name)!.rates);
  const times = (ours: string, { rates }: Way): string =>
    `${(rateOf(ours, best) / best(rates)).toFixed(2)} ${(rateOf(ours, median) / median(rates)).toFixed(2)}`;
  console.log(`\n${title}`);
  table([
    ["", "tokens/s best", "median", "our pass ×", "our whole ×", "peak"],
    ...ways.map((way) => [
      way.name,
      best(way.rates).toFixed(0),
      median(way.rates).toFixed(0),
      times("ours, measured pass", way),
      times("ours, whole", way),
      megabytes(way.peakBytes),
    ]),
  ]);
}

if (process.env.REAL_MODEL) await main(process.env.REAL_MODEL);
else console.error("skipped: set REAL_MODEL to a folder in the Hugging Face layout or a GGUF file");
