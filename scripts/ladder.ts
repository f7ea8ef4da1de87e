/**
 * `npm run ladder`: small models that differ by recipe, trained on the almanac, measured on its held-out pages and asked
 * its facts: the project's own test of whether compression predicts what a model knows (METHODS §10). Recipes are the rows
 * of `data/ladder/recipes.csv`. Every step is a command of the tool, shown before it runs; models and whatever else is
 * large stay in `work/ladder`, and what is finished there is not done again. What comes out goes to `data/ladder`, and as
 * a calibration set to `data/atlas/ladder`; `npm run docs` draws the page from there.
 *
 *     npm run ladder -- [--only train|measure|gather] [--model NAME…] [--threads N]
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ownSet } from "../src/atlas/add.ts";
import { parseScores, type Score } from "../src/atlas/scores.ts";
import { columnsOf, parseSet } from "../src/atlas/sets.ts";
import type { Named } from "../src/atlas/text.ts";
import { writeAtomic } from "../src/files/atomic.ts";
import { type CsvRow, numberIn, tableOf, writeCsv } from "../src/formats/csv.ts";
import { mean, sum } from "../src/numeric/sums.ts";
import type { Interval } from "../src/profile/figures.ts";
import type { Profile } from "../src/profile/profile.ts";
import { readProfile } from "../src/store/profiles.ts";
import { isProgram, lossyscope } from "./tool.ts";

/** The world that all models read of. */
export const WORLD = { seed: "7", size: "few" } as const;
/** Tokens of a row in training, and with them the positions that a model has, which its windows are cut by. */
export const POSITIONS = 256;
/** Lines of a run's log that are kept. */
const LOGGED = 12;

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const data = (file: string): string => path(`data/ladder/${file}`);
const work = (file: string): string => path(`work/ladder/${file}`);

const WORDS = ["model", "family", "decay", "order"] as const;
const NUMBERS = ["seed", "width", "blocks", "heads", "mlp", "vocabulary", "rate", "batch", "share", "epochs"] as const;
export type Recipe = Readonly<Record<(typeof WORDS)[number], string> & Record<(typeof NUMBERS)[number], number>>;

export async function readRecipes(): Promise<Recipe[]> {
  const name = "recipes.csv";
  return parseRecipes(await readFile(data(name), "utf8"), name);
}

/** @throws LossyscopeError `input` with the line */
export function parseRecipes(text: string, name: string): Recipe[] {
  const rows = tableOf(text, name, [...WORDS, ...NUMBERS], []);
  const recipeOf = (row: CsvRow): Recipe =>
    ({
      ...row.cells,
      ...Object.fromEntries(NUMBERS.map((column) => [column, numberIn(row, column, name)])),
    }) as Recipe;
  return rows.map(recipeOf);
}

/** What a page is sorted by; pages of one rank keep their random order. */
const ORDERS: Readonly<Record<string, ((page: { exposures: number; kind: string }) => number) | null>> = {
  shuffled: null,
  "rare last": ({ exposures }) => -exposures,
  "by kind": ({ kind }) => ["person", "town", "river", "event"].indexOf(kind),
};

/** The pages that a recipe trains on, in its order, as a file of their own. */
async function trainingText({ share, order }: Recipe): Promise<string> {
  const file = work(`text/${order.replaceAll(" ", "-")}-${share}.jsonl`);
  if (existsSync(file)) return file;
  const lines = (await readFile(work("almanac/train.jsonl"), "utf8")).trimEnd().split("\n");
  const taken = lines.slice(0, Math.round(share * lines.length));
  const rank = ORDERS[order];
  const ranked = taken.map((line) => ({ line, rank: rank ? rank(JSON.parse(line)) : 0 }));
  ranked.sort((a, b) => a.rank - b.rank);
  await writeAtomic(file, ranked.map(({ line }) => `${line}\n`).join(""));
  return file;
}

export const configOf = ({ width, blocks, heads, mlp, vocabulary }: Recipe) => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: width,
  intermediate_size: mlp,
  num_hidden_layers: blocks,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  vocab_size: vocabulary,
  max_position_embeddings: POSITIONS,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: "silu",
  tie_word_embeddings: true,
  initializer_range: 0.02,
  attention_bias: false,
  mlp_bias: false,
});

async function trainModel(recipe: Recipe, threads: string): Promise<void> {
  const { model } = recipe;
  const run = work(`runs/${model}`);
  const config = work(`runs/${model}.json`);
  await writeFile(config, JSON.stringify(configOf(recipe)));
  const settings = Object.entries({
    text: await trainingText(recipe),
    config,
    out: run,
    "held-out": 0,
    context: POSITIONS,
    batch: recipe.batch,
    epochs: recipe.epochs,
    rate: recipe.rate,
    decay: recipe.decay,
    seed: recipe.seed,
    checkpoints: 2,
    threads,
  }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  await lossyscope("train", ...settings, ...(recipe.order === "shuffled" ? [] : ["--keep-order"]), "--resume");
  const log = await readFile(join(run, "log.jsonl"), "utf8");
  const steps = log
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Step)
    .filter(({ checkpoint }) => checkpoint === undefined);
  await writeAtomic(work(`logs/${model}.csv`), writeCsv(CURVE, curveOf(model, steps)));
  await rename(join(run, `step-${steps.length}`), work(`models/${model}`));
  await rm(run, { recursive: true });
  await rm(config);
}

interface Step {
  readonly step: number;
  readonly tokens: number;
  readonly rate: number;
  readonly lossNats: number;
  readonly checkpoint?: string;
}

const CURVE = ["model", "step", "tokens", "rate", "loss_nats"];

/** The log at steps evenly apart in their logarithm: there, the mean loss since the line before. */
function curveOf(model: string, steps: readonly Step[]) {
  const ends = Array.from({ length: LOGGED }, (_, line) => Math.round(steps.length ** ((line + 1) / LOGGED)));
  return [...new Set(ends)].map((end, line, all) => {
    const { step, tokens, rate } = steps[end - 1];
    const losses = steps.slice(all[line - 1] ?? 0, end).map(({ lossNats }) => lossNats);
    return { model, step, tokens, rate: Number(rate.toPrecision(4)), loss_nats: Number(mean(losses).toPrecision(5)) };
  });
}

/** The pages, those held out, and the facts: as `lossyscope almanac` writes them. */
async function writeAlmanac(): Promise<void> {
  if (!existsSync(work("almanac/almanac.json"))) {
    await lossyscope("almanac", "--seed", WORLD.seed, "--size", WORLD.size, "--out", work("almanac"), "--force");
  }
  const facts = (await readFile(work("almanac/facts.jsonl"), "utf8")).trimEnd().split("\n");
  const stated = facts.filter((line) => (JSON.parse(line) as { exposures: number }).exposures > 0);
  await writeAtomic(work("stated.jsonl"), stated.map((line) => `${line}\n`).join(""));
}

/** Predictors from pages held out, on the one hand; what the models know of the facts stated in training, on the other. */
async function measureModel({ model }: Recipe, threads: string): Promise<void> {
  const tokens = tableOf(await readFile(work(`logs/${model}.csv`), "utf8"), model, CURVE, []).at(-1)!.cells.tokens;
  const settings = Object.entries({
    with: "facts",
    facts: work("stated.jsonl"),
    prompts: "0",
    "training-tokens": tokens,
    threads,
    json: work(`profiles/${model}.json`),
  }).flatMap(([name, value]) => [`--${name}`, value]);
  const domains = ["known", "unseen"].flatMap((split) => ["--domain", `${split}=${work(`almanac/${split}.jsonl`)}`]);
  await lossyscope("measure", work(`models/${model}`), ...domains, ...settings, ...LEFT_OUT);
}

/** Takes time and space, and predicts nothing here. */
const LEFT_OUT = ["--no-text", "--no-baselines", "--no-frontier"];

/** A benchmark: what it is called, what it is, and its figure in a profile. */
interface Benchmark {
  readonly about: string;
  readonly of: (profile: Profile) => Interval;
}

/** Share of facts answered by the greedy continuation, over numbers of exposures that `chosen` takes. */
function exactOver({ facts }: Profile, chosen: (exposures: number) => boolean): Interval {
  const levels = facts!.exposures.filter(({ exposures }) => chosen(exposures!));
  const right = levels.map(({ exact, total }) => exact.value! * total);
  return { value: sum(right) / sum(levels.map(({ total }) => total)), low: null, high: null };
}

export const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  facts: {
    about: "share of the facts stated in training that the greedy answer gives",
    of: ({ facts }) => facts!.overall.exact,
  },
  choice: {
    about: "share of these facts whose value is the most probable of its candidates",
    of: ({ facts }) => facts!.overall.choice,
  },
  facts_64: {
    about: "as facts, of those that 64 training pages state",
    of: (profile) => exactOver(profile, (exposures) => exposures === 64),
  },
  facts_128_up: {
    about: "as facts, of those that 128 training pages or more state",
    of: (profile) => exactOver(profile, (exposures) => exposures >= 128),
  },
};

const stderrOf = ({ low, high }: Interval): number | null =>
  low === null || high === null ? null : (high - low) / (2 * 1.96);

const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(6)));

/** A profile without its documents, and without what two runs differ in: when, how fast, with how much memory. */
function kept(profile: Profile): Profile {
  const provenance = {
    ...profile.provenance,
    started: new Date(0).toISOString(),
    seconds: 0,
    tokensPerSecond: null,
    peakMemoryBytes: null,
  };
  return { ...profile, documents: [], provenance };
}

/** What is committed: profiles, scores, curves, and the calibration set they make. */
async function gather(recipes: readonly Recipe[]): Promise<void> {
  await mkdir(data("profiles"), { recursive: true });
  const named: Named[] = [];
  const curves: string[] = [];
  for (const { model } of recipes) {
    const profile = kept(await readProfile(work(`profiles/${model}.json`)));
    await writeAtomic(data(`profiles/${model}.json`), `${JSON.stringify(profile)}\n`);
    named.push({ file: `${model}.json`, profile });
    curves.push(await readFile(work(`logs/${model}.csv`), "utf8"));
  }
  const scores = recipes.flatMap(({ model, family }, index) =>
    Object.entries(BENCHMARKS).map(([benchmark, { of }]) => {
      const found = of(named[index].profile);
      return { model, benchmark, score: rounded(found.value), stderr: rounded(stderrOf(found)), family };
    }),
  );
  const table = writeCsv(["model", "benchmark", "score", "stderr", "family"], scores);
  await writeAtomic(data("scores.csv"), table);
  await writeAtomic(
    data("training.csv"),
    `${CURVE.join(",")}\n${curves.map((text) => text.replace(/^.*\n/, "")).join("")}`,
  );
  await writeSet(named, parseScores(table, "data/ladder/scores.csv"));
}

/** The set as `lossyscope atlas add` makes it, with its own words and the licence of what is published here. */
async function writeSet(profiles: readonly Named[], scores: readonly Score[]): Promise<void> {
  const { description, rows } = ownSet("ladder", profiles, scores);
  const { text } = description;
  const told = {
    ...description,
    title: "Small models on the almanac against the facts they know",
    about: `Models of four families of recipes, trained on the almanac of seed ${WORLD.seed}, size ${WORLD.size}; predictors from pages held out, scores from the facts that training stated (docs/guide/ladder.md).`,
    areas: Object.fromEntries(
      Object.entries(BENCHMARKS).map(([name, { about }]) => [name, { score: about, text: text!.name }]),
    ),
  };
  const set = parseSet(JSON.stringify(told), rows, "ladder");
  const lines = set.rows.map(({ predictors, ...row }) => ({ ...row, ...predictors, licence: "MIT" }));
  const folder = path("data/atlas/ladder");
  await mkdir(folder, { recursive: true });
  await writeAtomic(join(folder, "set.json"), `${JSON.stringify(told, null, 2)}\n`);
  await writeAtomic(join(folder, "rows.csv"), writeCsv(columnsOf(Object.keys(set.predictors)), lines));
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      model: { type: "string", multiple: true },
      threads: { type: "string", default: "1" },
    },
  });
  const { only, model, threads } = values;
  const all = await readRecipes();
  const recipes = all.filter((recipe) => model?.includes(recipe.model) ?? true);
  for (const folder of ["runs", "models", "text", "logs", "profiles"]) await mkdir(work(folder), { recursive: true });
  await writeAlmanac();
  for (const recipe of recipes) {
    if (only && only !== "train") break;
    if (!existsSync(work(`models/${recipe.model}`))) await trainModel(recipe, threads);
  }
  for (const recipe of recipes) {
    if (only && only !== "measure") break;
    if (!existsSync(work(`profiles/${recipe.model}.json`))) await measureModel(recipe, threads);
  }
  if (!only || only === "gather") await gather(all);
}

if (isProgram(import.meta.url)) await run();
