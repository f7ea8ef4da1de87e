/**
 * The ops a graph is made of: for each its ONNX name, its shape rule, its attributes and its gradient, then the function
 * that adds it. In the rules g is the gradient by the output: ∂loss/∂y, of y's shape.
 * Opset 21, plus onnxruntime's `SimplifiedLayerNormalization` (RMS norm), and of its own set `MatMulNBits` and
 * `GatherBlockQuantized`. Axes may be negative; sizes may be symbolic.
 */
import { type ElementType, type OnnxAttribute, typeCode } from "../formats/onnx.ts";
import { type Dimension, part, product, written } from "./dimensions.ts";
import { type Gradient, type Node, type Op, ShapeError, type TensorType, type Value } from "./graph.ts";

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

/** A rule for ops of one output: g, the inputs, the output and the parameters to the gradient by each input. */
type Rule<P, G = Gradient> = (
  g: Value,
  inputs: readonly Value[],
  output: Value,
  parameters: P,
) => readonly (G | undefined)[];

const ruled =
  <P>(rule: Rule<P>): NonNullable<Op<P>["gradient"]> =>
  ({ inputs, outputs, parameters }: Node<P>, [g]) =>
    rule(g!, inputs, outputs[0], parameters);

/** g of a broadcast value, summed over the axes along which `like` was repeated. */
function unbroadcast(g: Value, like: Value): Value {
  const added = g.shape.length - like.shape.length;
  const front = Array.from({ length: added }, (_, axis) => axis);
  const folded = added > 0 ? sum(g, front) : g;
  const repeated = like.shape.flatMap((size, axis) => (size === 1 && folded.shape[axis] !== 1 ? [axis] : []));
  return repeated.length > 0 ? sum(folded, repeated, { keep: true }) : folded;
}

const number = (like: Value, value: number): Value => like.graph.scalar(value, like.type);
const square = (x: Value): Value => multiply(x, x);

/** An elementwise op of any number of inputs of one type; its rule need not mind the broadcasting. */
function elementwise(name: string, rule?: Rule<None, Value>, result?: ElementType): Op<None> {
  return {
    name,
    gradient:
      rule &&
      ruled((g, inputs, output, parameters) =>
        rule(g, inputs, output, parameters).map((part, at) => part && unbroadcast(part, inputs[at])),
      ),
    infer(inputs) {
      if (inputs.some(({ type }) => type !== inputs[0].type)) throw new ShapeError(name, "the types differ", inputs);
      return [{ type: result ?? inputs[0].type, shape: broadcast(name, inputs) }];
    },
  };
}

const one = <P>(op: Op<P>, inputs: readonly Value[], parameters: P): Value =>
  inputs[0].graph.add(op, inputs, parameters)[0];

const addOp = elementwise("Add", (g) => [g, g]);
export const add = (a: Value, b: Value): Value => one(addOp, [a, b], NONE);

const subtractOp = elementwise("Sub", (g) => [g, negative(g)]);
export const subtract = (a: Value, b: Value): Value => one(subtractOp, [a, b], NONE);

const multiplyOp = elementwise("Mul", (g, [a, b]) => [multiply(g, b), multiply(g, a)]);
export const multiply = (a: Value, b: Value): Value => one(multiplyOp, [a, b], NONE);

const divideOp = elementwise("Div", (g, [, b], y) => {
  const share = divide(g, b);
  return [share, negative(multiply(share, y))];
});
export const divide = (a: Value, b: Value): Value => one(divideOp, [a, b], NONE);

const negativeOp = elementwise("Neg", (g) => [negative(g)]);
export const negative = (x: Value): Value => one(negativeOp, [x], NONE);

/** Where several are the largest, each takes all of g: one of the subgradients, as for relu at 0. */
const maximumOp = elementwise("Max", (g, values, y) => values.map((x) => multiply(g, cast(equal(x, y), g.type))));
export const maximum = (values: readonly Value[]): Value => one(maximumOp, values, NONE);

const expOp = elementwise("Exp", (g, _, y) => [multiply(g, y)]);
export const exp = (x: Value): Value => one(expOp, [x], NONE);

const logOp = elementwise("Log", (g, [x]) => [divide(g, x)]);
export const log = (x: Value): Value => one(logOp, [x], NONE);

const sqrtOp = elementwise("Sqrt", (g, _, y) => [divide(g, multiply(y, number(y, 2)))]);
export const sqrt = (x: Value): Value => one(sqrtOp, [x], NONE);

const tanhOp = elementwise("Tanh", (g, _, y) => [multiply(g, subtract(number(y, 1), square(y)))]);
export const tanh = (x: Value): Value => one(tanhOp, [x], NONE);

const sigmoidOp = elementwise("Sigmoid", (g, _, y) => [multiply(g, subtract(y, square(y)))]);
export const sigmoid = (x: Value): Value => one(sigmoidOp, [x], NONE);

const absOp = elementwise("Abs", (g, [x]) => [
  multiply(g, subtract(cast(greater(x, number(x, 0)), g.type), cast(greater(number(x, 0), x), g.type))),
]);
export const abs = (x: Value): Value => one(absOp, [x], NONE);

const reluOp = elementwise("Relu", (g, [x]) => [multiply(g, cast(greater(x, number(x, 0)), g.type))]);
export const relu = (x: Value): Value => one(reluOp, [x], NONE);

/** The bounds are constants. */
const clipOp = elementwise("Clip", (g, [x], y) => [multiply(g, cast(equal(x, y), g.type)), undefined, undefined]);
/** Clamps to [low, high], two values of shape []. */
export const clip = (x: Value, low: Value, high: Value): Value => one(clipOp, [x, low, high], NONE);

const equalOp = elementwise("Equal", undefined, "bool");
export const equal = (a: Value, b: Value): Value => one(equalOp, [a, b], NONE);

const greaterOp = elementwise("Greater", undefined, "bool");
export const greater = (a: Value, b: Value): Value => one(greaterOp, [a, b], NONE);

const whereOp: Op<None> = {
  name: "Where",
  infer(inputs) {
    if (inputs[0].type !== "bool" || inputs[1].type !== inputs[2].type)
      throw new ShapeError("Where", "expected a condition and two values of one type", inputs);
    return [{ type: inputs[1].type, shape: broadcast("Where", inputs) }];
  },
  gradient: ruled((g, [condition, yes, no]) => {
    const none = number(g, 0);
    return [undefined, unbroadcast(where(condition, g, none), yes), unbroadcast(where(condition, none, g), no)];
  }),
};
/** `yes` where the condition holds, else `no`. */
export const where = (condition: Value, yes: Value, no: Value): Value => one(whereOp, [condition, yes, no], NONE);

const geluOp: Op<{ readonly approximate: "none" | "tanh" }> = {
  name: "Gelu",
  infer: ([x]) => [x],
  attributes: ({ approximate }) => ({ approximate: { kind: "text", value: approximate } }),
  gradient: ruled((g, [x], _, { approximate }) => {
    if (approximate === "none") {
      // y = x·Φ(x): y′ = Φ + x·φ
      const cumulative = multiply(add(erf(multiply(x, number(x, Math.SQRT1_2))), number(x, 1)), number(x, 0.5));
      const density = multiply(exp(multiply(square(x), number(x, -0.5))), number(x, 1 / Math.sqrt(2 * Math.PI)));
      return [multiply(g, add(cumulative, multiply(x, density)))];
    }
    // y = x·(1 + t)/2, t = tanh(a·x + b·x³): y′ = (1 + t)/2 + x·(1 − t²)/2·(a + 3b·x²)
    const a = Math.sqrt(2 / Math.PI);
    const b = 0.044715 * a;
    const xx = square(x);
    const t = tanh(multiply(x, add(multiply(xx, number(x, b)), number(x, a))));
    const slope = add(multiply(xx, number(x, 1.5 * b)), number(x, a / 2));
    const open = multiply(add(t, number(x, 1)), number(x, 0.5));
    return [multiply(g, add(open, multiply(multiply(x, slope), subtract(number(x, 1), square(t)))))];
  }),
};
const erfOp = elementwise("Erf");
const erf = (x: Value): Value => one(erfOp, [x], NONE);

export const gelu = (x: Value, approximate: "none" | "tanh"): Value => one(geluOp, [x], { approximate });

const castOp: Op<{ readonly to: ElementType }> = {
  name: "Cast",
  infer: ([x], { to }) => [{ type: to, shape: x.shape }],
  attributes: ({ to }) => ({ to: int(typeCode(to)) }),
  gradient: ruled((g, [x]) => [x.type === "bool" || x.type === "int64" ? undefined : cast(g, x.type)]),
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
  gradient: ruled((g, [a, b]) => {
    const byA = unbroadcast(matMul(g, turned(b)), a);
    // One matrix for all rows: a single product over the rows, not one a batch and a sum.
    if (b.shape.length === 2 && a.shape.length > 2) return [byA, matMul(turned(rowsOf(a)), rowsOf(g))];
    return [byA, unbroadcast(matMul(turned(a), g), b)];
  }),
};
/** The last two axes exchanged. */
const turned = (x: Value): Value => {
  const rank = x.shape.length;
  return transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
};
/** [..., n] → [rows, n] */
const rowsOf = (x: Value): Value => reshape(x, [product(x.shape.slice(0, -1)), x.shape.at(-1)!]);
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
  gradient: ruled((g, _inputs, _output, { order }) => [
    transpose(
      g,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ]),
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
  gradient: ruled((g, [x]) => [reshapeLike(g, x)]),
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
  gradient: ruled((g, [x]) => [reshapeLike(g, x), undefined]),
};
/** x in the shape of another value, of which more than one size may be known only when the graph runs. */
export const reshapeLike = (x: Value, like: Value): Value =>
  like.shape.every((size) => typeof size === "number")
    ? reshape(x, like.shape)
    : one(reshapeLikeOp, [x, sizes(like, 0, like.shape.length)], { shape: like.shape });

const sliceOp: Op<{ readonly axis: number; readonly start: number; readonly end: number }> = {
  name: "Slice",
  infer: ([x], { axis, start, end }) => {
    const at = axisOf("Slice", x, axis);
    return [{ type: x.type, shape: replaced(x.shape, at, part(x.shape[at], start, end)) }];
  },
  integers: ({ axis, start, end }) => [[start], [end], [axis]],
  gradient: ruled((g, [x], _, { axis, start }) => [padded(g, x, [axis], x.graph.integers([start]))]),
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
  gradient: ruled((g, [x, starts], _, { axes }) => [padded(g, x, axes, starts), undefined, undefined]),
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

const padOp: Op<{ readonly shape: readonly Dimension[] }> = {
  name: "Pad",
  infer: ([x], { shape }) => [{ type: x.type, shape }],
  gradient: ruled((g, [part, pads]) => {
    const axes = part.shape.map((_, axis) => axis);
    const starts = slice(pads, 0, 0, axes.length);
    return [sliceTo(g, axes, starts, add(starts, sizesAt(part, axes)), part.shape), undefined, undefined];
  }),
};
/** A part at its place in the whole, zeros around it; `starts` int64 [axes.length]. */
function padded(part: Value, whole: Value, axes: readonly number[], starts: Value): Value {
  const after = subtract(sizesAt(whole, axes), add(starts, sizesAt(part, axes)));
  const none = part.graph.integers([0]);
  // Pads of all axes, though ONNX takes those of some: the runtime's transpose optimiser forgets which.
  const front = axes.map((axis) => axisOf("Pad", whole, axis));
  const pads = [starts, after].flatMap((given) =>
    whole.shape.map((_, axis) => {
      const at = front.indexOf(axis);
      return at < 0 ? none : slice(given, 0, at, at + 1);
    }),
  );
  return one(padOp, [part, concat(pads, 0), number(part, 0)], { shape: whole.shape });
}

/** The sizes of some axes, in their order. */
const sizesAt = (x: Value, axes: readonly number[]): Value =>
  concat(
    axes.map((axis) => axisOf("Shape", x, axis)).map((axis) => sizes(x, axis, axis + 1)),
    0,
  );

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
  gradient: ({ inputs: [x], outputs, parameters: { axis } }, gradients) => [
    concat(
      gradients.map((g, part) => g ?? zerosLike(outputs[part])),
      axis,
      x.shape.at(axis),
    ),
  ],
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
  gradient: ruled((g, parts, _, { axis }) => {
    let start = g.graph.integers([0]);
    return parts.map((part) => {
      const end = add(start, sizesAt(part, [axis]));
      const share = sliceTo(g, [axisOf("Concat", part, axis)], start, end, [part.shape.at(axis)!]);
      start = end;
      return share;
    });
  }),
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
  gradient: ruled((g, [x, indices], _, { axis }) => {
    if (axisOf("Gather", x, axis) !== 0) throw new ShapeError("Gather", "only rows have a gradient", [x, indices]);
    const count = product(indices.shape);
    const rows = reshape(g, [count, ...x.shape.slice(1)]);
    const at = reshape(indices, [count, ...x.shape.slice(1).map(() => 1)]);
    return [(sum) => scatterElements(sum ?? zerosLike(x), expandLike(at, rows), rows, 0), undefined];
  }),
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
  gradient: ruled((g, [x, indices], _, { axis }) => [
    (sum) => scatterElements(sum ?? zerosLike(x), indices, g, axis),
    undefined,
  ]),
};
/** One element of every row: x[i, indices[i, j]] for axis 1. */
export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  one(gatherElementsOp, [x, indices], { axis });

const scatterElementsOp: Op<{ readonly axis: number }> = {
  name: "ScatterElements",
  infer(inputs) {
    const [x, indices, updates] = inputs;
    if (written(indices.shape) !== written(updates.shape))
      throw new ShapeError("ScatterElements", "there is not one index an update", inputs);
    return [{ type: x.type, shape: x.shape }];
  },
  attributes: ({ axis }) => ({ axis: int(axis), reduction: { kind: "text", value: "add" } }),
  gradient: ruled((g, [, indices], _, { axis }) => [g, undefined, gatherElements(g, indices, axis)]),
};
/** x with each update added at its index: x[indices[i, j], j] += updates[i, j] for axis 0; an index may come twice. */
export const scatterElements = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  one(scatterElementsOp, [x, indices, updates], { axis });

const expandOp: Op<{ readonly shape: readonly Dimension[] }> = {
  name: "Expand",
  infer: ([x], { shape }) => [{ type: x.type, shape }],
  gradient: ruled((g, [x]) => [unbroadcast(g, x), undefined]),
};
/** x repeated along its axes of size 1 to the shape of another value. */
export const expandLike = (x: Value, like: Value): Value =>
  one(expandOp, [x, sizes(like, 0, like.shape.length)], { shape: like.shape });

const zerosLike = (x: Value): Value => expandLike(number(x, 0), x);

const scatterRowsOp: Op<None> = {
  name: "ScatterND",
  infer(inputs) {
    const [x, rows, updates] = inputs;
    if (written(updates.shape) !== written([rows.shape[0], ...x.shape.slice(1)]))
      throw new ShapeError("ScatterND", "the updates are not rows of the first input", inputs);
    return [{ type: x.type, shape: x.shape }];
  },
  gradient: ruled((g, [, rows, updates]) => {
    const replaced = reshape(rows, [rows.shape[0]]);
    return [scatterRows(g, replaced, zerosLike(updates)), undefined, gather(g, replaced)];
  }),
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

/** Axes, which stay with size 1 if `keep`. */
interface Reduced {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** A reduction; its rule is given g and y with the reduced axes in their places, of size 1. */
function reduction(name: string, rule: (g: Value, x: Value, y: Value) => Value): Op<Reduced> {
  return {
    name,
    infer([x], { axes, keep }) {
      const at = axes.map((axis) => axisOf(name, x, axis));
      const kept = x.shape.map((size, axis) => (at.includes(axis) ? 1 : size));
      return [{ type: x.type, shape: keep ? kept : kept.filter((_, axis) => !at.includes(axis)) }];
    },
    attributes: ({ keep }) => ({ keepdims: int(keep ? 1 : 0) }),
    integers: ({ axes }) => [axes],
    gradient: ruled((g, [x], y, { axes, keep }) => {
      const kept = (value: Value): Value => (keep ? value : unsqueeze(value, axes, x));
      return [rule(kept(g), x, kept(y))];
    }),
  };
}

const unsqueezeOp: Op<{ readonly axes: readonly number[]; readonly shape: readonly Dimension[] }> = {
  name: "Unsqueeze",
  infer: ([x], { shape }) => [{ type: x.type, shape }],
  integers: ({ axes }) => [axes],
  gradient: ruled((g, [x]) => [reshapeLike(g, x)]),
};
/** What a reduction of x over axes left, with those axes back in their places, of size 1. */
function unsqueeze(reduced: Value, axes: readonly number[], x: Value): Value {
  const at = axes.map((axis) => axisOf("Unsqueeze", x, axis));
  const shape = x.shape.map((size, axis) => (at.includes(axis) ? 1 : size));
  return one(unsqueezeOp, [reduced], { axes: at, shape });
}

const sumOp = reduction("ReduceSum", (g, x) => expandLike(g, x));
export const sum = (x: Value, axis: number | readonly number[], { keep = false } = {}): Value =>
  one(sumOp, [x], { axes: [axis].flat(), keep });

/** The sum of squares, read once. */
const sumSquaresOp = reduction("ReduceSumSquare", (g, x) => multiply(multiply(x, g), number(x, 2)));
export const sumSquares = (x: Value, axis: number | readonly number[], { keep = false } = {}): Value =>
  one(sumSquaresOp, [x], { axes: [axis].flat(), keep });

/** Where several are the largest, each takes all of g. */
const maxOp = reduction("ReduceMax", (g, x, y) => multiply(g, cast(equal(x, y), g.type)));
export const max = (x: Value, axis: number, { keep = false } = {}): Value => one(maxOp, [x], { axes: [axis], keep });

const argMaxOp: Op<None> = {
  name: "ArgMax",
  infer: ([x]) => [{ type: "int64", shape: replaced(x.shape, x.shape.length - 1, 1) }],
  attributes: () => ({ axis: int(-1), keepdims: int(1), select_last_index: int(0) }),
};
/** Where the largest of the last axis stands, the first of several: [..., n] → int64 [..., 1]. */
export const argMax = (x: Value): Value => one(argMaxOp, [x], NONE);

const cumSumOp: Op<None> = { name: "CumSum", infer: ([x]) => [x] };
/** Running sums along an axis, added one after the other in the type that x has. */
export const cumSum = (x: Value, axis: number): Value => one(cumSumOp, [x, x.graph.integers([axis])], NONE);

const softmaxOp: Op<None> = {
  name: "Softmax",
  infer: ([x]) => [x],
  attributes: () => ({ axis: int(-1) }),
  gradient: ruled((g, _, y) => [multiply(y, subtract(g, sum(multiply(g, y), -1, { keep: true })))]),
};
/** Over the last axis. */
export const softmax = (x: Value): Value => one(softmaxOp, [x], NONE);

const logSoftmaxOp: Op<None> = {
  name: "LogSoftmax",
  infer: ([x]) => [x],
  attributes: () => ({ axis: int(-1) }),
  gradient: ruled((g, [x]) => [subtract(g, multiply(softmax(x), sum(g, -1, { keep: true })))]),
};
/** Over the last axis. */
export const logSoftmax = (x: Value): Value => one(logSoftmaxOp, [x], NONE);

/** Both norms run over the last axis: scale and bias have its size. */
function normed(name: string, inputs: readonly Value[]): readonly TensorType[] {
  const [x, ...factors] = inputs;
  if (factors.some(({ shape }) => shape.length !== 1 || shape[0] !== x.shape.at(-1)))
    throw new ShapeError(name, "scale and bias are not of the last axis's size", inputs);
  return [x];
}

/** 1 / sqrt(mean square of each row + epsilon): [..., d] → [..., 1] */
function inverseDeviation(rows: Value, epsilon: number): Value {
  const width = number(rows, rows.shape.at(-1) as number);
  const square = divide(sumSquares(rows, -1, { keep: true }), width);
  return divide(number(rows, 1), sqrt(add(square, number(rows, epsilon))));
}

/** Means over the last axis, kept. */
const means = (x: Value): Value => divide(sum(x, -1, { keep: true }), number(x, x.shape.at(-1) as number));

/** The sum of all rows of the last axis, [..., d] → [d]. */
const overRows = (x: Value): Value =>
  sum(
    x,
    Array.from({ length: x.shape.length - 1 }, (_, axis) => axis),
  );

const layerNormOp: Op<{ readonly epsilon: number }> = {
  name: "LayerNormalization",
  infer: (inputs) => normed("LayerNormalization", inputs),
  attributes: ({ epsilon }) => ({ axis: int(-1), epsilon: float(epsilon) }),
  // With r the inverse deviation, n = (x − mean)·r and h = g·scale: r·(h − mean h − n·mean(h·n))
  gradient: ruled((g, [x, scale, bias], _, { epsilon }) => {
    const centred = subtract(x, means(x));
    const inverse = inverseDeviation(centred, epsilon);
    const normal = multiply(centred, inverse);
    const h = multiply(g, scale);
    const along = multiply(normal, means(multiply(h, normal)));
    return [
      multiply(inverse, subtract(subtract(h, means(h)), along)),
      overRows(multiply(g, normal)),
      ...(bias ? [overRows(g)] : []),
    ];
  }),
};
/** (x − mean) / sqrt(variance + epsilon) · scale + bias over the last axis. */
export const layerNorm = (x: Value, scale: Value, bias: Value | undefined, epsilon: number): Value =>
  one(layerNormOp, bias ? [x, scale, bias] : [x, scale], { epsilon });

const rmsNormOp: Op<{ readonly epsilon: number }> = {
  name: "SimplifiedLayerNormalization",
  infer: (inputs) => normed("SimplifiedLayerNormalization", inputs),
  attributes: ({ epsilon }) => ({ axis: int(-1), epsilon: float(epsilon) }),
  // With r the inverse deviation, n = x·r and h = g·scale: r·(h − n·mean(h·n))
  gradient: ruled((g, [x, scale], _, { epsilon }) => {
    const inverse = inverseDeviation(x, epsilon);
    const normal = multiply(x, inverse);
    const projected = multiply(g, normal);
    const along = multiply(normal, means(multiply(projected, scale)));
    return [multiply(inverse, subtract(multiply(g, scale), along)), overRows(projected)];
  }),
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
  gradient: ({ inputs: [x], outputs: [, indices] }, [g]) => [
    g && ((sum) => scatterElements(sum ?? zerosLike(x), indices, g, -1)),
  ],
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
/** The sizes of axes [start, end) as int64 [end − start]: asked for when the graph runs where they are not known before. */
export function sizes(x: Value, start: number, end: number): Value {
  const known = x.shape.slice(start, end).filter((size) => typeof size === "number");
  return known.length === end - start ? x.graph.integers(known) : one(shapeOp, [x], { start, end });
}

const bitwiseAndOp = elementwise("BitwiseAnd");
export const bitwiseAnd = (a: Value, b: Value): Value => one(bitwiseAndOp, [a, b], NONE);

const bitwiseOrOp = elementwise("BitwiseOr");
export const bitwiseOr = (a: Value, b: Value): Value => one(bitwiseOrOp, [a, b], NONE);

const shiftOps = { LEFT: shifted("LEFT"), RIGHT: shifted("RIGHT") } as const;
function shifted(direction: "LEFT" | "RIGHT"): Op<None> {
  return { ...elementwise("BitShift"), attributes: () => ({ direction: { kind: "text", value: direction } }) };
}
/** Bits moved towards the highest by as many as the second says. */
export const shiftLeft = (x: Value, by: Value): Value => one(shiftOps.LEFT, [x, by], NONE);
/** The same towards the lowest. */
export const shiftRight = (x: Value, by: Value): Value => one(shiftOps.RIGHT, [x, by], NONE);

/** Operators that onnxruntime adds to ONNX's. */
const RUNTIME_SET = "com.microsoft";

/** How codes are laid out: of so many bits, so many under a scale. */
export interface CodeLayout {
  readonly bits: 4 | 8;
  readonly group: number;
}

interface CodeProduct extends CodeLayout {
  readonly isFast: boolean;
}

const matMulCodesOp: Op<CodeProduct & { readonly columns: number; readonly rows: number }> = {
  name: "MatMulNBits",
  domain: RUNTIME_SET,
  infer(inputs, { bits, group, columns, rows }) {
    const [x, codes, scales] = inputs;
    const [, groups, bytes] = codes.shape;
    if (codes.type !== "uint8" || bytes !== (group * bits) / 8 || written(scales.shape) !== written([rows, groups]))
      throw new ShapeError("MatMulNBits", `no codes of ${bits} bits in groups of ${group}`, inputs);
    if (x.shape.at(-1) !== columns)
      throw new ShapeError("MatMulNBits", `${x.shape.at(-1)} columns meet ${groups} groups of ${group}`, inputs);
    return [{ type: x.type, shape: [...x.shape.slice(0, -1), rows] }];
  },
  attributes: ({ bits, group, isFast, columns, rows }) => ({
    K: int(columns),
    N: int(rows),
    bits: int(bits),
    block_size: int(group),
    accuracy_level: int(isFast ? 4 : 1),
  }),
};
/**
 * [..., n·group] × codes [m, n, group·bits/8] under scales [m, n], of which the middle code stands for 0 → [..., m].
 * @param isFast whether the first is rounded to 8 bits in groups as well, as llama.cpp does
 */
export const matMulCodes = (x: Value, codes: Value, scales: Value, product: CodeProduct): Value => {
  const [rows, groups] = codes.shape.map(Number);
  return one(matMulCodesOp, [x, codes, scales], { ...product, rows, columns: groups * product.group });
};

const gatherCodesOp: Op<CodeLayout> = {
  name: "GatherBlockQuantized",
  domain: RUNTIME_SET,
  infer(inputs, { bits }) {
    const [codes, indices] = inputs;
    const [, bytes] = codes.shape;
    return [{ type: "float32", shape: [...indices.shape, (Number(bytes) * 8) / bits] }];
  },
  attributes: ({ bits, group }) => ({
    bits: int(bits),
    block_size: int(group),
    gather_axis: int(0),
    quantize_axis: int(1),
  }),
};
/** Rows of codes [m, n·group·bits/8] under scales [m, n] by index, as the values they stand for: [..., n·group] */
export const gatherCodes = (codes: Value, indices: Value, scales: Value, layout: CodeLayout): Value =>
  one(gatherCodesOp, [codes, indices, scales], layout);

/** What stands for 0 among bytes. */
const BYTE_ZERO = 128;

const toBytesOp: Op<None> = {
  name: "QuantizeLinear",
  infer: ([x]) => [{ type: "uint8", shape: x.shape }],
};
/** x / step + 128, rounded to whole numbers (halves to even ones) and kept within 0 … 255: uint8 of x's shape. */
export const toBytes = (x: Value, step: number): Value =>
  one(toBytesOp, [x, x.graph.scalar(step), x.graph.scalar(BYTE_ZERO, "uint8")], NONE);

const matMulBytesOp: Op<None> = {
  name: "MatMulIntegerToFloat",
  domain: RUNTIME_SET,
  infer(inputs) {
    const [a, b, , scales] = inputs;
    const [inner, columns] = b.shape;
    if (a.type !== "uint8" || b.type !== "int8" || a.shape.at(-1) !== inner || scales.shape[0] !== columns)
      throw new ShapeError("MatMulIntegerToFloat", "no bytes [..., k] by bytes [k, n] under scales [n]", inputs);
    return [{ type: "float32", shape: [...a.shape.slice(0, -1), columns] }];
  },
};
/**
 * (a − 128) · b, added in whole numbers, each column times its scale: uint8 [..., k] × int8 [k, n] under [n] → [..., n].
 * Exact but for the last rounding to float32, so that no order of sums shows.
 */
export const matMulBytes = (a: Value, b: Value, scales: Value): Value => {
  const { graph } = a;
  return one(matMulBytesOp, [a, b, graph.scalar(1), scales, graph.scalar(BYTE_ZERO, "uint8")], NONE);
};
