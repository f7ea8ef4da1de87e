/**
 * Candidates and answers: code lengths against what `measure` says of the same strings, the boundary between prompt and
 * answer where tokens cross it, and answers token by token.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { CONFIG, measureFiles, writeModel, writeText } from "../measure/model.testing.ts";
import { writeUntrained } from "../models/untrained.ts";
import { openModel } from "../references/open.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { trainTokenizer } from "../tokenizer/train.ts";
import { ask, Listener, type Question, tokenized } from "./candidates.ts";
import { continueText } from "./text.ts";

const at = temporaryFolder();
const question = (prompt: string, candidates: readonly string[], terminator = ".", joint = " "): Question => ({
  prompt,
  joint,
  terminator,
  candidates,
});
const QUESTIONS = [
  question("Ada lives in", ["Rome", "Romeo", "Ro", "Bath"]),
  question("The river that runs past the mill is", ["the Ware", "the Warel"], ","),
  question("Z", ["a", "b"], ";", ""),
];
const open = (folder: string) => openModel(folder, { offline: true, onDownload() {} });
/** Merges over ordinary words, spaces among what they join. */
const trained = createTokenizer(
  trainTokenizer(["walk walks walking walked talk talking talked talks ".repeat(40)], 290).tokenizer,
);

describe("asking", () => {
  it("gives every candidate the code length that measuring gives its text", async () => {
    const folder = await writeModel(at("model"));
    const replies = await ask(await open(folder), QUESTIONS, { threads: 1 });
    const texts = QUESTIONS.flatMap(({ prompt, joint, terminator, candidates }) =>
      candidates.map((candidate) => ({ prompt, whole: `${prompt}${joint}${candidate}${terminator}` })),
    );
    const text = writeText(at("text.txt"), texts.map(({ whole }) => whole).join("\n\n"));
    const { lossesOf } = await measureFiles({ model: folder, text, work: at("work") });
    // a token a byte
    const expected = texts.map(({ prompt }, index) =>
      lossesOf(index)
        .subarray(Buffer.byteLength(prompt))
        .reduce((sum, nats) => sum + nats, 0),
    );
    const found = replies.flatMap(({ nats }) => [...nats]);
    expect(found).toHaveLength(expected.length);
    found.forEach((nats, index) => {
      expect(nats, texts[index].whole).toBeCloseTo(expected[index], 4);
    });
  });

  it("charges an ending as what begins like it, so that a space is not held against the word it opens", async () => {
    // Of texts that go on with a word, no token is a space alone.
    const folder = at("trained");
    const text = "she walks 12 miles and talks 20 miles. ".repeat(40);
    const { tokenizer, tokenizerConfig } = trainTokenizer([text], 300);
    await writeUntrained(folder, { ...CONFIG, vocab_size: 300 }, 3);
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
    writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig));
    const [reply] = await ask(await open(folder), [question("she walks", ["12", "20"], " ")], { threads: 1 });
    const words = createTokenizer(tokenizer);
    const opensWord = Array.from({ length: 300 }, (_, id) => Buffer.from(words.bytesOf(id)).toString()).filter((one) =>
      one.startsWith(" "),
    ).length;
    expect(opensWord).toBeGreaterThan(5);
    // The weights are random and near zero, every token about as likely: ln 300 a token, and less for one of so many.
    const tokens = words.encode(" 12").ids.length;
    expect(reply.nats[0]).toBeCloseTo(tokens * Math.log(300) + Math.log(300 / opensWord), 0);
  });

  it("answers what generating one prompt after the other does, up to sixteen tokens", async () => {
    const model = await open(await writeModel(at("model")));
    const replies = await ask(model, QUESTIONS, { threads: 1 });
    for (const [index, { prompt, terminator, joint }] of QUESTIONS.entries()) {
      const bytes: number[] = [];
      const greedy = { temperature: 0, topP: 1, seed: 0, maxTokens: 16, threads: 1 };
      for await (const one of continueText(model, { ...greedy, prompt })) bytes.push(...one.bytes);
      const said = Buffer.from(bytes).toString();
      const answer = said.startsWith(joint) ? said.slice(joint.length) : said;
      const end = answer.indexOf(terminator, 1);
      expect(replies[index].answer).toBe((end < 0 ? answer : answer.slice(0, end)).trim());
      expect(replies[index].candidate).toBeNull();
    }
  });

  it("says how far it is, refuses what the model has no positions for, and stops", async () => {
    const model = await open(await writeModel(at("model")));
    const phases: Record<string, number> = {};
    await ask(model, QUESTIONS, {
      threads: 1,
      onProgress(phase, done) {
        phases[phase] = done;
      },
    });
    expect(phases).toEqual({ candidates: 3, answers: 3 });
    const long = question("x".repeat(CONFIG.max_position_embeddings), ["a"]);
    await expect(ask(model, [long], { threads: 1 })).rejects.toThrow(/has 64 positions/);
    await expect(ask(model, QUESTIONS, { threads: 1, signal: AbortSignal.abort() })).rejects.toThrow("stopped");
    expect(await ask(model, [], { threads: 1 })).toEqual([]);
  });
});

describe("tokens", () => {
  const texts = ({ stem, tails }: ReturnType<typeof tokenized>): string[] =>
    tails.map((tail) => Buffer.concat([...stem, ...tail].map((id) => trained.bytesOf(id))).toString());

  it("are those of the whole text, charged from the last one that all share with the prompt", () => {
    const asked = question("she walk", ["ing", "ed", "s"], ".", "");
    const { stem, tails, lead } = tokenized(trained, asked);
    const whole = asked.candidates.map((one) => [...trained.encode(`she walk${one}.`).ids]);
    expect(tails.map((tail) => [...stem, ...tail])).toEqual(whole);
    // `walk` is one token, and so is `walking`: what is left of the prompt is part of every answer.
    expect(trained.encode("she walk").ids.length).toBeGreaterThan(stem.length);
    expect(Buffer.concat(stem.map((id) => trained.bytesOf(id))).toString() + lead).toBe("she walk");
    expect(lead).toBe(" walk");
  });

  it("leave the prompt whole where nothing crosses", () => {
    const asked = question("she can", ["walk", "talk"]);
    const found = tokenized(trained, asked);
    expect(found.stem).toEqual([...trained.encode("she can").ids]);
    expect(found.lead).toBe(" ");
    expect(texts(found)).toEqual(["she can walk.", "she can talk."]);
  });

  it("must begin with something", () => {
    expect(() => tokenized(trained, question("", ["walk"], ".", ""))).toThrow(/shares no token.*give a longer prompt/);
  });
});

describe("an answer", () => {
  const listen = (asked: Question, said: string, lead = asked.joint) => {
    const listener = new Listener(trained, asked, { stem: [0], lead });
    const ids = trained.encode(said).ids;
    let heard = 0;
    for (const id of ids) {
      heard++;
      if (listener.hear(id).settled) break;
    }
    return { ...listener.heard, whole: heard === ids.length };
  };

  it("is the candidate that was said with its terminator, though another begins like it", () => {
    const asked = question("", ["Rome", "Romeo", "St. Ives", "Ro"]);
    expect(listen(asked, " Romeo. He")).toMatchObject({ answer: "Romeo", candidate: 1, whole: false });
    expect(listen(asked, " Ro.")).toMatchObject({ answer: "Ro", candidate: 3 });
    // the terminator inside a candidate ends nothing
    expect(listen(asked, " St. Ives.")).toMatchObject({ answer: "St. Ives", candidate: 2 });
  });

  it("is none where the terminator or the tokens end it", () => {
    const asked = question("", ["Rome", "Bath"]);
    expect(listen(asked, " Roma. Bath.")).toMatchObject({ answer: "Roma", candidate: null, whole: false });
    expect(listen(asked, " Rome and")).toMatchObject({ answer: "Rome and", candidate: null, whole: true });
    expect(listen(asked, "Rome.")).toMatchObject({ answer: "Rome", candidate: null });
    expect(listen(asked, "")).toMatchObject({ answer: "", candidate: null });
    // a terminator right behind the prompt is no empty answer
    expect(listen(question("", ["Rome"], " "), " Rome Bath")).toMatchObject({ answer: "Rome", candidate: 0 });
  });

  it("begins with what is left of the prompt", () => {
    const asked = question("she walk", ["ing", "ed"], ".", "");
    expect(listen(asked, " walking.", " walk")).toMatchObject({ answer: "ing", candidate: 0 });
    expect(listen(asked, " talked.", " walk")).toMatchObject({ answer: "talked", candidate: null });
  });
});
