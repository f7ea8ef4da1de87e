import { describe, expect, it } from "vitest";
import { bestBaseline, headline } from "./headline.ts";
import { hostile, lossesOnly, sampleProfile, untrained } from "./sample.testing.ts";

const plain = (texts: readonly string[]): string => texts.join(" ").replaceAll("\u00a0", " ");

describe("headline", () => {
  it("says how small the text gets, and against what", () => {
    const { claim, beside } = headline(sampleProfile());
    expect(plain([claim])).toBe("stories260k writes tinyshakespeare in 45.1 % of its size");
    expect(plain(beside)).toContain("bzip2 -9, needs 2.55: the model needs 41.3 % more");
    expect(plain(beside)).toContain("the text takes 6.02 times its size");
    expect(plain(beside)).toContain("Every byte of weights stands for 1,828 bytes");
  });

  it("does not call a text small that is not", () => {
    expect(plain([headline(untrained()).claim])).toBe(
      "stories260k does not make tinyshakespeare any smaller: 100 % of its size",
    );
  });

  it("calls a tie a tie, and a model ahead ahead", () => {
    const profile = sampleProfile();
    const { overall } = profile.coding!;
    overall.bitsPerByte = { value: 2.55, low: 2.5, high: 2.6 };
    expect(plain(headline(profile).beside)).toContain("too close to tell apart");
    overall.bitsPerByte = { value: 1.276, low: 1.2, high: 1.3 };
    expect(plain(headline(profile).beside)).toContain("the model needs 50.0 % fewer");
    overall.bitsPerByte = { value: 7.65, low: 7.6, high: 7.7 };
    expect(plain(headline(profile).beside)).toContain("the model needs 3.00 times as many");
  });

  it("says when the figure is no code length", () => {
    const profile = sampleProfile();
    profile.coding!.overall.isCodeLength = false;
    profile.coding!.overall.repairs = { bytes: 1865, bits: 1 };
    expect(plain(headline(profile).beside)).toContain("Not a code length: 1.00 % of the bytes");
  });

  it("stands without coding and without baselines", () => {
    expect(plain([headline({ ...sampleProfile(), coding: null }).claim])).toBe("stories260k: 1.04 MB of weights");
    const profile = lossesOnly();
    profile.coding!.overall.baselines = [];
    expect(bestBaseline([])).toBeNull();
    expect(plain(headline(profile).beside)).toMatch(/^That is 3\.606 \(3\.585–3\.627\) bits for each byte\./);
  });

  it("says what was left aside of a model that also sees, a few by name", () => {
    const profile = sampleProfile();
    const tower = { tensors: 1, parameters: 384, bytes: 1536 };
    profile.ledger.aside = ["vision_tower", "projector", "audio", "video"].map((name) => ({ ...tower, name }));
    expect(plain(headline(profile).beside)).toContain(
      "The text model alone is measured; left aside: vision_tower (1.54 kB), projector (1.54 kB), audio (1.54 kB) and 1 more.",
    );
  });

  it("shortens names of any length", () => expect(headline(hostile()).claim.length).toBeLessThan(160));
});
