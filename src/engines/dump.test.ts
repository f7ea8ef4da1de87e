import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { type TensorContent, writeSafetensors } from "../files/safetensors.ts";
import { openDump } from "./dump.ts";

const at = temporaryFolder();

async function dumpOf(...tensors: TensorContent[]) {
  const path = at("dump.safetensors");
  await writeSafetensors(path, tensors);
  return openDump(path);
}
const floats = (name: string, shape: number[], value = (i: number) => i / 8): TensorContent => ({
  name,
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
});
const integers = (name: string, values: number[], shape = [values.length]): TensorContent => ({
  name,
  dtype: "I64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

async function allStates(dump: Awaited<ReturnType<typeof openDump>>): Promise<number[][]> {
  const layers: number[][] = dump.layers.map(() => []);
  let next = 0;
  for await (const { from, rows, layers: states } of dump.states()) {
    expect(from).toBe(next);
    next += rows;
    for (const [layer, values] of states.entries()) {
      expect(values.length).toBe(rows * dump.width);
      layers[layer].push(...values);
    }
  }
  expect(next).toBe(dump.positions);
  await dump.close();
  return layers;
}

describe("openDump", () => {
  it("reads z, its labels and its documents", async () => {
    const dump = await dumpOf(
      floats("z", [3, 2]),
      integers("topic", [7, 7, -1]),
      integers("doc", [0, 0, 1]),
      integers("token_ids", [1, 2, 3]),
      integers("grid", [1, 2, 3, 4, 5, 6], [3, 2]),
      floats("weight", [3]),
    );
    expect(dump).toMatchObject({ positions: 3, width: 2, layers: [0], tokens: null, ignored: ["grid [3,2]"] });
    expect([...dump.labels.keys()].sort()).toEqual(["token_ids", "topic"]);
    expect(dump.labels.get("topic")).toEqual(BigInt64Array.of(7n, 7n, -1n));
    expect(dump.documents).toEqual(BigInt64Array.of(0n, 0n, 1n));
    expect(await allStates(dump)).toEqual([[0, 1, 2, 3, 4, 5].map((i) => i / 8)]);
  });

  it("reads layers in the order of their numbers, not of their names", async () => {
    const dump = await dumpOf(
      floats("resid.10", [2, 3], (i) => 10 + i),
      floats("resid.2", [2, 3], (i) => 2 + i),
    );
    expect(dump.layers).toEqual([2, 10]);
    expect(await allStates(dump)).toEqual([
      [2, 3, 4, 5, 6, 7],
      [10, 11, 12, 13, 14, 15],
    ]);
  });

  it("takes vLLM's hidden_states apart, more of them than fit in one piece", async () => {
    const [tokens, layers, width] = [700, 5, 2000];
    const dump = await dumpOf(
      floats("hidden_states", [tokens, layers, width], (i) => i % 9973),
      integers(
        "token_ids",
        Array.from({ length: tokens }, (_, i) => i),
      ),
    );
    expect(dump).toMatchObject({ positions: tokens, width, layers: [0, 1, 2, 3, 4], documents: null });
    expect(dump.tokens).toEqual(Int32Array.from({ length: tokens }, (_, i) => i));
    let pieces = 0;
    for await (const { from, rows, layers: states } of dump.states()) {
      pieces++;
      for (const layer of [0, 4]) {
        for (const [row, column] of [
          [0, 0],
          [rows - 1, width - 1],
        ]) {
          const place = ((from + row) * layers + layer) * width + column;
          expect(states[layer][row * width + column]).toBe(place % 9973);
        }
      }
    }
    await dump.close();
    expect(pieces).toBeGreaterThan(1);
  });

  it("widens half precision and keeps doubles", async () => {
    const half = await dumpOf({ name: "z", dtype: "F16", shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) });
    expect(await allStates(half)).toEqual([[1, -2]]);
    const double = await dumpOf({ name: "z", dtype: "F64", shape: [1, 2], data: Float64Array.of(1e-300, 0.1) });
    expect(await allStates(double)).toEqual([[1e-300, 0.1]]);
  });

  it.each([
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
  ])("names tensor and row of a %s", async (name, value) => {
    const dump = await dumpOf(
      floats("resid.0", [4, 3]),
      floats("resid.1", [4, 3], (i) => (i === 7 ? value : 1)),
    );
    await expect(allStates(dump)).rejects.toThrow(`resid.1 has ${name} in row 2, column 1`);
    await dump.close();
  });

  it.each<[string, TensorContent[], string]>([
    ["no states", [integers("doc", [1])], "no states: the file has doc"],
    ["two kinds", [floats("z", [2, 2]), floats("resid.0", [2, 2])], "more than one name: z and resid.{layer}"],
    [
      "layers before tokens",
      [floats("hidden_states", [3, 4, 2]), integers("token_ids", [1, 2, 3, 4])],
      "hidden_states is [3,4,2], with its layers before its 4 tokens: save it as [tokens,layers,d]",
    ],
    [
      "sequences apart",
      [floats("hidden_states", [3, 1, 4, 2]), integers("input_ids", [1, 2, 3, 4], [1, 4])],
      "hidden_states is [3,1,4,2], layers, sequences and tokens apart: save it as [tokens,layers,d]",
    ],
    [
      "states that were kept to be compared",
      [floats("states", [3, 4, 2]), integers("doc", [0, 0, 0, 0]), integers("byte_end", [1, 2, 3, 4])],
      "these states were kept by `lossyscope measure` where words end, for `lossyscope compare`: give z [N,d]",
    ],
    ["wrong rank", [floats("z", [4])], "z is F32 [4], states are floats [N,d]"],
    ["integers", [integers("z", [1, 2], [1, 2])], "z is I64 [1,2], states are floats"],
    ["nothing in it", [floats("z", [0, 2])], "z is F32 [0,2]"],
    ["unlike layers", [floats("resid.0", [2, 2]), floats("resid.1", [2, 3])], "resid.1 is [2,3], resid.0 is [2,2]"],
    ["doc of another length", [floats("z", [3, 2]), integers("doc", [1, 2])], "doc is I64 [2], not integers [3]"],
    ["doc as floats", [floats("z", [3, 2]), floats("doc", [3])], "doc is F32 [3], not integers [3]"],
    [
      "tokens of another length",
      [floats("hidden_states", [3, 1, 2]), integers("token_ids", [1, 2])],
      "token_ids is I64 [2], not integers [3]",
    ],
  ])("refuses %s", async (_, tensors, message) => {
    await expect(dumpOf(...tensors)).rejects.toThrow(message);
  });
});
