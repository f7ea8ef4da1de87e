/**
 * Documents with their tokens: what every probe works on (METHODS §0). A document whose tokens cannot be brought
 * together with its bytes is left out and named; the others go on.
 * Memory: the documents' texts, and 8 bytes a token.
 */
import { sha256 } from "../files/digest.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { SourceDocument } from "../text/documents.ts";
import { repairCost } from "./repairs.ts";
import { BeyondEmbedding, type Tokenizer } from "./tokenizer.ts";

/**
 * @param index position in the corpus
 * @throws LossyscopeError `text` where tokens and bytes cannot be brought together, naming document and offset;
 *   `BeyondEmbedding` naming the document
 */
export function tokenizeDocument(tokenizer: Tokenizer, source: SourceDocument, index: number): TokenizedDocument {
  const { id, domain, metadata } = source;
  if (/\p{Surrogate}/u.test(source.text)) {
    throw new LossyscopeError("text", `${id} holds half a surrogate pair, which UTF-8 cannot write`);
  }
  const { text, encoding } = (() => {
    try {
      return tokenizer.encodeOpened(source.text);
    } catch (error) {
      if (error instanceof BeyondEmbedding) throw new BeyondEmbedding(id, error.token);
      if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
      throw new LossyscopeError("text", `${id}: ${error.message}`, undefined, { cause: error });
    }
  })();
  const utf8 = Buffer.from(text);
  return {
    index,
    id,
    domain,
    sha256: sha256(utf8),
    text,
    bytes: encoding.bytes,
    characters: countCharacters(utf8),
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

/** @throws whatever reading the documents throws */
export async function tokenizeCorpus(
  tokenizer: Tokenizer,
  sources: AsyncIterable<SourceDocument> | Iterable<SourceDocument>,
): Promise<TokenizedCorpus> {
  const documents: TokenizedDocument[] = [];
  const refused: { id: string; reason: string }[] = [];
  let invalidUtf8 = 0;
  for await (const source of sources) {
    invalidUtf8 += source.replaced;
    try {
      documents.push(tokenizeDocument(tokenizer, source, documents.length));
    } catch (error) {
      if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
      refused.push({ id: source.id, reason: error.message });
    }
  }
  return { documents, refused, invalidUtf8 };
}
