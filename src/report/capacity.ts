/** The capacity of a model for random strings (METHODS §5), as blocks for the terminal and as a page of its own. */
import { type Capacity, type CapacityRun, PLATEAU, per } from "../lab/capacity.ts";
import type { PublishedCapacity } from "../lab/published.ts";
import { sum } from "../numeric/sums.ts";
import type { Interval } from "../profile/figures.ts";
import { type Block, blocksMarkup, rows, text } from "./findings.ts";
import { count, counted, figure, interval, percent } from "./format.ts";
import { framed } from "./frame.ts";
import { type CapacityPoint, capacityCurve } from "./marks/capacity.ts";
import { drawn, legend, numbers, responsive, type Section } from "./sections/parts.ts";

const mean = (values: readonly number[]): number => sum(values) / values.length;

/** Means over the seeds, by n. */
function pointsOf({ runs, plateau }: Capacity): (CapacityPoint & { readonly all: readonly CapacityRun[] })[] {
  const sizes = [...new Set(runs.map(({ strings }) => strings))].sort((a, b) => a - b);
  return sizes.map((strings) => {
    const all = runs.filter((run) => run.strings === strings);
    return {
      strings,
      all,
      entropyBits: all[0].entropyBits,
      meanBits: mean(all.map(({ flooredBits }) => flooredBits)),
      runs: all.map(({ seed, flooredBits }) => ({ seed, bits: flooredBits })),
      plateau: plateau?.strings.includes(strings) ?? false,
    };
  });
}

/** `2.31 (2.28–2.33)`, the parentheses the range over seeds. */
const perParameter = (bits: Interval, parameters: number): string => interval(per(bits, parameters));

function claimOf({ runs, plateau, parameters: { total, nonEmbedding } }: Capacity): string[] {
  if (!plateau) return [];
  const seeds = plateau.bits.low === null ? "" : " (mean and range over the seeds)";
  const over = runs.every(({ strings, settled }) => settled || !plateau.strings.includes(strings));
  const least = plateau.reached && over ? "" : "at least ";
  return [
    `The model holds ${least}${perParameter(plateau.bits, total)} bits per parameter of random strings${seeds}`,
    `That is ${perParameter(plateau.bits, nonEmbedding)} per parameter outside the embedding; without the floor of 0 a string, ${perParameter(plateau.unflooredBits, total)} and ${perParameter(plateau.unflooredBits, nonEmbedding)}`,
    plateau.reached
      ? `The plateau: ${plateau.strings.map((n) => count(n)).join(", ")} strings`
      : "No plateau was reached: give more strings",
  ];
}

/** What a model holds, in one sentence. */
export const capacityClaim = (capacity: Capacity): string =>
  claimOf(capacity)[0] ?? `${counted(capacity.runs.length, "run")} and no plateau`;

const claims = (capacity: Capacity): string[] => claimOf(capacity).map((sentence) => `${sentence}.`);

function runRows(capacity: Capacity): Block {
  const { total } = capacity.parameters;
  return rows(
    "Memorised of random strings, means over the seeds",
    ["strings", "bits they hold", "memorised", "unfloored", "never seen", "share", "bits per parameter", "steps"],
    pointsOf(capacity).map(({ strings, all, entropyBits, meanBits, plateau }) => [
      `${plateau ? "* " : ""}${count(strings)}`,
      count(entropyBits),
      count(meanBits),
      count(mean(all.map(({ unflooredBits }) => unflooredBits))),
      count(mean(all.map(({ unseenUnflooredBits }) => unseenUnflooredBits))),
      percent(meanBits / entropyBits),
      figure(meanBits / total),
      all.map(({ steps, settled }) => `${count(steps)}${settled ? "" : "+"}`).join(" "),
    ]),
  );
}

const runNotes = ({ runs }: Capacity): Block[] => [
  text(
    `* on the plateau: within ${percent(PLATEAU)} of the largest mean. Memorised: entropy less code length, each string at least 0, less what as many strings never seen come to.`,
  ),
  ...(runs.every(({ settled }) => settled)
    ? []
    : [text("+ stopped by --steps while still learning: what it memorised is a lower bound.")]),
];

const publishedRows = (published: readonly PublishedCapacity[]): Block =>
  rows(
    "Published capacities",
    ["bits per parameter", "what", "models and conditions", "by"],
    published.map(({ bitsPerParameter, measure, model, condition, paper }) => [
      figure(bitsPerParameter),
      measure,
      `${model}; ${condition}`,
      paper.split(",")[0],
    ]),
    "words",
  );

function besideText({ parameters, plateau }: Capacity, published: readonly PublishedCapacity[]): string[] {
  if (!plateau) return [];
  const own = plateau.bits.value! / parameters.total;
  const lines = published.flatMap(({ line, bitsPerParameter }) =>
    line ? [`${figure(bitsPerParameter)} (${line}), of which this is ${percent(own / bitsPerParameter)}`] : [],
  );
  return [`Published: ${lines.join("; ")}`];
}

export function capacityBlocks(capacity: Capacity, published: readonly PublishedCapacity[]): Block[] {
  return [
    runRows(capacity),
    ...runNotes(capacity),
    ...claims(capacity).map(text),
    ...besideText(capacity, published).map((sentence) => text(`${sentence}.`)),
  ];
}

export function capacityPage(capacity: Capacity, published: readonly PublishedCapacity[]): string {
  const { parameters, settings } = capacity;
  const { total, nonEmbedding } = parameters;
  const levels = published.flatMap(({ line, bitsPerParameter }) =>
    line ? [{ name: `${figure(bitsPerParameter)}, ${line}`, bits: bitsPerParameter * total }] : [],
  );
  const points = pointsOf(capacity);
  const [claim, ...others] = claims(capacity);
  const curve: Section = {
    id: "curve",
    title: "What is kept as there is more to keep",
    methods: "§5",
    body:
      drawn(
        "Bits memorised of n random strings; filled: on the plateau",
        responsive((form) => capacityCurve("Memorised bits against the number of strings", points, levels, form)),
        legend([
          { name: "memorised, a mark for each seed", mark: "dot model" },
          { name: "all that the strings hold", mark: "reference diagonal" },
          { name: "published bits per parameter, times this model's parameters", mark: "reference limit" },
        ]),
      ) + numbers(blocksMarkup([runRows(capacity), ...runNotes(capacity)])),
    means: [
      "Random strings have nothing in common: what a model saves on those it was trained on, it can only have memorised. While they fit, the curve follows all that they hold; then it bends, and the level it stays at is the capacity.",
      `Each of the strings is ${counted(settings.length, "token")} drawn uniformly from the vocabulary.`,
    ],
    misread: [
      "A short or badly tuned training keeps less than a model could: the level is what this training reached. Past the plateau, more strings need more steps, and marks may fall again.",
      "Bits of random strings are not bits of knowledge: what text has in common costs a model far less.",
    ],
  };
  const beside: Section = {
    id: "published",
    title: "Beside published figures",
    methods: "§5",
    body: blocksMarkup([publishedRows(published), ...besideText(capacity, published).map((one) => text(`${one}.`))]),
    means: ["Bits per parameter of random strings (Morris et al.) and of facts with a known prior (Allen-Zhu & Li)."],
    misread: [
      "They come from models of 100 thousand to 1.5 billion parameters, trained for up to a million steps. The smaller the model, the larger the share of its parameters that is the embedding.",
    ],
  };
  return framed(
    `capacity of a model of ${count(total)} parameters, ${count(nonEmbedding)} outside the embedding`,
    "Capacity for random strings",
    claim ?? "Runs are missing.",
    others,
    [curve, beside],
  );
}
