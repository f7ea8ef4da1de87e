import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { LossyscopeError } from "../../numeric/errors.ts";
import { PRE_NAMES, preOf } from "./pre.ts";
import { ggufChatTemplates, ggufTokenizer, ggufTokenizerDigest } from "./tokenizer.ts";
import { cases, metadataOf, unigrams } from "./vocabulary.testing.ts";

const { texts } = cases;

/** Ids of every text beside llama.cpp's, with the texts that they are of. */
const idsOf = (metadata: ReadonlyMap<string, unknown>, specialTokens = false) => {
  const tokenizer = ggufTokenizer(metadata, { specialTokens });
  return texts.map((text) => ({ text, ids: [...tokenizer.encode(text).ids] }));
};
const beside = (ids: readonly (readonly number[])[]) => ids.map((of, index) => ({ text: texts[index], ids: of }));

describe("ids are llama.cpp's", () => {
  /** by what the name stands for: most have several names */
  const known = new Map<string, ReturnType<typeof idsOf>>();

  test.each(cases.bytePairs.flatMap((group) => group.pres.map((pre) => [pre, group] as const)))(
    "where text is cut as %j cuts it",
    (pre, { plain, special, opening }) => {
      const metadata = metadataOf("byte-pairs", { pre: pre || undefined });
      const { patterns, ignoreMerges } = preOf(pre);
      const key = JSON.stringify([patterns, ignoreMerges]);
      const ids = known.get(key) ?? idsOf(metadata);
      known.set(key, ids);
      expect(ids).toEqual(beside(plain));
      if (special) expect(idsOf(metadata, true)).toEqual(beside(special));
      const { control, prefix } = ggufTokenizer(metadata);
      expect(control.around.before).toEqual(opening[pre] === null ? [] : [opening[pre]]);
      expect(prefix).toEqual({ id: opening[pre] ?? control.eos, addedByTokenizer: opening[pre] !== null });
    },
  );

  test("every name that is followed among them", () => {
    expect(
      cases.bytePairs
        .flatMap(({ pres }) => pres)
        .filter(Boolean)
        .sort(),
    ).toEqual(PRE_NAMES);
  });

  test.each(Object.entries(cases.vocabularies))("where pieces are joined by scores: %s", (name, ids) => {
    expect(idsOf(metadataOf(name))).toEqual(beside(ids.plain));
    expect(idsOf(metadataOf(name), true)).toEqual(beside(ids.special));
    expect(ggufTokenizer(metadataOf(name)).control.around.before).toEqual(ids.opening === null ? [] : [ids.opening]);
  });
});

describe("ids of unigram models are llama.cpp's", () => {
  const { texts, ids } = unigrams;

  test.each(Object.entries(ids))("%s", (name, { plain, special, bos, eos }) => {
    for (const [specialTokens, expected] of [
      [false, plain],
      [true, special],
    ] as const) {
      const tokenizer = ggufTokenizer(metadataOf(name), { specialTokens });
      for (const [index, text] of texts.entries()) {
        // What is spaces alone, which are dropped, has no token that would stand for its bytes.
        if (expected[index].length === 0 && text !== "")
          expect(() => tokenizer.encode(text)).toThrow(/tokens cover 0 of/);
        else expect({ text, ids: [...tokenizer.encode(text).ids] }).toEqual({ text, ids: expected[index] });
      }
      expect(tokenizer.control.around).toEqual({ before: bos ? [tokenizer.control.bos] : [], after: eos ? [1] : [] });
    }
  });
});

describe("bytes", () => {
  const some = ["byte-pairs", "sentence-pieces", "no-space-prefix", "unigram-spaces-kept", "unigram-as-it-is"].map(
    (name) => [name, ggufTokenizer(metadataOf(name))] as const,
  );

  it.each(some)("of the tokens are those of the text: %s", (name, tokenizer) => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const { ids, byteEnds, bytes, repairs } = tokenizer.encode(text);
        expect(byteEnds.at(-1) ?? 0).toBe(bytes);
        if (repairs.length > 0 || text.includes("▁")) return;
        const decoded = Buffer.concat([...ids].map((id) => tokenizer.bytesOf(id))).toString();
        const opened = tokenizer.opensWithSpace(null) && (name.startsWith("unigram") ? /[^ ]/ : /./s).test(text);
        expect(decoded).toBe(opened ? ` ${text}` : text);
      }),
      { numRuns: 500 },
    );
  });

  it("of a user-defined token are its spelling", () => {
    const tokenizer = ggufTokenizer(metadataOf("byte-pairs"));
    const { ids, byteEnds } = tokenizer.encode("é<tag>!");
    expect([...byteEnds]).toEqual([2, 7, 8]);
    expect(Buffer.from(tokenizer.bytesOf(ids[1])).toString()).toBe("<tag>");
  });
});

describe("a vocabulary", () => {
  const refusal = (changes: Readonly<Record<string, unknown>>, name = "byte-pairs") => {
    try {
      ggufTokenizer(metadataOf(name, changes));
    } catch (error) {
      expect(error).toBeInstanceOf(LossyscopeError);
      return (error as LossyscopeError).message;
    }
    return "";
  };
  const tokens = metadataOf("byte-pairs").get("tokenizer.ggml.tokens") as readonly string[];

  it.each([
    [{ model: undefined }, "it has no tokenizer.ggml.model"],
    [{ model: 7 }, "tokenizer.ggml.model is 7, no text"],
    [{ model: "bert" }, 'of the kind "bert", WordPiece'],
    [{ model: "next" }, 'of the kind "next": byte-level merges'],
    [{ pre: "next-bpe" }, 'cuts text as "next-bpe" does (tokenizer.ggml.pre), which is not known here'],
    [{ pre: ["qwen2"] }, 'tokenizer.ggml.pre is ["qwen2"], no text'],
    [{ tokens: undefined }, "it has no tokenizer.ggml.tokens"],
    [{ tokens: [1, 2] }, "tokenizer.ggml.tokens is no list of texts"],
    [
      { tokens: [...tokens.slice(0, -1), "a"] },
      `the tokens 97 and ${(tokens.length - 1).toLocaleString("en")} are both`,
    ],
    [{ token_type: new Int32Array(3) }, `token_type has 3 entries for ${tokens.length.toLocaleString("en")} tokens`],
    [{ token_type: "normal" }, "tokenizer.ggml.token_type is no list of numbers"],
    [{ token_type: new BigInt64Array(tokens.length) }, "tokenizer.ggml.token_type is no list of numbers"],
    [{ merges: undefined }, "it has no tokenizer.ggml.merges"],
    [{ merges: ["a s", "as"] }, "merge 2 of 2"],
    [{ merges: ["a next"] }, 'merge 1 of 1, "a next", needs "next", which is no token'],
    [{ merges: ["a !", "~ \u0000"] }, "merge 2 of 2"],
    [{ bos_token_id: tokens.length }, `bos_token_id is ${tokens.length}, there are`],
    [{ bos_token_id: -1 }, "bos_token_id is -1, there are"],
    [{ bos_token_id: 2n ** 63n }, "bos_token_id is 9223372036854775808, there are"],
    [{ add_bos_token: 1 }, "add_bos_token is 1, not true or false"],
    [{ add_bos_token: true, bos_token_id: undefined }, "puts BOS around a text and names no bos_token_id"],
  ] as const)("is refused with what is wrong in it: %o", (changes, message) => {
    expect(refusal(changes)).toContain(message);
  });

  it("of sentence pieces is refused without scores and with scores that are none, not for a token of a million letters", () => {
    expect(refusal({ scores: undefined }, "sentence-pieces")).toContain("it has no tokenizer.ggml.scores");
    const { length } = metadataOf("sentence-pieces").get("tokenizer.ggml.tokens") as readonly string[];
    const scores = new Float32Array(length).fill(-1);
    scores[300] = Number.NaN;
    expect(refusal({ scores }, "sentence-pieces")).toContain("the score of token 300");
    const long = ["<unk>", "▁", "a", "aa", "a".repeat(2 ** 20)];
    const ids = { bos_token_id: undefined, eos_token_id: undefined, unknown_token_id: undefined, add_bos_token: false };
    const other = { ...ids, tokens: long, token_type: undefined, scores: new Float32Array(5) };
    expect([...ggufTokenizer(metadataOf("sentence-pieces", other)).encode("aaa").ids]).toEqual([1, 3, 2]);
  });

  it("may lack tokens for some bytes, until a text has one", () => {
    const without = tokens.map((token) => (token === "\u0100" ? "<no byte>" : token));
    const tokenizer = ggufTokenizer(metadataOf("byte-pairs", { tokens: without }));
    expect(tokenizer.encode("as").bytes).toBe(2);
    expect(() => tokenizer.encode("as\0")).toThrow("tokens cover 2 of 3 bytes (gap at byte 2)");
  });

  it("without a kind of cutting is cut as llama.cpp does, and that is said", () => {
    expect(ggufTokenizer(metadataOf("byte-pairs")).notice).toContain("it has no tokenizer.ggml.pre");
    expect(ggufTokenizer(metadataOf("byte-pairs", { pre: "qwen2" })).notice).toBeNull();
  });

  it("has one digest, and another where anything in it is changed", () => {
    const digest = (changes = {}) => ggufTokenizer(metadataOf("byte-pairs", changes)).digest;
    expect(digest()).toBe(ggufTokenizerDigest(metadataOf("byte-pairs")));
    expect(new Set([digest(), digest({ pre: "qwen2" }), digest({ add_bos_token: true })]).size).toBe(3);
  });
});

it("names are kept for the chat template, and the templates", () => {
  const metadata = new Map([
    ...metadataOf("sentence-pieces"),
    ["tokenizer.chat_template", "{{ bos_token }}"],
    ["tokenizer.chat_templates", ["tool_use"]],
    ["tokenizer.chat_template.tool_use", "{{ tools }}"],
  ]);
  expect(Object.fromEntries(ggufTokenizer(metadata).control.names)).toEqual({
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
  });
  expect(Object.fromEntries(ggufChatTemplates(metadata)!.templates)).toEqual({
    default: "{{ bos_token }}",
    tool_use: "{{ tools }}",
  });
  expect(ggufChatTemplates(metadataOf("byte-pairs"))).toBeNull();
});
