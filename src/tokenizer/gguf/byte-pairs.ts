/**
 * A GGUF file's byte-level tokenizer (`tokenizer.ggml.model` = `gpt2`) as a tokenizer.json would write it: the patterns of
 * its kind, then merges in the order of the list, of which a pair named twice counts where it is named first.
 */
import { count } from "../../numeric/amounts.ts";
import { shown } from "../../numeric/errors.ts";
import type { TokenizerFile } from "../definition.ts";
import { damaged, type GgufVocabulary } from "./metadata.ts";
import type { Pre } from "./pre.ts";

type Model = Pick<TokenizerFile, "normalizer" | "pre_tokenizer" | "model">;

/** More than any tokenizer has: half a million are many. */
const MOST_MERGES = 2 ** 22;

/** @throws LossyscopeError `model` for merges that are not there, are none, or name what is no token */
export function bytePairs({ tokens, merges }: GgufVocabulary, pre: Pre): Model {
  if (!merges) throw damaged("it has no tokenizer.ggml.merges");
  if (merges.length > MOST_MERGES)
    throw damaged(`it has ${count(merges.length)} merges, ${count(MOST_MERGES)} are read at most`);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const known = new Set(tokens);
  const own = new Set(merges);
  let at = 0;
  for (const merge of merges) {
    at++;
    const space = merge.indexOf(" ", 1);
    const parts = space < 0 ? [] : [merge.slice(0, space), merge.slice(space + 1)];
    const strange = [...parts, parts.join("")].find((part) => !known.has(part));
    if (strange !== undefined)
      throw damaged(
        `merge ${count(at)} of ${count(merges.length)}, ${shown(merge)}, needs ${shown(strange)}, which is no token`,
      );
  }
  return {
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...pre.patterns.map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false })),
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    model: { type: "BPE", vocab, merges: [...own], ignore_merges: pre.ignoreMerges ?? false },
  };
}
