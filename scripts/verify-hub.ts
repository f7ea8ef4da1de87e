/**
 * `npm run verify:hub`: measures models from the Hub and prints our figures beside published ones (`data/reference/`), each
 * with what may be compared. A published figure is reproduced only on its own text, which is not ours to carry: name the
 * file with `--dataset NAME=PATH`. On any other text the two stand side by side as an order of magnitude, and say so.
 *
 *     npm run verify:hub -- [--text PATH]… [--dataset enwik8=PATH]… [--model org/name]… [--limit-bytes N]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CsvRow, numberIn, tableOf } from "../src/formats/csv.ts";
import { downloadProgress } from "../src/library/download.ts";
import { type Measurement, measure } from "../src/measure/measure.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { LossyscopeError } from "../src/numeric/errors.ts";
import { openModel } from "../src/references/open.ts";
import { createProgress } from "../src/report/progress.ts";
import { isProgram } from "./tool.ts";

const ROOT = new URL("../", import.meta.url);
const GUIDE = fileURLToPath(new URL("docs/guide", ROOT));

export const MODELS = [
  "HuggingFaceTB/SmolLM2-135M",
  "HuggingFaceTB/SmolLM2-135M-Instruct",
  "openai-community/gpt2",
  "EleutherAI/pythia-70m",
] as const;

/** The published plane of one model: what it was measured on, and the settings that this script takes for it. */
const PLANE = {
  model: "HuggingFaceTB/SmolLM2-135M-Instruct",
  dataset: "reddit",
  text: "the first 500 texts of sentence-transformers/reddit, 64 tokens of each",
  context: 64,
  temperature: 0.0152,
  points: 100,
} as const;
const LABELS = ["unigram", "bigram", "trigram"] as const;

export interface VerifyOptions {
  readonly models: readonly string[];
  /** measured where a published figure's own text is not given */
  readonly text: readonly string[];
  /** paths by the dataset's name in `published-losses.csv`, or `reddit` */
  readonly datasets: ReadonlyMap<string, string>;
  readonly limitBytes: number | null;
  readonly print: (line: string) => void;
  readonly quiet: boolean;
}

function published(file: string, columns: readonly string[]): CsvRow[] {
  return tableOf(readFileSync(new URL(`data/reference/${file}`, ROOT), "utf8"), file, columns, []);
}

const LOSS_COLUMNS = ["model", "dataset", "metric", "value", "unit", "condition", "source", "status"];

/** Our figure in the published one's unit; null where it is made of something that a measurement does not score. */
function inUnit({ profile, documents }: Measurement, metric: string, unit: string): number | null {
  const { nats, tokens, bitsPerByte, bitsPerCharacter } = profile.coding!.overall;
  switch (`${metric}, ${unit}`) {
    case "bits_per_byte, bits/byte":
    case "bits_per_byte, bits per UTF-8 byte":
      return bitsPerByte.value;
    case "bits_per_character, bits/char":
      return bitsPerCharacter.value;
    case "nats_per_token, nats per GPT-NeoX token":
      return nats / tokens;
    case "perplexity, ppl per word": {
      const words = documents.reduce((total, { text }) => total + (text.match(/\S+/g)?.length ?? 0), 0);
      return Math.exp(nats / words);
    }
    default:
      return null;
  }
}

type Settings = Readonly<Record<string, unknown>>;

async function measured(name: string, text: readonly string[], settings: Settings, options: VerifyOptions) {
  const progress = createProgress(process.stderr, { quiet: options.quiet });
  const work = mkdtempSync(join(tmpdir(), "lossyscope-verify-"));
  try {
    return await measure({
      model: await openModel(name, { onDownload: downloadProgress(progress) }),
      plan: validatePlan({
        text: text.map((path) => ({ path })),
        limitBytes: options.limitBytes,
        geometry: false,
        baselines: false,
        plane: null,
        ...settings,
      }),
      points: null,
      threads: availableParallelism(),
      work,
      resume: false,
      progress,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const figure = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? "—" : value.toFixed(digits);

async function verifyLosses(name: string, options: VerifyOptions): Promise<void> {
  const { text, datasets, print } = options;
  const rows = published("published-losses.csv", LOSS_COLUMNS).filter(({ cells }) => cells.model === name);
  const on = await measured(name, text, {}, options);
  const { corpus, coding } = on.profile;
  print(`${name} on ${corpus.name}, ${corpus.bytes} bytes: ${figure(coding!.overall.bitsPerByte.value)} bits a byte`);
  if (rows.length === 0) print("  no loss of it on a public text is carried here: nothing to compare with");
  for (const row of rows) {
    const { dataset, metric, unit, source } = row.cells;
    const value = numberIn(row, "value", "published-losses.csv");
    const path = datasets.get(dataset);
    const own = path ? inUnit(await measured(name, [path], {}, options), metric, unit) : inUnit(on, metric, unit);
    const verdict =
      own === null
        ? "not comparable: it scores the last word of each passage alone"
        : path
          ? `same text, if ${path} is ${dataset} whole; windows and de-tokenisers may differ`
          : `another text: an order of magnitude only; --dataset "${dataset}=PATH" compares`;
    print(`  ${dataset}: published ${figure(value)} ${unit}, ours ${figure(own)} (${verdict}) [${source}]`);
  }
}

async function verifyPlane(options: VerifyOptions): Promise<void> {
  const { text, datasets, print } = options;
  const path = datasets.get(PLANE.dataset);
  const { points, context, temperature } = PLANE;
  const { profile } = await measured(
    PLANE.model,
    path ? [path] : text,
    { context: { tokens: context, asked: true }, plane: { points, temperature, allPositions: true, frontier: null } },
    options,
  );
  print(`${PLANE.model}, layer by layer, plug-in, as shares of ln ${points}: published, then ours`);
  print(`  published on ${PLANE.text}; ours on ${profile.corpus.name}`);
  print("  other reference points (ours are drawn by our own generator): these alone move H(Z) by up to 0.1");
  if (!path) print(`  another text: the course over layers only; --dataset "${PLANE.dataset}=PATH" compares`);
  const file = "soft-entropy-smollm2-layers.csv";
  const columns = LABELS.flatMap((label) => [`I_XZ_${label}`, `I_YZ_${label}`, `optimality_${label}`]);
  for (const row of published(file, ["layer", "index", "H_Z", ...columns, "status"])) {
    const layer = profile.plane?.layers[numberIn(row, "index", file)!];
    if (!layer) continue;
    const pair = (column: string, own: number | undefined): string =>
      `${figure(numberIn(row, column, file), 3)} ${figure(own, 3)}`;
    const informations = LABELS.map((label, n) => {
      const order = layer.orders[String(n + 1)];
      return `${label} X ${pair(`I_XZ_${label}`, order?.complexity.plugin)} Y ${pair(`I_YZ_${label}`, order?.expressivity.plugin)}`;
    });
    print(`  ${row.cells.layer.padEnd(10)} H ${pair("H_Z", layer.entropy)}  ${informations.join("  ")}`);
  }
}

/** @throws LossyscopeError as downloading and measuring do */
export async function verifyHub(options: VerifyOptions): Promise<void> {
  const known = new Set([
    PLANE.dataset,
    ...published("published-losses.csv", LOSS_COLUMNS).map(({ cells }) => cells.dataset),
  ]);
  for (const name of options.datasets.keys()) {
    if (known.has(name)) continue;
    throw new LossyscopeError(
      "usage",
      `no figure is published here on ${name}`,
      `name one of ${[...known].join(", ")}`,
    );
  }
  for (const name of options.models) await (name === PLANE.model ? verifyPlane(options) : verifyLosses(name, options));
}

if (isProgram(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      text: { type: "string", multiple: true },
      dataset: { type: "string", multiple: true, default: [] },
      model: { type: "string", multiple: true },
      "limit-bytes": { type: "string" },
      quiet: { type: "boolean", default: false },
    },
  });
  await verifyHub({
    models: values.model ?? MODELS,
    text: values.text ?? [GUIDE],
    datasets: new Map(
      values.dataset.map((entry): [string, string] => {
        const cut = entry.indexOf("=");
        return [entry.slice(0, cut), entry.slice(cut + 1)];
      }),
    ),
    limitBytes: values["limit-bytes"] ? Number(values["limit-bytes"]) : null,
    print: console.log,
    quiet: values.quiet,
  }).catch((error: unknown) => {
    if (!(error instanceof LossyscopeError)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = error.fault === "usage" ? 2 : 1;
  });
}
