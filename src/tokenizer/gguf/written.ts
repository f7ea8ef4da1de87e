/**
 * The tokenizer of a model's folder as the metadata of a GGUF file: byte-level merges (`gpt2`), for which a name of
 * `tokenizer.ggml.pre` has to be found that cuts text as tokenizer.json does, and sentencepiece's (`llama`), whose order of
 * merges becomes scores. llama.cpp's converter knows the name by the digest of the ids of one text; here the ids themselves
 * are compared, of texts in which every known way of cutting shows, and of the caller's.
 */
import { bool, type GgufPair, text, u32 } from "../../formats/gguf/write.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { BYTE_CHARACTERS } from "../bytes.ts";
import type { Cutter } from "../cut.ts";
import { readDefinition, type TokenizerFile } from "../definition.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { bytePairs } from "./byte-pairs.ts";
import { TYPE } from "./metadata.ts";
import { PRE_NAMES, preOf } from "./pre.ts";
import { ggufTokenizer } from "./tokenizer.ts";

type Pairs = (readonly [key: string, value: GgufPair])[];

/** Names that are tried first: what most models are converted as. */
const COMMON = ["gpt-2", "smollm", "llama-bpe", "qwen2", "gpt-4o", "deepseek-llm", "starcoder", "tekken"];

/** Numbers, contractions in both cases, spaces and lines of every length, signs, scripts with and without case, marks. */
const PROBES = [
  "Hello, world! It's what we've said: I'LL, you'Re, he'd, they'm.\n\n\nTabs\t\tand   spaces    end. \n \n x  ",
  "1 12 123 1234 12345 123456 1,234.56 ١٢٣ Ⅳ ½ x2y3 3x 2024-01-02T03:04:05Z",
  "camelCase HTTPServer snake_case __init__(self): return {'a': [1, 2]} // ok/* */ $x+=<=>^~|` @#%&",
  "Ünïcödé naïve Straße ПРИВЕТ мир ΑΒΓ αβγ ñandú İstanbul ǅ ﬁ café",
  "你好，世界。今日は晴れ。カタカナ ひらがな 한국어 ไทย עברית العربية हिन्दी ཨོཾ 🙂👍🏽 👩\u200d👩\u200d👧 \u00a0\u2003x\u200b",
  "\r\na\r\n\r\n  b\n\t c\n      d …—–“quoted” 'single' ''double'' !!!??? ...... ------ ======",
];

export interface WrittenTokenizer {
  readonly pairs: Pairs;
  /** `gpt2` or `llama`, and the name that it cuts text by */
  readonly said: string;
}

/**
 * @param file tokenizer.json as it is loaded (`loaded.ts`)
 * @param tokenizer made of it
 * @param rows of the model's embedding: so many tokens the file lists
 * @param texts further ones, that have to become the same ids
 * @throws LossyscopeError `unsupported` naming what llama.cpp has no like of
 */
export function writtenTokenizer(
  file: TokenizerFile,
  tokenizer: Tokenizer,
  rows: number,
  texts: readonly string[] = [],
): WrittenTokenizer {
  const { model } = file;
  if (Array.isArray(model.vocab) || !model.merges)
    throw unsupported(`its model is ${Array.isArray(model.vocab) ? "a unigram one" : (model.type ?? "another one")}`);
  if (tokenizer.vocabularySize > rows)
    throw unsupported(`it has ${count(tokenizer.vocabularySize)} tokens, the embedding ${count(rows)} rows`);
  const isBytes = JSON.stringify([file.pre_tokenizer, file.normalizer]).includes('"ByteLevel"');
  if (!isBytes && !model.byte_fallback)
    throw unsupported("it writes text neither byte by byte nor falls back to bytes");
  const shared = [...tokensOf(file, tokenizer, rows, isBytes), ...controls(tokenizer)];
  const probes = [...PROBES, ...texts].map((one) => one.normalize("NFC"));
  const agrees = (pairs: Pairs): boolean => {
    const read = ggufTokenizer(new Map(pairs.map(([key, pair]) => [key, plain(pair)])), { rows });
    return read.prefix?.id === tokenizer.prefix?.id && probes.every((one) => sameIds(read, tokenizer, one));
  };
  if (!isBytes) {
    const pairs: Pairs = [["tokenizer.ggml.model", text("llama")], ...shared, ...scoresOf(file, tokenizer, rows)];
    if (agrees(pairs)) return { pairs, said: "llama" };
    throw unsupported("joined by scores, as llama.cpp joins, its ids are others");
  }
  // llama.cpp normalises nothing: the ids of a text that is in normal form already are compared.
  const own = piecesOf(file);
  const isSame = (one: string): boolean => Boolean(preOf(one).ignoreMerges) === Boolean(model.ignore_merges);
  const names = [...COMMON, ...PRE_NAMES.filter((name) => !COMMON.includes(name))];
  const merges = {
    of: "string" as const,
    values: model.merges.map((one) => (typeof one === "string" ? one : one.join(" "))),
  };
  for (const pre of [...names.filter(isSame), ...names.filter((name) => !isSame(name))]) {
    const cut = piecesOf(cutAs(pre));
    if (probes.some((one) => cut(one) !== own(one))) continue;
    const pairs: Pairs = [
      ["tokenizer.ggml.model", text("gpt2")],
      ["tokenizer.ggml.pre", text(pre)],
      ...shared,
      ["tokenizer.ggml.merges", merges],
    ];
    if (agrees(pairs)) return { pairs, said: `gpt2, cut as ${pre}` };
  }
  throw unsupported("no way of cutting that llama.cpp has gives its ids");
}

const unsupported = (what: string): LossyscopeError =>
  new LossyscopeError(
    "unsupported",
    `llama.cpp has no like of the model's tokenizer: ${what}`,
    "write a folder (--format safetensors)",
  );

/** How a text is cut under a name, as tokenizer.json would write it. */
const cutAs = (pre: string): Pick<TokenizerFile, "normalizer" | "pre_tokenizer"> => {
  const { normalizer, pre_tokenizer } = bytePairs({ tokens: [], types: [], scores: null, merges: [] }, preOf(pre));
  return { normalizer, pre_tokenizer };
};

/** The pieces that merges never cross, in one line. */
function piecesOf(steps: Pick<TokenizerFile, "normalizer" | "pre_tokenizer">): (given: string) => string {
  const { cutters, byteCutters } = readDefinition({ ...steps, added_tokens: [], model: BYTES_ALONE }, false);
  return (given) => {
    const parts = cutters.reduce((pieces, cutter) => pieces.flatMap((piece) => cutBy(cutter, piece)), [given]);
    const written = parts.map((part) => Array.from(Buffer.from(part), (byte) => BYTE_CHARACTERS[byte]).join(""));
    return byteCutters.reduce((pieces, cutter) => pieces.flatMap((piece) => cutBy(cutter, piece)), written).join("\0");
  };
}

const BYTES_ALONE = {
  ...{ type: "BPE", merges: [] },
  vocab: Object.fromEntries(BYTE_CHARACTERS.map((character, byte) => [character, byte])),
};

function cutBy(cutter: Cutter, piece: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const ends of cutter(piece))
    for (const end of ends) {
      pieces.push(piece.slice(from, end));
      from = end;
    }
  return pieces;
}

function sameIds(a: Tokenizer, b: Tokenizer, probe: string): boolean {
  try {
    const [one, other] = [a.encode(probe).ids, b.encode(probe).ids];
    return one.length === other.length && one.every((id, index) => id === other[index]);
  } catch (error) {
    // A text that one of them cannot spell.
    if (error instanceof LossyscopeError) return false;
    throw error;
  }
}

/** A pair as a reader of the file has it. */
const plain = (pair: GgufPair): unknown =>
  "values" in pair
    ? pair.of === "string"
      ? pair.values
      : Float32Array.from(pair.values as number[])
    : "value" in pair
      ? pair.value
      : null;

function tokensOf(file: TokenizerFile, tokenizer: Tokenizer, rows: number, isBytes: boolean): Pairs {
  const added = new Map(file.added_tokens.map((token) => [token.id, token]));
  const values: string[] = [];
  const types: number[] = [];
  const taken = new Set<string>();
  for (let id = 0; id < rows; id++) {
    const content = added.get(id)?.content ?? tokenizer.contentOf(id);
    const isNamed = content !== undefined && !taken.has(content);
    values.push(isNamed ? content : `[PAD${id}]`);
    taken.add(values[id]);
    types.push(isNamed ? typeOf(content, added.get(id), file, isBytes) : TYPE.unused);
  }
  return [
    ["tokenizer.ggml.tokens", { of: "string", values }],
    ["tokenizer.ggml.token_type", { of: "i32", values: types }],
  ];
}

function typeOf(
  content: string,
  added: TokenizerFile["added_tokens"][number] | undefined,
  { model }: TokenizerFile,
  isBytes: boolean,
): number {
  if (!isBytes && /^<0x[0-9A-F]{2}>$/.test(content)) return TYPE.byte;
  if (!isBytes && content === model.unk_token) return TYPE.unknown;
  if (!added) return TYPE.normal;
  return added.special ? TYPE.control : TYPE.userDefined;
}

/** A token that merges make has the place of the first of them, the earliest the highest. */
function scoresOf({ model: { merges = [] } }: TokenizerFile, tokenizer: Tokenizer, rows: number): Pairs {
  const rank = new Map<string, number>();
  for (const [at, merge] of merges.entries()) {
    const joined = typeof merge === "string" ? merge.replace(" ", "") : merge.join("");
    if (!rank.has(joined)) rank.set(joined, at);
  }
  const values = Array.from({ length: rows }, (_, id) => -(rank.get(tokenizer.contentOf(id) ?? "") ?? merges.length));
  return [
    ["tokenizer.ggml.scores", { of: "f32", values }],
    ["tokenizer.ggml.add_space_prefix", bool(tokenizer.opensWithSpace(null))],
  ];
}

const NAMED = [
  ["unk_token", "unknown_token_id"],
  ["sep_token", "seperator_token_id"],
  ["pad_token", "padding_token_id"],
  ["mask_token", "mask_token_id"],
] as const;

/** What stands around a text, and the tokens that have a part of their own. */
function controls(tokenizer: Tokenizer): Pairs {
  const { control, prefix, vocabularySize } = tokenizer;
  const ids = new Map<string, number>();
  for (let id = vocabularySize - 1; id >= 0; id--) ids.set(tokenizer.contentOf(id) ?? "", id);
  const { before, after } = control.around;
  const bos = before.at(0) ?? control.bos;
  const eos = after.at(0) ?? (prefix && !prefix.addedByTokenizer ? prefix.id : control.eos);
  return [
    ...(bos === undefined ? [] : [["tokenizer.ggml.bos_token_id", u32(bos)] as const]),
    ...(eos === undefined ? [] : [["tokenizer.ggml.eos_token_id", u32(eos)] as const]),
    ...NAMED.flatMap(([key, name]) => {
      const id = ids.get(control.names.get(key) ?? "");
      return id === undefined ? [] : [[`tokenizer.ggml.${name}`, u32(id)] as const];
    }),
    ["tokenizer.ggml.add_bos_token", bool(before.length > 0)],
    ["tokenizer.ggml.add_eos_token", bool(after.length > 0)],
  ];
}
