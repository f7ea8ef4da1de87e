import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import type { SourceDocument } from "../text/documents.ts";
import { metadata } from "../text/metadata.testing.ts";
import { byteLevelTokenizerJson } from "./bytes.ts";
import { tokenizeCorpus, tokenizeDocument } from "./document.ts";
import { createTokenizer, loadTokenizer } from "./tokenizer.ts";

const document = (text: string, rest: Partial<SourceDocument> = {}): SourceDocument => ({
  id: "d",
  domain: "text",
  text,
  replaced: 0,
  ...rest,
});

describe("tokenizeDocument", () => {
  it("counts bytes, characters and what repairs cost", async () => {
    const tokenizer = await loadTokenizer(fixture("tokenizers/gemma"), {});
    const text = "e\u0301 😀▁!";
    const said = metadata({ labels: { language: "none" } });
    const tokenized = tokenizeDocument(tokenizer, document(text, { metadata: said }), 3);
    expect(tokenized).toMatchObject({
      index: 3,
      id: "d",
      domain: "text",
      text,
      metadata: said,
      bytes: 12,
      characters: 6,
    });
    expect(tokenized.sha256).toBe(createHash("sha256").update(text).digest("hex"));
    expect(tokenized.repairs).toEqual({ bytes: 3, bits: 24 + Math.log2(12) });
    expect(tokenized.normalised).toBe(false);
    expect(tokenizeDocument(tokenizer, document(""), 0)).toMatchObject({ bytes: 0, repairs: { bytes: 0, bits: 0 } });
  });

  it("refuses half a surrogate pair", async () => {
    const tokenizer = await loadTokenizer(fixture("tokenizers/gpt2"), {});
    expect(() => tokenizeDocument(tokenizer, document("a\ud800"), 0)).toThrow(/d holds half a surrogate pair/);
  });
});

describe("tokenizeCorpus", () => {
  it("lets tokens past the embedding be that no text reaches, and refuses a text that reaches one", async () => {
    const file = byteLevelTokenizerJson();
    const token = { special: false, single_word: false, lstrip: false, rstrip: false, normalized: false };
    const added_tokens = [
      { ...token, id: 257, content: "<row>" },
      { ...token, id: 258, content: "<no-row>" },
    ];
    const tokenizer = createTokenizer({ ...file, added_tokens }, { config: { vocab_size: 999 }, rows: 258 });
    const { documents } = await tokenizeCorpus(tokenizer, [document("a<row>b")]);
    expect(Array.from(documents[0].ids)).toContain(257);
    await expect(tokenizeCorpus(tokenizer, [document("a"), document("a<no-row>b", { id: "there" })])).rejects.toThrow(
      'there reaches the token "<no-row>" (id 258), which is past the model\'s 258 embeddings',
    );
    const fromConfig = createTokenizer({ ...file, added_tokens }, { config: { vocab_size: 258 } });
    expect(() => fromConfig.encode("<no-row>")).toThrow("(id 258)");
    expect(fromConfig.encode("no-row").ids.length).toBeGreaterThan(0);
  });

  it("goes on past a document that no tokens cover, and names it with the gap", async () => {
    const tokenizer = createTokenizer({
      pre_tokenizer: { type: "ByteLevel", use_regex: true },
      model: { type: "BPE", vocab: { a: 0, b: 1, Ġ: 2 }, merges: [] },
    });
    const sources = [document("ab a"), document("a bxa", { id: "gap" }), document("b", { replaced: 2 })];
    const corpus = await tokenizeCorpus(tokenizer, sources);
    expect(corpus.documents.map(({ index, ids }) => [index, Array.from(ids)])).toEqual([
      [0, [0, 1, 2, 0]],
      [1, [1]],
    ]);
    expect(corpus.refused).toEqual([{ id: "gap", reason: "gap: tokens cover 3 of 5 bytes (gap at byte 3)" }]);
    expect(corpus.invalidUtf8).toBe(2);
  });

  it("refuses a document only where its normaliser cannot be followed", () => {
    const { model, ...bytes } = byteLevelTokenizerJson() as { model: object };
    const tokenizer = createTokenizer({
      ...bytes,
      model,
      normalizer: { type: "Strip", strip_left: true, strip_right: true },
    });
    const corpus = tokenizeCorpus(tokenizer, [document(" a b "), document("ab", { id: "ab" })]);
    return expect(corpus).resolves.toMatchObject({
      documents: [{ id: "ab", normalised: false }],
      refused: [{ id: "d", reason: expect.stringMatching(/output \(3 bytes\) cannot be aligned with the 5 bytes/) }],
    });
  });
});
