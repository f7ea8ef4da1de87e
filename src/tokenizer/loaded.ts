/**
 * tokenizer.json as transformers 5.24 has it once the files beside it have spoken (METHODS §0): the class it is loaded as
 * may build all but the vocabulary anew (`classes.ts`), and tokens are declared in `added_tokens_decoder` and as special
 * tokens of tokenizer_config.json, in added_tokens.json, in special_tokens_map.json. A declared token takes the id that
 * the vocabulary has for it, else the next free one, whatever id is written beside it. What would need anything else is
 * refused by name. `truncation`, `padding`, `model_max_length` and what concerns decoding alone have no say in ids.
 */
import { z } from "zod";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked, fitting } from "../numeric/schema-faults.ts";
import { contentOf, type Rebuilt, rebuiltBy, type Settings, tokenizerClass } from "./classes.ts";
import { type AddedToken, listedVocabulary, type TokenizerFile } from "./definition.ts";

/** The files beside tokenizer.json, each empty where it is not there. */
export interface Beside {
  /** the model's config.json */
  readonly config: Settings;
  readonly tokenizerConfig: Settings;
  readonly specialTokensMap: Settings;
  readonly addedTokens: Settings;
}

export interface Loaded {
  /** what encoding goes by */
  readonly file: TokenizerFile;
  /** spelling of each special token that has a name: `bos_token`, `eos_token` … */
  readonly named: ReadonlyMap<string, string>;
  /** in a sentence, where the class cuts or normalises text in another way than tokenizer.json says; else null */
  readonly notice: string | null;
  /** what is not as tokenizer.json itself says, spelled out; empty where nothing is */
  readonly rules: string;
  /** whether special tokens written in a text are text even where control tokens are asked for */
  readonly splitSpecialTokens: boolean;
}

const NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

interface Token {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

const declared = z.looseObject({
  content: z.string().min(1),
  single_word: z.boolean().optional(),
  lstrip: z.boolean().optional(),
  rstrip: z.boolean().optional(),
  normalized: z.boolean().optional(),
  special: z.boolean().optional(),
});

/** of added_tokens_decoder, by id */
const decoderById = z.record(z.string().regex(/^\d{1,9}$/), z.unknown());
const padded = z.looseObject({ pad_token: z.string() });

const malformed = (where: string, why?: string): LossyscopeError =>
  new LossyscopeError(
    "model",
    `${where} is no token${why === undefined ? "" : ` (${why})`}`,
    "save the tokenizer again with save_pretrained",
  );

/** @param special where the token does not say */
function readToken(value: unknown, where: string, special = false): Token {
  const data = checked(declared, typeof value === "string" ? { content: value } : value, (faults) =>
    malformed(where, faults),
  );
  const { content, single_word = false, lstrip = false, rstrip = false, special: own = special } = data;
  return { content, single_word, lstrip, rstrip, special: own, normalized: data.normalized ?? !own };
}

/** A token as a class is given it: a bare spelling is not yet decided upon. */
type Given = string | Token;
const spelling = (token: Given): string => (typeof token === "string" ? token : token.content);
const flags = (token: Given): string =>
  typeof token === "string"
    ? token
    : JSON.stringify([token.content, token.single_word, token.lstrip, token.rstrip, token.normalized, token.special]);

/** The question is put to the whole file, a vocabulary that has the word included. */
function speaksOfBytes({ model, ...rest }: TokenizerFile): boolean {
  if (JSON.stringify(rest).includes('"ByteLevel"')) return true;
  const { vocab } = model;
  return Array.isArray(vocab) ? vocab.some(([content]) => content === "ByteLevel") : Object.hasOwn(vocab, "ByteLevel");
}

interface Vocabulary {
  readonly size: number;
  readonly idOf: (token: string) => number | undefined;
}

function vocabularyOf({ model: { vocab } }: TokenizerFile): Vocabulary {
  if (Array.isArray(vocab)) {
    const ids = new Map(vocab.map(([content], id) => [content, id] as const));
    return { size: vocab.length, idOf: (token) => ids.get(token) };
  }
  const ids = vocab as Readonly<Record<string, number>>;
  return {
    size: listedVocabulary(ids).tokens.length,
    idOf: (token) => (Object.hasOwn(ids, token) ? ids[token] : undefined),
  };
}

/** Tokens added to a vocabulary, as the tokenizers library keeps them. */
class AddedTokens {
  readonly #byId = new Map<number, Token>();
  /** once special, always special */
  readonly #special = new Set<string>();
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** A token that is there already takes the new one's flags. */
  add(tokens: readonly Token[]): void {
    const { size, idOf } = this.#vocabulary;
    let next = Math.max(size, [...this.#byId.keys()].reduce((highest, id) => Math.max(highest, id), -1) + 1);
    const own = new Map([...this.#byId].map(([id, { content }]) => [content, id]));
    const there = new Set([...this.#byId.values()].map(flags));
    for (const token of tokens) {
      if (token.special) this.#special.add(token.content);
      if (there.has(flags(token))) continue;
      const id = own.get(token.content) ?? idOf(token.content) ?? next++;
      own.set(token.content, id);
      this.#byId.set(id, token);
      there.add(flags(token));
    }
  }

  get tokens(): readonly Token[] {
    return [...this.#byId.values()];
  }

  finish(): AddedToken[] {
    return [...this.#byId]
      .map(([id, token]) => ({ ...token, id, special: this.#special.has(token.content) }))
      .sort((a, b) => a.id - b.id);
  }
}

/** @throws LossyscopeError `unsupported` naming what cannot be followed, `model` where a file is malformed */
export function asLoaded(file: TokenizerFile, beside: Beside): Loaded {
  const { config, tokenizerConfig: settings } = beside;
  for (const key of ["fast_tokenizer_files", "init_inputs"]) {
    if (Array.isArray(settings[key]) && settings[key].length > 0) {
      throw new LossyscopeError("unsupported", `tokenizer_config.json has ${key}, which is not followed here`);
    }
  }
  const name = tokenizerClass(settings, config, speaksOfBytes(file));
  const rebuilt = rebuiltBy(name, settings);
  const built = rebuilt === null ? file : build(file, rebuilt, name);
  const vocabulary = vocabularyOf(file);
  const added = new AddedTokens(vocabulary);
  if (rebuilt === null) added.add(file.added_tokens);

  const { decoder, named, extra } = declarations(file, beside, rebuilt?.named ?? {});
  const there = new Set(added.tokens.map(flags));
  const toAdd: Given[] = decoder.filter((token) => !there.has(flags(token)));
  const taken = new Set([...added.tokens.map(spelling), ...toAdd.map(spelling)]);
  const wanted = new Set(toAdd.map(flags));
  for (const token of [...named.values(), ...extra]) {
    if (taken.has(spelling(token)) || wanted.has(flags(token))) continue;
    toAdd.push(token);
    wanted.add(flags(token));
  }
  const names = new Set([...named.values()].map(spelling));
  const special = (token: Given): Token =>
    typeof token === "string"
      ? readToken(token, spelling(token), true)
      : { ...token, special: token.special || names.has(token.content) };
  added.add(toAdd.map(special));
  if (rebuilt?.again) {
    const again = [...named.values(), ...extra];
    added.add(
      again.map((token) =>
        rebuilt.again === "plain" || typeof token === "string"
          ? readToken(spelling(token), "a special token", true)
          : { ...token, special: true },
      ),
    );
  }
  const around = rebuilt?.around ?? "file";
  const bos = named.get("bos_token");
  const loaded: TokenizerFile = {
    ...built,
    pre_tokenizer: mistralPattern(built.pre_tokenizer, settings, config, vocabulary.size + added.tokens.length),
    added_tokens: added.finish(),
    post_processor:
      around === "file"
        ? file.post_processor
        : around === "nothing" || bos === undefined
          ? null
          : opening(spelling(bos)),
  };
  const rules = [file, loaded].map(({ model: { vocab, merges, ...flags }, ...rest }) => JSON.stringify([rest, flags]));
  return {
    file: loaded,
    notice: noticeOf(name, file, loaded),
    rules: rules[0] === rules[1] ? "" : rules[1],
    named: new Map([...named].map(([key, token]) => [key, spelling(token)])),
    splitSpecialTokens: settings.split_special_tokens === true,
  };
}

/** The file with what the class puts in place of its own. */
function build(file: TokenizerFile, rebuilt: Rebuilt, name: string): TokenizerFile {
  const { vocab, merges } = file.model;
  if (Array.isArray(vocab) || !merges) {
    throw new LossyscopeError(
      "unsupported",
      `transformers makes a byte-pair tokenizer (${name}) of this one, whose model is ${file.model.type ?? "another"}`,
      "correct tokenizer_class in tokenizer_config.json",
    );
  }
  const { unk_token: unknown } = rebuilt.model;
  if (unknown !== null && !Object.hasOwn(vocab, unknown)) {
    throw new LossyscopeError("model", `the tokenizer's unknown token ${unknown} is not in its vocabulary`);
  }
  return {
    ...file,
    normalizer: rebuilt.normalizer as TokenizerFile["normalizer"],
    pre_tokenizer: rebuilt.pre_tokenizer as TokenizerFile["pre_tokenizer"],
    model: { type: "BPE", vocab, merges, ...rebuilt.model },
  };
}

const STEPS = ["normalizer", "pre_tokenizer"] as const;

function noticeOf(name: string, file: TokenizerFile, loaded: TokenizerFile): string | null {
  // Keys in one order; where a token's offsets are trimmed changes no id.
  const written = (value: unknown): string =>
    JSON.stringify(value ?? null, (key, inner) => {
      if (key === "trim_offsets") return undefined;
      if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
    });
  const left = STEPS.filter((step) => written(file[step]) !== written(loaded[step]));
  if (left.length === 0) return null;
  return `tokens as transformers 5.24 makes them: ${name} brings its own ${left.join(" and ")}, those of tokenizer.json have no say`;
}

interface Declarations {
  /** of added_tokens_decoder or, where it is not there, of the older files; by the ids written beside them */
  readonly decoder: readonly Token[];
  /** special tokens by their key */
  readonly named: ReadonlyMap<string, Given>;
  readonly extra: readonly Given[];
}

/** Tokens that the files declare, each place read as far as transformers reads it. */
function declarations(file: TokenizerFile, beside: Beside, defaults: Rebuilt["named"]): Declarations {
  const { tokenizerConfig } = beside;
  const settings: Record<string, unknown> = { ...tokenizerConfig };
  const decoder = new Map<number, Token>();
  if (isEmpty(settings.extra_special_tokens) && settings.additional_special_tokens !== undefined) {
    settings.extra_special_tokens = settings.additional_special_tokens;
    settings.additional_special_tokens = undefined;
  }
  // A text under a name of its own counts after those that are written out.
  const byName: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (!key.endsWith("_token") || NAMES.includes(key) || typeof value !== "string") continue;
    byName[key] = value;
    delete settings[key];
  }
  const takeNamed = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    Object.assign(byName, value);
    return undefined;
  };
  settings.extra_special_tokens = takeNamed(settings.extra_special_tokens);

  if ("added_tokens_decoder" in settings) {
    const listed = checked(decoderById, settings.added_tokens_decoder, (faults) =>
      malformed("added_tokens_decoder of tokenizer_config.json", faults),
    );
    for (const [id, token] of Object.entries(listed)) {
      if (typeof token !== "object") throw malformed(`added_tokens_decoder.${id} of tokenizer_config.json`);
      decoder.set(Number(id), readToken(token, `added_tokens_decoder.${id} of tokenizer_config.json`));
    }
  } else {
    for (const [key, value] of Object.entries(beside.specialTokensMap)) {
      const where = `${key} of special_tokens_map.json`;
      if (key === "extra_special_tokens" && Array.isArray(value)) {
        const before = Array.isArray(settings[key]) ? settings[key] : [];
        settings[key] = [
          ...before,
          ...value.map((token) => (typeof token === "string" ? token : readSpecial(token, where))),
        ];
      } else if (
        key !== "extra_special_tokens" &&
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value)
      ) {
        settings[key] = readSpecial(value, where);
      } else settings[key] = value;
    }
    settings.extra_special_tokens = takeNamed(settings.extra_special_tokens);
    const special = new Set(
      [...NAMES.map((key) => settings[key]), ...listOf(settings.extra_special_tokens)].map(contentOf),
    );
    for (const [content, id] of Object.entries(beside.addedTokens)) {
      if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0)
        throw malformed(`${content} of added_tokens.json`);
      const isSpecial = special.has(content);
      decoder.set(id, { ...readToken(content, "added_tokens.json", isSpecial), normalized: !isSpecial });
    }
    for (const token of file.added_tokens) decoder.set(token.id, token);
  }

  const inOrder = [...decoder].sort(([a], [b]) => a - b).map(([, token]) => token);
  const bySpelling = new Map(inOrder.map((token) => [token.content, token]));
  const given = (value: unknown, where: string): Given => {
    if (typeof value === "string" && value !== "") return value;
    if (typeof value !== "object") throw malformed(where);
    return readToken(value, where);
  };
  const named = new Map<string, Given>();
  const padding = fitting(padded, file.padding);
  const withDefaults: Record<string, unknown> = { pad_token: padding?.pad_token, ...defaults, ...settings };
  for (const key of NAMES) {
    const value = withDefaults[key];
    if (value === undefined || value === null) continue;
    const token = given(value, key);
    named.set(key, bySpelling.get(spelling(token)) ?? token);
  }
  for (const [key, value] of Object.entries({ ...withDefaults, ...byName })) {
    const own = key in byName || (key.endsWith("_token") && !NAMES.includes(key) && value !== null);
    if (!own || !(typeof value === "string" || typeof value === "object")) continue;
    named.set(key, given(value, key));
  }
  const extra = settings.extra_special_tokens ?? settings.additional_special_tokens;
  return { decoder: inOrder, named, extra: listOf(extra).map((token) => given(token, "an extra special token")) };
}

const readSpecial = (value: unknown, where: string): Token => readToken({ ...(value as object), special: true }, where);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);

/** A template that puts the token before a text, and nothing after it. */
const opening = (token: string): TokenizerFile["post_processor"] => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  special_tokens: {},
});

const MISTRAL_TYPES = ["mistral", "mistral3", "voxtral", "ministral", "pixtral"];
const MISTRAL_PATTERN =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** `fix_mistral_regex`: another pattern for Mistral's large vocabularies that transformers before 5 wrote. */
function mistralPattern(
  step: TokenizerFile["pre_tokenizer"],
  settings: Settings,
  config: Settings,
  tokens: number,
): TokenizerFile["pre_tokenizer"] {
  const old = !(Number.parseInt(String(config.transformers_version ?? "0"), 10) >= 5);
  const asked = settings.fix_mistral_regex === true && old && MISTRAL_TYPES.includes(String(config.model_type));
  if (!asked || !step || tokens <= 100_000) return step;
  const split = { type: "Split", pattern: { Regex: MISTRAL_PATTERN }, behavior: "Isolated", invert: false };
  const rest =
    step.type === "Sequence"
      ? listOf(step.pretokenizers).slice(1)
      : [
          step.type === "Metaspace"
            ? { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false }
            : step,
        ];
  return { type: "Sequence", pretokenizers: [split, ...rest] };
}
