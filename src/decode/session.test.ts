/**
 * Step by step against the full pass over every fixture: one token at a time, and prompts of unequal length that go on
 * together. The full pass itself is held to other implementations in `models/architectures.test.ts`.
 */
import { describe, expect, it, vi } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { manifest } from "../models/architectures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { openModel } from "../models/session.testing.ts";
import { random } from "../numeric/random.ts";
import { DecodingSession } from "./session.ts";

vi.mock("../engines/runtime.ts", async () => ({
  createRuntime: (await import("../engines/runtime.testing.ts")).runtimeHere,
}));

const models = (await manifest()).filter(({ name }) => name !== "stories260k");

/** Rows of different lengths, longer than every fixture's sliding window. */
const LENGTHS = [24, 17, 21];
/** tokens after the prompts */
const FURTHER = 8;
const LONGEST = Math.max(...LENGTHS);
const VOCABULARY = 97;
const pick = random(1, "decode session");
const ROWS = LENGTHS.map((length) => Array.from({ length }, () => pick.below(VOCABULARY)));

/** The fixtures' tolerance, as `architectures.testing.ts` states it, on what one run finds largest. */
const RELATIVE = 5e-6;

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return largest(Array.from(a, (value, i) => (Number.isFinite(value) ? value - b[i] : Number.POSITIVE_INFINITY)));
};

async function open(name: string, longest = LONGEST): Promise<DecodingSession> {
  const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
  return DecodingSession.open({ spec: specOf(config), weights, threads: 1, prediction: "logits", longest });
}

/** Logits of every position of every row by the measuring graph, [row][position][V]. */
async function fullPass(name: string, rows: readonly (readonly number[])[]): Promise<Float32Array[][]> {
  const { run, spec } = await openModel(fixture(`models/${name}`), () => ({ everything: true }), LONGEST);
  return Promise.all(
    rows.map(async (ids) => {
      const { logits } = await run({ input_ids: { data: ids, dims: [1, ids.length] } });
      return ids.map((_, s) => logits.data.subarray(s * spec.vocabulary, (s + 1) * spec.vocabulary));
    }),
  );
}

describe.each(models)("$name", ({ name, float32_run_max_abs_difference }) => {
  it("gives the logits of the full pass at every position, step by step and after prompts of unequal length", async () => {
    const expected = await fullPass(name, ROWS);
    const most = Math.max(...expected.flat().map(largest));
    const allowed = Math.max(5 * (float32_run_max_abs_difference.logits ?? 0), RELATIVE * most);
    const hold = (row: Float32Array, b: number, s: number): void => {
      expect(difference(row, expected[b][s]), `row ${b}, position ${s}`).toBeLessThan(allowed);
    };
    const session = await open(name);
    for (const [s, id] of ROWS[0].entries()) hold((await session.advance([[id]]))[0], 0, s);

    session.restart();
    const prompts = ROWS.map((ids) => ids.slice(0, -FURTHER));
    (await session.advance(prompts)).forEach((row, b) => {
      hold(row, b, prompts[b].length - 1);
    });
    for (let step = 0; step < FURTHER; step++) {
      const at = prompts.map(({ length }) => length + step);
      (await session.advance(at.map((s, b) => [ROWS[b][s]]))).forEach((row, b) => {
        hold(row, b, at[b]);
      });
    }
    await session.close();
  });
});

describe("a session", () => {
  it("starts anew, with other rows, as if nothing had been before", async () => {
    const session = await open("llama");
    const [first] = await session.advance([[1, 2, 3]]);
    session.restart();
    await session.advance([[5], [6, 7]]);
    session.restart();
    expect((await session.advance([[1, 2, 3]]))[0]).toEqual(first);
    await session.close();
  });

  it("goes past the room that a cache begins with", async () => {
    const [name, length] = ["mistral-sharded", 150];
    const ids = Array.from({ length }, () => pick.below(VOCABULARY));
    const { run, spec } = await openModel(fixture(`models/${name}`), () => ({ everything: true }), length);
    const { logits } = await run({ input_ids: { data: ids, dims: [1, length] } });
    const session = await open(name, length);
    const allowed = RELATIVE * largest(logits.data);
    await session.advance([ids.slice(0, 70)]);
    for (let s = 70; s < length; s++) {
      const [found] = await session.advance([[ids[s]]]);
      const expected = logits.data.subarray(s * spec.vocabulary, (s + 1) * spec.vocabulary);
      expect(difference(found, expected), `position ${s}`).toBeLessThan(allowed);
    }
    await session.close();
  });

  it("refuses what outgrows it, and what is no step", async () => {
    const session = await open("llama", 4);
    await expect(session.advance([[1, 2, 3, 4, 5]])).rejects.toThrow(/a row of 5 tokens was asked for, .* 4 positions/);
    await session.advance([[1, 2, 3, 4]]);
    await expect(session.advance([[1]])).rejects.toThrow(/a row of 5 tokens/);
    await expect(session.advance([[1], [2]])).rejects.toThrow(/tokens for each of 1 rows/);
    await session.close();
    await expect(open("gpt2", 65)).rejects.toThrow(/has 64 positions/);
  });
});
