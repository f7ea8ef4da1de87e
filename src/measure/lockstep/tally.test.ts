/** The figures against plain definitions over the same numbers, whatever the order in which tokens come. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ratioInterval } from "../../numeric/bootstrap.ts";
import { random } from "../../numeric/random.ts";
import { documentOf } from "../../probes/coding/coding.testing.ts";
import { toldStretches, toldTokens } from "./places.ts";
import { type Said, Tally } from "./tally.ts";

const SEED = 7;

/** What two models that nobody trained say of a token. */
function saidOf(document: number, token: number): Said & { readonly both: NonNullable<Said["both"]> } {
  const pick = random("said", document, token);
  const [p, q] = [pick.uniform(), pick.uniform()];
  const kl = Math.fround(pick.uniform() ** 4);
  return {
    delta: Math.fround(Math.log2(p / q)),
    probability: Math.fround(q - p),
    ...{ p, q },
    both: { kl, topP: pick.below(3), topQ: pick.below(3) },
  };
}

const words = ["the ", "é", "€uro", "🐕", "x"];
const corpus = Array.from({ length: 40 }, (_, index) =>
  documentOf(
    index,
    Array.from({ length: (index * 7) % 40 }, (_, token) => words[(index + token) % words.length]),
    { domain: index % 2 ? "a" : "b" },
  ),
);
const places = corpus.flatMap(({ index, ids }) => Array.from(ids, (_, token) => ({ document: index, token })));
const tallied = (given: readonly (typeof places)[number][], both = true) => {
  const tally = new Tally(corpus, both);
  for (const { document, token } of given) {
    const said = saidOf(document, token);
    tally.put(document, token, both ? said : { ...said, both: null });
  }
  return tally;
};
const finished = (given = places, both = true) => tallied(given, both).finish({ seed: SEED, prefixed: true });

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

describe("figures of two models", () => {
  it.each([null, "a", "b"])("of the domain %s are those of plain definitions", (domain) => {
    const result = finished();
    const figures = domain === null ? result.overall : result.domains[domain];
    const documents = corpus.filter((one) => domain === null || one.domain === domain);
    const said = documents.map(({ index, ids }) => Array.from(ids, (_, token) => saidOf(index, token)));
    const all = said.flat();
    const bytes = documents.reduce((total, one) => total + one.bytes, 0);
    expect([figures.tokens, figures.bytes]).toEqual([all.length, bytes]);
    expect(figures.kl!.value).toBeCloseTo(mean(all.map(({ both }) => both.kl)), 12);
    expect(figures.bitsPerByte.value).toBeCloseTo((mean(all.map(({ delta }) => delta)) * all.length) / bytes, 12);
    expect(figures.agreement!.value).toBeCloseTo(mean(all.map(({ both }) => Number(both.topP === both.topQ))), 12);
    expect(figures.probability.value).toBeCloseTo(Math.sqrt(mean(all.map((one) => one.probability ** 2))), 12);
    const sorted = all.map(({ both }) => both.kl).sort((a, b) => a - b);
    const at = (q: number): number => {
      const place = q * (sorted.length - 1);
      const low = Math.floor(place);
      return sorted[low] + (place - low) * ((sorted[low + 1] ?? 0) - sorted[low]);
    };
    for (const [name, q] of Object.entries({ median: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 } as const))
      expect(figures.klQuantiles![name as "median"], name).toBeCloseTo(at(q), 7);
    expect(figures.klQuantiles!.maximum).toBe(sorted.at(-1));

    // documents are the units: both columns of each resampled together
    const filled = said.filter((one) => one.length > 0);
    const column = (of: (one: Said & { readonly both: NonNullable<Said["both"]> }) => number): Float64Array =>
      Float64Array.from(filled, (one) => one.reduce((sum, token) => sum + of(token), 0));
    const tokens = column(() => 1);
    const own = ratioInterval(
      column(({ both }) => both.kl),
      tokens,
      { seed: SEED },
    );
    for (const end of ["low", "high"] as const) expect(figures.kl![end]).toBeCloseTo(own[end]!, 10);
    const sizes = Float64Array.from(
      documents.filter(({ ids }) => ids.length > 0),
      (one) => one.bytes,
    );
    const paired = ratioInterval(
      column(({ delta }) => delta),
      sizes,
      { seed: SEED },
    );
    for (const end of ["low", "high"] as const) expect(figures.bitsPerByte[end]).toBeCloseTo(paired[end]!, 10);
  });

  it("do not depend on the order of the tokens, nor what is named of them", () => {
    const whole = finished();
    fc.assert(
      fc.property(fc.shuffledSubarray(places, { minLength: places.length }), (shuffled) => {
        const { overall, extremes } = finished(shuffled);
        expect(extremes).toEqual(whole.extremes);
        expect(overall.kl).toEqual(whole.overall.kl);
        expect(overall.klQuantiles).toEqual(whole.overall.klQuantiles);
        expect(overall.probability.value).toBeCloseTo(whole.overall.probability.value!, 14);
      }),
      { numRuns: 5 },
    );
    const sorted = places
      .map((place) => ({ ...place, ...saidOf(place.document, place.token) }))
      .sort((a, b) => b.both.kl - a.both.kl || a.document - b.document || a.token - b.token);
    expect(whole.extremes).toEqual(sorted.slice(0, 10));
  });

  it("of losses alone are what losses give, the largest by them", () => {
    const { overall, extremes } = finished(places, false);
    expect(overall).toMatchObject({ kl: null, klQuantiles: null, agreement: null });
    expect(overall.bitsPerByte).toEqual(finished().overall.bitsPerByte);
    expect(extremes[0].delta).toBe(Math.max(...places.map(({ document, token }) => saidOf(document, token).delta)));
  });

  it("are refused where a token was never scored or the divergence is negative, and come once", () => {
    expect(() => finished(places.slice(1))).toThrow(/token 0 of document "document 1" was never scored/);
    expect(() => tallied([places[0], places[0]])).toThrow("came twice");
    const tally = new Tally(corpus, true);
    for (const { document, token } of places)
      tally.put(document, token, { ...saidOf(document, token), both: { kl: -1e-6, topP: 0, topQ: 0 } });
    expect(() => tally.finish({ seed: SEED, prefixed: true })).toThrow(/mean divergence is -\S+ bits a token/);
  });

  it("name no token that lost nothing", () => {
    const tally = new Tally(corpus, true);
    for (const { document, token } of places)
      tally.put(document, token, { ...saidOf(document, token), both: { kl: Number(token === 3), topP: 0, topQ: 0 } });
    const { extremes } = tally.finish({ seed: SEED, prefixed: true });
    expect(extremes.map(({ token }) => token)).toEqual(Array(10).fill(3));
    const same = new Tally(corpus, true);
    for (const { document, token } of places)
      same.put(document, token, { ...saidOf(document, token), both: { kl: 0, topP: 0, topQ: 0 } });
    expect(same.finish({ seed: SEED, prefixed: true }).extremes).toEqual([]);
  });

  it("leave out a first token that nothing comes before, with its bytes in", () => {
    const rest = places.filter(({ token }) => token > 0);
    const { overall } = tallied(rest).finish({ seed: SEED, prefixed: false });
    expect(overall.tokens).toBe(rest.length);
    expect(overall.bytes).toBe(finished().overall.bytes);
  });

  it("say why there are no intervals", () => {
    const few = [documentOf(0, ["a", "b"])];
    const tally = new Tally(few, true);
    for (const token of [0, 1]) tally.put(0, token, saidOf(0, token));
    const { overall, interval } = tally.finish({ seed: SEED, prefixed: true });
    expect(overall.kl).toMatchObject({ low: null, high: null });
    expect(interval).toMatchObject({ resamples: 0, unit: "block", units: 1, absent: expect.stringMatching(/1 block/) });
  });
});

describe("places", () => {
  const telling = { documents: corpus, spell: (id: number) => `<${id}>`, keepText: true };

  it("of tokens are their bytes, with whole characters before them", () => {
    const { extremes } = finished();
    for (const [index, one] of toldTokens(extremes, telling).entries()) {
      const { text, byteEnds, id, ids } = corpus[extremes[index].document];
      const { token } = extremes[index];
      expect([one.document, one.start + one.bytes, one.text]).toEqual([id, byteEnds[token], `<${ids[token]}>`]);
      const before = Buffer.from(text).subarray(0, one.start).toString();
      expect(before.endsWith(one.before!)).toBe(true);
      expect(Buffer.byteLength(one.before!)).toBeGreaterThan(Math.min(56, one.start - 1));
    }
  });

  it("of stretches are parts of one document that lost most, none overlapping", () => {
    const tally = tallied(places);
    const long = [
      documentOf(
        0,
        Array.from({ length: 700 }, (_, token) => words[token % words.length]),
      ),
    ];
    const own = new Tally(long, true);
    for (let token = 0; token < 700; token++)
      own.put(0, token, { ...saidOf(0, token), both: { kl: token < 400 ? 0 : 0.5, topP: 0, topQ: 0 } });
    const found = toldStretches(own, true, { ...telling, documents: long });
    expect(found.length).toBeGreaterThan(2);
    for (const one of found) {
      expect(Buffer.byteLength(one.text!)).toBe(one.bytes);
      expect(
        Buffer.from(long[0].text)
          .subarray(one.start, one.start + one.bytes)
          .toString(),
      ).toBe(one.text);
      expect(one.ends.at(-1)).toBe(one.bytes);
      expect(one.kl).toBeCloseTo(mean(one.bits) * one.bits.length, 6);
    }
    const sorted = [...found].sort((a, b) => a.start - b.start);
    for (const [index, one] of sorted.entries())
      expect(one.start + one.bytes).toBeLessThanOrEqual(sorted[index + 1]?.start ?? long[0].bytes);
    expect(found.map(({ kl }) => kl)).toEqual(found.map(({ kl }) => kl!).sort((a, b) => b - a));

    const silent = toldStretches(tally, true, { ...telling, keepText: false });
    expect(silent.map(({ text }) => text)).toEqual(silent.map(() => null));
  });
});
