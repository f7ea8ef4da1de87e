/** A step of training against float64: gradients of whole decoders by differences of the naive one, AdamW by its equations. */
import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../engines/onnxruntime.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { toFloat32 } from "../formats/tensor-types.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { naiveRun } from "../models/naive.testing.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { bindWeights } from "../models/weights.ts";
import { random } from "../numeric/random.ts";
import { layoutOf, type ParameterLayout } from "./parameters.ts";
import { buildEvaluatingGraph, buildTrainingGraphs, type Teacher, type TrainingGraph } from "./training-graph.ts";

interface Model {
  readonly spec: DecoderSpec;
  readonly layout: ParameterLayout;
  readonly vector: Float32Array;
  readonly stored: Pick<Teacher, "spec" | "weights">;
}

async function open(name: string): Promise<Model> {
  const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
  const spec = specOf(config);
  const layout = layoutOf(spec);
  const vector = new Float32Array(layout.size);
  for (const [slot, { file, offset, bytes, dtype }] of bindWeights(spec, weights)) {
    const opened = await openSafetensors(file);
    const { start } = layout.parameters.find((parameter) => parameter.name === slot.names[0])!;
    vector.set(toFloat32(dtype, await opened.readRange(offset, offset + bytes)), start);
    await opened.close();
  }
  return { spec, layout, vector, stored: { spec, weights } };
}

type Tensors = Record<string, Tensor>;
const floats = (data: Float32Array, dims: readonly number[] = [data.length]): Tensor =>
  new Tensor("float32", data, dims);
const number = (value: number): Tensor => floats(Float32Array.of(value), []);
const integers = (data: readonly number[], dims: readonly number[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(data, BigInt), dims);

async function run(graph: TrainingGraph, feeds: Tensors): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(graph.bytes, {
    executionProviders: ["cpu"],
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: graph.externalFolder } },
  });
  const results = await session.run(feeds);
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

const POSITIONS = 9;
const ROWS = 2;

/** Rows of tokens, and what each target weighs: unevenly, one of them nothing. */
function rowsFor(vocabulary: number, count = ROWS, positions = POSITIONS) {
  const generator = random(3, "rows");
  const rows = Array.from({ length: count }, () =>
    Array.from({ length: positions + 1 }, () => generator.below(Math.min(vocabulary, 60))),
  );
  const shares = Float32Array.from({ length: count * positions }, (_, at) => (at === 4 ? 0 : generator.uniform() / 16));
  const part = (from: number, to: number): Tensors => {
    const dims = [to - from, positions];
    return {
      input_ids: integers(
        rows.slice(from, to).flatMap((row) => row.slice(0, -1)),
        dims,
      ),
      targets: integers(
        rows.slice(from, to).flatMap((row) => row.slice(1)),
        dims,
      ),
      shares: floats(shares.slice(from * positions, to * positions), dims),
    };
  };
  return { rows, shares, part };
}
type Rows = ReturnType<typeof rowsFor>;

type Vector = Float32Array | Float64Array;

function naiveLogits({ spec, layout }: Model, vector: Vector, ids: readonly number[]) {
  const places = new Map(layout.parameters.map((parameter) => [parameter.name, parameter]));
  const tensor = (name: string): Vector => vector.subarray(places.get(name)!.start, places.get(name)!.end);
  return naiveRun(spec, ({ names }) => tensor(names[0]), ids).logits;
}

function softmax(scores: readonly number[], temperature = 1): number[] {
  const most = Math.max(...scores);
  const masses = scores.map((score) => Math.exp((score - most) / temperature));
  const mass = masses.reduce((a, b) => a + b);
  return masses.map((each) => each / mass);
}

interface Taught {
  readonly teacher: Model;
  readonly temperature: number;
  readonly weight: number;
}

/** Σ share · nats in float64; with a teacher Σ share · (α·T²·KL + (1 − α)·nats), METHODS §8. */
function naiveLoss(model: Model, vector: Vector, { rows, shares }: Rows, taught?: Taught): number {
  let total = 0;
  rows.forEach((row, b) => {
    const inputs = row.slice(0, -1);
    const given = taught && naiveLogits(taught.teacher, taught.teacher.vector, inputs);
    naiveLogits(model, vector, inputs).forEach((scores, s) => {
      let loss = -Math.log(softmax(scores)[row[s + 1]]);
      if (taught && given) {
        const { temperature, weight } = taught;
        const own = softmax(scores, temperature);
        const kl = softmax(given[s], temperature).reduce((sum, p, v) => sum + p * Math.log(p / own[v]), 0);
        loss = weight * temperature ** 2 * kl + (1 - weight) * loss;
      }
      total += shares[b * inputs.length + s] * loss;
    });
  });
  return total;
}

/** Of float64 differences: small, so that hardly anything crosses a kink, and large beside rounding. */
const STEP = 1e-8;
/** float32 forward and backward passes, as a share of the gradient's norm */
const TOLERANCE = 5e-5;

/** Along a random direction in every part of the vector: how far the gradient is from the central difference. */
function worstError(
  model: Model,
  gradient: Float32Array,
  loss: (vector: Float64Array) => number,
  parts: readonly { readonly start: number; readonly end: number }[],
): number {
  const norm = Math.hypot(...gradient);
  const errors = parts.map(({ start, end }) => {
    const generator = random(5, "direction", start, end);
    const direction = Float64Array.from({ length: end - start }, () => generator.normal());
    const at = (step: number): number => {
      const moved = Float64Array.from(model.vector);
      direction.forEach((way, i) => {
        moved[start + i] += step * way;
      });
      return loss(moved);
    };
    const slope = (at(STEP) - at(-STEP)) / (2 * STEP);
    const along = direction.reduce((sum, way, i) => sum + way * gradient[start + i], 0);
    return Math.abs(along - slope) / norm;
  });
  return Math.max(...errors);
}

const SHAPE = { rows: ROWS, positions: POSITIONS, runs: 2, clip: null };
/** Whose every tensor is looked at; of the others, thirds of the vector. */
const CLOSELY = ["llama-tied-bf16", "gpt2", "mixtral"];
function partsOf(name: string, { parameters, size }: ParameterLayout): readonly { start: number; end: number }[] {
  if (CLOSELY.includes(name)) return parameters;
  return [0, 1, 2].map((third) => ({
    start: Math.floor((third * size) / 3),
    end: Math.floor(((third + 1) * size) / 3),
  }));
}
const models = readdirSync(fixture("models")).filter((name) => existsSync(fixture(`models/${name}/config.json`)));

describe("gradients of whole decoders", () => {
  it.each(models)("%s", async (name) => {
    const model = await open(name);
    const rows = rowsFor(model.spec.vocabulary);
    const [graph] = buildTrainingGraphs(model.spec, model.layout, SHAPE);
    const before = Float32Array.from(model.vector, (_, at) => Math.sin(at));
    const fed = { ...rows.part(0, ROWS), parameters: floats(model.vector), gradients: floats(before) };
    const outputs = await run(graph, { ...fed, kept: number(0) });
    expect(Math.abs(outputs.loss[0] / naiveLoss(model, model.vector, rows) - 1)).toBeLessThan(1e-5);
    const loss = (vector: Float64Array): number => naiveLoss(model, vector, rows);
    const error = worstError(model, outputs["next.gradients"], loss, partsOf(name, model.layout));
    expect(error).toBeLessThan(TOLERANCE);
  });

  it.each(["llama", "mistral-sharded"])("%s, rows of two blocks of queries", async (name) => {
    const model = await open(name);
    const rows = rowsFor(model.spec.vocabulary, 1, 140);
    const [graph] = buildTrainingGraphs(model.spec, model.layout, { ...SHAPE, rows: 1, positions: 140 });
    const before = floats(new Float32Array(model.layout.size));
    const fed = { ...rows.part(0, 1), parameters: floats(model.vector), gradients: before, kept: number(0) };
    const outputs = await run(graph, fed);
    const loss = (vector: Float64Array): number => naiveLoss(model, vector, rows);
    expect(worstError(model, outputs["next.gradients"], loss, partsOf(name, model.layout))).toBeLessThan(TOLERANCE);
  });

  it("distilled: the divergence at a temperature, mixed with the loss", async () => {
    const teacher = await open("llama-tied-bf16");
    const student = { ...teacher, vector: teacher.vector.map((weight, at) => weight * (1 + 0.1 * Math.sin(at))) };
    const { spec, layout, vector } = student;
    const rows = rowsFor(spec.vocabulary);
    const taught = { teacher, temperature: 2, weight: 0.7 };
    const shape = { ...SHAPE, teacher: { ...teacher.stored, ...taught } };
    const [graph] = buildTrainingGraphs(spec, layout, shape);
    const fed = { ...rows.part(0, ROWS), parameters: floats(vector) };
    const outputs = await run(graph, { ...fed, gradients: floats(new Float32Array(layout.size)), kept: number(1) });
    expect(Math.abs(outputs.loss[0] / naiveLoss(student, vector, rows, taught) - 1)).toBeLessThan(1e-5);
    const loss = (moved: Float64Array): number => naiveLoss(student, moved, rows, taught);
    const error = worstError(student, outputs["next.gradients"], loss, partsOf("distilled", layout));
    expect(error).toBeLessThan(TOLERANCE);

    const evaluated = await run(buildEvaluatingGraph(spec, layout, shape), fed);
    const plain = naiveLoss(student, vector, rows, { teacher, temperature: 1, weight: 1 });
    expect(Math.abs(evaluated.kl[0] / plain - 1)).toBeLessThan(1e-5);
  });
});

describe("a step", () => {
  const NUMBERS = { rate: 0.01, decay: 0.002, beta1: 0.9, beta2: 0.95, correction1: 0.271, correction2: 0.142625 };
  const numbers: Tensors = Object.fromEntries(Object.entries(NUMBERS).map(([name, value]) => [name, number(value)]));

  it.each([null, 0.5, 50])("moves as AdamW says, clipped to %s", async (clip) => {
    const { spec, layout, vector } = await open("llama");
    const { size, decayed } = layout;
    const [, move] = buildTrainingGraphs(spec, layout, { ...SHAPE, clip });
    const generator = random(1, "step");
    const normal = (): Float32Array => Float32Array.from({ length: size }, () => 0.01 * generator.normal());
    const [gradient, mean, square] = [normal(), normal(), normal().map(Math.abs)];
    const moved = await run(move, {
      parameters: floats(vector),
      gradients: floats(gradient),
      mean: floats(mean),
      square: floats(square),
      ...numbers,
    });
    const norm = Math.hypot(...gradient);
    expect(Math.abs(moved.norm[0] / norm - 1)).toBeLessThan(1e-5);
    const factor = clip === null ? 1 : Math.min(1, clip / norm);
    expect(factor < 1).toBe(clip === 0.5);
    for (let i = 0; i < size; i += 7) {
      const g = gradient[i] * factor;
      const m = 0.9 * mean[i] + 0.1 * g;
      const v = 0.95 * square[i] + 0.05 * g * g;
      const way = (0.01 * (m / 0.271)) / (Math.sqrt(v / 0.142625) + 1e-8);
      expect(moved["next.mean"][i]).toBeCloseTo(m, 7);
      expect(moved["next.square"][i]).toBeCloseTo(v, 7);
      expect(moved["next.parameters"][i]).toBeCloseTo(vector[i] * (i < decayed ? 1 - 0.002 : 1) - way, 5);
    }
  });

  it("in one run and in parts is the same step", async () => {
    const { spec, layout, vector } = await open("gpt2");
    const { part } = rowsFor(spec.vocabulary);
    const zeros = (): Tensor => floats(new Float32Array(layout.size));
    const state = { parameters: floats(vector), mean: zeros(), square: zeros() };
    const [whole] = buildTrainingGraphs(spec, layout, { ...SHAPE, runs: 1, clip: 1 });
    const one = await run(whole, { ...part(0, ROWS), ...state, ...numbers });
    const [gradients, move] = buildTrainingGraphs(spec, layout, { ...SHAPE, rows: 1, clip: 1 });
    let sum = zeros();
    for (const row of [0, 1]) {
      const fed = { ...part(row, row + 1), parameters: state.parameters, gradients: sum, kept: number(row) };
      sum = floats((await run(gradients, fed))["next.gradients"]);
    }
    const two = await run(move, { ...state, gradients: sum, ...numbers });
    expect(Math.abs(two.norm[0] / one.norm[0] - 1)).toBeLessThan(1e-5);
    const largest = Math.max(...one["next.mean"]);
    const apart = two["next.mean"].map((mean, i) => Math.abs(mean - one["next.mean"][i]));
    expect(Math.max(...apart)).toBeLessThan(1e-5 * largest);
  });
});
