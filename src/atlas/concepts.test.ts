/** Concepts of two models side by side: shapes that are one, planted moves, and what is refused. */
import { describe, expect, it } from "vitest";
import { gramOf } from "../info/concepts/clusters.ts";
import { centredGram } from "../info/concepts/relations.ts";
import { random } from "../numeric/random.ts";
import type { Concepts } from "../profile/concepts.ts";
import { compare } from "./compare.ts";
import { type ConceptComparison, conceptsBeside, FEWEST_CONCEPTS } from "./concepts.ts";
import { modelProfile } from "./sample.testing.ts";

const NAMES = ["months", "weekdays", "numbers", "countries", "capitals", "keywords", "praise"];
const WIDTH = 9;
const against = { value: 0.3, chance: 0, low: -0.1, high: 0.1, p: 0.005 };
const exactly = { value: 0.3, low: 0.2, high: 0.4 };

const normal = (name: string, count: number, width = WIDTH): number[] => {
  const stream = random(name);
  return Array.from({ length: count * width }, () => stream.normal());
};
/** [count, width] rows turned by a Householder reflection and scaled. */
function turned(rows: readonly number[], scale: number): number[] {
  const v = normal("turn", 1);
  const square = v.reduce((sum, one) => sum + one * one, 0);
  return rows.map((value, at) => {
    const row = rows.slice(at - (at % WIDTH), at - (at % WIDTH) + WIDTH);
    const along = row.reduce((sum, one, k) => sum + one * v[k], 0);
    return scale * (value - ((2 * along) / square) * v[at % WIDTH]);
  });
}

/** A section as a measurement leaves it, of one set of means a layer. */
function conceptsOf(names: readonly string[], layers: readonly (readonly number[])[], digest = "words"): Concepts {
  const count = names.length;
  return {
    source: { name: "mine.jsonl", digest, sets: [] },
    texts: 6 * count,
    words: 6 * count,
    documents: 6 * count,
    concepts: names.map((name) => ({ name, parent: null, texts: 6, digest: `${digest} ${name}` })),
    layers: layers.map((means, layer) => {
      const gram = centredGram(gramOf(means, count, means.length / count), count);
      const trace = gram.reduce((sum, entry, at) => (at % (count + 1) === 0 ? sum + entry : sum), 0);
      return {
        layer,
        silhouette: against,
        silhouetteInterval: exactly,
        purity: against,
        purityInterval: exactly,
        separability: exactly,
        alignment: against,
        hierarchy: null,
        analogies: [],
        configuration: names.flatMap((_, i) => names.slice(0, i + 1).map((__, j) => gram[i * count + j] / trace)),
      };
    }),
    relations: [],
    majority: 1 / count,
    best: null,
    map: { layer: layers.length - 1, places: [], shares: [1, 0] },
    sharing: null,
    interval: { level: 0.95, resamples: 2000, absent: null },
    notes: [],
  };
}

const named = (name: string, concepts: Concepts | null | undefined) => ({
  file: `${name}.json`,
  profile: { ...modelProfile({ name, bitsPerByte: 1 }), concepts },
});
const beside = (a: Concepts | null | undefined, b: Concepts | null | undefined) =>
  conceptsBeside(named("one", a), named("two", b), 0);
const found = (a: Concepts, b: Concepts): ConceptComparison => {
  const result = beside(a, b);
  if (result === null || "absent" in result) throw new Error(result?.absent ?? "nothing");
  return result;
};

const MEANS = normal("means", NAMES.length);
const OTHER = normal("other", NAMES.length);

describe("concepts of two models", () => {
  it("that lie alike but for turning and scaling have one shape, whatever their order", () => {
    const order = [3, 1, 0, 2, 6, 5, 4];
    const mixed = order.flatMap((place) => turned(MEANS, 7).slice(place * WIDTH, (place + 1) * WIDTH));
    const { concepts, others, disparity, cka, layers, byDepth } = found(
      conceptsOf(NAMES, [OTHER, MEANS]),
      conceptsOf(
        order.map((place) => NAMES[place]),
        [OTHER, OTHER, mixed],
      ),
    );
    expect([concepts, others, layers]).toEqual([NAMES, [0, 0], [1, 2]]);
    expect(disparity!.value).toBeCloseTo(0, 9);
    expect(disparity!.chance).toBeGreaterThan(0.1);
    expect(disparity!.p).toBe(1 / 201);
    expect(cka!.value).toBeCloseTo(1, 9);
    expect(byDepth).toEqual([
      { baseline: 0, model: 0, disparity: expect.any(Number), cka: expect.any(Number) },
      { baseline: 1, model: 2, disparity: expect.closeTo(0, 9), cka: expect.closeTo(1, 9) },
    ]);
  });

  it("name the concept that went astray, and its relations; shares of concepts add up to 1", () => {
    const astray = turned(MEANS, 2).map((value, at) =>
      Math.floor(at / WIDTH) === 4 ? value + 6 * normal("astray", 1)[at % WIDTH] : value,
    );
    const { moved, relations, disparity } = found(conceptsOf(NAMES, [MEANS]), conceptsOf(NAMES, [astray]));
    expect(moved[0].concept).toBe("capitals");
    expect(moved.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(moved.reduce((sum, { left }) => sum + left.value, 0)).toBeCloseTo(disparity!.value, 9);
    expect(relations).toHaveLength(10);
    for (const { from, to } of relations.slice(0, 3)) expect([from, to]).toContain("capitals");
  });

  it("that have nothing in common are no nearer than by chance", () => {
    const p = Array.from({ length: 12 }, (_, turn) => {
      const [a, b] = ["a", "b"].map((side) => conceptsOf(NAMES, [normal(`${side} ${turn}`, NAMES.length)]));
      return found(a, b).disparity!.p;
    });
    expect(p.filter((one) => one <= 0.5).length).toBeGreaterThan(1);
    expect(p.filter((one) => one <= 0.5).length).toBeLessThan(11);
  });

  it("are matched by name and texts: a part of a set is its own shape", () => {
    const part = NAMES.slice(1, 1 + FEWEST_CONCEPTS);
    const rows = MEANS.slice(WIDTH, (1 + FEWEST_CONCEPTS) * WIDTH);
    const { others, disparity } = found(conceptsOf(NAMES, [MEANS]), conceptsOf(part, [rows]));
    expect(others).toEqual([NAMES.length - FEWEST_CONCEPTS, 0]);
    expect(disparity!.value).toBeCloseTo(0, 9);
  });

  it("of a single point have no shape", () => {
    const { disparity, cka, moved } = found(conceptsOf(NAMES, [MEANS]), {
      ...conceptsOf(NAMES, [MEANS]),
      layers: conceptsOf(NAMES, [MEANS]).layers.map((one) => ({
        ...one,
        configuration: one.configuration.map(() => 0),
      })),
    });
    expect([disparity, cka, moved]).toEqual([null, null, []]);
  });
});

describe("what is refused", () => {
  const all = conceptsOf(NAMES, [MEANS]);

  it("is nothing where nobody has concepts", () => {
    expect(beside(undefined, undefined)).toBeNull();
    expect(compare([named("one", undefined), named("two", undefined)], { seed: 0, common: false }).refusals).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ figure: "concepts" })]),
    );
  });

  it.each([
    [all, undefined, /^two\.json was measured without --concepts: /],
    [null, all, /^one\.json was measured without --concepts|^one\.json has no concepts/],
    [
      all,
      conceptsOf(NAMES, [MEANS], "others"),
      /one\.json has 7 concepts \(mine\.jsonl\), two\.json 7 concepts \(mine\.jsonl\): 0 of one name and the same texts, 7 more of one name alone; shapes take 5: measure both with the same --concepts and --seed/,
    ],
    [
      all,
      conceptsOf(NAMES.slice(0, 4), [MEANS.slice(0, 4 * WIDTH)]),
      /4 of one name and the same texts; shapes take 5/,
    ],
    [
      all,
      { ...all, layers: all.layers.map((one) => ({ ...one, configuration: [1] })) },
      /two\.json has 1 inner product of 7 concepts at layer 0, which are 28/,
    ],
    [all, { ...all, map: { ...all.map, layer: 9 } }, /two\.json has 1 layer, its map is of layer 9/],
  ])("is said with the numbers: %#", (a, b, message) => {
    const result = beside(a, b);
    expect(result).toEqual({ absent: expect.stringMatching(message) });
    const { pairs, refusals } = compare([named("one", a), named("two", b)], { seed: 0, common: false });
    expect(pairs[0].concepts).toBeNull();
    expect(refusals).toContainEqual({ figure: "concepts", reason: expect.stringMatching(message) });
  });
});
