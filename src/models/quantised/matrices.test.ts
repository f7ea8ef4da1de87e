/** Every layout of a quantised matrix against values computed by another implementation: fixtures/generate/quantised.py. */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { openShards } from "../sources/safetensors.ts";
import { renamed, type TensorSource } from "../sources/tensor-source.ts";
import { unquantised } from "./unquantised.ts";

const folder = fixture("quantised/matrices");
const cases = readdirSync(folder).map((file) => file.replace(/\.safetensors$/, ""));

/** The stored tensors of a matrix, its config, and what it stands for. */
async function opened(name: string): Promise<{ stored: TensorSource; config: object; expected: Uint8Array }> {
  const path = `${name}.safetensors`;
  const file = await openSafetensors(`${folder}/${path}`);
  await file.close();
  const { source } = await openShards(folder, new Map([[path, []]]));
  const parts = [...source.names()].filter((part) => part !== "expected");
  return {
    stored: renamed(source, new Map(parts.map((part) => [part, part]))),
    config: { quantization_config: JSON.parse(file.header.metadata.quantization_config) },
    expected: await source.read("expected", 0, source.locate("expected")!.bytes),
  };
}

describe("a quantised matrix", () => {
  it.each(cases)("%s has the values that its format defines, whole and in any stretch", async (name) => {
    const { stored, config, expected } = await opened(name);
    const { weights } = await unquantised({ ...config }, stored);
    expect([...weights.names()]).toEqual(["x.weight"]);
    const { dtype, shape, bytes, isComputed } = weights.locate("x.weight")!;
    expect({ dtype, bytes, isComputed }).toEqual({ dtype: "F32", bytes: expected.length, isComputed: true });
    expect(4 * shape.reduce((size, one) => size * one, 1)).toBe(expected.length);
    expect(await weights.read("x.weight", 0, bytes)).toEqual(expected);
    const place = fc.nat({ max: bytes });
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const read = await weights.read("x.weight", from, to);
        expect(Buffer.compare(read, expected.subarray(from, to))).toBe(0);
        expect(read.buffer.byteLength).toBe(to - from);
      }),
      { numRuns: 30 },
    );
    expect(weights.stored).toBe(stored);
  });
});
