/**
 * Code lengths over trees against the full pass, text by text, over every fixture: sliding windows, ALiBi and learned
 * positions among them. The full pass itself is held to other implementations in `models/architectures.test.ts`.
 */
import { describe, expect, it, vi } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { manifest } from "../models/architectures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { lengthSteps } from "../models/rotary.ts";
import { openModel } from "../models/session.testing.ts";
import { random } from "../numeric/random.ts";
import { type Branching, codeLengths, type TreeOptions } from "./trees.ts";

vi.mock("../engines/runtime.ts", async () => ({
  createRuntime: (await import("../engines/runtime.testing.ts")).runtimeHere,
}));

const models = (await manifest()).filter(({ name }) => name !== "stories260k");
const VOCABULARY = 97;
const LONGEST = 28;
/** nats of a whole tail; float32 in both passes */
const ALLOWED = 2e-4;

const pick = random(1, "trees");
const some = (length: number): number[] => Array.from({ length }, () => pick.below(VOCABULARY));

/** Stems of different lengths; tails that share beginnings, one that begins another, a long one, one twice. */
const BRANCHINGS: readonly Branching[] = [5, 16, 1].map((length) => {
  const shared = some(3);
  const tails = [
    [...shared, ...some(2)],
    [...shared, ...some(1)],
    shared,
    [...shared.slice(0, 2), ...some(4)],
    some(1),
    some(12),
  ];
  return { stem: some(length), tails: [...tails, tails[0]] };
});

/** The same tails, each closed by a class, and one that is nothing but its closing. */
const CLASSES = [new Set(some(5)), new Set([7]), new Set(Array.from({ length: VOCABULARY }, (_, token) => token))];
const CLOSED: readonly Branching[] = BRANCHINGS.map(({ stem, tails }) => {
  const all = [...tails, []];
  return { stem, tails: all, closings: all.map((_, tail) => tail % CLASSES.length) };
});

async function optionsOf(name: string): Promise<TreeOptions> {
  const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
  return { spec: specOf(config), weights, threads: 1 };
}

/** Every tail by itself, in float64 from the logits of the measuring graph. */
async function oneByOne(name: string, branchings: readonly Branching[]): Promise<number[][]> {
  const { run, spec } = await openModel(fixture(`models/${name}`), () => ({ everything: true }), LONGEST);
  const natsOf = async (
    stem: readonly number[],
    tail: readonly number[],
    closing: Iterable<number>,
  ): Promise<number> => {
    const ids = [...stem, ...tail];
    // Of a tree that may pass a limit of length every text is read as long (METHODS §0); padding makes it so here.
    const padding = lengthSteps(spec).length > 0 ? LONGEST - ids.length : 0;
    const data = [...ids, ...new Array<number>(padding).fill(0)];
    const { logits } = await run({ input_ids: { data, dims: [1, data.length] } });
    const lossOf = (at: number, tokens: Iterable<number>): number => {
      const row = logits.data.subarray(at * spec.vocabulary, (at + 1) * spec.vocabulary);
      const largest = row.reduce((a, b) => Math.max(a, b));
      const mass = (of: Iterable<number>): number => [...of].reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
      return Math.log(mass(row)) - Math.log(mass(Array.from(tokens, (token) => row[token])));
    };
    const along = tail.reduce((nats, token, at) => nats + lossOf(stem.length + at - 1, [token]), 0);
    return along + ([...closing].length > 0 ? lossOf(ids.length - 1, closing) : 0);
  };
  return Promise.all(
    branchings.map(({ stem, tails, closings }) =>
      Promise.all(tails.map((tail, index) => natsOf(stem, tail, closings ? CLASSES[closings[index]] : []))),
    ),
  );
}

describe.each(models)("$name", ({ name }) => {
  it("gives every tail the code length of the full pass, with a closing or without", async () => {
    const branchings = [...BRANCHINGS, ...CLOSED];
    const options = { ...(await optionsOf(name)), classes: CLASSES };
    const [found, expected] = await Promise.all([codeLengths(branchings, options), oneByOne(name, branchings)]);
    found.forEach((nats, b) => {
      nats.forEach((value, tail) => {
        expect(Math.abs(value - expected[b][tail]), `branching ${b}, tail ${tail}`).toBeLessThan(ALLOWED);
      });
    });
  });
});

describe("trees", () => {
  it("larger than a run are cut, and give what they give whole", async () => {
    const options = await optionsOf("llama");
    const inParts = { ...options, slots: 256 };
    const stem = some(4);
    const tails = Array.from({ length: 120 }, () => some(6));
    let most = 0;
    const [whole] = await codeLengths([{ stem, tails }], options);
    const [cut] = await codeLengths([{ stem, tails }], { ...inParts, onProgress: (done) => (most = done) });
    expect(most).toBe(1);
    const closings = tails.map((_, tail) => tail % CLASSES.length);
    const closed = [{ stem, tails, closings }];
    const [wholeClosed] = await codeLengths(closed, { ...options, classes: CLASSES });
    const [cutClosed] = await codeLengths(closed, { ...inParts, classes: CLASSES });
    tails.forEach((_, tail) => {
      expect(cut[tail]).toBeCloseTo(whole[tail], 4);
      expect(cutClosed[tail]).toBeCloseTo(wholeClosed[tail], 4);
      expect(whole[tail]).toBeGreaterThan(0);
    });
  });

  it.each(["llama", "gemma2", "bloom"])(
    "of %s without a class among them are those of a graph without",
    async (name) => {
      const options = await optionsOf(name);
      const [without, among] = await Promise.all([
        codeLengths(BRANCHINGS, options),
        codeLengths([...BRANCHINGS, ...CLOSED], { ...options, classes: CLASSES }),
      ]);
      without.forEach((nats, b) => {
        nats.forEach((value, tail) => {
          expect(value, `branching ${b}, tail ${tail}`).toBeCloseTo(among[b][tail], 4);
        });
      });
    },
  );

  it("refuse a text longer than the model's positions, and stop when told to", async () => {
    const options = await optionsOf("gpt2");
    await expect(codeLengths([{ stem: some(64), tails: [some(2)] }], options)).rejects.toThrow(/has 64 positions/);
    const signal = AbortSignal.abort();
    await expect(codeLengths([{ stem: [1], tails: [[2]] }], { ...options, signal })).rejects.toThrow("stopped");
  });

  it("without branchings need no model", async () => {
    expect(await codeLengths([], await optionsOf("llama"))).toEqual([]);
  });
});
