/**
 * The measuring graph of `heads.ts` cut into pieces that hold a part of the weights each: the embedding, every block, the
 * head chunk by chunk of the vocabulary, and what joins the chunks. States go from one piece to the next, and so do a few
 * numbers a token of the head's chunks; what is computed, and in which order, is what the one graph computes. So a model whose
 * weights are larger than the memory runs in that of its largest piece.
 */
import type { Dimension } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { chunksOf, type DecoderParts, decoderParts } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import { type Heads, layerOutputs, type MeasuringGraph, picked, unitOutputs } from "./heads.ts";
import type { Building } from "./layers.ts";
import {
  type Found,
  grouped,
  joinedParts,
  joinedTargets,
  LANES,
  type Lanes,
  largestIn,
  likeliestIn,
  lossInputs,
  massOf,
  maximaOf,
  outputLikeliest,
  outputLosses,
  peakOf,
  targetsIn,
  withChunk,
} from "./loss-heads.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, TensorSlot } from "./spec.ts";
import { slotsOf } from "./weights.ts";

/**
 * Name of the states [B, S, d] as a piece reads them, what it leaves is `next.` and this: the residual stream, and behind the
 * last block what the final norm makes of it.
 */
export const STATES = "states";

export interface Piece {
  /** of people: `block 3` */
  readonly name: string;
  /** tensors that it holds */
  readonly slots: readonly TensorSlot[];
  /** of the rows of its tensors that it holds */
  readonly share: number;
  /** whether it looks rows up, and multiplies by none */
  readonly isLookedUp: boolean;
  build(): PieceGraph;
}

/**
 * Its inputs are those of the measuring graph as far as it wants them, `states` where it goes on from a piece before, and what
 * earlier ones have passed on; its outputs those of the measuring graph that are made in it.
 */
export interface PieceGraph extends MeasuringGraph {
  /** whether it leaves `next.states` for the piece behind it */
  readonly leaves: boolean;
  /** outputs that later pieces have as inputs of the same names */
  readonly passed: readonly string[];
}

/** What a piece is made with. */
interface Piecewise {
  readonly graph: Graph;
  readonly building: Building;
  readonly parts: DecoderParts;
  /** the states that it reads; asked for once */
  states(): Value;
  /** an output that later pieces read */
  pass(name: string, value: Value): void;
}

/**
 * @param heads all but `everything`
 * @param longest largest S that will be run
 * @throws LossyscopeError as `buildMeasuringGraph`, where a piece is built
 */
export function piecesOf(spec: DecoderSpec, source: TensorSource, heads: Heads, longest: number): readonly Piece[] {
  const { embedding, blocks, head, finalNorm } = spec;
  const piece = (name: string, part: unknown, fill: (piecewise: Piecewise) => Value | undefined, share = 1): Piece => ({
    name,
    slots: [...new Set(slotsOf(part))],
    share,
    isLookedUp: part === embedding,
    build: () => built({ spec, source, heads, longest }, fill),
  });
  const last = blocks.length;
  const first = piece("the embedding", embedding, ({ graph, parts }) => {
    const x = parts.embedded();
    for (const output of layerOutputs(graph, heads)) output(x, 0);
    return x;
  });
  const between = blocks.map((block, index) => {
    const isLast = index + 1 === last;
    return piece(`block ${index}`, isLast ? [block, finalNorm] : block, (own) => {
      const { graph, parts } = own;
      const x = parts.after(index, own.states());
      const normed = isLast ? parts.normed(x) : x;
      const layer = heads.preNorm ? x : normed;
      for (const output of layerOutputs(graph, heads)) output(layer, index + 1);
      return !isLast || heads.losses ? normed : undefined;
    });
  });
  if (!heads.losses) return [first, ...between];
  const chunks = chunksOf(spec.vocabulary);
  const ofHead = chunks.map(({ start, end }, chunk) =>
    piece(
      `tokens ${start} to ${end - 1} of the head`,
      head,
      (own) => {
        lossesOfChunk(own, heads, { chunk, start, end });
        return undefined;
      },
      (end - start) / spec.vocabulary,
    ),
  );
  const joint = piece("the losses", [], ({ graph }) => {
    joinChunks(graph, heads, chunks);
    return undefined;
  });
  return [first, ...between, ...ofHead, joint];
}

interface Whole {
  readonly spec: DecoderSpec;
  readonly source: TensorSource;
  readonly heads: Heads;
  readonly longest: number;
}

/** @param fill gives the states that it leaves, where it leaves some */
function built({ spec, source, heads, longest }: Whole, fill: (own: Piecewise) => Value | undefined): PieceGraph {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const weights = new GraphWeights(graph, spec, source, { isFast: heads.isFast });
  const units: { readonly value: Value; readonly block: number }[] = [];
  const seen = (value: Value, block: number): Value => {
    units.push({ value, block });
    return value;
  };
  const building: Building = { graph, weights, ids, longest, taps: heads.pooledUnits ? { units: seen } : undefined };
  const passed: string[] = [];
  const left = fill({
    graph,
    building,
    parts: decoderParts(building, spec),
    states: () => graph.input(STATES, "float32", ["B", "S", spec.width]),
    pass(name, value) {
      passed.push(name);
      graph.output(name, value);
    },
  });
  if (units.length > 0) {
    const outputUnits = unitOutputs(building, spec, heads);
    for (const { value, block } of units) outputUnits(value, block);
  }
  const outputs = graph.outputs.filter((name) => !passed.includes(name));
  if (left) graph.output(`next.${STATES}`, left);
  const { inputs } = graph;
  return { bytes: graph.encode(), externalFolder: weights.folder, inputs, outputs, passed, leaves: left !== undefined };
}

interface Chunk {
  readonly chunk: number;
  readonly start: number;
  readonly end: number;
}

/** What a chunk of the vocabulary passes on, by name. */
type Passed = "largest" | "peak" | "target" | "likeliest.logits" | "likeliest.tokens" | "top" | "sums" | "mass";
const passedName = (what: Passed, chunk: number): string => `chunk.${chunk}.${what}`;

function lossesOfChunk(
  { graph, parts, states, pass }: Piecewise,
  { likeliest, inLanes }: Heads,
  { chunk, start, end }: Chunk,
): void {
  const { rows, targets } = lossInputs(graph);
  const logits = parts.logitsOf(picked(states(), rows), start, end);
  const give = (what: Passed, value: Value): void => pass(passedName(what, chunk), value);
  const group = likeliest ? grouped(logits) : undefined;
  give("target", targetsIn(logits, start, targets));
  if (inLanes) {
    const { top, sums } = withChunk(chunk === 0 ? undefined : lanesAfter(graph, chunk - 1), logits);
    give("top", top);
    give("sums", sums);
    // A sum of what is fed is added in another order where it lies otherwise in memory: here it is not fed.
    give("mass", massOf(sums));
  } else {
    give("largest", largestIn(group ? maximaOf(group) : logits));
    give("peak", peakOf(logits));
  }
  if (!likeliest || !group) return;
  const found = likeliestIn(group, start, graph.input("likeliest_rows", "int64", ["Rk"]), likeliest);
  give("likeliest.logits", found.logits);
  // Ids are below 2^24, so that float32 holds them.
  give("likeliest.tokens", ops.cast(found.tokens, "float32"));
}

const lanesAfter = (graph: Graph, chunk: number): Lanes => ({
  top: graph.input(passedName("top", chunk), "float32", ["R1", 1]),
  sums: graph.input(passedName("sums", chunk), "float32", ["R1", LANES]),
});

/** What `lossOutputs` makes of all chunks, of what each has passed on. */
function joinChunks(
  graph: Graph,
  { inLanes, likeliest }: Heads,
  chunks: readonly { readonly start: number; readonly end: number }[],
): void {
  const { targets } = lossInputs(graph);
  const given = (what: Passed, chunk: number, shape: readonly Dimension[]): Value =>
    graph.input(passedName(what, chunk), "float32", shape);
  const each = (what: Passed): Value[] => chunks.map((_, chunk) => given(what, chunk, ["R1", 1]));
  const peaks = inLanes ? [] : each("peak");
  const parts = inLanes
    ? { top: given("top", chunks.length - 1, ["R1", 1]), logMass: ops.log(given("mass", chunks.length - 1, ["R1", 1])) }
    : joinedParts(each("largest"), (chunk) => peaks[chunk]);
  const found = each("target").map((logits, chunk) => ({ start: chunks[chunk].start, logits }));
  outputLosses(graph, parts, joinedTargets(found, targets));
  if (!likeliest) return;
  const rows = graph.input("likeliest_rows", "int64", ["Rk"]);
  const best = chunks.map(({ start, end }, chunk): Found => {
    const shape = ["Rk", Math.min(likeliest, end - start)];
    return {
      logits: given("likeliest.logits", chunk, shape),
      tokens: given("likeliest.tokens", chunk, shape),
    };
  });
  outputLikeliest(graph, best, { rows, parts, count: Math.min(likeliest, chunks.at(-1)!.end) });
}
