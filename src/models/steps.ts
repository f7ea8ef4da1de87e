/**
 * The decoder as a step: new tokens of every row, the keys and values of those before them in, logits and the new keys and
 * values out. Who sees whom follows from positions that are fed, so rows may be at different places, padding may stand
 * anywhere (position −1), and a cache may be larger than what it holds. Keeping the cache is the runtime's business.
 *
 * Memory in the runtime beyond weights and cache: 8·R·V bytes for what is predicted, attention as its file says.
 */
import type { Arithmetic } from "../coding/arithmetic.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { unreachable } from "../numeric/errors.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import type { Past } from "./layers.ts";
import { RoundedProducts } from "./rounded.ts";
import type { RoundedWeights } from "./sources/rounded.ts";
import type { Rows } from "./sources/runnable.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec } from "./spec.ts";

/** A tensor that a step reads as [B, heads, 1, P, width], zeros where it holds nothing, and continues by T slots. */
export interface StepCache {
  readonly input: string;
  readonly output: string;
  readonly heads: number;
  readonly width: number;
}

export interface StepGraph {
  /** an ONNX model whose weights are external data in `externalFolder` */
  readonly bytes: Uint8Array;
  readonly externalFolder: string;
  readonly caches: readonly StepCache[];
}

/** What a step gives of the next token. */
export type Prediction = "logits" | "probabilities";

export interface StepOptions {
  readonly prediction: Prediction;
  /** positions that a row reaches at most */
  readonly longest: number;
  readonly arithmetic: Arithmetic;
  /** matrices as whole numbers, where products are by these */
  readonly rounded?: RoundedWeights;
}

/** How weights have to lie for what is to multiply by them. */
export function rowsOf({ products }: Pick<Arithmetic, "products">): Rows {
  switch (products) {
    case "codes":
      return "steps";
    case "float32":
      return "floats";
    case "fast":
    case "int8":
      return "windows";
    default:
      return unreachable(products);
  }
}

/**
 * Inputs, int64: `input_ids` [B,T]; `positions` [B,T], −1 for padding; `rows` [R], flat slots b·T + t to predict from.
 * Further ones, float32, as `caches` names them: keys and values of every block, and where they stand.
 * Output: `logits` or `probabilities` [R,V], float32; further ones as `caches` names them.
 * @throws LossyscopeError where the checkpoint does not match the spec or the model has fewer positions
 */
export function buildStepGraph(
  spec: DecoderSpec,
  source: TensorSource,
  { prediction, longest, arithmetic: { products, scaled }, rounded }: StepOptions,
): StepGraph {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "T"]);
  const positions = graph.input("positions", "int64", ["B", "T"]);
  const rows = graph.input("rows", "int64", ["R"]);
  const caches: StepCache[] = [];
  const cache = (name: string, heads: number, width: number): Value => {
    caches.push({ input: `past.${name}`, output: `new.${name}`, heads, width });
    return graph.input(`past.${name}`, "float32", ["B", heads, 1, "P", width]);
  };
  // Kept one too high, so that the zeros of an empty slot stand for −1.
  const places = ops.reshape(ops.cast(ops.add(positions, graph.integers(1)), "float32"), ["B", 1, 1, "T", 1]);
  const pastPlaces = ops.reshape(cache("places", 1, 1), ["B", "P"]);
  graph.output("new.places", places);
  const past: Past = {
    scaled,
    positions,
    keyPositions: ops.concat([ops.subtract(ops.cast(pastPlaces, "int64"), graph.integers(1)), positions], 1, "P+T"),
    cached: (block, { kvHeads, headWidth }) => ({
      keys: cache(`${block}.keys`, kvHeads, headWidth),
      values: cache(`${block}.values`, kvHeads, headWidth),
    }),
    keep(block, keys, values) {
      graph.output(`new.${block}.keys`, keys);
      graph.output(`new.${block}.values`, values);
    },
  };
  const weights = new GraphWeights(graph, spec, source, { isFast: products === "fast", rounded });
  const byWholeNumbers = rounded && new RoundedProducts();
  const model = decoder({ graph, weights, ids, longest, past, products: byWholeNumbers }, spec);
  const states = ops.gather(ops.reshape(model.final, ["B·T", spec.width]), rows);
  const logits = ops.concat(model.logits(states), -1);
  graph.output(prediction, prediction === "logits" ? logits : ops.softmax(logits));
  return { bytes: graph.encode(), externalFolder: weights.folder, caches };
}
