/**
 * What a model makes of completions that were chosen and rejected (METHODS §2.3 Preference information): one pass over the
 * pairs beside the measured text, of which code lengths and sums of soft assignments are kept, then the figures.
 *
 * Memory: 16·n·m bytes a layer for n pairs and m reference points.
 */
import { setImmediate } from "node:timers/promises";
import { batchesFor, readBatches } from "../../engines/score.ts";
import { toFixed } from "../../info/assignment.ts";
import { type AgainstChance, againstChance, SHUFFLES } from "../../info/concepts/chance.ts";
import {
  type CompletionSums,
  evaluatedTokens,
  type PreferenceInformation,
  preferenceInformation,
  type Swaps,
  swapsOf,
  type UnderSwaps,
} from "../../info/preference.ts";
import { splitUnits } from "../../info/split.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { bootstrapSums, type Estimate, percentileInterval } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import type { RunContext } from "../../ports/context.ts";
import { eachLoss } from "../../ports/losses.ts";
import type { Model } from "../../ports/model.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Preference } from "../../profile/preference.ts";
import { describeBatch, longestOf } from "../../text/windows.ts";
import type { Prepared } from "../prepare.ts";
import type { PlanePoints } from "../preparing/points.ts";
import { PAIR_FIGURES, PAIRS } from "../stages.ts";
import type { PairCorpus } from "./corpus.ts";
import { pairNeeds } from "./needs.ts";

/** Of a 95 % interval, what is left out on one side. */
const TAIL = 0.025;

/**
 * What a measurement's pairs come to.
 * @returns null where none are asked for, or there are too few
 * @throws LossyscopeError as `Engine.run`; `interrupted`
 */
export async function preferenceOf(
  request: RunContext & { readonly model: Model },
  { subject: { plan }, pairs: corpus, points }: Prepared,
): Promise<Preference | null> {
  if (!corpus) return null;
  const missing = unmet(pairNeeds(corpus.set, request.model.can, points !== null)).map(({ figure }) => figure);
  if (missing.includes("preference")) return null;
  const { batchTokens, preNorm, seed } = plan;
  const seen = missing.length === 0 ? points : null;
  return measurePairs({ ...request, corpus, points: seen, batchTokens, preNorm, seed });
}

export interface PairsRequest extends RunContext {
  readonly model: Model;
  readonly corpus: PairCorpus;
  /** null: code lengths alone */
  readonly points: PlanePoints | null;
  readonly batchTokens: number;
  readonly preNorm: boolean;
  readonly seed: number;
}

async function measurePairs(request: PairsRequest): Promise<Preference> {
  const { corpus, points, seed, model } = request;
  const { set, completions } = corpus;
  const { nats, layers } = await readCompletions(request);
  const swaps = swapsOf(set.pairs.length, (draw) => random(seed, "preference swaps", draw).uniform);
  const code = codeFigures(corpus, nats, swaps, seed);
  const information = points && (await informationOf(request, points, layers, swaps));
  await model.refuseChanges();
  return {
    source: { name: set.name, digest: set.digest },
    pairs: set.pairs.length,
    total: set.total,
    ...code,
    information,
    notes: notesOf(corpus, sideOf(completions, "tokens")),
  };
}

/** [2][n] of the chosen completions, and of the rejected ones. */
const sideOf = (
  completions: PairCorpus["completions"],
  what: "tokens" | "bytes" | "repairBits",
): [Float64Array, Float64Array] => [
  alternate(
    completions.map((one) => one[what]),
    0,
  ),
  alternate(
    completions.map((one) => one[what]),
    1,
  ),
];

const alternate = (values: ArrayLike<number>, side: 0 | 1): Float64Array =>
  Float64Array.from({ length: values.length / 2 }, (_, pair) => values[2 * pair + side]);

interface Read {
  /** [completions] */
  readonly nats: Float64Array;
  /** of layers 0..L; none without points */
  readonly layers: readonly CompletionSums[];
}

async function readCompletions({
  model,
  corpus,
  points,
  batchTokens,
  preNorm,
  progress,
  ...context
}: PairsRequest): Promise<Read> {
  const { completions, windows } = corpus;
  const batches = batchesFor(model, windows, batchTokens);
  const nats = new Float64Array(completions.length);
  // A first token that nothing comes before.
  const unseen = new Set(
    windows.filter(({ prefixSlots, fresh }) => prefixSlots === 0 && fresh === 0).map((one) => one.document),
  );
  for (const document of unseen) nats[document] += Math.log(model.vocabulary);
  const assigned: [Float64Array, Float64Array][] = [];
  const tokens = sideOf(completions, "tokens");
  progress.start(PAIRS, windows.length, "windows");
  await readBatches(
    {
      ...context,
      model,
      batches,
      longest: longestOf(batches),
      describe: (batch) => describeBatch(batch, completions),
      onWindows: (done) => progress.update(done),
    },
    {
      heads: {
        losses: true,
        preNorm,
        ...(points && { assignments: firstDraw(points) }),
      },
    },
    (observation) => {
      eachLoss(observation, completions, ({ document }, token, own) => {
        if (token >= completions[document].from) nats[document] += own;
      });
      if (!points) return;
      const { assignments } = observation;
      if (!assignments) throw new Error("the engine gave no soft assignments");
      const n = completions.length / 2;
      if (assigned.length === 0)
        for (const _ of assignments) assigned.push([new Float64Array(n * points.m), new Float64Array(n * points.m)]);
      for (const [layer, values] of assignments.entries()) addRows(assigned[layer], values, observation, corpus);
    },
  );
  progress.finish();
  return { nats, layers: assigned.map((own) => ({ m: points!.m, tokens, assigned: own })) };
}

/** The headline's reference points: further draws say how much another choice would move the plane's figures. */
function firstDraw({ points, m, draws, temperature: { epsilon } }: PlanePoints) {
  return { points: points.subarray(0, points.length / draws), m, draws: 1, epsilon };
}

/** Adds a layer's assignments to the sums of their completions. */
function addRows(
  to: readonly [Float64Array, Float64Array],
  values: Float32Array,
  { batch, rows }: Observation,
  { completions }: PairCorpus,
): void {
  const m = values.length / rows;
  const fixed = new Uint32Array(values.length);
  toFixed(values, fixed);
  let row = 0;
  for (const { document, ids, fresh, start, prefixSlots } of batch.windows) {
    const sums = to[document % 2];
    const at = Math.floor(document / 2) * m;
    for (let slot = fresh; slot < ids.length; slot++, row++) {
      if (slot < prefixSlots || start + slot - prefixSlots < completions[document].from) continue;
      for (let b = 0; b < m; b++) sums[at + b] += fixed[row * m + b];
    }
  }
}

/** What completions cost, and which of two costs less. */
function codeFigures(
  { completions }: PairCorpus,
  nats: Float64Array,
  swaps: Swaps,
  seed: number,
): Omit<Preference, "source" | "pairs" | "total" | "information" | "notes"> {
  const repairs = sideOf(completions, "repairBits");
  const [chosenBits, rejectedBits] = ([0, 1] as const).map((side) =>
    alternate(nats, side).map((own, pair) => own / Math.LN2 + repairs[side][pair]),
  );
  const [chosenBytes, rejectedBytes] = sideOf(completions, "bytes");
  const tokens = sideOf(completions, "tokens").map((own) => sum(own));
  const columns = [chosenBits, chosenBytes, rejectedBits, rejectedBytes];
  const drawn = bootstrapSums(columns, { seed });
  const totals = columns.map((column) => sum(column));
  const estimate = (figure: (sums: readonly number[]) => number): Estimate =>
    percentileInterval(
      figure(totals),
      drawn[0].map((_, r) => figure(drawn.map((one) => one[r]))),
    );
  const under = (swap: Uint8Array): number => {
    const sums = [0, 0, 0, 0];
    for (const [pair, swapped] of swap.entries()) {
      const [own, other] = swapped ? [2, 0] : [0, 2];
      sums[own] += chosenBits[pair];
      sums[own + 1] += chosenBytes[pair];
      sums[other] += rejectedBits[pair];
      sums[other + 1] += rejectedBytes[pair];
    }
    return sums[0] / sums[1] - sums[2] / sums[3];
  };
  const [, ...others] = swaps;
  const side = (bits: number, bytes: number, count: number) => ({
    tokens: count,
    bytes: totals[bytes],
    bitsPerByte: estimate((sums) => sums[bits] / sums[bytes]),
  });
  const perByte = chosenBits.map((bits, pair) => bits / chosenBytes[pair] - rejectedBits[pair] / rejectedBytes[pair]);
  return {
    chosen: side(0, 1, tokens[0]),
    rejected: side(2, 3, tokens[1]),
    difference: estimate((sums) => sums[0] / sums[1] - sums[2] / sums[3]),
    differenceChance: againstChance(under(swaps[0]), Float64Array.from(others, under), "less"),
    cheaper: cheaperOf(perByte, swaps, seed),
    cheaperInTotal: cheaperOf(
      chosenBits.map((bits, pair) => bits - rejectedBits[pair]),
      swaps,
      seed,
    ),
  };
}

/** @param more [n] by which the chosen completion costs more */
function cheaperOf(more: Float64Array, swaps: Swaps, seed: number): Preference["cheaper"] {
  const wins = more.map((by) => (by < 0 ? 1 : by > 0 ? 0 : 0.5));
  const value = mean(wins);
  const under = (swap: Uint8Array): number => mean(wins.map((win, pair) => (swap[pair] ? 1 - win : win)));
  const [, ...others] = swaps;
  const chance = againstChance(value, Float64Array.from(others, under));
  // Where all pairs agree resampling sees no spread: Clopper & Pearson's interval.
  const spread = 1 - TAIL ** (1 / wins.length);
  if (value === 0) return { share: { value, low: 0, high: spread }, chance };
  if (value === 1) return { share: { value, low: 1 - spread, high: 1 }, chance };
  const [sums] = bootstrapSums([wins], { seed });
  return {
    share: percentileInterval(
      value,
      sums.map((total) => total / wins.length),
    ),
    chance,
  };
}

async function informationOf(
  { corpus: { set }, seed, progress, signal }: PairsRequest,
  { m, temperature: { epsilon } }: PlanePoints,
  sums: readonly CompletionSums[],
  swaps: Swaps,
): Promise<NonNullable<Preference["information"]>> {
  const split = splitUnits(
    set.pairs.map(() => ""),
    seed,
  );
  const found: PreferenceInformation[] = [];
  progress.start(PAIR_FIGURES, sums.length, "layers");
  for (const own of sums) {
    await setImmediate();
    if (signal?.aborted)
      throw new LossyscopeError("interrupted", `stopped after ${found.length} of ${sums.length} layers of the pairs`);
    found.push(preferenceInformation(own, split, swaps));
    progress.update(found.length);
  }
  progress.finish();
  const lnM = Math.log(m);
  const positions = evaluatedTokens(sums[0], split);
  const blocks = found.slice(1);
  // of layers 0..L, then of the mean over blocks
  const gains = [
    ...found.map((one) => one.gains),
    positions.map((_, pair) => mean(blocks.map((one) => one.gains[pair]))),
  ];
  const [tokens, ...drawn] = bootstrapSums([positions, ...gains], { seed });
  const heldOut = gains.map((own, place) =>
    percentileInterval(
      sum(own) / sum(positions) / lnM,
      drawn[place].map((total, r) => total / tokens[r] / lnM),
    ),
  );
  const overBlocks = (of: (one: PreferenceInformation) => number): number => mean(blocks.map(of));
  const meanAgainst = (of: (one: PreferenceInformation) => UnderSwaps): AgainstChance =>
    againstChance(
      overBlocks((one) => of(one).value),
      Float64Array.from({ length: SHUFFLES }, (_, draw) => overBlocks((one) => of(one).shuffled[draw])),
    );
  return {
    referencePoints: m,
    lnM,
    epsilon,
    fitted: split.fitted,
    evaluated: split.evaluated,
    layers: found.map(({ entropy, plugin, heldOut: against, kappa, shift }, layer) => ({
      layer,
      entropy,
      heldOut: heldOut[layer],
      heldOutChance: againstChance(against.value, against.shuffled),
      plugin: againstChance(plugin.value, plugin.shuffled),
      kappa: [...kappa],
      shift,
    })),
    summary: {
      heldOut: heldOut[found.length],
      heldOutChance: meanAgainst((one) => one.heldOut),
      plugin: meanAgainst((one) => one.plugin),
    },
  };
}

function notesOf({ set, joined }: PairCorpus, [chosen, rejected]: readonly Float64Array[]): string[] {
  const { pairs, total, repeated, equal } = set;
  const kept = total - repeated - equal;
  const longer = sum(chosen) / sum(rejected);
  return [
    ...(repeated > 0
      ? [`${counted(repeated, "pair")} came twice and ${repeated === 1 ? "counts" : "count"} once`]
      : []),
    ...(equal > 0 ? [`${counted(equal, "pair")} of two equal completions ${equal === 1 ? "is" : "are"} left out`] : []),
    ...(pairs.length < kept ? [`${count(pairs.length)} of ${counted(kept, "pair")}, drawn by the seed`] : []),
    ...(joined > 0
      ? [
          `in ${counted(joined, "pair")} a completion changes the prompt's last tokens: both are charged from the last one on that they share`,
        ]
      : []),
    ...(longer > 1.1 || longer < 1 / 1.1
      ? [
          `chosen completions are ${longer > 1 ? "longer" : "shorter"} than rejected ones (${count(sum(chosen))} tokens to ${count(sum(rejected))}): part of what layers tell apart may be that`,
        ]
      : []),
  ];
}
