/**
 * A GGUF file's sentencepiece tokenizer (`tokenizer.ggml.model` = `llama`): any two neighbours whose joined spelling is a token
 * are joined, the highest score first, of equal ones the leftmost (llama.cpp's order), and what is no token in the end is
 * written byte by byte.
 * Memory: 4 bytes a token.
 */
import { SPACE, type TokenizerFile } from "../definition.ts";
import { damaged, type GgufVocabulary, TYPE } from "./metadata.ts";

export interface SentencePieces extends Pick<TokenizerFile, "normalizer" | "pre_tokenizer" | "model"> {
  /** rank of each token, the highest score first; below 0 of those that no text is joined to */
  readonly ranks: Int32Array;
}

/**
 * @param spaced whether a space is put before a text, and behind every special token in it
 * @throws LossyscopeError `model` where scores are missing
 */
export function sentencePieces({ tokens, types, scores }: GgufVocabulary, spaced: boolean): SentencePieces {
  if (!scores) throw damaged("it has no tokenizer.ggml.scores, by which sentencepiece joins");
  const rankOf = ranksOf(scores);
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
      merges: [],
      byte_fallback: true,
      fuse_unk: false,
    },
    ranks: Int32Array.from(scores, (score, id) => (isText(types[id]) ? rankOf.get(score)! : -1)),
  };
}

const isText = (type: number): boolean => type !== TYPE.control && type !== TYPE.unknown;

/** Score → its place among all scores, the highest first. */
function ranksOf(scores: ArrayLike<number>): ReadonlyMap<number, number> {
  const distinct = [...new Set(Array.from(scores))].sort((a, b) => b - a);
  return new Map(distinct.map((score, rank) => [score, rank]));
}
