/**
 * A graph under construction: values with element types and shapes, the ops between them, constants and external weights.
 * Every op infers its outputs' shapes when it is added, so that a mistake is an error at its own line, with both shapes.
 * The ops themselves are in `ops.ts`; the bytes are `formats/onnx.ts`'s.
 */
import { type ElementType, encodeModel, type OnnxAttribute, type OnnxTensor } from "../formats/onnx.ts";
import { type Dimension, written } from "./dimensions.ts";

export interface TensorType {
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

/** One tensor of a graph, symbolic until the graph runs. */
export interface Value extends TensorType {
  readonly graph: Graph;
  readonly name: string;
}

/** Whole numbers that an op takes as a further input (axes, bounds). */
export type Integers = readonly number[];

/** An op as it stands in a graph. */
export interface Node<P = unknown> {
  readonly op: Op<P>;
  /** the given ones, without the constants that `integers` puts after them */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly parameters: P;
}

/** What an input adds to its gradient: a value of its shape, or what adds it to the sum so far without a copy. */
export type Gradient = Value | ((sum: Value | undefined) => Value);

/**
 * One kind of op. `P` is what a caller chooses beside the inputs; `infer` gives the outputs' types or throws.
 */
export interface Op<P> {
  readonly name: string;
  /** operator set; absent: ONNX's own, and what onnxruntime has added to it */
  readonly domain?: string;
  infer(inputs: readonly Value[], parameters: P): readonly TensorType[];
  attributes?(parameters: P): Readonly<Record<string, OnnxAttribute>>;
  /** constant int64 inputs after the given ones */
  integers?(parameters: P, inputs: readonly Value[]): readonly Integers[];
  /**
   * The chain rule at this op; an op without one is a wall.
   * @param outputs the gradient by each output, undefined where nothing depends on it; at least one is there
   * @returns the gradient by each given input, undefined for what has none (indices, conditions)
   */
  gradient?(node: Node<P>, outputs: readonly (Value | undefined)[]): readonly (Gradient | undefined)[];
}

/** The operator set of every graph. */
const OPSET = 21;

/** A mistake in building a graph: a defect of ours, not of the model. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";

  constructor(op: string, why: string, inputs: readonly TensorType[]) {
    super(`${op}: ${why}; inputs ${inputs.map(({ type, shape }) => `${type}${written(shape)}`).join(", ")}`);
  }
}

export class Graph {
  readonly #nodes: (Node & { readonly integers: readonly Value[] })[] = [];
  readonly #initialisers = new Map<string, OnnxTensor>();
  readonly #inputs: Value[] = [];
  readonly #outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly #constants = new Map<string, Value>();
  #values = 0;

  /** In the order in which they were added: an op comes after all that it reads. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get inputs(): readonly string[] {
    return this.#inputs.map(({ name }) => name);
  }

  get outputs(): readonly string[] {
    return this.#outputs.map(({ name }) => name);
  }

  /** A tensor fed at every run. */
  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    const value = { graph: this, name, type, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Declares a value to be fetched by this name. */
  output(name: string, value: Value): void {
    this.#outputs.push({ name, value });
  }

  /** Numbers inside the graph, row-major. */
  constant(numbers: Float32Array | Float64Array, shape: readonly number[]): Value {
    return this.#inline(numbers instanceof Float64Array ? "float64" : "float32", numbers, shape);
  }

  /** Small whole numbers inside the graph, row-major. */
  bytes(numbers: Int8Array, shape: readonly number[]): Value {
    return this.#inline("int8", numbers, shape);
  }

  /** One number of shape []; equal ones are one initialiser. */
  scalar(number: number, type: ElementType = "float32"): Value {
    const key = `${type} ${number}`;
    const array = type === "float64" ? Float64Array : type === "uint8" ? Uint8Array : Float32Array;
    const value = this.#constants.get(key) ?? this.#inline(type, array.of(number), []);
    this.#constants.set(key, value);
    return value;
  }

  /** int64 numbers of shape [n], or [] for a single one; equal ones are one initialiser. */
  integers(numbers: Integers | number): Value {
    const key = `integers ${JSON.stringify(numbers)}`;
    const shape = typeof numbers === "number" ? [] : [numbers.length];
    const value =
      this.#constants.get(key) ?? this.#inline("int64", BigInt64Array.from([numbers].flat(), BigInt), shape);
    this.#constants.set(key, value);
    return value;
  }

  /** Weights that stay in their file, `location` relative to the folder the runtime is given. */
  external(name: string, type: ElementType, shape: readonly number[], at: Omit<ExternalData, "kind">): Value {
    if (!this.#initialisers.has(name))
      this.#initialisers.set(name, { name, type, shape, data: { kind: "external", ...at } });
    return { graph: this, name, type, shape };
  }

  /** Adds an op and gives its outputs. @throws ShapeError naming the op, the reason and the inputs' shapes */
  add<P>(op: Op<P>, inputs: readonly Value[], parameters: P): readonly Value[] {
    const types = op.infer(inputs, parameters);
    const outputs = types.map(({ type, shape }) => ({ graph: this, name: `v${this.#values++}`, type, shape }));
    const integers = op.integers?.(parameters, inputs).map((numbers) => this.integers(numbers)) ?? [];
    this.#nodes.push({
      op: op as Op<unknown>,
      inputs,
      integers,
      outputs,
      parameters,
    });
    return outputs;
  }

  /** The graph as an ONNX model: what its outputs need, and nothing else. */
  encode(): Uint8Array {
    const needed = new Set(this.#outputs.map(({ value }) => value.name));
    const nodes = this.#nodes.toReversed().filter(({ outputs, inputs, integers }) => {
      const used = outputs.some(({ name }) => needed.has(name));
      if (used) for (const { name } of [...inputs, ...integers]) needed.add(name);
      return used;
    });
    return encodeModel({
      producer: "lossyscope",
      opset: OPSET,
      nodes: [
        ...nodes.toReversed().map(({ op, inputs, integers, outputs, parameters }) => ({
          op: op.name,
          domain: op.domain,
          inputs: [...inputs, ...integers].map(({ name }) => name),
          outputs: outputs.map(({ name }) => name),
          attributes: op.attributes?.(parameters) ?? {},
        })),
        // An output has a name of its own, so that one value can be fetched under several.
        ...this.#outputs.map(({ name, value }) => ({
          op: "Identity",
          inputs: [value.name],
          outputs: [name],
          attributes: {},
        })),
      ],
      initialisers: [...this.#initialisers.values()].filter(({ name }) => needed.has(name)),
      inputs: this.#inputs,
      outputs: this.#outputs.map(({ name, value: { type, shape } }) => ({ name, type, shape })),
      // Sizes by name let the runtime plan its memory; without them its planning takes quadratic time.
      between: nodes.flatMap(({ outputs }) => outputs),
    });
  }

  #inline(
    type: ElementType,
    numbers: Float32Array | Float64Array | BigInt64Array | Uint8Array | Int8Array,
    shape: readonly number[],
  ): Value {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const name = `c${this.#initialisers.size}`;
    this.#initialisers.set(name, { name, type, shape, data: { kind: "inline", bytes } });
    return { graph: this, name, type, shape };
  }
}

type ExternalData = Extract<OnnxTensor["data"], { kind: "external" }>;
