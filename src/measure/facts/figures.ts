/**
 * The figures of a set of answered facts (METHODS §5 knowledge bits, §6). A fact's own figures are means over its prompts,
 * every fact weighs as many facts of the file as it stands for, and every figure is a ratio of such sums:
 *
 *   corrected bits = Σ w (max(0, prior − code length) − c),  c = the mean of max(0, prior − code length) over never-seen facts
 *
 * All figures come from one function of how often each subject counts, so that the bootstrap is that function drawn again.
 *
 * Memory: 8·2000 bytes a figure, some 16 for each number of exposures and each relation; 200 bytes a question.
 */

import { count } from "../../numeric/amounts.ts";
import { type Estimate, FEWEST_UNITS } from "../../numeric/bootstrap.ts";
import { groupBy } from "../../numeric/groups.ts";
import { type GroupUnits, groupsNeed, isMet, type Need, SURELY_DRAWN, unmet } from "../../numeric/needs.ts";
import { STRATIFIED_RESAMPLES, stratifiedBootstrap } from "../../numeric/stratified.ts";
import type { FactRates, Facts, Knowledge, Verdict } from "../../profile/facts.ts";
import type { Fact } from "../../text/facts.ts";

/** What one prompt of a fact brought. */
export interface Answered {
  /** index of the fact */
  readonly fact: number;
  readonly verdict: Verdict;
  /** whether the most probable candidate is the true value */
  readonly chosen: boolean;
  /** probability of the most probable candidate among the candidates, and of the true value */
  readonly confidence: number;
  readonly probability: number;
  /** of the true value among the candidates, from 1; ties share their mean */
  readonly rank: number;
  /** code length of the true value with its terminator, given the prompt */
  readonly codeBits: number;
}

export type FactFigures = Pick<
  Facts,
  | "questions"
  | "overall"
  | "exposures"
  | "relations"
  | "calibration"
  | "errorByBits"
  | "knowledge"
  | "interval"
  | "notes"
>;

export interface FactFiguresOptions {
  /** of the model; null where they are not known */
  readonly parameters: number | null;
  /** by relation, the probability that its commonest value is right */
  readonly commonest: (relation: string) => number;
  readonly seed: number;
}

const BINS = 10;

/** A fact's own figures, in this order: means over its prompts; bits are the prior less the code length. */
const MEASURES = [
  "exact",
  "confusion",
  "offType",
  "choice",
  "confidence",
  "probability",
  "reciprocalRank",
  "codeBits",
  "bits",
  "flooredBits",
  "priorBits",
] as const;
type Measure = (typeof MEASURES)[number];
/** Those that are told as they are. */
const TOLD = MEASURES.slice(0, 8) as readonly Exclude<Measure, "bits" | "flooredBits" | "priorBits">[];
const [EXACT, BITS, FLOORED, PRIOR] = (["exact", "bits", "flooredBits", "priorBits"] as const).map((measure) =>
  MEASURES.indexOf(measure),
);

interface Row {
  readonly weight: number;
  /** place of its subject */
  readonly unit: number;
  /** place of its cell */
  readonly cell: number;
  /** [measures]; NaN for bits without a prior */
  readonly values: Float64Array;
}

/** Facts of one relation with one number of exposures: every group is made of such. */
interface Cell {
  readonly place: number;
  readonly exposures: number | null;
  readonly relation: string;
}

/** Sums over the facts of some cells: of their weights, and of each measure by weight. */
interface Sums {
  weight: number;
  readonly values: Float64Array;
}

const noSums = (): Sums => ({ weight: 0, values: new Float64Array(MEASURES.length) });

/** Facts that figures are taken over together. */
interface Group {
  readonly cells: readonly Cell[];
  readonly facts: number;
  readonly subjects: number;
}

/** @param answered at least one for every fact */
export function factFigures(
  facts: readonly Fact[],
  answered: readonly Answered[],
  { parameters, commonest, seed }: FactFiguresOptions,
): FactFigures {
  const { units, strata } = subjectsOf(facts);
  const { cells, cellOf } = cellsOf(facts);
  const byFact = groupBy(answered, ({ fact }) => fact);
  const rows = facts.map((fact, index) =>
    rowOf(fact, units.get(fact.subject)!, cellOf[index].place, byFact.get(index)!),
  );
  const group = (own: readonly Cell[]): Group => {
    const places = new Set(own.map(({ place }) => place));
    const members = rows.filter(({ cell }) => places.has(cell));
    return { cells: own, facts: members.length, subjects: new Set(members.map(({ unit }) => unit)).size };
  };
  const pool = pooled(cells);
  const levels = [...groupBy(cells, ({ exposures }) => exposures)].sort(([a], [b]) => (a ?? -1) - (b ?? -1));
  const relations = [...groupBy(pool, ({ relation }) => relation)];
  const groups = [cells, ...levels.map(([, own]) => own), ...relations.map(([, own]) => own)].map(group);
  const hasPriors = rows.every(({ values }) => Number.isFinite(values[BITS]));
  /** groups whose knowledge is asked for: the seen facts together, and those above */
  const known = hasPriors ? [group(pool), ...groups] : [];
  const control = group(cells.filter(isControl)).facts;
  const calibration = new Calibration(rows, answered);
  const bins = hasPriors ? bitBins(rows) : [];
  const whole = sumsOf(rows, cells.length, new Float64Array(units.size).fill(1));

  const estimates = stratifiedBootstrap(
    strata,
    (times) => {
      const sums = sumsOf(rows, cells.length, times);
      const floors = hasPriors && control > 0 ? floorsOf(cells, sums) : null;
      return [
        ...groups.flatMap((one) => means(joined(one.cells, sums))),
        ...known.flatMap((one) => knowledgeMeans(one.cells, sums, one.cells.every(isControl) ? null : floors)),
        ...calibration.figures(times),
        ...bins.map((bin) => errorOf(bin.rows, times)),
      ];
    },
    { seed },
  );
  let next = 0;
  const take = (subjects: number, scale = 1): Estimate => {
    const { value, low, high } = estimates[next++];
    const scaled = (one: number | null): number | null => one && one * scale;
    const [from, to] = subjects < FEWEST_UNITS ? [null, null] : [low, high];
    return { value: scaled(value), low: scaled(from), high: scaled(to) };
  };
  const rates = groups.map(
    ({ subjects }) =>
      Object.fromEntries(TOLD.map((measure) => [measure, take(subjects)])) as Record<(typeof TOLD)[number], Estimate>,
  );
  const knowledge = known.map(({ cells: own, subjects }): Knowledge => {
    const { weight, values } = joined(own, whole);
    return {
      priorBits: values[PRIOR],
      unfloored: take(subjects, weight),
      corrected: take(subjects, weight),
      share: take(subjects),
    };
  });
  const judged = calibration.taken(() => take(units.size));
  const subjectsIn = (own: readonly Row[]): number => new Set(own.map(({ unit }) => unit)).size;
  const errorByBits = bins.map(({ from, rows: own }) => ({ from, facts: own.length, error: take(subjectsIn(own)) }));
  const spent = bins.map(({ from, rows: own }, index): GroupUnits => {
    const subjects = subjectsIn(own);
    return [bitsText(from), subjects, subjects >= FEWEST_UNITS && errorByBits[index].error.low === null];
  });
  const ratesOf = (index: number): FactRates => {
    const { cells: own, facts: count, subjects } = groups[index];
    const { weight } = joined(own, whole);
    const right = own.reduce((sum, { place, relation }) => sum + whole[place].weight * commonest(relation), 0);
    return {
      facts: count,
      total: Math.round(weight),
      subjects,
      ...rates[index],
      guess: right / weight,
      knowledge: knowledge.length > 0 ? knowledge[index + 1] : null,
    };
  };
  return {
    questions: answered.length,
    overall: ratesOf(0),
    exposures: levels.map(([exposures], index) => ({ exposures, ...ratesOf(1 + index) })),
    relations: relations.map(([relation], index) => ({ relation, ...ratesOf(1 + levels.length + index) })),
    calibration: judged,
    errorByBits,
    knowledge:
      knowledge.length === 0
        ? null
        : {
            overall: knowledge[0],
            bitsPerParameter:
              parameters === null
                ? { value: null, low: null, high: null }
                : shared(control > 0 ? knowledge[0].corrected : knowledge[0].unfloored, parameters),
            control,
          },
    interval: { level: 0.95, resamples: STRATIFIED_RESAMPLES },
    notes: unmet([
      ...factsNeeds(facts, seed),
      // What the answers make of them, nobody knows before.
      ...(units.size < FEWEST_UNITS ? [] : [groupsNeed("facts.errorByBits.interval", "subject", spent)]),
    ]).map(({ reason }) => reason),
  };
}

const isControl = ({ exposures }: Pick<Cell, "exposures">): boolean => exposures === 0;

/** Those that training told of, of which relations and knowledge are made; all where it told of none. */
function pooled<T extends Pick<Cell, "exposures">>(all: readonly T[]): readonly T[] {
  const seen = all.filter((one) => !isControl(one));
  return seen.length > 0 ? seen : all;
}

const shared = ({ value, low, high }: Estimate, among: number): Estimate => ({
  value: value && value / among,
  low: low && low / among,
  high: high && high / among,
});

/** What knowledge bits, their correction and intervals take of the facts that are asked for. */
export function factsNeeds(
  facts: readonly Pick<Fact, "subject" | "relation" | "exposures" | "priorBits">[],
  seed: number,
): Need[] {
  const priors = facts.filter(({ priorBits }) => priorBits !== null).length;
  const control = facts.filter(({ exposures }) => exposures === 0).length;
  const subjects = new Set(facts.map(({ subject }) => subject)).size;
  const interval: Need = {
    figure: "facts.interval",
    have: subjects,
    needs: FEWEST_UNITS,
    bound: "least",
    unit: "subject",
    reason: `no intervals: ${subjects} subjects, ${FEWEST_UNITS} are needed`,
    remedy: { kind: "said", text: `facts about ${FEWEST_UNITS - subjects} more subjects` },
  };
  return [
    {
      figure: "facts.knowledge",
      have: priors,
      needs: facts.length,
      bound: "least",
      unit: "fact with priorBits",
      reason: "no knowledge bits: not every fact has priorBits",
      remedy: { kind: "said", text: `priorBits for ${count(facts.length - priors)} more facts` },
    },
    ...(priors === facts.length
      ? [
          {
            figure: "facts.knowledge.overall.corrected",
            have: control,
            needs: 1,
            bound: "least",
            unit: "never-seen fact",
            reason:
              "knowledge bits are not corrected: the file has no never-seen facts (exposures 0) to hold them against",
            remedy: { kind: "said", text: "facts that training never told, with exposures 0" },
          } as const,
        ]
      : []),
    interval,
    ...(isMet(interval) ? groupNeeds(facts, seed) : []),
  ];
}

/** Of each subject its place, and its stratum: how often training told of it where it is first met. */
function subjectsOf(facts: readonly Pick<Fact, "subject" | "exposures">[]) {
  const units = new Map<string, number>();
  const strata: (number | null)[] = [];
  for (const { subject, exposures } of facts) {
    if (units.has(subject)) continue;
    units.set(subject, units.size);
    strata.push(exposures);
  }
  return { units, strata };
}

type Grouped = Pick<Fact, "subject" | "exposures" | "relation">;

/** Of groups by exposures and by relation: a subject may be drawn, and a relation's few not once. */
function groupNeeds(facts: readonly Grouped[], seed: number): Need[] {
  const { units, strata } = subjectsOf(facts);
  const by = (own: readonly Grouped[], nameOf: (fact: Grouped) => string) =>
    [...groupBy(own, nameOf)].map(([name, all]) => ({
      name,
      members: [...new Set(all.map(({ subject }) => units.get(subject)!))],
    }));
  const told = ({ exposures }: Pick<Fact, "exposures">): number => exposures ?? -1;
  const rising = [...facts].sort((a, b) => told(a) - told(b));
  const exposures = by(rising, (fact) => (fact.exposures === null ? "unknown" : count(fact.exposures)));
  const relations = by(pooled(facts), ({ relation }) => relation);
  const doubtful = [...exposures, ...relations].filter(
    ({ members }) => members.length >= FEWEST_UNITS && members.length < SURELY_DRAWN,
  );
  const isDrawn = (times: Float64Array): number[] =>
    doubtful.map(({ members }) => (members.some((unit) => times[unit] > 0) ? 1 : Number.NaN));
  const drawn = doubtful.length === 0 ? [] : stratifiedBootstrap(strata, isDrawn, { seed });
  const missed = new Set(doubtful.filter((_, index) => drawn[index].low === null));
  const need = (figure: string, groups: typeof doubtful): Need =>
    groupsNeed(
      figure,
      "subject",
      groups.map((group) => [group.name, group.members.length, missed.has(group)]),
    );
  return [need("facts.exposures.interval", exposures), need("facts.relations.interval", relations)];
}

/** Cells in the order in which they are first met, and the cell of every fact. */
function cellsOf(facts: readonly Fact[]): { readonly cells: readonly Cell[]; readonly cellOf: readonly Cell[] } {
  const found = new Map<string, Cell>();
  const cellOf = facts.map(({ exposures, relation }) => {
    const key = JSON.stringify([exposures, relation]);
    const cell = found.get(key) ?? { place: found.size, exposures, relation };
    found.set(key, cell);
    return cell;
  });
  return { cells: [...found.values()], cellOf };
}

function rowOf({ weight, priorBits }: Fact, unit: number, cell: number, prompts: readonly Answered[]): Row {
  const over = (of: (one: Answered) => number): number =>
    prompts.reduce((sum, one) => sum + of(one), 0) / prompts.length;
  const share = (verdict: Verdict): number => over((one) => Number(one.verdict === verdict));
  const codeBits = over((one) => one.codeBits);
  const bits = (priorBits ?? Number.NaN) - codeBits;
  const values: Record<Measure, number> = {
    exact: share("exact"),
    confusion: share("confusion"),
    offType: share("offType"),
    choice: over(({ chosen }) => Number(chosen)),
    confidence: over(({ confidence }) => confidence),
    probability: over(({ probability }) => probability),
    reciprocalRank: over(({ rank }) => 1 / rank),
    codeBits,
    bits,
    flooredBits: Math.max(0, bits),
    priorBits: priorBits ?? Number.NaN,
  };
  return { weight, unit, cell, values: Float64Array.from(MEASURES, (measure) => values[measure]) };
}

/** Sums of every cell, subjects counted so many times. */
function sumsOf(rows: readonly Row[], cells: number, times: Float64Array): Sums[] {
  const sums = Array.from({ length: cells }, noSums);
  for (const { weight, unit, cell, values } of rows) {
    const own = weight * times[unit];
    if (own === 0) continue;
    const sum = sums[cell];
    sum.weight += own;
    for (let m = 0; m < values.length; m++) sum.values[m] += own * values[m];
  }
  return sums;
}

function joined(cells: readonly Cell[], sums: readonly Sums[]): Sums {
  const all = noSums();
  for (const { place } of cells) {
    const { weight, values } = sums[place];
    all.weight += weight;
    for (let m = 0; m < values.length; m++) all.values[m] += values[m];
  }
  return all;
}

const means = ({ weight, values }: Sums): number[] => Array.from(TOLD, (_, measure) => values[measure] / weight);

/** Mean floored bits of never-seen facts: of a relation, and of all for a relation that has none. */
function floorsOf(cells: readonly Cell[], sums: readonly Sums[]): (relation: string) => number {
  const meanOf = (own: readonly Cell[]): number => {
    const { weight, values } = joined(own, sums);
    return values[FLOORED] / weight;
  };
  const control = cells.filter((cell) => isControl(cell) && sums[cell.place].weight > 0);
  const floors = new Map(control.map((cell) => [cell.relation, meanOf([cell])]));
  const all = meanOf(control);
  return (relation) => floors.get(relation) ?? all;
}

/** Mean bits a fact, unfloored and corrected, and the corrected ones by the prior's. */
function knowledgeMeans(
  cells: readonly Cell[],
  sums: readonly Sums[],
  floors: ((relation: string) => number) | null,
): number[] {
  const { weight, values } = joined(cells, sums);
  const credited = floors
    ? cells.reduce((sum, { place, relation }) => sum + sums[place].weight * floors(relation), 0)
    : Number.NaN;
  const corrected = values[FLOORED] - credited;
  return [values[BITS] / weight, corrected / weight, corrected / values[PRIOR]];
}

/** Facts by the bits spent on them, a bit a bin. */
function bitBins(rows: readonly Row[]): { from: number | null; rows: Row[] }[] {
  const bins = groupBy(rows, ({ values }) => Math.max(-1, Math.floor(values[BITS])));
  return [...bins].sort(([a], [b]) => a - b).map(([from, own]) => ({ from: from < 0 ? null : from, rows: own }));
}

const bitsText = (from: number | null): string => (from === null ? "below 0 bits" : `${from} to ${from + 1} bits`);

function errorOf(rows: readonly Row[], times: Float64Array): number {
  let [wrong, total] = [0, 0];
  for (const { weight, unit, values } of rows) {
    wrong += weight * times[unit] * (1 - values[EXACT]);
    total += weight * times[unit];
  }
  return wrong / total;
}

interface Question {
  readonly unit: number;
  readonly weight: number;
  readonly confidence: number;
  readonly bin: number;
  readonly exact: number;
  readonly choice: number;
}

const JUDGED = ["exact", "choice"] as const;

/** Confidence against being right, over questions; those of a fact share its weight. */
class Calibration {
  /** by rising confidence */
  readonly #questions: readonly Question[];
  readonly #shares = new Float64Array(BINS);

  constructor(rows: readonly Row[], answered: readonly Answered[]) {
    const prompts = groupBy(answered, ({ fact }) => fact);
    this.#questions = answered
      .map(({ fact, confidence, verdict, chosen }) => ({
        unit: rows[fact].unit,
        weight: rows[fact].weight / prompts.get(fact)!.length,
        confidence,
        bin: Math.min(BINS - 1, Math.floor(confidence * BINS)),
        exact: Number(verdict === "exact"),
        choice: Number(chosen),
      }))
      .sort((a, b) => a.confidence - b.confidence);
    const total = this.#questions.reduce((sum, { weight }) => sum + weight, 0);
    for (const { bin, weight } of this.#questions) this.#shares[bin] += weight / total;
  }

  /** Calibration errors and areas, then confidence, exact and choice of every bin. */
  figures(times: Float64Array): number[] {
    const weights = new Float64Array(BINS);
    const confidence = new Float64Array(BINS);
    const right = { exact: new Float64Array(BINS), choice: new Float64Array(BINS) };
    for (const question of this.#questions) {
      const weight = question.weight * times[question.unit];
      weights[question.bin] += weight;
      confidence[question.bin] += weight * question.confidence;
      for (const judged of JUDGED) right[judged][question.bin] += weight * question[judged];
    }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const bins = [...weights.keys()];
    return [
      ...JUDGED.flatMap((judged) => [
        bins.reduce((sum, bin) => sum + Math.abs(right[judged][bin] - confidence[bin]), 0) / total,
        this.#area(judged, times),
      ]),
      ...bins.flatMap((bin) => [confidence, right.exact, right.choice].map((sums) => sums[bin] / weights[bin])),
    ];
  }

  /** Weighted probability that a right answer has the higher confidence, ties half. */
  #area(judged: (typeof JUDGED)[number], times: Float64Array): number {
    const questions = this.#questions;
    let [wins, rights, wrongs] = [0, 0, 0];
    for (let start = 0; start < questions.length; ) {
      let [right, wrong] = [0, 0];
      let end = start;
      // A confidence that is no number equals nothing, itself neither: the first of a tie is always taken.
      for (
        ;
        end < questions.length && (end === start || questions[end].confidence === questions[start].confidence);
        end++
      ) {
        const weight = questions[end].weight * times[questions[end].unit];
        right += weight * questions[end][judged];
        wrong += weight * (1 - questions[end][judged]);
      }
      wins += right * (wrongs + wrong / 2);
      rights += right;
      wrongs += wrong;
      start = end;
    }
    return wins / (rights * wrongs);
  }

  /** The section, from estimates in the order of `figures`. */
  taken(take: () => Estimate): Facts["calibration"] {
    const judgement = () => ({ calibrationError: take(), auroc: take() });
    const [exact, choice] = [judgement(), judgement()];
    const bins = Array.from(this.#shares, (share, bin) => ({
      from: bin / BINS,
      share,
      confidence: take().value,
      exact: take(),
      choice: take(),
    }));
    return { exact, choice, bins };
  }
}
