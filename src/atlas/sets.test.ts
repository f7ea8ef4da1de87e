import { describe, expect, it } from "vitest";
import { columnsOf, parseSet, SET_SCHEMA } from "./sets.ts";

const description = {
  schema: SET_SCHEMA,
  name: "mine",
  title: "t",
  about: "a",
  text: null,
  predictors: {
    bits: { figure: "coding.overall.bitsPerByte", unit: "bits per byte", scale: "linear", ofText: true, about: "" },
    parameters: { figure: "ledger.parameters.total", unit: "parameters", scale: "ln", ofText: false, about: "" },
  },
  fit: ["bits"],
  ridge: 0,
  areas: { quiz: { score: "accuracy", text: null } },
};
const HEADER = columnsOf(Object.keys(description.predictors)).join(",");
const parse = (rows: string, changes: object = {}) =>
  parseSet(JSON.stringify({ ...description, ...changes }), `${HEADER}\n${rows}`, "mine");

describe("reading a set", () => {
  it("keeps blank cells blank", () => {
    const [row] = parse("quiz,m,f,,,1.5,,,,,,,\n").rows;
    expect(row).toMatchObject({
      predictors: { bits: 1.5, parameters: null },
      parameters: null,
      score: null,
      tokenizer: null,
    });
  });

  it.each([
    ["exam,m,f,,,1.5,0.5,,,,,,\n", /line 2: area "exam" is not in set.json/],
    ["quiz,,f,,,1.5,0.5,,,,,,\n", /line 2: no model/],
    ["quiz,m,,,,1.5,0.5,,,,,,\n", /line 2: no family/],
    ["quiz,m,f,,0,1.5,0.5,,,,,,\n", /parameters is 0 and has no logarithm/],
    ["quiz,m,f,,,x,0.5,,,,,,\n", /line 2: bits is "x"/],
    ["quiz,m,f,,,1,,,,,,,\nquiz,m,f,,,2,,,,,,,\n", /m stands twice in area quiz, on lines 2 and 3/],
  ])("refuses %j", (rows, message) => expect(() => parse(rows)).toThrow(message));

  it.each([
    [{ schema: "lossyscope.atlas/2" }, /set.json: schema/],
    [{ fit: ["entropy"] }, /fits entropy, which is none of its predictors/],
    [{ colour: "red" }, /unknown key "colour"/],
  ])("refuses a description with %j", (changes, message) => expect(() => parse("", changes)).toThrow(message));

  it("refuses what is no JSON", () => expect(() => parseSet("{", "", "mine")).toThrow(/set.json is not JSON/));
});
