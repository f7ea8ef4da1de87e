/**
 * How small the text gets (METHODS §1, §1.1): keeps the loss of every token as the engine gave it, and at the end adds
 * them document by document, in token order and compensated, into bits per byte and its relatives, overall and by domain,
 * with percentile intervals over the sampling units. The size under other compressors comes from `measure/static/baselines.ts`.
 *
 * What probes over parts of one corpus have seen comes together exactly, in any order: nothing is added before the end.
 *
 * Memory: 4·N bytes for the losses, 8 for each document; at the end 8·(4·(units + resamples)) more.
 */
import { adjustedRate, breakEvenBytes, charactersIn, isCodeLength, sumsIn } from "../../coding/ledger.ts";
import { count } from "../../numeric/amounts.ts";
import { type BootstrapOptions, bootstrapSums, type Estimate, percentileInterval } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { isMet, type Need, needed } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import { eachLoss } from "../../ports/losses.ts";
import type { Observation } from "../../ports/observation.ts";
import { numbersOf, seenTwice, strange } from "../../ports/restored.ts";
import type { Baseline, Coding, CodingFigures } from "../../profile/coding.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { intervalNeed, noIntervalReason, type Units } from "../../text/units.ts";

export interface CodingOptions {
  /** V: a first token without prefix costs ln V nats */
  readonly vocabulary: number;
  /** whether a prefix opens the windows */
  readonly prefixed: boolean;
}

export interface CodingContext extends BootstrapOptions {
  readonly units: Units;
  /** null where they are not at hand */
  readonly weightBytes: number | null;
  readonly baselines: {
    readonly overall: readonly Baseline[];
    readonly domains: Readonly<Record<string, readonly Baseline[]>>;
  };
}

export interface CodingResult {
  readonly coding: Coding;
  /** [documents] code length of each, first tokens and repairs included */
  readonly documentNats: Float64Array;
}

/**
 * What the intervals of METHODS §1 take, overall and, where that is met, in each of several domains; and what the figures of a
 * domain take at all.
 */
export function codingNeeds(documents: readonly Pick<TokenizedDocument, "domain" | "bytes">[], units: Units): Need[] {
  const whole = intervalNeed("coding.interval", units);
  const domains = groupBy(documents.keys(), (index) => documents[index].domain);
  if (domains.size < 2) return [whole];
  const counts = new Map<string, number>();
  for (const document of units.documentOf) {
    const { domain } = documents[document];
    counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  return [
    whole,
    ...[...domains].flatMap(([name, members]): Need[] => {
      const bytes = members.reduce((total, index) => total + documents[index].bytes, 0);
      const figure = `coding.domains.${name}`;
      if (bytes === 0) return [needed(figure, false, "byte", `domain ${name} has no byte`, "give it text")];
      return isMet(whole) ? [intervalNeed(`${figure}.interval`, { ...units, count: counts.get(name) ?? 0 })] : [];
    }),
  ];
}

/** Per-unit sums: [nats, bytes, characters, tokens], each [units]. */
type Columns = readonly Float64Array[];
const COLUMNS = 4;

interface Group {
  readonly documents: TokenizedDocument[];
  /** indices of the sampling units that lie in them */
  readonly units: number[];
}

export class CodingProbe {
  readonly #documents: readonly TokenizedDocument[];
  readonly #firstNats: number | undefined;
  /** where each document's losses begin; the last entry is N */
  readonly #offsets: Float64Array;
  /** [N] NaN where nothing was seen yet */
  readonly #losses: Float32Array;

  /** @param documents of the corpus, each at its own `index` */
  constructor(documents: readonly TokenizedDocument[], { vocabulary, prefixed }: CodingOptions) {
    this.#documents = documents;
    this.#firstNats = prefixed ? undefined : Math.log(vocabulary);
    this.#offsets = new Float64Array(documents.length + 1);
    documents.forEach(({ index, ids }, i) => {
      if (index !== i) throw new Error(`document ${index} is at place ${i}`);
      this.#offsets[i + 1] = this.#offsets[i] + ids.length;
    });
    this.#losses = new Float32Array(this.#offsets[documents.length]).fill(Number.NaN);
  }

  /** @throws LossyscopeError `model` on a loss that is no number, naming document, token and window */
  observe(observation: Observation): void {
    eachLoss(observation, this.#documents, ({ document }, token, nats) =>
      this.#put(this.#offsets[document] + token, nats),
    );
  }

  #put(place: number, nats: number): void {
    if (!Number.isNaN(this.#losses[place])) throw seenTwice(`the token at place ${place}`);
    this.#losses[place] = nats;
  }

  /** What `restore` needs; a copy. */
  snapshot(): { readonly losses: Float32Array } {
    return { losses: this.#losses.slice() };
  }

  /**
   * Adds what another probe of the same corpus has seen: an earlier process, or one that saw another part of it.
   * @throws LossyscopeError `io` where it is of another corpus, or saw what was seen already
   */
  restore({ losses }: { readonly losses: Float32Array }): void {
    numbersOf(this.#losses.length, losses, "losses", (nats) => Math.abs(nats) !== Infinity);
    const twice = losses.findIndex((nats, place) => !Number.isNaN(nats) && !Number.isNaN(this.#losses[place]));
    if (twice >= 0) throw strange(`token ${twice} was scored twice`);
    losses.forEach((nats, place) => {
      if (!Number.isNaN(nats)) this.#losses[place] = nats;
    });
  }

  /**
   * Nats of a document's tokens, in float32 as the engine gave them: ln V where there is no prefix to predict the first.
   * @throws LossyscopeError `engine` where one was never scored
   */
  losses(document: number): Float32Array {
    const losses = this.#losses.slice(this.#offsets[document], this.#offsets[document + 1]);
    if (this.#firstNats !== undefined && losses.length > 0) losses[0] = this.#firstNats;
    const missing = losses.findIndex(Number.isNaN);
    if (missing >= 0) {
      throw new LossyscopeError(
        "engine",
        `token ${count(missing)} of document "${this.#documents[document].id}" was never scored`,
        "run the measurement to its end",
      );
    }
    return losses;
  }

  /**
   * The figures of METHODS §1. Domains without a byte have none.
   * @throws LossyscopeError `engine` where a token was never scored; `text` where the corpus has no bytes
   */
  finish(context: CodingContext): CodingResult {
    const { units, baselines } = context;
    const documentNats = new Float64Array(this.#documents.length);
    const columns: Columns = Array.from({ length: COLUMNS }, () => new Float64Array(units.count));
    const domains = new Map<string, Group>();
    for (const document of this.#documents) {
      documentNats[document.index] = this.#add(document, units, columns);
      const domain = domains.get(document.domain) ?? { documents: [], units: [] };
      domains.set(document.domain, domain);
      domain.documents.push(document);
    }
    for (let unit = 0; unit < units.count; unit++) {
      domains.get(this.#documents[units.documentOf[unit]].domain)?.units.push(unit);
    }
    const filled = [...domains].filter(([, { documents }]) => documents.some(({ bytes }) => bytes > 0));
    if (filled.length === 0) throw new LossyscopeError("text", "the corpus has 0 bytes", "give text that is not empty");

    const samplesOf = (own: Columns): Columns | undefined =>
      noIntervalReason({ ...units, count: own[0].length }) ? undefined : bootstrapSums(own, context);
    const samples = samplesOf(columns);
    const overall = figuresOf(this.#documents, documentNats, samples, baselines.overall, context.weightBytes);
    const small: string[] = [];
    const byDomain = filled.map(([name, domain]) => {
      if (domains.size === 1) return [name, overall] as const;
      const own = columns.map((column) => Float64Array.from(domain.units, (unit) => column[unit]));
      const reason = noIntervalReason({ ...units, count: domain.units.length });
      if (reason) small.push(`${name}: ${reason}`);
      const sizes = baselines.domains[name] ?? [];
      return [name, figuresOf(domain.documents, documentNats, samplesOf(own), sizes, context.weightBytes)] as const;
    });
    return {
      coding: {
        overall,
        domains: Object.fromEntries(byDomain),
        interval: {
          level: 0.95,
          resamples: samples?.[0].length ?? 0,
          absent: noIntervalReason(units) ?? (small.join("; ") || null),
        },
      },
      documentNats,
    };
  }

  /**
   * Adds a document to the columns of its units; the bits of its repairs go where its bytes are.
   * @returns its code length in nats
   */
  #add(document: TokenizedDocument, units: Units, columns: Columns): number {
    const { index, ids, byteEnds, bytes, repairs } = document;
    const repairNats = repairs.bits * Math.LN2;
    if (ids.length === 0) return repairNats;
    const own: number[] = [];
    const tokenEnds: number[] = [];
    for (let token = 0; token < ids.length; token++) {
      const unit = units.unitOf(index, token);
      if (unit === own.at(-1)) tokenEnds[tokenEnds.length - 1] = token + 1;
      else {
        own.push(unit);
        tokenEnds.push(token + 1);
      }
    }
    const ends = tokenEnds.map((end) => byteEnds[end - 1]);
    const losses = this.losses(index);
    const nats = sumsIn(losses, tokenEnds);
    // The first token's ln V in full, where `losses` has it in float32.
    if (this.#firstNats !== undefined) nats[0] += this.#firstNats - losses[0];
    const characters = charactersIn(document.text, ends);
    own.forEach((unit, i) => {
      const ownBytes = ends[i] - (ends[i - 1] ?? 0);
      if (repairNats > 0) nats[i] += repairNats * (ownBytes / bytes);
      const tokens = tokenEnds[i] - (tokenEnds[i - 1] ?? 0);
      [nats[i], ownBytes, characters[i], tokens].forEach((value, c) => {
        columns[c][unit] = value;
      });
    });
    return sum(nats);
  }
}

/** @param samples resampled columns; absent: no intervals */
function figuresOf(
  documents: readonly TokenizedDocument[],
  documentNats: Float64Array,
  samples: Columns | undefined,
  baselines: readonly Baseline[],
  weightBytes: number | null,
): CodingFigures {
  const total = (of: (document: TokenizedDocument) => number): number => sum(documents.map(of));
  const bytes = total((document) => document.bytes);
  const characters = total((document) => document.characters);
  const tokens = total((document) => document.ids.length);
  const nats = total((document) => documentNats[document.index]);
  const repairs = {
    bytes: total((document) => document.repairs.bytes),
    bits: total((document) => document.repairs.bits),
  };
  const none = new Float64Array();
  const [sampledNats, sampledBytes, sampledCharacters, sampledTokens] = samples ?? [none, none, none, none];
  const rate = (divisor: number, sampled: Float64Array, of: (natsPer: number) => number): Estimate =>
    percentileInterval(
      of(nats / divisor),
      sampledNats.map((value, r) => of(value / sampled[r])),
    );
  const bits = (natsPer: number): number => natsPer / Math.LN2;
  return {
    documents: documents.length,
    bytes,
    characters,
    tokens,
    nats,
    repairs,
    isCodeLength: isCodeLength(repairs.bytes, bytes),
    bitsPerByte: rate(bytes, sampledBytes, bits),
    bitsPerCharacter: rate(characters, sampledCharacters, bits),
    bitsPerToken: rate(tokens, sampledTokens, bits),
    perplexity: rate(tokens, sampledTokens, Math.exp),
    compressionRatio: rate(bytes, sampledBytes, (natsPer) => 8 / bits(natsPer)),
    adjustedRate: weightBytes === null ? null : adjustedRate(weightBytes, bits(nats), bytes),
    baselines: [...baselines],
    breakEven:
      weightBytes === null
        ? []
        : baselines.map(({ name, bitsPerByte }) => ({
            against: name,
            bytes: breakEvenBytes(weightBytes, bits(nats / bytes), bitsPerByte),
          })),
  };
}
