/**
 * What squeezing a model found, as a page (METHODS §7): rate against distortion with the frontier, what goes first, what costs
 * most. Drawn from `squeeze.json` alone; opens offline.
 */
import type { Interval } from "../../profile/figures.ts";
import type { Point, Squeezing } from "../../profile/squeeze.ts";
import { counted, figure, interval, sentence, shareOf, si } from "../format.ts";
import { framed } from "../frame.ts";
import { type ExposureLine, exposureLines } from "../marks/exposures.ts";
import { lines } from "../marks/lines.ts";
import { ladder, type RateMark, rateDistortion } from "../marks/rate.ts";
import { element, markup } from "../marks/svg.ts";
import { drawn, legend, numbers, paragraph, responsive, type Section, table } from "../sections/parts.ts";
import {
  bitsText,
  budgetText,
  changeText,
  firstLost,
  LOSS_HEAD,
  lossCells,
  pointTable,
  squeezeClaim,
  trimText,
} from "./text.ts";

const cells = (rows: readonly (readonly string[])[]): string[][] => rows.map((row) => row.map((cell) => markup(cell)));

const alone = (value: number | null): Interval => ({ value, low: null, high: null });

const marksOf = ({ points, frontier }: Squeezing, of: (point: Point) => Interval): RateMark[] => {
  const kept = new Set(frontier);
  return points.map((point) => ({
    name: point.name,
    kind: point.kind,
    rate: point.rate.bitsPerParameter,
    distortion: of(point),
    isKept: kept.has(point.name),
  }));
};

const KINDS: Readonly<Record<Point["kind"], readonly [name: string, mark: string]>> = {
  round: ["rounded to nearest", "dot"],
  blocks: ["GGUF blocks", "dot second"],
  prune: ["pruned", "dot third"],
  rank: ["of lower rank", "dot fourth"],
  drop: ["blocks left out", "dot faint"],
  trim: ["tokens left out", "dot faint"],
  mixed: ["mixed", "dot"],
  file: ["files somebody made (squares)", "dot second"],
};

function rateSection(found: Squeezing): Section {
  const { model, points, interval: how } = found;
  const { head, cells: written } = pointTable(found);
  const there = [...new Set(points.map(({ kind }) => kind))];
  const entries = [
    ...there.map((kind) => ({ name: KINDS[kind][0], mark: KINDS[kind][1] })),
    { name: "frontier", mark: "limit" },
  ];
  const kl = marksOf(found, ({ overall }) => overall.kl ?? alone(null));
  const lost = marksOf(found, ({ overall }) => overall.bitsPerByte);
  const commands = element(
    "details",
    { class: "numbers" },
    element("summary", {}, "The commands"),
    ...points.map(({ name, command }) =>
      element("p", { class: "small" }, markup(`${name}: `), element("code", {}, markup(command))),
    ),
  );
  return {
    id: "rate",
    title: "Rate and distortion",
    methods: "§7.1, §7.2, §7.3",
    body: [
      paragraph(
        `${model.name} takes ${bitsText(model.rate.bitsPerParameter)} as it is stored (${si(model.rate.bytes, "B")}), ${figure(model.rate.codedBitsPerParameter)} entropy-coded. ${counted(points.length, "point")}, 95 % intervals over ${counted(how.units, how.unit)}.${how.absent === null ? "" : ` ${sentence(how.absent)}`}`,
        "lede",
      ),
      drawn(
        "KL divergence from the original, bits a token, by bits a parameter; the staircase joins what no other point beats",
        responsive((form) => rateDistortion("Rate and KL", kl, { up: "KL, bits a token" }, form)),
        legend(entries),
      ),
      drawn(
        "Bits per byte more than the original, in pairs, by bits a parameter; hollow on the floor: no more",
        responsive((form) => rateDistortion("Rate and bits per byte", lost, { up: "bits per byte more" }, form)),
        legend(entries),
      ),
      budgetText(found) === null ? "" : paragraph(budgetText(found)!),
      trimText(found) === null ? "" : paragraph(trimText(found)!),
      numbers(table("All points, by rate; * on the frontier", head, cells(written))),
      commands,
    ].join(""),
    means: [
      "Across stands what the weights take, all of them together, norms and whatever else stays as it is among it; up, how far the squeezed model's probabilities are from the original's. Left and down is better.",
      "KL counts every change of opinion, also where the text does not show it; bits per byte count what this text loses.",
      "A file that somebody else made is a point like any other.",
    ],
    misread: [
      "The staircase claims nothing between its points.",
      "What is lost here is lost on this text. Another text may lose more.",
      "Bits a parameter are those of the format that a point names; a runtime may keep what it loads otherwise.",
    ],
  };
}

function lossSection(found: Squeezing): Section | null {
  if (found.losses.length === 0) return null;
  const rungs = found.losses.map((loss) => ({
    name: loss.figure,
    lost: loss.from?.bitsPerParameter ?? null,
    kept: loss.kept?.bitsPerParameter ?? null,
    change: changeText(loss),
  }));
  const first = firstLost(found);
  const rates = found.points
    .filter(({ name }) => found.frontier.includes(name))
    .map(({ rate }) => rate.bitsPerParameter);
  return {
    id: "first",
    title: "What goes first",
    methods: "§7.3",
    body: [
      first === null ? "" : paragraph(sentence(first), "lede"),
      drawn(
        "Where each figure is as it was (full line), and from where on down it is lost (broken line)",
        responsive((form) => ladder("Order of loss", rungs, rates, form)),
        legend([
          { name: "not told apart from the original", mark: "dot" },
          { name: "lost for good (hollow)", mark: "dot second" },
        ]),
      ),
      numbers(table("What goes first", LOSS_HEAD, cells(lossCells(found)), "words")),
    ].join(""),
    means: [
      "Each rung is a figure of the original and of every point on the frontier, in pairs. It is lost from the highest rate from which on down every interval leaves zero to the worse.",
    ],
    misread: [
      "A figure that is not told apart from the original is not proved to be unhurt: a longer text has narrower intervals, and loses earlier.",
      "Small differences of large texts leave zero long before anybody would notice them: look at how much is lost.",
    ],
  };
}

/** Points of the frontier whose facts are drawn: where most is lost, and evenly above. */
const MOST_LINES = 3;
const TONES = ["second", "third", "fourth"] as const;

/** The original's exact answers by number of exposures, and those of points of the frontier; null where exposures are not known. */
export function forgetting(found: Squeezing): { readonly at: number[]; readonly lines: ExposureLine[] } | null {
  const frontier = found.points.filter(({ name, facts }) => facts !== null && found.frontier.includes(name));
  const levels = (frontier[0]?.facts?.exposures ?? []).filter(({ exposures }) => (exposures ?? 0) > 0);
  if (levels.length < 2) return null;
  const at = levels.map(({ exposures }) => exposures!);
  // What is lost for certain, and the last point at which nothing is.
  const telling = frontier.filter(({ facts }) => facts!.exposures.some(({ exact: { high } }) => (high ?? 0) < 0));
  const first = telling.length > 0 ? Math.max(0, frontier.indexOf(telling[0]) - 1) : frontier.length - 1;
  const drawn = frontier.slice(first).slice(0, MOST_LINES);
  const share = (original: number | null, less: Interval): Interval => {
    const plus = (value: number | null): number | null => (value === null ? null : (original ?? 0) + value);
    return { value: plus(less.value), low: plus(less.low), high: plus(less.high) };
  };
  return {
    at,
    lines: [
      { name: "the original", tone: "model", values: levels.map(({ original }) => alone(original)) },
      ...drawn.map(({ name, rate, facts }, index) => ({
        name: `${name}, ${bitsText(rate.bitsPerParameter)}`,
        tone: TONES[index],
        values: at.map((exposures) => {
          const own = facts!.exposures.find((one) => one.exposures === exposures)!;
          return share(own.original, own.exact);
        }),
      })),
    ],
  };
}

function factsSection(found: Squeezing): Section | null {
  const asked = found.points.filter(({ facts }) => facts !== null);
  if (asked.length === 0) return null;
  const levels = asked[0].facts!.exposures;
  const rows = asked.map(({ name, rate, facts }) => [
    name,
    figure(rate.bitsPerParameter),
    ...facts!.exposures.map(({ exact }) => shareOf(exact)),
  ]);
  const drawing = forgetting(found);
  return {
    id: "facts",
    title: "Facts, by how often they were told",
    methods: "§7.3, §6",
    body: `${
      drawing === null
        ? ""
        : drawn(
            "Share answered exactly, by how often training told the fact; intervals are those of the difference from the original",
            responsive((form) => exposureLines("Facts forgotten", drawing.at, drawing.lines, form)),
            legend(drawing.lines.map(({ name, tone }) => ({ name, mark: tone === "model" ? "dot" : `dot ${tone}` }))),
          )
    }${table(
      "Share answered exactly less that of the original, by number of exposures",
      ["point", "bits/parameter", ...levels.map(({ exposures }) => (exposures === null ? "facts" : `${exposures}×`))],
      cells([
        [
          "the original",
          figure(found.model.rate.bitsPerParameter),
          ...levels.map(({ original }) => shareOf(alone(original))),
        ],
        ...rows,
      ]),
    )}`,
    means: ["The same questions to the original and to every point; intervals resample subjects, in pairs."],
    misread: ["Where the original knows nothing there is nothing to lose."],
  };
}

function sensitivitySection({ sensitivity }: Squeezing): Section | null {
  if (!sensitivity) return null;
  const { transform, blocks, kinds, sum, joint } = sensitivity;
  const at = blocks.map(({ name }) => Number(name.split(" ")[1]));
  const part = (rows: typeof kinds): string[][] =>
    cells(rows.map(({ name, parameters, kl }) => [name, si(parameters, ""), interval(kl)]));
  return {
    id: "sensitivity",
    title: "What costs most",
    methods: "§7.4",
    body: [
      paragraph(
        `Each part alone into ${transform}, everything else as it was. The kinds alone add up to ${figure(sum)} bits a token; all of them together cost ${figure(joint)}${joint > 0 ? `, ${figure(joint / sum)} times that` : ""}.`,
        "lede",
      ),
      element(
        "div",
        { class: "panels" },
        drawn(
          "KL where one block alone is squeezed, bits a token",
          lines("KL", at, [{ name: "KL", tone: "model", values: blocks.map(({ kl }) => kl), style: "solid" }], {
            across: "block",
            least: 0,
          }),
        ),
      ),
      table("Kinds of matrices, each alone in all blocks", ["kind", "parameters", "KL, bits/token"], part(kinds)),
      numbers(table("Blocks, each alone", ["block", "parameters", "KL, bits/token"], part(blocks))),
    ].join(""),
    means: [
      "Where single losses add up to the joint one, errors of different parts do not meet, and parts can be chosen one by one.",
    ],
    misread: ["A part that costs much may only be large: compare what it costs with its parameters."],
  };
}

function boundSection(found: Squeezing): Section | null {
  const { bound } = found;
  if (!bound) return null;
  const marks = marksOf(found, ({ weightError }) => alone(weightError)).map((one) => ({ ...one, isKept: false }));
  const curve = {
    name: "Gaussian bound of these spectra",
    points: bound.map(({ bitsPerParameter, error }) => [bitsPerParameter, error] as const),
  };
  return {
    id: "bound",
    title: "Weight error, and the Gaussian bound",
    methods: "§7.4",
    body: drawn(
      "Relative squared error of the weights that a point changes, by bits a parameter; the curve: the least that Gaussian matrices of these spectra allow",
      responsive((form) =>
        rateDistortion("Rate and weight error", marks, { up: "relative weight error", curve }, form),
      ),
    ),
    means: [
      "D(R) of Gaussian components whose variances are the matrices' squared singular values, filled by one water level.",
    ],
    misread: [
      "The curve is about weights alone. It promises nothing about KL: weights that no input meets may be wrong for free.",
    ],
  };
}

export function squeezePage(found: Squeezing): string {
  const { model, text, notes, provenance } = found;
  const sections = [
    rateSection(found),
    lossSection(found),
    factsSection(found),
    sensitivitySection(found),
    boundSection(found),
  ].filter((one) => one !== null);
  return framed(
    `${model.name} squeezed`,
    `${model.name}: squeezed`,
    `${squeezeClaim(found)}.`,
    [
      `On ${text.name}: ${counted(text.documents, "document")}, ${si(text.bytes, "B")}, of which the original needs ${figure(text.bitsPerByte)} bits per byte. ${provenance.engine}.`,
      ...notes.map(sentence),
    ],
    sections,
  );
}
