import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ratioInterval } from "../../numeric/bootstrap.ts";
import { random } from "../../numeric/random.ts";
import { type Baseline, codingSchema } from "../../profile/coding.ts";
import type { Prefix, TokenizedDocument } from "../../text/corpus.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import { documentOf, observationOf } from "./coding.testing.ts";
import { CodingProbe } from "./coding.ts";

const PREFIX: Prefix = { id: 1, addedByTokenizer: true };
const VOCABULARY = 512;
const WEIGHT_BYTES = 10_000;
const baseline = (bitsPerByte: number): Baseline => ({
  name: "some -9",
  implementation: "some 1.0",
  bytes: 9,
  bitsPerByte,
});
const baselines = { overall: [baseline(3), baseline(1e-3)], domains: { b: [baseline(2)] } };

/** A loss that differs from token to token, as float32 has it. */
const nats = (document: number, token: number): number =>
  Math.fround(0.25 + random("loss", document, token).uniform() * 5);

const contextOf = (documents: readonly TokenizedDocument[]) => ({
  units: unitsOf(documents.map(({ ids }) => ids.length)),
  weightBytes: WEIGHT_BYTES,
  baselines,
  seed: 7,
  resamples: 200,
});

function batches(documents: readonly TokenizedDocument[], prefix: Prefix | null, context = 8, overlap = 3) {
  return batchesOf(
    documents.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, overlap)),
    24,
  );
}

function measured(documents: readonly TokenizedDocument[], prefix: Prefix | null) {
  const probe = new CodingProbe(documents, { vocabulary: VOCABULARY, prefixed: prefix !== null });
  for (const batch of batches(documents, prefix)) probe.observe(observationOf(batch, nats));
  return probe;
}

/** Twenty-four documents in two domains, of words of one to four bytes a character, some with repairs. */
const corpus = Array.from({ length: 24 }, (_, index) =>
  documentOf(
    index,
    Array.from({ length: 1 + ((index * 7) % 20) }, (_, token) => ["the ", "é", "€uro", "🐕", "x"][(index + token) % 5]),
    { domain: index % 2 ? "a" : "b", repairs: index % 5 ? { bytes: 0, bits: 0 } : { bytes: 1, bits: 12.5 } },
  ),
);

describe("coding probe", () => {
  it.each([
    ["with a prefix", PREFIX],
    ["without", null],
  ])("adds up what every token costs, %s", (_, prefix) => {
    const { coding, documentNats } = measured(corpus, prefix).finish(contextOf(corpus));
    const naive = corpus.map(({ index, ids, repairs }) =>
      [...ids].reduce(
        (sum, _, token) => sum + (prefix === null && token === 0 ? Math.log(VOCABULARY) : nats(index, token)),
        repairs.bits * Math.LN2,
      ),
    );
    for (const [i, value] of naive.entries()) expect(documentNats[i]).toBeCloseTo(value, 10);
    for (const [figures, chosen] of [
      [coding.overall, corpus],
      [coding.domains.a, corpus.filter(({ domain }) => domain === "a")],
      [coding.domains.b, corpus.filter(({ domain }) => domain === "b")],
    ] as const) {
      const total = chosen.reduce((sum, { index }) => sum + naive[index], 0);
      const bytes = Buffer.byteLength(chosen.map(({ text }) => text).join(""));
      const characters = [...chosen.map(({ text }) => text).join("")].length;
      const tokens = chosen.reduce((sum, { ids }) => sum + ids.length, 0);
      expect(figures).toMatchObject({ documents: chosen.length, bytes, characters, tokens });
      expect(figures.nats).toBeCloseTo(total, 9);
      expect(figures.bitsPerByte.value).toBeCloseTo(total / Math.LN2 / bytes, 10);
      expect(figures.bitsPerCharacter.value).toBeCloseTo(total / Math.LN2 / characters, 10);
      expect(figures.bitsPerToken.value).toBeCloseTo(total / Math.LN2 / tokens, 10);
      expect(figures.perplexity.value).toBeCloseTo(Math.exp(total / tokens), 9);
      expect(figures.compressionRatio.value).toBeCloseTo((8 * bytes * Math.LN2) / total, 10);
      expect(figures.adjustedRate).toBeCloseTo((8 * WEIGHT_BYTES + total / Math.LN2) / (8 * bytes), 10);
      for (const { value, low, high } of [figures.bitsPerByte, figures.perplexity, figures.compressionRatio]) {
        expect(low).toBeLessThan(value!);
        expect(high).toBeGreaterThan(value!);
      }
    }
    expect(() => codingSchema.parse(coding)).not.toThrow();
  });

  it("charges a lone first token log2 V bits", () => {
    const documents = [documentOf(0, ["a"])];
    const { coding } = measured(documents, null).finish(contextOf(documents));
    expect(coding.overall.bitsPerToken.value).toBe(Math.log(VOCABULARY) / Math.LN2);
  });

  it("has the intervals of the documents' own sums, resampled together", () => {
    const { coding, documentNats } = measured(corpus, PREFIX).finish(contextOf(corpus));
    const bits = documentNats.map((value) => value / Math.LN2);
    const bytes = Float64Array.from(corpus, (document) => document.bytes);
    const expected = ratioInterval(bits, bytes, { seed: 7, resamples: 200 });
    expect(coding.overall.bitsPerByte.low).toBeCloseTo(expected.low!, 12);
    expect(coding.overall.bitsPerByte.high).toBeCloseTo(expected.high!, 12);
    expect(coding.interval).toEqual({ level: 0.95, resamples: 200, absent: null });
  });

  it("merges exactly, whichever probe saw which batch, and goes on from a snapshot", () => {
    const whole = measured(corpus, PREFIX).finish(contextOf(corpus));
    const all = batches(corpus, PREFIX);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), fc.nat(all.length), (shuffled, at) => {
        const [left, right, resumed] = [0, 1, 2].map(
          () => new CodingProbe(corpus, { vocabulary: VOCABULARY, prefixed: true }),
        );
        for (const batch of shuffled.slice(0, at)) left.observe(observationOf(batch, nats));
        for (const batch of shuffled.slice(at)) right.observe(observationOf(batch, nats));
        right.restore(left.snapshot());
        resumed.restore(structuredClone(right.snapshot()));
        expect(resumed.finish(contextOf(corpus))).toEqual(whole);
      }),
      { numRuns: 10 },
    );
  });

  it("cuts few documents into blocks that lose nothing", () => {
    const documents = [
      documentOf(0, Array(9_000).fill("é"), { domain: "a", repairs: { bytes: 3, bits: 40 } }),
      documentOf(1, Array(14_500).fill("ab"), { domain: "b" }),
      documentOf(2, [], { domain: "b" }),
    ];
    const probe = new CodingProbe(documents, { vocabulary: VOCABULARY, prefixed: false });
    const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, null, 1000, 100));
    for (const batch of batchesOf(windows, 4000)) probe.observe(observationOf(batch, nats));
    const context = contextOf(documents);
    expect(context.units).toMatchObject({ kind: "block", count: 13 });
    const { coding, documentNats } = probe.finish(context);
    expect(coding.overall.bytes).toBe(18_000 + 29_000);
    expect(coding.overall.nats).toBeCloseTo(documentNats[0] + documentNats[1], 6);
    expect(coding.overall.bitsPerByte.low).not.toBeNull();
    // Resampled sums of the blocks lie around the whole only if the blocks add up to it.
    expect(coding.overall.bitsPerByte.low!).toBeLessThan(coding.overall.bitsPerByte.value!);
    expect(coding.overall.bitsPerByte.high!).toBeGreaterThan(coding.overall.bitsPerByte.value!);
    for (const domain of ["a", "b"]) expect(coding.domains[domain].bitsPerByte.low).toBeNull();
    expect(coding.interval.absent).toBe(
      "a: no interval: 5 blocks to resample, an interval needs 10; b: no interval: 8 blocks to resample, an interval needs 10",
    );
  });

  it("says why there is no interval, and leaves out domains without a byte", () => {
    const documents = [documentOf(0, ["a", "b"]), documentOf(1, [], { domain: "void" })];
    const { coding } = measured(documents, PREFIX).finish(contextOf(documents));
    expect(coding.overall.bitsPerByte).toMatchObject({ low: null, high: null });
    expect(coding.interval.absent).toBe("no interval: 1 block to resample, an interval needs 10");
    expect(coding.interval.resamples).toBe(0);
    expect(Object.keys(coding.domains)).toEqual(["all"]);
  });

  it("marks a figure that repairs have made no code length", () => {
    const clean = Array(1999).fill("x");
    const of = (repaired: number) => {
      const documents = [documentOf(0, clean, { repairs: { bytes: repaired, bits: 19 * repaired } })];
      return measured(documents, PREFIX).finish(contextOf(documents)).coding.overall;
    };
    expect(of(1).isCodeLength).toBe(true);
    expect(of(2).isCodeLength).toBe(false);
    expect(of(2).repairs).toEqual({ bytes: 2, bits: 38 });
    expect(of(2).nats - of(0).nats).toBeCloseTo(38 * Math.LN2, 8);
  });

  it("breaks even with what it beats and never with what beats it", () => {
    const { overall, domains } = measured(corpus, PREFIX).finish({
      ...contextOf(corpus),
      baselines: { ...baselines, overall: [baseline(30), baseline(1e-3)] },
    }).coding;
    const gain = 30 - overall.bitsPerByte.value!;
    expect(overall.breakEven[0].bytes).toBeCloseTo((8 * WEIGHT_BYTES) / gain, 6);
    expect(overall.breakEven[1].bytes).toBeNull();
    expect(domains.b.baselines).toEqual(baselines.domains.b);
    expect(domains.a.baselines).toEqual([]);
  });

  it("names document, token and window of a loss that is no number", () => {
    const probe = new CodingProbe(corpus, { vocabulary: VOCABULARY, prefixed: true });
    const run = (value: number) => () => {
      for (const batch of batches(corpus, PREFIX)) {
        probe.observe(observationOf(batch, (document, token) => (document === 2 && token === 9 ? value : 1)));
      }
    };
    expect(run(Number.NaN)).toThrow(/token 9 of document "document 2" is NaN \(window of tokens 4 to 10\).*weights/);
    expect(() => {
      const fresh = new CodingProbe([documentOf(0, ["a"])], { vocabulary: VOCABULARY, prefixed: true });
      for (const batch of batches([documentOf(0, ["a"])], PREFIX)) fresh.observe(observationOf(batch, () => Infinity));
    }).toThrow(/token 0 of document "document 0" is Infinity/);
  });

  it("does not finish on tokens never scored, nor take one twice", () => {
    const probe = new CodingProbe(corpus, { vocabulary: VOCABULARY, prefixed: true });
    expect(() => probe.finish(contextOf(corpus))).toThrow('token 0 of document "document 0" was never scored');
    const [first] = batches(corpus, PREFIX);
    probe.observe(observationOf(first, nats));
    expect(() => probe.observe(observationOf(first, nats))).toThrow("came twice");
    const empty = [documentOf(0, [])];
    expect(() => measured(empty, PREFIX).finish(contextOf(empty))).toThrow("the corpus has 0 bytes");
  });
});
