/**
 * The decoder over trees of continuations: the slots of a window are the nodes of a prefix tree in the order of a
 * depth-first walk, each seeing its ancestors alone, so that texts which begin alike are read once as far as they do. What
 * leaves the runtime are the losses of the tree's edges, as `heads.ts` computes them, and those of closings: that the next
 * token is any of a class.
 *
 * Memory in the runtime beyond the weights: 8·R·V bytes, 12 where there are classes, attention as its file says.
 */
import { product } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import { type MeasuringGraph, picked } from "./heads.ts";
import { type LossParts, lossParts, targetLogits } from "./loss-heads.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec } from "./spec.ts";

/** What keeps the logarithm of a class without probability finite. */
const LEAST = 2 ** -126;

/**
 * Inputs, int64: `input_ids` and `positions` [B,S]; `slots` [S], 0 … S − 1; `ends` [B,S], the slot after the last one that
 * goes on from this one, 0 for padding; `rows` [R], flat slots b·S + s that edges start from; `edges` [E], indices into
 * `rows`; `targets` [E], the tokens the edges lead to.
 * Where there are classes also `members` [V,C] float32, 1 where the token is of the class; `closing_rows` [F], indices into
 * `rows`; `closing_classes` [F].
 * Outputs: `losses` [E] nats, float32; where there are classes `closings` [F], at most 87 nats each.
 * @param longest positions of the longest text
 * @param classes C
 * @param isFast whether what meets codes is rounded to 8 bits (`coded.ts`)
 * @throws LossyscopeError where the checkpoint does not match the spec or the model has fewer positions
 */
export function buildTreeGraph(
  spec: DecoderSpec,
  source: TensorSource,
  longest: number,
  classes: number,
  isFast = false,
): Pick<MeasuringGraph, "bytes" | "externalFolder"> {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const tree = {
    positions: graph.input("positions", "int64", ["B", "S"]),
    slots: graph.input("slots", "int64", ["S"]),
    ends: graph.input("ends", "int64", ["B", "S"]),
  };
  const rows = graph.input("rows", "int64", ["R"]);
  const edges = graph.input("edges", "int64", ["E"]);
  const targets = graph.input("targets", "int64", ["E"]);
  const weights = new GraphWeights(graph, spec, source, { isFast });
  const model = decoder({ graph, weights, ids, longest, tree }, spec);
  const chunks = model.logits(picked(model.final, rows));
  const { top, logMass } = lossParts(chunks);
  const target = targetLogits(chunks, targets, (chunk, inside) => {
    const size = chunk.shape.at(-1) as number;
    const flat = ops.reshape(chunk, [product(chunk.shape)]);
    return ops.gather(flat, ops.add(ops.multiply(edges, graph.integers(size)), inside));
  });
  const ofEdge = (x: typeof top) => ops.gather(ops.reshape(x, ["R"]), edges); // [R,1] → [E]
  graph.output("losses", ops.add(ops.subtract(ofEdge(top), target), ofEdge(logMass)));
  if (classes > 0) graph.output("closings", closings(graph, chunks, { top, logMass }, classes));
  return { bytes: graph.encode(), externalFolder: weights.folder };
}

/** −ln Σ softmax(logits)[token] over the tokens of a class. [R,V chunks] → [F] */
function closings(graph: Graph, chunks: readonly Value[], { top, logMass }: LossParts, classes: number): Value {
  const vocabulary = chunks.reduce((sum, chunk) => sum + (chunk.shape.at(-1) as number), 0);
  const members = graph.input("members", "float32", [vocabulary, classes]);
  const rows = graph.input("closing_rows", "int64", ["F"]);
  const wanted = graph.input("closing_classes", "int64", ["F"]);
  let start = 0;
  const masses = chunks.map((chunk) => {
    const end = start + (chunk.shape.at(-1) as number);
    const own = chunks.length === 1 ? members : ops.slice(members, 0, start, end);
    start = end;
    return ops.matMul(ops.exp(ops.subtract(chunk, top)), own); // [R,c] × [c,C] → [R,C]
  });
  const least = graph.constant(new Float32Array([LEAST]), []);
  const nats = ops.subtract(logMass, ops.log(ops.add(masses.reduce(ops.add), least)));
  const flat = ops.add(ops.multiply(rows, graph.integers(classes)), wanted);
  return ops.gather(ops.reshape(nats, [product(["R", classes])]), flat);
}
