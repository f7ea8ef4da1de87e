import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compare, withSimilarities } from "../atlas/compare.ts";
import { modelProfile } from "../atlas/sample.testing.ts";
import type { Named } from "../atlas/text.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { linearCka } from "../info/cka.ts";
import { random } from "../numeric/random.ts";
import type { Profile } from "../profile/profile.ts";
import { similarities } from "./similarity.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "similarity-"));
});
afterAll(() => rm(folder, { recursive: true }));

const DOCUMENTS = 6;
const LAYERS = 3;
/** The state of a model at a place: the same for every order of documents and rows. */
const state = (name: string, layer: number, document: number, byte: number, width: number): number[] => {
  const common = random(8, "place", document, byte);
  const own = random(8, name, layer, document, byte);
  return Array.from({ length: width }, () => common.normal() + (0.2 + layer) * own.normal());
};

interface Wanted {
  readonly name: string;
  readonly width: number;
  readonly places: readonly (readonly [document: number, byte: number])[];
  /** order of the documents in the profile */
  readonly order?: readonly number[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A profile with kept states beside it, as `measure --keep states --out` leaves them. */
async function kept({ name, width, places, order, metadata }: Wanted): Promise<Named> {
  const sample = modelProfile({ name, bitsPerByte: 1, documents: DOCUMENTS });
  const documents = (order ?? sample.documents.map((_, index) => index)).map((index) => sample.documents[index]);
  const profile: Profile = { ...sample, documents };
  const rows = places
    .map(([document, byte]) => ({ document, byte, at: (order ?? documents.map((_, i) => i)).indexOf(document) }))
    .sort((a, b) => a.at - b.at || a.byte - b.byte);
  const values = Array.from({ length: LAYERS }, (_, layer) =>
    rows.flatMap(({ document, byte }) => state(name, layer, document, byte, width)),
  );
  await mkdir(join(folder, name));
  await writeSafetensors(
    join(folder, name, "states.safetensors"),
    [
      { name: "states", dtype: "F32", shape: [LAYERS, rows.length, width], data: Float32Array.from(values.flat()) },
      { name: "doc", dtype: "I32", shape: [rows.length], data: Int32Array.from(rows, ({ at }) => at) },
      { name: "byte_end", dtype: "U32", shape: [rows.length], data: Uint32Array.from(rows, ({ byte }) => byte) },
    ],
    { profile: profile.id, model: name, pre_norm: "false", ...metadata },
  );
  return { file: join(folder, name, "profile.json"), profile };
}

/** Every place of the first so many bytes of each document that a tokenizer of this stride ends a token at. */
const every = (stride: number, most = 120): [number, number][] =>
  Array.from({ length: DOCUMENTS * most }, (_, at): [number, number] => [
    at % DOCUMENTS,
    1 + Math.floor(at / DOCUMENTS),
  ]).filter(([, byte]) => byte % stride === 0);

it("matches rows by document and byte, whatever their order, and compares what both models kept", async () => {
  const a = await kept({ name: "a", width: 5, places: every(2) });
  const b = await kept({ name: "b", width: 7, places: every(3), order: [4, 2, 0, 5, 1, 3] });
  const [found] = await similarities([a, b]);
  const common = every(6);
  const layered = (name: string, width: number) => ({
    layers: LAYERS,
    width,
    read: async (layer: number, first: number, last: number) =>
      Float32Array.from(
        common.slice(first, last).flatMap(([document, byte]) => state(name, layer, document, byte, width)),
      ),
  });
  const expected = await linearCka(layered("a", 5), layered("b", 7), { rows: common.length });
  expect(found).toMatchObject({ places: common.length, kept: common.length, nearest: [0, 0, 0], note: null });
  expect("cka" in found && found.cka.flat()).toEqual(expected.flat().map((value) => expect.closeTo(value!, 10)));
  expect(expected[0][0]).toBeGreaterThan(0.7);

  const handed = withSimilarities(compare([a, b], { seed: 0, common: false }), [found]);
  expect(handed.pairs[0].similarity).toEqual(found);
  expect(handed.refusals.map(({ figure }) => figure)).not.toContain("similarity");
});

it("says why there is nothing to compare, and compares the rest", async () => {
  const first = await kept({ name: "first", width: 4, places: every(2) });
  const apart = await kept({ name: "apart", width: 4, places: every(7, 7) });
  const other = await kept({ name: "other", width: 4, places: every(2), metadata: { profile: "0f" } });
  const none = { file: join(folder, "none.json"), profile: modelProfile({ name: "none", bitsPerByte: 1 }) };
  const broken = await kept({ name: "broken", width: 4, places: every(2) });
  await writeFile(join(folder, "broken", "states.safetensors"), "not a file of tensors");
  const early = await kept({ name: "early", width: 4, places: every(2), metadata: { pre_norm: "true" } });
  const found = await similarities([first, apart, other, none, broken, early]);
  expect(found).toEqual([
    { absent: "the models kept 0 places in common" },
    { absent: expect.stringMatching(/is of the measurement 0f, .* is other: measure with --keep states --out DIR/) },
    { absent: expect.stringMatching(/no states were kept beside .*none.json: measure with --keep states --out DIR/) },
    { absent: expect.stringMatching(/broken.*not a sound safetensors file/) },
    expect.objectContaining({ note: expect.stringMatching(/final norm/) }),
  ]);
  const given = [first, early, apart].map(({ profile, file }) => ({ file, profile }));
  const { pairs, notes, refusals } = withSimilarities(compare(given, { seed: 0, common: false }), [found[4], found[0]]);
  expect(pairs.map(({ similarity }) => similarity !== null)).toEqual([true, false]);
  expect(notes).toEqual([expect.stringMatching(/final norm/)]);
  expect(refusals.at(-1)).toEqual({ figure: "similarity", reason: "the models kept 0 places in common" });
});
