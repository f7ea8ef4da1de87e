/**
 * Hidden states that others dumped or kept, mutated by the thousand (`src/mutations.testing.ts`): activation dumps up to their
 * figures, reference points, states kept beside a profile.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { ORIGIN_KEY } from "../src/engines/dump.ts";
import { sha256File } from "../src/files/digest.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { type TensorContent, writeSafetensors } from "../src/files/safetensors.ts";
import { hold } from "../src/hold.testing.ts";
import { readPoints } from "../src/measure/preparing/points.ts";
import { estimate } from "../src/measure/states/estimate.ts";
import { mutatedSafetensors } from "../src/mutations.testing.ts";
import { random } from "../src/numeric/random.ts";
import { similarities } from "../src/store/similarity.ts";

const at = temporaryFolder();

const floats = (name: string, shape: readonly number[], seed = 0): TensorContent => {
  const draw = random(seed, name);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw.normal());
  return { name, dtype: "F32", shape, data };
};
const integers = (name: string, values: readonly number[]): TensorContent => ({
  name,
  dtype: "I64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
const file = async (tensors: readonly TensorContent[], metadata: Readonly<Record<string, string>> = {}) => {
  await writeSafetensors(at("sound"), tensors, metadata);
  return readFileSync(at("sound"));
};
const names = (...ours: readonly string[]) => ({
  left: () => readdirSync(at()).filter((name) => !ours.includes(name)),
});

describe("activation dumps", () => {
  const ROWS = 24;
  const rows = <T>(of: (row: number) => T): T[] => Array.from({ length: ROWS }, (_, row) => of(row));
  const doc = integers("doc", rows((row) => Math.floor(row / 4))); // biome-ignore format: short
  const tokens = integers("token_ids", rows((row) => row % 3)); // biome-ignore format: short
  const origin = { [ORIGIN_KEY]: JSON.stringify({ prefixRows: 0, domains: ["a", "b"] }) };

  it.each<[string, readonly TensorContent[], Readonly<Record<string, string>>]>([
    ["of one layer with labels", [floats("z", [ROWS, 3]), integers("x1", rows((row) => row % 2)), doc], {}], // biome-ignore format: short
    [
      "of layers apart",
      [
        floats("resid.0", [ROWS, 3]),
        floats("resid.7", [ROWS, 3]),
        doc,
        integers(
          "y1",
          rows((row) => row % 5),
        ),
      ],
      {},
    ],
    [
      "of tokens, as states writes them",
      [floats("hidden_states", [ROWS, 2, 3]), tokens, doc, integers("domain", rows((row) => (row < 12 ? 0 : 1)))], // biome-ignore format: short
      origin,
    ],
  ])("%s", async (_, tensors, metadata) => {
    const mutants = mutatedSafetensors(await file(tensors, metadata));
    mkdirSync(at("spill"));
    await estimate(at("sound"), { m: 4, points: null, temperature: "bound", seed: 1, folder: at("spill") });
    const { sound } = await hold(
      mutants,
      async (bytes) => {
        writeFileSync(at("dump"), bytes);
        await estimate(at("dump"), { m: 4, points: null, temperature: "bound", seed: 1, folder: at("spill") });
      },
      200,
      { left: () => [names("dump").left(), readdirSync(at("spill"))] },
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("reference points", () => {
  it("from a file", async () => {
    const mutants = mutatedSafetensors(await file([floats("W", [4, 3])]));
    const { sound } = await hold(
      mutants,
      (bytes) => {
        writeFileSync(at("points"), bytes);
        return readPoints(at("points"), sha256File);
      },
      200,
      names("points"),
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("states kept for comparing", () => {
  const [LAYERS, PLACES, WIDTH] = [2, 40, 3];
  const profile = modelProfile({ name: "m", bitsPerByte: 1, documents: 4 });
  const places = Array.from({ length: PLACES }, (_, place) => place);
  const kept = (seed: number): TensorContent[] => [
    floats("states", [LAYERS, PLACES, WIDTH], seed),
    { name: "doc", dtype: "I32", shape: [PLACES], data: Int32Array.from(places, (place) => place % 4) },
    { name: "byte_end", dtype: "U32", shape: [PLACES], data: Uint32Array.from(places, (place) => 1 + place) },
  ];

  beforeEach(async () => {
    for (const [seed, name] of ["a", "b"].entries()) {
      mkdirSync(at(name));
      await writeSafetensors(at(name, "states.safetensors"), kept(seed), { profile: profile.id, pre_norm: "false" });
    }
  });

  it("beside a profile", async () => {
    const named = ["a", "b"].map((name) => ({ file: at(name, "profile.json"), profile }));
    const mutants = mutatedSafetensors(readFileSync(at("a", "states.safetensors")));
    let alike = 0;
    await hold(
      mutants,
      async (bytes) => {
        writeFileSync(at("a", "states.safetensors"), bytes);
        const [found] = await similarities(named);
        if ("cka" in found) alike++;
        else expect(found.absent.length).toBeLessThan(1_000);
      },
      200,
      names("a", "b"),
    );
    expect(alike).toBeGreaterThan(0);
  });
});
