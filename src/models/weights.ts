/**
 * Which slot of a model's spec each of its tensors fills. Every slot must be filled with its exact shape and
 * every tensor must fill one, or be a buffer that older files carry along: otherwise the file is not the model that the
 * config describes. Nothing here reads a weight: the runtime does, from the file itself.
 */
import type { ElementType } from "../formats/onnx.ts";
import type { Dtype } from "../formats/tensor-types.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { StoredTensor, TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, TensorSlot } from "./spec.ts";

/** Types that weights may have, as the graph calls them. */
const WEIGHT_TYPES: Readonly<Partial<Record<Dtype, ElementType>>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  F64: "float64",
};
/** How many names an error lists. */
const NAMED = 3;

export interface BoundTensor extends StoredTensor {
  readonly type: ElementType;
}

const COUNTER =
  /(?:^|\.)(?:inv_freq|(?:cos|sin)_cached|masked_bias|position_ids|num_batches_tracked|rope_(?:freqs|factors_\w+)\.weight)$/;
const MASK = /(?:^|\.)(?:attn|attention|self_attn)\.bias$/;

/**
 * Whether a stored tensor is a buffer: something that older files carry beside the weights (causal masks, rotary
 * frequencies, counters) and that training never moved.
 */
export function isBuffer(name: string, { dtype, shape }: Pick<StoredTensor, "dtype" | "shape">): boolean {
  return dtype === "BOOL" || dtype === "I64" || COUNTER.test(name) || (MASK.test(name) && shape.length === 4);
}

/** Every slot of a spec, in its order; a tied one comes up twice. */
export function* slotsOf(node: unknown): Generator<TensorSlot> {
  if (typeof node !== "object" || node === null) return;
  if ("names" in node && "shape" in node) yield node as TensorSlot;
  else for (const child of Object.values(node)) yield* slotsOf(child);
}

/**
 * Matches a checkpoint to a spec.
 * @returns the stored tensor of every slot
 * @throws LossyscopeError `model` naming the missing, misshapen or superfluous tensor; `unsupported` for a type that
 * holds no plain numbers
 */
export function bindWeights(spec: DecoderSpec, source: TensorSource): ReadonlyMap<TensorSlot, BoundTensor> {
  const bound = new Map<TensorSlot, BoundTensor>();
  const known = new Set<string>();
  for (const slot of slotsOf(spec)) {
    const name = slot.names.find((candidate) => source.locate(candidate));
    const stored = name === undefined ? undefined : source.locate(name);
    if (name === undefined || !stored)
      throw new LossyscopeError(
        "model",
        `the checkpoint has no tensor ${slot.names.join(" or ")} of shape [${slot.shape.join(", ")}]`,
        "check that config.json belongs to these weights",
      );
    if (stored.shape.join() !== slot.shape.join())
      throw new LossyscopeError(
        "model",
        `the tensor ${name} has shape [${stored.shape.join(", ")}], config.json makes it [${slot.shape.join(", ")}]`,
        "check that config.json belongs to these weights",
      );
    const plain = stored.isTurned || stored.isComputed ? undefined : WEIGHT_TYPES[stored.dtype];
    const type = stored.codes ? "uint8" : plain;
    if (!type)
      throw new LossyscopeError(
        "unsupported",
        `the tensor ${name} is stored ${stored.isComputed ? "quantised" : `as ${stored.isTurned ? "big-endian " : ""}${stored.dtype}`}`,
        `use the checkpoint in ${Object.keys(WEIGHT_TYPES).join(", ")}`,
      );
    bound.set(slot, { ...stored, type });
    for (const candidate of slot.names) known.add(candidate);
  }
  const superfluous = [...source.names()].filter((name) => !known.has(name) && !isBuffer(name, source.locate(name)!));
  if (superfluous.length > 0) {
    const rest = superfluous.length > NAMED ? ` and ${count(superfluous.length - NAMED)} more` : "";
    throw new LossyscopeError(
      "model",
      `the checkpoint holds tensors that the architecture ${spec.architecture} has no place for: ${superfluous.slice(0, NAMED).join(", ")}${rest}`,
      "check that config.json belongs to these weights",
    );
  }
  return bound;
}
