/** What squeezing a model found, as blocks for terminal, Markdown and page: what is enough, what goes first, a table of points. */
import { unreachable } from "../../numeric/errors.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Point, Squeezing } from "../../profile/squeeze.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, count, counted, figure, interval, sentence, shareOf, si } from "../format.ts";

export const bitsText = (bits: number): string => `${figure(bits)} bits a parameter`;

/** What a loss is called in a sentence. */
const lossText = ({ figure: name }: Squeezing["losses"][number]): string =>
  name === "bits per byte" ? "bits per byte of the text" : name;

const pointOf = ({ points }: Squeezing, name: string): Point => points.find((one) => one.name === name)!;

/** What a plan of several types came to, in one sentence; null where none was made. */
export function budgetText({ budget }: Squeezing): string | null {
  if (!budget) return null;
  const { bitsPerParameter, uniform, kl, uniformKl, difference, documents } = budget;
  const own = `Within ${bitsText(bitsPerParameter)} a plan of several types costs ${figure(kl)} bits a token on ${counted(documents, "document")} that it was not made from`;
  if (uniform === null) return `${own}; no point of one type fits.`;
  const against = `${uniform}, the best of one type within it, costs ${figure(uniformKl)}`;
  const apart = `a difference of ${interval(difference)}`;
  if (difference.high !== null && difference.high < 0) return `${own}; ${against}, ${apart}.`;
  return difference.low === null
    ? `${own}; ${against}; the documents are too few to tell the two apart.`
    : `${own}; ${against}, ${apart}: the plan does not beat it.`;
}

/** What leaving out tokens came to, in one sentence; null where none were. */
export function trimText({ points, model }: Squeezing): string | null {
  const point = points.find(({ kind }) => kind === "trim");
  if (point?.tokens === undefined) return null;
  const less = si(model.rate.bytes - point.rate.bytes, "B");
  return `With the ${counted(point.tokens, "token")} alone that the texts need, ${model.name} takes ${less} less; what it gave the others goes to these: ${interval(point.overall.bitsPerByte)} bits per byte.`;
}

/** What is enough, in one sentence. */
export function enoughClaim(found: Squeezing): string {
  const { enough, frontier, text: read } = found;
  const name = enough?.point ?? frontier[0];
  if (name === undefined)
    return trimText(found)?.replace(/\.$/, "") ?? `Nothing of ${found.model.name} could be held against it`;
  const { rate, overall } = pointOf(found, name);
  const cost = `${bitsText(rate.bitsPerParameter)} (${name}) cost ${interval(overall.bitsPerByte)} bits per byte here`;
  const whole = `of ${figure(read.bitsPerByte)}`;
  return enough
    ? `${cost}, within ${100 * enough.share} % ${whole}`
    : `No point stays within 1 % ${whole} bits per byte: ${cost}`;
}

/** What goes first, in one sentence; null where nothing does. */
export function firstLost({ losses }: Squeezing): string | null {
  const [first] = losses.filter(({ figure: name, from }) => from !== null && name !== "bits per byte");
  if (!first?.from) return null;
  const others = losses.filter(
    ({ from, figure: name }) => from?.point === first.from!.point && name !== "bits per byte",
  );
  const named = others.slice(0, 3).map(lossText);
  const more = others.length > 3 ? ` and ${count(others.length - 3)} more` : "";
  return first.kept
    ? `below ${bitsText(first.kept.bitsPerParameter)} ${named.join(", ")}${more} ${others.length === 1 && first.group === "text" ? "goes" : "go"} first`
    : `${named.join(", ")}${more} are worse already at ${bitsText(first.from.bitsPerParameter)}`;
}

export function squeezeClaim(found: Squeezing): string {
  const first = firstLost(found);
  return first === null ? enoughClaim(found) : `${enoughClaim(found)}; ${first}`;
}

const agreementOf = ({ overall }: Point): string => (overall.agreement ? shareOf(overall.agreement) : ABSENT);
const klOf = ({ overall }: Point): Interval => overall.kl ?? { value: null, low: null, high: null };

export function pointTable(found: Squeezing): { readonly head: string[]; readonly cells: string[][] } {
  const isKept = new Set(found.frontier);
  const columns: readonly [string, (point: Point) => string][] = [
    ["point", ({ name }) => `${isKept.has(name) ? "* " : ""}${name}`],
    ["bits/parameter", ({ rate }) => figure(rate.bitsPerParameter)],
    ["entropy-coded", ({ rate }) => figure(rate.codedBitsPerParameter)],
    ["size", ({ rate }) => si(rate.bytes, "B")],
    ["KL, bits/token", (point) => interval(klOf(point))],
    ["more bits/byte", ({ overall }) => interval(overall.bitsPerByte)],
    ["same first choice", agreementOf],
    ["facts exact", ({ facts }) => (facts ? shareOf(facts.exact) : ABSENT)],
    ["recalled", ({ recall }) => (recall ? shareOf(recall.exact) : ABSENT)],
  ];
  const written = columns.map(([, write]) => found.points.map(write));
  const kept = [...columns.keys()].filter((column) => written[column].some((cell) => cell !== ABSENT));
  return {
    head: kept.map((column) => columns[column][0]),
    cells: found.points.map((_, point) => kept.map((column) => written[column][point])),
  };
}

/** How much of a figure was lost, in its own unit. */
export function changeText({ from, group }: Squeezing["losses"][number]): string {
  if (from === null) return ABSENT;
  switch (group) {
    case "text":
      return `${interval(from.change)} bits/byte`;
    case "capacity":
      return `${interval(from.change)} bits/fact`;
    case "facts":
    case "recall":
      return shareOf(from.change);
    default:
      return unreachable(group);
  }
}

/** Highest rate at which each figure is lost for good, and the one above it. */
export const lossCells = ({ losses }: Squeezing): string[][] =>
  losses.map((loss) => [
    loss.figure,
    loss.from === null ? "not lost" : `${figure(loss.from.bitsPerParameter)} (${loss.from.point})`,
    changeText(loss),
    loss.kept === null ? ABSENT : `${figure(loss.kept.bitsPerParameter)} (${loss.kept.point})`,
  ]);

export const LOSS_HEAD = ["figure", "lost from", "change there", "still there at"];

export function squeezeBlocks(found: Squeezing): Block[] {
  const { head, cells } = pointTable(found);
  const { model, text: read, interval: how, sensitivity } = found;
  const absent = how.absent === null ? "" : ` ${sentence(how.absent)}`;
  return [
    text(`${squeezeClaim(found)}.`),
    rows(
      `${model.name}, ${bitsText(model.rate.bitsPerParameter)} as it is stored, on ${read.name}: ${counted(read.documents, "document")}, ${si(read.bytes, "B")}, ${figure(read.bitsPerByte)} bits per byte`,
      head,
      cells,
    ),
    text(
      `* on the frontier: no other point is smaller and nearer. 95 % intervals over ${counted(how.units, how.unit)}, in pairs.${absent}`,
    ),
    ...(found.losses.length > 0 ? [rows("What goes first", LOSS_HEAD, lossCells(found), "words")] : []),
    ...(trimText(found) && found.frontier.length > 0 ? [text(trimText(found)!)] : []),
    ...(budgetText(found) ? [text(budgetText(found)!)] : []),
    ...(sensitivity
      ? [
          rows(
            `Each part alone into ${sensitivity.transform}`,
            ["part", "parameters", "KL, bits/token"],
            [...sensitivity.kinds, ...sensitivity.blocks].map(({ name, parameters, kl }) => [
              name,
              si(parameters, ""),
              interval(kl),
            ]),
          ),
          text(
            `The kinds alone add up to ${figure(sensitivity.sum)} bits a token, all of them together cost ${figure(sensitivity.joint)}.`,
          ),
        ]
      : []),
    ...found.notes.map((note) => text(sentence(note))),
  ];
}
