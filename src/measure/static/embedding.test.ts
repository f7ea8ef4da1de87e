import { describe, expect, it } from "vitest";
import { packing } from "../../info/packing.ts";
import type { TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { random } from "../../numeric/random.ts";
import { embeddingGeometry } from "./embedding.ts";

/** A matrix [V, d] that is all there is of a model, enough of it that a thread is started. */
const [V, d] = [4096, 16];
const matrix = Float32Array.from({ length: V * d }, random(4, "embedding").normal);
const bytes = new Uint8Array(matrix.buffer);
const weights = {
  names: () => ["embed"],
  locate: (name: string) => (name === "embed" ? { dtype: "F32", shape: [V, d], bytes: bytes.length } : undefined),
  read: async (_name: string, from: number, to: number) => bytes.slice(from, to),
} as unknown as TensorSource;
const spec = { embedding: { tokens: { names: ["embed"], shape: [V, d] } } } as unknown as DecoderSpec;
const counts = Int32Array.from({ length: V }, (_, id) => (id < 50 ? 1 : 0));
const textOf = (id: number): string => `word${id}`;

describe("embeddingGeometry in a thread", () => {
  it("gives what is computed here, and tells how far it is", async () => {
    const shares: number[] = [];
    const found = await embeddingGeometry(spec, weights, counts, textOf, {
      seed: 1,
      onShare: (own) => shares.push(own),
    });
    expect(found?.packing).toEqual(packing(matrix, d, 1));
    expect(shares.length).toBeGreaterThan(10);
    expect(shares.at(-1)).toBe(1);
    const [{ id, nearest }] = found!.neighbours;
    const cosine = (one: number, other: number): number => {
      const [a, b] = [one, other].map((row) => matrix.subarray(row * d, (row + 1) * d));
      const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, k) => sum + value * y[k], 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const others = [...Array(V).keys()].filter((other) => other !== id).map((other) => cosine(id, other));
    expect(nearest.map((one) => one.cosine)).toEqual(
      others
        .sort((a, b) => b - a)
        .slice(0, 6)
        .map((value) => expect.closeTo(value, 10)),
    );
  });

  it("stops when it is asked to", async () => {
    const controller = new AbortController();
    const stopped = embeddingGeometry(spec, weights, counts, textOf, {
      seed: 1,
      signal: controller.signal,
      onShare: () => controller.abort(),
    });
    await expect(stopped).rejects.toThrow("stopped at the embedding matrix");
  });
});
