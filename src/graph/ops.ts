/**
 * The ops a graph is made of: for each its ONNX name, its shape rule and its attributes, then the function that adds it.
 * Opset 21, plus onnxruntime's `SimplifiedLayerNormalization` (RMS norm). Axes may be negative; sizes may be symbolic.
 */
import { type ElementType, type OnnxAttribute, typeCode } from "../formats/onnx.ts";
import { type Dimension, part, product, written } from "./dimensions.ts";
import { type Op, ShapeError, type TensorType, type Value } from "./graph.ts";

type None = Record<string, never>;
const NONE: None = {};

const int = (value: number): OnnxAttribute => ({ kind: "int", value });
const float = (value: number): OnnxAttribute => ({ kind: "float", value });

/** The axis counted from the front. */
function axisOf(op: string, input: Value, axis: number): number {
  const front = axis < 0 ? axis + input.shape.length : axis;
  if (front < 0 || front >= input.shape.length) throw new ShapeError(op, `no axis ${axis}`, [input]);
  return front;
}

const replaced = (shape: readonly Dimension[], axis: number, size: Dimension): readonly Dimension[] =>
  shape.map((dimension, at) => (at === axis ? size : dimension));

/** numpy's broadcasting: sizes from the back, equal or 1. */
function broadcast(op: string, inputs: readonly Value[]): readonly Dimension[] {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = inputs.map(({ shape }) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    if (sizes.some((size) => size !== sizes[0])) throw new ShapeError(op, "the shapes do not broadcast", inputs);
    return sizes[0] ?? 1;
  });
}

/** An elementwise op of any number of inputs of one type. */
function elementwise(name: string, result?: ElementType): Op<None> {
  return {
    name,
    infer(inputs) {
      if (inputs.some(({ type }) => type !== inputs[0].type)) throw new ShapeError(name, "the types differ", inputs);
      return [{ type: result ?? inputs[0].type, shape: broadcast(name, inputs) }];
    },
  };
}

const one = <P>(op: Op<P>, inputs: readonly Value[], parameters: P): Value =>
  inputs[0].graph.add(op, inputs, parameters)[0];

const addOp = elementwise("Add");
export const add = (a: Value, b: Value): Value => one(addOp, [a, b], NONE);

const subtractOp = elementwise("Sub");
export const subtract = (a: Value, b: Value): Value => one(subtractOp, [a, b], NONE);

const multiplyOp = elementwise("Mul");
export const multiply = (a: Value, b: Value): Value => one(multiplyOp, [a, b], NONE);

const divideOp = elementwise("Div");
export const divide = (a: Value, b: Value): Value => one(divideOp, [a, b], NONE);

const maximumOp = elementwise("Max");
export const maximum = (values: readonly Value[]): Value => one(maximumOp, values, NONE);

const expOp = elementwise("Exp");
export const exp = (x: Value): Value => one(expOp, [x], NONE);

const logOp = elementwise("Log");
export const log = (x: Value): Value => one(logOp, [x], NONE);

const tanhOp = elementwise("Tanh");
export const tanh = (x: Value): Value => one(tanhOp, [x], NONE);

const sigmoidOp = elementwise("Sigmoid");
export const sigmoid = (x: Value): Value => one(sigmoidOp, [x], NONE);

const reluOp = elementwise("Relu");
export const relu = (x: Value): Value => one(reluOp, [x], NONE);

const clipOp = elementwise("Clip");
/** Clamps to [low, high], two values of shape []. */
export const clip = (x: Value, low: Value, high: Value): Value => one(clipOp, [x, low, high], NONE);

const equalOp = elementwise("Equal", "bool");
export const equal = (a: Value, b: Value): Value => one(equalOp, [a, b], NONE);

const greaterOp = elementwise("Greater", "bool");
export const greater = (a: Value, b: Value): Value => one(greaterOp, [a, b], NONE);

const whereOp: Op<None> = {
  name: "Where",
  infer(inputs) {
    if (inputs[0].type !== "bool" || inputs[1].type !== inputs[2].type)
      throw new ShapeError("Where", "expected a condition and two values of one type", inputs);
    return [{ type: inputs[1].type, shape: broadcast("Where", inputs) }];
  },
};
/** `yes` where the condition holds, else `no`. */
export const where = (condition: Value, yes: Value, no: Value): Value => one(whereOp, [condition, yes, no], NONE);

const geluOp: Op<{ readonly approximate: "none" | "tanh" }> = {
  name: "Gelu",
  infer: ([x]) => [x],
  attributes: ({ approximate }) => ({ approximate: { kind: "text", value: approximate } }),
};
export const gelu = (x: Value, approximate: "none" | "tanh"): Value => one(geluOp, [x], { approximate });

const castOp: Op<{ readonly to: ElementType }> = {
  name: "Cast",
  infer: ([x], { to }) => [{ type: to, shape: x.shape }],
  attributes: ({ to }) => ({ to: int(typeCode(to)) }),
};
/** x in another element type; x itself where it has that type. */
export const cast = (x: Value, to: ElementType): Value => (x.type === to ? x : one(castOp, [x], { to }));

const matMulOp: Op<None> = {
  name: "MatMul",
  infer(inputs) {
    const [a, b] = inputs;
    if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeError("MatMul", "expected matrices", inputs);
    if (a.type !== b.type) throw new ShapeError("MatMul", "the types differ", inputs);
    if (a.shape.at(-1) !== b.shape.at(-2))
      throw new ShapeError("MatMul", `${a.shape.at(-1)} columns meet ${b.shape.at(-2)} rows`, inputs);
    const outer = (value: Value): Value => ({ ...value, shape: value.shape.slice(0, -2) });
    return [{ type: a.type, shape: [...broadcast("MatMul", [outer(a), outer(b)]), a.shape.at(-2)!, b.shape.at(-1)!] }];
  },
};
/** [..., n, k] × [..., k, m] → [..., n, m] */
export const matMul = (a: Value, b: Value): Value => one(matMulOp, [a, b], NONE);

const transposeOp: Op<{ readonly order: readonly number[] }> = {
  name: "Transpose",
  infer(inputs, { order }) {
    const [x] = inputs;
    if (
      order.length !== x.shape.length ||
      new Set(order).size !== order.length ||
      order.some((axis) => !(axis in x.shape))
    )
      throw new ShapeError("Transpose", `${written(order)} does not order its axes`, inputs);
    return [{ type: x.type, shape: order.map((axis) => x.shape[axis]) }];
  },
  attributes: ({ order }) => ({ perm: { kind: "ints", value: order } }),
};
export const transpose = (x: Value, order: readonly number[]): Value => one(transposeOp, [x], { order });

const reshapeOp: Op<{ readonly shape: readonly Dimension[] }> = {
  name: "Reshape",
  infer(inputs, { shape }) {
    const [x] = inputs;
    if (product(x.shape) !== product(shape)) throw new ShapeError("Reshape", `cannot become ${written(shape)}`, inputs);
    return [{ type: x.type, shape }];
  },
  integers: ({ shape }, [x]) => [reshapeBounds(x, shape)],
};
/** ONNX's form of a shape: a symbolic size at its old place is 0 (kept), at most one other is −1 (what is left). */
function reshapeBounds(x: Value, shape: readonly Dimension[]): readonly number[] {
  const bounds = shape.map((size, axis) => (typeof size === "number" ? size : size === x.shape[axis] ? 0 : -1));
  if (bounds.filter((bound) => bound === -1).length > 1)
    throw new ShapeError("Reshape", `to ${written(shape)} has more than one unknown size`, [x]);
  return bounds;
}
/** The same numbers in another shape. */
export const reshape = (x: Value, shape: readonly Dimension[]): Value => one(reshapeOp, [x], { shape });

const reshapeLikeOp: Op<{ readonly shape: readonly Dimension[] }> = {
  name: "Reshape",
  infer: reshapeOp.infer,
};
/** x in the shape of another value, of which more than one size may be known only when the graph runs. */
export const reshapeLike = (x: Value, like: Value): Value =>
  one(reshapeLikeOp, [x, sizes(like, 0, like.shape.length)], { shape: like.shape });

const sliceOp: Op<{ readonly axis: number; readonly start: number; readonly end: number }> = {
  name: "Slice",
  infer: ([x], { axis, start, end }) => {
    const at = axisOf("Slice", x, axis);
    return [{ type: x.type, shape: replaced(x.shape, at, part(x.shape[at], start, end)) }];
  },
  integers: ({ axis, start, end }) => [[start], [end], [axis]],
};
/** The part [start, end) of one axis; what lies beyond its size is not there. */
export const slice = (x: Value, axis: number, start: number, end: number): Value =>
  one(sliceOp, [x], { axis, start, end });

const sliceToOp: Op<{ readonly axes: readonly number[]; readonly shape: readonly Dimension[] }> = {
  name: "Slice",
  infer: ([x], { axes, shape }) => [
    { type: x.type, shape: x.shape.map((size, axis) => (axes.includes(axis) ? shape[axes.indexOf(axis)] : size)) },
  ],
  integers: ({ axes }) => [axes],
};
/**
 * Parts of some axes whose bounds are known only when the graph runs.
 * @param starts @param ends int64 [axes.length]; never beyond the axis
 * @param shape the sizes those axes will have
 */
export const sliceTo = (
  x: Value,
  axes: readonly number[],
  starts: Value,
  ends: Value,
  shape: readonly Dimension[],
): Value => one(sliceToOp, [x, starts, ends], { axes, shape });

const splitOp: Op<{ readonly axis: number; readonly sizes: readonly number[] }> = {
  name: "Split",
  infer(inputs, { axis, sizes }) {
    const [x] = inputs;
    const at = axisOf("Split", x, axis);
    if (x.shape[at] !== sizes.reduce((total, size) => total + size, 0))
      throw new ShapeError("Split", `parts of ${written(sizes)} do not fill axis ${at}`, inputs);
    return sizes.map((size) => ({ type: x.type, shape: replaced(x.shape, at, size) }));
  },
  attributes: ({ axis }) => ({ axis: int(axis) }),
  integers: ({ sizes }) => [sizes],
};
export const split = (x: Value, axis: number, sizes: readonly number[]): readonly Value[] =>
  x.graph.add(splitOp, [x], { axis, sizes });

const concatOp: Op<{ readonly axis: number; readonly size: Dimension }> = {
  name: "Concat",
  infer(inputs, { axis, size }) {
    const at = axisOf("Concat", inputs[0], axis);
    const kept = (value: Value): string => written(replaced(value.shape, at, "*"));
    if (inputs.some((value) => kept(value) !== kept(inputs[0]) || value.type !== inputs[0].type))
      throw new ShapeError("Concat", `the shapes differ beside axis ${at}`, inputs);
    return [{ type: inputs[0].type, shape: replaced(inputs[0].shape, at, size) }];
  },
  attributes: ({ axis }) => ({ axis: int(axis) }),
};
/**
 * The values one after another along an axis; a single one is itself.
 * @param size the axis's size where it cannot be added up, its parts being symbolic
 */
export function concat(values: readonly Value[], axis: number, size?: Dimension): Value {
  if (values.length === 1) return values[0];
  const parts = values.map(({ shape }) => shape.at(axis)!);
  const total = parts.every((dimension) => typeof dimension === "number")
    ? parts.reduce((sum, dimension) => sum + dimension, 0)
    : size;
  if (total === undefined) throw new ShapeError("Concat", "parts of unknown sizes need the size of the whole", values);
  return one(concatOp, values, { axis, size: total });
}

const gatherOp: Op<{ readonly axis: number }> = {
  name: "Gather",
  infer(inputs, { axis }) {
    const [x, indices] = inputs;
    if (indices.type !== "int64") throw new ShapeError("Gather", "indices are int64", inputs);
    const at = axisOf("Gather", x, axis);
    return [{ type: x.type, shape: [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)] }];
  },
  attributes: ({ axis }) => ({ axis: int(axis) }),
};
/** Rows (or slices of another axis) by index. */
export const gather = (x: Value, indices: Value, axis = 0): Value => one(gatherOp, [x, indices], { axis });

const gatherElementsOp: Op<{ readonly axis: number }> = {
  name: "GatherElements",
  infer(inputs, { axis }) {
    const [x, indices] = inputs;
    const at = axisOf("GatherElements", x, axis);
    if (indices.shape.length !== x.shape.length || x.shape.some((size, i) => i !== at && size !== indices.shape[i]))
      throw new ShapeError("GatherElements", `the shapes differ beside axis ${at}`, inputs);
    return [{ type: x.type, shape: indices.shape }];
  },
  attributes: ({ axis }) => ({ axis: int(axis) }),
};
/** One element of every row: x[i, indices[i, j]] for axis 1. */
export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  one(gatherElementsOp, [x, indices], { axis });

const scatterRowsOp: Op<None> = {
  name: "ScatterND",
  infer(inputs) {
    const [x, rows, updates] = inputs;
    if (written(updates.shape) !== written([rows.shape[0], ...x.shape.slice(1)]))
      throw new ShapeError("ScatterND", "the updates are not rows of the first input", inputs);
    return [{ type: x.type, shape: x.shape }];
  },
};
/** x with the rows [n] replaced by updates [n, ...]; no row may be named twice. */
export const scatterRows = (x: Value, rows: Value, updates: Value): Value =>
  one(scatterRowsOp, [x, reshape(rows, [rows.shape[0], 1]), updates], NONE);

const nonZeroOp: Op<{ readonly count: string }> = {
  name: "NonZero",
  infer: ([x], { count }) => [{ type: "int64", shape: [x.shape.length, count] }],
};
/** Where a vector is not zero, as int64 [count]; `count` names the size, which only the run knows. */
export const nonZero = (x: Value, count: string): Value => reshape(one(nonZeroOp, [x], { count }), [count]);

/** A reduction over one axis, which stays with size 1 if `keep`. */
function reduction(name: string): Op<{ readonly axis: number; readonly keep: boolean }> {
  return {
    name,
    infer([x], { axis, keep }) {
      const at = axisOf(name, x, axis);
      return [{ type: x.type, shape: keep ? replaced(x.shape, at, 1) : x.shape.filter((_, i) => i !== at) }];
    },
    attributes: ({ keep }) => ({ keepdims: int(keep ? 1 : 0) }),
    integers: ({ axis }) => [[axis]],
  };
}

const sumOp = reduction("ReduceSum");
export const sum = (x: Value, axis: number, { keep = false } = {}): Value => one(sumOp, [x], { axis, keep });

const maxOp = reduction("ReduceMax");
export const max = (x: Value, axis: number, { keep = false } = {}): Value => one(maxOp, [x], { axis, keep });

const softmaxOp: Op<None> = {
  name: "Softmax",
  infer: ([x]) => [x],
  attributes: () => ({ axis: int(-1) }),
};
/** Over the last axis. */
export const softmax = (x: Value): Value => one(softmaxOp, [x], NONE);

/** Both norms run over the last axis: scale and bias have its size. */
function normed(name: string, inputs: readonly Value[]): readonly TensorType[] {
  const [x, ...factors] = inputs;
  if (factors.some(({ shape }) => shape.length !== 1 || shape[0] !== x.shape.at(-1)))
    throw new ShapeError(name, "scale and bias are not of the last axis's size", inputs);
  return [x];
}

const layerNormOp: Op<{ readonly epsilon: number }> = {
  name: "LayerNormalization",
  infer: (inputs) => normed("LayerNormalization", inputs),
  attributes: ({ epsilon }) => ({ axis: int(-1), epsilon: float(epsilon) }),
};
/** (x − mean) / sqrt(variance + epsilon) · scale + bias over the last axis. */
export const layerNorm = (x: Value, scale: Value, bias: Value | undefined, epsilon: number): Value =>
  one(layerNormOp, bias ? [x, scale, bias] : [x, scale], { epsilon });

const rmsNormOp: Op<{ readonly epsilon: number }> = {
  name: "SimplifiedLayerNormalization",
  infer: (inputs) => normed("SimplifiedLayerNormalization", inputs),
  attributes: ({ epsilon }) => ({ axis: int(-1), epsilon: float(epsilon) }),
};
/** x / sqrt(mean x² + epsilon) · scale over the last axis. */
export const rmsNorm = (x: Value, scale: Value, epsilon: number): Value => one(rmsNormOp, [x, scale], { epsilon });

const topKOp: Op<{ readonly count: number }> = {
  name: "TopK",
  infer(inputs, { count }) {
    const [x] = inputs;
    const last = x.shape.at(-1);
    if (typeof last === "number" && last < count)
      throw new ShapeError("TopK", `fewer than ${count} to choose from`, inputs);
    const shape = replaced(x.shape, x.shape.length - 1, count);
    return [
      { type: x.type, shape },
      { type: "int64", shape },
    ];
  },
  attributes: () => ({ axis: int(-1), largest: int(1), sorted: int(1) }),
  integers: ({ count }) => [[count]],
};
/** The largest of the last axis and their indices. */
export function topK(x: Value, count: number): { values: Value; indices: Value } {
  const [values, indices] = x.graph.add(topKOp, [x], { count });
  return { values, indices };
}

const shapeOp: Op<{ readonly start: number; readonly end: number }> = {
  name: "Shape",
  infer: (_, { start, end }) => [{ type: "int64", shape: [end - start] }],
  attributes: ({ start, end }) => ({ start: int(start), end: int(end) }),
};
/** The sizes of axes [start, end) as int64 [end − start], when the graph runs. */
export const sizes = (x: Value, start: number, end: number): Value => one(shapeOp, [x], { start, end });
