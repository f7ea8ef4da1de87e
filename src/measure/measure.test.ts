/**
 * What holds of every measurement, on a model small enough to measure it many ways: every byte once, the first token's
 * price, and figures that depend on the seed and on nothing else.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sum } from "../numeric/sums.ts";
import type { Profile } from "../profile/profile.ts";
import { type Asked, CONFIG, figuresOf, measureFiles, sampleText, writeModel, writeText } from "./model.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const documents = sampleText(24, 150).split("\n\n");

async function asked(more: Partial<Asked> = {}): Promise<Asked> {
  return {
    model: await writeModel(at("model")),
    text: writeText(at("text.txt"), documents.join("\n\n")),
    work: at("work"),
    ...more,
  };
}

const bitsPerByte = ({ coding }: Profile): number => coding!.overall.bitsPerByte.value!;
const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(b);

describe("every token of the text", () => {
  it.each([
    [8, 0],
    [8, 3],
    [20, 18],
    [64, 32],
  ])("is scored once: windows of %i that re-read %i", async (tokens, overlap) => {
    const request = await asked({ plan: { context: { tokens }, overlap } });
    const { profile, documents: measured, lossesOf } = await measureFiles(request);
    const bytes = sum(documents.map((text) => Buffer.byteLength(text)));
    expect(profile.corpus).toMatchObject({ documents: 24, bytes, tokens: bytes });
    expect(profile.coding!.overall).toMatchObject({ bytes, tokens: bytes });
    const nats = measured.map(({ index }) => sum(lossesOf(index)));
    expect(measured.every(({ index, ids }) => lossesOf(index).length === ids.length)).toBe(true);
    expect(profile.documents.map((document) => document.nats)).toEqual(
      nats.map((value) => expect.closeTo(value, 6) as unknown),
    );
    expect(bitsPerByte(profile)).toBeCloseTo(sum(nats) / bytes / Math.LN2, 9);
  });

  it("costs what it costs by itself: no document sees another", async () => {
    const request = await asked();
    const { lossesOf } = await measureFiles(request);
    const alone = await measureFiles({ ...request, text: writeText(at("one.txt"), documents[7]) });
    const [among, apart] = [lossesOf(7), alone.lossesOf(0)];
    expect(among.length).toBe(apart.length);
    for (const [token, nats] of among.entries()) expect(nats).toBeCloseTo(apart[token], 4);
  });

  it("is predicted from end of text where the tokenizer has one; else the first costs log2 V bits", async () => {
    const opened = await measureFiles(await asked());
    const request = await asked({ model: await writeModel(at("bare"), { prefix: false }) });
    const bare = await measureFiles(request);
    for (const { index } of bare.documents) {
      expect(bare.lossesOf(index)[0] / Math.LN2).toBeCloseTo(Math.log2(CONFIG.vocab_size), 5);
      expect(Math.abs(opened.lossesOf(index)[0] / Math.LN2 - Math.log2(CONFIG.vocab_size))).toBeGreaterThan(1e-3);
    }
    expect(bare.profile.coding!.overall.tokens).toBe(opened.profile.coding!.overall.tokens);
  });
});

describe("the figures", () => {
  const whole = { plane: { points: 20 }, geometry: true };

  it("do not change with what is kept for the report, which says what was likeliest in place of each token", async () => {
    const request = await asked({ plan: whole });
    const { profile } = await measureFiles(request);
    const bare = await measureFiles({ ...request, plan: { ...whole, keepText: false } });
    expect(bare.profile.passages).toEqual([]);
    const { id, plan, passages, ...same } = figuresOf(profile) as Profile;
    expect(figuresOf(bare.profile)).toMatchObject(same);
    let among = 0;
    for (const { text, ends, nats, expected } of profile.passages) {
      expect(expected!.best).toHaveLength(3 * ends.length);
      for (const [token, end] of ends.entries()) {
        const own = text.slice(ends[token - 1] ?? 0, end); // ASCII: bytes are characters
        const shares = expected!.shares.slice(3 * token, 3 * token + 3);
        const names = expected!.best.slice(3 * token, 3 * token + 3).map((place) => expected!.tokens[place]);
        expect(shares).toEqual(shares.toSorted((a, b) => b - a));
        const share = Math.exp(-nats[token]);
        if (!names.includes(own)) expect(share).toBeLessThanOrEqual(shares[2] + 2e-4);
        else expect(Math.abs(shares[names.indexOf(own)] - share)).toBeLessThan(2e-4);
        among += Number(names.includes(own));
      }
    }
    expect(among).toBeGreaterThan(0);
  });

  it("are the same for the same seed, and the drawn ones others for another", async () => {
    const request = await asked({ plan: whole });
    const first = await measureFiles(request);
    const second = await measureFiles(request);
    expect(figuresOf(second.profile)).toEqual(figuresOf(first.profile));
    const other = await measureFiles({ ...request, plan: { ...whole, seed: 1 } });
    expect(other.profile.id).not.toBe(first.profile.id);
    expect(bitsPerByte(other.profile)).toBe(bitsPerByte(first.profile));
    expect(other.profile.plane!.layers[1].entropy).not.toBe(first.profile.plane!.layers[1].entropy);
  });

  it("do not depend on how many windows go through the model together", async () => {
    const request = await asked({ plan: { ...whole, context: { tokens: 40 }, batchTokens: 2048 } });
    const many = await measureFiles(request);
    const one = await measureFiles({ ...request, plan: { ...request.plan, batchTokens: 1 } });
    expect(relative(bitsPerByte(one.profile), bitsPerByte(many.profile))).toBeLessThan(1e-6);
    for (const { index } of many.documents) {
      const losses = many.lossesOf(index);
      for (const [token, nats] of one.lossesOf(index).entries()) {
        expect(relative(nats, losses[token])).toBeLessThan(1e-4);
      }
    }
    many.profile.plane!.layers.forEach((layer, i) => {
      const twin = one.profile.plane!.layers[i];
      expect(relative(twin.entropy, layer.entropy)).toBeLessThan(1e-5);
      for (const order of ["1", "4"] as const) {
        const [a, b] = [twin.orders[order].complexity, layer.orders[order].complexity];
        expect(relative(a.plugin, b.plugin)).toBeLessThan(1e-5);
        expect(Math.abs(a.heldOut.value! - b.heldOut.value!)).toBeLessThan(1e-5);
      }
    });
    many.profile.geometry!.layers.forEach((layer, i) => {
      const twin = one.profile.geometry!.layers[i];
      expect(relative(twin.centred!.participationRatio, layer.centred!.participationRatio)).toBeLessThan(1e-5);
    });
  });

  it("do not depend on the order of the documents", async () => {
    const request = await asked();
    const { profile } = await measureFiles(request);
    const reversed = await measureFiles({
      ...request,
      text: writeText(at("reversed.txt"), documents.toReversed().join("\n\n")),
    });
    expect(reversed.profile.corpus.digest).not.toBe(profile.corpus.digest);
    expect(relative(bitsPerByte(reversed.profile), bitsPerByte(profile))).toBeLessThan(1e-7);
    const nats = new Map(profile.documents.map((document) => [document.sha256, document.nats!]));
    for (const document of reversed.profile.documents) {
      expect(relative(document.nats!, nats.get(document.sha256)!)).toBeLessThan(1e-6);
    }
  });
});
