/**
 * Membership (METHODS §5): is text that was trained on told from text of the same kind that was not? Bits per byte of both
 * sides and three scores of documents; beside them, as a fourth, how well order-5 statistics of the bytes tell the two
 * apart, which know nothing of the model: what they can do, the other three may owe to a difference in kind.
 *
 * Memory: 40 bytes a document, one document's bytes; the byte models of `control.ts`, four of them.
 */

import { deflateSync } from "node:zlib";
import { scoreDocuments } from "../../engines/score.ts";
import { aucInterval } from "../../numeric/auc.ts";
import { bootstrapSums, percentileInterval } from "../../numeric/bootstrap.ts";
import { random } from "../../numeric/random.ts";
import { sum } from "../../numeric/sums.ts";
import { quietContext, type RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Membership } from "../../profile/recall.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { noIntervalReason } from "../../text/units.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { UNSEEN_PASS } from "../stages.ts";
import { halves, learn, MOST_BYTES, someOf, unhurried } from "./control.ts";

/** Share of the tokens that Min-K% looks at. */
const MIN_K = 0.2;
/** An area of the byte statistics beyond this is told even where it has no interval. */
const TELLING = 0.6;

/** One side: documents with what each token cost. */
export interface Side {
  readonly documents: readonly TokenizedDocument[];
  /** nats of every token of the document with that index */
  readonly lossesOf: (document: number) => Float32Array;
}

export interface Scored {
  readonly bytes: number;
  /** code length, repairs included */
  readonly bits: number;
  /** scores, high where the model knows the document */
  readonly loss: number;
  readonly minK: number;
  readonly lossPerDeflate: number;
}

/** Mean of the dearest fifth of the losses, one of them at least. */
export function minK(losses: Float32Array): number {
  const dearest = losses
    .slice()
    .sort()
    .subarray(-Math.max(1, Math.floor(MIN_K * losses.length)));
  return sum(dearest) / dearest.length;
}

/** @param prefixed whether the first token is predicted too @returns null where no token is */
export function scored(document: TokenizedDocument, losses: Float32Array, prefixed: boolean): Scored | null {
  const predicted = prefixed ? losses : losses.subarray(1);
  if (predicted.length === 0) return null;
  const bits = sum(losses) / Math.LN2 + document.repairs.bits;
  return {
    bytes: document.bytes,
    bits,
    loss: -sum(predicted) / predicted.length,
    minK: -minK(predicted),
    lossPerDeflate: -bits / (8 * deflateSync(document.text, { level: 9 }).length),
  };
}

export interface MembershipRequest {
  readonly seen: Side;
  /** documents that are in the text are among them no more */
  readonly unseen: Side;
  /** how many of those were left out */
  readonly shared: number;
  readonly prefixed: boolean;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

export interface LossesRequest extends RunContext {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly plan: Pick<Plan, "batchTokens">;
  readonly context: number;
  readonly overlap: number;
}

/** One pass over the unseen text, losses alone. */
export async function lossesOf(
  documents: readonly TokenizedDocument[],
  { model, tokenizer, plan, context, overlap, ...run }: LossesRequest,
): Promise<Side["lossesOf"]> {
  const request = {
    model,
    documents,
    prefix: tokenizer.prefix,
    context,
    overlap,
    batchTokens: plan.batchTokens,
    ...quietContext(run),
  };
  const { losses } = await withProgress(run.progress, UNSEEN_PASS, "windows", (onWindows) =>
    scoreDocuments({ ...request, onWindows }),
  );
  return (document) => losses[document];
}

/** @returns null where a side has no token to score */
export async function membershipOf(request: MembershipRequest): Promise<Membership | null> {
  const { seen, unseen, shared, prefixed, seed, signal } = request;
  const scores = async ({ documents, lossesOf }: Side): Promise<Scored[]> => {
    const found: Scored[] = [];
    for await (const document of unhurried(documents, signal)) {
      const own = scored(document, lossesOf(document.index), prefixed);
      if (own) found.push(own);
    }
    return found;
  };
  const known = await scores(seen);
  const strange = await scores(unseen);
  if (known.length === 0 || strange.length === 0) return null;
  // Whatever is resampled, the two sides are so apart from each other.
  const seeds = [seed, random(seed, "unseen documents").below(2 ** 31)];
  const few = [known, strange].some(({ length }) => noIntervalReason({ kind: "document", count: length }));
  const bounded = (estimate: Interval): Interval => (few ? { value: estimate.value, low: null, high: null } : estimate);
  const rates = [known, strange].map((side, i) => {
    const [bits, bytes] = [side.map((one) => one.bits), side.map((one) => one.bytes)];
    const [above, below] = bootstrapSums([Float64Array.from(bits), Float64Array.from(bytes)], { seed: seeds[i] });
    return { value: sum(bits) / sum(bytes), bytes: sum(bytes), samples: above.map((one, r) => one / below[r]) };
  });
  const side = (i: number, own: readonly Scored[]): Membership["seen"] => ({
    documents: own.length,
    bytes: rates[i].bytes,
    bitsPerByte: bounded(percentileInterval(rates[i].value, rates[i].samples)),
  });
  const area = (score: "loss" | "minK" | "lossPerDeflate"): Interval =>
    bounded(
      aucInterval(
        known.map((one) => one[score]),
        strange.map((one) => one[score]),
        { seed },
      ),
    );
  const blind = bounded(await blindArea(seen.documents, unseen.documents, { seed, signal }));
  return {
    seen: side(0, known),
    unseen: side(1, strange),
    gap: bounded(
      percentileInterval(
        rates[0].value - rates[1].value,
        rates[0].samples.map((one, r) => one - rates[1].samples[r]),
      ),
    ),
    auc: { loss: area("loss"), minK: area("minK"), lossPerDeflate: area("lossPerDeflate") },
    blind,
    shared,
    warning: warningOf(blind),
  };
}

function warningOf({ value, low }: Interval): string | null {
  const told = low === null ? value !== null && value > TELLING : low > 0.5;
  if (!told) return null;
  return `the seen and the unseen text differ in kind: order-5 statistics of their bytes, which know nothing of the model, tell them apart (area ${value!.toFixed(2)}), so what the scores find is not memory alone`;
}

/**
 * How well byte statistics tell the two texts apart: models of either side learn one half of the documents and score the
 * other by bits per byte, and the reverse.
 */
async function blindArea(
  seen: readonly TokenizedDocument[],
  unseen: readonly TokenizedDocument[],
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<Interval> {
  const sides = [seen, unseen].map((documents) => {
    const some = someOf(
      documents.filter(({ bytes }) => bytes > 0),
      seed,
    );
    const half = halves(some);
    return [0, 1].map((which) => some.filter(({ sha256 }) => half.get(sha256) === which));
  });
  const size = (documents: readonly TokenizedDocument[]): number => sum(documents.map(({ bytes }) => bytes));
  const mostBytes = Math.min(MOST_BYTES, ...sides.flat().map(size));
  const none = { value: null, low: null, high: null };
  if (mostBytes === 0) return none;
  const areas: number[][] = [[], []];
  for (const which of [0, 1]) {
    const ofSeen = (await learn(sides[0][which], { seed, mostBytes, signal })).model;
    const ofUnseen = (await learn(sides[1][which], { seed, mostBytes, signal })).model;
    for (const [i, side] of sides.entries())
      for await (const { text } of unhurried(side[1 - which], signal)) {
        const bytes = Buffer.from(text);
        areas[i].push((ofUnseen.bits(bytes) - ofSeen.bits(bytes)) / bytes.length);
      }
  }
  return aucInterval(areas[0], areas[1], { seed });
}
