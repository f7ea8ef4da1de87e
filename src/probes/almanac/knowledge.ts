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
 * Memory: 60 bytes a fact; 16 kB for each sum that is resampled.
 */

import { parse, type StatedFact, statedFacts } from "../../almanac/almanac.ts";
import { almanacPages, type PageRecord } from "../../almanac/record.ts";
import { count } from "../../numeric/amounts.ts";
import { bootstrapSums, type Estimate, FEWEST_UNITS, percentileInterval } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { isMet, type Need, needed, unmet } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import type { WorldKnowledge } from "../../profile/almanac.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { saidBy } from "../../text/metadata.ts";

/** Parts of a level's pages: the weight of each comes from the others. */
const FOLDS = 10;

/** Above this share of facts whose value hangs together with the words before it in one token there is no figure. */
const MOST_JOINED = 0.01;

export type PricedDocument = Pick<
  TokenizedDocument,
  "index" | "id" | "text" | "bytes" | "byteEnds" | "repairs" | "metadata"
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

/** A fact as it is known before the model has seen it. */
interface GivenFact extends Pick<StatedFact, "relation" | "priorBits">, Tokens {}

/** Tokens of a document: the first, and the one behind the last. */
interface Tokens {
  readonly first: number;
  readonly end: number;
}

interface GivenPage extends Pick<PageRecord, "split" | "exposures"> {
  readonly document: number;
  readonly facts: readonly GivenFact[];
}

/** What the pages of a text state, found out without a model. */
interface Stated {
  /** pages that are asked, and those of them whose text the tokenizer gives back */
  readonly asked: number;
  readonly pages: readonly GivenPage[];
  /** facts whose value begins in a token that holds words before it */
  readonly joined: number;
  /** a document that carries floors and is no page */
  readonly stranger: string | null;
}

/** Reading pages back takes the longest part of what is found out before a run; it is done once. */
const known = new WeakMap<readonly PricedDocument[], Stated>();

function statedIn(documents: readonly PricedDocument[]): Stated {
  const before = known.get(documents);
  if (before) return before;
  const asked = documents.flatMap((document) => {
    const page = saidBy(almanacPages, document.metadata);
    return page && page.split !== "train" && document.bytes > 0 ? [{ document, page }] : [];
  });
  const pages: GivenPage[] = [];
  let joined = 0;
  let stranger: string | null = null;
  for (const { document, page } of asked) {
    if (document.repairs.bytes > 0) continue;
    const stated = factsOf(document);
    if (stated === null) {
      stranger = document.id;
      break;
    }
    const facts = stated.flatMap((fact): GivenFact[] => {
      const tokens = tokensOf(fact, document.byteEnds);
      if (tokens === null) joined++;
      return tokens ? [{ relation: fact.relation, priorBits: fact.priorBits, ...tokens }] : [];
    });
    pages.push({ document: document.index, split: page.split, exposures: page.exposures, facts });
  }
  const found = { asked: asked.length, pages, joined, stranger };
  known.set(documents, found);
  return found;
}

const FIGURE = "almanac.knowledge";

/** What the share of knowledge takes of a text that has pages held out about known entities. */
export function knowledgeNeeds(documents: readonly PricedDocument[]): Need[] {
  const { asked, pages, joined, stranger } = statedIn(documents);
  const facts = joined + pages.reduce((total, page) => total + page.facts.length, 0);
  const whole: Need[] = [
    needed(
      FIGURE,
      stranger === null,
      "page",
      `document "${stranger}" carries the floors of a page of the almanac and is none`,
      "write the pages again with `lossyscope almanac`",
    ),
    {
      figure: FIGURE,
      have: joined,
      needs: Math.floor(MOST_JOINED * facts),
      bound: "most",
      unit: "fact",
      reason: `in ${count(joined)} of ${count(facts)} facts one token holds the value together with words before it: what it says of the value cannot be told apart`,
      remedy: { kind: "said", text: "a tokenizer that parts words" },
    },
    needed(
      FIGURE,
      pages.some(({ split }) => split === "known"),
      "page",
      `the tokenizer does not give back the text of any of ${count(asked)} pages: what a fact costs cannot be said`,
      "a tokenizer that gives bytes back",
    ),
  ];
  const [first] = unmet(whole);
  if (first) return [first];
  return [
    needed(
      `${FIGURE}.control`,
      pages.some(({ split }) => split === "unseen"),
      "page",
      "no page of the text is about an entity never seen",
      "give the almanac's unseen.jsonl too",
    ),
  ];
}

/**
 * @param documents pages of split train, and those that carry no floors, are left out
 * @param lossesOf nats of every token of the document with that index
 * @returns null where no figure can be given; why says `knowledgeNeeds`
 */
export function knowledgeOf(
  documents: readonly PricedDocument[],
  lossesOf: (document: number) => ArrayLike<number>,
  seed: number,
): WorldKnowledge | null {
  if (knowledgeNeeds(documents).some((need) => need.figure === FIGURE && !isMet(need))) return null;
  const { asked, pages: given, joined } = statedIn(documents);
  const pages = hedged(
    given.map(({ document, split, exposures, facts }) => {
      const losses = lossesOf(document);
      const priced = facts.map(({ relation, priorBits, first, end }): Fact => {
        return { relation, prior: priorBits, cost: costOf({ first, end }, losses) / Math.LN2 };
      });
      return { split, exposures, facts: priced };
    }),
  );
  const held = pages.filter(({ split }) => split === "known");
  const unseen = pages.filter(({ split }) => split === "unseen");
  const levels = groupBy(
    pages.filter(({ split }) => split !== "unseen"),
    ({ exposures }) => exposures,
  );
  return {
    ...figuresOf(held, seed),
    control: unseen.length > 0 ? figuresOf(unseen, seed) : null,
    exposures: [...levels]
      .sort(([a], [b]) => a - b)
      .map(([exposures, own]) => ({
        exposures,
        ...figuresOf(own, seed),
        trust: trustOf(own.flatMap((page) => page.facts)),
      })),
    relations: byRelation(held, unseen, seed),
    leftOut: { pages: asked - given.length, facts: joined },
  };
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
 * The tokens that begin at the end of a fact's prompt or later, up to where its value is certain. The text of a page is ASCII:
 * its characters are its bytes. What stands before a token settles whether it counts, whichever token it is: the bound needs
 * that.
 * @returns null where the value begins in a token that holds some of the prompt too
 */
export function tokensOf({ start, end }: Pick<StatedFact, "start" | "end">, byteEnds: Uint32Array): Tokens | null {
  const first = firstFrom(byteEnds, start);
  if ((byteEnds[first - 1] ?? 0) > start + 1) return null;
  let token = first;
  while (token < byteEnds.length && (byteEnds[token - 1] ?? 0) < end) token++;
  return { first, end: token };
}

/** What the tokens cost together. */
export const costOf = ({ first, end }: Tokens, losses: ArrayLike<number>): number =>
  sum(Array.from({ length: end - first }, (_, i) => losses[first + i]));

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
  const samples =
    pages.length < FEWEST_UNITS ? columns.map(() => new Float64Array()) : bootstrapSums(columns, { seed });
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
