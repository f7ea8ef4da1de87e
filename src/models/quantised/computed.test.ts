/**
 * Quantised matrices as codes that the runtime multiplies by, against the values that another implementation computed
 * (fixtures/generate/quantised.py), and products by them against float64.
 */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../../engines/onnxruntime.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { Graph } from "../../graph/graph.ts";
import { random } from "../../numeric/random.ts";
import { codedProduct } from "../coded.ts";
import { GraphWeights } from "../graph-weights.ts";
import { asRunnable, hasCodes } from "../sources/runnable.ts";
import { openShards } from "../sources/safetensors.ts";
import { renamed, type TensorSource } from "../sources/tensor-source.ts";
import type { DecoderSpec } from "../spec.ts";
import { unquantised } from "./unquantised.ts";

const at = temporaryFolder();
const folder = fixture("quantised/matrices");

async function opened(name: string): Promise<{ weights: TensorSource; expected: Float32Array; notes: string }> {
  const file = await openSafetensors(`${folder}/${name}.safetensors`);
  const expected = (await file.read("expected")) as Float32Array;
  await file.close();
  const { source } = await openShards(folder, new Map([[`${name}.safetensors`, []]]));
  const parts = [...source.names()].filter((part) => part !== "expected");
  const stored = renamed(source, new Map(parts.map((part) => [part, part])));
  const config = { quantization_config: JSON.parse(file.header.metadata.quantization_config) };
  const { weights, notes } = await unquantised(config, stored);
  return { weights, expected, notes: notes[0] };
}

/** Formats with groups of sixteens or more in a row, and the codes of no others. */
const CODED = [
  ...["awq-gemm", "ct-int-wide", "ct-pack-int2-wide", "ct-pack-int4-wide", "ct-pack-int4-wide-zero-points"],
  ...["ct-pack-int8-wide-zero-points", "gptq-2-bit", "gptq-v2-3-bit", "gptq-v2-4-bit"],
];
const all = readdirSync(folder).map((file) => file.replace(/\.safetensors$/, ""));

describe("a quantised matrix as codes", () => {
  it.each(all)("%s is one, or is not", async (name) => {
    const { weights, notes } = await opened(name);
    expect(hasCodes(weights)).toBe(CODED.includes(name));
    expect(/and run as codes under these$/.test(notes)).toBe(CODED.includes(name));
  });

  it.each(CODED)("%s stands for the values that its format defines", async (name) => {
    const { weights, expected } = await opened(name);
    const { computed, shape } = weights.locate("x.weight")!;
    const { group, middle, open } = computed!;
    const { rows, hasMinima } = (await open())!;
    // In two stretches, of which the second begins inside.
    const parts = [await rows(0, 5), await rows(5, shape[0])];
    const found = parts.flatMap(({ codes, scales, minima }) => {
      expect(minima).toHaveLength(hasMinima ? scales.length : 0);
      return Array.from(codes, (code, i) => {
        const own = Math.floor(i / group);
        return scales[own] * (code - middle) + (hasMinima ? minima[own] : 0);
      });
    });
    expect(found).toHaveLength(expected.length);
    // Minima are rounded once more than the value itself: by half a unit of what may be 2^8 steps away.
    const widest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expected.forEach((value, i) => {
      if (hasMinima) expect(Math.abs(found[i] - value)).toBeLessThan(1e-7 * widest);
      else expect(Math.fround(found[i])).toBe(value);
    });
  });

  it.each(["windows", "steps"] as const)("multiplies as the values do, for %s", async (rows) => {
    const graph = new Graph();
    const wanted: { readonly name: string; readonly x: Float32Array; readonly expected: Float32Array }[] = [];
    const pick = random(5, "computed test");
    let external = "";
    for (const name of CODED) {
      const { weights, expected } = await opened(name);
      const runnable = await asRunnable(weights, rows, at(`${name}-${rows}`));
      const { shape } = weights.locate("x.weight")!;
      const slot = { names: ["x.weight"], shape };
      const stored = new GraphWeights(graph, { slot } as unknown as DecoderSpec, runnable, { prefix: name });
      const x = Float32Array.from({ length: 3 * shape[1] }, () => pick.normal());
      graph.output(
        name,
        codedProduct(graph.input(`x ${name}`, "float32", ["B", shape[1]]), stored.coded(slot, 0, shape[0])!),
      );
      graph.output(`value ${name}`, stored.value(slot));
      wanted.push({ name, x, expected });
      external = stored.folder;
    }
    const session = await InferenceSession.create(graph.encode(), {
      logSeverityLevel: 3,
      extra: { session: { model_external_initializers_file_folder_path: external } },
    });
    const feeds = wanted.map(({ name, x }) => [`x ${name}`, new Tensor("float32", x, [3, x.length / 3])] as const);
    const results = await session.run(Object.fromEntries(feeds));
    await session.release();
    for (const { name, x, expected } of wanted) {
      const columns = x.length / 3;
      const outputs = expected.length / columns;
      const found = results[name].data as Float32Array;
      const values = results[`value ${name}`].data as Float32Array;
      const widest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (const [i, value] of expected.entries()) expect(Math.abs(values[i] - value)).toBeLessThan(1e-6 * widest);
      for (let row = 0; row < 3; row++)
        for (let output = 0; output < outputs; output++) {
          let sum = 0;
          for (let k = 0; k < columns; k++) sum += x[row * columns + k] * expected[output * columns + k];
          // Of 64 to 96 products, each up to the widest value in size.
          expect(Math.abs(found[row * outputs + output] - sum), name).toBeLessThan(2e-6 * Math.sqrt(columns) * widest);
        }
    }
  });
});
