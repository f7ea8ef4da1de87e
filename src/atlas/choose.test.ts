import { describe, expect, it } from "vitest";
import { knownLicence } from "../models/ledger-known.ts";
import { recommendationText } from "../report/atlas/choice.ts";
import { choose, type Facts, parseFacts } from "./choose.ts";
import type { Constraints } from "./limits.ts";
import { modelProfile, type Sample } from "./sample.testing.ts";

const named = (sample: Sample) => ({ file: `${sample.name}.json`, profile: modelProfile(sample) });
const facts = (model: string, given: Partial<Facts> = {}): Facts => ({
  model,
  price: null,
  licence: null,
  tokensPerSecond: null,
  ...given,
});

const large = named({ name: "large", bitsPerByte: 0.8, parameters: 1_000_000 });
const near = named({ name: "near", bitsPerByte: 0.801, parameters: 500_000 });
const small = named({ name: "small", bitsPerByte: 1, parameters: 100_000 });
const waste = named({ name: "waste", bitsPerByte: 1.2, parameters: 800_000 });
const all = [large, near, small, waste];
const run = (constraints: Constraints = {}, known: readonly Facts[] = [], given = all) =>
  choose(given, known, constraints, 0, knownLicence);

describe("choosing", () => {
  const found = run();

  it("drops what something else beats or matches in everything, and says what", () => {
    // near ties with large in bits per byte and has half its weights
    expect(found.dominated).toEqual([
      { model: "large", by: ["near"] },
      { model: "waste", by: ["near", "small"] },
    ]);
    expect(found.frontier).toEqual(["near", "small"]);
    expect(found.criteria).toEqual(["bits per byte", "weights"]);
    expect(found.unknown).toEqual(["cost", "speed"]);
  });

  it("recommends the smallest text where nothing ties with it", () => {
    expect(run({}, [], [large, small, waste]).recommendation).toMatchObject({
      model: "large",
      tied: ["large"],
      by: null,
    });
  });

  it("takes speed into account where it is given of all", () => {
    const fast = ["large", "near", "small", "waste"].map((model) =>
      facts(model, { tokensPerSecond: model === "waste" ? 9000 : 5000 }),
    );
    expect(run({}, fast)).toMatchObject({ frontier: ["near", "small", "waste"], unknown: ["cost"] });
  });

  it("recommends the lightest of those that write the smallest text, with the distance to the next", () => {
    const { model, smallest, tied, by, next } = found.recommendation!;
    expect([model, smallest, tied, by]).toEqual(["near", "near", ["near", "large"], "weights"]);
    expect(next).toMatchObject({ model: "large", difference: { verdict: "tie" } });
  });

  it("breaks a tie by cost where prices are known, tokens by bytes folded in", () => {
    const priced = ["large", "near", "small", "waste"].map((model) =>
      facts(model, { price: model === "large" ? 1 : 2 }),
    );
    const { candidates, frontier, recommendation } = run({}, priced);
    const { corpus } = large.profile;
    expect(candidates[0].costPerMillionBytes).toBeCloseTo(corpus.tokens / corpus.bytes, 12);
    expect(frontier).toEqual(["near", "large", "small"]);
    expect(recommendation).toMatchObject({ model: "large", smallest: "near", tied: ["near", "large"], by: "cost" });
  });

  it("holds constraints first, and what is not known is not met", () => {
    const weights = near.profile.ledger!.weightBytes;
    const { excluded, frontier } = run({ memoryBytes: weights });
    expect(excluded.map(({ model }) => model)).toEqual(["large", "waste"]);
    expect(excluded[0].reasons[0]).toMatch(/^4\.00 MB of weights, 2\.00 MB more than the 2\.00 MB of memory$/);
    expect(frontier).toEqual(["near", "small"]);
    expect(run({ price: 1 }).excluded.map(({ reasons }) => reasons[0])).toEqual(Array(4).fill("price is not known"));
    expect(run({ price: 1 }).recommendation).toBeNull();
    expect(run({ tokensPerSecond: 6000 }, [facts("small", { tokensPerSecond: 7000 })]).frontier).toEqual(["small"]);
    expect(run({ weightBytes: weights - 1 }).frontier).toEqual(["small"]);
  });

  it("takes a model whose weights are not at hand, and holds no limit of theirs for met", () => {
    const weightless = { ...near, profile: { ...near.profile, ledger: null } };
    const among = (constraints: Constraints) => choose([large, weightless, small], [], constraints, 0);
    const free = among({});
    expect(free.candidates.map(({ weightBytes }) => weightBytes === null)).toEqual([false, true, false]);
    expect(free.criteria).not.toContain("weights");
    expect(free.recommendation).toMatchObject({ model: "near", tied: ["near", "large"], by: null });
    expect(recommendationText(free)[0]).toContain(
      "in the fewest bits as measured, though it cannot be told from large",
    );
    const { excluded } = among({ weightBytes: 1e12, memoryBytes: 1 });
    expect(excluded.find(({ model }) => model === "near")!.reasons).toEqual(
      Array(2).fill("size of the weights is not known"),
    );
    const alone = choose([weightless], [], { memoryBytes: 1 }, 0);
    expect(recommendationText(alone).at(-1)).toBe("Measure a model whose weights are at hand.");
  });

  it("says the nearest limits where none is left, and only there", () => {
    expect(run({ memoryBytes: 1000 }).nearest).toEqual([
      { model: "small", limits: [{ limit: "memory", value: small.profile.ledger!.weightBytes }] },
    ]);
    expect(run({ memoryBytes: 2_000_000 }).nearest).toEqual([]);
  });

  it("knows licences from the table, and from the ledger where they were seen", () => {
    const pythia = named({ name: "EleutherAI/pythia-70m", bitsPerByte: 1, parameters: 70_426_624 });
    const given = [pythia, near, small];
    const known = [facts("near", { licence: "Llama 2 community" })];
    const { excluded } = run({ licences: ["permissive"] }, known, given);
    expect(excluded.map(({ model, reasons }) => ({ model, reasons }))).toEqual([
      { model: "near", reasons: ["licence Llama 2 community is not permissive"] },
      { model: "small", reasons: ["licence is not known"] },
    ]);
    expect(run({ licences: ["llama 2 community"] }, known, given).frontier).toEqual(["near"]);
  });

  it.each([
    ["a model twice", () => run({}, [], [near, near]), /near.json and near.json are both of near/],
    ["facts of a stranger", () => run({}, [facts("nearr")]), /the table names nearr, of which there is no profile/],
    [
      "another text",
      () =>
        run(
          {},
          [],
          [near, { ...small, profile: { ...small.profile, corpus: { ...small.profile.corpus, digest: "ff" } } }],
        ),
      /measure all models on the same text/,
    ],
    [
      "no losses",
      () => run({}, [], [{ ...near, profile: { ...near.profile, coding: null } }]),
      /near.json has no bits per byte/,
    ],
  ])("refuses %s", (_, make, message) => expect(make).toThrow(message));
});

describe("facts", () => {
  it("are read with either spelling", () => {
    expect(parseFacts("model,license,price\na,MIT,0.5\nb,,\n", "f.csv")).toEqual([
      { model: "a", licence: "MIT", price: 0.5, tokensPerSecond: null },
      { model: "b", licence: null, price: null, tokensPerSecond: null },
    ]);
  });

  it.each([
    ["model,cost\n", /unknown column "cost"/],
    ["model,price\na,-1\n", /line 2: price is -1/],
    ["model,price\na,1\na,2\n", /line 3: a stands on line 2 as well/],
    ["model,price\n,1\n", /line 2: no model/],
    ["model,price\na,€1\n", /line 2: price is "€1"/],
  ])("refuses %j", (content, message) => expect(() => parseFacts(content, "f.csv")).toThrow(message));
});
