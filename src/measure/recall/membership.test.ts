import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { membershipOf, minK, type Side, scored } from "./membership.ts";

const document = (index: number, text: string): TokenizedDocument => ({
  index,
  id: `d${index}`,
  domain: "text",
  sha256: text,
  text,
  bytes: text.length,
  characters: text.length,
  ids: Int32Array.from(text, (letter) => letter.charCodeAt(0)),
  byteEnds: Uint32Array.from({ length: text.length }, (_, i) => i + 1),
  normalised: false,
  repairs: { bytes: 0, bits: 3 },
});

/** Documents of words; each token costs about `nats`. */
function side(name: string, documents: number, nats: number, words: readonly string[]): Side {
  const stream = random(1, "membership", name);
  const texts = Array.from({ length: documents }, (_, i) =>
    document(i, Array.from({ length: 30 }, () => words[stream.below(words.length)]).join(" ")),
  );
  const losses = texts.map(({ ids }) => Float32Array.from(ids, () => nats * (0.5 + stream.uniform())));
  return { documents: texts, lossesOf: (index) => losses[index] };
}

const WORDS = ["sun", "moon", "river", "stone", "bread", "wheel", "under", "over"];
const OTHERS = ["chair", "glove", "piano", "lemon", "queen", "tiger", "vinyl", "zebra"];
const request = { shared: 0, prefixed: true, seed: 1 };

describe("membership", () => {
  it("tells text that costs less from text that costs more, of one kind", async () => {
    const found = await membershipOf({
      ...request,
      seen: side("seen", 40, 0.9, WORDS),
      unseen: side("unseen", 60, 1, WORDS),
    });
    expect(found!.gap.high).toBeLessThan(0);
    expect(found!.auc.loss.low).toBeGreaterThan(0.5);
    expect(found!.auc.minK.low).toBeGreaterThan(0.5);
    expect(found!.warning).toBeNull();
    expect(found!.blind.low).toBeLessThan(0.5);
    expect(found!.gap.value).toBeCloseTo(found!.seen.bitsPerByte.value! - found!.unseen.bitsPerByte.value!, 12);
  });

  it("warns where the two are of different kinds", async () => {
    const [seen, unseen] = [side("seen", 30, 1, WORDS), side("unseen", 30, 1, OTHERS)];
    const found = await membershipOf({ ...request, seen, unseen });
    expect(found!.blind.value).toBeGreaterThan(0.99);
    expect(found!.warning).toMatch("differ in kind");
  });

  it("has no interval for few documents, and nothing where a side is empty", async () => {
    const [seen, unseen] = [side("seen", 9, 1, WORDS), side("unseen", 30, 1, WORDS)];
    const found = await membershipOf({ ...request, seen, unseen });
    expect(found!.gap).toMatchObject({ low: null, high: null });
    expect(found!.auc.loss.value).not.toBeNull();
    expect(found!.auc.loss.low).toBeNull();
    expect(await membershipOf({ ...request, seen, unseen: { documents: [], lossesOf: unseen.lossesOf } })).toBeNull();
  });

  it("scores documents by their definitions", () => {
    const own = document(0, "abcdefghij".repeat(3));
    const losses = Float32Array.from(own.ids, (_, i) => (i * 7) % 11);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 30;
    const found = scored(own, losses, true)!;
    expect(found.bits).toBeCloseTo((30 * mean) / Math.LN2 + 3, 9);
    expect(found.loss).toBeCloseTo(-mean, 9);
    expect(found.lossPerDeflate).toBeCloseTo(-found.bits / (8 * deflateSync(own.text, { level: 9 }).length), 12);
    // without a prefix nothing predicts the first token: its ln V is length, not evidence
    const dear = losses.slice();
    dear[0] = 100;
    expect(scored(own, dear, false)!.loss).toBeCloseTo(-(30 * mean - losses[0]) / 29, 9);
    expect(scored(document(0, ""), new Float32Array(), true)).toBeNull();
  });

  it("takes the dearest fifth", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 }), (losses) => {
        const dearest = [...losses].sort((a, b) => b - a).slice(0, Math.max(1, Math.floor(losses.length / 5)));
        const mean = dearest.reduce((sum, loss) => sum + loss, 0) / dearest.length;
        expect(minK(Float32Array.from(losses))).toBeCloseTo(mean, 9);
      }),
    );
  });
});
