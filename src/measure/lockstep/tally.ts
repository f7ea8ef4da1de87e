/**
 * What two models said of every token, kept and added up (METHODS §12.1): mean divergence and its kin with percentile
 * intervals over the sampling units, quantiles, all of it and by domain. Places and texts are `places.ts`'s.
 *
 * Memory: 8 bytes a token, whatever the vocabulary; at the end 4 more a token for the quantiles, and
 * 8·6·(units + resamples).
 */
import { count } from "../../numeric/amounts.ts";
import { bootstrapSums, type Estimate, percentileInterval, quantile, RESAMPLES } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { sum } from "../../numeric/sums.ts";
import type { Lockstep, LockstepFigures } from "../../profile/lockstep.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { noIntervalReason, unitsOf } from "../../text/units.ts";

/** Of a mean that cannot be negative; below it is no rounding. */
const ROUNDING_BITS = 1e-7;
/** Tokens that are named. */
const NAMED = 10;

/** What two models said of one token: bits, probabilities, ids. */
export interface Said {
  readonly delta: number;
  readonly probability: number;
  readonly p: number;
  readonly q: number;
  /** null where one of them gives only the loss */
  readonly both: { readonly kl: number; readonly topP: number; readonly topQ: number } | null;
}

/** A token that stands out: none that lost nothing. */
export interface Extreme extends Said {
  readonly document: number;
  readonly token: number;
}

/** Sums of a unit, and what is resampled of them together. */
const COLUMNS = ["kl", "tokens", "delta", "bytes", "agreed", "squares"] as const;
type Column = (typeof COLUMNS)[number];
type Columns = Readonly<Record<Column, Float64Array>>;

const columnsOf = (make: (name: Column, index: number) => Float64Array): Columns =>
  Object.fromEntries(COLUMNS.map((name, index) => [name, make(name, index)])) as Columns;

export type Tallied = Pick<Lockstep, "overall" | "domains" | "interval"> & { readonly extremes: readonly Extreme[] };

export class Tally {
  readonly #documents: readonly TokenizedDocument[];
  readonly #units;
  /** [documents][tokens] bits; NaN where nothing was said */
  readonly #kl: readonly Float32Array[] | null;
  readonly #delta: readonly Float32Array[];
  readonly #columns: Columns;
  #extremes: Extreme[] = [];

  /** @param both whether more than the loss of either is known */
  constructor(documents: readonly TokenizedDocument[], both: boolean) {
    const unsaid = () => documents.map(({ ids }) => new Float32Array(ids.length).fill(Number.NaN));
    this.#documents = documents;
    this.#units = unitsOf(documents.map(({ ids }) => ids.length));
    this.#kl = both ? unsaid() : null;
    this.#delta = unsaid();
    this.#columns = columnsOf(() => new Float64Array(this.#units.count));
  }

  /** Takes what was said of a token, each once, in any order. */
  put(document: number, token: number, said: Said): void {
    const delta = Math.fround(said.delta);
    const both = said.both && { ...said.both, kl: Math.fround(said.both.kl) };
    const { probability } = said;
    if (!Number.isNaN(this.#delta[document][token]))
      throw new Error(`token ${token} of document ${document} came twice`);
    this.#delta[document][token] = delta;
    if (this.#kl && both) this.#kl[document][token] = both.kl;
    const unit = this.#units.unitOf(document, token);
    this.#columns.squares[unit] += probability ** 2;
    this.#columns.agreed[unit] += Number(both !== null && both.topP === both.topQ);
    const one = { document, token, ...said, delta, both };
    if (!(rank(one) > 0)) return;
    const last = this.#extremes.at(-1);
    if (last && this.#extremes.length === NAMED && before(last, one) < 0) return;
    this.#extremes = [...this.#extremes, one].sort(before).slice(0, NAMED);
  }

  /** Bits by token, those of the divergence where they are known; 0 for a first token that nothing comes before. */
  lost(document: number): Float32Array {
    return (this.#kl ?? this.#delta)[document].map((bits) => (Number.isNaN(bits) ? 0 : bits));
  }

  /** ΔL by token; 0 as above. */
  delta(document: number): Float32Array {
    return this.#delta[document].map((bits) => (Number.isNaN(bits) ? 0 : bits));
  }

  /**
   * @param prefixed whether first tokens are scored
   * @throws LossyscopeError `engine` where a token was never scored, or the divergence comes out negative
   */
  finish({ seed, prefixed }: { readonly seed: number; readonly prefixed: boolean }): Tallied {
    for (const document of this.#documents) this.#add(document, prefixed);
    const units = this.#units;
    const members = groupBy(this.#documents, ({ domain }) => domain);
    const small: string[] = [];
    const figuresOf = (domain: string | null): LockstepFigures => {
      const documents = domain === null ? this.#documents : members.get(domain)!;
      const own = columnsOf((name) =>
        this.#columns[name].filter(
          (_, unit) => domain === null || this.#documents[units.documentOf[unit]].domain === domain,
        ),
      );
      const absent = noIntervalReason({ ...units, count: own.tokens.length });
      if (absent && domain !== null) small.push(`${domain}: ${absent}`);
      const samples = absent ? null : bootstrapSums(Object.values(own), { seed });
      return this.#figures(documents, own, samples && columnsOf((_, index) => samples[index]));
    };
    const overall = figuresOf(null);
    if (overall.kl?.value != null && overall.kl.value < -ROUNDING_BITS) {
      throw new LossyscopeError(
        "engine",
        `the mean divergence is ${overall.kl.value} bits a token, and none is negative`,
        "the runtime or lossyscope computes wrongly: report it with both models",
      );
    }
    const filled = [...members].filter(([, documents]) => documents.some(({ bytes }) => bytes > 0));
    const domains = filled.map(([name]) => [name, filled.length === 1 ? overall : figuresOf(name)] as const);
    const absent = noIntervalReason(units);
    return {
      overall,
      domains: Object.fromEntries(domains),
      interval: {
        level: 0.95,
        resamples: absent ? 0 : RESAMPLES,
        unit: units.kind,
        units: units.count,
        absent: absent ?? (small.join("; ") || null),
      },
      extremes: this.#extremes,
    };
  }

  /** Adds a document to its units' columns, in the order of its tokens. */
  #add({ index, id, ids, byteEnds }: TokenizedDocument, prefixed: boolean): void {
    const { kl, tokens, delta, bytes } = this.#columns;
    for (let token = 0; token < ids.length; token++) {
      const unit = this.#units.unitOf(index, token);
      bytes[unit] += byteEnds[token] - (byteEnds[token - 1] ?? 0);
      const own = this.#delta[index][token];
      if (Number.isNaN(own)) {
        if (token === 0 && !prefixed) continue;
        throw new LossyscopeError("engine", `token ${count(token)} of document "${id}" was never scored`);
      }
      tokens[unit]++;
      delta[unit] += own;
      kl[unit] += this.#kl?.[index][token] ?? 0;
    }
  }

  #figures(documents: readonly TokenizedDocument[], own: Columns, samples: Columns | null): LockstepFigures {
    const none = new Float64Array();
    const ratio = (above: Column, below: Column, of: (ratio: number) => number = (x) => x): Estimate =>
      percentileInterval(
        of(sum(own[above]) / sum(own[below])),
        samples ? samples[above].map((value, r) => of(value / samples[below][r])) : none,
      );
    return {
      tokens: sum(own.tokens),
      bytes: sum(own.bytes),
      kl: this.#kl && ratio("kl", "tokens"),
      klQuantiles: this.#kl && quantilesOf(documents.map(({ index }) => this.#kl![index])),
      bitsPerByte: ratio("delta", "bytes"),
      agreement: this.#kl && ratio("agreed", "tokens"),
      probability: ratio("squares", "tokens", Math.sqrt),
    };
  }
}

const rank = ({ both, delta }: Said): number => both?.kl ?? delta;
/** The largest first, of equal ones the first in the text. */
const before = (a: Extreme, b: Extreme): number => rank(b) - rank(a) || a.document - b.document || a.token - b.token;

/** @returns null where nothing was scored */
function quantilesOf(columns: readonly Float32Array[]): LockstepFigures["klQuantiles"] {
  const all = new Float32Array(columns.reduce((total, { length }) => total + length, 0));
  let scored = 0;
  for (const column of columns) for (const bits of column) if (!Number.isNaN(bits)) all[scored++] = bits;
  const sorted = all.subarray(0, scored).sort();
  if (scored === 0) return null;
  const at = (q: number): number => quantile(sorted, q);
  return { median: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), maximum: at(1) };
}
