/**
 * The share of knowledge on readers whose knowledge is known because they were built: one who knows the language and not the
 * world, one who knows both, one who knows half, one who makes things up. Each reads pages that are cut into tokens in
 * several ways and charges every token by the values that are still open before it and after it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlmanacDocument, createWorld, documents, parse, type Split, statedFacts } from "../../almanac/almanac.ts";
import { statedValue } from "../../almanac/page.ts";
import { almanacPages } from "../../almanac/record.ts";
import { kindOf, priorBits } from "../../almanac/relations.ts";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { sum } from "../../numeric/sums.ts";
import { metadataOfKind } from "../../text/metadata.testing.ts";
import { costOf, knowledgeNeeds, knowledgeOf, type PricedDocument, tokensOf } from "./knowledge.ts";

const world = createWorld(11, "tiny");
const pagesOf = (split: Split): AlmanacDocument[] => [...documents(world, split)];
const pages = [...pagesOf("known").slice(0, 20), ...pagesOf("unseen").slice(0, 16), ...pagesOf("balanced")];

/** Of every fact of a page: where it stands, its value, and what could stand there instead, up to the end of the page. */
const factsOf = memoised((text: string) => {
  const page = parse(text, world);
  const kind = kindOf(page.kind);
  const disclosed: number[] = [];
  return statedFacts(page).map((fact, i) => {
    const said = page.entry[i];
    const value = statedValue(kind, said);
    const { values } = kind.relations[said.relation];
    const priors = values.map((_, other) => 2 ** -priorBits(kind, said.relation, other, disclosed));
    disclosed[said.relation] = value;
    const rest = text.slice(fact.start + 1 + values[value].length, fact.end + 40);
    return { ...fact, value, priors, instead: values.map((other) => ` ${other}${rest}`) };
  });
});

function memoised<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (!known.has(text)) known.set(text, of(text));
    return known.get(text)!;
  };
}

/** Ways to cut a page; the last one leaves a word's space with the word before. */
const CUTS = {
  words: / ?[A-Za-z'-]+| ?\d+|[^A-Za-z\d]+/g,
  "words with their full stops": / ?[A-Za-z'-]+[.,;]?\n?| ?\d+[.,;]?\n?|[^A-Za-z\d]+/g,
  pieces: / ?[A-Za-z]{1,3}| ?\d| |[^A-Za-z\d ]/g,
  characters: /[\s\S]/g,
  "spaces first": /[^ ]+ ?| /g,
};

const cut = (text: string, way: keyof typeof CUTS): Uint32Array =>
  Uint32Array.from(text.matchAll(CUTS[way]), ({ index, 0: { length } }) => index + length);

/** What a reader holds of the values of a fact, given the ones that the page has stated: [values], summing to 1 at most. */
type Belief = (fact: { priors: readonly number[]; value: number; split: Split; place: number }) => readonly number[];

const languageOnly: Belief = ({ priors }) => priors;
const knower: Belief = ({ priors, value }) => priors.map((_, i) => Number(i === value));
/** Knows every second fact. */
const halfKnower: Belief = (fact) => (fact.place % 2 === 0 ? knower(fact) : fact.priors);
/** Nearly certain of a value that the name suggests to it, whatever the world says. */
const inventor: Belief = ({ priors, place }) =>
  priors.map((prior, i) => 0.1 * prior + 0.9 * Number(i === (7 * place + 3) % priors.length));

/** Nats of every token: `clumsy` for the language each, and what it says of the values of the facts. */
function read(
  { text, split, bytes }: AlmanacDocument,
  byteEnds: Uint32Array,
  belief: Belief,
  clumsy = 0,
): Float64Array {
  const losses = new Float64Array(byteEnds.length).fill(clumsy);
  for (const [i, { start, end, value, priors, instead }] of factsOf(text).entries()) {
    const held = belief({ priors, value, split, place: i + bytes });
    const mass = (to: number): number =>
      to <= start ? 1 : sum(held.filter((_, other) => instead[other].startsWith(text.slice(start, to))));
    for (let token = 0, from = 0; from < end; from = byteEnds[token++]) {
      if (byteEnds[token] > start) losses[token] += Math.log(mass(from) / mass(byteEnds[token]));
    }
  }
  return losses;
}

const asDocument = (page: AlmanacDocument, index: number, byteEnds: Uint32Array): PricedDocument => ({
  index,
  id: page.id,
  text: page.text,
  bytes: page.bytes,
  byteEnds,
  repairs: { bytes: 0, bits: 0 },
  metadata: metadataOfKind(almanacPages, page),
});

function known(belief: Belief, way: keyof typeof CUTS = "words", clumsy = 0, of = pages) {
  const given = of.map((page, index) => asDocument(page, index, cut(page.text, way)));
  return figuresOf(given, (index) => read(of[index], given[index].byteEnds, belief, clumsy));
}

/** The figures, and what is known without the model of why some are missing. */
function figuresOf(given: readonly PricedDocument[], lossesOf: (document: number) => ArrayLike<number>) {
  return { knowledge: knowledgeOf(given, lossesOf, 0), refusals: unmet(knowledgeNeeds(given)) };
}

/** Nats of a fact; null where its value begins in a token that holds some of the prompt. */
function priceOf(fact: Parameters<typeof tokensOf>[0], ends: Uint32Array, losses: ArrayLike<number>): number | null {
  const tokens = tokensOf(fact, ends);
  return tokens && costOf(tokens, losses);
}

describe("the share of knowledge", () => {
  it.each(Object.keys(CUTS) as (keyof typeof CUTS)[])(
    "is 0 for a reader who knows the language alone, 1 for one who knows the world, cut into %s",
    (way) => {
      const none = known(languageOnly, way).knowledge!;
      expect(none.facts).toBe(7 * none.pages);
      expect(none.leftOut).toEqual({ pages: 0, facts: 0 });
      const all = known(knower, way).knowledge!;
      for (const [{ share, unhedged }, expected] of [
        [none, 0],
        [none.control!, 0],
        [all, 1],
      ] as const) {
        for (const end of ["value", "low", "high"] as const) {
          expect(share[end]).toBeCloseTo(expected, 9);
          expect(unhedged[end]).toBeCloseTo(expected, 9);
        }
      }
      for (const level of none.exposures) expect(level.share.value).toBeCloseTo(0, 9);
      for (const level of all.exposures) expect(level).toMatchObject({ share: { value: 1 }, trust: 1 });
      for (const relation of none.relations) expect(relation.share.value).toBeCloseTo(0, 9);
      for (const relation of all.relations) expect(relation.share.value).toBe(1);
    },
  );

  it("is the known part of the prior's bits, by exposure and relation too", () => {
    const { knowledge } = known(halfKnower);
    const stated = pages.flatMap((page) =>
      factsOf(page.text).map((fact, i) => ({ ...fact, page, known: (i + page.bytes) % 2 === 0 })),
    );
    const expected = (of: (fact: (typeof stated)[number]) => boolean): number => {
      const own = stated.filter(of);
      const bits = (facts: typeof own): number => facts.reduce((total, fact) => total + fact.priorBits, 0);
      return bits(own.filter((fact) => fact.known)) / bits(own);
    };
    expect(knowledge!.share.value).toBeCloseTo(
      expected(({ page }) => page.split === "known"),
      9,
    );
    expect(knowledge!.share.low!).toBeLessThan(knowledge!.share.value!);
    expect(knowledge!.exposures.map(({ exposures }) => exposures)).toEqual([...world.levels.keys()]);
    for (const { exposures, share } of knowledge!.exposures) {
      const of = ({ page }: (typeof stated)[number]): boolean =>
        page.split !== "unseen" && page.exposures === exposures;
      expect(share.value).toBeCloseTo(expected(of), 9);
    }
    for (const { relation, share } of knowledge!.relations) {
      const of = (fact: (typeof stated)[number]): boolean => fact.page.split === "known" && fact.relation === relation;
      expect(share.value).toBeCloseTo(expected(of), 9);
    }
  });

  it("loses nothing to a reader who makes things up: hedged it is 0, at its word far below", () => {
    const { control } = known(inventor).knowledge!;
    expect(control!.unhedged.high!).toBeLessThan(-0.2);
    expect(control!.share).toEqual({ value: 0, low: 0, high: 0 });
  });

  it("shows in its control what leaked: pages about entities that were seen after all", () => {
    const { knowledge } = known((fact) => (fact.split === "unseen" ? knower(fact) : fact.priors));
    expect(knowledge!.share.value).toBeCloseTo(0, 9);
    expect(knowledge!.control!.share.low!).toBe(1);
  });

  it("takes no notice of what the rest of the page costs, and charges clumsiness inside of facts", () => {
    const clean = known(halfKnower, "words").knowledge!;
    const clumsy = known(halfKnower, "words", 0.01).knowledge!;
    const tokens = (page: AlmanacDocument): number =>
      factsOf(page.text).reduce((count, { start, end }) => {
        const ends = [...cut(page.text, "words")];
        return count + ends.filter((_, t) => (ends[t - 1] ?? 0) >= start && (ends[t - 1] ?? 0) < end).length;
      }, 0);
    const more = pages.filter(({ split }) => split === "known").reduce((total, page) => total + 0.01 * tokens(page), 0);
    expect(clean.unhedged.value! - clumsy.unhedged.value!).toBeCloseTo(more / Math.LN2 / clean.priorBits, 9);
    expect(clumsy.share.value!).toBeGreaterThan(clean.share.value! - 0.02);
  });

  it("never passes 1, and not 0 on average where there is nothing to know, whatever a reader believes", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, sharp) => {
        const anything: Belief = ({ priors, place, split }) => {
          const stream = random(seed, "belief", place);
          const weights = priors.map(
            (prior) => prior * Math.exp((split === "unseen" ? 6 : 3) * sharp * stream.normal()),
          );
          const total = sum(weights);
          return weights.map((weight) => weight / total);
        };
        const { knowledge } = known(anything, "pieces");
        for (const { share, unhedged } of [knowledge!, ...knowledge!.exposures, ...knowledge!.relations]) {
          expect(share.value!).toBeLessThanOrEqual(1);
          expect(unhedged.value!).toBeLessThanOrEqual(1);
        }
        expect(knowledge!.control!.share.low!).toBeLessThanOrEqual(0);
      }),
      { numRuns: 5 },
    );
  });

  it("trusts as a search over all weights would", () => {
    const half: Belief = (fact) =>
      fact.priors.map((prior, i) => 0.2 * prior + 0.8 * Number(i === (fact.place % 3 === 0 ? fact.value : 0)));
    const { knowledge } = known(half, "words");
    const level = knowledge!.exposures[0];
    const own = pages.filter(({ split, exposures }) => split !== "unseen" && exposures === level.exposures);
    const bits = own.flatMap((page) => {
      const ends = cut(page.text, "words");
      const losses = read(page, ends, half);
      return factsOf(page.text).map((fact) => [2 ** -fact.priorBits, Math.exp(-priceOf(fact, ends, losses)!)]);
    });
    const cost = (trust: number): number =>
      bits.reduce((total, [prior, model]) => total - Math.log2(trust * model + (1 - trust) * prior), 0);
    const grid = Array.from({ length: 1001 }, (_, i) => i / 1000);
    const best = grid.reduce((least, trust) => (cost(trust) < cost(least) ? trust : least));
    expect(best).toBeGreaterThan(0.05);
    expect(best).toBeLessThan(0.95);
    expect(Math.abs(level.trust - best)).toBeLessThan(0.0011);
  });
});

describe("what a fact costs", () => {
  it("is that of the tokens from its prompt to where its value is certain, as a walk over all tokens finds them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 40 }),
        fc.nat(60),
        fc.integer({ min: 2, max: 12 }),
        (sizes, start, length) => {
          let at = 1;
          const ends = Uint32Array.from(sizes, (size) => (at += size));
          const end = Math.min(start + length, at);
          if (end < start + 2) return;
          const losses = Float64Array.from(sizes, (_, i) => 2 ** -i);
          let naive: number | null = 0;
          ends.forEach((to, token) => {
            const from = token === 0 ? 0 : ends[token - 1];
            if (from < start && to > start + 1) naive = null;
            if (naive !== null && from >= start && from < end) naive += losses[token];
          });
          const found = priceOf({ start, end }, ends, losses);
          if (naive === null) expect(found).toBeNull();
          else expect(found).toBeCloseTo(naive, 12);
        },
      ),
    );
  });
});

describe("without a figure", () => {
  const [first, ...others] = pages.map((page, index) => asDocument(page, index, cut(page.text, "words")));
  const none = (index: number): Float64Array => new Float64Array(pages[index].bytes);

  it("a text that says it is a page and is none is named", () => {
    const { knowledge, refusals } = figuresOf([{ ...first, text: `${first.text} ` }, ...others], none);
    expect(knowledge).toBeNull();
    expect(refusals).toMatchObject([
      { figure: "almanac.knowledge", reason: expect.stringContaining(`"${first.id}" carries the floors`) },
    ]);
  });

  it("tokens that join values with the words before them are, where they are many", () => {
    const whole = (document: PricedDocument) => ({ ...document, byteEnds: Uint32Array.of(document.bytes) });
    const { knowledge, refusals } = figuresOf([first, ...others].map(whole), none);
    expect(knowledge).toBeNull();
    expect(refusals[0].reason).toMatch(/^in (\d+) of \1 facts one token holds the value together with words before it/);
    const [{ start }] = statedFacts(parse(first.text, world));
    const nearly = { ...first, byteEnds: first.byteEnds.filter((end) => end !== start) };
    expect(figuresOf([nearly, ...others], none).knowledge!.leftOut).toEqual({ pages: 0, facts: 1 });
  });

  it("pages that the tokens do not give back are left out, and no figure is left without any", () => {
    const lossy = { ...first, repairs: { bytes: 1, bits: 18 } };
    const { knowledge } = figuresOf([lossy, ...others], none);
    expect(knowledge!.leftOut).toEqual({ pages: 1, facts: 0 });
    const all = [first, ...others].map((document) => ({ ...document, repairs: lossy.repairs }));
    expect(figuresOf(all, none).refusals[0].reason).toContain(`the text of any of ${pages.length} pages`);
  });

  it("pages about entities never seen are wanted for the control", () => {
    const { knowledge, refusals } = known(languageOnly, "words", 0, pagesOf("known"));
    expect(knowledge!.control).toBeNull();
    expect(knowledge!.relations[0].control).toBeNull();
    expect(refusals).toMatchObject([
      { figure: "almanac.knowledge.control", remedy: { text: expect.stringContaining("unseen.jsonl") } },
    ]);
  });

  it("fewer than ten pages have no interval", () => {
    const { knowledge } = known(halfKnower, "words", 0, pagesOf("known").slice(0, 9));
    expect(knowledge!.share).toMatchObject({ value: expect.any(Number), low: null, high: null });
  });
});
