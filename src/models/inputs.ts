/**
 * What the linear maps of a decoder read, summed over positions as a forward pass makes it (METHODS §7.1): Σ x² of every input,
 * or Σ x xᵀ. Maps that read one value have one sum. Blocks after the last one that is asked for are not in the graph.
 *
 * Memory in the runtime beyond a pass: 4·d bytes, or 4·d², for every value of width d that is summed.
 */
import { product } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import type { MeasuringGraph } from "./heads.ts";
import type { Building } from "./layers.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, LinearSpec } from "./spec.ts";

export interface InputSums {
  readonly linears: ReadonlySet<LinearSpec>;
  /** the last block that has one of them */
  readonly lastBlock: number;
  /** whether Σ x xᵀ is wanted, whose diagonal is Σ x² */
  readonly moments: boolean;
  /** largest S that will be run */
  readonly longest: number;
}

export interface InputsGraph extends MeasuringGraph {
  /** the output that has what a map reads; none for a map that the graph never comes to */
  readonly outputOf: ReadonlyMap<LinearSpec, string>;
}

/**
 * Inputs: `input_ids` int64 [B,S]; `kept` float32 [1, B·S], 1 for the slots that are summed over and 0 for others.
 * Outputs, float32: `reads.i` [d], or with moments [d, d], as `outputOf` has them.
 */
export function buildInputsGraph(
  spec: DecoderSpec,
  source: TensorSource,
  { linears, lastBlock, moments, longest }: InputSums,
): InputsGraph {
  const graph = new Graph();
  const slots = product(["B", "S"]);
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const kept = ops.reshape(graph.input("kept", "float32", [1, slots]), [slots, 1]);
  const weights = new GraphWeights(graph, spec, source);
  const names = new Map<Value, string>();
  const outputOf = new Map<LinearSpec, string>();
  const building: Building = {
    ...{ graph, weights, ids, longest },
    taps: {
      reads(x, linear, takers) {
        if (!linears.has(linear)) return;
        const name = names.get(x) ?? `reads.${names.size}`;
        outputOf.set(linear, name);
        if (names.has(x)) return;
        names.set(x, name);
        const rows = takers ? x : ops.reshape(x, [slots, x.shape[x.shape.length - 1]]);
        const weighed = ops.multiply(rows, takers ? ops.gather(kept, takers) : kept);
        graph.output(
          name,
          moments ? ops.matMul(ops.transpose(weighed, [1, 0]), rows) : ops.sum(ops.multiply(weighed, rows), 0),
        );
      },
    },
  };
  decoder(building, { ...spec, blocks: spec.blocks.slice(0, lastBlock + 1) });
  return {
    ...{ bytes: graph.encode(), externalFolder: weights.folder, inputs: graph.inputs, outputs: graph.outputs },
    outputOf,
  };
}
