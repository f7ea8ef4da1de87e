/**
 * A GGUF file's sentencepiece tokenizer (`tokenizer.ggml.model` = `llama`) as merges: any two neighbours whose joined
 * spelling is a token are joined, the highest score first, of equal ones the leftmost (llama.cpp's order), and what is no
 * token in the end is written byte by byte. So each token is as many merges as it has places to be cut into tokens or
 * single characters, and all of them rank by its score.
 * Memory: about 150 bytes a merge, of which a token of n characters has n − 1 at most.
 */
import { count } from "../../numeric/amounts.ts";
import { SPACE, type TokenizerFile } from "../definition.ts";
import { damaged, type GgufVocabulary, TYPE } from "./metadata.ts";

export interface SentencePieces extends Pick<TokenizerFile, "normalizer" | "pre_tokenizer" | "model"> {
  /** rank of each merge, lowest first */
  readonly ranks: Int32Array;
}

/** Characters read where every token is cut everywhere; vocabularies of a quarter of a million tokens take 15 million. */
const MOST_CUT = 2 ** 28;
const MOST_MERGES = 2 ** 22;

/**
 * @param spaced whether a space is put before a text, and behind every special token in it
 * @throws LossyscopeError `model` where scores are missing, or tokens so long that cutting them takes minutes
 */
export function sentencePieces({ tokens, types, scores }: GgufVocabulary, spaced: boolean): SentencePieces {
  if (!scores) throw damaged("it has no tokenizer.ggml.scores, by which sentencepiece joins");
  const work = tokens.reduce((sum, { length }) => sum + length * length, 0);
  if (work > MOST_CUT)
    throw damaged(`cutting its tokens everywhere takes ${count(work)} characters, ${count(MOST_CUT)} are read at most`);
  const isText = (id: number): boolean => types[id] !== TYPE.control && types[id] !== TYPE.unknown;
  const spelled = new Set(tokens.filter((_, id) => isText(id)));
  const rankOf = ranksOf(scores);
  const merges: [string, string][] = [];
  const ranks: number[] = [];
  for (const [id, token] of tokens.entries()) {
    if (!isText(id)) continue;
    for (let at = characterAt(token, 0); at < token.length; at += characterAt(token, at)) {
      const left = token.slice(0, at);
      const right = token.slice(at);
      const isSymbol = (part: string): boolean => part.length === characterAt(part, 0) || spelled.has(part);
      if (!isSymbol(left) || !isSymbol(right)) continue;
      if (merges.push([left, right]) > MOST_MERGES)
        throw damaged(`its tokens can be joined in more than ${count(MOST_MERGES)} ways`);
      ranks.push(rankOf.get(scores[id])!);
    }
  }
  const prepended = spaced ? [{ type: "Prepend", prepend: SPACE }] : [];
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [...prepended, { type: "Replace", pattern: { String: " " }, content: SPACE }],
    },
    pre_tokenizer: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
      byte_fallback: true,
      fuse_unk: false,
    },
    ranks: Int32Array.from(ranks),
  };
}

/** Score → its place among all scores, the highest first. */
function ranksOf(scores: ArrayLike<number>): ReadonlyMap<number, number> {
  const distinct = [...new Set(Array.from(scores))].sort((a, b) => b - a);
  return new Map(distinct.map((score, rank) => [score, rank]));
}

const characterAt = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1);
