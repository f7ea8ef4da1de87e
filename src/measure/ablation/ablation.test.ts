/**
 * The causal check on models whose inside is known: one with units of its own for each of two alphabets, which it has to find, and one
 * whose units serve both alike, where it must find none. What is refused, and that a stopped run goes on.
 */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openModel } from "../../references/open.ts";
import { readConcepts } from "../../text/concepts.ts";
import { tokenizeCorpus } from "../../tokenizer/document.ts";
import { listener, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { type AblationRequest, measureAblation } from "./ablation.ts";
import { conceptTexts } from "./concept-texts.ts";

const at = temporaryFolder();

const [WIDTH, UNITS] = [32, 40];
const CONFIG = { hidden_size: WIDTH, intermediate_size: UNITS, num_hidden_layers: 1, tie_word_embeddings: false };
/** Two alphabets whose letters follow each other in a circle. */
const ALPHABETS = ["abcd", "wxyz"];
const LETTER = 2;
const NEXT = 10;

/** A tensor's entries, all 0 but those that are set. */
const matrix = (values: Float32Array, columns: number): ((row: number, column: number, value: number) => void) => {
  values.fill(0);
  return (row, column, value) => {
    values[row * columns + column] = value;
  };
};

/**
 * A letter's state says its alphabet and the letter. Planted: unit i of eight knows what follows letter i, the others do nothing
 * of use. Spread: ten units for each place of the circle, which the alphabets share; what alphabet it is, the head sees itself.
 */
const planted = (spread: boolean) => (name: string, values: Float32Array) => {
  if (name.endsWith("o_proj.weight")) return void values.fill(0);
  const letters = ALPHABETS.flatMap((own, alphabet) => [...own].map((letter, place) => ({ letter, alphabet, place })));
  const unitsOf = (index: number): number[] =>
    spread ? Array.from({ length: UNITS / 4 }, (_, copy) => 4 * copy + (index % 4)) : [index];
  if (name.endsWith("embed_tokens.weight")) {
    const set = matrix(values, WIDTH);
    for (const [index, { letter, alphabet }] of letters.entries()) {
      set(letter.charCodeAt(0), alphabet, 1);
      set(letter.charCodeAt(0), LETTER + index, 1);
    }
  } else if (name.endsWith("gate_proj.weight") || name.endsWith("up_proj.weight")) {
    const set = matrix(values, WIDTH);
    for (const index of letters.keys()) for (const unit of unitsOf(index)) set(unit, LETTER + index, 1);
    if (!spread) for (let unit = 8; unit < UNITS; unit++) for (let k = 0; k < 2; k++) set(unit, k, 0.3);
  } else if (name.endsWith("down_proj.weight")) {
    const set = matrix(values, UNITS);
    for (const [index, { alphabet, place }] of letters.entries()) {
      const next = (place + 1) % 4;
      for (const unit of unitsOf(index)) set(NEXT + next + (spread ? 0 : 4 * alphabet), unit, spread ? 0.1 : 1);
    }
    if (!spread) for (let unit = 8; unit < UNITS; unit++) set(WIDTH - 1, unit, 1);
  } else if (name.endsWith("lm_head.weight")) {
    const set = matrix(values, WIDTH);
    for (const { letter, alphabet, place } of letters) {
      set(letter.charCodeAt(0), NEXT + place + (spread ? 0 : 4 * alphabet), 3);
      if (spread) set(letter.charCodeAt(0), alphabet, 3);
    }
  }
};

async function request(spread: boolean, more: Partial<AblationRequest> = {}, documents = 12): Promise<AblationRequest> {
  const folder = await writeModel(at(spread ? "spread" : "planted"), { config: CONFIG, change: planted(spread) });
  const text = ALPHABETS.map((alphabet, place) => ({
    path: writeText(
      at(`${alphabet}.txt`),
      Array.from({ length: documents }, (_, index) => {
        const from = index % 4;
        return (alphabet.slice(from) + alphabet.repeat(5)).slice(0, 14 + index);
      }).join("\n\n"),
    ),
    domain: ["early", "late"][place],
  }));
  return {
    model: await openModel(folder, { offline: true, onDownload() {} }),
    plan: validatePlan({ text, splitOn: "\n\n", plane: null, geometry: false, baselines: false }),
    points: null,
    threads: 1,
    progress: listener(),
    ablation: { sites: "units", share: 0.1, draws: 20, fill: "mean" },
    concepts: null,
    work: at("work"),
    resume: false,
    ...more,
  };
}

describe("taking parts away", () => {
  it("finds units that a domain has to itself", async () => {
    const { matrix: found, curves, taken, total, domains, left } = await measureAblation(await request(false));
    expect(left).toEqual([]);
    expect([taken, total]).toEqual([4, UNITS]);
    expect(domains.map(({ name }) => name)).toEqual(["early", "late"]);
    for (const [row, { effects, matched, shares, localised }] of found.entries()) {
      expect(localised).toBe(true);
      expect(effects[row].value).toBeGreaterThan(1);
      // Their mean, put in everywhere, disturbs the other domain a little.
      expect(effects[1 - row].value).toBeLessThan(effects[row].value! / 3);
      expect(matched[row].high).toBeLessThan(effects[row].value! / 3);
      expect(shares[row]).toBeGreaterThan(0.7);
      expect(curves[row].area).toBeGreaterThan(0.5);
    }
  });

  it("finds none where all units serve both alike", async () => {
    const { matrix: found, curves } = await measureAblation(await request(true));
    for (const [row, { localised }] of found.entries()) {
      expect(localised).toBe(false);
      expect(Math.abs(curves[row].area)).toBeLessThan(0.25);
      expect(curves[row].areaInterval.low).toBeNull();
    }
  });

  it.each(["heads", "blocks"] as const)("takes %s away as well", async (sites) => {
    const given = await request(false, { ablation: { sites, share: 0.5, draws: 5, fill: "mean" } });
    if (sites === "blocks") {
      await expect(measureAblation(given)).rejects.toThrow(/has 1 block, .*--sites units/);
      return;
    }
    // Attention gives nothing in this model.
    const { matrix: found } = await measureAblation(given);
    for (const { effects, localised } of found) {
      expect(effects.map(({ value }) => value)).toEqual([0, 0]);
      expect(localised).toBe(false);
    }
  });

  it("goes on where it was stopped, to the same figures", async () => {
    const whole = await measureAblation(await request(false));
    const stopped = new AbortController();
    const progress = listener((label, updates) => {
      if (label === "parts taken away" && updates === 9) stopped.abort();
    });
    await expect(measureAblation(await request(false, { progress, signal: stopped.signal }))).rejects.toThrow(
      /stopped after \d+ of 53 masks: the same command with --resume/,
    );
    let updates = 0;
    const again = listener((label, made) => {
      if (label === "parts taken away") updates = made;
    });
    const resumed = await measureAblation(await request(false, { progress: again, resume: true }));
    expect(updates).toBeLessThan(50);
    const { provenance: _one, ...figures } = whole;
    const { provenance: _other, ...others } = resumed;
    expect(others).toEqual(figures);
  });

  it("is refused for a text of one domain, or of few documents, with the number needed", async () => {
    const one = await request(false);
    const plan = validatePlan({ ...one.plan, text: [{ path: at("abcd.txt") }] });
    await expect(measureAblation({ ...one, plan })).rejects.toThrow(/is of 1 domain, .*--domain prose=a/);
    await expect(measureAblation(await request(false, {}, 6))).rejects.toThrow(
      /too few documents: early has 6, late has 6; each domain takes 10: .*--split-on/,
    );
  });

  /** Words of letters that follow each other: what a list of them goes on with is what its units know. */
  const words = (alphabet: string, count: number): ConceptRecord[] =>
    Array.from({ length: count }, (_, index) => ({
      concept: alphabet,
      text: (alphabet.slice(index % 4) + alphabet.repeat(3)).slice(0, 5 + index),
    }));
  interface ConceptRecord {
    readonly concept: string;
    readonly text: string;
  }
  const conceptsOf = async (records: readonly ConceptRecord[]) => {
    const path = writeText(at("sets.jsonl"), records.map((one) => JSON.stringify(one)).join("\n"));
    return conceptTexts(await readConcepts([path], 0), 0);
  };

  it.each([false, true])(
    "does the same by concepts (units that serve both alike: %s), few words left out by name",
    async (spread) => {
      const concepts = await conceptsOf([...ALPHABETS.flatMap((alphabet) => words(alphabet, 12)), ...words("mnop", 7)]);
      const given = await request(spread, { concepts });
      const found = await measureAblation(given);
      expect(found.of).toBe("concepts");
      expect(found.left).toEqual([{ name: "mnop", reason: "mnop has 7 words, each concept takes 10" }]);
      expect(found.domains.map(({ name, chosen, evaluated }) => [name, chosen, evaluated])).toEqual([
        ["abcd", 6, 6],
        ["wxyz", 6, 6],
      ]);
      expect(found.matrix.map(({ localised }) => localised)).toEqual([!spread, !spread]);
    },
  );

  it("reads a word behind four of its concept and half, and counts it alone", async () => {
    const { sources, halves } = await conceptsOf(ALPHABETS.flatMap((alphabet) => words(alphabet, 12)));
    const model = (await request(false)).model;
    const { documents } = await tokenizeCorpus(await model.tokenizer({ specialTokens: false }), sources);
    for (const { name, chosen, evaluated } of halves(documents)) {
      const of = (half: typeof chosen) =>
        half.flatMap((unit) => unit.map(({ document, from }) => ({ text: document.text, from })));
      const inHalf = (half: typeof chosen): Set<string> => new Set(of(half).flatMap(({ text }) => text.split(", ")));
      for (const { text, from } of [...of(chosen), ...of(evaluated)]) {
        expect(text.split(", ")).toHaveLength(5);
        expect(text.slice(from)).toBe(` ${text.split(", ").at(-1)}`);
        expect([...text.replaceAll(", ", "")].every((letter) => name.includes(letter))).toBe(true);
      }
      const both = [...inHalf(chosen)].filter((word) => inHalf(evaluated).has(word));
      expect(both).toEqual([]);
    }
  });

  it("is refused where fewer than two concepts have words enough", async () => {
    await expect(conceptsOf([...words("abcd", 12), ...words("wxyz", 9)])).rejects.toThrow(
      /only abcd has texts enough: wxyz has 9 words, each concept takes 10: give 10 words/,
    );
  });

  it("puts nothing in the stead of what is taken away where zero is asked for", async () => {
    const of = async (fill: "mean" | "zero") =>
      (await measureAblation(await request(false, { ablation: { sites: "units", share: 0.1, draws: 1, fill } })))
        .matrix;
    const [mean, zero] = [await of("mean"), await of("zero")];
    // Units that the other domain never uses are nothing to it.
    expect(zero[0].effects[1].value).toBeCloseTo(0, 5);
    expect(mean[0].effects[1].value).toBeGreaterThan(0.01);
  });

  it("gives curves and areas their intervals where domains have documents enough", async () => {
    const many = await measureAblation(
      await request(false, { ablation: { sites: "units", share: 0.1, draws: 1, fill: "mean" } }, 24),
    );
    for (const { area, areaInterval, points } of many.curves) {
      expect(areaInterval.value).toBe(area);
      expect(areaInterval.low).toBeLessThanOrEqual(area);
      expect(areaInterval.high).toBeGreaterThanOrEqual(area);
      for (const { own, ownInterval } of points) expect(ownInterval.value).toBe(own);
    }
  });
});
