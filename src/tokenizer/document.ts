/**
 * Documents with their tokens: what every probe works on (METHODS §0). A document whose tokens cannot be brought
 * together with its bytes is left out and named; the others go on.
 * A long one is tokenised in turns of some milliseconds, between which signals, the terminal and everybody else have theirs.
 * Memory: the documents' texts, and 8 bytes a token.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { sha256 } from "../files/digest.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { SourceDocument } from "../text/documents.ts";
import { repairCost } from "./repairs.ts";
import { BeyondEmbedding, type Encoding, type Tokenizer } from "./tokenizer.ts";

/** Characters of a text that others are given a turn during. */
const LONG = 1 << 15;
/** Characters that are hashed and counted at a time. */
const STRETCH = 1 << 20;

/**
 * @param index position in the corpus
 * @throws LossyscopeError `text` where tokens and bytes cannot be brought together, naming document and offset;
 *   `BeyondEmbedding` naming the document
 */
export function tokenizeDocument(tokenizer: Tokenizer, source: SourceDocument, index: number): TokenizedDocument {
  refuseHalves(source);
  try {
    const { text, encoding } = tokenizer.encodeOpened(source.text);
    const utf8 = Buffer.from(text);
    return documentOf(source, index, { text, encoding, sha256: sha256(utf8), characters: countCharacters(utf8) });
  } catch (error) {
    throw named(source, error);
  }
}

/**
 * The same of a long text, in turns.
 * @param rest waited for between two of them; where it throws, the work ends
 * @throws LossyscopeError as `tokenizeDocument`; what `rest` throws
 */
async function tokenizeInTurns(
  tokenizer: Tokenizer,
  source: SourceDocument,
  index: number,
  rest: () => Promise<void>,
): Promise<TokenizedDocument> {
  refuseHalves(source);
  const { text, encoding } = await tokenizer.encodeOpenedInTurns(source.text, rest).catch((error) => {
    throw named(source, error);
  });
  const hash = createHash("sha256");
  let characters = 0;
  for (let start = 0; start < text.length; ) {
    let end = start + STRETCH;
    if (/[\udc00-\udfff]/.test(text.charAt(end))) end++;
    const utf8 = Buffer.from(text.slice(start, end));
    hash.update(utf8);
    characters += countCharacters(utf8);
    start = end;
    await rest();
  }
  return documentOf(source, index, { text, encoding, sha256: hash.digest("hex"), characters });
}

/** Of ES2024; Node 20 has it. */
type Checked = string & { isWellFormed(): boolean };

function refuseHalves({ id, text }: SourceDocument): void {
  if ((text as Checked).isWellFormed()) return;
  throw new LossyscopeError("text", `${id} holds half a surrogate pair, which UTF-8 cannot write`);
}

/** An error of a text, as one of the document. */
function named({ id }: SourceDocument, error: unknown): unknown {
  if (error instanceof BeyondEmbedding) return new BeyondEmbedding(id, error.token);
  if (!(error instanceof LossyscopeError && error.fault === "text")) return error;
  return new LossyscopeError("text", `${id}: ${error.message}`, undefined, { cause: error });
}

interface Tokenized extends Pick<TokenizedDocument, "text" | "sha256" | "characters"> {
  readonly encoding: Encoding;
}

function documentOf(
  { id, domain, metadata }: SourceDocument,
  index: number,
  { text, encoding, sha256: digest, characters }: Tokenized,
): TokenizedDocument {
  return {
    index,
    id,
    domain,
    sha256: digest,
    text,
    bytes: encoding.bytes,
    characters,
    ids: encoding.ids,
    byteEnds: encoding.byteEnds,
    normalised: encoding.normalised,
    repairs: repairCost(encoding.repairs, encoding.bytes),
    ...(metadata && { metadata }),
  };
}

/** Bytes that start a character are those that do not continue one. */
function countCharacters(utf8: Uint8Array): number {
  let count = 0;
  for (const byte of utf8) if ((byte & 0xc0) !== 0x80) count++;
  return count;
}

export interface TokenizedCorpus {
  readonly documents: readonly TokenizedDocument[];
  /** documents left out, with what was wrong */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
  /** byte sequences that were not UTF-8 and were replaced on request */
  readonly invalidUtf8: number;
}

/**
 * @param rest waited for now and then during a long text; where it throws, the work ends
 * @throws whatever reading the documents throws, and `rest`
 */
export async function tokenizeCorpus(
  tokenizer: Tokenizer,
  sources: AsyncIterable<SourceDocument> | Iterable<SourceDocument>,
  rest: () => Promise<void> = setImmediate,
): Promise<TokenizedCorpus> {
  const documents: TokenizedDocument[] = [];
  const refused: { id: string; reason: string }[] = [];
  let invalidUtf8 = 0;
  for await (const source of sources) {
    invalidUtf8 += source.replaced;
    try {
      const { length: index } = documents;
      documents.push(
        source.text.length > LONG
          ? await tokenizeInTurns(tokenizer, source, index, rest)
          : tokenizeDocument(tokenizer, source, index),
      );
    } catch (error) {
      if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
      refused.push({ id: source.id, reason: error.message });
    }
  }
  return { documents, refused, invalidUtf8 };
}
