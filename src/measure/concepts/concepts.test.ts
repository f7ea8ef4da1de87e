/** Concepts of a small model: states and contributions against the naive decoder, whatever the batches; what is refused. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { ckaOfGrams } from "../../info/cka.ts";
import { cosinesOf, gramOf, silhouettes } from "../../info/concepts/clusters.ts";
import { participation } from "../../info/concepts/spread.ts";
import { naiveDecoder, naiveWeights } from "../../models/naive.testing.ts";
import { mean } from "../../numeric/sums.ts";
import { measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { TEMPLATES } from "./corpus.ts";

const at = temporaryFolder();
const PASSAGE =
  "a passage that goes on for some words, longer than a window of this model can be at once, and then ends";

const RECORDS = [
  ..."ab cd ef gh ij kl".split(" ").map((text) => ({ concept: "pairs", text })),
  ..."1 22 333 44 5 66".split(" ").map((text) => ({ concept: "digits", text })),
  ...[PASSAGE, ..."uvw xyz uxw vyz wux zyv".split(" ")].map((text) => ({ concept: "late", text })),
];

const measured = async (records: readonly object[], plan: Readonly<Record<string, unknown>> = {}) => {
  const path = at("sets.jsonl");
  writeFileSync(path, records.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const { profile } = await measureFiles({
    model: await writeModel(at("model")),
    text: writeText(at("text.txt"), sampleText(2, 100)),
    work: at("work"),
    plan: { ...plan, concepts: [path] },
  });
  return profile;
};

describe("concepts", () => {
  it("are those of the naive decoder's states and units, at every layer", async () => {
    const { concepts } = await measured(RECORDS, { context: { tokens: 32, asked: true }, overlap: 8 });
    const folder = at("model");
    const decode = await naiveDecoder(folder);
    const { spec, values } = await naiveWeights(folder);
    const bytes = (text: string): number[] => [...Buffer.from(text)];
    const END = 256;
    /** states [L+1][d] and contributions of the tokens that count, their mean */
    const meanOver = (ids: readonly number[], counts: (token: number) => boolean, room: number) => {
      const found: { states: number[][]; units: number[] }[] = [];
      for (let start = 0, scored = 0; scored < ids.length; start = scored - 8) {
        const own = ids.slice(start, start + room);
        const units: number[][][] = own.concat(0).map(() => []);
        const seen = spec.blocks.map(() => 0);
        const { hiddenStates } = decode([END, ...own], {
          units: (x, block) => {
            units[seen[block]++][block] = [...x];
            return x;
          },
        });
        for (let token = scored; token < start + own.length; token++)
          if (counts(token)) {
            const slot = 1 + token - start;
            const states = hiddenStates.map((layer) => [...layer[slot]]);
            found.push({ states, units: units[slot].flat() });
          }
        scored = start + own.length;
      }
      const average = (rows: readonly (readonly number[])[]): number[] =>
        rows[0].map((_, i) => mean(rows.map((row) => row[i])));
      return {
        states: found[0].states.map((_, layer) => average(found.map(({ states }) => states[layer]))),
        units: average(found.map(({ units }) => units.map(Math.abs))),
      };
    };
    const texts = RECORDS.map(({ text }) => {
      if (text === PASSAGE) return meanOver(bytes(text), () => true, 31);
      const read = TEMPLATES.map((template) => {
        const ids = bytes(template + text);
        return meanOver(ids, (token) => token === ids.length - 1, 31);
      });
      const average = (pick: (one: (typeof read)[number]) => number[]): number[] =>
        pick(read[0]).map((_, i) => mean(read.map((one) => pick(one)[i])));
      return {
        states: read[0].states.map((_, layer) => average(({ states }) => states[layer])),
        units: average(({ units }) => units),
      };
    });
    const labels = RECORDS.map(({ concept }) => ["pairs", "digits", "late"].indexOf(concept));
    const n = RECORDS.length;
    for (const [layer, figures] of concepts!.layers.entries()) {
      const rows = texts.flatMap(({ states }) => states[layer]);
      const cosines = cosinesOf(gramOf(rows, n, 16), n);
      expect(figures.silhouette.value).toBeCloseTo(mean(silhouettes(cosines, labels, 3)), 5);
    }
    const grams = concepts!.layers.map((_, layer) =>
      gramOf(
        texts.flatMap(({ states }) => states[layer]),
        n,
        16,
      ),
    );
    expect(concepts!.cka!.layers).toEqual(
      grams.flatMap((own, i) => grams.slice(0, i).map((other) => expect.closeTo(ckaOfGrams(own, other, n)!, 5))),
    );
    const reach = spec.blocks.flatMap(({ mlp }) => {
      if (mlp.kind === "experts") throw new Error("no experts here");
      const matrix = values.get(mlp.down.weight)!;
      return Array.from({ length: 24 }, (_, j) =>
        Math.hypot(...Array.from({ length: 16 }, (_, i) => matrix[i * 24 + j])),
      );
    });
    // A concept's contributions are the mean of its pools, which have a document each here.
    for (const [concept, { participation: found }] of concepts!.sharing!.spread.entries()) {
      const own = texts.filter((_, text) => labels[text] === concept);
      const contributions = reach.map((size, j) => size * mean(own.map(({ units }) => units[j])));
      expect(found).toBeCloseTo(participation(contributions), 3);
    }
    expect(concepts).toMatchObject({ texts: n, words: n - 1, documents: n });
    expect(concepts!.sharing!.pairs).toHaveLength(3);
    for (const { hierarchy, analogies } of concepts!.layers) expect([hierarchy, analogies]).toEqual([null, []]);
  });

  it("do not depend on what shares a batch, and are the same for the same seed", async () => {
    const [one, other] = [await measured(RECORDS), await measured(RECORDS, { batchTokens: 40 })];
    for (const [layer, { silhouette, separability }] of one.concepts!.layers.entries()) {
      expect(other.concepts!.layers[layer].silhouette.value).toBeCloseTo(silhouette.value, 5);
      expect(other.concepts!.layers[layer].separability.value).toBeCloseTo(separability.value!, 5);
    }
    expect((await measured(RECORDS)).concepts).toEqual(one.concepts);
    expect(one.plan.concepts).toEqual(["sets.jsonl"]);
  });

  it("of too few words are refused with how many they take, and those of too few documents", async () => {
    const few = await measured([...RECORDS, { concept: "rare", text: "q" }]);
    expect(few.concepts).toBeNull();
    expect(few.refusals).toContainEqual({
      figure: "concepts",
      reason: "the concept rare has 1 text, each takes 6",
      remedy: "6 words or passages of each concept",
    });
    const one = await measured(RECORDS.map((record) => ({ ...record, document: record.concept })));
    expect(one.concepts).toBeNull();
    expect(one.refusals.map(({ reason }) => reason)).toContain(
      "the texts of the concept late are of 1 document, each takes 5",
    );
  });
});
