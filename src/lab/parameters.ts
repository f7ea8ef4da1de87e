/**
 * All parameters of a decoder as one flat vector: the matrices first, which weight decay shrinks, then what it leaves
 * alone (biases, norm scales). A tensor lies row-major under the first of its names; a tied one is there once. Training
 * holds four such vectors at most: parameters, two moments, and gradients that are still being added up.
 */
import type { Value } from "../graph/graph.ts";
import { concat, gather, reshape, slice } from "../graph/ops.ts";
import type { Weights } from "../models/layers.ts";
import type { DecoderSpec, TensorSlot } from "../models/spec.ts";
import { untrainedTensors } from "../models/untrained.ts";
import { slotsOf } from "../models/weights.ts";

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** [start, end) in the vector */
  readonly start: number;
  readonly end: number;
}

export interface ParameterLayout {
  readonly parameters: readonly Parameter[];
  /** [0, decayed) are matrices */
  readonly decayed: number;
  /** P */
  readonly size: number;
}

export function layoutOf(spec: DecoderSpec): ParameterLayout {
  const slots = new Map<string, TensorSlot>();
  for (const slot of slotsOf(spec)) slots.set(slot.names[0], slot);
  const isMatrix = ({ shape }: TensorSlot): boolean => shape.length > 1;
  const ordered = [...slots].sort(([, a], [, b]) => Number(isMatrix(b)) - Number(isMatrix(a)));
  let size = 0;
  let decayed = 0;
  const parameters = ordered.map(([name, slot]) => {
    const start = size;
    size += slot.shape.reduce((product, length) => product * length, 1);
    if (isMatrix(slot)) decayed = size;
    return { name, shape: slot.shape, start, end: size };
  });
  return { parameters, decayed, size };
}

/** What a config's parameters are before the first step (`untrained.ts`). */
export function initialVector(layout: ParameterLayout, config: Record<string, unknown>, seed: number): Float32Array {
  const vector = new Float32Array(layout.size);
  const tensors = new Map(untrainedTensors(config, seed).map((tensor) => [tensor.name, tensor]));
  for (const { name, start } of layout.parameters) vector.set(tensors.get(name)!.values(), start);
  return vector;
}

/** A decoder's tensors as parts of a vector that is fed at every run. */
export class VectorWeights implements Weights {
  readonly #values: ReadonlyMap<string, Value>;

  /** @param vector [P] */
  constructor(vector: Value, layout: ParameterLayout) {
    this.#values = new Map(
      layout.parameters.map(({ name, shape, start, end }) => [name, reshape(slice(vector, 0, start, end), shape)]),
    );
  }

  /** In the order of the layout. */
  get values(): readonly Value[] {
    return [...this.#values.values()];
  }

  value(slot: TensorSlot): Value {
    return this.#values.get(slot.names[0])!;
  }

  rows(slot: TensorSlot, start: number, end: number): Value {
    const whole = this.value(slot);
    return end - start === slot.shape[0] ? whole : slice(whole, 0, start, end);
  }

  looked(slot: TensorSlot, indices: Value): Value {
    return gather(this.value(slot), indices);
  }

  coded(): undefined {}
}

/** Tensors in the order of the layout as one vector [P]. */
export function flattened(values: readonly Value[]): Value {
  return concat(
    values.map((value) => reshape(value, [value.shape.reduce<number>((total, length) => total * Number(length), 1)])),
    0,
  );
}

/** The parameters of a vector by name, without a copy. */
export function* tensorsOf(
  layout: ParameterLayout,
  vector: Float32Array,
): Generator<{ name: string; shape: readonly number[]; values: Float32Array }> {
  for (const { name, shape, start, end } of layout.parameters) {
    yield { name, shape, values: vector.subarray(start, end) };
  }
}
