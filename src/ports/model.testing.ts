/**
 * What every model owes those who measure it (`model.ts`): what it says that it can do holds together with what it is; its
 * tokenizer gives tokens that it has, which tile the text; its digests are of its files, the same every time, and told as they
 * come; a file that is no longer the one that was opened is refused. A kind of model's test calls this once.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { seenAsRunnable } from "../models/sources/runnable.ts";
import { bindWeights } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { CAPABILITIES, decoderOf, type Model, requireDecoder } from "./model.ts";

export interface Subject {
  /** a new model, over files of its own where it has any */
  readonly make: () => Promise<Model>;
  /** Changes a file of the one that was made last; left out where it has none. */
  readonly change?: () => void;
}

const TEXTS = ["", "a", "The quick brown fox", "zwölf Boxkämpfer\n\n  3,14 \u{1f600}", "<|endoftext|> <s>"];
const HEX = /^[0-9a-f]{64}$/;

/** @param name of the kind of model, as its tests call it */
export function describeModel(name: string, { make, change }: Subject): void {
  describe(`${name}, as a model`, () => {
    const at = temporaryFolder();
    beforeEach(() => {
      vi.stubEnv("XDG_CACHE_HOME", at("cache"));
      return () => vi.unstubAllEnvs();
    });

    it("is called by a name that is no path", async () => {
      const model = await make();
      expect(model.name).not.toBe("");
      expect(model.name.split("/").length).toBeLessThan(3);
      expect(model.name).not.toMatch(/[\\:]/);
    });

    it("can do something, of what there is, and what it is agrees with that", async () => {
      const model = await make();
      const { can, layers, width, positions, vocabulary, weightFileBytes } = model;
      expect(can.size).toBeGreaterThan(0);
      for (const one of can) expect(CAPABILITIES).toContain(one);
      const seen = (["assignments", "moments", "states"] as const).some((one) => can.has(one));
      if (seen) expect([layers, width]).toEqual([expect.any(Number), expect.any(Number)]);
      expect(vocabulary).toBeGreaterThan(0);
      if (positions !== null) expect(positions).toBeGreaterThan(0);
      const decoder = decoderOf(model);
      expect(can.has("weights")).toBe(decoder !== null);
      if (decoder === null) {
        expect(can.has("steps")).toBe(false);
        expect(() => requireDecoder(model, "looking at it")).toThrow(
          /^looking at it takes the weights of a model, and those of .* are not at hand/,
        );
        return;
      }
      const { spec, weights } = decoder;
      expect(bindWeights(spec, seenAsRunnable(weights)).size).toBeGreaterThan(0);
      expect(weightFileBytes).toBeGreaterThan(0);
      const { architecture, blocks } = spec;
      const own = { architecture, layers: blocks.length, width: spec.width };
      expect(model).toMatchObject({ ...own, vocabulary: spec.vocabulary, positions: spec.positions });
    });

    it("may be called otherwise, and is the same", async () => {
      const renamed = { ...(await make()), name: "another" };
      expect((await renamed.tokenizer()).encode("a").ids.length).toBeGreaterThan(0);
      expect(await renamed.digests()).toEqual(await renamed.digests());
      await renamed.refuseChanges();
    });

    it.each([undefined, { specialTokens: true }])("cuts texts into tokens that it has: %j", async (options) => {
      const { vocabulary, ...model } = await make();
      const tokenizer = await model.tokenizer(options);
      if (tokenizer.prefix) expect(tokenizer.prefix.id).toBeLessThan(vocabulary);
      for (const text of TEXTS) {
        const { ids, byteEnds, bytes } = tokenizer.encode(text);
        expect([...ids].filter((id) => id < 0 || id >= vocabulary)).toEqual([]);
        expect([bytes, byteEnds.at(-1) ?? 0]).toEqual([Buffer.byteLength(text), Buffer.byteLength(text)]);
      }
    });

    it("ends texts with tokens that it has", async () => {
      const { vocabulary, ...model } = await make();
      for (const id of await model.ends()) expect(id).toBeLessThan(vocabulary);
    });

    it("has a digest of what it has, the same every time, and tells of every byte", async () => {
      const model = await make();
      let told = 0;
      const digests = await model.digests({ onBytes: (bytes) => (told += bytes) });
      for (const one of Object.values(digests)) if (one !== null) expect(one).toMatch(HEX);
      expect(told).toBe(model.weightFileBytes);
      expect(await model.digests()).toEqual(digests);
      expect(await (await make()).digests()).toEqual(digests);
      expect(digests.weights === null).toBe(model.weightFileBytes === 0);
    });

    it.skipIf(change === undefined)("is refused once a file of it is another", async () => {
      const model = await make();
      await model.refuseChanges();
      change?.();
      const error = await model.refuseChanges().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(LossyscopeError);
      expect((error as LossyscopeError).fault).toBe("model");
    });
  });
}
