/**
 * The text as every probe sees it: documents cut into tokens, each token with the bytes it stands for, documents cut
 * into windows once and in one place (METHODS §0). Nothing here knows a model.
 *
 * Memory: 4 bytes a token for ids and 4 for byte ends, plus the text itself while documents are held.
 */
import type { RecordMetadata } from "./metadata.ts";

/** One record or file, tokenised. `ids` never contains the prefix. */
export interface TokenizedDocument {
  /** position in the corpus, from 0 */
  readonly index: number;
  /** stable name shown to people: `file`, `file#3` for the fourth record */
  readonly id: string;
  readonly domain: string;
  /** hex digest of the document's UTF-8 bytes */
  readonly sha256: string;
  readonly text: string;
  /** UTF-8 bytes of the text as given */
  readonly bytes: number;
  /** Unicode code points of the text as given */
  readonly characters: number;
  readonly ids: Int32Array;
  /** [tokens]: end of each token's bytes in the document; non-decreasing, the last one is `bytes` */
  readonly byteEnds: Uint32Array;
  /** whether a normaliser changed the text before it was cut (METHODS §1 Repairs) */
  readonly normalised: boolean;
  /** bytes that decoding the tokens does not give back, and what repairing them costs */
  readonly repairs: { readonly bytes: number; readonly bits: number };
  /** what its record says beside the text; absent where it is the text of a file */
  readonly metadata?: RecordMetadata;
}

/** What opens every window (METHODS §0 Prefix). `addedByTokenizer` makes it a token of the document for the plane. */
export interface Prefix {
  readonly id: number;
  readonly addedByTokenizer: boolean;
}

/**
 * One forward pass over one stretch of one document.
 * Slot s of the window holds `ids[s]`; slots `[fresh, ids.length)` are new here: their states are taken, and their
 * tokens scored, in this window and no other. Slots before `fresh` are context (prefix included, in later windows).
 */
export interface Window {
  readonly document: number;
  /** prefix (if any) and document tokens, at most `context` of them */
  readonly ids: Int32Array;
  /** 1 where slot 0 is the prefix, else 0 */
  readonly prefixSlots: 0 | 1;
  /** index in the document of the token in slot `prefixSlots` */
  readonly start: number;
  /** first slot that is new in this window: 0 in a document's first window */
  readonly fresh: number;
}

/** Windows that go through the engine together, padded on the right by the engine. Which ones is part of the plan. */
export interface WindowBatch {
  readonly index: number;
  readonly windows: readonly Window[];
}
