/**
 * Generation against what other implementations wrote (stories260k), and its ends: a token that ends a text, the number
 * asked for, the model's last position.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { decoderOf } from "../ports/model.ts";
import { openFolder } from "../references/folder.ts";
import { type GenerateOptions, generate } from "./generate.ts";
import { DecodingSession } from "./session.ts";
import { continueText } from "./text.ts";

const GREEDY = { temperature: 0, topP: 1, seed: 0 };

async function open(folder: string, longest: number) {
  const model = await openFolder(folder);
  const session = await DecodingSession.open({ ...decoderOf(model)!, threads: 1, prediction: "logits", longest });
  return { model, session };
}

/** Tokens of every row. */
async function all(
  session: DecodingSession,
  prompts: readonly (readonly number[])[],
  options: Partial<GenerateOptions> & { maxTokens: number },
): Promise<number[][]> {
  const rows: number[][] = prompts.map(() => []);
  for await (const tokens of generate(session, prompts, { ...GREEDY, ends: new Set(), ...options })) {
    tokens.forEach((id, b) => {
      if (id !== null) rows[b].push(id);
    });
  }
  return rows;
}

describe("generate", () => {
  const PROMPTS = [
    [1, 2, 3, 4, 5],
    [6, 7],
    [8, 9, 10],
  ];

  it("gives a row the same tokens alone and among others", async () => {
    const { session } = await open(fixture("models/llama"), 40);
    for (const sampling of [GREEDY, { temperature: 1, topP: 0.9, seed: 3 }]) {
      const together = await all(session, PROMPTS, { ...sampling, maxTokens: 20 });
      const alone = await all(session, PROMPTS.slice(0, 1), { ...sampling, maxTokens: 20 });
      expect(together[0]).toEqual(alone[0]);
      expect(together.map(({ length }) => length)).toEqual([20, 20, 20]);
    }
    const drawn = (seed: number) => all(session, PROMPTS, { temperature: 1, topP: 1, seed, maxTokens: 20 });
    expect(await drawn(3)).toEqual(await drawn(3));
    expect(await drawn(3)).not.toEqual(await drawn(4));
    await session.close();
  });

  it("ends a row at its end of text, and goes on with the others", async () => {
    const { session } = await open(fixture("models/llama"), 40);
    const whole = await all(session, PROMPTS, { maxTokens: 20 });
    const end = whole[0][10];
    const cut = whole.map((row) => (row.includes(end) ? row.slice(0, row.indexOf(end)) : row));
    expect(await all(session, PROMPTS, { maxTokens: 20, ends: new Set([end]) })).toEqual(cut);
    expect(cut[0].length).toBeLessThan(20);
    await session.close();
  });

  it("stops where the positions end: the last token is predicted, never read", async () => {
    const { session } = await open(fixture("models/llama"), 8);
    expect((await all(session, [PROMPTS[0]], { maxTokens: 20 }))[0]).toHaveLength(4);
    await expect(all(session, [[]], { maxTokens: 1 })).rejects.toThrow(/nothing to go on from.*--prompt/);
    await session.close();
  });
});

describe.skipIf(!hasShared)("stories260k (needs ../shared/fixtures)", () => {
  it("continues the golden prompts as transformers and run.c do", async () => {
    const folder = shared("models/stories260k");
    const golden: {
      greedy: readonly { prompt: string; prompt_ids: number[]; n_new: number; new_ids: number[]; text: string }[];
    } = JSON.parse(readFileSync(shared("models/stories260k/golden.json"), "utf8"));
    const { session, model } = await open(folder, 256);
    const maxTokens = golden.greedy[0].n_new;
    const found = await all(
      session,
      golden.greedy.map(({ prompt_ids }) => prompt_ids),
      { maxTokens },
    );
    expect(found).toEqual(golden.greedy.map(({ new_ids }) => new_ids));
    await session.close();
    for (const { prompt, text } of golden.greedy) {
      const parts: Uint8Array[] = [];
      for await (const { bytes } of continueText(model, { ...GREEDY, prompt, maxTokens, threads: 2 }))
        parts.push(bytes);
      expect(prompt + Buffer.concat(parts).toString()).toBe(text);
    }
  });
});
