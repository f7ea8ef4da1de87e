/** What a unigram tokenizer's rules and spaces change in a text, byte for byte, and rules that are damaged. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../../numeric/errors.ts";
import { CharsMap } from "./charsmap.ts";
import { ggufTokenizer } from "./tokenizer.ts";
import { metadataOf, unigrams } from "./vocabulary.testing.ts";

/** Kinds that the rules tell apart, and others. */
const KINDS = [..."abAe\u0301qxyz \t\u00a0\u3000\u200bﬁ…½㍿Ａ漢😀▁.", "\r\n", "  ", "qqq", "<tag>"];
const texts = fc.string({ unit: fc.constantFrom(...KINDS), maxLength: 40 });

describe.each(Object.keys(unigrams.vocabularies))("%s", (name) => {
  const tokenizer = ggufTokenizer(metadataOf(name));
  const isDropped = metadataOf(name).get("tokenizer.ggml.remove_extra_whitespaces") === true;

  it("says where its tokens do not give the text back: all else is as it was", () => {
    fc.assert(
      fc.property(texts, (text) => {
        // What is dropped whole has no token that would stand for its bytes.
        if ((isDropped ? /^[\s\u200b]*$/ : /^\u200b*$/).test(text)) return;
        const { ids, byteEnds, bytes, repairs } = tokenizer.encode(text);
        const from = Buffer.from(text);
        const decoded = Buffer.concat(
          Array.from(ids, (id, i) => {
            const own = tokenizer.bytesOf(id);
            return own[0] === 0x20 && tokenizer.opensWithSpace(i === 0 ? null : ids[i - 1]) ? own.subarray(1) : own;
          }),
        );
        expect(byteEnds.at(-1) ?? 0).toBe(bytes);
        for (const [i, end] of byteEnds.entries()) expect(end).toBeGreaterThanOrEqual(byteEnds[i - 1] ?? 0);
        let [at, there] = [0, 0];
        for (const repair of [...repairs, { start: bytes, end: bytes, decoded: 0 }]) {
          const length = repair.start - at;
          expect(decoded.subarray(there, there + length).toString("hex")).toBe(
            from.subarray(at, repair.start).toString("hex"),
          );
          there += length + repair.decoded;
          at = repair.end;
        }
        expect(there).toBe(decoded.length);
      }),
      { numRuns: 150 },
    );
  });
});

describe("rules", () => {
  const base = Buffer.from(String(unigrams.vocabularies.unigram.precompiled_charsmap), "base64");
  const { length } = base;

  it("replace the longest source that the text goes on with", () => {
    const rules = new CharsMap(base);
    const became = (text: string, at = 0): readonly [number, string] | undefined => {
      const found = rules.longest(Buffer.from(text), at);
      return found && [found.length, Buffer.from(found.target).toString()];
    };
    expect([became("qqqq"), became("qq"), became("q")]).toEqual([[3, "z"], [2, "y "], undefined]);
    expect([became("e\u0301"), became("xe\u0301", 1), became("ex")]).toEqual([[3, "é"], [3, "é"], undefined]);
    expect([became("\u200b"), became("\u3000"), became("\0")]).toEqual([[3, ""], [3, " "], undefined]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", base.subarray(0, 3), /precompiled_charsmap of 3 bytes claims 0 of nodes/],
    ["no node", Buffer.concat([Buffer.alloc(4), base]), /claims 0 of nodes/],
    ["half a node", Buffer.from([2, 0, 0, 0, 1, 1]), /claims 2 of nodes/],
    ["2^32 - 4 bytes", Buffer.concat([Buffer.from([0xfc, 255, 255, 255]), base]), /claims 4,294,967,292 of nodes/],
    ["no targets", base.subarray(0, 4 + base.readUInt32LE(0)), /has a target at byte \d+ of 0/],
    ["targets without an end", base.subarray(0, length - 1), /has a target at byte/],
  ])("of %s are refused", (_, blob, message) => {
    const text = "ﬁ\u00a0e\u0301qqq\u2026½㍿Ａ";
    const reading = () => {
      const tokenizer = ggufTokenizer(metadataOf("unigram", { precompiled_charsmap: blob }));
      for (const character of text) tokenizer.encode(`a${character}`);
      tokenizer.encode(text);
    };
    expect(reading).toThrow(message);
    expect(reading).toThrow(LossyscopeError);
  });

  it("of any bytes are followed or refused, in no more memory than a text takes", () => {
    const changes = fc.array(fc.tuple(fc.nat(length - 1), fc.nat(255)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(changes, texts, (changed, text) => {
        const blob = Uint8Array.from(base);
        for (const [at, byte] of changed) blob[at] = byte;
        try {
          const { byteEnds, bytes } = ggufTokenizer(metadataOf("unigram", { precompiled_charsmap: blob })).encode(
            `a${text}`,
          );
          expect(byteEnds.at(-1)).toBe(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(LossyscopeError);
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ scores: undefined }, "it has no tokenizer.ggml.scores, by which a unigram model weighs tokens"],
    [{ precompiled_charsmap: "text" }, "precompiled_charsmap is no list of bytes"],
    [{ precompiled_charsmap: new Float32Array(2) }, "precompiled_charsmap is no list of bytes"],
    [{ unknown_token_id: 10_000 }, "unknown_token_id is 10000, there are"],
    [{ token_type: new Uint8Array(910).fill(3) }, "it has no token of texts with a score"],
    [{ remove_extra_whitespaces: 1 }, "remove_extra_whitespaces is 1, not true or false"],
  ])("a vocabulary with %j is refused", (changes, message) => {
    const { length: tokens } = unigrams.vocabularies.unigram.tokens as readonly string[];
    const own = "token_type" in changes ? { token_type: new Uint8Array(tokens).fill(3) } : changes;
    expect(() => ggufTokenizer(metadataOf("unigram", own))).toThrow(message);
  });

  it("a vocabulary without a token for spaces is refused", () => {
    const tokens = (unigrams.vocabularies.unigram.tokens as readonly string[]).map((one) =>
      one === "▁" ? "no space" : one,
    );
    expect(() => ggufTokenizer(metadataOf("unigram", { tokens }))).toThrow("writes spaces as ▁, which is no token of");
  });
});
