/**
 * Reads tokenizer.json into what encoding needs: the normaliser, the way spaces are written, the cutters, the merges, the
 * tokens that were added to the vocabulary. Everything that can be decided from the file is decided here, and everything
 * that cannot be followed exactly is refused by name. Encoding itself is `encode.ts`'s.
 * Memory: the file parsed, about 200 bytes a token and a merge.
 */

import { z } from "zod";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { checked, expecting, fitting } from "../numeric/schema-faults.ts";
import type { Change } from "./align.ts";
import { BYTE_CHARACTERS, byteToken } from "./bytes.ts";
import { type Cutter, seamCutter, splitCutter } from "./cut.ts";
import { SequenceNormalizer, Unigram } from "./library.ts";
import { Merges } from "./merges.ts";
import { type InTurns, runs } from "./running.ts";

/** sentencepiece's space */
export const SPACE = "▁";

/** The pattern that ByteLevel cuts with, as the reference implementation writes it. */
export const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION_PATTERN = "[\\p{P}\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E]";

const typed = z.looseObject({ type: z.string() });
const pattern = z.looseObject({ Regex: z.string().optional(), String: z.string().optional() });
/** More than any tokenizer has: tables are as long as the highest id. */
const HIGHEST_ID = 2 ** 24;
const addedToken = z.looseObject({
  id: z.number().int().nonnegative().max(HIGHEST_ID),
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
});
export type AddedToken = z.infer<typeof addedToken>;

/** Tokens of a vocabulary that is an object, in its order, and the id of each. */
interface Listed {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
}
const listed = new WeakMap<object, Listed>();

/** Walking through the names of a large object takes longer than all else that is done with them: it is done once. */
export function listedVocabulary(vocab: Readonly<Record<string, number>>): Listed {
  const known = listed.get(vocab);
  if (known) return known;
  const tokens = Object.keys(vocab);
  const own = { tokens, ids: tokens.map((token) => vocab[token]) };
  listed.set(vocab, own);
  return own;
}

/** Vocabulary and merges hold hundreds of thousands of entries: each is looked at once, and none is copied. */
const vocabulary = z.custom<Readonly<Record<string, number>> | readonly (readonly [string, number])[]>(
  (value) => {
    if (Array.isArray(value)) {
      return value.every(
        (entry) => Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number",
      );
    }
    return (
      typeof value === "object" &&
      value !== null &&
      listedVocabulary(value as Readonly<Record<string, number>>).ids.every(
        (id) => Number.isInteger(id) && id >= 0 && id <= HIGHEST_ID,
      )
    );
  },
  { error: expecting("tokens with their ids, or pieces with their scores") },
);
const merges = z.custom<readonly (string | readonly [string, string])[]>(
  (value) =>
    Array.isArray(value) &&
    value.every((merge) =>
      Array.isArray(merge)
        ? merge.length === 2 && merge.every((side) => typeof side === "string")
        : typeof merge === "string" && merge.indexOf(" ", 1) > 0,
    ),
  { error: expecting("a list of pairs of text") },
);
const model = z.looseObject({
  type: z.string().optional(),
  vocab: vocabulary,
  merges: merges.optional(),
  unk_token: z.string().nullish(),
  unk_id: z.number().int().nonnegative().nullish(),
  fuse_unk: z.boolean().nullish(),
  byte_fallback: z.boolean().nullish(),
  ignore_merges: z.boolean().nullish(),
  dropout: z.number().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
});
type Model = z.infer<typeof model>;

/** tokenizer.json, as far as it is read here; `post_processor` is `prefix.ts`'s */
export const tokenizerFile = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: typed.nullish(),
  pre_tokenizer: typed.nullish(),
  post_processor: typed.nullish(),
  model,
});
export type TokenizerFile = z.infer<typeof tokenizerFile>;

/** When a space is put before the text, so that a first word is written like any other. */
export type Insertion =
  /** before what lies between two added tokens, whatever it starts with */
  | "section"
  /** the same, unless it is spaces alone */
  | "words"
  /** before what lies between two added tokens, unless it starts with a space */
  | "part"
  /** at the start of the document, unless it starts with a space */
  | "document"
  | "never";

export interface Definition {
  /** changes the text itself (NFC, lower case …); null where the text stays as it is */
  readonly normalise: ((text: string) => string) | null;
  /** what that changes in a text, where the pieces of it that `align` would take do not add up */
  readonly changesOf?: (text: string) => readonly Change[];
  /** whether a text may be normalised in parts, each but the first of which begins with a character of ASCII */
  readonly inParts: boolean;
  /** how the model writes text: bytes as characters, spaces as ▁, or as it is */
  readonly writing: "bytes" | "spaces" | "plain";
  /** whether spaces are ▁ before added tokens are looked for in what is normalised */
  readonly marked: boolean;
  /** whether a literal ▁ counts as a space where an insertion asks whether there is one */
  readonly insertion: Insertion;
  /** cut the text in turn; they see ▁ where the model does */
  readonly cutters: readonly Cutter[];
  /** cut the bytes as written */
  readonly byteCutters: readonly Cutter[];
  /** the model's own segmentation of one written piece: strings that tile it, not all of them tokens */
  readonly segment: (written: string) => InTurns<readonly string[]>;
  readonly idOf: ReadonlyMap<string, number>;
  /** ids of `<0x00>` … `<0xFF>` for what no piece covers, or null */
  readonly byteIds: readonly number[] | null;
  /** what stands for a character that nothing covers: absent, such text cannot be tokenised */
  readonly unknownId: number | undefined;
  /** whether a run of unknown characters is one token */
  readonly fuseUnknown: boolean;
  /**
   * tokens looked for in the text before, and after it is normalised; the hidden ones hide what they overlap, and are text,
   * unless the longest are taken first: then they hide nothing
   */
  readonly added: {
    readonly raw: readonly AddedToken[];
    readonly normalised: readonly AddedToken[];
    readonly longestFirst?: boolean;
  };
  /** ids of special tokens where they are text like any other */
  readonly hidden: ReadonlySet<number>;
  /** all tokens by id, as the file writes them */
  readonly contents: readonly (string | undefined)[];
}

const refuse = (what: string): LossyscopeError =>
  new LossyscopeError("unsupported", `the tokenizer ${what}`, "byte-level and sentencepiece-style tokenizers are read");

const malformed =
  (where: string) =>
  (faults: string): LossyscopeError =>
    new LossyscopeError("model", `tokenizer.json is malformed in the ${where}: ${faults}`, "download it again");

/** A list of steps however deep the file nests them. */
function flatten(step: z.infer<typeof typed> | null | undefined, key: string): z.infer<typeof typed>[] {
  if (!step) return [];
  if (step.type !== "Sequence") return [step];
  return checked(z.array(typed), step[key], malformed(`${key} of a Sequence`)).flatMap((inner) => flatten(inner, key));
}

/** A model that no tokenizer.json has: strings that tile a piece. What it makes of a text ends before any ▁ that no token has inside. */
export type OwnModel = (idOf: ReadonlyMap<string, number>) => { apply(piece: string): InTurns<readonly string[]> };

/**
 * @param specialTokens whether special tokens written in the text are control tokens; if not, they are text like any other
 * @param own takes the place of the file's merges
 * @throws LossyscopeError `unsupported` naming what cannot be followed
 */
export function readDefinition(file: TokenizerFile, specialTokens: boolean, own?: OwnModel): Definition {
  const special = file.added_tokens.filter((token) => token.special);
  const spelling = readSpelling(file);
  const { contents, idOf } = readVocabulary(file.model, new Set(special.map((token) => token.content)));
  for (const token of file.added_tokens) contents[token.id] = token.content;
  const byteIds = file.model.byte_fallback ? Array.from({ length: 256 }, (_, byte) => idOf.get(byteToken(byte))) : [];
  const covered = byteIds.length === 256 && byteIds.every((id) => id !== undefined);
  if (spelling.writing === "spaces" && !idOf.has(SPACE))
    throw refuse(`writes spaces as ${SPACE}, which is no token of it`);
  if (spelling.writing === "bytes" && covered && BYTE_CHARACTERS.some((character) => !idOf.has(character)))
    throw refuse("writes bytes twice over (ByteLevel, and byte fallback for what it has no token for)");

  const fuseUnknown = file.model.fuse_unk ?? isUnigram(file.model);
  const cutters = [...spelling.cutters];
  // A cut must not part characters that would have been one unknown token, nor make whole words out of what merges do not reach.
  if (
    spelling.writing === "spaces" &&
    !isUnigram(file.model) &&
    !file.model.ignore_merges &&
    (own !== undefined || covered || !fuseUnknown)
  ) {
    cutters.push(seamCutter(SPACE, own ? seamsIn(contents, SPACE) : seamsBefore(SPACE, file.model)));
  }
  return {
    ...spelling,
    cutters,
    segment: readModel(file.model, idOf, own),
    idOf,
    byteIds: covered ? (byteIds as number[]) : null,
    unknownId: unknownId(file.model),
    fuseUnknown,
    added: {
      raw: file.added_tokens.filter((token) => !token.normalized),
      normalised: file.added_tokens.filter((token) => token.normalized),
    },
    hidden: new Set(specialTokens ? [] : special.map(({ id }) => id)),
    contents,
  };
}

type Spelling = Pick<
  Definition,
  "normalise" | "inParts" | "writing" | "marked" | "insertion" | "cutters" | "byteCutters"
>;

/** Normaliser and pre-tokenizer, sorted into what changes the text, how it is written, and where it is cut. */
function readSpelling(file: TokenizerFile): Spelling {
  const changing: z.infer<typeof typed>[] = [];
  let writing: Definition["writing"] = "plain";
  let insertion: Insertion = "never";
  for (const step of flatten(file.normalizer, "normalizers")) {
    const written = fitting(pattern, step.pattern)?.String;
    if (step.type === "Prepend" && step.prepend === SPACE) insertion = "section";
    else if (step.type === "Replace" && written === " " && step.content === SPACE) writing = "spaces";
    else if (step.type === "Prepend" || writing !== "plain" || insertion !== "never") {
      throw refuse(`normalises with ${step.type} where it cannot be followed`);
    } else changing.push(step);
  }

  const marked = (writing as Definition["writing"]) === "spaces";
  const cutters: Cutter[] = [];
  const byteCutters: Cutter[] = [];
  const steps = flatten(file.pre_tokenizer, "pretokenizers");
  for (const step of steps) {
    const into = writing === "bytes" ? byteCutters : cutters;
    switch (step.type) {
      case "Split":
        into.push(
          splitCutter(
            checked(pattern, step.pattern, malformed("pattern of a Split")),
            step.behavior,
            step.invert === true,
          ),
        );
        break;
      case "Digits":
        into.push(splitCutter({ Regex: "\\p{N}" }, step.individual_digits ? "Isolated" : "Contiguous"));
        break;
      case "Punctuation":
        into.push(splitCutter({ Regex: PUNCTUATION_PATTERN }, step.behavior ?? "Isolated"));
        break;
      case "ByteLevel":
        if (writing !== "plain" || insertion !== "never") throw refuse("writes text both as bytes and with ▁");
        if (step.add_prefix_space) {
          if (cutters.length > 0)
            throw refuse("puts a space before every piece (ByteLevel add_prefix_space after a split)");
          insertion = "part";
        }
        if (step.use_regex ?? true) cutters.push(splitCutter({ Regex: BYTE_LEVEL_PATTERN }, "Isolated"));
        writing = "bytes";
        break;
      case "Metaspace": {
        if (steps.length > 1) throw refuse("combines Metaspace with other pre-tokenizers");
        if ((step.replacement ?? SPACE) !== SPACE) throw refuse(`writes spaces as ${shown(step.replacement)}`);
        const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? "never" : "always");
        if (insertion === "never") insertion = scheme === "always" ? "part" : scheme === "first" ? "document" : "never";
        writing = "spaces";
        if (step.split ?? true) cutters.push(splitCutter({ String: SPACE }, "MergedWithNext"));
        break;
      }
      default:
        throw refuse(`cuts text with ${step.type}, which drops part of it`);
    }
  }
  // No character of ASCII is ever composed with what stands before it.
  const inParts = changing.every(({ type }) => /^NFK?[CD]$/.test(type));
  return { normalise: normaliser(changing), inParts, writing, marked, insertion, cutters, byteCutters };
}

function normaliser(steps: readonly z.infer<typeof typed>[]): Spelling["normalise"] {
  if (steps.length === 0) return null;
  const patterns = steps.filter((step) => "pattern" in step).map((step) => fitting(pattern, step.pattern) ?? {});
  if (patterns.some((one) => (one.Regex ?? one.String) === undefined))
    throw refuse("normalises by a pattern that has no known form");
  const written = patterns.flatMap(({ Regex }) => Regex ?? []).join(" or ") || null;
  let library: InstanceType<typeof SequenceNormalizer>;
  try {
    library = new SequenceNormalizer({ type: "Sequence", normalizers: steps });
  } catch {
    throw refuse(`normalises in a way that is not known here (${steps.map(({ type }) => shown(type)).join(", ")})`);
  }
  return (text) => {
    runs(written);
    const normal = library.normalize(text);
    runs(null);
    return normal;
  };
}

const isUnigram = (model: Model): boolean => Array.isArray(model.vocab);

function unknownId(model: Model): number | undefined {
  if (Array.isArray(model.vocab)) return model.unk_id ?? undefined;
  const { unk_token, vocab } = model as { unk_token?: string | null; vocab: Readonly<Record<string, number>> };
  return unk_token != null && Object.hasOwn(vocab, unk_token) ? vocab[unk_token] : undefined;
}

/**
 * @param hidden tokens whose spelling in a text must not be taken for them, and so have no way back from it; tokens for
 *   single bytes keep theirs, which the byte fallback goes by
 */
function readVocabulary(
  model: Model,
  hidden: ReadonlySet<string>,
): { contents: (string | undefined)[]; idOf: Map<string, number> } {
  const contents: (string | undefined)[] = [];
  const idOf = new Map<string, number>();
  const add = (content: string, id: number): void => {
    contents[id] = content;
    if (!hidden.has(content) || /^<0x[0-9A-F]{2}>$/.test(content)) idOf.set(content, id);
  };
  if (Array.isArray(model.vocab)) for (const [id, [content]] of model.vocab.entries()) add(content, id);
  else {
    const { tokens, ids } = listedVocabulary(model.vocab as Readonly<Record<string, number>>);
    for (const [place, content] of tokens.entries()) add(content, ids[place]);
  }
  return { contents, idOf };
}

function readModel(model: Model, idOf: ReadonlyMap<string, number>, own: OwnModel | undefined): Definition["segment"] {
  if (model.dropout) throw refuse(`drops merges at random (dropout ${model.dropout})`);
  if (model.continuing_subword_prefix || model.end_of_word_suffix)
    throw refuse("marks the ends of words (WordPiece, GPT-1)");
  if (Array.isArray(model.vocab)) {
    // A piece that cannot be spelled is never found; half a surrogate pair is in no text.
    const pieces = model.vocab.map(([content, score]) => [idOf.has(content) ? content : `\udc00${content}`, score]);
    const library = new Unigram({ ...model, type: "Unigram", vocab: pieces }, "");
    // biome-ignore lint/correctness/useYield: all at once
    return function* (written) {
      return library.tokenize(written);
    };
  }
  if (!model.merges) throw refuse(`has a ${model.type ?? "word"} model`);
  const merges = own ? own(idOf) : new Merges(mergesOf(model), idOf, model.merges.length);
  if (!model.ignore_merges) return (written) => merges.apply(written);
  return function* (written) {
    return idOf.has(written) ? [written] : yield* merges.apply(written);
  };
}

/** Older files write a merge as "a b", newer ones as ["a", "b"]. */
function* mergesOf(model: Model): Generator<readonly [string, string]> {
  for (const merge of model.merges ?? []) {
    if (typeof merge !== "string") yield merge;
    else {
      const space = merge.indexOf(" ", 1);
      yield [merge.slice(0, space), merge.slice(space + 1)];
    }
  }
}

/** Characters that some token has a `mark` behind. */
function seamsIn(contents: readonly (string | undefined)[], mark: string): Set<string> {
  const seams = new Set<string>();
  for (const content of contents)
    for (let at = content?.indexOf(mark, 1) ?? -1; at > 0; at = content!.indexOf(mark, at + 1))
      seams.add(Array.from(content!.slice(0, at)).at(-1)!);
  return seams;
}

/** Characters that some merge joins with a `mark` after them. */
function seamsBefore(mark: string, model: Model): Set<string> {
  const seams = new Set<string>();
  for (const [left, right] of mergesOf(model)) {
    if (right[0] !== mark[0] || !right.startsWith(mark) || left.endsWith(mark)) continue;
    seams.add(Array.from(left).at(-1)!);
  }
  return seams;
}
