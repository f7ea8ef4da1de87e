/**
 * Top-1 accuracy and calibration of the next token (METHODS §1.5): whether the token that the model holds for likeliest is the
 * text's, and how probable the model finds it. Kept by place, so that what shards have seen comes together exactly.
 *
 * Memory: 5 bytes a token; at the end 8·32·(units + resamples) more, of the whole text and of one domain at a time.
 */
import { bootstrapSums, percentileInterval } from "../../numeric/bootstrap.ts";
import { sum } from "../../numeric/sums.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Interval } from "../../profile/figures.ts";
import type { NextToken, NextTokenFigures } from "../../profile/next-token.ts";
import type { TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import { noIntervalReason, type Units } from "../../text/units.ts";

const BINS = 10;
/** Sums of a unit: by bin tokens, hits and probabilities. */
const COLUMNS = 3 * BINS;
const LEVEL = 0.95;

/** What is known of a token. */
const [NOTHING, MISS, HIT] = [0, 1, 2];

export interface NextTokenSnapshot {
  /** [N] nats of the likeliest token where one was seen */
  readonly nats: Float32Array;
  /** [N] */
  readonly seen: Uint8Array;
}

export class NextTokenProbe {
  readonly #documents: readonly TokenizedDocument[];
  /** where each document's tokens begin; the last entry is N */
  readonly #offsets: Float64Array;
  readonly #nats: Float32Array;
  readonly #seen: Uint8Array;

  constructor(documents: readonly TokenizedDocument[]) {
    this.#documents = documents;
    this.#offsets = new Float64Array(documents.length + 1);
    for (const [i, { ids }] of documents.entries()) this.#offsets[i + 1] = this.#offsets[i] + ids.length;
    this.#nats = new Float32Array(this.#offsets[documents.length]);
    this.#seen = new Uint8Array(this.#nats.length);
  }

  /** All rows of a batch. */
  static rows({ windows }: WindowBatch): Int32Array {
    const count = windows.reduce((total, { ids, fresh }) => total + ids.length - fresh, 0);
    return Int32Array.from({ length: count }, (_, row) => row);
  }

  observe({ batch, likeliest }: Observation): void {
    if (!likeliest) throw new Error("the engine gave no likeliest tokens");
    let at = 0;
    let first = 0;
    for (const { document, ids, fresh, start, prefixSlots } of batch.windows) {
      const end = first + ids.length - fresh;
      for (; at < likeliest.rows.length && likeliest.rows[at] < end; at++) {
        const slot = fresh + likeliest.rows[at] - first;
        const token = start + slot - prefixSlots;
        if (token < 0) continue;
        const place = this.#offsets[document] + token;
        this.#nats[place] = likeliest.nats[at * likeliest.count];
        this.#seen[place] = likeliest.tokens[at * likeliest.count] === ids[slot] ? HIT : MISS;
      }
      first = end;
    }
  }

  snapshot(): NextTokenSnapshot {
    return { nats: this.#nats.slice(), seen: this.#seen.slice() };
  }

  /** Adds what another one of the same corpus has seen of other tokens. */
  restore({ nats, seen }: NextTokenSnapshot): void {
    if (nats.length !== this.#nats.length || seen.length !== nats.length)
      throw new Error("the probes are of different corpora");
    for (const [place, came] of seen.entries()) {
      if (came === NOTHING) continue;
      this.#nats[place] = nats[place];
      this.#seen[place] = came;
    }
  }

  /** @returns null where no token is predicted */
  finish(units: Units, seed: number): NextToken | null {
    const columns = Array.from({ length: COLUMNS }, () => new Float64Array(units.count));
    for (const { index, ids } of this.#documents) {
      for (let token = 0; token < ids.length; token++) {
        const place = this.#offsets[index] + token;
        if (this.#seen[place] === NOTHING) continue;
        const probability = Math.exp(-this.#nats[place]);
        const bin = binOf(probability);
        const unit = units.unitOf(index, token);
        columns[3 * bin][unit]++;
        columns[3 * bin + 1][unit] += Number(this.#seen[place] === HIT);
        columns[3 * bin + 2][unit] += probability;
      }
    }
    if (tokensIn(columns.map(sum)) === 0) return null;
    const overall = figuresOf(columns, units, seed);
    const names = [...new Set(this.#documents.map(({ domain }) => domain))];
    const ofDomain = (name: string): Float64Array[] => {
      const own = [...units.documentOf.keys()].filter(
        (unit) => this.#documents[units.documentOf[unit]].domain === name,
      );
      return columns.map((column) => Float64Array.from(own, (unit) => column[unit]));
    };
    const domains = names.map((name) => [name, names.length === 1 ? columns : ofDomain(name)] as const);
    return {
      overall,
      domains: Object.fromEntries(
        domains
          .filter(([, own]) => tokensIn(own.map(sum)) > 0)
          .map(([name, own]) => [name, names.length === 1 ? overall : figuresOf(own, units, seed)]),
      ),
      interval: {
        level: LEVEL,
        resamples: resampled(columns, units, seed)?.[0].length ?? 0,
        absent: noIntervalReason(units),
      },
    };
  }
}

/** The tenth that a probability lies in: (0, 0.1], (0.1, 0.2] … */
const binOf = (probability: number): number => Math.min(BINS - 1, Math.max(0, Math.ceil(probability * BINS) - 1));

type Sums = readonly number[];

const overBins = (sums: Sums, which: 0 | 1 | 2): number =>
  sum(Array.from({ length: BINS }, (_, bin) => sums[3 * bin + which]));
const tokensIn = (sums: Sums): number => overBins(sums, 0);
const accuracyOf = (sums: Sums): number => overBins(sums, 1) / tokensIn(sums);
const confidenceOf = (sums: Sums): number => overBins(sums, 2) / tokensIn(sums);
const errorOf = (sums: Sums): number =>
  sum(Array.from({ length: BINS }, (_, bin) => Math.abs(sums[3 * bin + 1] - sums[3 * bin + 2]))) / tokensIn(sums);

function resampled(columns: readonly Float64Array[], units: Units, seed: number): Float64Array[] | null {
  const few = noIntervalReason({ ...units, count: columns[0].length });
  return few === null ? bootstrapSums(columns, { seed }) : null;
}

function figuresOf(columns: readonly Float64Array[], units: Units, seed: number): NextTokenFigures {
  const observed = columns.map(sum);
  const samples = resampled(columns, units, seed);
  const interval = (of: (sums: Sums) => number): Interval => {
    const value = of(observed);
    if (!Number.isFinite(value)) return { value: null, low: null, high: null };
    const drawn = samples === null ? [] : Array.from(samples[0], (_, r) => of(samples.map((column) => column[r])));
    // A resample without a token in a bin has no figure there.
    return drawn.every(Number.isFinite)
      ? percentileInterval(value, Float64Array.from(drawn))
      : { value, low: null, high: null };
  };
  return {
    tokens: tokensIn(observed),
    accuracy: interval(accuracyOf),
    confidence: interval(confidenceOf),
    calibrationError: interval(errorOf),
    bins: Array.from({ length: BINS }, (_, bin) => ({
      tokens: observed[3 * bin],
      confidence: observed[3 * bin] > 0 ? observed[3 * bin + 2] / observed[3 * bin] : null,
      accuracy: interval((sums) => sums[3 * bin + 1] / sums[3 * bin]),
    })),
  };
}
