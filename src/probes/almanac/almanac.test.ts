import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWorld, documents, type Split } from "../../almanac/almanac.ts";
import { almanacPages, type PageRecord } from "../../almanac/record.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { measureFiles, writeModel } from "../../measure/model.testing.ts";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import type { Interval } from "../../profile/figures.ts";
import { figureAt } from "../../profile/read.ts";
import { metadataOfKind } from "../../text/metadata.testing.ts";
import { almanacNeeds, almanacSection } from "./almanac.ts";

interface Priced extends PageRecord {
  readonly bytes: number;
  readonly bits: number;
}

const section = (pages: readonly Priced[], seed = 0) => {
  const given = pages.map(({ bytes, bits: _, ...page }, index) => ({
    index,
    bytes,
    metadata: metadataOfKind(almanacPages, page),
  }));
  return {
    almanac: almanacSection(
      given,
      pages.map(({ bits }) => bits * Math.LN2),
      seed,
    ),
    /** known without the model */
    refusals: unmet(almanacNeeds(given, seed)),
  };
};

/** Pages of plausible floors, priced by `price`. */
function pagesOf(
  count: number,
  split: Split,
  price: (page: Omit<Priced, "bits">, noise: number) => number,
  seed = 0,
): Priced[] {
  const stream = random(seed, "pages", split);
  return Array.from({ length: count }, (_, i) => {
    const bytes = 500 + stream.below(500);
    const knownBits = bytes * (0.28 + 0.04 * stream.uniform());
    const unknownBits = knownBits + 40 + 10 * stream.uniform();
    const page = { bytes, knownBits, unknownBits, split, exposures: split === "unseen" ? 0 : 2 ** (i % 4) };
    return { ...page, bits: price(page, stream.uniform() - 0.5) };
  });
}

/** A model that is clumsy by g and knows a share of the world. */
const reader =
  (share: number, g: number, noisy = 0) =>
  ({ knownBits, unknownBits, bytes, split }: Omit<Priced, "bits">, noise: number): number =>
    unknownBits + g * bytes - (split === "unseen" ? 0 : share * (unknownBits - knownBits)) + noisy * noise;

describe("share of knowledge", () => {
  it("is what a model knows, however clumsy it is with the language", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -0.2, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (share, g) => {
          const price = reader(share, g);
          const { almanac, refusals } = section([...pagesOf(40, "known", price), ...pagesOf(30, "unseen", price)]);
          expect(refusals).toEqual([]);
          expect(almanac!.languageGap.value).toBeCloseTo(g, 9);
          for (const end of ["value", "low", "high"] as const) {
            expect(almanac!.shareOfKnowledge[end]).toBeCloseTo(share, 8);
          }
          expect(almanac!.shareOfKnowledgeWithoutGap.value!).toBeLessThanOrEqual(share + 1e-9);
          for (const level of almanac!.exposures) expect(level.shareOfKnowledge.value).toBeCloseTo(share, 8);
        },
      ),
      { numRuns: 8 },
    );
  });

  it("is of split known; exposures take balanced pages in as well", () => {
    const known = pagesOf(40, "known", reader(0.5, 0.1));
    const balanced = pagesOf(40, "balanced", reader(0.9, 0.1));
    const train = pagesOf(40, "train", reader(1, 0));
    const { almanac } = section([...known, ...balanced, ...train, ...pagesOf(30, "unseen", reader(0, 0.1))]);
    expect(almanac!.shareOfKnowledge.value).toBeCloseTo(0.5, 9);
    expect(almanac!.pages).toBe(40);
    expect(almanac!.exposures.map(({ exposures, pages }) => [exposures, pages])).toEqual([
      [1, 20],
      [2, 20],
      [4, 20],
      [8, 20],
    ]);
    for (const level of almanac!.exposures) {
      expect(level.shareOfKnowledge.value).toBeGreaterThan(0.65);
      expect(level.shareOfKnowledge.value).toBeLessThan(0.75);
    }
  });

  it("has the intervals that resampling page by page gives", () => {
    const price = reader(0.4, 0.2, 30);
    const pages = [...pagesOf(25, "known", price), ...pagesOf(15, "unseen", price)];
    const { almanac } = section(pages, 5);
    const shares: number[] = [];
    const gaps: number[] = [];
    for (let r = 0; r < 2000; r++) {
      const stream = random(5, "bootstrap", pages.length, r);
      const drawn = pages.map(() => pages[stream.below(pages.length)]);
      const total = (split: Split, of: (page: Priced) => number): number =>
        drawn.filter((page) => page.split === split).reduce((sum, page) => sum + of(page), 0);
      const g = total("unseen", (page) => page.bits - page.unknownBits) / total("unseen", (page) => page.bytes);
      gaps.push(g);
      shares.push(
        total("known", (page) => page.unknownBits + g * page.bytes - page.bits) /
          total("known", (page) => page.unknownBits - page.knownBits),
      );
    }
    const ends = (values: number[]) => {
      const sorted = values.sort((a, b) => a - b);
      const at = (q: number): number => {
        const place = q * (sorted.length - 1);
        const below = Math.floor(place);
        return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
      };
      return { low: expect.closeTo(at(0.025), 9), high: expect.closeTo(at(0.975), 9) };
    };
    expect(almanac!.shareOfKnowledge).toMatchObject(ends(shares));
    expect(almanac!.languageGap).toMatchObject(ends(gaps));
    expect(almanac!.shareOfKnowledge.high! - almanac!.shareOfKnowledge.low!).toBeGreaterThan(0.05);
    expect(almanac!.interval).toEqual({
      level: 0.95,
      resamples: 2000,
      absent: expect.stringContaining("exposure 1 (7)"),
    });
  });

  it("needs pages about entities never seen; without them it is left out with its reason", () => {
    const { almanac, refusals } = section(pagesOf(40, "known", reader(0.5, 0.1)));
    const none: Interval = { value: null, low: null, high: null };
    expect(almanac).toMatchObject({ shareOfKnowledge: none, languageGap: none, unseen: null });
    expect(almanac!.shareOfKnowledgeWithoutGap.value).toBeLessThan(0.5);
    expect(almanac!.shareOfKnowledgeWithoutGap.low).not.toBeNull();
    expect(refusals.map(({ figure }) => figure)).toEqual(["almanac.languageGap", "almanac.shareOfKnowledge"]);
    expect(refusals[0].remedy).toMatchObject({ text: expect.stringContaining("unseen.jsonl") });
  });

  it("is nothing where there is nothing to know", () => {
    const pages = [...pagesOf(20, "known", reader(0.5, 0)), ...pagesOf(20, "unseen", reader(0, 0))];
    const { almanac, refusals } = section(pages.map((page) => ({ ...page, unknownBits: page.knownBits })));
    expect(almanac!.shareOfKnowledge.value).toBeNull();
    expect(refusals[0].reason).toContain("nothing to know");
  });

  it("has no section without pages, and a null one without held-out pages about known entities", () => {
    expect(almanacSection([{ index: 0, bytes: 12 }], [3], 0)).toBeUndefined();
    expect(almanacNeeds([{ index: 0, bytes: 12 }], 0)).toEqual([]);
    const { almanac, refusals } = section(pagesOf(20, "train", reader(1, 0)));
    expect(almanac).toBeNull();
    expect(refusals).toMatchObject([{ figure: "almanac", remedy: { text: expect.stringContaining("known.jsonl") } }]);
  });

  it("has no interval from fewer than ten pages, and says of which", () => {
    const { almanac } = section([
      ...pagesOf(9, "known", reader(0.5, 0.1, 20)),
      ...pagesOf(12, "unseen", reader(0, 0.1, 20)),
    ]);
    expect(almanac!.shareOfKnowledge).toMatchObject({ value: expect.any(Number), low: null, high: null });
    expect(almanac!.languageGap.low).not.toBeNull();
    expect(almanac!.interval.absent).toMatch(/^no interval, too few pages: split known \(9\), exposure 1 \(3\)/);
  });

  it("has none either where a resample has none of a group's pages, which is known without the model", () => {
    const crowd = pagesOf(250, "known", reader(0.5, 0.1, 20));
    const told = (seed: number) => {
      const { almanac, refusals } = section([...crowd, ...pagesOf(10, "unseen", reader(0, 0.1, 20))], seed);
      const { absent } = almanac!.interval;
      expect(absent === null).toBe(almanac!.languageGap.low !== null);
      expect(refusals.map(({ reason }) => reason)).toEqual(absent === null ? [] : [absent]);
      return absent;
    };
    const found = Array.from({ length: 20 }, (_, seed) => told(seed));
    expect(found).toContain(null);
    expect(found).toContain("no interval, too few pages: split unseen (10)");
  });
});

describe("measured", () => {
  const at = temporaryFolder();
  const world = createWorld(5, "tiny");
  const pages = (["known", "unseen"] as const).flatMap((split) => [...documents(world, split)].slice(0, 11));
  const write = (name: string, records: readonly unknown[]): string => {
    writeFileSync(at(name), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    return at(name);
  };

  it("on its pages, an untrained model knows nothing, and its profile names the floors", async () => {
    const asked = { model: await writeModel(at("model")), work: at("work") };
    const { profile } = await measureFiles({ ...asked, text: write("pages.jsonl", pages) });
    const known = pages.filter(({ split }) => split === "known");
    const bytes = known.reduce((sum, page) => sum + page.bytes, 0);
    const nats = profile.documents.slice(0, known.length).reduce((sum, document) => sum + document.nats!, 0);
    expect(profile.almanac).toMatchObject({
      pages: known.length,
      bytes,
      bitsPerByte: { value: expect.closeTo(nats / Math.LN2 / bytes, 9) },
      floorKnown: expect.closeTo(known.reduce((sum, page) => sum + page.knownBits, 0) / bytes, 9),
      floorUnknown: expect.closeTo(known.reduce((sum, page) => sum + page.unknownBits, 0) / bytes, 9),
    });
    const share = figureAt(profile, "almanac.knowledge.share");
    expect(share).toMatchObject({ kind: "figure", figure: { value: 0, low: 0, high: 0 } });
    expect(profile.almanac!.knowledge).toMatchObject({ facts: 77, unhedged: { value: expect.any(Number) } });
    expect(profile.almanac!.knowledge!.unhedged.high!).toBeLessThan(0);

    const other = write("other.jsonl", [{ ...pages[0], knownBits: pages[0].knownBits + 1 }, ...pages.slice(1)]);
    expect((await measureFiles({ ...asked, text: other })).profile.corpus.digest).not.toBe(profile.corpus.digest);
    const plain = write(
      "plain.jsonl",
      pages.map(({ text }) => ({ text })),
    );
    const { profile: unpaged } = await measureFiles({ ...asked, text: plain });
    expect(unpaged.almanac).toBeUndefined();
    expect(unpaged.coding!.overall.bitsPerByte).toEqual(profile.coding!.overall.bitsPerByte);
    expect(figureAt(unpaged, "almanac.knowledge.share")).toEqual({
      kind: "absent",
      why: "almanac: it was not asked for or is not defined",
    });
  });
});
