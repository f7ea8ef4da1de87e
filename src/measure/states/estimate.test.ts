import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { type TensorContent, writeSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { random } from "../../numeric/random.ts";
import { type EstimateOptions, estimate } from "./estimate.ts";

const at = temporaryFolder();
const options = (more: Partial<EstimateOptions> = {}): EstimateOptions => ({
  m: 10,
  points: null,
  temperature: "bound",
  seed: 0,
  folder: at("work"),
  ...more,
});
const integers = (name: string, values: ArrayLike<number>): TensorContent => ({
  name,
  dtype: "I32",
  shape: [values.length],
  data: Int32Array.from(values),
});

/** States that lean toward a direction of their token's own, and a little toward the next token's. */
function someStates(tokens: ArrayLike<number>, d: number, seed: number): Float32Array {
  const states = new Float32Array(tokens.length * d);
  const noise = random(seed, "states");
  for (let row = 0; row < tokens.length; row++) {
    const own = random(seed, "token", tokens[row]);
    const next = random(seed, "token", tokens[Math.min(row + 1, tokens.length - 1)]);
    for (let i = 0; i < d; i++) states[row * d + i] = own.normal() + 0.5 * next.normal() + 0.5 * noise.normal();
  }
  return states;
}

/** A text of some documents in few tokens, so that n-grams come again. */
function someText(documents: number, length: number, vocabulary: number) {
  const stream = random(8, "text");
  const tokens = Int32Array.from({ length: documents * length }, () => Math.floor(vocabulary * stream.uniform() ** 2));
  return { tokens, doc: tokens.map((_, row) => 100 - Math.floor(row / length)) };
}

const D = 6;
const vllm = (tokens: Int32Array, more: TensorContent[] = []): TensorContent[] => [
  { name: "hidden_states", dtype: "F32", shape: [tokens.length, 1, D], data: someStates(tokens, D, 1) },
  { name: "token_ids", dtype: "I64", shape: [tokens.length], data: BigInt64Array.from(tokens, BigInt) },
  ...more,
];

async function estimated(tensors: TensorContent[], more: Partial<EstimateOptions> = {}) {
  const path = at("dump.safetensors");
  await writeSafetensors(path, tensors);
  return estimate(path, options(more));
}

describe("estimate", () => {
  it.each(["clusters_d8", "clusters_d64", "clusters_d576"])("gives the reference's figures for %s", async (name) => {
    const path = fixture(`estimator/${name}.safetensors`);
    const want = JSON.parse(readFileSync(fixture("estimator/golden.json"), "utf8")).cases[name];
    const { layers, ...about } = await estimate(path, options({ points: path, m: 2 }));
    expect(about).toMatchObject({
      file: `${name}.safetensors`,
      positions: want.n,
      width: want.d,
      referencePoints: want.n_bins,
      unit: "document",
      units: { fitted: (4 * want.n) / 5, evaluated: want.n / 5 },
      absent: null,
    });
    expect(layers).toHaveLength(1);
    expect(layers[0].temperature).toBeCloseTo(want.eps, 11);
    expect(layers[0].entropy).toBeCloseTo(want.expected.H, 6);
    const { plugin, heldOut } = layers[0].labels.labels;
    expect(plugin).toBeCloseTo(want.expected.I, 6);
    expect(heldOut.low!).toBeGreaterThan(0.03);
    expect(heldOut.value!).toBeLessThan(plugin);
    expect(existsSync(at("work")) ? readdirSync(at("work")) : []).toEqual([]);
  });

  it("reads n-grams off token_ids as they are in x1..x4 and y1..y4", async () => {
    const length = 30;
    const { tokens, doc } = someText(25, length, 6);
    const fromTokens = await estimated(vllm(tokens, [integers("doc", doc)]));
    // Rows where both 4-grams lie inside the document, labelled by hand.
    const rows = [...tokens.keys()].filter((row) => row % length >= 3 && row % length < length - 4);
    const label = (row: number, from: number, to: number) =>
      tokens.slice(row + from, row + to + 1).reduce((code, token) => code * 6 + token, 0);
    const sets = [1, 2, 3, 4].flatMap((n) => [
      integers(
        `x${n}`,
        rows.map((row) => label(row, 1 - n, 0)),
      ),
      integers(
        `y${n}`,
        rows.map((row) => label(row, 1, n)),
      ),
    ]);
    const states = someStates(tokens, D, 1);
    const picked = Float32Array.from(rows.flatMap((row) => [...states.subarray(row * D, (row + 1) * D)]));
    const byHand = await estimated([
      { name: "z", dtype: "F32", shape: [rows.length, D], data: picked },
      integers(
        "doc",
        rows.map((row) => doc[row]),
      ),
      ...sets,
    ]);
    expect(fromTokens.positions).toBe(rows.length);
    expect(Object.keys(fromTokens.layers[0].labels).sort()).toEqual(["x1", "x2", "x3", "x4", "y1", "y2", "y3", "y4"]);
    for (const [name, expected] of Object.entries(byHand.layers[0].labels)) {
      const found = fromTokens.layers[0].labels[name];
      expect(found.plugin).toBeCloseTo(expected.plugin, 12);
      expect(found.null).toBeCloseTo(expected.null, 12);
      expect(found.kappa).toEqual(expected.kappa);
      for (const end of ["value", "low", "high"] as const)
        expect(found.heldOut[end]).toBeCloseTo(expected.heldOut[end]!, 12);
    }
    const { x1, x4, y1 } = fromTokens.layers[0].labels;
    expect(x1.heldOut.value!).toBeGreaterThan(y1.heldOut.value!);
    expect(y1.heldOut.low!).toBeGreaterThan(0);
    expect(x4.plugin).toBeGreaterThan(x1.plugin);
  });

  it("reads single tokens alone where no document holds two 4-grams", async () => {
    const { tokens, doc } = someText(60, 7, 6);
    const { orders, positions, layers } = await estimated(vllm(tokens, [integers("doc", doc)]));
    expect([orders, positions]).toEqual([1, 60 * 6]);
    expect(Object.keys(layers[0].labels)).toEqual(["x1", "y1"]);
    expect(layers[0].labels.x1.heldOut.low!).toBeGreaterThan(layers[0].labels.y1.heldOut.high!);
  });

  it("backs x2 off along x1, and the same labels under another name to the global mean", async () => {
    const { tokens } = someText(30, 20, 5);
    const pairs = tokens.map((token, row) => token * 400 + (row % 400));
    const states: TensorContent = { name: "z", dtype: "F32", shape: [600, D], data: someStates(tokens, D, 2) };
    const { layers } = await estimated([
      states,
      integers("x1", tokens),
      integers("x2", pairs),
      integers("pairs", pairs),
    ]);
    const { x1, x2, pairs: alone } = layers[0].labels;
    expect(x2.plugin).toBeCloseTo(alone.plugin, 12);
    expect(x2.heldOut.value!).toBeGreaterThan(alone.heldOut.value! + 0.05);
    expect(Math.abs(x2.heldOut.value! - x1.heldOut.value!)).toBeLessThan(0.03);
  });

  it("takes the same file apart whichever way it is written", async () => {
    const { tokens } = someText(30, 20, 5);
    const [a, b] = [someStates(tokens, D, 1), someStates(tokens, D, 2)];
    const rows = tokens.length;
    const labels = [integers("topic", tokens)];
    const separate = await estimated([
      { name: "resid.0", dtype: "F32", shape: [rows, D], data: a },
      { name: "resid.1", dtype: "F32", shape: [rows, D], data: b },
      ...labels,
    ]);
    const both = new Float32Array(2 * rows * D);
    for (let row = 0; row < rows; row++) {
      both.set(a.subarray(row * D, (row + 1) * D), 2 * row * D);
      both.set(b.subarray(row * D, (row + 1) * D), (2 * row + 1) * D);
    }
    const packed = await estimated([
      { name: "hidden_states", dtype: "F32", shape: [rows, 2, D], data: both },
      ...labels,
    ]);
    expect(packed).toEqual(separate);
    expect(packed.layers.map(({ layer }) => layer)).toEqual([0, 1]);
  });

  it("cuts few documents into blocks, and says what too few units leave out", async () => {
    const tokens = someText(1, 9 * 2048, 5).tokens;
    const nine = await estimated(vllm(tokens));
    expect(nine).toMatchObject({ unit: "block", units: { fitted: 7, evaluated: 2 } });
    expect(nine.absent).toMatch(/no interval: 9 blocks/);
    const { heldOut, kappa } = nine.layers[0].labels.x1;
    expect(heldOut.value!).toBeGreaterThan(0);
    expect([heldOut.low, heldOut.high]).toEqual([null, null]);
    expect(kappa).not.toBeNull();

    const four = await estimated(vllm(tokens.slice(0, 4 * 2048)));
    expect(four.absent).toMatch(/no held-out figure: 4 blocks/);
    expect(four.layers[0].labels.x1).toMatchObject({
      heldOut: { value: null, low: null, high: null },
      kappa: null,
      shift: null,
    });
    expect(four.layers[0].labels.x1.plugin).toBeGreaterThan(0);
  });

  it("gives the same figures for the same seed, and others for another", async () => {
    const { tokens, doc } = someText(25, 30, 6);
    const tensors = vllm(tokens, [integers("doc", doc)]);
    const first = await estimated(tensors);
    expect(await estimated(tensors)).toEqual(first);
    expect((await estimated(tensors, { seed: 1 })).layers[0].entropy).not.toBe(first.layers[0].entropy);
    expect((await estimated(tensors, { temperature: 10 })).layers[0]).toMatchObject({ temperature: 10 });
  });

  it("has no figures of a file that is written to while it is read", async () => {
    const { tokens } = someText(25, 30, 6);
    const onProgress = (_: number, __: number, what: string): void => {
      if (what === "layers") appendFileSync(at("dump.safetensors"), " ");
    };
    await expect(estimated(vllm(tokens), { onProgress })).rejects.toThrow(
      /dump\.safetensors was replaced or written to while the file was read: run again, and leave the file alone/,
    );
  });

  it("reports how far it is, and stops when asked", async () => {
    const { tokens, doc } = someText(25, 30, 6);
    const seen: string[] = [];
    const onProgress = (done: number, total: number, what: string) => seen.push(`${done}/${total} ${what}`);
    await estimated(vllm(tokens, [integers("doc", doc)]), { onProgress });
    expect(seen).toEqual(["750/750 positions", "1/1 layers"]);
    await expect(estimated(vllm(tokens), { signal: AbortSignal.abort() })).rejects.toThrow("stopped");
  });

  const z: TensorContent = { name: "z", dtype: "F32", shape: [40, D], data: someStates(new Int32Array(40), D, 3) };
  const places = Int32Array.from({ length: 40 }, (_, row) => row);
  it.each<[string, TensorContent[], string]>([
    [
      "longer n-grams that do not contain the shorter ones",
      [
        z,
        integers(
          "x1",
          places.map((row) => row % 3),
        ),
        integers(
          "x2",
          places.map((row) => row % 4),
        ),
      ],
      "x2 has 4 values, and 12 together with x1: a longer n-gram contains its shorter ones",
    ],
    [
      "n-grams from two sources",
      vllm(places, [integers("y1", places)]),
      "n-grams come both from token_ids and as y1: keep one of them",
    ],
    [
      "documents in pieces",
      vllm(places, [
        integers(
          "doc",
          places.map((row) => row % 2),
        ),
      ]),
      "document 0 goes on at row 2, after another one",
    ],
    [
      "documents of one token",
      vllm(places, [integers("doc", places)]),
      "no token has another one after it in its document: the longest has 1 token: give documents of 2 tokens or more",
    ],
  ])("refuses %s", async (_, tensors, message) => {
    await expect(estimated(tensors)).rejects.toThrow(message);
  });

  it.each<[string, TensorContent, string]>([
    [
      "another width",
      { name: "W", dtype: "F32", shape: [2, 3], data: new Float32Array(6) },
      `the reference points have width 3, the states ${D}`,
    ],
    [
      "rows off the sphere",
      { name: "W", dtype: "F64", shape: [2, D], data: new Float64Array(2 * D).fill(1) },
      "row 0 of W is not of length 1",
    ],
    ["no W", { name: "V", dtype: "F32", shape: [2, D], data: new Float32Array(2 * D) }, 'has no tensor "W"'],
  ])("refuses reference points of %s", async (_, tensor, message) => {
    const points = at("points.safetensors");
    await writeSafetensors(points, [tensor]);
    await expect(estimated([z], { points })).rejects.toThrow(message);
  });

  it("says how to go on at a width without a bound", async () => {
    const flat: TensorContent = { name: "z", dtype: "F32", shape: [20, 2], data: new Float32Array(40).fill(1) };
    await expect(estimated([flat])).rejects.toThrow("give the temperature as a number");
    const file = await estimated([flat], { temperature: "exact" });
    expect(file.layers[0].labels).toEqual({});
  });
});
