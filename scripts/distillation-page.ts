/**
 * What `npm run docs` draws of distillation, from `data/distillation/sweep.csv` and the specimens' logs alone: the tables inside docs/guide/distillation.md,
 * between comments that name them, and docs/pictures/distillation.svg.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { numberIn, tableOf } from "../src/formats/csv.ts";
import { groupBy } from "../src/numeric/groups.ts";
import { mean, sum } from "../src/numeric/sums.ts";
import { ABSENT, count, figure, percent, si } from "../src/report/format.ts";
import { THEMES } from "../src/report/palette.ts";
import { COLUMNS } from "./distil-sweep.ts";
import { table } from "./markdown.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));

/** A model of the sweep; `temperature` null: trained alone. */
export interface SweepRow {
  readonly teacher: string;
  readonly teacherBits: number;
  readonly temperature: number | null;
  readonly alpha: number;
  readonly epochs: number;
  readonly seed: number;
  readonly bits: number;
  readonly kl: number;
}

export async function readSweep(): Promise<SweepRow[]> {
  const name = "data/distillation/sweep.csv";
  return tableOf(await readFile(path(name), "utf8"), name, COLUMNS, []).map((row) => ({
    teacher: row.cells.teacher,
    teacherBits: numberIn(row, "teacher_bits_per_byte", name)!,
    temperature: numberIn(row, "temperature", name),
    alpha: numberIn(row, "alpha", name)!,
    epochs: numberIn(row, "epochs", name)!,
    seed: numberIn(row, "seed", name)!,
    bits: numberIn(row, "bits_per_byte", name)!,
    kl: numberIn(row, "kl_bits", name)!,
  }));
}

/** One way to train, over its seeds. */
export interface Way extends Pick<SweepRow, "teacher" | "teacherBits" | "temperature" | "alpha" | "epochs"> {
  readonly seeds: number;
  readonly bits: number;
  readonly kl: number;
  /** bits per byte less those of the same seed trained alone, one a seed, in order; empty for what is trained alone */
  readonly less: readonly number[];
}

export function waysOf(rows: readonly SweepRow[]): Way[] {
  const alone = new Map(
    rows.filter(({ temperature }) => temperature === null).map((row) => [`${row.epochs} ${row.seed}`, row.bits]),
  );
  const ways = groupBy(rows, ({ teacher, temperature, alpha, epochs }) =>
    JSON.stringify([temperature === null ? null : teacher, temperature, alpha, epochs]),
  );
  return [...ways.values()].map((all) => {
    // The same model trained alone stands beside every teacher.
    const own = [...new Map(all.map((row) => [row.seed, row])).values()];
    const [{ teacher, teacherBits, temperature, alpha, epochs }] = own;
    const less = own.flatMap(({ bits, seed }) => {
      const control = alone.get(`${epochs} ${seed}`);
      return temperature === null || control === undefined ? [] : [bits - control];
    });
    const seeds = own.length;
    return {
      ...{ teacher, teacherBits, temperature, alpha, epochs, seeds, less },
      ...{ bits: mean(own.map(({ bits }) => bits)), kl: mean(own.map(({ kl }) => kl)) },
    };
  });
}

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${figure(Math.abs(value))}`;

function sweepTable(ways: readonly Way[]): string {
  return table(
    [
      "teacher (its bits per byte)",
      "temperature",
      "weight of KL",
      "read",
      "seeds",
      "bits per byte",
      "less trained alone",
      "KL, bits a token",
    ],
    ways.map(({ teacher, teacherBits, temperature, alpha, epochs, seeds, bits, kl, less }) => [
      temperature === null ? "none: trained alone" : `${teacher} (${figure(teacherBits)})`,
      temperature === null ? ABSENT : `${temperature}`,
      temperature === null ? ABSENT : `${alpha}`,
      epochs === 1 ? "once" : epochs < 1 ? `${percent(epochs)} of them` : `${count(epochs)} times`,
      `${seeds}`,
      figure(bits),
      less.length === 0
        ? ABSENT
        : `${signed(mean(less))}${less.length > 1 ? ` (${signed(Math.min(...less))} to ${signed(Math.max(...less))})` : ""}`,
      figure(kl),
    ]),
  );
}

/** What two runs on the same rows differ by, over a stretch of their steps. */
export interface Stretch {
  /** seen by its end */
  readonly tokens: number;
  readonly steps: number;
  /** mean loss of the text, nats a token */
  readonly alone: number;
  readonly taught: number;
  /** taught less alone, and the standard error of it over the steps */
  readonly difference: number;
  readonly error: number;
}

/** Steps that stretches end at, a few of them to a decade. */
const ENDS = [30, 100, 300, 1000, 2000, 4000, 8000, 12000, 18000, 24000, 30000, 36246];

interface Logged {
  readonly step: number;
  readonly tokens: number;
  readonly nllNats: number;
}

async function logOf(specimen: string): Promise<ReadonlyMap<number, Logged>> {
  const lines = (await readFile(path(`specimens/${specimen}/log.jsonl`), "utf8")).trimEnd().split("\n");
  const steps = lines.map((line) => JSON.parse(line) as Logged & { readonly checkpoint?: string });
  return new Map(steps.filter(({ checkpoint }) => checkpoint === undefined).map((one) => [one.step, one]));
}

/** The specimens' two small models, which read the same rows in the same order from the same seed. */
export async function readCourse(): Promise<Stretch[]> {
  const [alone, taught] = [await logOf("small"), await logOf("distilled")];
  return ENDS.flatMap((end, index) => {
    const from = index === 0 ? 0 : ENDS[index - 1];
    const steps = [...alone.keys()].filter((step) => step > from && step <= end && taught.has(step));
    if (steps.length < 2) return [];
    const nats = (log: ReadonlyMap<number, Logged>) => steps.map((step) => log.get(step)!.nllNats);
    const differences = steps.map((step) => taught.get(step)!.nllNats - alone.get(step)!.nllNats);
    const middle = mean(differences);
    const variance = sum(differences.map((one) => (one - middle) ** 2)) / (steps.length - 1);
    return [
      {
        ...{ tokens: alone.get(steps[steps.length - 1])!.tokens, steps: steps.length },
        ...{ alone: mean(nats(alone)), taught: mean(nats(taught)) },
        ...{ difference: middle, error: Math.sqrt(variance / steps.length) },
      },
    ];
  });
}

const courseTable = (course: readonly Stretch[]): string =>
  table(
    ["tokens seen", "steps looked at", "alone, nats a token", "taught", "taught less alone"],
    course.map(({ tokens, steps, alone, taught, difference, error }) => [
      si(tokens, ""),
      `${steps}`,
      figure(alone),
      figure(taught),
      `${signed(difference)} ± ${figure(1.96 * error)}`,
    ]),
  );

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 300, 72, 24, 46, 48];
/** Nats beyond which a mark stands on the edge: the models have only begun to learn then. */
const HIGHEST = 0.08;

/** Nats a token more than trained alone, by tokens seen. */
function picture(course: readonly Stretch[]): string {
  const [first, last] = [course[0].tokens, course[course.length - 1].tokens];
  const low = -0.06;
  const x = (tokens: number): number =>
    LEFT + 16 + (Math.log(tokens / first) / Math.log(last / first)) * (WIDTH - LEFT - RIGHT - 32);
  const y = (value: number): number =>
    TOP + ((HIGHEST - Math.min(HIGHEST, Math.max(low, value))) / (HIGHEST - low)) * (HEIGHT - TOP - BOTTOM);
  const at = (value: number): string => value.toFixed(1);
  const ticks = [-0.06, -0.04, -0.02, 0, 0.02, 0.04, 0.06, 0.08];
  const marks = course.map(({ tokens, difference, error }) => {
    const isOff = difference > HIGHEST;
    const bar = isOff
      ? ""
      : `<path class="line" d="M${at(x(tokens))} ${at(y(difference - 1.96 * error))}V${at(y(difference + 1.96 * error))}"/>`;
    const mark = `<circle class="dot${isOff ? " off" : ""}" cx="${at(x(tokens))}" cy="${at(y(difference))}" r="4"/>`;
    return `${bar}${mark}${isOff ? `<text x="${at(x(tokens))}" y="${at(y(difference) - 8)}" text-anchor="middle">${signed(difference)}</text>` : ""}`;
  });
  const line = course.map(({ tokens, difference }, i) => `${i === 0 ? "M" : "L"}${at(x(tokens))} ${at(y(difference))}`);
  const theme = ({ paper, ink, muted, rule, second }: (typeof THEMES)["light" | "dark"]): string =>
    `.paper{fill:${paper}}text{fill:${muted}}.grid{stroke:${rule}}.zero{stroke:${ink}}.dot{fill:${second};stroke:${second}}.off{fill:${paper}}.line{fill:none;stroke:${second};stroke-width:1.6}`;
  const style = `text{font:12px system-ui,sans-serif}${theme(THEMES.light)}@media(prefers-color-scheme:dark){${theme(THEMES.dark)}}`;
  const told = course.map(({ tokens, difference }) => `${si(tokens, "")} tokens ${signed(difference)}`).join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Loss of the taught specimen less that of the one trained alone, nats a token: ${told}">`,
    `<style>${style}</style><rect class="paper" width="100%" height="100%"/>`,
    `<text x="4" y="16">↑ nats a token more than the same model trained alone; below 0 the teacher helps</text>`,
    ...ticks.map(
      (tick) =>
        `<path class="${tick === 0 ? "zero" : "grid"}" d="M${LEFT} ${at(y(tick))}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${tick === 0 ? "0" : signed(tick)}</text>`,
    ),
    ...[30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000]
      .filter((tick) => tick >= first && tick <= 1.1 * last)
      .map(
        (tick) => `<text x="${at(x(tick))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${si(tick, "")}</text>`,
      ),
    `<text x="${at((LEFT + WIDTH - RIGHT) / 2)}" y="${HEIGHT - 6}" text-anchor="middle">tokens seen (logarithmic) →</text>`,
    `<path class="line" d="${line.join("")}"/>`,
    ...marks,
    "</svg>\n",
  ].join("");
}

/** Path from the repository's root, and text. */
export async function distillationFiles(): Promise<[string, string][]> {
  const course = await readCourse();
  const blocks = { sweep: sweepTable(waysOf(await readSweep())), course: courseTable(course) };
  let page = await readFile(path("docs/guide/distillation.md"), "utf8");
  for (const [name, drawn] of Object.entries(blocks))
    page = page.replace(
      new RegExp(`(<!-- ${name}: generated by \`npm run docs\` -->)[\\s\\S]*?(<!-- /${name} -->)`),
      (_, open, close) => `${open}\n\n${drawn}\n\n${close}`,
    );
  return [
    ["docs/guide/distillation.md", page],
    ["docs/pictures/distillation.svg", picture(course)],
  ];
}
