/**
 * A GGUF file's unigram tokenizer (`tokenizer.ggml.model` = `t5`): rules of normalisation, spaces of which a run may become one and
 * those around a text nothing, a space before it, then the likeliest way to write all of it as tokens (`likeliest.ts`). A character
 * that is no token costs ten nats more than the unlikeliest one, and a run of them is one unknown token. As llama.cpp does
 * it, which scores user-defined tokens at 0 and takes unused ones for text.
 * Memory: that of `likeliest.ts`; of a text that is normalised about 10 bytes a byte.
 */
import type { Change } from "../align.ts";
import { type Definition, type Insertion, SPACE, type TokenizerFile } from "../definition.ts";
import { LikeliestPieces } from "../likeliest.ts";
import type { CharsMap } from "./charsmap.ts";
import { damaged, type GgufVocabulary, TYPE } from "./metadata.ts";

/** How much less likely than the unlikeliest token a character is that is none, in nats. */
const UNKNOWN = 10;

export interface Unigram extends Pick<TokenizerFile, "normalizer" | "pre_tokenizer" | "model"> {
  readonly pieces: LikeliestPieces;
}

/**
 * @param unknown id of the token for what is none
 * @throws LossyscopeError `model` where scores are missing, or ▁ is no token of texts
 */
export function unigram({ tokens, types, scores }: GgufVocabulary, unknown: number): Unigram {
  if (!scores) throw damaged("it has no tokenizer.ggml.scores, by which a unigram model weighs tokens");
  const pieces: [string, number][] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const [id, token] of tokens.entries()) {
    const type = types[id];
    if (type === TYPE.normal) least = Math.min(least, scores[id]);
    if (type === TYPE.normal || type === TYPE.unused || type === TYPE.userDefined)
      pieces.push([token, type === TYPE.userDefined ? 0 : scores[id]]);
  }
  if (!Number.isFinite(least)) throw damaged("it has no token of texts with a score");
  if (!pieces.some(([token]) => token === SPACE))
    throw damaged(`it writes spaces as ${SPACE}, which is no token of texts`);
  return {
    normalizer: { type: "Replace", pattern: { String: " " }, content: SPACE },
    pre_tokenizer: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
      unk_token: tokens[unknown],
      byte_fallback: false,
      fuse_unk: true,
    },
    pieces: new LikeliestPieces(pieces, Math.fround(least - UNKNOWN)),
  };
}

/** How a text is changed before it is cut. */
export interface Spelling {
  readonly rules: CharsMap | null;
  /** whether a run of spaces is one, and those around a text are none */
  readonly merges: boolean;
  /** whether a space is put before a text */
  readonly spaced: boolean;
}

/** The part of a definition that says so. */
export function spellingOf({
  rules,
  merges,
  spaced,
}: Spelling): Pick<Definition, "normalise" | "changesOf" | "inParts" | "insertion"> {
  const insertion: Insertion = merges ? "section" : spaced ? "words" : "never";
  if (!rules && !merges) return { normalise: null, inParts: false, insertion };
  return {
    normalise: (text) => normalised(text, rules, merges).text,
    changesOf: (text) => normalised(text, rules, merges).changes,
    inParts: false,
    insertion,
  };
}

const BLANK = 0x20;

/** The text as the model sees it, and which of its bytes came from which. */
function normalised(
  text: string,
  rules: CharsMap | null,
  merges: boolean,
): { readonly text: string; readonly changes: readonly Change[] } {
  const from = Buffer.from(text);
  const to = new Bytes(from.length + 16);
  const changes: Change[] = [];
  const became = (start: number, end: number, normalStart: number, normalEnd: number): void => {
    let [head, tail] = [0, 0];
    const shortest = Math.min(end - start, normalEnd - normalStart);
    while (head < shortest && from[start + head] === to.at(normalStart + head)) head++;
    while (tail < shortest - head && from[end - 1 - tail] === to.at(normalEnd - 1 - tail)) tail++;
    if (head + tail < Math.max(end - start, normalEnd - normalStart))
      changes.push({
        start: start + head,
        end: end - tail,
        normalStart: normalStart + head,
        normalEnd: normalEnd - tail,
      });
  };
  /** first byte of the spaces before what comes; -1 where there are none */
  let gap = -1;
  let [inWord, words] = [false, 0];
  for (let at = 0; at < from.length; ) {
    const rule = rules?.longest(from, at);
    const end = at + (rule?.length ?? widthOf(from[at]));
    const target = rule?.target ?? from.subarray(at, end);
    const before = to.length;
    let own = before;
    for (const byte of target) {
      if (byte === BLANK && merges) {
        inWord = false;
        continue;
      }
      if (merges && !inWord) {
        inWord = true;
        if (words++ > 0) to.push(BLANK);
        if (gap >= 0) {
          became(gap, at, own, to.length);
          own = to.length;
          gap = -1;
        }
      }
      to.push(byte);
    }
    if (to.length > before) became(at, end, own, to.length);
    else if (merges && gap < 0 && !inWord) gap = at;
    else if (gap < 0) became(at, end, before, before);
    at = end;
  }
  if (gap >= 0) became(gap, from.length, to.length, to.length);
  return { text: to.text(), changes };
}

/** Bytes of a character, by its first one. */
const widthOf = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

class Bytes {
  length = 0;
  #bytes: Buffer;

  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  push(byte: number): void {
    if (this.length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.allocUnsafe(this.length)]);
    this.#bytes[this.length++] = byte;
  }

  at(place: number): number {
    return this.#bytes[place];
  }

  text(): string {
    return this.#bytes.toString("utf8", 0, this.length);
  }
}
