import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import type { Profile } from "../profile/profile.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import { compare } from "./compare.ts";
import { modelProfile } from "./sample.testing.ts";

const named = (profile: Profile) => ({ file: `${profile.model.name}.json`, profile });
const options = { seed: 0, common: false };
const of = (name: string, bitsPerByte: number) => modelProfile({ name, bitsPerByte });
const [a, b, c] = [of("a", 1), of("b", 0.9), of("c", 1.001)];

describe("comparison", () => {
  const found = compare([a, b, c].map(named), options);
  const [better, tied] = found.pairs;

  it("takes differences against the first, as the profiles have the figures", () => {
    const bits = (profile: Profile): number => profile.coding!.overall.bitsPerByte.value!;
    expect(found.models.map(({ bitsPerByte }) => bitsPerByte)).toEqual(
      [a, b, c].map((one) => expect.closeTo(bits(one), 10)),
    );
    expect(better.overall.difference.value).toBeCloseTo(bits(b) - bits(a), 10);
    expect(better.overall.relative.value).toBeCloseTo(bits(b) / bits(a) - 1, 10);
    expect(better.overall).toMatchObject({ units: 40, unit: "document", share: 1, absent: null });
  });

  it("pairs documents: what is hard for both is no difference", () => {
    const { low, high } = better.overall.relative;
    // single documents differ by a factor of e^0.3; the two models on one document by e^0.03
    expect(high! - low!).toBeLessThan(0.03);
    expect(low!).toBeLessThan(-0.09);
    expect(high!).toBeGreaterThan(-0.11);
  });

  it("calls a tie a tie, overall and by domain", () => {
    expect([better.overall.verdict, tied.overall.verdict]).toEqual(["better", "tie"]);
    expect(better.tally).toEqual({ better: 2, worse: 0, tie: 0, unknown: 0 });
    expect(tied.tally).toEqual({ better: 0, worse: 0, tie: 2, unknown: 0 });
    expect(compare([b, a].map(named), options).pairs[0].overall.verdict).toBe("worse");
  });

  it("names the documents that make most of the difference", () => {
    const [most, next] = better.documents.map(({ baseline, model, bytes }) => Math.abs(model - baseline) * bytes);
    expect(most).toBeGreaterThan(next);
  });

  it("gives no interval for few documents", () => {
    const few = [0.9, 1].map((bits) => named(modelProfile({ name: `m${bits}`, bitsPerByte: bits, documents: 9 })));
    expect(compare(few, options).pairs[0].overall).toMatchObject({
      verdict: null,
      absent: "9 documents; an interval needs 10",
    });
  });

  it("says what it cannot compare", () => {
    expect(found.refusals.map(({ figure }) => figure)).toEqual(["passages"]);
  });
});

it("tells two profiles of one model apart by their files", () => {
  const { models, pairs } = compare(
    [a, a].map((profile, index) => ({ file: `runs/${index}.json`, profile })),
    options,
  );
  expect(models.map(({ model }) => model)).toEqual(["a (0.json)", "a (1.json)"]);
  const folders = ["one/p.json", "two/p.json"].map((file) => ({ file, profile: a }));
  expect(compare(folders, options).pairs[0].model).toBe("a (two/p.json)");
  expect(pairs[0]).toMatchObject({
    model: "a (1.json)",
    overall: { difference: { value: 0, low: 0, high: 0 }, verdict: "tie" },
  });
});

it("says where models were given different windows", () => {
  const planned = (profile: Profile, context: number) => ({ ...profile, plan: { context, overlap: context / 2 } });
  const notes = (first: Profile, second: Profile) => compare([first, second].map(named), options).notes;
  expect(notes(planned(a, 512), planned(b, 512))).toEqual([]);
  expect(notes(planned(a, 1024), planned(b, 512))).toEqual([
    expect.stringMatching(/windows differ.*a 1,024 tokens, 512 of them re-read; b 512 tokens, 256 of them re-read/),
  ]);
});

describe("texts", () => {
  const shorter = { ...b, documents: b.documents.slice(0, 30) };

  it("have to be the same", () => {
    expect(() => compare([a, shorter].map(named), options)).toThrow(
      /different texts: a.json has 40 documents, b.json has 30 documents, 30 are in all.*--common/,
    );
    expect(compare([a, shorter].map(named), { ...options, common: true }).corpus.documents).toBe(30);
  });

  it("have to share something", () => {
    const other = { ...b, documents: b.documents.map((one) => ({ ...one, sha256: `f${one.sha256.slice(1)}` })) };
    expect(() => compare([a, other].map(named), { ...options, common: true })).toThrow(
      /0 are in all: measure all models on the same text$/,
    );
  });

  it("have to have been scored", () => {
    const mute = { ...b, documents: b.documents.map((one) => ({ ...one, nats: null })) };
    expect(() => compare([a, mute].map(named), options)).toThrow(/b.json has no code length of 0.txt/);
  });

  it("have to be two", () => expect(() => compare([named(a)], options)).toThrow(/one profile has nothing/));
});

/** One long document, all of its text kept, cut by a tokenizer of the model's own. */
function long(name: string, natsPerByte: number, keep = 1): Profile {
  const text = "It was a bright cold day in April, and the clocks were striking thirteen. ".repeat(2000);
  const dice = random(3, name);
  const hard = random(4, "hard");
  const difficulty = Array.from({ length: Math.ceil(text.length / 1000) }, () => Math.exp(0.3 * hard.normal()));
  const ends: number[] = [];
  for (let at = 0; at < text.length; ) ends.push((at = Math.min(text.length, at + 1 + dice.below(5))));
  const nats = ends.map(
    (end, token) =>
      (end - (ends[token - 1] ?? 0)) *
      natsPerByte *
      difficulty[Math.floor((end - 1) / 1000)] *
      (0.9 + 0.2 * dice.uniform()),
  );
  const total = nats.reduce((sum, one) => sum + one, 0);
  const profile = sampleProfile();
  const kept = ends.findIndex((end) => end >= keep * text.length) + 1;
  return {
    ...profile,
    model: { ...profile.model, name },
    corpus: { ...profile.corpus, unit: "block", documents: 1, bytes: text.length, tokens: ends.length },
    documents: [{ id: "long.txt", sha256: "ab", domain: "text", bytes: text.length, tokens: ends.length, nats: total }],
    passages: [
      {
        document: 0,
        start: 0,
        text: text.slice(0, ends[kept - 1]),
        bitsPerByte: null,
        ends: ends.slice(0, kept),
        nats: nats.slice(0, kept),
      },
    ],
  };
}

describe("one long document", () => {
  it("is compared over stretches as long as a block of the baseline", () => {
    const [first, second] = [long("a", 1), long("b", 0.98)];
    const [pair] = compare([first, second].map(named), options).pairs;
    expect(pair.kept).toBeNull();
    expect(pair.overall).toMatchObject({ verdict: "better", unit: "stretch", share: 1 });
    const [a, b] = [first, second].map(({ documents, corpus }) => documents[0].nats! / Math.LN2 / corpus.bytes);
    expect(pair.overall.difference.value).toBeCloseTo(b - a, 8);
    expect(pair.overall.units).toBe(Math.round(first.corpus.tokens / 2048));
    expect(pair.domains).toMatchObject([{ domain: "text", verdict: "better", unit: "stretch" }]);
  });

  it("says what share of the text the stretches are", () => {
    const [pair] = compare([long("a", 1, 0.6), long("b", 0.98)].map(named), options).pairs;
    expect(pair.kept!.share).toBeCloseTo(0.6, 2);
    expect(pair.overall).toMatchObject({ verdict: null, share: 1, absent: expect.stringMatching(/kept text/) });
  });

  it("is shown where the models differ most, with the same bytes on both sides", () => {
    const [pair] = compare([long("a", 1), long("b", 1)].map(named), options).pairs;
    expect([pair.better.length, pair.worse.length]).toEqual([5, 5]);
    for (const [index, { nats, tokens, text, bytes }] of pair.better.entries()) {
      expect(nats[0]).toBeGreaterThan(nats[1]);
      expect(tokens.map(({ ends }) => ends.at(-1))).toEqual([bytes, bytes]);
      expect(text.length).toBe(bytes);
      if (index > 0)
        expect(nats[0] - nats[1]).toBeLessThanOrEqual(pair.better[index - 1].nats[0] - pair.better[index - 1].nats[1]);
    }
    expect(pair.worse.every(({ nats }) => nats[0] < nats[1])).toBe(true);
  });
});
