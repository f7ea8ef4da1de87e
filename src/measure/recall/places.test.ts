import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { askedAt, placesOf } from "./places.ts";

const document = (index: number, tokens: number): TokenizedDocument => ({
  index,
  id: `d${index}`,
  domain: "text",
  sha256: String(index),
  text: "",
  bytes: tokens,
  characters: tokens,
  ids: Int32Array.from({ length: tokens }, (_, i) => i),
  byteEnds: Uint32Array.from({ length: tokens }, (_, i) => i + 1),
  normalised: false,
  repairs: { bytes: 0, bits: 0 },
});

const corpus = fc
  .array(fc.integer({ min: 0, max: 90 }), { maxLength: 12 })
  .map((lengths) => lengths.map((tokens, index) => document(index, tokens)));
const options = fc.record({
  longest: fc.integer({ min: 1, max: 12 }),
  length: fc.integer({ min: 1, max: 12 }),
  most: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(5),
});

describe("places", () => {
  it("lie apart in documents that are long enough, as many as there are up to the most", () => {
    fc.assert(
      fc.property(corpus, options, (documents, option) => {
        const stretch = option.longest + option.length;
        const places = placesOf(documents, option);
        const room = documents.reduce((sum, { ids }) => sum + Math.floor(ids.length / stretch), 0);
        expect(places.length).toBe(Math.min(option.most, room));
        for (const [i, { document, kind, start }] of places.entries()) {
          expect(start + stretch).toBeLessThanOrEqual(document.ids.length);
          expect(kind).toBe(start === 0 ? "start" : "inside");
          const next = places[i + 1];
          if (next?.document === document) expect(next.start).toBeGreaterThanOrEqual(start + stretch);
        }
      }),
    );
  });

  it("ask for what follows the prompt, inside a document for the same at every prefix", () => {
    fc.assert(
      fc.property(corpus, options, fc.integer({ min: 1, max: 12 }), (documents, option, wish) => {
        const prefix = Math.min(wish, option.longest);
        for (const place of placesOf(documents, option)) {
          const { from, prompt, truth } = askedAt(place, prefix, option);
          expect([prompt.length, truth.length]).toEqual([prefix, option.length]);
          expect([...prompt, ...truth]).toEqual(
            Array.from({ length: prefix + option.length }, (_, i) => from - prefix + i),
          );
          if (place.kind === "start") expect(prompt[0]).toBe(0);
          else expect(from).toBe(place.start + option.longest);
        }
      }),
    );
  });

  it("take from every document before they take more of one", () => {
    const documents = Array.from({ length: 5 }, (_, i) => document(i, 80));
    const places = placesOf(documents, { longest: 4, length: 4, most: 10, seed: 1 });
    for (const { index } of documents) {
      const own = places.filter((place) => place.document.index === index);
      expect(own.map(({ kind }) => kind)).toEqual(["start", "inside"]);
    }
  });
});
