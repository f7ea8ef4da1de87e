/**
 * `npm run distil-sweep`: does a teacher help a small model on the same tokens? One student, the smallest shape of the ladder, learns
 * the almanac from a teacher at several temperatures and weights of the divergence, beside the same model trained alone on
 * the same rows from the same seed (METHODS §8). Every step is a command of the tool, shown before it runs; what is finished in
 * `work/distil-sweep` is not done again. The figures go to `data/distillation/sweep.csv`; `npm run docs` draws the page from there.
 *
 *     npm run distil-sweep -- [--seeds N] [--threads N]
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeAtomic } from "../src/files/atomic.ts";
import { writeCsv } from "../src/formats/csv.ts";
import { configOf, POSITIONS, type Recipe, readRecipes, WORLD } from "./ladder.ts";
import { isProgram, lossyscope, printed } from "./tool.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const work = (file: string): string => path(`work/distil-sweep/${file}`);

/** Recipes of the ladder: who learns, and from whom. */
const STUDENT = "shape-32x2";
const TEACHER = "corpus-twice-80x2";

export const COLUMNS = [
  ...["teacher", "teacher_bits_per_byte", "unigram_bits_per_byte", "temperature", "alpha", "epochs", "seed"],
  ...["bits_per_byte", "kl_bits", "retention"],
] as const;

interface Setting {
  readonly temperature: number;
  /** of the divergence in the loss */
  readonly alpha: number;
  readonly epochs: number;
}

/** Each on half of the pages, read once. What says most comes first. */
const SETTINGS: readonly Setting[] = (
  [
    [1, 1],
    [2, 0.5],
    [1, 0.5],
    [4, 0.5],
  ] as const
).map(([temperature, alpha]) => ({ temperature, alpha, epochs: 0.5 }));

/** What `distil --json` prints. */
interface Printed {
  readonly teacherBitsPerByte: number;
  readonly unigramBitsPerByte: number;
  readonly student: Figures;
  readonly alone: Figures | null;
}
interface Figures {
  readonly bitsPerByte: number;
  readonly klBits: number;
  readonly retention: number;
}

const told = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);

/** What all runs share. */
const trained = ({ rate, batch, decay }: Recipe, threads: string) => ({
  text: work("almanac/train.jsonl"),
  ...{ context: POSITIONS, checkpoints: 2, batch, rate, decay, threads },
});

async function writeConfig(name: string, recipe: Recipe): Promise<string> {
  await writeFile(work(`${name}.json`), JSON.stringify(configOf(recipe)));
  return work(`${name}.json`);
}

async function teach(recipe: Recipe, threads: string): Promise<string> {
  const run = work(`teachers/${recipe.model}`);
  const config = await writeConfig(recipe.model, recipe);
  const { seed, epochs } = recipe;
  if (!existsSync(`${run}/done`)) {
    await lossyscope(
      "train",
      ...told({ ...trained(recipe, threads), config, out: run, "held-out": 0, seed, epochs }),
      "--resume",
    );
    await writeFile(`${run}/done`, "");
  }
  const last = (await readFile(`${run}/log.jsonl`, "utf8")).trimEnd().split("\n").at(-1)!;
  return `${run}/${(JSON.parse(last) as { checkpoint: string }).checkpoint}`;
}

/** A student, and with it the same model trained alone where `control` says so. */
async function distil(
  { temperature, alpha, epochs }: Setting,
  { folder, seed, threads, recipe }: { folder: string; seed: number; threads: string; recipe: Recipe },
  control: boolean,
): Promise<Printed> {
  const name = `${TEACHER}-${temperature}-${alpha}-${epochs}-${seed}`;
  if (existsSync(work(`runs/${name}.json`))) return JSON.parse(await readFile(work(`runs/${name}.json`), "utf8"));
  const out = work(`runs/${name}`);
  const settings = told({
    ...trained(recipe, threads),
    ...{ config: await writeConfig(STUDENT, recipe), teacher: folder, temperature, alpha, epochs, seed, out },
    ...{ "held-out-text": work("almanac/known.jsonl"), "held-out-tokens": 60000 },
  });
  const found = await printed(
    "distil",
    ...settings,
    ...(control ? [] : ["--no-control"]),
    "--json",
    "--resume",
    "--quiet",
  );
  await writeAtomic(work(`runs/${name}.json`), found);
  await rm(out, { recursive: true });
  return JSON.parse(found);
}

const rounded = (value: number): number => Number(value.toPrecision(6));

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { seeds: { type: "string", default: "1" }, threads: { type: "string", default: "1" } },
  });
  const { threads } = values;
  await mkdir(work("runs"), { recursive: true });
  await mkdir(work("teachers"), { recursive: true });
  if (!existsSync(work("almanac/almanac.json")))
    await lossyscope("almanac", ...told({ ...WORLD, out: work("almanac") }), "--force");
  const recipes = new Map((await readRecipes()).map((recipe) => [recipe.model, recipe]));
  const recipe = recipes.get(STUDENT)!;
  const folder = await teach(recipes.get(TEACHER)!, threads);
  const rows: Record<(typeof COLUMNS)[number], string | number>[] = [];
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    for (const [index, setting] of SETTINGS.entries()) {
      const { temperature, alpha, epochs } = setting;
      const found = await distil(setting, { folder, seed, threads, recipe }, index === 0);
      const row = (own: Figures, how: { temperature: number | string; alpha: number }) => ({
        teacher: TEACHER,
        teacher_bits_per_byte: rounded(found.teacherBitsPerByte),
        unigram_bits_per_byte: rounded(found.unigramBitsPerByte),
        ...{ ...how, epochs, seed, bits_per_byte: rounded(own.bitsPerByte) },
        ...{ kl_bits: rounded(own.klBits), retention: rounded(own.retention) },
      });
      if (found.alone) rows.push(row(found.alone, { temperature: "", alpha: 0 }));
      rows.push(row(found.student, { temperature, alpha }));
      await writeAtomic(path("data/distillation/sweep.csv"), writeCsv(COLUMNS, rows));
    }
  }
}

if (isProgram(import.meta.url)) await run();
