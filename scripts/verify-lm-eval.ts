/**
 * `npm run verify:lm-eval`: measures a model with `--like lm-eval` and runs lm-evaluation-harness itself beside it, in a
 * Python environment that has it, on the same documents. Its default type is the weights' own; the comparison that has to
 * agree is made in float32, which is what we compute in, and other types are printed for what they differ.
 *
 *     npm run verify:lm-eval -- --python PATH --model FOLDER --text FILE… [--dtype bfloat16]…
 *
 * Exits with 1 where a float32 figure differs by more than 1e-6 of itself. Without the harness it says so and exits with 0.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LM_EVAL_VERSION } from "../src/measure/lm-eval/lm-eval.ts";
import { measure } from "../src/measure/measure.ts";
import { validatePlan } from "../src/measure/plan.ts";
import type { Coding } from "../src/profile/coding.ts";
import { openModel } from "../src/references/open.ts";
import { createProgress } from "../src/report/progress.ts";
import { isProgram } from "./tool.ts";

/** Both add float32 losses; the harness adds a window's in float32 too. */
const TOLERANCE = 1e-6;

/** The harness's own classes and aggregations, on documents from a file. */
const HARNESS = String.raw`
import importlib.metadata, json, re, sys
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_aggregation
from lm_eval.models.huggingface import HFLM

folder, documents, kinds, out = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3].split(","), sys.argv[4]
runs = []
for dtype in kinds:
    for settings in ({}, {"add_bos_token": False}):
        model = HFLM(pretrained=folder, device="cpu", dtype=dtype, batch_size=1, **settings)
        requests = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(documents)]
        sums = model.loglikelihood_rolling(requests, disable_tqdm=True)
        sizes = [len(text.encode()) for text in documents]
        words = [len(re.split(r"\s+", text)) for text in documents]
        runs.append({
            "dtype": dtype,
            "settings": "add_bos_token=False" if settings else "default",
            "loglikelihood": sum(sums),
            "bitsPerByte": get_aggregation("bits_per_byte")(list(zip(sums, sizes))),
            "bytePerplexity": get_aggregation("weighted_perplexity")(list(zip(sums, sizes))),
            "wordPerplexity": get_aggregation("weighted_perplexity")(list(zip(sums, words))),
            "maxLength": model.max_length,
        })
json.dump({"version": importlib.metadata.version("lm_eval"), "runs": runs}, open(out, "w"))
`;

interface Run {
  readonly dtype: string;
  readonly settings: "default" | "add_bos_token=False";
  readonly loglikelihood: number;
  readonly bitsPerByte: number;
  readonly bytePerplexity: number;
  readonly wordPerplexity: number;
  readonly maxLength: number;
}
const FIGURES = ["loglikelihood", "bitsPerByte", "bytePerplexity", "wordPerplexity"] as const;

export interface VerifyOptions {
  readonly python: string;
  readonly model: string;
  readonly text: readonly string[];
  /** beside float32 */
  readonly types: readonly string[];
  readonly print: (line: string) => void;
}

/** @returns the largest relative difference in float32, or null where there is no harness to run */
export async function verifyLmEval({ python, model, text, types, print }: VerifyOptions): Promise<number | null> {
  const found = spawnSync(python, ["-c", "import lm_eval, torch"], { encoding: "utf8" });
  if (found.error || found.status !== 0) {
    print(`skipped: ${python} has no lm-evaluation-harness (pip install lm-eval[hf]==${LM_EVAL_VERSION})`);
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-lm-eval-"));
  try {
    const opened = await openModel(model, { offline: true });
    const plan = {
      text: text.map((path) => ({ path })),
      plane: null,
      geometry: false,
      baselines: false,
      likeLmEval: true,
    };
    const { profile, documents } = await measure({
      model: opened,
      plan: validatePlan(plan),
      points: null,
      threads: availableParallelism(),
      resume: false,
      work: folder,
      progress: createProgress(process.stderr, { quiet: true }),
    });
    const like = profile.coding!.likeLmEval!;
    const [given, out] = [join(folder, "documents.json"), join(folder, "reported.json")];
    writeFileSync(given, JSON.stringify(documents.map((document) => document.text)));
    const kinds = ["float32", ...types].join(",");
    const ran = spawnSync(python, ["-c", HARNESS, opened.folder!, given, kinds, out], {
      encoding: "utf8",
      env: { ...process.env, HF_HUB_OFFLINE: "1" },
    });
    if (ran.status !== 0) throw new Error(`the harness failed:\n${ran.stderr.slice(-2000)}`);
    const reported: { version: string; runs: Run[] } = JSON.parse(readFileSync(out, "utf8"));
    if (reported.version !== LM_EVAL_VERSION) print(`followed is ${LM_EVAL_VERSION}, this is ${reported.version}`);
    print(
      `${profile.model.name}, ${documents.length} documents, windows of ${like.maxLength} tokens, opened with ${like.prefix}`,
    );
    return compare(like, reported.runs, print);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compare(like: NonNullable<Coding["likeLmEval"]>, runs: readonly Run[], print: VerifyOptions["print"]): number {
  let worst = 0;
  for (const run of runs) {
    if (run.maxLength !== like.maxLength) worst = Number.POSITIVE_INFINITY;
    const ours = run.settings === "default" ? like : (like.withoutBos ?? like);
    for (const figure of FIGURES) {
      const apart = Math.abs(ours[figure]! / run[figure] - 1);
      // A perplexity has the error of its exponent, which for words is large: the likelihood is what is held.
      if (run.dtype === "float32" && !figure.endsWith("Perplexity")) worst = Math.max(worst, apart);
      print(
        `${run.dtype.padEnd(9)} ${run.settings.padEnd(20)} ${figure.padEnd(15)} ${String(run[figure]).padEnd(22)} ours ${String(ours[figure]).padEnd(22)} ${apart.toExponential(1)} apart`,
      );
    }
  }
  return worst;
}

if (isProgram(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      python: { type: "string", default: "python3" },
      model: { type: "string" },
      text: { type: "string", multiple: true },
      dtype: { type: "string", multiple: true, default: [] },
    },
  });
  const { python, model, text, dtype } = values;
  if (model === undefined || text === undefined) {
    console.error("name a model's folder with --model and its text with --text");
    process.exitCode = 2;
  } else {
    const worst = await verifyLmEval({ python, model, text, types: dtype, print: console.log });
    if (worst !== null) console.log(`${worst.toExponential(1)} apart at most in float32, ${TOLERANCE} allowed`);
    process.exitCode = (worst ?? 0) <= TOLERANCE ? 0 : 1;
  }
}
