/**
 * What `npm run docs` draws of the ladder, from `data/ladder` and `data/atlas/ladder` alone: the tables inside
 * docs/guide/ladder.md, between comments that name them, and docs/pictures/ladder.svg. The words around them are written
 * by hand; `e2e/ladder.test.ts` holds them to the figures.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ALPHA, type AreaFit, fitArea } from "../src/atlas/fit.ts";
import { type Rival, type Rivalry, rivalry } from "../src/atlas/rivals.ts";
import type { CalibrationSet } from "../src/atlas/sets.ts";
import { tableOf } from "../src/formats/csv.ts";
import { groupBy } from "../src/numeric/groups.ts";
import { groupsNeeded } from "../src/numeric/regression.ts";
import type { Profile } from "../src/profile/profile.ts";
import { ABSENT, count, figure, interval, percent, si } from "../src/report/format.ts";
import { multiples } from "../src/report/marks/multiples.ts";
import { THEMES } from "../src/report/palette.ts";
import { profilesIn } from "../src/store/profiles.ts";
import { loadSet } from "../src/store/sets.ts";
import { type Recipe, readRecipes } from "./ladder.ts";
import { table } from "./markdown.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));

/** The score that the question is about. */
export const SCORE = "facts";
/** Those that the question names, in its order; the picture shows them. */
const NAMED = ["bits_per_byte", "optimality", "optimality_plugin", "expressivity", "effective_rank", "parameters"];

export interface Ladder {
  readonly recipes: readonly Recipe[];
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly set: CalibrationSet;
  readonly fits: ReadonlyMap<string, AreaFit>;
  readonly rivalry: Rivalry;
}

export async function readLadder(): Promise<Ladder> {
  const set = await loadSet("ladder", "");
  const profiles = await profilesIn(path("data/ladder/profiles"));
  return {
    set,
    recipes: await readRecipes(),
    profiles: new Map(profiles.map(({ profile }) => [profile.model.name, profile])),
    fits: new Map(Object.keys(set.areas).map((area) => [area, fitArea(set, area, { seed: 0 })])),
    rivalry: rivalry(set, SCORE, 0),
  };
}

export const rivalOf = ({ rivalry: { rivals } }: Ladder, name: string): Rival =>
  rivals.find(({ predictor }) => predictor === name)!;

const words = (name: string): string => name.replaceAll("_", " ");

function modelsTable({ recipes, profiles, set }: Ladder): string {
  const score = new Map(set.rows.filter(({ area }) => area === SCORE).map((row) => [row.model, row]));
  return table(
    [
      "model",
      "width × blocks",
      "vocabulary",
      "rate",
      "batch",
      "pages",
      "parameters",
      "tokens",
      "bits per byte",
      "facts",
    ],
    recipes.map((recipe) => {
      const { model, width, blocks, vocabulary, rate, decay, batch, share, order, epochs } = recipe;
      const { ledger, coding } = profiles.get(model)!;
      const pages = [`${share}`, order === "shuffled" ? "" : `, ${order}`, epochs === 1 ? "" : ` × ${epochs}`].join("");
      return [
        model,
        `${width} × ${blocks}`,
        count(vocabulary),
        `${rate}${decay === "cosine" ? "" : `, ${decay}`}`,
        `${batch}`,
        pages,
        si(ledger!.parameters.total, ""),
        si(ledger!.training!.tokens!, ""),
        figure(coding!.overall.bitsPerByte.value),
        percent(score.get(model)!.score),
      ];
    }),
  );
}

function predictorsTable({ rivalry: { rivals, meanError } }: Ladder): string {
  return table(
    ["predictor", "error on unseen families", "less that of bits per byte", "r", "ρ", "partial r"],
    [
      ...rivals.map(({ predictor, error, difference, r, rho, partial }) => [
        words(predictor),
        interval(error),
        difference ? interval(difference) : ABSENT,
        interval(r),
        interval(rho),
        partial ? interval(partial) : ABSENT,
      ]),
      ["the mean of the other families", figure(meanError), ABSENT, ABSENT, ABSENT, ABSENT],
    ],
  );
}

function familiesTable({ rivalry: { rivals, families } }: Ladder): string {
  const names = Object.keys(families);
  return table(
    ["predictor", ...names.map((name) => `${name}: r`), ...names.map((name) => `${name}: error`)],
    rivals.map(({ predictor, within, errorOn }) => [
      words(predictor),
      ...names.map((name) => figure(within[name])),
      ...names.map((name) => figure(errorOn[name])),
    ]),
  );
}

function scoresTable({ fits }: Ladder): string {
  const shown = ["bits_per_byte", "bits_per_byte_known", "bits_per_byte_unseen", "optimality", "parameters"];
  return table(
    ["score", "mean alone", ...shown.map((name) => `${words(name)}: r, error`)],
    [...fits.values()].map(({ score, meanLeaveFamilyOut, associations }) => [
      score,
      figure(meanLeaveFamilyOut),
      ...shown.map((name) => {
        const { r, leaveFamilyOut } = associations.find(({ predictor }) => predictor === name)!;
        return `${figure(r.value)}, ${figure(leaveFamilyOut)}`;
      }),
    ]),
  );
}

/** Other people's models beside ours. */
async function publishedTable(ladder: Ladder): Promise<string> {
  const name = "data/reference/optimality-and-scores.csv";
  const published = tableOf(await readFile(path(name), "utf8"), name, PUBLISHED, []);
  const { models, scores } = published[0].cells;
  return table(
    ["predictor", `published r: ${models} models, ${scores}`, "ρ here", "r here"],
    published.map(({ cells: { predictor, r } }) => {
      const own = rivalOf(ladder, predictor);
      return [words(predictor), r.replace("-", "−"), interval(own.rho), interval(own.r)];
    }),
  );
}
const PUBLISHED = ["predictor", "r", "models", "scores", "source", "status"];

/** What the set can tell at all, and what two models of one recipe differ by. */
function limits(ladder: Ladder): string {
  const { fits, recipes, set, rivalry } = ladder;
  const { models, families, reference } = rivalry;
  const { value: r } = rivalOf(ladder, reference).r;
  const { power, coverage, points } = fits.get(SCORE)!;
  const unseen = points.map(({ score, unseen }) => Math.abs(score - unseen!));
  const scores = new Map(set.rows.filter(({ area }) => area === SCORE).map((row) => [row.model, row.score!]));
  const twins = [...groupBy(recipes, ({ model: _name, seed: _seed, ...recipe }) => JSON.stringify(recipe)).values()];
  const apart = twins.filter((same) => same.length > 1).map((same) => same.map(({ model }) => scores.get(model)!));
  return [
    `- ${models} models can tell an |r| of ${figure(power.models!.told)} from zero, ${Object.keys(families).length} families one of ${figure(power.families!.told)}: that of ${words(reference)} is told if models are evidence one by one, and ${Math.abs(r!) > power.families!.told ? "also" : "not"} if only families are.`,
    `- With ${Object.keys(families).length} families no prediction interval of 90 % can be claimed (that takes ${groupsNeeded(ALPHA)}). The widest error on a model of a family that the fit on bits per byte had not seen is ${figure(Math.max(...unseen))}; calibrated on three families, prediction ± widest error held ${percent(coverage!.share)} of the models of the fourth.`,
    ...apart.map(
      (pair) =>
        `- Two models of one recipe, with different seeds, know ${pair.map(percent).join(" and ")} of the facts.`,
    ),
  ].join("\n");
}

const BLOCKS: Readonly<Record<string, (ladder: Ladder) => string | Promise<string>>> = {
  models: modelsTable,
  predictors: predictorsTable,
  families: familiesTable,
  scores: scoresTable,
  published: publishedTable,
  limits,
};

/** The picture by itself: with its colours, light and dark. */
function picture({ set, rivalry: { rivals, points } }: Ladder): string {
  const shown = NAMED.map((name) => rivals.findIndex(({ predictor }) => predictor === name));
  const svg = multiples(
    "Facts known against six predictors",
    "share of the facts known",
    shown.map((at) => {
      const { predictor, r, error } = rivals[at];
      return {
        title: words(predictor),
        note: `r ${figure(r.value)}, error ${figure(error.value)}`,
        scale: set.predictors[predictor].scale,
      };
    }),
    points.map((point) => ({ ...point, values: shown.map((at) => point.values[at]) })),
    "wide",
  );
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!;
  const theme = ({ paper, ink, muted, rule, ...tones }: (typeof THEMES)["light" | "dark"]): string => {
    const { model, second, third, fourth } = tones;
    const dots = Object.entries({ model, second, third, fourth }).map(([tone, fill]) => `.${tone}{fill:${fill}}`);
    return `.paper{fill:${paper}}text{fill:${muted}}.layer{fill:${ink}}.grid{stroke:${rule}}.dot{stroke:${paper}}${dots.join("")}`;
  };
  const style = `text{font:12px system-ui,sans-serif}.layer{font-weight:600}${theme(THEMES.light)}@media(prefers-color-scheme:dark){${theme(THEMES.dark)}}`;
  return `${svg
    .replace(/ data-csv="[^"]*"/, "") // the page's own, and these numbers are in the tables
    .replace("<svg ", `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" `)
    .replace(/(?<=<svg [^>]*>)/, `<style>${style}</style><rect class="paper" width="100%" height="100%"/>`)}\n`;
}

/** Path from the repository's root, and text. */
export async function ladderFiles(): Promise<[string, string][]> {
  const ladder = await readLadder();
  let page = await readFile(path("docs/guide/ladder.md"), "utf8");
  for (const [name, draw] of Object.entries(BLOCKS)) {
    const drawn = await draw(ladder);
    page = page.replace(
      new RegExp(`(<!-- ${name}: generated by \`npm run docs\` -->)[\\s\\S]*?(<!-- /${name} -->)`),
      (_, open, close) => `${open}\n\n${drawn}\n\n${close}`,
    );
  }
  return [
    ["docs/guide/ladder.md", page],
    ["docs/pictures/ladder.svg", picture(ladder)],
  ];
}
