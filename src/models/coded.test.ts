/**
 * Matrices of codes against the float32 values that they stand for (which `formats/blocks` holds to ggml's), multiplied in
 * float64 here. Blocks are of any bytes: `fixtures/gguf/random-blocks`.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../engines/onnxruntime.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { CODED, dequantise } from "../formats/blocks/dequantise.ts";
import { BLOCKS, type BlockType } from "../formats/blocks/types.ts";
import { writeGguf } from "../formats/gguf/gguf.testing.ts";
import { Graph } from "../graph/graph.ts";
import { random } from "../numeric/random.ts";
import { codedProduct } from "./coded.ts";
import { GraphWeights } from "./graph-weights.ts";
import { openGguf } from "./sources/gguf.ts";
import { asRunnable, type Rows } from "./sources/runnable.ts";
import type { DecoderSpec, TensorSlot } from "./spec.ts";

const at = temporaryFolder();
const TYPES = Object.keys(CODED) as BlockType[];
const ROWS = 6;
const COLUMNS = 512;

/** Blocks of a type whose scales are such that all of them count: float16 numbers that are none, or huge, are left out. */
async function blocksOf(type: BlockType): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openSafetensors(fixture("gguf/blocks.safetensors"));
  const raw = (await file.read(`raw.${type}`)) as Uint8Array;
  await file.close();
  const { bytes, values } = BLOCKS[type];
  const sound: number[] = [];
  for (let block = 0; block * bytes < raw.length; block++) {
    const found = dequantise(type, raw.subarray(block * bytes, (block + 1) * bytes));
    if (found.every((value) => Number.isFinite(value) && Math.abs(value) < 1e3) && found.some((value) => value !== 0))
      sound.push(block);
  }
  const wanted = (ROWS * COLUMNS) / values;
  const all = new Uint8Array(wanted * bytes);
  for (let block = 0; block < wanted; block++) {
    const from = sound[block % sound.length] * bytes;
    all.set(raw.subarray(from, from + bytes), block * bytes);
  }
  return all;
}

interface Running {
  readonly x: Float32Array;
  readonly indices: readonly number[];
  readonly rows: Rows;
  readonly isFast: boolean;
}
let written = 0;

/** The matrix in a graph: products by it and by two of its rows, rows by index, and the whole of it. */
async function run(
  type: BlockType,
  data: Uint8Array,
  { x = INPUTS, indices = [0], rows = "windows", isFast = false }: Partial<Running> = {},
) {
  writeFileSync(at("m.gguf"), writeGguf({ tensors: [{ name: "w", dtype: type, shape: [ROWS, COLUMNS], data }] }));
  const weights = await asRunnable((await openGguf(at("m.gguf"))).source, rows, at(`${type}-${written++}.weights`));
  expect(weights.locate("w")?.codes).toBeDefined();
  const slot: TensorSlot = { names: ["w"], shape: [ROWS, COLUMNS] };
  const graph = new Graph();
  const stored = new GraphWeights(graph, { slot } as unknown as DecoderSpec, weights, { isFast });
  const input = graph.input("x", "float32", ["B", COLUMNS]);
  const whole = stored.coded(slot, 0, ROWS)!;
  graph.output("product", codedProduct(input, whole));
  graph.output("part", codedProduct(input, stored.coded(slot, 1, 3)!));
  graph.output("looked", stored.looked(slot, graph.input("i", "int64", ["n"])));
  graph.output("value", stored.value(slot));
  const session = await InferenceSession.create(graph.encode(), {
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: stored.folder } },
  });
  const results = await session.run({
    x: new Tensor("float32", x, [x.length / COLUMNS, COLUMNS]),
    i: new Tensor("int64", BigInt64Array.from(indices, BigInt), [indices.length]),
  });
  await session.release();
  return (name: string): Float32Array => results[name].data as Float32Array;
}

/** How far a product is from the one in float64, at most, beside the sum of what is added in size. */
function distance(found: Float32Array, x: Float32Array, values: Float32Array, rows: readonly number[]): number {
  let most = 0;
  found.forEach((value, place) => {
    const from = Math.floor(place / rows.length) * COLUMNS;
    const row = rows[place % rows.length] * COLUMNS;
    let [sum, size] = [0, 0];
    for (let k = 0; k < COLUMNS; k++) {
      const term = x[from + k] * values[row + k];
      sum += term;
      size += Math.abs(term);
    }
    most = Math.max(most, Math.abs(value - sum) / size);
  });
  return most;
}

const pick = random(3, "coded test");
const INPUTS = Float32Array.from({ length: 3 * COLUMNS }, () => pick.normal());
const ALL = Array.from({ length: ROWS }, (_, row) => row);

const CASES = TYPES.flatMap((type) => (["windows", "steps"] as const).map((rows) => ({ type, rows })));

describe("a matrix that stays in codes", () => {
  it.each(CASES)("of type $type gives the products of its float32 values, for $rows", async ({ type, rows }) => {
    const data = await blocksOf(type);
    const values = dequantise(type, data);
    const found = await run(type, data, { rows });
    // A sum of 512 in float32, in whatever order: some 1e-7; of minima and what is above them, each larger than the value.
    const bound = CODED[type]!.hasMinima || rows === "steps" ? 1e-6 : 3e-7;
    expect(distance(found("product"), INPUTS, values, ALL)).toBeLessThan(bound);
    expect(distance(found("part"), INPUTS, values, [1, 2])).toBeLessThan(bound);
  });

  it.each(CASES)("of type $type gives its rows for $rows, to the last bits", async ({ type, rows }) => {
    const data = await blocksOf(type);
    const values = dequantise(type, data);
    const indices = [5, 0, 5, 2];
    const found = await run(type, data, { indices, rows });
    const expected = indices.flatMap((row) => [...values.subarray(row * COLUMNS, (row + 1) * COLUMNS)]);
    // Where codes fill their bits, the minima have taken what is missing and are rounded once more.
    const isExact = rows === "windows" ? type !== "Q4_1" && type !== "Q4_K" : CODED[type]!.bits < 4 || type === "Q4_0";
    if (isExact) {
      expect(found("looked")).toEqual(Float32Array.from(expected));
      expect(found("value")).toEqual(values);
    } else {
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = (one: Float32Array, other: ArrayLike<number>): number =>
        one.reduce((most, value, place) => Math.max(most, Math.abs(value - other[place])), 0) / largest;
      expect(off(found("looked"), expected)).toBeLessThan(1e-6);
      expect(off(found("value"), values)).toBeLessThan(1e-6);
    }
  });

  it.each(["Q4_0", "Q4_K", "Q8_0"] as const)(
    "of type %s meets inputs in 8 bits where it is to be fast",
    async (type) => {
      const data = await blocksOf(type);
      const values = dequantise(type, data);
      const found = (await run(type, data, { isFast: true }))("product");
      // As llama.cpp does it: in groups of 32, the largest of which becomes 127.
      const rounded = INPUTS.map((value, place) => {
        const group = INPUTS.subarray(place - (place % 32), place - (place % 32) + 32);
        const step = group.reduce((most, one) => Math.max(most, Math.abs(one)), 0) / 127;
        return Math.round(value / step) * step;
      });
      // A type's minima meet the inputs themselves.
      if (type !== "Q4_K") expect(distance(found, rounded, values, ALL)).toBeLessThan(2e-5);
      expect(distance(found, INPUTS, values, ALL)).toBeGreaterThan(1e-4);
      expect(distance(found, INPUTS, values, ALL)).toBeLessThan(1e-2);
    },
  );
});
