/**
 * The share of knowledge (METHODS §9): what the characters that state a fact cost the model, against what they cost a reader
 * who knows the language and not the world.
 *
 *   P = −log2 of the fact's prior, given what its page has stated before
 *   C = the model's code length of the tokens from the end of the fact's prompt to where its value is certain
 *   H = P − log2(1 + t (2^(P−C) − 1)): the same for a reader who trusts the model with weight t and else guesses by the prior
 *
 *   share = 1 − Σ H / Σ P, unhedged = 1 − Σ C / Σ P
 *
 * All that a fact leaves open is which value it has, and the values' spellings exclude each other: no model does better than
 * the prior in expectation about what it cannot know, and none better than 0 bits about what it does. The weight t of a page
 * is the best one on other pages whose facts training told as often.
 *
 * Memory: 24 bytes a fact; 16 kB for each sum that is resampled.
 */
import { bootstrapSums, type Estimate, percentileInterval } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { sum } from "../numeric/sums.ts";
import type { WorldKnowledge } from "../profile/almanac.ts";
import type { Profile } from "../profile/profile.ts";
import { parse, type StatedFact, statedFacts } from "../text/almanac/almanac.ts";
import type { PageRecord } from "../text/almanac/record.ts";
import type { TokenizedDocument } from "../text/corpus.ts";

/** Fewer pages than this have no interval (METHODS §0). */
export const LEAST_PAGES = 10;

/** Parts of a level's pages: the weight of each comes from the others. */
const FOLDS = 10;

/** Above this share of facts whose value hangs together with the words before it in one token there is no figure. */
const MOST_JOINED = 0.01;

export type PricedDocument = Pick<
  TokenizedDocument,
  "index" | "id" | "text" | "bytes" | "byteEnds" | "repairs" | "page"
>;

/** A fact as a page states it. */
interface Fact {
  readonly relation: string;
  readonly prior: number;
  /** what it costs the model */
  readonly cost: number;
}

interface Page extends Pick<PageRecord, "split" | "exposures"> {
  readonly facts: readonly Fact[];
  /** [facts] what they cost the reader who hedges */
  readonly hedged: readonly number[];
}

/**
 * @param documents pages of split train, and those that carry no floors, are left out
 * @param lossesOf nats of every token of the document with that index
 * @returns null where no figure can be given, with its reason
 */
export function knowledgeOf(
  documents: readonly PricedDocument[],
  lossesOf: (document: number) => ArrayLike<number>,
  seed: number,
): { knowledge: WorldKnowledge | null; refusals: Profile["refusals"] } {
  const refuse = (reason: string, figure = "almanac.knowledge") => [{ figure, reason }];
  const asked = documents.filter(({ page, bytes }) => page && page.split !== "train" && bytes > 0);
  const whole = asked.filter(({ repairs }) => repairs.bytes === 0);
  const priced: Omit<Page, "hedged">[] = [];
  let joined = 0;
  for (const document of whole) {
    const stated = factsOf(document);
    if (stated === null) {
      const reason = `document "${document.id}" carries the floors of a page of the almanac and is none`;
      return { knowledge: null, refusals: refuse(`${reason}: write the pages again with \`lossyscope almanac\``) };
    }
    const facts = stated.flatMap((fact): Fact[] => {
      const cost = costOf(fact, document.byteEnds, lossesOf(document.index));
      if (cost === null) joined++;
      return cost === null ? [] : [{ relation: fact.relation, prior: fact.priorBits, cost: cost / Math.LN2 }];
    });
    priced.push({ split: document.page!.split, exposures: document.page!.exposures, facts });
  }
  const pages = hedged(priced);
  const known = pages.filter(({ split }) => split === "known");
  const facts = pages.reduce((total, page) => total + page.facts.length, 0);
  if (joined > MOST_JOINED * (facts + joined)) {
    const reason = `in ${joined} of ${facts + joined} facts one token holds the value together with words before it: what it says of the value cannot be told apart`;
    return { knowledge: null, refusals: refuse(reason) };
  }
  if (known.length === 0) {
    const reason = `the tokenizer does not give back the text of any of ${asked.length} pages: what a fact costs cannot be said`;
    return { knowledge: null, refusals: refuse(reason) };
  }
  const unseen = pages.filter(({ split }) => split === "unseen");
  const levels = groupBy(
    pages.filter(({ split }) => split !== "unseen"),
    ({ exposures }) => exposures,
  );
  const knowledge: WorldKnowledge = {
    ...figuresOf(known, seed),
    control: unseen.length > 0 ? figuresOf(unseen, seed) : null,
    exposures: [...levels]
      .sort(([a], [b]) => a - b)
      .map(([exposures, own]) => ({
        exposures,
        ...figuresOf(own, seed),
        trust: trustOf(own.flatMap((page) => page.facts)),
      })),
    relations: byRelation(known, unseen, seed),
    leftOut: { pages: asked.length - whole.length, facts: joined },
  };
  const reason = "no page of the text is about an entity never seen: give the almanac's unseen.jsonl too";
  return { knowledge, refusals: unseen.length > 0 ? [] : refuse(reason, "almanac.knowledge.control") };
}

/** @returns null where the text is no page of the almanac */
function factsOf({ text }: PricedDocument): StatedFact[] | null {
  try {
    return statedFacts(parse(text, null));
  } catch (error) {
    if (error instanceof LossyscopeError) return null;
    throw error;
  }
}

/**
 * Nats of the tokens that begin at the end of a fact's prompt or later, up to where its value is certain. The text of a page
 * is ASCII: its characters are its bytes. What stands before a token settles whether it counts, whichever token it is: the
 * bound needs that.
 * @returns null where the value begins in a token that holds some of the prompt too
 */
export function costOf(
  { start, end }: Pick<StatedFact, "start" | "end">,
  byteEnds: Uint32Array,
  losses: ArrayLike<number>,
): number | null {
  let token = firstFrom(byteEnds, start);
  const own: number[] = [];
  if ((byteEnds[token - 1] ?? 0) > start + 1) return null;
  for (let at = byteEnds[token - 1] ?? 0; at < end; at = byteEnds[token++]) own.push(losses[token]);
  return sum(own);
}

/** @returns the first token that begins at the byte or behind it */
function firstFrom(byteEnds: Uint32Array, byte: number): number {
  let [low, high] = [0, byteEnds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((byteEnds[middle - 1] ?? 0) >= byte) high = middle;
    else low = middle + 1;
  }
  return low;
}

const hedge = ({ prior, cost }: Fact, trust: number): number =>
  trust === 1 ? cost : prior - Math.log2(1 + trust * (2 ** (prior - cost) - 1));

/**
 * The weight from 0 to 1 under which these facts cost least together: where the derivative of the code length, which is
 * convex in the weight, changes sign. For what the model cannot know it is 0 in expectation, as Σ 2^−C over a fact's values is
 * at most 1; so that chance does not pass for knowledge, it is 0 too where it saves less than it takes to name it, a bit for
 * each doubling of the facts. Without facts 1: the model is taken at its word.
 */
function trustOf(facts: readonly Fact[]): number {
  if (facts.length === 0) return 1;
  const gains = facts.map(({ prior, cost }) => 2 ** (prior - cost) - 1);
  const slope = (trust: number): number => sum(gains.map((gain) => gain / (1 + trust * gain)));
  if (slope(0) <= 0) return 0;
  if (slope(1) >= 0) return 1;
  let [low, high] = [0, 1];
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  const saved = sum(gains.map((gain) => Math.log2(1 + low * gain)));
  return saved > Math.log2(facts.length) ? low : 0;
}

/**
 * Every page with the costs of the reader who hedges, its weight from the other parts of the pages of its level. A page that is
 * alone in its level has it from all others about known entities.
 */
function hedged(pages: readonly Omit<Page, "hedged">[]): Page[] {
  const levels = groupBy(pages, ({ split, exposures }) => (split === "unseen" ? "unseen" : exposures));
  const trusts = new Map<Omit<Page, "hedged">, number>();
  for (const [level, own] of levels) {
    const alone = own.length === 1 && level !== "unseen";
    for (let fold = 0; fold < Math.min(FOLDS, own.length); fold++) {
      const others = alone
        ? pages.filter((page) => page !== own[0] && page.split !== "unseen")
        : own.filter((_, i) => i % FOLDS !== fold);
      const trust = trustOf(others.flatMap(({ facts }) => facts));
      for (let i = fold; i < own.length; i += FOLDS) trusts.set(own[i], trust);
    }
  }
  return pages.map((page) => ({ ...page, hedged: page.facts.map((fact) => hedge(fact, trusts.get(page)!)) }));
}

/** @param of of the facts of a page, those that are counted */
function figuresOf(
  pages: readonly Page[],
  seed: number,
  of: (fact: Fact) => boolean = () => true,
): Pick<WorldKnowledge, "pages" | "facts" | "priorBits" | "share" | "unhedged"> {
  const column = (value: (fact: Fact, hedged: number) => number): Float64Array =>
    Float64Array.from(pages, ({ facts, hedged }) =>
      sum(facts.map((fact, i) => (of(fact) ? value(fact, hedged[i]) : 0))),
    );
  const columns = [column((_, hedged) => hedged), column(({ cost }) => cost), column(({ prior }) => prior)];
  const [spent, taken, prior] = columns.map((own) => sum(own));
  const samples = pages.length < LEAST_PAGES ? columns.map(() => new Float64Array()) : bootstrapSums(columns, { seed });
  const share = (bits: number, resampled: Float64Array): Estimate =>
    percentileInterval(
      1 - bits / prior,
      resampled.map((value, r) => 1 - value / samples[2][r]),
    );
  return {
    pages: pages.length,
    facts: pages.reduce((total, { facts }) => total + facts.filter(of).length, 0),
    priorBits: prior,
    share: share(spent, samples[0]),
    unhedged: share(taken, samples[1]),
  };
}

function byRelation(known: readonly Page[], unseen: readonly Page[], seed: number): WorldKnowledge["relations"] {
  const names = new Set(known.flatMap(({ facts }) => facts.map(({ relation }) => relation)));
  return [...names].sort().map((name) => {
    const of = ({ relation }: Fact): boolean => relation === name;
    const own = (pages: readonly Page[]) => {
      const stating = pages.filter(({ facts }) => facts.some(of));
      return stating.length > 0 ? figuresOf(stating, seed, of) : null;
    };
    return { relation: name, ...own(known)!, control: own(unseen)?.share ?? null };
  });
}
