/**
 * The decoder over trees of continuations: the slots of a window are the nodes of a prefix tree in the order of a
 * depth-first walk, each seeing its ancestors alone, so that texts which begin alike are read once as far as they do. What
 * leaves the runtime are the losses of the tree's edges, as `heads.ts` computes them.
 *
 * Memory in the runtime beyond the weights: 8·R·V bytes, attention as its file says.
 */
import { product } from "../graph/dimensions.ts";
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import { lossParts, type MeasuringGraph, picked, targetLogits } from "./heads.ts";
import type { DecoderSpec } from "./spec.ts";
import type { WeightSource } from "./weights.ts";

/**
 * Inputs, int64: `input_ids` and `positions` [B,S]; `slots` [S], 0 … S − 1; `ends` [B,S], the slot after the last one that
 * goes on from this one, 0 for padding; `rows` [R], flat slots b·S + s that edges start from; `edges` [E], indices into
 * `rows`; `targets` [E], the tokens the edges lead to.
 * Output: `losses` [E] nats, float32.
 * @param longest positions of the longest text
 * @throws LossyscopeError where the checkpoint does not match the spec or the model has fewer positions
 */
export function buildTreeGraph(
  spec: DecoderSpec,
  source: WeightSource,
  longest: number,
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
  const weights = new GraphWeights(graph, spec, source);
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
  return { bytes: graph.encode(), externalFolder: weights.folder };
}
