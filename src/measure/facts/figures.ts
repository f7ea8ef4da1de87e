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
import type { Estimate } from "../../numeric/bootstrap.ts";
import { groupBy } from "../../numeric/groups.ts";
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
  /** of the model */
  readonly parameters: number;
  /** by relation, the probability that its commonest value is right */
  readonly commonest: (relation: string) => number;
  readonly seed: number;
}

/** Fewer subjects than this have no interval (METHODS §0). */
const LEAST_SUBJECTS = 10;
const BINS = 10;

/** Means over the facts of a group, in this order. */
const MEASURES = [
  "exact",
  "confusion",
  "offType",
  "choice",
  "confidence",
  "probability",
  "reciprocalRank",
  "codeBits",
] as const;
type Measure = (typeof MEASURES)[number];

interface Row extends Readonly<Record<Measure, number>> {
  readonly fact: Fact;
  /** place of its subject */
  readonly unit: number;
  /** prior less code length; NaN without a prior */
  readonly bits: number;
}

/** Facts that figures are taken over together. */
interface Group {
  readonly rows: readonly Row[];
  readonly subjects: number;
}

/**
 * @param answered at least one for every fact
 */
export function factFigures(
  facts: readonly Fact[],
  answered: readonly Answered[],
  { parameters, commonest, seed }: FactFiguresOptions,
): FactFigures {
  const units = new Map<string, number>();
  const strata: (number | null)[] = [];
  for (const { subject, exposures } of facts) {
    if (units.has(subject)) continue;
    units.set(subject, units.size);
    strata.push(exposures);
  }
  const byFact = groupBy(answered, ({ fact }) => fact);
  const rows = facts.map((fact, index) => rowOf(fact, units.get(fact.subject)!, byFact.get(index)!));
  const seen = rows.filter(({ fact }) => fact.exposures !== 0);
  const pool = seen.length > 0 ? seen : rows;
  const control = rows.filter(({ fact }) => fact.exposures === 0);
  const hasPriors = rows.every(({ bits }) => Number.isFinite(bits));

  const group = (own: readonly Row[]): Group => ({ rows: own, subjects: new Set(own.map(({ unit }) => unit)).size });
  const levels = [...groupBy(rows, ({ fact }) => fact.exposures)].sort(([a], [b]) => (a ?? -1) - (b ?? -1));
  const relations = [...groupBy(pool, ({ fact }) => fact.relation)];
  const groups = [rows, ...levels.map(([, own]) => own), ...relations.map(([, own]) => own)].map(group);
  /** groups of facts whose knowledge is asked for: those above, and the seen ones together */
  const known = hasPriors ? [group(pool), ...groups] : [];
  const calibration = new Calibration(rows, answered);
  const bits = hasPriors ? bitBins(rows) : [];

  const estimates = stratifiedBootstrap(
    strata,
    (times) => {
      const floors = control.length > 0 ? controlOf(control, times) : null;
      return [
        ...groups.flatMap(({ rows: own }) => means(own, times)),
        ...known.flatMap(({ rows: own }) => knowledgeMeans(own, times, floors)),
        ...calibration.figures(times),
        ...bits.map(({ rows: own }) => means(own, times, ["exact"])[0]),
      ];
    },
    { seed },
  );
  let next = 0;
  const take = (subjects: number, scale = 1, offset = 0): Estimate => {
    const { value, low, high } = estimates[next++];
    const of = (one: number | null): number | null => (one === null ? null : one * scale + offset);
    return subjects < LEAST_SUBJECTS
      ? { value: of(value), low: null, high: null }
      : { value: of(value), low: of(scale < 0 ? high : low), high: of(scale < 0 ? low : high) };
  };
  const rates = groups.map(({ subjects }) => ofMeasures(() => take(subjects)));
  const knowledge = known.map(({ rows: own, subjects }): Knowledge => {
    const total = weightOf(own);
    const prior = weighted(own, ({ fact }) => fact.priorBits!);
    return {
      priorBits: prior,
      unfloored: take(subjects, total),
      corrected: take(subjects, total),
      share: take(subjects),
    };
  });
  const ratesOf = (index: number): FactRates => ({
    facts: groups[index].rows.length,
    total: Math.round(weightOf(groups[index].rows)),
    subjects: groups[index].subjects,
    ...rates[index],
    guess: weighted(groups[index].rows, ({ fact }) => commonest(fact.relation)) / weightOf(groups[index].rows),
    knowledge: knowledge.length > 0 ? knowledge[index + 1] : null,
  });
  const judged = calibration.taken(() => take(units.size));
  const perParameter = (bits: Estimate): Estimate => ({
    value: bits.value === null ? null : bits.value / parameters,
    low: bits.low === null ? null : bits.low / parameters,
    high: bits.high === null ? null : bits.high / parameters,
  });
  return {
    questions: answered.length,
    overall: ratesOf(0),
    exposures: levels.map(([exposures], index) => ({ exposures, ...ratesOf(1 + index) })),
    relations: relations.map(([relation], index) => ({ relation, ...ratesOf(1 + levels.length + index) })),
    calibration: judged,
    errorByBits: bits.map(({ from, rows: own }) => ({
      from,
      facts: own.length,
      error: take(group(own).subjects, -1, 1),
    })),
    knowledge:
      knowledge.length === 0
        ? null
        : {
            overall: knowledge[0],
            bitsPerParameter: perParameter(control.length > 0 ? knowledge[0].corrected : knowledge[0].unfloored),
            control: control.length,
          },
    interval: { level: 0.95, resamples: STRATIFIED_RESAMPLES },
    notes: notesOf(hasPriors, control.length, units.size),
  };
}

function notesOf(hasPriors: boolean, control: number, subjects: number): string[] {
  return [
    ...(hasPriors ? [] : ["no knowledge bits: not every fact has priorBits"]),
    ...(hasPriors && control === 0
      ? ["knowledge bits are not corrected: the file has no never-seen facts (exposures 0) to hold them against"]
      : []),
    ...(subjects < LEAST_SUBJECTS ? [`no intervals: ${subjects} subjects, ${LEAST_SUBJECTS} are needed`] : []),
  ];
}

function rowOf(fact: Fact, unit: number, prompts: readonly Answered[]): Row {
  const over = (of: (one: Answered) => number): number =>
    prompts.reduce((sum, one) => sum + of(one), 0) / prompts.length;
  const share = (verdict: Verdict): number => over((one) => Number(one.verdict === verdict));
  const codeBits = over((one) => one.codeBits);
  return {
    fact,
    unit,
    exact: share("exact"),
    confusion: share("confusion"),
    offType: share("offType"),
    choice: over(({ chosen }) => Number(chosen)),
    confidence: over(({ confidence }) => confidence),
    probability: over(({ probability }) => probability),
    reciprocalRank: over(({ rank }) => 1 / rank),
    codeBits,
    bits: fact.priorBits === null ? Number.NaN : fact.priorBits - codeBits,
  };
}

const weighted = (rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + row.fact.weight * of(row), 0);
const weightOf = (rows: readonly Row[]): number => weighted(rows, () => 1);

const ofMeasures = (estimate: () => Estimate) =>
  Object.fromEntries(MEASURES.map((measure) => [measure, estimate()])) as Record<Measure, Estimate>;

/** Weighted means over the rows, their subjects counted so many times. */
function means(rows: readonly Row[], times: Float64Array, measures: readonly Measure[] = MEASURES): number[] {
  const sums = new Float64Array(measures.length);
  let total = 0;
  for (const row of rows) {
    const weight = row.fact.weight * times[row.unit];
    if (weight === 0) continue;
    total += weight;
    for (let m = 0; m < measures.length; m++) sums[m] += weight * row[measures[m]];
  }
  return Array.from(sums, (sum) => sum / total);
}

/** Mean of floored bits over never-seen facts: of a relation, and of all for a relation that has none. */
type Floors = (relation: string) => number;

function controlOf(control: readonly Row[], times: Float64Array): Floors {
  const sums = new Map<string, { bits: number; weight: number }>();
  const all = { bits: 0, weight: 0 };
  for (const { fact, unit, bits } of control) {
    const weight = fact.weight * times[unit];
    if (weight === 0) continue;
    const own = sums.get(fact.relation) ?? { bits: 0, weight: 0 };
    sums.set(fact.relation, own);
    for (const sum of [own, all]) {
      sum.bits += weight * Math.max(0, bits);
      sum.weight += weight;
    }
  }
  return (relation) => {
    const { bits, weight } = sums.get(relation) ?? all;
    return bits / weight;
  };
}

/** Mean bits a fact, unfloored and corrected, and the corrected ones by the prior's. */
function knowledgeMeans(rows: readonly Row[], times: Float64Array, floors: Floors | null): number[] {
  let [total, unfloored, corrected, prior] = [0, 0, 0, 0];
  for (const { fact, unit, bits } of rows) {
    const weight = fact.weight * times[unit];
    if (weight === 0) continue;
    total += weight;
    unfloored += weight * bits;
    corrected += weight * (Math.max(0, bits) - (floors?.(fact.relation) ?? Number.NaN));
    prior += weight * fact.priorBits!;
  }
  return [unfloored / total, corrected / total, corrected / prior];
}

/** Facts by the bits spent on them, a bit a bin. */
function bitBins(rows: readonly Row[]): { from: number | null; rows: Row[] }[] {
  const bins = groupBy(rows, ({ bits }) => Math.max(-1, Math.floor(bits)));
  return [...bins].sort(([a], [b]) => a - b).map(([from, own]) => ({ from: from < 0 ? null : from, rows: own }));
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
        weight: rows[fact].fact.weight / prompts.get(fact)!.length,
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
      for (; end < questions.length && questions[end].confidence === questions[start].confidence; end++) {
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
