import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { groupBy } from "../numeric/groups.ts";
import { columnsOf, defaultAtlas, loadSet, parseSet, SET_SCHEMA, setNames } from "./sets.ts";

let nowhere: string;
beforeAll(async () => {
  nowhere = await mkdtemp(join(tmpdir(), "atlas-"));
});
afterAll(() => rm(nowhere, { recursive: true }));

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

describe("published sets", () => {
  it("are there, each row with source, status and licence", async () => {
    const names = (await setNames(nowhere)).map(({ name }) => name);
    expect(names).toEqual(["ladder", "last-word", "llm-compression", "open-llm", "open-llm-v2", "pile-loss"]);
    for (const name of names) {
      const set = await loadSet(name, nowhere);
      expect(set.name).toBe(name);
      for (const { source, status, licence, model } of set.rows) {
        expect(
          [source, status, licence].filter((cell) => cell === ""),
          `${name}: ${model}`,
        ).toEqual([]);
        expect(status).not.toMatch(/recalled/);
      }
      // every model stands in every area of a set, whether or not its cells are filled
      if (name !== "llm-compression") {
        const sizes = [...groupBy(set.rows, ({ area }) => area).values()].map((rows) => rows.length);
        expect(new Set(sizes).size).toBe(1);
      }
    }
  });
});

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

  it("names the sets there are when there is none of that name", () =>
    expect(loadSet("nowhere", nowhere)).rejects.toThrow(
      /no calibration set is called nowhere: choose from .*llm-compression/,
    ));
});

it("keeps own sets in the user's data folder", () => {
  expect(defaultAtlas({ XDG_DATA_HOME: "/data" })).toBe("/data/lossyscope/atlas");
  expect(defaultAtlas({ XDG_DATA_HOME: "" })).toMatch(/\.local\/share\/lossyscope\/atlas$/);
});
