/**
 * `npm run concept-pages`: what units do for relations and for kinds of text. Measures, and writes the tables and pictures of two
 * pages of the guide, between comments that name them; the words around them are written.
 *
 *     npm run concept-pages -- specimens              # docs/guide/concepts-specimens.md
 *     npm run concept-pages -- SmolLM2.gguf           # docs/guide/concepts-smollm2.md: any model takes part, the words are of this one
 *
 * The specimens and the almanac's world are the project's own; the second page needs the file of SmolLM2-135M-Instruct in Q4_1.
 * What was found is kept in `work/concept-pages`, and not done again.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { facts } from "../src/almanac/almanac.ts";
import { createWorld } from "../src/almanac/world.ts";
import { groupBy } from "../src/numeric/groups.ts";
import { random } from "../src/numeric/random.ts";
import { mean } from "../src/numeric/sums.ts";
import type { Ablation } from "../src/profile/ablation.ts";
import type { Profile } from "../src/profile/profile.ts";
import type { DomainSharing, Spread } from "../src/profile/spread.ts";
import { besideChance } from "../src/report/concepts.ts";
import { figure, interval, percent, shareOf } from "../src/report/format.ts";
import { square } from "../src/report/marks/square.ts";
import { THEMES } from "../src/report/palette.ts";
import { sharedUnits } from "../src/report/sections/concepts.ts";
import { table } from "./markdown.ts";
import { isProgram, lossyscope } from "./tool.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WORK = join(ROOT, "work/concept-pages");
const SPECIMENS = ["main", "small", "distilled"];
/** Subjects of a relation, and of a number of tellings. */
const SUBJECTS = 24;
/** Told so often that the main model knows nearly all. */
const KNOWN = 64;
/** Of the specimens: a hundredth of 336 units would be three. */
const SHARE = "0.05";

const jsonl = (records: readonly object[]): string => records.map((one) => `${JSON.stringify(one)}\n`).join("");

/** Writes the texts of the specimens' page: sentences by relation, and all facts of a subject by how often they were told. */
async function writeTexts(): Promise<{ relations: string[]; told: string[] }> {
  const people = [...facts(createWorld(7, "medium"))].filter(
    ({ kind, exposures }) => kind === "person" && exposures > 0,
  );
  const write = async (name: string, records: readonly object[]): Promise<void> =>
    writeFile(join(WORK, name), jsonl(records));
  const stream = random("concept pages");
  const sentence = ({ prompts, value }: (typeof people)[number], index: number): string => {
    const { text } = prompts[index % prompts.length];
    return `${text} ${value}.`;
  };
  const relations = groupBy(
    people.filter(({ exposures }) => exposures >= KNOWN),
    ({ relation }) => relation.replace("person.", ""),
  );
  const concepts: object[] = [];
  for (const [relation, own] of relations) {
    const taken = stream.shuffle([...own]).slice(0, SUBJECTS);
    const said = taken.map((fact, index) => ({
      concept: relation,
      text: sentence(fact, index),
      document: fact.subject,
    }));
    // Two sentences of each: tokens enough for the spread.
    await write(
      `${relation}.jsonl`,
      taken.map((fact, index) => ({ text: `${sentence(fact, index)} ${sentence(fact, index + 1)}` })),
    );
    concepts.push(...said.map((one) => ({ ...one, as: "passage" })));
  }
  await write("relations.jsonl", concepts);
  const bins: readonly (readonly [string, (exposures: number) => boolean])[] = [
    ["told once", (exposures) => exposures === 1],
    ["told 8 times", (exposures) => exposures === 8],
    ["told 32 times", (exposures) => exposures === 32],
    ["told 128 times or more", (exposures) => exposures >= 128],
  ];
  for (const [name, holds] of bins) {
    const subjects = groupBy(
      people.filter(({ exposures }) => holds(exposures)),
      ({ subject }) => subject,
    );
    const taken = stream.shuffle([...subjects.values()]).slice(0, SUBJECTS);
    await write(
      `${name}.jsonl`,
      taken.map((own) => ({ text: own.flatMap((fact) => [0, 1].map((i) => sentence(fact, i))).join(" ") })),
    );
  }
  return { relations: [...relations.keys()], told: bins.map(([name]) => name) };
}

/** Runs a command once, and reads what it left. */
async function found<T>(name: string, file: string, ...args: readonly string[]): Promise<T> {
  const out = join(WORK, name);
  if (!existsSync(join(out, file))) await lossyscope(...args, "--out", out, "--force", "--threads", "2");
  return JSON.parse(await readFile(join(out, file), "utf8")) as T;
}

const domains = (names: readonly string[]): string[] =>
  names.flatMap((name) => ["--domain", `${name}=${join(WORK, `${name}.jsonl`)}`]);
const BARE = ["--no-plane", "--no-geometry", "--no-baselines"];

/** A picture by itself, light and dark. */
function picture(svg: string): string {
  const [own] = /<svg[\s\S]*<\/svg>/.exec(svg)!;
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(own)!;
  const theme = ({ paper, ink, muted, model }: (typeof THEMES)["light" | "dark"]): string =>
    `.paper{fill:${paper}}text{fill:${muted}}.square-value{fill:${ink}}.cell{fill:${model}}`;
  const style = `text{font:12px system-ui,sans-serif}${theme(THEMES.light)}.none{fill:none}@media(prefers-color-scheme:dark){${theme(THEMES.dark)}.none{fill:none}}`;
  return `${own
    .replace(/ data-csv="[^"]*"/, "")
    .replace("<svg ", `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" `)
    .replace(/(?<=<svg [^>]*>)/, `<style>${style}</style><rect class="paper" width="100%" height="100%"/>`)}\n`;
}

async function write(page: string, blocks: Readonly<Record<string, string>>): Promise<void> {
  const path = join(ROOT, "docs/guide", page);
  let text = await readFile(path, "utf8");
  for (const [name, drawn] of Object.entries(blocks))
    text = text.replace(
      new RegExp(`(<!-- ${name}: generated by \`npm run concept-pages\` -->)[\\s\\S]*?(<!-- /${name} -->)`),
      (_, open, close) => `${open}\n\n${drawn}\n\n${close}`,
    );
  await writeFile(path, text);
}

const spreadRows = ({ domains: own }: Spread): string[][] =>
  own.map(({ name, half, halfChance, participation }) => [
    name,
    shareOf(half),
    halfChance ? `${percent(halfChance.chance)}, p = ${figure(halfChance.p, 2)}` : "–",
    interval(participation),
  ]);

const sharingTable = ({ pairs }: DomainSharing): string =>
  table(
    ["two domains", "overlap of top units, over chance", "dealt anew", "p", "cosine", "dealt anew"],
    pairs.map(({ a, b, overlap, overlapInterval, cosine, cosineInterval }) => [
      `${a}, ${b}`,
      interval(overlapInterval),
      figure(overlap.chance),
      figure(overlap.p, 2),
      interval(cosineInterval),
      figure(cosine.chance),
    ]),
  );

const matrixTable = ({ matrix, domains: own, curves }: Ablation): string =>
  table(
    ["without those of", ...own.map(({ name }) => name), "matched, 95 %", "its own", "area"],
    matrix.map(({ domain, effects, matched, localised }, row) => [
      domain,
      ...effects.map((effect) => interval(effect)),
      figure(matched[row].high),
      localised ? "yes" : "no",
      interval(curves[row].areaInterval),
    ]),
  );

/** Effects of the matrix over the largest, as a square. */
function matrixPicture({ matrix, domains: own, sites }: Ablation): string {
  const names = own.map(({ name }) => name);
  const largest = Math.max(...matrix.flatMap(({ effects }) => effects.map(({ value }) => value ?? 0)));
  return picture(
    square(
      `Bits a byte more on each (across) without the ${sites} of each (down)`,
      { rows: names, columns: names, head: [] },
      matrix.map(({ effects }) =>
        effects.map((effect) => ({
          depth: Math.max(0, effect.value ?? 0) / largest,
          written: figure(effect.value, 2),
          tooltip: interval(effect),
          numbers: [],
        })),
      ),
    ),
  );
}

async function specimens(): Promise<void> {
  const { relations, told } = await writeTexts();
  const models = await Promise.all(SPECIMENS.map((name) => name)).then((names) =>
    names.map((name) => ({ name, folder: join(ROOT, "specimens", name, "step-36246") })),
  );
  const rows: { name: string; told: Profile; shared: Profile; taken: Ablation }[] = [];
  for (const { name, folder } of models) {
    const concepts = ["--concepts", join(WORK, "relations.jsonl")];
    const units = ["--with", "spread", "sharing"];
    rows.push({
      name,
      told: await found(
        `${name}-told`,
        "profile.json",
        "measure",
        folder,
        ...domains(told),
        ...BARE,
        ...units,
        ...concepts,
      ),
      shared: await found(
        `${name}-relations`,
        "profile.json",
        "measure",
        folder,
        ...domains(relations),
        ...BARE,
        ...units,
      ),
      taken: await found(
        `${name}-ablation`,
        "ablation.json",
        "ablate",
        folder,
        ...domains(relations),
        "--share",
        SHARE,
      ),
    });
  }
  const main = rows[0];
  const every = (of: (row: (typeof rows)[number]) => string): string[] => rows.map(of);
  await write("concepts-specimens.md", {
    geometry: table(
      ["", ...SPECIMENS],
      [
        [
          "layer of the largest silhouette",
          ...every(({ told: { concepts } }) => `${concepts!.map.layer} of ${concepts!.layers.length - 1}`),
        ],
        [
          "silhouette there",
          ...every(({ told: { concepts } }) => besideChance(concepts!.layers[concepts!.map.layer].silhouette)),
        ],
        [
          "told linearly, documents left out",
          ...every(({ told: { concepts } }) => shareOf(concepts!.layers[concepts!.map.layer].separability)),
        ],
      ],
    ),
    exposure: table(
      ["facts", ...SPECIMENS.map((name) => `units that carry half, ${name}`), "bits a byte, main"],
      told.map((name) => [
        name,
        ...every(({ told: { spread } }) => {
          const own = spread!.domains.find((one) => one.name === name)!;
          return `${percent(own.half.value)}, mixed ${percent(own.halfChance!.chance)}, p = ${figure(own.halfChance!.p, 2)}`;
        }),
        interval(main.told.coding!.domains[name].bitsPerByte),
      ]),
    ),
    told: sharingTable(main.told.sharing!),
    sharing: table(
      ["", ...SPECIMENS],
      [
        [
          "mean overlap of two relations' top units, over chance",
          ...every(({ shared }) => figure(mean(shared.sharing!.pairs.map(({ overlap }) => overlap.value)))),
        ],
        [
          "the same text dealt anew",
          ...every(({ shared }) => figure(mean(shared.sharing!.pairs.map(({ overlap }) => overlap.chance)))),
        ],
        [
          "pairs that share fewer (p ≤ 0.05)",
          ...every(({ shared }) => {
            const { pairs } = shared.sharing!;
            return `${pairs.filter(({ overlap }) => overlap.p <= 0.05).length} of ${pairs.length}`;
          }),
        ],
        [
          "mean cosine",
          ...every(({ shared }) => figure(mean(shared.sharing!.pairs.map(({ cosine }) => cosine.value)))),
        ],
      ],
    ),
    needs: matrixTable(main.taken),
    kept: table(
      ["", ...SPECIMENS],
      [
        [
          "relations that have units of their own",
          ...every(
            ({ taken }) => `${taken.matrix.filter(({ localised }) => localised).length} of ${taken.matrix.length}`,
          ),
        ],
        [
          "mean effect on the relation itself, bits a byte",
          ...every(({ taken }) => figure(mean(taken.matrix.map(({ effects }, row) => effects[row].value!)))),
        ],
        [
          "on the others",
          ...every(({ taken }) =>
            figure(
              mean(
                taken.matrix.flatMap(({ effects }, row) =>
                  effects.flatMap(({ value }, other) => (other === row ? [] : [value!])),
                ),
              ),
            ),
          ),
        ],
        [
          "mean area between the curves, bits a byte",
          ...every(({ taken }) => figure(mean(taken.curves.map(({ area }) => area)))),
        ],
      ],
    ),
  });
  const { sharing } = main.shared;
  await writeFile(
    join(ROOT, "docs/pictures/relations-units.svg"),
    picture(sharedUnits(sharing!.domains, sharing!.pairs)),
  );
  await writeFile(join(ROOT, "docs/pictures/relations-needs.svg"), matrixPicture(main.taken));
}

const TEXTS = ["english", "german", "code", "numbers"];

async function kinds(model: string): Promise<void> {
  const named = TEXTS.flatMap((name) => ["--domain", `${name}=${join(ROOT, "data/domains", `${name}.txt`)}`]);
  const split = ["--split-on", "\\n\\n"];
  const profile = await found<Profile>(
    "kinds",
    "profile.json",
    "measure",
    model,
    ...named,
    ...split,
    ...BARE,
    "--with",
    "spread",
    "sharing",
  );
  const taken = process.argv.includes("--no-ablation")
    ? null
    : await found<Ablation>("kinds-ablation", "ablation.json", "ablate", model, ...named, ...split);
  await write("concepts-smollm2.md", {
    spread: table(["text", "units that carry half", "mixed text", "participation"], spreadRows(profile.spread!)),
    sharing: sharingTable(profile.sharing!),
    ...(taken && { needs: matrixTable(taken) }),
  });
  const { sharing } = profile;
  await writeFile(join(ROOT, "docs/pictures/kinds-units.svg"), picture(sharedUnits(sharing!.domains, sharing!.pairs)));
  if (taken) await writeFile(join(ROOT, "docs/pictures/kinds-needs.svg"), matrixPicture(taken));
}

if (isProgram(import.meta.url)) {
  const [what] = process.argv.slice(2);
  await mkdir(WORK, { recursive: true });
  if (what === "specimens") await specimens();
  else if (what !== undefined && existsSync(what)) await kinds(what);
  else {
    console.error(
      `npm run concept-pages -- specimens, or a path of SmolLM2-135M-Instruct in Q4_1${what === undefined ? "" : `: there is no ${basename(what)}`}`,
    );
    process.exitCode = 2;
  }
}
