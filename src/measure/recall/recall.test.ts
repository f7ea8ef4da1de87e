/**
 * What recall says of a model whose continuations are known because they were taken from it, of text it never wrote, and of
 * what it cannot be asked.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { generate } from "../../decode/generate.ts";
import { writeLetterModel } from "../../decode/model.testing.ts";
import { DecodingSession } from "../../decode/session.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { random } from "../../numeric/random.ts";
import { decoderOf } from "../../ports/model.ts";
import type { Profile } from "../../profile/profile.ts";
import { openModel } from "../../references/open.ts";
import { type Asked, listener, measureFiles, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { prepare } from "../prepare.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const stream = random(0, "recall test");
const letters = (length: number): string =>
  Array.from({ length }, () => "abcdefghijklmnopqrstuvwxyz"[stream.below(26)]).join("");

/** The prompts with what the model goes on with, greedily; no token of this model is a character in part. */
async function continued(folder: string, prompts: readonly string[], tokens: number): Promise<string[]> {
  const model = await openModel(folder, { offline: true });
  const tokenizer = await model.tokenizer();
  const rows = prompts.map((prompt) => [tokenizer.prefix!.id, ...tokenizer.encode(prompt).ids]);
  const options = { ...decoderOf(model)!, threads: 1, prediction: "logits", longest: 64 } as const;
  const session = await DecodingSession.open(options);
  const texts = [...prompts];
  try {
    const greedily = { temperature: 0, topP: 1, seed: 0, maxTokens: tokens, ends: new Set<number>() };
    for await (const ids of generate(session, rows, greedily))
      ids.forEach((id, row) => {
        texts[row] += Buffer.from(tokenizer.bytesOf(id!)).toString();
      });
    return texts;
  } finally {
    await session.close();
  }
}

async function recalled(
  texts: { text: readonly string[] | string; unseen?: readonly string[] },
  recall: Readonly<Record<string, unknown>>,
  more: Partial<Asked> = {},
): Promise<Profile> {
  const { text } = texts;
  const path = typeof text === "string" ? text : writeText(at("text.txt"), text.join("\n\n"));
  const unseen = texts.unseen && [{ path: writeText(at("unseen.txt"), texts.unseen.join("\n\n")) }];
  const { profile } = await measureFiles({
    model: at("model"),
    text: path,
    work: at("work"),
    plan: { with: ["recall"], recall, ...(unseen && { unseen }) },
    ...more,
  });
  return profile;
}

const reasons = ({ refusals }: Profile, figure: string): string[] =>
  refusals.filter((one) => one.figure === figure).map(({ reason }) => reason);

describe("verbatim recall", () => {
  it("is whole where the text is what the model goes on with, and none where it is another", async () => {
    const folder = await writeLetterModel(at("model"));
    const prompts = Array.from({ length: 12 }, () => letters(8));
    const own = await continued(folder, prompts, 8);
    const foreign = Array.from({ length: 12 }, () => letters(16).toUpperCase());
    const { recall } = await recalled({ text: own }, { prefixes: [8], length: 8 });
    expect(recall).toMatchObject({ passages: 12, documents: 12, skipped: { documents: 0, tokens: 16 } });
    const [known] = recall!.verbatim;
    expect(known).toMatchObject({
      exact: { value: 1, high: 1 },
      commonPrefix: { value: 1 },
      editDistance: { value: 0 },
    });
    // Clopper & Pearson for 12 of 12
    expect(known.exact.low).toBeCloseTo(0.025 ** (1 / 12), 12);
    expect(recall!.gist!.all.truth.value).toBeCloseTo(1, 4);
    expect(recall!.gist!.all.difference.low).toBeGreaterThan(0);
    expect(recall!.gist!.inexact.passages).toBe(0);

    const strange = (await recalled({ text: foreign }, { prefixes: [8], length: 8 })).recall!;
    expect(strange.verbatim[0]).toMatchObject({ exact: { value: 0, low: 0 }, memorised: { value: 0 } });
    expect(strange.samples.every(({ exact, truth, came }) => !exact && truth !== came)).toBe(true);
  });

  it("calls guessable what statistics of letters get right too", async () => {
    const folder = await writeLetterModel(at("model"));
    const prompt = letters(8);
    const [text] = await continued(folder, [prompt], 8);
    const told = await recalled(
      { text: [text, ...Array.from({ length: 9 }, () => letters(16))] },
      { prefixes: [8], length: 8 },
    );
    const place = told.recall!.samples.find(({ document }) => document === 0)!;
    expect(place).toMatchObject({ prompt, truth: text.slice(8), came: text.slice(8), exact: true, guessable: false });
    expect(told.recall).toMatchObject({ memorised: { value: 0.1 }, control: { source: "text" } });

    const unseen = Array.from({ length: 10 }, (_, i) => `${text}${i}`);
    const guessed = await recalled({ text: [text, letters(16)], unseen }, { prefixes: [8], length: 8 });
    expect(guessed.recall!.samples.find(({ document }) => document === 0)).toMatchObject({
      exact: true,
      guessable: true,
    });
    expect(guessed.recall).toMatchObject({ memorised: { value: 0 }, control: { source: "unseen" } });
  });

  it("tells by exposures of the records and by repeats in the text", async () => {
    await writeLetterModel(at("model"));
    const [twice, once] = [letters(16), letters(16)];
    const records = [
      { text: twice, exposures: 5 },
      { text: twice, exposures: 4 },
      { text: once, exposures: 1 },
      { text: `${letters(3)}${twice}${letters(3)}`, exposures: "many" },
      { text: letters(7), exposures: 0 },
    ];
    const path = writeText(at("text.jsonl"), records.map((record) => JSON.stringify(record)).join("\n"));
    const { recall } = await recalled({ text: path }, { prefixes: [4, 8], length: 8 });
    expect(recall!.skipped).toEqual({ documents: 1, tokens: 16 });
    expect(recall!.exposures.map(({ from, to, passages }) => [from, to, passages])).toEqual([
      [1, 1, 1],
      [4, 5, 2],
    ]);
    expect(recall!.repeats.map(({ from, to, passages }) => [from, to, passages])).toEqual([
      [1, 1, 2],
      [3, 3, 2],
    ]);
  });

  it("has no interval by exposures or repeats of few documents, and says of which", async () => {
    const twice = letters(16);
    const records = [
      ...Array.from({ length: 12 }, () => ({ text: letters(16), exposures: 1 })),
      ...[2, 3, 8].map((exposures) => ({ text: twice, exposures })),
    ];
    const path = writeText(at("text.jsonl"), records.map((record) => JSON.stringify(record)).join("\n"));
    await writeLetterModel(at("model"));
    const { recall, refusals } = await recalled({ text: path }, { prefixes: [4], length: 6, passages: 30 });
    expect(recall!.interval.absent).toBeNull();
    expect(recall!.exposures.map(({ from, to, exact }) => [from, to, exact.low === null])).toEqual([
      [1, 1, false],
      [2, 3, true],
      [8, 8, true],
    ]);
    expect(recall!.repeats.map(({ from, exact }) => [from, exact.low === null])).toEqual([
      [1, false],
      [3, true],
    ]);
    const reasons = refusals.filter(({ figure }) => /exposures|repeats/.test(figure));
    expect(reasons.map(({ figure, reason }) => [figure, reason])).toEqual([
      ["recall.exposures.interval", "no interval, too few blocks: 2–3 times (2), 8 times (1)"],
      ["recall.repeats.interval", "no interval, too few blocks: 3 times (3)"],
    ]);
  });

  it("is the same in batches of any size", async () => {
    await writeLetterModel(at("model"));
    const text = Array.from({ length: 70 }, () => letters(40));
    const whole = (await recalled({ text }, { prefixes: [4, 8], length: 8, passages: 100 })).recall!;
    const few = (await recalled({ text }, { prefixes: [4, 8], length: 8, passages: 30 })).recall!;
    const known = new Map(whole.samples.map(({ document, token, came }) => [`${document} ${token}`, came]));
    const both = few.samples.filter(({ document, token }) => known.has(`${document} ${token}`));
    expect(both.length).toBeGreaterThan(0);
    for (const { document, token, came } of both) expect(came).toBe(known.get(`${document} ${token}`));
    expect([whole.passages, few.passages]).toEqual([100, 30]);
  });
});

describe("what cannot be asked", () => {
  it("is said with numbers", async () => {
    await writeLetterModel(at("model"));
    const text = Array.from({ length: 3 }, () => letters(40));
    const short = await recalled({ text }, { prefixes: [32], length: 32 });
    expect(short.recall).toBeNull();
    expect(reasons(short, "recall")).toEqual([
      "the longest document has 40 tokens, a prefix of 32 and a passage of 32 need 64",
    ]);
    const narrow = await recalled({ text }, { prefixes: [64], length: 8 });
    expect(reasons(narrow, "recall")).toEqual([
      "a prefix of 64 tokens and a passage of 8 need 72 positions, the model has 64",
    ]);
    const partly = await recalled({ text }, { prefixes: [8, 64], length: 8 });
    expect(partly.recall!.verbatim.map(({ prefix }) => prefix)).toEqual([8]);
    expect(reasons(partly, "recall.verbatim")).toHaveLength(1);
  });

  it("is membership without unseen text, guessing and gist without a second document", async () => {
    await writeLetterModel(at("model"));
    const alone = await recalled({ text: [letters(60)] }, { prefixes: [8], length: 8 });
    expect(alone.recall).toMatchObject({ membership: null, control: null, gist: null, memorised: { value: null } });
    for (const figure of ["recall.membership", "recall.control", "recall.gist"])
      expect(reasons(alone, figure)).toHaveLength(1);
    expect(alone.recall!.interval.absent).toMatch(/^no interval: 1 block/);
  });

  it("is refused where unseen text is given for nothing", async () => {
    await writeLetterModel(at("model"));
    const path = writeText(at("text.txt"), letters(60));
    const plan = { unseen: [{ path }] };
    await expect(measureFiles({ model: at("model"), text: path, work: at("work"), plan })).rejects.toThrow(
      "--with recall",
    );
  });

  it("leaves the words out where no text is kept", async () => {
    await writeLetterModel(at("model"));
    const { profile } = await measureFiles({
      model: at("model"),
      text: writeText(at("text.txt"), [letters(20), letters(20)].join("\n\n")),
      work: at("work"),
      plan: { with: ["recall"], recall: { prefixes: [8], length: 8 }, keepText: false },
    });
    expect(profile.recall!.passages).toBe(2);
    expect(profile.recall!.samples).toEqual([]);
  });
});

describe("the run's id", () => {
  it("follows the unseen text and the exposures, not where the files lie", async () => {
    const model = await openModel(await writeLetterModel(at("model")), { offline: true });
    const [seen, unseen, other] = [letters(20), letters(20), letters(20)];
    const idOf = async (exposures: number, unseenText: string, folder: string): Promise<string> => {
      const path = writeText(at(folder, "seen.jsonl"), JSON.stringify({ text: seen, exposures }));
      const plan = validatePlan({
        text: [{ path }],
        unseen: [{ path: writeText(at(folder, "unseen.txt"), unseenText) }],
        with: ["recall"],
        plane: null,
      });
      return (await prepare({ model, plan, points: null, progress: listener() })).subject.id;
    };
    const first = await idOf(1, unseen, "a");
    expect(await idOf(1, unseen, "b")).toBe(first);
    expect(await idOf(2, unseen, "c")).not.toBe(first);
    expect(await idOf(1, other, "d")).not.toBe(first);
  });
});
