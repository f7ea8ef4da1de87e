/**
 * What anybody would guess (METHODS §5): the order-5 byte model of `coding/order5.ts`, learnt from text the passage is not
 * in. That is the unseen text; without one, the half of the documents that the passage's own document is not in.
 *
 * Memory: the byte models, each of at most `MOST_BYTES` of text.
 */
import { setImmediate } from "node:timers/promises";
import { Order5Model } from "../../coding/order5.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";

/** Text that a byte model learns at most. */
export const MOST_BYTES = 1_000_000;
const BREATH_MILLISECONDS = 50;

/** Hands items on; every so often signals and the terminal get their turn. @throws LossyscopeError `interrupted` */
export async function* unhurried<T>(items: Iterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  let breath = performance.now();
  for (const item of items) {
    yield item;
    if (performance.now() - breath < BREATH_MILLISECONDS) continue;
    await setImmediate();
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while the byte model read the text");
    breath = performance.now();
  }
}

/** Documents in a seeded order, until they make up `mostBytes`. */
export function someOf(
  documents: readonly TokenizedDocument[],
  seed: number,
  mostBytes = MOST_BYTES,
): TokenizedDocument[] {
  const chosen: TokenizedDocument[] = [];
  let bytes = 0;
  for (const document of random(seed, "byte model").shuffle([...documents])) {
    if (bytes >= mostBytes) break;
    chosen.push(document);
    bytes += document.bytes;
  }
  return chosen;
}

interface Learnt {
  readonly model: Order5Model;
  readonly bytes: number;
}

export async function learn(
  documents: readonly TokenizedDocument[],
  { seed, mostBytes = MOST_BYTES, signal }: { seed: number; mostBytes?: number; signal?: AbortSignal },
): Promise<Learnt> {
  const model = new Order5Model();
  let bytes = 0;
  for await (const { text } of unhurried(someOf(documents, seed, mostBytes), signal)) {
    const own = Buffer.from(text).subarray(0, mostBytes - bytes);
    model.learn(own);
    bytes += own.length;
  }
  return { model, bytes };
}

/** The two halves of a corpus, by document in turn; equal documents are in the same one. @returns 0 or 1 by `sha256` */
export function halves(documents: readonly TokenizedDocument[]): ReadonlyMap<string, number> {
  const half = new Map<string, number>();
  for (const { sha256 } of documents) if (!half.has(sha256)) half.set(sha256, half.size % 2);
  return half;
}

export interface Control {
  readonly source: "unseen" | "text";
  /** bytes that a byte model learnt */
  readonly bytes: number;
  /** learnt from other text than this document */
  readonly modelFor: (document: TokenizedDocument) => Order5Model;
}

/** @param unseen documents that are not in the text @returns null where there is no other document to learn from */
export async function controlFor(
  documents: readonly TokenizedDocument[],
  unseen: readonly TokenizedDocument[],
  options: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<Control | null> {
  if (unseen.some(({ bytes }) => bytes > 0)) {
    const { model, bytes } = await learn(unseen, options);
    return { source: "unseen", bytes, modelFor: () => model };
  }
  const half = halves(documents.filter(({ bytes }) => bytes > 0));
  if (half.size < 2) return null;
  const learnt: Learnt[] = [];
  for (const which of [0, 1]) {
    const own = documents.filter(({ sha256 }) => half.get(sha256) === which);
    learnt.push(await learn(own, options));
  }
  return {
    source: "text",
    bytes: Math.min(...learnt.map(({ bytes }) => bytes)),
    modelFor: ({ sha256 }) => learnt[half.get(sha256) === 0 ? 1 : 0].model,
  };
}
