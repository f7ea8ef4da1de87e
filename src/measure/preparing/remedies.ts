/**
 * What would meet a need, in people's units: so many bytes more at the rate of this text's tokens, or a pattern that cuts it
 * into documents. What a pattern would give is not guessed: the text is cut and tokenised, and its needs are counted again; a
 * pattern is named where it meets the need and costs no other figure.
 *
 * Memory: a second copy of a text of at most `MOST_CUT` bytes and its tokens, while it is cut.
 */

import { count, sizeText } from "../../numeric/amounts.ts";
import { unreachable } from "../../numeric/errors.ts";
import type { Need } from "../../numeric/needs.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { between, pattern, type SourceDocument } from "../../text/documents.ts";
import { BLOCK_TOKENS } from "../../text/units.ts";
import { tokenizeCorpus } from "../../tokenizer/document.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { type Ground, unmetNeeds } from "./needs.ts";

/** A figure that will be missing. */
export interface Foretold {
  readonly figure: string;
  readonly reason: string;
  /** what would make it possible, as a clause */
  readonly remedy: string;
  readonly have: number;
  readonly needs: number;
  readonly bound: Need["bound"];
  readonly unit: string;
}

/** What cuts a text into documents, as `--split-on` takes it: at blank lines, else at every line. */
const PATTERNS = ["\\n\\n", "\\r\\n\\r\\n", "\\n"];
/** A longer text is not cut to try. */
const MOST_CUT = 4_000_000;

/** A pattern and what the text would be with it. */
interface Cut {
  readonly pattern: string;
  readonly documents: number;
  /** figures that would be missing then */
  readonly missing: ReadonlySet<string>;
}

/**
 * The needs that are not met, each with its remedy.
 * @throws LossyscopeError as tokenising does
 */
export async function foretell(ground: Ground, tokenizer: Tokenizer): Promise<Foretold[]> {
  const needs = unmetNeeds(ground);
  if (needs.length === 0) return [];
  const now = new Set(needs.map(({ figure }) => figure));
  const cuts = (await cutsOf(ground, tokenizer)).filter(({ missing }) =>
    [...missing].every((figure) => now.has(figure)),
  );
  return needs.map((need) => {
    const { figure, reason, have, needs: takes, bound, unit } = need;
    const cut = cuts.find(({ missing }) => !missing.has(figure));
    const ways = [...more(need, ground), ...(cut ? [cutClause(cut, ground)] : [])];
    return { figure, reason, remedy: ways.join(", or "), have, needs: takes, bound, unit };
  });
}

function cutClause({ pattern: cut, documents }: Cut, { plan }: Ground): string {
  const about = plan.limitBytes === null && plan.limitDocuments === null ? "" : "about ";
  return `--split-on '${cut}' (gives ${about}${count(documents)} documents)`;
}

async function cutsOf(ground: Ground, tokenizer: Tokenizer): Promise<Cut[]> {
  const { plan, documents } = ground;
  const bytes = documents.reduce((total, document) => total + document.bytes, 0);
  if (
    plan.splitOn !== null ||
    plan.chat ||
    bytes > MOST_CUT ||
    documents.some(({ metadata }) => metadata && metadata.ofWhole.size > 0)
  )
    return [];
  const cuts: Cut[] = [];
  for (const source of PATTERNS) {
    const cut = pattern(source);
    if (!documents.some(({ text }) => text.search(cut) >= 0)) continue;
    const { documents: pieces } = await tokenizeCorpus(tokenizer, piecesOf(documents, cut));
    const needs = unmetNeeds({ ...ground, documents: pieces });
    cuts.push({ pattern: source, documents: pieces.length, missing: new Set(needs.map(({ figure }) => figure)) });
  }
  return cuts;
}

async function* piecesOf(documents: readonly TokenizedDocument[], cut: RegExp): AsyncGenerator<SourceDocument> {
  for (const { id, domain, metadata, text } of documents) {
    let index = 0;
    for (const piece of between(text, cut))
      yield { id: `${id}.${index++}`, domain, text: piece, replaced: 0, metadata };
  }
}

/** What more of a text would do it, or what is said of the need itself. */
function more(need: Need, ground: Ground): string[] {
  const { remedy, have, needs } = need;
  const { bytes, tokens } = sizeOf(ground.documents);
  const rate = tokens > 0 ? bytes / tokens : 1;
  switch (remedy.kind) {
    case "said":
      return [remedy.text];
    case "document":
      return [`a document of ${size(needs * rate)} or more`, ...(remedy.or === undefined ? [] : [remedy.or])];
    case "tokens":
      // Words come again: twice as much text has fewer than twice as many.
      return [moreText(2 * (needs - have) * rate, ground, bytes)];
    case "units":
      return [moreUnits(need, remedy.tokens, ground, { bytes, tokens, rate })];
    default:
      return unreachable(remedy);
  }
}

/** One document goes on until it has blocks enough; of several, there are more like them. */
function moreUnits(
  { have, needs, unit }: Need,
  least: number,
  ground: Ground,
  { bytes, tokens, rate }: { readonly bytes: number; readonly tokens: number; readonly rate: number },
): string {
  const filled = ground.documents.filter(({ ids }) => ids.length > 0).length;
  if (filled <= 1) return moreText((needs * BLOCK_TOKENS - tokens) * rate, ground, bytes);
  const wanted = needs - have;
  const mean = unit === "document" ? tokens / filled : Math.min(tokens / filled, BLOCK_TOKENS);
  const clause = moreText(wanted * Math.max(least, mean) * rate, ground, bytes, wanted);
  return `${wanted} more document${wanted === 1 ? "" : "s"} like these (${clause})`;
}

/** A clause about so many bytes more, and about the limit that kept them out. */
function moreText(
  wanted: number,
  { plan: { limitBytes, limitDocuments, sample }, documents }: Ground,
  bytes: number,
  wantedDocuments = 0,
): string {
  const clause = `${size(wanted)} more text`;
  const cutShort = limitBytes !== null && !sample && bytes >= limitBytes;
  if (cutShort) return `${clause}: --limit-bytes ${twoDigits(limitBytes + wanted).replace(" ", "")}`;
  if (limitDocuments !== null && documents.length >= limitDocuments && wantedDocuments > 0)
    return `${clause}: --limit-documents ${limitDocuments + wantedDocuments}`;
  return clause;
}

/** Rounded up to two digits. */
function rounded(bytes: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, bytes))) - 1);
  return Math.ceil(Math.max(1, bytes) / step) * step;
}

/** Those two digits: `60 kB`, `1.2 MB`. */
const twoDigits = (bytes: number): string =>
  sizeText(rounded(bytes)).replace(/\.(\d*?)0+ /, (_, digits: string) => (digits === "" ? " " : `.${digits} `));

const size = (bytes: number): string => `about ${twoDigits(bytes)}`;

const sizeOf = (documents: readonly TokenizedDocument[]): { readonly bytes: number; readonly tokens: number } => ({
  bytes: documents.reduce((total, document) => total + document.bytes, 0),
  tokens: documents.reduce((total, { ids }) => total + ids.length, 0),
});
