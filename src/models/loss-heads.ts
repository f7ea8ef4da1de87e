/**
 * Losses of given tokens and the likeliest tokens in their stead, from logits in chunks of the vocabulary: what is taken of a
 * chunk, and what all chunks together make of it. A graph may hold all chunks, or one of them (`streamed.ts`).
 */
import { type Dimension, product } from "../graph/dimensions.ts";
import type { Graph, Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";

/** M and the logarithm, [R, 1] each. */
export interface LossParts {
  readonly top: Value;
  readonly logMass: Value;
}

/**
 * What −ln softmax(logits)[target] = (M − logit of the target) + ln Σ_c exp(M_c − M) / P_c is made of, over chunks c of the
 * vocabulary: M_c the largest logit of a chunk, M of all, P_c the largest share of the chunk's softmax (so
 * 1/P_c = Σ exp(logit − M_c)). With the large terms subtracted first, and the target's logit among those in the sum, no
 * digits are lost where logits are large.
 * @param chunks logits [R, c]
 * @param maxima of each chunk, of all its columns or of groups of them
 * @returns M and the logarithm, [R, 1] each
 */
export const lossParts = (chunks: readonly Value[], maxima: readonly Value[] = chunks): LossParts =>
  joinedParts(maxima.map(largestIn), (chunk) => peakOf(chunks[chunk]));

/** M_c, [R, 1] */
export const largestIn = (chunk: Value): Value => ops.max(chunk, -1, { keep: true });
/** P_c, [R, 1] */
export const peakOf = (chunk: Value): Value => ops.max(ops.softmax(chunk), -1, { keep: true });

/** The same of what was taken of the chunks. @param peaks P_c of a chunk, asked for in order */
export function joinedParts(largest: readonly Value[], peaks: (chunk: number) => Value): LossParts {
  const top = largest.length === 1 ? largest[0] : ops.maximum(largest);
  const masses = largest.map((own, chunk) => ops.divide(ops.exp(ops.subtract(own, top)), peaks(chunk)));
  return { top, logMass: ops.log(masses.reduce(ops.add)) };
}

/** Looks targets up that are counted from a chunk's start. */
type InChunk = (chunk: Value, targets: Value) => Value;
const gathered: InChunk = (chunk, targets) => ops.gatherElements(chunk, targets, 1);

/** The logits of targets, from the chunk that holds each. */
export function targetLogits(chunks: readonly Value[], targets: Value, inChunk: InChunk = gathered): Value {
  let start = 0;
  const found = chunks.map((chunk) => {
    const own = { start, logits: targetsIn(chunk, start, targets, inChunk) };
    start += chunk.shape.at(-1) as number;
    return own;
  });
  return joinedTargets(found, targets);
}

/** A chunk's logits of the targets that are in it, and any of its logits for the others. @param start its first token */
export function targetsIn(chunk: Value, start: number, targets: Value, inChunk: InChunk = gathered): Value {
  const { graph } = targets;
  const last = graph.integers((chunk.shape.at(-1) as number) - 1);
  return inChunk(chunk, ops.clip(ops.subtract(targets, graph.integers(start)), graph.integers(0), last));
}

/** What was found in the chunks, in their order. */
export function joinedTargets(
  found: readonly { readonly start: number; readonly logits: Value }[],
  targets: Value,
): Value {
  const { graph } = targets;
  const [first, ...others] = found;
  return others.reduce(
    (before, { start, logits }) => ops.where(ops.greater(targets, graph.integers(start - 1)), logits, before),
    first.logits,
  );
}

/** Single-precision numbers in a register of AVX-512. */
export const LANES = 16;

/**
 * The same parts with the sum of exponentials as PyTorch's log-softmax takes it on a CPU with AVX-512: float32, each lane
 * adding every sixteenth column one after the other, so that what is small beside the sum so far is lost. Over 49,152 columns
 * that makes losses some 7e-6 nats too small, which is more than anything else that two float32 computations differ in. It
 * takes the largest logit of all columns first; here what was added is scaled when a larger one comes, so that chunks pass.
 */
function lossPartsInLanes(chunks: readonly Value[]): LossParts {
  const { top, sums } = chunks.reduce<Lanes | undefined>((before, chunk) => withChunk(before, chunk), undefined)!;
  return { top, logMass: ops.log(massOf(sums)) };
}

/** The largest logit so far, [R, 1], and what the lanes hold, [R, 16]. */
export interface Lanes {
  readonly top: Value;
  readonly sums: Value;
}

export function withChunk(before: Lanes | undefined, chunk: Value): Lanes {
  const [rows, columns] = chunk.shape as readonly [Dimension, number];
  const largest = largestIn(chunk); // [R,c] → [R,1]
  const top: Value = before ? ops.maximum([before.top, largest]) : largest;
  const terms = ops.exp(ops.subtract(chunk, top));
  const missing = -columns & (LANES - 1);
  const nothing = terms.graph.constant(new Float32Array(1), [1]);
  const filled = missing === 0 ? terms : ops.concat([terms, ops.multiply(ops.slice(terms, 1, 0, missing), nothing)], 1);
  const steps = (columns + missing) / LANES;
  const inLanes = ops.reshape(filled, [rows, steps, LANES]);
  const earlier = before && ops.multiply(before.sums, ops.exp(ops.subtract(before.top, top)));
  const all = earlier ? ops.concat([ops.reshape(earlier, [rows, 1, LANES]), inLanes], 1) : inLanes;
  const last = steps + (earlier ? 1 : 0);
  return { top, sums: ops.reshape(ops.slice(ops.cumSum(all, 1), 1, last - 1, last), [rows, LANES]) };
}

/** [R, 16] → [R, 1] */
export const massOf = (sums: Value): Value => ops.sum(sums, -1, { keep: true });

/**
 * Of all chunks in one graph: inputs `loss_rows`, `loss_targets`, `likeliest_rows`, outputs `losses` and `likeliest.*`, as
 * `heads.ts` writes them.
 * @param logits of chosen rows, in chunks
 */
export function lossOutputs(
  graph: Graph,
  logits: (rows: Value) => readonly Value[],
  { inLanes = false, likeliest }: { readonly inLanes?: boolean; readonly likeliest?: number },
): void {
  const { rows, targets } = lossInputs(graph);
  const chunks = logits(rows);
  const groups = likeliest ? chunks.map(grouped) : undefined;
  const parts = inLanes ? lossPartsInLanes(chunks) : lossParts(chunks, groups?.map(maximaOf));
  outputLosses(graph, parts, targetLogits(chunks, targets));
  if (!likeliest || !groups) return;
  const chosen = graph.input("likeliest_rows", "int64", ["Rk"]);
  let start = 0;
  const found = groups.map((group) => {
    const own = likeliestIn(group, start, chosen, likeliest);
    start += group.logits.shape.at(-1) as number;
    return own;
  });
  outputLikeliest(graph, found, { rows: chosen, parts, count: Math.min(likeliest, start) });
}

/** int64 [R1] and [R1, 1] */
export function lossInputs(graph: Graph): { readonly rows: Value; readonly targets: Value } {
  const rows = graph.input("loss_rows", "int64", ["R1"]);
  return { rows, targets: ops.reshape(graph.input("loss_targets", "int64", ["R1"]), ["R1", 1]) };
}

export function outputLosses(graph: Graph, { top, logMass }: LossParts, target: Value): void {
  graph.output("losses", ops.reshape(ops.add(ops.subtract(top, target), logMass), ["R1"]));
}

/** The likeliest tokens of a chunk and their logits, [Rk, k] each. */
export interface Found {
  readonly logits: Value;
  /** ids, whole numbers of any type */
  readonly tokens: Value;
}

/**
 * The k largest logits of each chunk, and of those the k largest: the vocabulary never leaves the graph. The runtime's TopK
 * takes some ten times as long as a maximum. So columns go in groups, of which the losses' maximum is taken anyway, and only
 * the k groups of the largest maxima are looked through: the k largest logits are in them.
 */
export function outputLikeliest(
  graph: Graph,
  found: readonly Found[],
  { rows, parts: { top, logMass }, count }: { readonly rows: Value; readonly parts: LossParts; readonly count: number },
): void {
  const joined = (pick: (one: Found) => Value): Value => ops.concat(found.map(pick), -1);
  const best = ops.topK(
    joined((one) => one.logits),
    count,
  );
  const tokens = ops.gatherElements(
    joined((one) => one.tokens),
    best.indices,
    1,
  );
  // Ids are below 2^24, so that float32 holds them.
  graph.output("likeliest.tokens", ops.cast(tokens, "float32"));
  graph.output("likeliest.nats", ops.add(ops.subtract(ops.gather(top, rows), best.values), ops.gather(logMass, rows)));
}

/** Logits [R, c], and the maxima [R, c/size] of so many columns each; null where c has no fitting divisor. */
export interface Grouped {
  readonly logits: Value;
  readonly groups: { readonly maxima: Value; readonly size: number } | null;
}

/** Columns of a group: about the root of a chunk's, so that neither the groups nor what is in them is many. */
const GROUP = { least: 16, most: 128 };

/** What the largest logit of a chunk is taken of. */
export const maximaOf = ({ logits, groups }: Grouped): Value => groups?.maxima ?? logits;

export function grouped(logits: Value): Grouped {
  const [rows, columns] = logits.shape as readonly [Dimension, number];
  for (let size = GROUP.most; size >= GROUP.least; size--) {
    if (columns % size !== 0) continue;
    return { logits, groups: { maxima: ops.max(ops.reshape(logits, [rows, columns / size, size]), -1), size } };
  }
  return { logits, groups: null };
}

/** @param start the chunk's first token @param rows of its rows, those that are looked at */
export function likeliestIn({ logits, groups }: Grouped, start: number, rows: Value, count: number): Found {
  const { graph } = rows;
  const [all, columns] = logits.shape as readonly [Dimension, number];
  const counted = (inChunk: Value): Value => ops.add(inChunk, graph.integers(start));
  if (groups === null) {
    const { values, indices } = ops.topK(ops.gather(logits, rows), Math.min(count, columns));
    return { logits: values, tokens: counted(indices) };
  }
  const { maxima, size } = groups;
  const number = columns / size;
  const taken = Math.min(count, number);
  const chosen = ops.topK(ops.gather(maxima, rows), taken).indices; // [Rk, k] groups
  const places = ops.add(ops.multiply(ops.reshape(rows, ["Rk", 1]), graph.integers(number)), chosen);
  const inGroups = ops.gather(ops.reshape(logits, [product([all, number]), size]), places); // [Rk, k, size]
  const offsets = graph.integers(Array.from({ length: size }, (_, column) => column));
  const firsts = ops.multiply(ops.reshape(chosen, ["Rk", taken, 1]), graph.integers(size));
  const tokens = ops.reshape(ops.add(firsts, offsets), ["Rk", taken * size]);
  const { values, indices } = ops.topK(ops.reshape(inGroups, ["Rk", taken * size]), Math.min(count, columns));
  return { logits: values, tokens: counted(ops.gatherElements(tokens, indices, 1)) };
}
