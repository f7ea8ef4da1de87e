/**
 * A model's tokenizer: text → ids, and the bytes of the text that every id stands for, which add up to the text's
 * (METHODS §0, §1 Repairs). Added tokens are found first, what lies between them is normalised, cut into pieces, and each
 * piece goes through the model's merges (`pieces.ts`). Reading the files is `definition.ts`'s and `prefix.ts`'s work.
 * Memory of one call: about 8 bytes a token and 4 bytes a character, beside what `pieces.ts` remembers.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { sha256 } from "../files/digest.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { parseJsonObject } from "../formats/json.ts";
import { refusePointer } from "../formats/lfs.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import type { Prefix } from "../text/corpus.ts";
import { type AddedSpan, addedTokenFinder } from "./added.ts";
import { longestFirstFinder } from "./added-longest.ts";
import { align, type Change } from "./align.ts";
import { readBytes } from "./bytes.ts";
import type { Cutter } from "./cut.ts";
import { type Definition, readDefinition, SPACE, type TokenizerFile, tokenizerFile } from "./definition.ts";
import { asLoaded } from "./loaded.ts";
import { Pieces, Tokens, Uncovered } from "./pieces.ts";
import { type Around, resolvePrefix, tokensAround } from "./prefix.ts";
import { addRepair, composeRepairs, type Repair, sourceOffsets } from "./repairs.ts";
import { atOnce, type InTurns, LOT, patiently, patientlyInTurns } from "./running.ts";

export interface Encoding {
  /** [tokens], without any token that a template puts around a text */
  readonly ids: Int32Array;
  /** [tokens]: end of each token's bytes in the text's UTF-8; non-decreasing, the last one is `bytes` */
  readonly byteEnds: Uint32Array;
  readonly bytes: number;
  /** whether a normaliser changed the text */
  readonly normalised: boolean;
  /** where decoding the tokens does not give the text's bytes back, in order, none touching another */
  readonly repairs: readonly Repair[];
}

export interface TokenizerOptions {
  /** special tokens written in the text become control tokens; by default they are text like any other */
  readonly specialTokens?: boolean;
  /** rows of the model's embedding, where the caller knows them; else `vocab_size` of its config */
  readonly rows?: number;
}

/** A token that a text reaches and that the model's embedding has no row for. Tokens past it that no text reaches do no harm. */
export class BeyondEmbedding extends LossyscopeError {
  /** @param where what reaches it, for people */
  constructor(
    where: string,
    readonly token: { readonly id: number; readonly content: string | undefined; readonly rows: number },
  ) {
    const { id, content, rows } = token;
    const named = content === undefined ? `the id ${id}` : `the token ${shown(content)} (id ${id})`;
    super(
      "model",
      `${where} reaches ${named}, which is past the model's ${count(rows)} embeddings`,
      "leave that token out of the text, or use the tokenizer that the model was trained with",
    );
  }
}

/**
 * Loads the tokenizer of a model from its folder.
 * @param folder of the model: tokenizer.json, and beside it tokenizer_config.json, special_tokens_map.json,
 *   added_tokens.json, generation_config.json where they are
 * @param config the model's config.json; `vocab_size`, `eos_token_id`, `model_type`, `tokenizer_class` are read
 * @throws LossyscopeError `model` where tokenizer.json is missing, malformed or opens every text with a token that the
 *   model has no row for; `unsupported` naming what it asks for that cannot be followed
 */
export async function loadTokenizer(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  options: TokenizerOptions = {},
): Promise<Tokenizer> {
  const { json, ...beside } = await readFiles(folder);
  return createTokenizer(json, { ...options, config, ...beside });
}

/**
 * tokenizer.json of a folder as it is loaded, with what the files beside it say (`loaded.ts`).
 * @throws LossyscopeError as `loadTokenizer`
 */
export async function loadDefinition(
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<TokenizerFile> {
  const { json, digest, ...beside } = await readFiles(folder);
  const { tokenizerConfig, specialTokensMap, addedTokens } = beside;
  return asLoaded(fileOf(json), { config, tokenizerConfig, specialTokensMap, addedTokens }).file;
}

/** tokenizer.json and what lies beside it. */
async function readFiles(folder: string) {
  const bytes = await readOptional(join(folder, "tokenizer.json"));
  if (bytes === undefined) {
    throw new LossyscopeError(
      "model",
      `${basename(folder)} has no tokenizer.json`,
      "save the model's fast tokenizer beside its weights (save_pretrained writes tokenizer.json)",
    );
  }
  const [tokenizerConfig, specialTokensMap, addedTokens, generationConfig] = await Promise.all(
    ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json"].map(
      async (name) => parseObject(name, (await readOptional(join(folder, name)))?.toString() ?? "{}"),
    ),
  );
  const json = parseObject("tokenizer.json", bytes.toString());
  return { json, tokenizerConfig, specialTokensMap, addedTokens, generationConfig, digest: sha256(bytes) };
}

/** Bytes at once: decoding them piece by piece takes longer than reading. */
async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw ioFault(error, `read ${path}`);
  }
}

function parseObject(name: string, text: string): Record<string, unknown> {
  refusePointer(name, text);
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${name} ${why}`, "download it again"));
}

interface Files extends TokenizerOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig?: Readonly<Record<string, unknown>>;
  readonly specialTokensMap?: Readonly<Record<string, unknown>>;
  readonly addedTokens?: Readonly<Record<string, unknown>>;
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  readonly digest?: string;
}

/**
 * Makes a tokenizer from the files of one.
 * @param json tokenizer.json, parsed
 * @param beside the files beside it, each empty where it is not there
 */
export function createTokenizer(json: unknown, beside: Files = {}): Tokenizer {
  try {
    return readTokenizer(json, beside);
  } catch (error) {
    // Rules and patterns are compiled by a library, which refuses in its own words what it cannot read.
    throw asDamaged(error);
  }
}

/** An error of a library, or of the engine, as one of the files. */
export const asDamaged = (error: unknown): LossyscopeError =>
  error instanceof LossyscopeError
    ? error
    : new LossyscopeError(
        "model",
        `the tokenizer's files are damaged (${(error as Error).message})`,
        "download them again",
        { cause: error },
      );

const fileOf = (json: unknown): TokenizerFile =>
  checked(
    tokenizerFile,
    json,
    (faults) => new LossyscopeError("model", `tokenizer.json is malformed: ${faults}`, "download it again"),
  );

function readTokenizer(json: unknown, beside: Files): Tokenizer {
  const { config = {}, tokenizerConfig = {}, specialTokensMap = {}, addedTokens = {}, generationConfig = {} } = beside;
  const loaded = asLoaded(fileOf(json), { config, tokenizerConfig, specialTokensMap, addedTokens });
  const definition = readDefinition(loaded.file, (beside.specialTokens ?? false) && !loaded.splitSpecialTokens);
  const { contents } = definition;
  // A handful is asked for: of two ids with one spelling the last.
  const idOf = (token: string | undefined): number | undefined => {
    const id = token === undefined ? -1 : contents.lastIndexOf(token);
    return id < 0 ? undefined : id;
  };
  const named = { bos: idOf(loaded.named.get("bos_token")), eos: idOf(loaded.named.get("eos_token")) };
  const around = tokensAround(loaded.file.post_processor, idOf);
  const prefix = resolvePrefix(around, { modelConfig: config, generationConfig, endOfText: named.eos });
  const rows = beside.rows ?? (typeof config.vocab_size === "number" ? config.vocab_size : Number.POSITIVE_INFINITY);
  if (prefix && prefix.id >= rows)
    throw new BeyondEmbedding("the opening of every text", { id: prefix.id, content: contents[prefix.id], rows });
  const digest = beside.digest ?? sha256(JSON.stringify(json));
  return new Tokenizer(
    definition,
    prefix,
    { ...named, names: loaded.named, around, modelMaxLength: lengthOf(tokenizerConfig) },
    loaded.rules === "" ? digest : sha256(digest + loaded.rules),
    loaded.notice,
    rows,
  );
}

/** What stands for no limit is a number of thirty digits. */
function lengthOf({ model_max_length: length }: Readonly<Record<string, unknown>>): number | undefined {
  return typeof length === "number" && length > 0 && length < 1e29 ? Math.trunc(length) : undefined;
}

/** Ids of the special tokens that have a part of their own: where the files name them, and what stands around a text. */
export interface ControlTokens {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  /** all that the files name, by their part: `bos_token` */
  readonly names: ReadonlyMap<string, string>;
  readonly around: Around;
  /** `model_max_length` of tokenizer_config.json, where it is one; no text is cut to it */
  readonly modelMaxLength: number | undefined;
}

/** Of a text that may come with its opening, what stands behind it. */
interface Opened {
  readonly text: string;
  readonly encoding: Encoding;
}

/** Text to ids, with the bytes that each stands for. */
export class Tokenizer {
  private readonly pieces: Pieces;
  private readonly findRaw;
  private readonly findNormalised;
  private readonly added: ReadonlyMap<number, string>;

  constructor(
    private readonly definition: Definition,
    /** what opens every window; never in `Encoding.ids` */
    readonly prefix: Prefix | null,
    readonly control: ControlTokens,
    /** SHA-256 of tokenizer.json, and of what the files beside it change in it */
    readonly digest: string,
    /** what people should know of how the files were read, in a sentence; null where there is nothing */
    readonly notice: string | null = null,
    /** rows of the model's embedding */
    private readonly rows = Number.POSITIVE_INFINITY,
    /** what a conversation is opened with, where that is the prefix; null: nothing but the prefix itself */
    private readonly opening: string | null = null,
  ) {
    const { added, hidden, normalise } = definition;
    this.pieces = new Pieces(definition);
    this.added = new Map(
      [...added.raw, ...added.normalised].flatMap(({ id, content }) =>
        hidden.has(id) ? [] : [[id, content] as const],
      ),
    );
    this.findRaw = added.longestFirst
      ? longestFirstFinder(added.raw.filter(({ id }) => !hidden.has(id)))
      : addedTokenFinder(
          added.raw.map((token) => [token.content, token]),
          hidden,
        );
    const contents = added.normalised.map(({ content }) => content);
    const normal = normalise ? patiently(contents, () => contents.map(normalise)) : contents;
    this.findNormalised = addedTokenFinder(
      added.normalised.map((token, index) => {
        const content = normal[index];
        return [this.searched(definition.insertion === "section" ? ` ${content}` : content), token];
      }),
      hidden,
    );
  }

  /**
   * The same tokenizer for texts that come with their opening: the control token that this one begins with, where it does, is
   * the prefix.
   */
  openedBy(text: string): Tokenizer {
    const found = [...(this.findRaw?.(text) ?? [])].find((one) => one?.start === 0);
    if (!found?.token.special) return this;
    const prefix: Prefix = { id: found.token.id, addedByTokenizer: true };
    const { definition, control, digest, notice, rows } = this;
    return new Tokenizer(definition, prefix, control, digest, notice, rows, found.token.content);
  }

  /**
   * Of a text that may come with its opening, what stands behind it: cut only after it was encoded, because how a text goes on
   * depends on how it begins.
   */
  encodeOpened(text: string): Opened {
    return this.opened(text, this.encode(text));
  }

  /**
   * As `encode`, in turns.
   * @param rest waited for between two turns; where it throws, the work ends
   * @throws LossyscopeError as `encode`; what `rest` throws
   */
  encodeResting(text: string, rest: () => Promise<void>): Promise<Encoding> {
    return patientlyInTurns(text, this.encodeInTurns(text), rest);
  }

  /**
   * The same in turns, for texts that take long.
   * @param rest waited for between two turns; where it throws, the work ends
   * @throws LossyscopeError as `encode`; what `rest` throws
   */
  async encodeOpenedInTurns(text: string, rest: () => Promise<void>): Promise<Opened> {
    return this.opened(text, await this.encodeResting(text, rest));
  }

  private opened(text: string, encoding: Encoding): Opened {
    const { opening, prefix } = this;
    if (opening === null || encoding.ids[0] !== prefix?.id || !text.startsWith(opening)) return { text, encoding };
    const skip = Buffer.byteLength(opening);
    return {
      text: text.slice(opening.length),
      encoding: {
        ids: encoding.ids.slice(1),
        byteEnds: encoding.byteEnds.slice(1).map((end) => end - skip),
        bytes: encoding.bytes - skip,
        normalised: encoding.normalised,
        repairs: encoding.repairs.map(({ start, end, decoded }) => ({ start: start - skip, end: end - skip, decoded })),
      },
    };
  }

  /** one more than the highest id in the files */
  get vocabularySize(): number {
    return this.definition.contents.length;
  }

  /**
   * Whether a space is put (or one that is there taken for it) before what follows a token, so that decoding takes one away.
   * @param previous id, or null at the start of a text
   */
  opensWithSpace(previous: number | null): boolean {
    const { insertion } = this.definition;
    if (insertion === "never" || previous === null) return insertion !== "never";
    return insertion !== "document" && this.added.has(previous);
  }

  /** @returns the token as the vocabulary writes it, or undefined for an id that has none */
  contentOf(id: number): string | undefined {
    return this.definition.contents[id];
  }

  /** @returns what the tokenizer's decoder makes of this token alone */
  decodedAlone(id: number): string {
    const content = this.contentOf(id) ?? "";
    const { writing, insertion } = this.definition;
    if (writing === "bytes") return Buffer.from(readBytes(content) ?? Buffer.from(content)).toString();
    if (writing === "plain") return content;
    const spaced = content.replaceAll(SPACE, " ");
    return insertion === "never" ? spaced : spaced.replace(/^ /, "");
  }

  /** @returns the bytes that decoding the token gives; none for the unknown token and for ids without a token */
  bytesOf(id: number): Uint8Array {
    const content = this.added.get(id) ?? this.definition.contents[id];
    if (content === undefined || id === this.definition.unknownId) return new Uint8Array();
    if (this.added.has(id)) return Buffer.from(content);
    switch (this.definition.writing) {
      case "bytes":
        return readBytes(content) ?? Buffer.from(content);
      case "spaces": {
        const byte = this.definition.byteIds?.indexOf(id) ?? -1;
        return byte >= 0 ? Uint8Array.of(byte) : Buffer.from(content.replaceAll(SPACE, " "));
      }
      case "plain":
        return Buffer.from(content);
    }
  }

  /**
   * @param text well-formed UTF-16; `""` has no tokens
   * @throws LossyscopeError `text` where tokens and bytes cannot be brought together, naming the offset; `BeyondEmbedding`;
   *   `unsupported` naming the pattern that does not come to an end
   */
  encode(text: string): Encoding {
    return patiently([text], () => atOnce(this.encodeInTurns(text)));
  }

  /**
   * Many short texts under one time limit: setting one up takes longer than a short text does.
   * @returns [texts]
   * @throws LossyscopeError as `encode`
   */
  encodeEach(texts: readonly string[]): Encoding[] {
    return patiently(texts, () => texts.map((text) => atOnce(this.encodeInTurns(text))));
  }

  /** The same as work that gives way every few thousand characters, and that nobody ends: `encode` and its kin do. */
  *encodeInTurns(text: string): InTurns<Encoding> {
    const bytes = Buffer.byteLength(text);
    const tokens = new Tokens();
    const repairs: Repair[] = [];
    let normalised = false;
    let units = 0;
    let at = 0;
    const encodeSection = this.encodeSection.bind(this);
    const section = function* (end: number): InTurns<void> {
      if (end === units) return;
      const span = text.slice(units, end);
      normalised = (yield* encodeSection(span, at, tokens, repairs)) || normalised;
      at += Buffer.byteLength(span);
      units = end;
    };
    try {
      for (const found of this.findRaw?.(text) ?? []) {
        if (found === null) {
          yield;
          continue;
        }
        yield* section(found.start);
        for (const flaw of swallowed(text, found, at)) addRepair(repairs, flaw);
        at += Buffer.byteLength(text.slice(found.start, found.end));
        tokens.push(found.token.id, at);
        units = found.end;
      }
      yield* section(text.length);
      if (at !== bytes || (tokens.count === 0 && bytes > 0)) throw new Uncovered(tokens.count === 0 ? 0 : at);
    } catch (error) {
      if (!(error instanceof Uncovered)) throw asDamaged(error);
      const covered = count(error.offset);
      throw new LossyscopeError("text", `tokens cover ${covered} of ${count(bytes)} bytes (gap at byte ${covered})`);
    }
    // What a normaliser drops at the end of a text belongs to the last token, as what it drops elsewhere to the next.
    if (tokens.count > 0) tokens.ends[tokens.count - 1] = bytes;
    const ids = tokens.ids.slice(0, tokens.count);
    for (let token = 0; token < ids.length; token++) {
      const id = ids[token];
      if (id >= this.rows) throw new BeyondEmbedding("the text", { id, content: this.contentOf(id), rows: this.rows });
    }
    return {
      ids,
      byteEnds: tokens.ends.slice(0, tokens.count),
      bytes,
      normalised,
      repairs,
    };
  }

  /**
   * What lies between two added tokens.
   *
   * @param origin offset of its first byte in the text
   * @returns whether the normaliser changed it
   */
  private *encodeSection(text: string, origin: number, tokens: Tokens, repairs: Repair[]): InTurns<boolean> {
    const { insertion } = this.definition;
    const normal = yield* this.normalised(text);
    const first = tokens.count;
    const flaws: Repair[] = [];
    const bytes = Buffer.byteLength(normal);
    const inserted = (insertion === "section" && normal.length > 0) || (insertion === "words" && /[^ ]/.test(normal));
    // Decoding takes a space away here, put there or not.
    if (insertion === "words" && !inserted && normal.length > 0) flaws.push({ start: 0, end: 1, decoded: 0 });
    const content = inserted ? ` ${normal}` : normal;
    const written = yield* this.writtenInTurns(content);
    let at = inserted ? -1 : 0;
    let units = 0;
    const encodePart = this.encodePart.bind(this);
    const part = function* (end: number): InTurns<void> {
      if (end === units) return;
      const own = [content.slice(units, end), written.slice(units, end)] as const;
      at = yield* encodePart(...own, at, origin === 0, tokens, flaws);
      units = end;
    };
    try {
      for (const found of this.findNormalised?.(this.definition.marked ? written : content) ?? []) {
        if (found === null) {
          yield;
          continue;
        }
        yield* part(found.start);
        flaws.push(...swallowed(content, found, at));
        at += Buffer.byteLength(content.slice(found.start, found.end));
        tokens.push(found.token.id, at);
        units = found.end;
      }
      yield* part(content.length);
    } catch (error) {
      throw error instanceof Uncovered ? new Uncovered(origin + Math.max(0, error.offset)) : error;
    }
    if (at !== bytes) throw new Uncovered(origin + at);

    const changes = normal === text ? [] : (this.definition.changesOf?.(text) ?? this.align(text, normal, origin));
    const source = changes.length === 0 ? (offset: number) => offset : sourceOffsets(changes);
    for (let i = first; i < tokens.count; i++) {
      tokens.ends[i] = origin + source(tokens.ends[i]);
      if (i % LOT === LOT - 1) yield;
    }
    for (const { start, end, decoded } of composeRepairs(changes, flaws)) {
      addRepair(repairs, { start: origin + start, end: origin + end, decoded });
    }
    return normal !== text;
  }

  /**
   * What lies between two added tokens once normalised, `content`, and the same as the model writes it.
   *
   * @param at offset of its first byte in the normalised section
   * @returns offset of its end
   */
  private *encodePart(
    content: string,
    written: string,
    at: number,
    opensDocument: boolean,
    tokens: Tokens,
    flaws: Repair[],
  ): InTurns<number> {
    const { insertion, writing, cutters } = this.definition;
    const floor = Math.max(0, at);
    let base = at;
    if (insertion === "part" || (insertion === "document" && opensDocument && at === 0)) {
      if (!written.startsWith(writing === "spaces" ? SPACE : " ")) {
        base--;
        content = ` ${content}`;
        written = writing === "spaces" ? SPACE + written : content;
      } else {
        // Decoding takes one space away here, inserted or not; a literal ▁ is a flaw already, and this comes on top.
        flaws.push(content[0] === " " ? { start: at, end: at + 1, decoded: 0 } : { start: at, end: at, decoded: -1 });
      }
    }
    const { pieces } = this;
    let rested = 0;
    const cut = function* (start: number, end: number, depth: number): InTurns<void> {
      const cutter: Cutter | undefined = cutters[depth];
      if (!cutter) {
        const piece = content.slice(start, end);
        const known = pieces.again(piece, base, floor, tokens);
        base = known === null ? yield* pieces.first(piece, base, floor, tokens, flaws) : known;
        return;
      }
      let from = start;
      for (const ends of cutter(depth === 0 ? written : written.slice(start, end))) {
        for (const last of ends) {
          const to = start + last;
          // The last cutter's pieces are most of all: those that are known take no generator of their own.
          const known = depth + 1 < cutters.length ? null : pieces.again(content.slice(from, to), base, floor, tokens);
          if (known === null) yield* cut(from, to, depth + 1);
          else base = known;
          from = to;
          if (from - rested < LOT) continue;
          rested = from;
          yield;
        }
        if (from < end) yield;
      }
    };
    yield* cut(0, content.length, 0);
    return base;
  }

  private *normalised(text: string): InTurns<string> {
    const { normalise, inParts } = this.definition;
    if (!normalise) return text;
    if (!inParts) return normalise(text);
    const parts: string[] = [];
    for (let start = 0; start < text.length; ) {
      let end = start + LOT;
      while (end < text.length && text.charCodeAt(end) > 0x7f) end++;
      parts.push(normalise(text.slice(start, end)));
      start = end;
      yield;
    }
    return parts.join("");
  }

  private *writtenInTurns(text: string): InTurns<string> {
    if (this.definition.writing !== "spaces" || text.length < LOT) return this.written(text);
    const parts: string[] = [];
    for (let start = 0; start < text.length; start += LOT) {
      parts.push(this.written(text.slice(start, start + LOT)));
      yield;
    }
    return parts.join("");
  }

  private written(text: string): string {
    return this.definition.writing === "spaces" ? text.replaceAll(" ", SPACE) : text;
  }

  /** the text as added tokens are looked for in it */
  private searched(text: string): string {
    return this.definition.marked ? this.written(text) : text;
  }

  private align(text: string, normal: string, origin: number): Change[] {
    const changes = align(text, normal, this.definition.normalise!);
    if (changes) return changes;
    throw new LossyscopeError(
      "text",
      `the normaliser's output (${count(Buffer.byteLength(normal))} bytes) cannot be aligned with the ${count(Buffer.byteLength(text))} bytes from byte ${count(origin)}`,
    );
  }
}

/**
 * White space that an added token took, and a content that the text spells another way.
 *
 * @param at offset of the span's first byte; -1 where that byte is an inserted space, which the text does not have
 */
function* swallowed(text: string, found: AddedSpan, at: number): Generator<Repair> {
  const bytes = (start: number, end: number) => Buffer.byteLength(text.slice(start, end));
  const start = at + bytes(found.start, found.contentStart);
  const end = start + bytes(found.contentStart, found.contentEnd);
  const { content } = found.token;
  if (start > Math.max(0, at)) yield { start: Math.max(0, at), end: start, decoded: 0 };
  if (text.slice(found.contentStart + (start < 0 ? 1 : 0), found.contentEnd) !== content) {
    yield { start: Math.max(0, start), end, decoded: Buffer.byteLength(content) };
  }
  if (found.end > found.contentEnd) yield { start: end, end: end + bytes(found.contentEnd, found.end), decoded: 0 };
}
