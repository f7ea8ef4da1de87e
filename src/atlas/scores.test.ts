import { describe, expect, it } from "vitest";
import { parseScores } from "./scores.ts";

describe("scores from a table", () => {
  it("takes stderr and family where they are given", () => {
    expect(parseScores("model,benchmark,score,stderr,family\na,quiz,0.5,0.01,f\nb,quiz,0.25,,\n", "s.csv")).toEqual([
      { model: "a", benchmark: "quiz", score: 0.5, stderr: 0.01, family: "f", source: "s.csv, line 2" },
      { model: "b", benchmark: "quiz", score: 0.25, stderr: null, family: null, source: "s.csv, line 3" },
    ]);
  });

  it.each([
    ["model,benchmark,points\n", /unknown column "points"/],
    ["model,benchmark\n", /no column score/],
    ["model,benchmark,score\na,quiz,\n", /line 2: model, benchmark or score is empty/],
    ["model,benchmark,score\na,quiz,half\n", /line 2: score is "half"/],
  ])("refuses %j", (content, message) => expect(() => parseScores(content, "s.csv")).toThrow(message));
});

/** As lm-evaluation-harness 0.4 writes it. */
const harness = {
  results: {
    arc_easy: {
      alias: "arc_easy",
      "acc,none": 0.43,
      "acc_stderr,none": 0.0102,
      "acc_norm,none": 0.39,
      "acc_norm_stderr,none": 0.01,
    },
    gsm8k: {
      "exact_match,strict-match": 0.02,
      "exact_match_stderr,strict-match": 0.003,
      "exact_match,flexible-extract": 0.03,
    },
    wikitext: { "bits_per_byte,none": 0.9, "bits_per_byte_stderr,none": "N/A", sample_len: 62 },
  },
  config: { model: "hf", model_args: "pretrained=EleutherAI/pythia-70m,dtype=float32" },
};

describe("scores from lm-evaluation-harness", () => {
  it("takes every figure with its filter and error", () => {
    const found = parseScores(JSON.stringify(harness), "results_1.json");
    expect(found.map(({ benchmark, score, stderr }) => [benchmark, score, stderr])).toEqual([
      ["arc_easy/acc", 0.43, 0.0102],
      ["arc_easy/acc_norm", 0.39, 0.01],
      ["gsm8k/exact_match,strict-match", 0.02, 0.003],
      ["gsm8k/exact_match,flexible-extract", 0.03, null],
      ["wikitext/bits_per_byte", 0.9, null],
    ]);
    expect(new Set(found.map(({ model }) => model))).toEqual(new Set(["EleutherAI/pythia-70m"]));
  });

  it("reads the older form, without filters, and names given in other places", () => {
    const old = { results: { piqa: { acc: 0.6, acc_stderr: 0.01 } }, model_name: "org/m" };
    expect(parseScores(JSON.stringify(old), "R.JSON")).toMatchObject([
      { model: "org/m", benchmark: "piqa/acc", stderr: 0.01 },
    ]);
    const args = { ...harness, config: { model_args: { pretrained: "org/n" } } };
    expect(parseScores(JSON.stringify(args), "r.json")[0].model).toBe("org/n");
  });

  it.each([
    ["{", /is not JSON/],
    ["{}", /has no results/],
    [JSON.stringify({ results: harness.results }), /does not say which model/],
    [JSON.stringify({ ...harness, results: { a: { alias: "a" } } }), /holds no figure/],
  ])("refuses %j", (content, message) => expect(() => parseScores(content, "r.json")).toThrow(message));
});
