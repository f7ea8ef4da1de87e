/**
 * A decoder whose parts can be taken away while it runs (METHODS §4): one graph for all masks. A site is a unit of an MLP, a
 * head of attention or a whole block; its values v become v·mask + fill, so that a mask of 1 and a fill of 0 leave the model as
 * it is (but for what the runtime rounds where it joins other operations), and a mask of 0 puts what is filled in, such as a mean, in their stead.
 *
 * Memory in the runtime beyond a pass with losses: nothing that grows with masks; a copy of the values of one block.
 */
import { product } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { LossyscopeError, unreachable } from "../numeric/errors.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import { type MeasuringGraph, picked, unitsOf } from "./heads.ts";
import type { Building, Taps } from "./layers.ts";
import { lossParts, targetLogits } from "./loss-heads.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, LinearSpec } from "./spec.ts";

export const SITE_KINDS = ["units", "heads", "blocks"] as const;
export type SiteKind = (typeof SITE_KINDS)[number];

/** The sites of a model: so many in each block, of so many values each. */
export interface Sites {
  readonly kind: SiteKind;
  /** [blocks] */
  readonly counts: readonly number[];
  /** [blocks] values of a site */
  readonly widths: readonly number[];
}

/** @throws LossyscopeError `unsupported` for units of a model with experts */
export function sitesOf(spec: DecoderSpec, kind: SiteKind): Sites {
  const { blocks } = spec;
  switch (kind) {
    case "units": {
      const counts = unitsOf(spec);
      if (counts === null)
        throw new LossyscopeError(
          "unsupported",
          `${spec.architecture} has blocks with experts, which have no units in common`,
          "take away heads or blocks: --sites heads",
        );
      return { kind, counts, widths: blocks.map(() => 1) };
    }
    case "heads":
      return {
        kind,
        counts: blocks.map(({ attention }) => attention.heads),
        widths: blocks.map(({ attention }) => attention.headWidth),
      };
    case "blocks":
      return { kind, counts: blocks.map(() => 1), widths: blocks.map(() => spec.width) };
    default:
      return unreachable(kind);
  }
}

/** Values of all sites of all blocks. */
export const valuesOf = ({ counts, widths }: Sites): number =>
  counts.reduce((total, count, block) => total + count * widths[block], 0);

/**
 * Inputs: `input_ids` [B,S]; `loss_rows` and `loss_targets` [R] as `buildMeasuringGraph` has them, int64; `mask` and `fill`
 * float32 [values], of the sites in order of blocks. With `seen`, `pool` float32 [G, B·S] in place of all but the ids.
 * Outputs, float32: `losses` [R] nats. With `seen`, of blocks b: `sum.b` [G, values of b], Σ weight · v, and `size.b`, Σ weight · |v| · ‖w‖, w
 * the direction that a value is mapped to (1 for blocks, whose values are what they add).
 * @param longest largest S that will be run
 */
export function buildAblationGraph(
  spec: DecoderSpec,
  source: TensorSource,
  sites: Sites,
  { longest, seen }: { readonly longest: number; readonly seen: boolean },
): MeasuringGraph {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const weights = new GraphWeights(graph, spec, source);
  const found: Value[] = [];
  const starts = sites.counts.map((_, block) =>
    sites.counts.slice(0, block).reduce((total, count, before) => total + count * sites.widths[before], 0),
  );
  const all = valuesOf(sites);
  const [mask, fill] = seen ? [] : ["mask", "fill"].map((name) => graph.input(name, "float32", [all]));
  const tapped = (values: Value, block: number): Value => {
    if (seen || !mask || !fill) {
      found.push(values);
      return values;
    }
    const [start, end] = [starts[block], starts[block] + sites.counts[block] * sites.widths[block]];
    const own = (whole: Value): Value => ops.slice(whole, 0, start, end);
    return ops.add(ops.multiply(values, own(mask)), own(fill));
  };
  const building: Building = { graph, weights, ids, longest, taps: tapsOf(sites.kind, tapped) };
  const model = decoder(building, spec);
  if (seen) {
    const pool = graph.input("pool", "float32", ["G", product(["B", "S"])]);
    found.forEach((values, block) => {
      const rows = ops.reshape(values, [product(["B", "S"]), values.shape[2]]);
      graph.output(`sum.${block}`, ops.matMul(pool, rows));
      const sizes = ops.matMul(pool, ops.abs(rows));
      const reach = reachOf(building, spec, sites.kind, block);
      graph.output(`size.${block}`, reach ? ops.multiply(sizes, reach) : sizes);
    });
  } else {
    const rows = graph.input("loss_rows", "int64", ["R1"]);
    const targets = ops.reshape(graph.input("loss_targets", "int64", ["R1"]), ["R1", 1]);
    const chunks = model.logits(picked(model.final, rows));
    const { top, logMass } = lossParts(chunks);
    const target = targetLogits(chunks, targets);
    graph.output("losses", ops.reshape(ops.add(ops.subtract(top, target), logMass), ["R1"]));
  }
  return { bytes: graph.encode(), externalFolder: weights.folder, inputs: graph.inputs, outputs: graph.outputs };
}

function tapsOf(kind: SiteKind, tapped: (values: Value, block: number) => Value): Taps {
  switch (kind) {
    case "units":
      return { units: tapped };
    case "heads":
      return { heads: tapped };
    case "blocks":
      return {
        // Where nothing is taken away x + (y − x) would be y only nearly: the mask is on what is added, the rest stays y.
        stream: (after, before, block) => {
          const added = ops.subtract(after, before);
          return ops.add(after, ops.subtract(tapped(added, block), added));
        },
      };
    default:
      return unreachable(kind);
  }
}

/** ‖w‖ of every value of a block; undefined where all are 1. */
function reachOf(
  { weights }: Pick<Building, "weights">,
  spec: DecoderSpec,
  kind: SiteKind,
  block: number,
): Value | undefined {
  const { mlp, attention } = spec.blocks[block];
  const norms = ({ weight, layout }: LinearSpec): Value =>
    ops.sqrt(ops.sumSquares(weights.value(weight), layout === "in-out" ? 1 : 0));
  if (kind === "blocks") return undefined;
  if (kind === "heads") return norms(attention.output);
  if (mlp.kind === "experts") throw new Error("experts have no units in common");
  return norms(mlp.down);
}
