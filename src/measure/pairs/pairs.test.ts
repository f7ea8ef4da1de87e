/** Pairs of completions: code lengths and information against the naive decoder, whatever the windows; what is refused. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { assign, referencePoints } from "../../info/assignment.ts";
import { preferenceInformation, swapsOf } from "../../info/preference.ts";
import { splitUnits } from "../../info/split.ts";
import { naiveDecoder } from "../../models/naive.testing.ts";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import type { Profile } from "../../profile/profile.ts";
import { openModel } from "../../references/open.ts";
import { measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { refuseUnshared } from "../shards/shard.ts";
import { pairCorpus } from "./corpus.ts";
import { pairNeeds } from "./needs.ts";

const at = temporaryFolder();
const M = 6;
const PLANE = { points: M, frontier: null };

/** Chosen completions of letters, rejected ones of digits, of uneven lengths, some behind a prompt longer than a window. */
const RECORDS = Array.from({ length: 24 }, (_, i) => {
  const stream = random("completions", i);
  const of = (letters: string): string =>
    Array.from({ length: 2 + stream.below(5) }, () => letters[stream.below(letters.length)]).join("");
  return {
    prompt: i % 6 === 0 ? `${"long ".repeat(8)}${i}:` : `${i}:`,
    chosen: of("abcde"),
    rejected: of("12345 ") + ".",
  };
});

const SET = { name: "p", digest: "", total: 24, repeated: 0, equal: 0 };
const PAIRS = RECORDS.map((record, index) => ({ ...record, line: index + 1 }));

async function measured(
  records: readonly object[],
  plan: Readonly<Record<string, unknown>> = {},
  prefix = true,
): Promise<Profile> {
  const path = at("pairs.jsonl");
  writeFileSync(path, records.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const { pairs, ...rest } = plan as { pairs?: object };
  const { profile } = await measureFiles({
    model: await writeModel(at("model"), { prefix }),
    text: writeText(at("text.txt"), sampleText(6, 60)),
    work: at("work"),
    plan: { plane: PLANE, ...rest, pairs: { path, ...pairs } },
  });
  return profile;
}

describe("pairs", () => {
  it.each([true, false])("are the naive decoder's code lengths and states, a prefix: %s", async (prefix) => {
    const { preference } = await measured(RECORDS, { context: { tokens: 32, asked: true }, overlap: 8 }, prefix);
    const { information } = preference!;
    const decode = await naiveDecoder(at("model"));
    const END = prefix ? [256] : [];
    const room = 32 - END.length;
    const { epsilon } = information!;
    const points = { points: referencePoints(0, M, 16), m: M, d: 16, epsilon };
    const n = RECORDS.length;
    const nats = [new Float64Array(n), new Float64Array(n)];
    const tokens = [new Float64Array(n), new Float64Array(n)] as const;
    const layers = Array.from({ length: 3 }, () => [new Float64Array(n * M), new Float64Array(n * M)] as const);
    for (const [pair, { prompt, ...both }] of RECORDS.entries())
      for (const [side, completion] of [both.chosen, both.rejected].entries()) {
        const ids = [...Buffer.from(prompt + completion)];
        const from = Buffer.byteLength(prompt);
        tokens[side][pair] = ids.length - from;
        for (let start = 0, scored = 0; scored < ids.length; start = scored - 8) {
          const { hiddenStates, nll } = decode([...END, ...ids.slice(start, start + room)]);
          const end = Math.min(ids.length, start + room);
          for (let token = Math.max(scored, from); token < end; token++) {
            const slot = END.length + token - start;
            nats[side][pair] += nll[slot - 1];
            for (const [layer, sums] of layers.entries())
              for (const [b, p] of assign(Float64Array.from(hiddenStates[layer][slot]), points).entries())
                sums[side][pair * M + b] += p;
          }
          scored = end;
        }
      }
    const bytes = tokens.map((own) => sum(own));
    for (const [side, own] of [preference!.chosen, preference!.rejected].entries()) {
      expect(own).toMatchObject({ tokens: bytes[side], bytes: bytes[side] });
      expect(own.bitsPerByte.value).toBeCloseTo(sum(nats[side]) / Math.LN2 / bytes[side], 5);
    }
    const wins = nats[0].map((own, pair) => Number(own / tokens[0][pair] < nats[1][pair] / tokens[1][pair]));
    expect(preference!.cheaper.share.value).toBe(mean(wins));
    expect(preference!.cheaper.chance.value).toBe(mean(wins));
    const totals = nats[0].map((own, pair) => Number(own < nats[1][pair]));
    expect(preference!.cheaperInTotal.share.value).toBe(mean(totals));
    const split = splitUnits(new Array<string>(n).fill(""), 0);
    const swaps = swapsOf(n, (draw) => random(0, "preference swaps", draw).uniform);
    for (const [layer, assigned] of layers.entries()) {
      const expected = preferenceInformation({ m: M, tokens, assigned }, split, swaps);
      const found = information!.layers[layer];
      expect(found.heldOut.value).toBeCloseTo(expected.heldOut.value, 5);
      expect(found.plugin.value).toBeCloseTo(expected.plugin.value, 5);
      expect(found.plugin.chance).toBeCloseTo(mean(expected.plugin.shuffled), 5);
    }
    const { summary, layers: all } = information!;
    expect(summary.heldOut.value).toBeCloseTo(mean(all.slice(1).map(({ heldOut }) => heldOut.value!)), 12);
    expect(summary.heldOutChance.value).toBeCloseTo(summary.heldOut.value!, 12);
    // Letters and digits are told apart by the embedding alone.
    expect(all[0].heldOutChance.p).toBe(1 / 201);
  });

  it("do not depend on what shares a batch", async () => {
    const [one, other] = [await measured(RECORDS), await measured(RECORDS, { batchTokens: 40 })];
    expect(other.preference!.difference.value).toBeCloseTo(one.preference!.difference.value!, 5);
    const [a, b] = [one, other].map(({ preference }) => preference!.information!.summary.heldOut.value!);
    expect(a).toBeCloseTo(b, 5);
    expect(one.plan.pairs).toEqual({ path: "pairs.jsonl", limit: 1024 });
    expect(one.plane).not.toBeNull();
  });

  it("all of which agree have an interval all the same, and are noted where they differ in length", async () => {
    const same = (i: number): string => `${i}`.repeat(3);
    const { preference } = await measured(
      Array.from({ length: 12 }, (_, i) => ({ chosen: same(i), rejected: `${same(i)}${same(i)}${same(i)}` })),
    );
    expect(preference!.cheaperInTotal.share).toEqual({ value: 1, low: expect.closeTo(0.735, 3), high: 1 });
    expect(preference!.notes.join(" ")).toMatch(/chosen completions are shorter than rejected ones/);
  });

  it("of which there are few are refused with how many it takes; the information takes more", async () => {
    const few = await measured(RECORDS.slice(0, 9));
    expect(few.preference).toBeNull();
    expect(few.refusals).toContainEqual({
      figure: "preference",
      reason: "9 pairs of completions that differ, it takes 10",
      remedy: "10 pairs or more",
    });
    const some = await measured(RECORDS, { pairs: { limit: 19 } });
    expect(some.preference).toMatchObject({ pairs: 19, total: 24, information: null });
    expect(some.preference!.notes).toContain("19 of 24 pairs, drawn by the seed");
    expect(some.refusals).toContainEqual({
      figure: "preference.information",
      reason: "19 pairs of completions that differ, it takes 20",
      remedy: "20 pairs or more",
    });
    const [without] = unmet(pairNeeds({ ...SET, pairs: PAIRS }, new Set(["losses", "assignments"]), false));
    expect(without).toMatchObject({ figure: "preference.information", remedy: { text: "leave out --no-plane" } });
    const [blind] = unmet(pairNeeds({ ...SET, pairs: PAIRS }, new Set(["losses"]), true));
    expect(blind.reason).toMatch(/does not show its hidden states/);
  });

  it("are not for shards, nor for conversations", () => {
    const plan = { text: [{ path: "x" }], pairs: { path: "pairs.jsonl" } };
    expect(() => refuseUnshared({ plan: validatePlan(plan) })).toThrow(/pairs cannot be cut into shards/);
    expect(() => validatePlan({ ...plan, chat: true })).toThrow(/pairs are texts, not conversations/);
  });

  it("whose completion joins the prompt's last token are charged from the last token on that both share", async () => {
    const tokenizer = await (await openModel(await writeModel(at("model")), { offline: true })).tokenizer();
    // Tokens of up to two letters, from the left.
    const pairwise = {
      prefix: null,
      encode(text: string) {
        const ends = Array.from({ length: Math.ceil(text.length / 2) }, (_, i) => Math.min(text.length, 2 * i + 2));
        const ids = Int32Array.from(ends, (end, i) =>
          text
            .slice(2 * i, end)
            .split("")
            .reduce((id, one) => 256 * id + one.charCodeAt(0), 0),
        );
        return { ...tokenizer.encode(text), ids, byteEnds: Uint32Array.from(ends) };
      },
    };
    const corpusOf = (prompt: string) =>
      pairCorpus(
        { ...SET, pairs: [{ line: 1, prompt, chosen: "xy", rejected: "xyzz" }] },
        { tokenizer: pairwise, context: 64, overlap: 8 },
      );
    expect(corpusOf("abcd")).toMatchObject({
      joined: 0,
      completions: [
        { from: 2, tokens: 1, bytes: 2 },
        { from: 2, tokens: 2, bytes: 4 },
      ],
    });
    expect(corpusOf("abc")).toMatchObject({
      joined: 1,
      completions: [
        { from: 1, tokens: 2, bytes: 3 },
        { from: 1, tokens: 3, bytes: 5 },
      ],
    });
  });
});
