/**
 * Every rule against central differences in float64, on random shapes with random broadcasting; the ops that the runtime
 * has in float32 alone against float64 twins written here.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../engines/onnxruntime.ts";
import { random } from "../numeric/random.ts";
import type { Dimension } from "./dimensions.ts";
import { gradients } from "./gradients.ts";
import { Graph, type Value } from "./graph.ts";
import * as ops from "./ops.ts";

const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

type Feeds = Record<string, { data: Float64Array; shape: readonly number[] }>;

async function open(graph: Graph) {
  const session = await InferenceSession.create(graph.encode(), { executionProviders: ["cpu"], logSeverityLevel: 3 });
  return async (feeds: Feeds): Promise<Record<string, Float64Array>> => {
    const tensors = Object.entries(feeds).map(([name, { data, shape }]) => [name, new Tensor("float64", data, shape)]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float64Array]));
  };
}

/** Central differences at this step are good to its square; what is left is rounding. */
const STEP = 1e-4;
const TOLERANCE = 2e-6;

interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly build: (values: readonly Value[]) => Value;
  /** what the inputs are made from, input by input: normal numbers as they come unless said otherwise */
  readonly from?: (normal: number, input: number) => number;
  readonly seed?: number;
  /** sizes that the graph knows by name alone, as [input, axis] */
  readonly symbolic?: boolean;
}

/** Compares the gradient of Σ y²/2 by every element of every input with its central difference. */
async function check({ shapes, build, from = (normal) => normal, seed = 1, symbolic = false }: Case): Promise<void> {
  const generator = random(seed, "gradients");
  const graph = new Graph();
  const feeds: Feeds = {};
  const given = shapes.map((shape, at) => {
    feeds[`x${at}`] = { data: Float64Array.from({ length: size(shape) }, () => from(generator.normal(), at)), shape };
    const dimensions: Dimension[] = symbolic ? shape.map((length) => (length === 1 ? 1 : `n${length}`)) : [...shape];
    return graph.input(`x${at}`, "float64", dimensions);
  });
  const y = build(given);
  graph.output("y", y);
  gradients(graph, [{ value: y, gradient: y }], given).forEach((gradient, at) => {
    expect(gradient.shape).toEqual(given[at].shape);
    graph.output(`g${at}`, gradient);
  });
  const run = await open(graph);
  const analytic = await run(feeds);
  const value = async (): Promise<number> => (await run(feeds)).y.reduce((sum, each) => sum + (each * each) / 2, 0);
  for (const [at, shape] of shapes.entries()) {
    const { data } = feeds[`x${at}`];
    for (let i = 0; i < size(shape); i++) {
      const kept = data[i];
      data[i] = kept + STEP;
      const above = await value();
      data[i] = kept - STEP;
      const below = await value();
      data[i] = kept;
      const slope = (above - below) / (2 * STEP);
      const error = Math.abs(slope - analytic[`g${at}`][i]) / Math.max(1, Math.abs(slope));
      expect(error, `input ${at}, element ${i}: ${analytic[`g${at}`][i]}, by differences ${slope}`).toBeLessThan(
        TOLERANCE,
      );
    }
  }
}

/** Away from zero, so that no difference steps over a pole. */
const positive = (normal: number): number => 0.5 + Math.abs(normal);

/** Positive, and those of one input a hundred steps or more from those of another: none steps over a place where they are equal. */
const apart = (normal: number, input: number): number =>
  0.5 + Math.round(Math.abs(normal) / 0.04) * 0.04 + 0.02 * input;

/** A shape, and another that broadcasts with it: axes cut from the front, others of size 1. */
const broadcasting = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }), fc.nat(4), fc.nat(15))
  .map(([shape, dropped, ones]): [number[], number[]] => [
    shape,
    shape.map((length, axis) => ((ones >> axis) & 1 ? 1 : length)).slice(Math.min(dropped, shape.length)),
  ]);

const RUNS = 12;

describe("elementwise ops, broadcast either way", () => {
  it.each<[string, (a: Value, b: Value) => Value, typeof apart?]>([
    ["add", ops.add],
    ["subtract", ops.subtract],
    ["multiply", ops.multiply],
    ["divide", ops.divide],
    ["maximum", (a, b) => ops.maximum([a, b]), apart],
    ["where", (a, b) => ops.where(ops.greater(a, b), ops.multiply(a, b), b), apart],
  ])("%s", async (_, op, from = positive) => {
    const property = fc.asyncProperty(broadcasting, fc.nat(), fc.boolean(), async ([wide, narrow], seed, swapped) => {
      const shapes = swapped ? [narrow, wide] : [wide, narrow];
      await check({ shapes, seed, from, build: ([a, b]) => op(a, b) });
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it.each<[string, (x: Value) => Value, ((normal: number) => number)?]>([
    ["negative", ops.negative],
    ["exp", ops.exp],
    ["log", ops.log, positive],
    ["sqrt", ops.sqrt, positive],
    ["tanh", ops.tanh],
    ["sigmoid", ops.sigmoid],
    ["relu", ops.relu],
    ["clip", (x) => ops.clip(x, x.graph.scalar(-0.5, "float64"), x.graph.scalar(0.5, "float64"))],
    ["a value read twice", (x) => ops.multiply(x, ops.sigmoid(x))],
    [
      "a gradient of a gradient",
      (x) => {
        const y = ops.tanh(x);
        return gradients(x.graph, [{ value: y, gradient: y }], [x])[0];
      },
    ],
  ])("%s", async (_, build, from) => {
    await check({ shapes: [[2, 5]], build: ([x]) => build(x), from });
    await check({ shapes: [[2, 5]], build: ([x]) => build(x), from, symbolic: true });
  });
});

describe("products", () => {
  it("of matrices, broadcast over the axes before them", async () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
    );
    const property = fc.asyncProperty(
      broadcasting,
      sizes,
      fc.nat(),
      fc.boolean(),
      async (outer, [n, k, m], seed, swap) => {
        const [a, b] = swap ? outer.toReversed() : outer;
        await check({
          shapes: [
            [...a, n, k],
            [...b, k, m],
          ],
          seed,
          build: ([x, w]) => ops.matMul(x, w),
        });
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });
});

const shape = [2, 3, 4];
describe("ops on axes", () => {
  const indices = (graph: Graph, numbers: readonly number[], dimensions: readonly number[]): Value =>
    ops.reshape(graph.integers(numbers), dimensions);
  const cases: [string, (x: Value) => Value, { fixed?: boolean }?][] = [
    ["transpose", (x) => ops.transpose(x, [2, 0, 1])],
    ["reshape", (x) => ops.reshape(x, [6, 4]), { fixed: true }],
    ["reshapeLike", (x) => ops.reshapeLike(ops.transpose(x, [1, 0, 2]), ops.multiply(x, x)), { fixed: true }],
    ["slice", (x) => ops.slice(x, -1, 1, 3)],
    [
      "slice between transposes",
      (x) => ops.matMul(ops.slice(ops.transpose(x, [1, 0, 2]), 0, 1, 3), ops.transpose(x, [0, 2, 1])),
      { fixed: true },
    ],
    ["slice beyond the end", (x) => ops.slice(x, 1, 1, 9)],
    ["sliceTo", (x) => ops.sliceTo(x, [0, 2], x.graph.integers([1, 0]), x.graph.integers([2, 3]), [1, 3])],
    ["split", (x) => ops.multiply(...(ops.split(x, 2, [2, 2]) as [Value, Value])), { fixed: true }],
    ["a part of a split", (x) => ops.split(x, 1, [1, 2])[1], { fixed: true }],
    ["concat", (x) => ops.concat([x, ops.exp(x), ops.slice(x, 1, 0, 1)], 1), { fixed: true }],
    ["gather of rows, some twice", (x) => ops.gather(x, indices(x.graph, [1, 0, 1, 1], [2, 2])), { fixed: true }],
    ["gather and another reader", (x) => ops.add(ops.gather(x, x.graph.integers([1, 1])), ops.exp(x)), { fixed: true }],
    [
      "gatherElements",
      (x) => ops.gatherElements(x, indices(x.graph, [0, 2, 1, 1, 3, 0], [2, 3, 1]), 2),
      { fixed: true },
    ],
    [
      "scatterElements",
      (x) => ops.scatterElements(ops.exp(x), indices(x.graph, [1, 1, 3, 1, 2, 0], [2, 3, 1]), ops.slice(x, 2, 0, 1), 2),
      { fixed: true },
    ],
    ["expandLike", (x) => ops.expandLike(ops.slice(x, 0, 0, 1), x), { fixed: true }],
    ["scatterRows", (x) => ops.scatterRows(x, x.graph.integers([1]), ops.exp(ops.slice(x, 0, 0, 1))), { fixed: true }],
    ["sum", (x) => ops.sum(x, 1)],
    ["sum of two axes, kept", (x) => ops.sum(x, [0, 2], { keep: true })],
    ["sumSquares", (x) => ops.sumSquares(x, -1)],
    ["max", (x) => ops.max(x, 1)],
    ["max, kept", (x) => ops.max(x, -1, { keep: true })],
    ["softmax", (x) => ops.softmax(x)],
    ["logSoftmax", (x) => ops.logSoftmax(x)],
    ["topK", (x) => ops.topK(x, 2).values],
    ["cast", (x) => ops.cast(ops.cast(x, "float64"), "float64")],
  ];
  it.each(cases)("%s", async (_, build, { fixed = false } = {}) => {
    await check({ shapes: [shape], build: ([x]) => build(x) });
    if (!fixed) await check({ shapes: [shape], build: ([x]) => build(x), symbolic: true });
  });
});

describe("norms, by input, scale and bias", () => {
  it.each<[string, (values: readonly Value[]) => Value]>([
    ["layerNorm", ([x, scale, bias]) => ops.layerNorm(x, scale, bias, 0.1)],
    ["layerNorm without bias", ([x, scale, bias]) => ops.add(ops.layerNorm(x, scale, undefined, 0.1), bias)],
    ["rmsNorm", ([x, scale, bias]) => ops.add(ops.rmsNorm(x, scale, 0.1), bias)],
  ])("%s", async (_, build) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 2, max: 5 }),
      fc.nat(),
      async (rows, width, seed) => {
        await check({ shapes: [[rows, 2, width], [width], [width]], build, seed });
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });
});

describe("gelu, in float32 against its float64 twin", () => {
  const erf = (x: number): number => {
    let [total, term] = [0, x];
    for (let n = 1; total + term !== total; n++) {
      total += term;
      term *= (2 * x * x) / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
  };
  it.each<["none" | "tanh", (x: number) => number]>([
    ["none", (x) => (x / 2) * (1 + erf(x / Math.SQRT2))],
    ["tanh", (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))],
  ])("%s", async (form, twin) => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["N"]);
    const [gradient] = gradients(
      graph,
      [{ value: ops.gelu(x, form), gradient: ops.expandLike(graph.scalar(1), x) }],
      [x],
    );
    graph.output("g", gradient);
    const session = await InferenceSession.create(graph.encode(), { executionProviders: ["cpu"] });
    const points = Float32Array.from({ length: 161 }, (_, at) => (at - 80) / 20);
    const { g } = await session.run({ x: new Tensor("float32", points, [points.length]) });
    points.forEach((point, at) => {
      expect((g.data as Float32Array)[at]).toBeCloseTo((twin(point + STEP) - twin(point - STEP)) / (2 * STEP), 5);
    });
  });
});

describe("what has no gradient", () => {
  it("is zero where nothing depends on it", async () => {
    const graph = new Graph();
    const [x, z] = [graph.input("x", "float64", [2]), graph.input("z", "float64", ["N", 2])];
    const [byX, byZ] = gradients(graph, [{ value: ops.exp(x), gradient: x }], [x, z]);
    graph.output("x'", byX);
    graph.output("z'", byZ);
    const run = await open(graph);
    const one = { data: Float64Array.of(1, 2), shape: [2] };
    const results = await run({ x: one, z: { data: new Float64Array(6), shape: [3, 2] } });
    expect([...results["z'"]]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(results["x'"][1]).toBeCloseTo(2 * Math.exp(2), 12);
  });

  it("is refused by the op's name", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2, 2]);
    const by = (y: Value) => () => gradients(graph, [{ value: y, gradient: y }], [x]);
    expect(by(ops.nonZero(ops.reshape(x, [4]), "n"))).toThrow(/NonZero has no gradient/);
    expect(by(ops.gather(x, graph.integers([0]), 1))).toThrow(/only rows have a gradient/);
  });
});
