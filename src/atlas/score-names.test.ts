import { describe, expect, it } from "vitest";
import { matchScores } from "./score-names.ts";
import type { Score } from "./scores.ts";

const scored = (model: string, source = "results.json"): Score => ({
  model,
  benchmark: "quiz",
  score: 0.5,
  stderr: null,
  family: null,
  source,
});
const match = (written: string, ...models: string[]) => matchScores([scored(written)], models).scores[0].model;

describe("whose scores they are", () => {
  it.each<[string, string[], string]>([
    ["org/model", ["org/model", "model"], "org/model"],
    ["/data/checkpoints/model", ["org/model", "org/other"], "org/model"],
    ["/data/checkpoints/model/", ["model", "other"], "model"],
    ["./model", ["org/model"], "org/model"],
    ["D:\\models\\model", ["model"], "model"],
    ["org/model", ["model"], "model"],
    ["model", ["org/model"], "org/model"],
    [`/cache/models--org--model/snapshots/${"0".repeat(40)}`, ["org/model", "else/model"], "org/model"],
    ["/runs/main/step-30", ["main/step-30", "sibling/step-30"], "main/step-30"],
  ])("%j among %j are of %s", (written, models, model) => expect(match(written, ...models)).toBe(model));

  it.each<[string, string[]]>([
    ["/data/model", ["org/model", "else/model"]],
    ["org/model", ["else/model"]],
    ["/data/Model", ["org/model"]],
    ["/runs/other/step-30", ["main/step-30"]],
  ])("%j are of none of %j", (written, models) => expect(match(written, ...models)).toBe(written));

  it("says what it took for what, and follows what is given", () => {
    const scores = [scored("/runs/final", "a.json"), scored("/runs/final", "b.json"), scored("/x/one"), scored("two")];
    const { scores: matched, taken } = matchScores(
      scores,
      ["org/a", "org/b", "org/one", "two"],
      [
        { name: "org/a", written: "a.json" },
        { name: "org/b", written: "b.json" },
      ],
    );
    expect(matched.map(({ model }) => model)).toEqual(["org/a", "org/b", "org/one", "two"]);
    expect(taken).toEqual([
      { name: "org/a", written: "/runs/final" },
      { name: "org/b", written: "/runs/final" },
      { name: "org/one", written: "/x/one" },
    ]);
  });

  it("refuses given names that are of nothing", () => {
    expect(() => matchScores([scored("a")], ["m"], [{ name: "n", written: "a" }])).toThrow(
      "--name: no profile is of n: choose from m",
    );
    expect(() => matchScores([scored("a")], ["m"], [{ name: "m", written: "b" }])).toThrow(
      "--name: no score is of b: scores are of a",
    );
  });
});
