/**
 * The matrices of a decoder by what they do: what a spec multiplies by, each stored tensor once, with the block it is in and
 * the kind it is of. Norms, biases, tables of positions and the routers of experts are none: they are small, and everybody
 * who squeezes a model keeps them.
 */
import { unreachable } from "../numeric/errors.ts";
import type { BlockSpec, DecoderSpec, LinearSpec, MlpSpec, TensorSlot } from "./spec.ts";

/** Kinds as reports group them. */
export const MATRIX_KINDS = [
  "embedding",
  "query",
  "key",
  "value",
  "query-key-value",
  "attention output",
  "gate",
  "up",
  "gate-up",
  "down",
  "head",
] as const;
export type MatrixKind = (typeof MATRIX_KINDS)[number];

/** Wider classes of them. */
export type MatrixPart = "embedding" | "attention" | "mlp" | "head";

export interface ModelMatrix {
  readonly slot: TensorSlot;
  readonly kind: MatrixKind;
  readonly part: MatrixPart;
  /** null outside the blocks */
  readonly block: number | null;
  /** how one is stored: `out-in` a row an output */
  readonly layout: "out-in" | "in-out";
  readonly rows: number;
  readonly columns: number;
  /** matrices in the tensor, one after the other */
  readonly stack: number;
  /** what they multiply; absent where the tensor is looked up in alone */
  readonly linears: readonly LinearSpec[];
}

/** As people read it: `block 3, query`. */
export const matrixName = ({ block, kind }: Pick<ModelMatrix, "block" | "kind">): string =>
  block === null ? `the ${kind}` : `block ${block}, ${kind}`;

export function matricesOf(spec: DecoderSpec): readonly ModelMatrix[] {
  /** by the first of the tensor's names */
  const found = new Map<string, ModelMatrix>();
  const add = (linear: LinearSpec, kind: MatrixKind, part: MatrixPart, block: number | null = null): void => {
    const { weight: slot, layout, inputs: columns, outputs: rows } = linear;
    const before = found.get(slot.names[0]);
    const stack = slot.shape.length === 3 ? slot.shape[0] : 1;
    const matrix = before ?? { slot, kind, part, block, layout, rows, columns, stack, linears: [] };
    found.set(slot.names[0], { ...matrix, linears: [...matrix.linears, linear] });
  };
  const { tokens: slot, projection } = spec.embedding;
  const [rows, columns] = slot.shape;
  const table = { kind: "embedding", part: "embedding", block: null, layout: "out-in", stack: 1, linears: [] } as const;
  found.set(slot.names[0], { slot, rows, columns, ...table });
  if (projection) add(projection, "embedding", "embedding");
  for (const [index, block] of spec.blocks.entries())
    addBlock(block, (linear, kind, part) => add(linear, kind, part, index));
  if (spec.head.projection) add(spec.head.projection, "head", "head");
  add(spec.head.linear, "head", "head");
  return [...found.values()];
}

type Add = (linear: LinearSpec, kind: MatrixKind, part: MatrixPart) => void;

function addBlock({ attention, mlp }: BlockSpec, add: Add): void {
  const { projections, output } = attention;
  if (projections.kind === "separate") {
    add(projections.query, "query", "attention");
    add(projections.key, "key", "attention");
    add(projections.value, "value", "attention");
  } else add(projections.linear, "query-key-value", "attention");
  add(output, "attention output", "attention");
  addMlp(mlp, add);
}

function addMlp(mlp: MlpSpec, add: Add): void {
  switch (mlp.kind) {
    case "gated":
      add(mlp.gate, "gate", "mlp");
      add(mlp.up, "up", "mlp");
      add(mlp.down, "down", "mlp");
      break;
    case "gated-fused":
      add(mlp.gateAndUp, "gate-up", "mlp");
      add(mlp.down, "down", "mlp");
      break;
    case "plain":
      add(mlp.up, "up", "mlp");
      add(mlp.down, "down", "mlp");
      break;
    case "experts":
      for (const expert of mlp.experts) addMlp(expert, add);
      if (mlp.shared) addMlp(mlp.shared.mlp, add);
      break;
    default:
      unreachable(mlp);
  }
}
