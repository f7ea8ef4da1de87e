/** Shapes inferred while building, mistakes caught where they are made, and the bytes that the runtime reads. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../engines/onnxruntime.ts";
import { product } from "./dimensions.ts";
import { Graph, ShapeError, type Value } from "./graph.ts";
import * as ops from "./ops.ts";

const input = (graph: Graph, name: string, shape: readonly (number | string)[], type: Value["type"] = "float32") =>
  graph.input(name, type, shape);

describe("sizes", () => {
  it("multiply in any order and grouping", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom("B", "S", "[S 0:64]")), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(sizes, fc.nat(6), (factors, cut) => {
        const whole = product(factors);
        expect(product(factors.toReversed())).toBe(whole);
        expect(product([product(factors.slice(0, cut)), product(factors.slice(cut))])).toBe(whole);
      }),
    );
  });

  it("are written canonically", () => {
    expect(product(["S", 3, "B", 2])).toBe("6·B·S");
    expect(product([1, "S"])).toBe("S");
    expect(product([])).toBe(1);
    expect(product(["S", 0])).toBe(0);
  });
});

describe("shape rules", () => {
  const graph = new Graph();
  const x = input(graph, "x", ["B", "S", 6]);
  const w = input(graph, "w", [6, 4]);

  it.each<[string, () => Value, readonly (number | string)[]]>([
    ["MatMul", () => ops.matMul(x, w), ["B", "S", 4]],
    ["broadcasting", () => ops.add(x, input(graph, "row", ["S", 1])), ["B", "S", 6]],
    ["Transpose", () => ops.transpose(x, [2, 0, 1]), [6, "B", "S"]],
    ["Reshape", () => ops.reshape(x, [product(["B", "S"]), 6]), ["B·S", 6]],
    ["Slice of a known size, beyond its end", () => ops.slice(x, -1, 4, 9), ["B", "S", 2]],
    ["Slice of a named size", () => ops.slice(x, 1, 0, 64), ["B", "[S 0:64]", 6]],
    ["Concat of named parts", () => ops.concat([ops.slice(x, 1, 0, 2), ops.slice(x, 1, 2, 9)], 1, "S"), ["B", "S", 6]],
    ["Split", () => ops.split(x, -1, [4, 2])[1], ["B", "S", 2]],
    ["Gather", () => ops.gather(w, input(graph, "ids", ["R"], "int64")), ["R", 4]],
    ["a sum that keeps its axis", () => ops.sum(x, -1, { keep: true }), ["B", "S", 1]],
    ["a sum that drops it", () => ops.sum(x, 1), ["B", 6]],
    ["TopK", () => ops.topK(x, 2).indices, ["B", "S", 2]],
    ["Shape", () => ops.sizes(x, 1, 3), [2]],
  ])("%s", (_, build, shape) => {
    expect(build().shape).toEqual(shape);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["MatMul", () => ops.matMul(w, x), /MatMul: 4 columns meet S rows; inputs float32\[6, 4\], float32\[B, S, 6\]/],
    ["Add", () => ops.add(x, w), /Add: the shapes do not broadcast; inputs float32\[B, S, 6\], float32\[6, 4\]/],
    ["Add of two types", () => ops.add(x, graph.integers(1)), /Add: the types differ/],
    ["Reshape", () => ops.reshape(w, [5, 5]), /Reshape: cannot become \[5, 5\]; inputs float32\[6, 4\]/],
    ["Reshape", () => ops.reshape(ops.reshape(x, ["B·S", 6]), x.shape), /more than one unknown size/],
    ["Transpose", () => ops.transpose(w, [0, 0]), /\[0, 0\] does not order its axes/],
    ["Split", () => ops.split(w, 0, [2, 2]), /parts of \[2, 2\] do not fill axis 0; inputs float32\[6, 4\]/],
    ["Concat", () => ops.concat([w, ops.transpose(w, [1, 0])], 0), /the shapes differ beside axis 0/],
    ["Concat", () => ops.concat([x, x], 1), /need the size of the whole/],
    ["Gather", () => ops.gather(w, w), /indices are int64/],
    ["ReduceSum", () => ops.sum(w, 2), /no axis 2/],
    ["a norm", () => ops.rmsNorm(x, input(graph, "five", [5]), 1e-5), /not of the last axis's size/],
    ["TopK", () => ops.topK(w, 5), /fewer than 5 to choose from/],
    ["Where", () => ops.where(x, x, x), /expected a condition/],
    ["ScatterND", () => ops.scatterRows(w, input(graph, "two", [2], "int64"), w), /not rows of the first input/],
  ])("%s refuses: %#", (_, build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });
});

describe("encoding", () => {
  const run = async (graph: Graph, feeds: Record<string, Tensor>) => {
    const session = await InferenceSession.create(graph.encode(), { executionProviders: ["cpu"], logSeverityLevel: 3 });
    return { session, results: await session.run(feeds) };
  };

  it("leaves out what no output needs", async () => {
    const graph = new Graph();
    const x = input(graph, "x", ["N"]);
    ops.add(x, graph.constant(new Float32Array(1000), [1000, 1]));
    graph.output("twice", ops.multiply(x, graph.scalar(2)));
    expect(graph.encode().length).toBeLessThan(1000);
    const { results } = await run(graph, { x: new Tensor("float32", [1, -2.5], [2]) });
    expect([...(results.twice.data as Float32Array)]).toEqual([2, -5]);
  });

  it("fetches one value under two names, and an input as it is", async () => {
    const graph = new Graph();
    const x = input(graph, "x", [2]);
    const y = ops.exp(x);
    graph.output("a", y);
    graph.output("b", y);
    graph.output("c", x);
    const { results } = await run(graph, { x: new Tensor("float32", [0, 1], [2]) });
    expect(results.a.data).toEqual(results.b.data);
    expect([...(results.c.data as Float32Array)]).toEqual([0, 1]);
  });

  it("runs every op as its name says", async () => {
    const graph = new Graph();
    const x = input(graph, "x", ["N", 4]);
    const one = graph.scalar(1);
    const outputs: Record<string, Value> = {
      add: ops.add(x, one),
      subtract: ops.subtract(x, one),
      divide: ops.divide(one, x),
      maximum: ops.maximum([x, one]),
      log: ops.log(x),
      cumSum: ops.cumSum(x, 1),
      tanh: ops.tanh(x),
      sigmoid: ops.sigmoid(x),
      relu: ops.relu(ops.subtract(x, one)),
      clip: ops.clip(x, one, graph.scalar(2)),
      where: ops.where(ops.greater(x, one), x, one),
      gelu: ops.gelu(x, "none"),
      geluTanh: ops.gelu(x, "tanh"),
      transpose: ops.transpose(x, [1, 0]),
      slice: ops.slice(x, 1, 1, 3),
      sliceTo: ops.sliceTo(x, [1], graph.integers([1]), graph.integers([3]), [2]),
      split: ops.split(x, 1, [1, 3])[1],
      concat: ops.concat([x, x], 1),
      gather: ops.gather(x, graph.integers([1, 0])),
      gatherElements: ops.gatherElements(x, ops.topK(x, 1).indices, 1),
      scatterRows: ops.scatterRows(x, graph.integers([1]), ops.gather(x, graph.integers([0]))),
      sum: ops.sum(x, 0),
      max: ops.max(x, 1, { keep: true }),
      softmax: ops.softmax(x),
      layerNorm: ops.layerNorm(x, graph.constant(Float32Array.of(1, 1, 1, 2), [4]), undefined, 0.5),
      rmsNorm: ops.rmsNorm(x, graph.constant(Float32Array.of(1, 1, 1, 2), [4]), 0.5),
      topK: ops.topK(x, 2).values,
      reshapeLike: ops.reshapeLike(ops.reshape(x, [product(["N", 4])]), x),
      matMul: ops.matMul(x, ops.transpose(x, [1, 0])),
    };
    for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
    const rows = [
      [0.5, 1, 2, 3],
      [1.5, 0.25, 4, 1],
    ];
    const { results } = await run(graph, { x: new Tensor("float32", rows.flat(), [2, 4]) });
    const got = (name: string): number[] => [...(results[name].data as Float32Array)];
    const each = (f: (x: number) => number): number[] => rows.flat().map(f);
    const byRow = (f: (row: number[]) => number[]): number[] => rows.flatMap(f);
    const mean = (row: number[]): number => row.reduce((a, b) => a + b) / row.length;
    const erf = (x: number): number => {
      // Taylor series, converged for |x| ≤ 3.
      let term = x;
      let total = x;
      for (let n = 1; n < 80; n++) total += (term *= (-x * x) / n) / (2 * n + 1);
      return (2 / Math.sqrt(Math.PI)) * total;
    };
    const scale = [1, 1, 1, 2];
    const expected: Record<string, number[]> = {
      add: each((x) => x + 1),
      subtract: each((x) => x - 1),
      divide: each((x) => 1 / x),
      maximum: each((x) => Math.max(x, 1)),
      log: each(Math.log),
      cumSum: byRow((row) => row.map((_, i) => row.slice(0, i + 1).reduce((sum, x) => sum + x, 0))),
      tanh: each(Math.tanh),
      sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
      relu: each((x) => Math.max(x - 1, 0)),
      clip: each((x) => Math.min(Math.max(x, 1), 2)),
      where: each((x) => Math.max(x, 1)),
      gelu: each((x) => (x / 2) * (1 + erf(x / Math.SQRT2))),
      geluTanh: each((x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
      transpose: [0, 1, 2, 3].flatMap((column) => rows.map((row) => row[column])),
      slice: byRow((row) => row.slice(1, 3)),
      sliceTo: byRow((row) => row.slice(1, 3)),
      split: byRow((row) => row.slice(1)),
      concat: byRow((row) => [...row, ...row]),
      gather: rows.toReversed().flat(),
      gatherElements: byRow((row) => [Math.max(...row)]),
      scatterRows: [...rows[0], ...rows[0]],
      sum: [0, 1, 2, 3].map((column) => rows[0][column] + rows[1][column]),
      max: byRow((row) => [Math.max(...row)]),
      softmax: byRow((row) => {
        const mass = row.reduce((total, x) => total + Math.exp(x), 0);
        return row.map((x) => Math.exp(x) / mass);
      }),
      layerNorm: byRow((row) => {
        const deviation = Math.sqrt(mean(row.map((x) => (x - mean(row)) ** 2)) + 0.5);
        return row.map((x, i) => ((x - mean(row)) / deviation) * scale[i]);
      }),
      rmsNorm: byRow((row) => row.map((x, i) => (x / Math.sqrt(mean(row.map((x) => x * x)) + 0.5)) * scale[i])),
      topK: byRow((row) => row.toSorted((a, b) => b - a).slice(0, 2)),
      reshapeLike: rows.flat(),
      matMul: rows.flatMap((a) => rows.map((b) => a.reduce((total, x, i) => total + x * b[i], 0))),
    };
    expect(Object.keys(expected).sort()).toEqual(Object.keys(outputs).sort());
    for (const [name, numbers] of Object.entries(expected)) {
      expect(got(name).length, name).toBe(numbers.length);
      got(name).forEach((number, at) => {
        expect(number, `${name}[${at}]`).toBeCloseTo(numbers[at], 5);
      });
    }
  });
});
