/**
 * The tokenizer in a GGUF file's metadata, with the ids that llama.cpp gives (METHODS §0 Tokens): `gpt2`, bytes joined by
 * merges behind the patterns of its `pre`; `llama`, sentencepiece's joining by scores; `t5`, its unigram model. All become the one definition
 * that everything else goes by (`definition.ts`), so that bytes, alignment, prefix and repairs are as for a folder. Other
 * kinds are refused by name.
 */
import { sha256 } from "../../files/digest.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { type ChatTemplates, MOST_TEMPLATE_CHARACTERS } from "../chat.ts";
import { type AddedToken, type Definition, readDefinition } from "../definition.ts";
import { ScoredPieces } from "../merges.ts";
import { resolvePrefix } from "../prefix.ts";
import { asDamaged, BeyondEmbedding, type ControlTokens, Tokenizer, type TokenizerOptions } from "../tokenizer.ts";
import { bytePairs } from "./byte-pairs.ts";
import { CharsMap } from "./charsmap.ts";
import {
  bytesOf,
  damaged,
  flagOf,
  type GgufVocabulary,
  idOf,
  type Metadata,
  TYPE,
  textOf,
  vocabularyOf,
} from "./metadata.ts";
import { preOf } from "./pre.ts";
import { sentencePieces } from "./sentence-pieces.ts";
import { spellingOf, unigram } from "./unigram.ts";

const MODEL = "tokenizer.ggml.model";
const PRE = "tokenizer.ggml.pre";

/** Kinds that are known by name and not read. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ["bert", "WordPiece, which drops white space"],
  ["rwkv", "a trie of bytes"],
  ["plamo2", "a model of its own"],
  ["gemma4", "merges of characters"],
  ["hybriddna", "merges beside k-mers"],
  ["whitespace", "whole words"],
  ["no_vocab", "no vocabulary"],
  ["none", "no vocabulary"],
]);

interface Kind extends Pick<ControlTokens, "bos" | "eos"> {
  readonly definition: Definition;
  /** whether BOS opens a text, and EOS ends it, where the file does not say */
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly notice: string | null;
}

/**
 * @param metadata of the file, all of it: `general.name` is read too
 * @param options `rows` of the embedding, else as many as there are tokens
 * @throws LossyscopeError `model` where the metadata is malformed, naming what and where; `unsupported` naming a kind of
 *   tokenizer, or of cutting, that is not read
 */
export function ggufTokenizer(metadata: Metadata, options: TokenizerOptions = {}): Tokenizer {
  try {
    return readTokenizer(metadata, options);
  } catch (error) {
    throw asDamaged(error);
  }
}

function readTokenizer(metadata: Metadata, options: TokenizerOptions): Tokenizer {
  const model = textOf(metadata, MODEL);
  if (model === undefined) throw damaged(`it has no ${MODEL}`);
  const read = KINDS.get(model);
  if (!read) {
    const what = OTHERS.get(model);
    throw new LossyscopeError(
      "unsupported",
      `the file's tokenizer is of the kind ${shown(model)}${what ? `, ${what}` : ""}: byte-level merges ("gpt2"), sentencepiece's ("llama") and unigram models ("t5") are read`,
      "measure the model's folder in the Hugging Face layout, with its tokenizer.json",
    );
  }
  const vocabulary = vocabularyOf(metadata);
  const { tokens } = vocabulary;
  const kind = read(metadata, vocabulary, options.specialTokens ?? false);
  const bos = idOf(metadata, "bos_token_id", tokens.length) ?? kind.bos;
  const eos = idOf(metadata, "eos_token_id", tokens.length) ?? kind.eos;
  const put = (key: string, id: number | undefined, byDefault: boolean): number[] => {
    if (!(flagOf(metadata, `add_${key}_token`) ?? byDefault)) return [];
    if (id === undefined) throw damaged(`it puts ${key.toUpperCase()} around a text and names no ${key}_token_id`);
    return [id];
  };
  const around = { before: put("bos", bos, kind.addBos), after: put("eos", eos, kind.addEos) };
  const prefix = resolvePrefix(around, { modelConfig: {}, generationConfig: {}, endOfText: eos });
  const rows = options.rows ?? tokens.length;
  if (prefix && prefix.id >= rows)
    throw new BeyondEmbedding("the opening of every text", { id: prefix.id, content: tokens[prefix.id], rows });
  const names = new Map([
    ...(bos === undefined ? [] : [["bos_token", tokens[bos]] as const]),
    ...(eos === undefined ? [] : [["eos_token", tokens[eos]] as const]),
    ...NAMED.flatMap(([key, name]) => {
      const id = idOf(metadata, key, tokens.length);
      return id === undefined ? [] : [[name, tokens[id]] as const];
    }),
  ]);
  const control = { bos, eos, names, around, modelMaxLength: undefined };
  return new Tokenizer(kind.definition, prefix, control, ggufTokenizerDigest(metadata), kind.notice, rows);
}

/** Further tokens with a part of their own; llama.cpp's spelling of one key is what files have. */
const NAMED = [
  ["unknown_token_id", "unk_token"],
  ["seperator_token_id", "sep_token"],
  ["padding_token_id", "pad_token"],
  ["cls_token_id", "cls_token"],
  ["mask_token_id", "mask_token"],
] as const;

function readBytePairs(metadata: Metadata, vocabulary: GgufVocabulary, specialTokens: boolean): Kind {
  const name = textOf(metadata, PRE);
  const pre = preOf(name);
  const file = { ...bytePairs(vocabulary, pre), added_tokens: addedTokens(metadata, vocabulary) };
  return {
    definition: longestFirst(readDefinition(file, specialTokens)),
    bos: undefined,
    eos: undefined,
    addBos: pre.addBos ?? false,
    addEos: false,
    notice: name
      ? null
      : `the file does not say how its text is cut (it has no ${PRE}): cut as llama.cpp does by default`,
  };
}

function readSentencePieces(metadata: Metadata, vocabulary: GgufVocabulary, specialTokens: boolean): Kind {
  const { ranks, ...model } = sentencePieces(vocabulary, flagOf(metadata, "add_space_prefix") ?? true);
  const file = { ...model, added_tokens: addedTokens(metadata, vocabulary) };
  const perhaps = (id: number): number | undefined => (id < vocabulary.tokens.length ? id : undefined);
  return {
    definition: longestFirst(readDefinition(file, specialTokens, (ids) => new ScoredPieces(ids, ranks))),
    bos: perhaps(1),
    eos: perhaps(2),
    addBos: true,
    addEos: false,
    notice: null,
  };
}

function readUnigram(metadata: Metadata, vocabulary: GgufVocabulary, specialTokens: boolean): Kind {
  const { length } = vocabulary.tokens;
  const unknown = idOf(metadata, "unknown_token_id", length) ?? 2;
  if (unknown >= length) throw damaged("it names no token for what is none (unknown_token_id)");
  const { pieces, ...model } = unigram(vocabulary, unknown);
  const definition = readDefinition(
    { ...model, added_tokens: addedTokens(metadata, vocabulary) },
    specialTokens,
    () => pieces,
  );
  const rules = bytesOf(metadata, "precompiled_charsmap");
  const spelling = spellingOf({
    rules: rules && new CharsMap(rules),
    merges: flagOf(metadata, "remove_extra_whitespaces") ?? false,
    spaced: flagOf(metadata, "add_space_prefix") ?? false,
  });
  return {
    definition: { ...longestFirst(definition), ...spelling },
    bos: undefined,
    eos: length > 1 ? 1 : undefined,
    addBos: false,
    addEos: true,
    notice: null,
  };
}

const KINDS: ReadonlyMap<string, typeof readUnigram> = new Map([
  ["gpt2", readBytePairs],
  ["llama", readSentencePieces],
  ["t5", readUnigram],
]);

const longestFirst = (definition: Definition): Definition => ({
  ...definition,
  added: { ...definition.added, longestFirst: true },
});

/** Tokens that are looked for in a text before it is cut, control tokens where they are asked for. */
function addedTokens(metadata: Metadata, { tokens, types }: GgufVocabulary): AddedToken[] {
  const added: AddedToken[] = [];
  const isPhi3 = /phi-?3/i.test(textOf(metadata, "general.name") ?? "");
  for (const [id, content] of tokens.entries()) {
    const special = types[id] === TYPE.control || types[id] === TYPE.unknown;
    if (!special && types[id] !== TYPE.userDefined) continue;
    // Known by the model's name alone: the file has no key for it.
    const rstrip = isPhi3 && !["<unk>", "<s>", "<|endoftext|>"].includes(content);
    added.push({ id, content, special, single_word: false, lstrip: false, rstrip, normalized: false });
  }
  return added;
}

/** SHA-256 of everything in the metadata that concerns the tokenizer: its `digest`, without making it. */
export function ggufTokenizerDigest(metadata: Metadata): string {
  const known = digests.get(metadata);
  if (known !== undefined) return known;
  const digest = digestOf(metadata);
  digests.set(metadata, digest);
  return digest;
}

const digests = new WeakMap<Metadata, string>();

function digestOf(metadata: Metadata): string {
  const own = [...metadata].filter(([key]) => key.startsWith("tokenizer.") || key === "general.name");
  const plain = own.map(([key, value]) => [key, ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value]);
  return sha256(
    JSON.stringify(
      plain.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      (_, value) => (typeof value === "bigint" ? String(value) : value),
    ),
  );
}

/**
 * The templates that come with the file: `tokenizer.chat_template`, and under further names those of `tokenizer.chat_templates`.
 * @returns null where it has none
 */
export function ggufChatTemplates(metadata: Metadata): ChatTemplates | null {
  const key = "tokenizer.chat_template";
  const names = metadata.get("tokenizer.chat_templates");
  const further = Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  const templates = new Map<string, string>();
  for (const name of ["default", ...further]) {
    const where = name === "default" ? key : `${key}.${name}`;
    const template = textOf(metadata, where);
    if (template === undefined) continue;
    if (template.length > MOST_TEMPLATE_CHARACTERS) throw damaged(`${where} is too long for a template`);
    templates.set(name, template);
  }
  return templates.size === 0 ? null : { templates, source: key };
}
