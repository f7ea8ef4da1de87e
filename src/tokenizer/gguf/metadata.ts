/**
 * What the metadata of a GGUF file says of its tokenizer (`tokenizer.ggml.*`), checked: lists of one length, ids that are in
 * the table, scores that are numbers, tokens that come once. What tokens and merges mean is `byte-pairs.ts`'s,
 * `sentence-pieces.ts`'s and `unigram.ts`'s; which tokens are control tokens is decided here, as llama.cpp does.
 * Memory: a copy of the list of tokens where one of them is empty.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";

/** Values by their keys, as the file has them: numbers in lists are typed arrays. */
export type Metadata = ReadonlyMap<string, unknown>;

/** `tokenizer.ggml.token_type` */
export const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** More than any tokenizer has. */
const MOST_TOKENS = 2 ** 20;

export interface GgufVocabulary {
  /** by id */
  readonly tokens: readonly string[];
  /** of each token; all normal where the file does not say */
  readonly types: ArrayLike<number>;
  /** of each token, or null */
  readonly scores: ArrayLike<number> | null;
  /** `left right`, or null */
  readonly merges: readonly string[] | null;
}

/** What is wrong, in a clause. */
export const damaged = (what: string): LossyscopeError =>
  new LossyscopeError("model", `the file's tokenizer is malformed: ${what}`, "fetch or convert the file again");

const of = (key: string): string => `tokenizer.ggml.${key}`;

/** @returns the value, or undefined where the file has none */
export function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "string") return value;
  throw damaged(`${key} is ${shown(value)}, no text`);
}

export function flagOf(metadata: Metadata, key: string): boolean | undefined {
  const value = metadata.get(of(key));
  if (value === undefined || typeof value === "boolean") return value;
  throw damaged(`${of(key)} is ${shown(value)}, not true or false`);
}

/** @returns null where the file has none, or an empty one */
export function bytesOf(metadata: Metadata, key: string): Uint8Array | null {
  const value = metadata.get(of(key));
  if (value === undefined) return null;
  if (!(value instanceof Uint8Array || value instanceof Int8Array)) throw damaged(`${of(key)} is no list of bytes`);
  return value.length === 0 ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** @param tokens in the table */
export function idOf(metadata: Metadata, key: string, tokens: number): number | undefined {
  const value = metadata.get(of(key));
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < tokens) return value;
  throw damaged(`${of(key)} is ${shown(value)}, there are ${count(tokens)} tokens`);
}

/** @throws LossyscopeError `model` naming what is wrong, with its numbers */
export function vocabularyOf(metadata: Metadata): GgufVocabulary {
  const listed = textsOf(metadata, "tokens");
  if (!listed) throw damaged(`it has no ${of("tokens")}`);
  if (listed.length > MOST_TOKENS)
    throw damaged(`it has ${count(listed.length)} tokens, ${count(MOST_TOKENS)} are read at most`);
  // Unnamed rows of the embedding: llama.cpp names them so.
  const tokens = listed.includes("") ? listed.map((token, id) => token || `[EMPTY_${id}]`) : listed;
  const first = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    const other = first.get(token);
    if (other !== undefined) throw damaged(`the tokens ${count(other)} and ${count(id)} are both ${shown(token)}`);
    first.set(token, id);
  }
  const types = numbersOf(metadata, "token_type", tokens.length) ?? new Uint8Array(tokens.length).fill(TYPE.normal);
  const scores = numbersOf(metadata, "scores", tokens.length);
  for (let id = 0; scores && id < scores.length; id++)
    if (Number.isNaN(scores[id])) throw damaged(`the score of token ${count(id)} (${shown(tokens[id])}) is no number`);
  return { tokens, types: controlled(metadata, types, first), scores, merges: textsOf(metadata, "merges") };
}

function textsOf(metadata: Metadata, key: string): readonly string[] | null {
  const value = metadata.get(of(key));
  if (value === undefined) return null;
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
  throw damaged(`${of(key)} is no list of texts`);
}

function numbersOf(metadata: Metadata, key: string, length: number): ArrayLike<number> | null {
  const value = metadata.get(of(key));
  if (value === undefined) return null;
  if (!isNumbers(value)) throw damaged(`${of(key)} is no list of numbers`);
  if (value.length === length) return value;
  throw damaged(`${of(key)} has ${count(value.length)} entries for ${count(length)} tokens`);
}

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  (ArrayBuffer.isView(value) &&
    !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array)) ||
  (Array.isArray(value) && value.every((number) => typeof number === "number"));

/** Spellings that end a text or a turn: control tokens, whatever the file calls them. */
const ENDS = [
  ..."<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> </s>".split(
    " ",
  ),
  ..."<|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance> <eos> <turn|> <|tool_response>".split(" "),
  ..."<｜end▁of▁sentence｜> [e~[".split(" "),
];
/** Spellings of parts of a text to be filled in, likewise where the file has no id under the key. */
const FILLS: Readonly<Record<string, string>> = {
  fim_pre_token_id: "<|fim_prefix|> <fim-prefix> <fim_prefix> <｜fim▁begin｜> <PRE> ▁<PRE> <|code_prefix|> <|prefix|>",
  fim_suf_token_id: "<|fim_suffix|> <fim-suffix> <fim_suffix> <｜fim▁hole｜> <SUF> ▁<SUF> <|code_suffix|> <|suffix|>",
  fim_mid_token_id: "<|fim_middle|> <fim-middle> <fim_middle> <｜fim▁end｜> <MID> ▁<MID> <|code_middle|> <|middle|>",
  fim_pad_token_id: "<|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD]",
  fim_rep_token_id: "<|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame>",
  fim_sep_token_id: "<|file_sep|>",
};
/** Older names of these keys. */
const FORMERLY: Readonly<Record<string, string>> = {
  fim_pre_token_id: "prefix_token_id",
  fim_suf_token_id: "suffix_token_id",
  fim_mid_token_id: "middle_token_id",
};

/** The types with what looks like a control token made one: files call such tokens normal, or user-defined. */
function controlled(
  metadata: Metadata,
  types: ArrayLike<number>,
  idOf: ReadonlyMap<string, number>,
): ArrayLike<number> {
  const named = (key: string): boolean => metadata.has(of(key)) || metadata.has(of(FORMERLY[key] ?? key));
  const fills = Object.entries(FILLS).flatMap(([key, spellings]) => (named(key) ? [] : spellings.split(" ")));
  const ids = [...ENDS, ...fills].flatMap((spelling) => idOf.get(spelling) ?? []);
  // Beside a token for a tool's answer `</s>` is text.
  const text = idOf.has("<|tool_response>") ? idOf.get("</s>") : undefined;
  const own = Array.from(types);
  for (const id of ids) own[id] = id === text ? TYPE.normal : TYPE.control;
  return own;
}
