/** Whether two tokenizers mean the same by the same ids, which is what models that are set side by side must have in common. */
import { count } from "../numeric/amounts.ts";
import { shown } from "../numeric/errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

type Table = Pick<Tokenizer, "vocabularySize" | "contentOf" | "prefix">;

/** How many ids that differ are named. */
const NAMED = 3;

/** Tokens that two models share, the first so many ids; or why they share none. */
export type Shared = { readonly vocabulary: number } | { readonly absent: string };

/**
 * @param tables of either model
 * @param rows of either model's output
 * @returns ids below the shorter side's: of padding that both have, all of it
 */
export function sharedVocabulary(tables: readonly [Table, Table], rows: readonly [number, number]): Shared {
  const [a, b] = tables;
  const fewer = Math.min(...rows);
  const vocabulary =
    a.vocabularySize === b.vocabularySize ? fewer : Math.min(fewer, a.vocabularySize, b.vocabularySize);
  const different: number[] = [];
  for (let id = 0; id < vocabulary; id++) if (a.contentOf(id) !== b.contentOf(id)) different.push(id);
  const named = (content: string | undefined): string => (content === undefined ? "nothing" : shown(content));
  if (different.length > 0) {
    const first = different
      .slice(0, NAMED)
      .map((id) => `${id} is ${named(a.contentOf(id))} and ${named(b.contentOf(id))}`);
    return {
      absent: `the vocabularies differ in ${count(different.length)} of ${count(vocabulary)} ids (${first.join(", ")}${different.length > NAMED ? ", …" : ""})`,
    };
  }
  const [p, q] = tables.map(({ prefix, contentOf }, side) =>
    prefix === null ? "nothing" : named(contentOf.call(tables[side], prefix.id)),
  );
  return p === q ? { vocabulary } : { absent: `one tokenizer opens a text with ${p}, the other with ${q}` };
}
