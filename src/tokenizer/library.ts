/**
 * The parts of @huggingface/tokenizers that are used here, typed by hand: its own declarations import without
 * extensions, which Node's resolution does not follow.
 */
import * as library from "@huggingface/tokenizers";

interface Library {
  /** compiles an Oniguruma pattern for JavaScript, with flags `gu` */
  SplitPreTokenizer: new (
    config: object,
  ) => { readonly pattern: RegExp | null };
  SequenceNormalizer: new (config: object) => { normalize(text: string): string };
  Unigram: new (config: object, endOfText: string) => { tokenize(piece: string): string[] };
  /** the whole pipeline: what tests and benchmarks compare with */
  Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => { encode(text: string, options?: { add_special_tokens?: boolean }): { ids: number[] } };
}

export const { SplitPreTokenizer, SequenceNormalizer, Unigram, Tokenizer } = library as unknown as Library;
