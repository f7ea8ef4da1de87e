/** Files of facts: what they may hold, what is said of bad ones, and samples that stand for the whole. */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { facts as almanacFacts, createWorld } from "../almanac/almanac.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { type FactOptions, readFacts, templatesOf } from "./facts.ts";

const at = temporaryFolder();
const ALL = { limit: null, prompts: null, seed: 0 };

function write(name: string, content: string): string {
  writeFileSync(at(name), content);
  return at(name);
}

const jsonl = (...records: readonly object[]): string => records.map((one) => `${JSON.stringify(one)}\n`).join("");
const read = (content: string, options: Partial<FactOptions> = {}) =>
  readFacts(write("facts.jsonl", content), { ...ALL, ...options });

const born = (subject: string, value: string, more: object = {}) => ({
  subject,
  relation: "born",
  value,
  prompts: [{ text: `${subject} was born in`, terminator: "." }],
  ...more,
});

describe("records", () => {
  it("take what they leave out from the file: candidates from the relation's values, no exposures, no prior", async () => {
    const set = await read(
      jsonl(born("Ada", "1815"), born("Alan", "1912"), born("Grace", "1906"), born("Kurt", "1906")),
    );
    expect(set).toMatchObject({ name: "facts.jsonl", total: 4, priorBits: null });
    expect(set.facts[0]).toEqual({
      subject: "Ada",
      relation: "born",
      value: "1815",
      candidates: ["1815", "1912", "1906"],
      prompts: [{ text: "Ada was born in", joint: " ", terminator: "." }],
      exposures: null,
      priorBits: null,
      weight: 1,
    });
    expect(set.relations.get("born")).toEqual({ facts: 4, commonest: 0.5, commonestFrom: "counts" });
  });

  it("of the almanac are read as they are, priors and all", async () => {
    const written = [...almanacFacts(createWorld(3, "tiny"))];
    const set = await read(jsonl(...written));
    expect(
      set.facts.map(({ subject, value, candidates, exposures, priorBits }) => [
        subject,
        value,
        candidates,
        exposures,
        priorBits,
      ]),
    ).toEqual(
      written.map(({ subject, value, candidates, exposures, priorBits }) => [
        subject,
        value,
        candidates,
        exposures,
        priorBits,
      ]),
    );
    expect(set.relations.get("person.shire")).toMatchObject({ commonest: 1 / 32, commonestFrom: "prior" });
    expect(set.priorBits).toBeCloseTo(written.reduce((sum, { priorBits }) => sum + priorBits, 0));
  });

  it.each([
    ["{", /facts\.jsonl, line 3 is not JSON/],
    ["[]", /line 3: expected an object, found an empty list/],
    [JSON.stringify({ relation: "born", value: "1" }), /line 3: subject: expected text/],
    [JSON.stringify(born("X", "")), /line 3: value: expected text/],
    [JSON.stringify(born("X", "1", { exposures: -1 })), /line 3: exposures: expected a whole number/],
    [JSON.stringify(born("X", "1", { exposures: "often" })), /line 3: exposures: expected a whole number/],
    [JSON.stringify(born("X", "1", { priorBits: -0.5 })), /line 3: priorBits: expected a number/],
    [JSON.stringify(born("X", "1", { candidates: ["2", "3"] })), /line 3: the value "1" is not among the 2 candidates/],
    [JSON.stringify(born("X", "1", { candidates: ["1", "1"] })), /line 3: a candidate is named twice/],
    [JSON.stringify(born("X", "1", { prompts: [] })), /line 3: prompts: expected a list/],
    [JSON.stringify(born("X", "1", { prompts: [{ text: "X", terminator: "" }] })), /line 3: prompts\[0\]\.terminator/],
    [JSON.stringify(born("Ada", "1816")), /line 3: a second value of born for "Ada"/],
    [
      JSON.stringify(born("X", "1", { prompts: undefined })),
      /line 3: no prompts, and no template for the relation "born"/,
    ],
    [
      String.raw`{"subject":"\ud800","relation":"r","value":"1"}`,
      /line 3: subject: expected text without half a surrogate pair, found "\\ud800"/,
    ],
  ])("%s is refused with its line", async (line, message) => {
    await expect(read(`${jsonl(born("Ada", "1815"))}\n${line}\n`)).rejects.toThrow(message);
  });

  it("need not be text, be there, or be in a known format", async () => {
    await expect(read("\n \n")).rejects.toThrow(/has no facts/);
    writeFileSync(at("facts.jsonl"), Buffer.from([0x7b, 0xff, 0x0a]));
    await expect(readFacts(at("facts.jsonl"), ALL)).rejects.toThrow(/line 1 is not UTF-8/);
    await expect(readFacts(write("facts.txt", "x"), ALL)).rejects.toThrow(/no file of facts.*\.jsonl or \.csv/);
    await expect(readFacts(at("missing.jsonl"), ALL)).rejects.toThrow(/missing\.jsonl/);
  });
});

describe("tables", () => {
  const TABLE = 'subject,relation,value,exposures\n"Lovelace, Ada",born,1815,3\nParis,river,Seine,\n';

  it("take their prompts from templates, the answer's end from behind the value", async () => {
    const templates = templatesOf([
      ["born", "{subject} was born in"],
      ["born", "In {value}, {subject} saw the light"],
      ["river", "{subject}的河是{value}。"],
    ]);
    const { facts } = await readFacts(write("facts.csv", TABLE), { ...ALL, templates });
    expect(facts.map(({ prompts, exposures }) => ({ prompts, exposures }))).toEqual([
      {
        prompts: [
          { text: "Lovelace, Ada was born in", joint: " ", terminator: "." },
          { text: "In", joint: " ", terminator: "," },
        ],
        exposures: 3,
      },
      { prompts: [{ text: "Paris的河是", joint: "", terminator: "。" }], exposures: null },
    ]);
  });

  it("are refused for what is missing or wrong, with the line", async () => {
    const path = write("facts.csv", TABLE);
    await expect(readFacts(path, ALL)).rejects.toThrow(
      /line 2: no prompts, and no template for the relation "born".*--template/,
    );
    await expect(readFacts(write("facts.csv", "subject,value\nA,b\n"), ALL)).rejects.toThrow(/no column relation/);
    await expect(readFacts(write("facts.csv", "subject,relation,value,exposures\nA,b,c,often\n"), ALL)).rejects.toThrow(
      /line 2: exposures is "often"/,
    );
    expect(() => templatesOf([["born", "was born in"]])).toThrow(/no template of the relation "born"/);
    expect(() => templatesOf([["born", "{subject} {value} {value}"]])).toThrow(/no template/);
  });

  it("have a digest that covers file and templates", async () => {
    const digestOf = async (content: string, template: string) =>
      (await readFacts(write("facts.csv", content), { ...ALL, templates: templatesOf([["r", template]]) })).digest;
    const table = "subject,relation,value\nA,r,b\n";
    const first = await digestOf(table, "{subject} is");
    expect(await digestOf(table, "{subject} is")).toBe(first);
    expect(await digestOf(table, "{subject} was")).not.toBe(first);
    expect(await digestOf(table.replace("r,b", "r,c"), "{subject} is")).not.toBe(first);
  });
});

describe("samples", () => {
  const records = Array.from({ length: 400 }, (_, i) => ({
    subject: `s${i}`,
    relation: i % 40 === 0 ? "rare" : `common${i % 2}`,
    value: String(i % 7),
    prompts: ["is", "was", "will be"].map((verb) => ({ text: `s${i} ${verb}`, terminator: "." })),
    exposures: i < 300 ? 0 : i < 390 ? 1 : 2,
  }));

  it("are balanced over exposures, leave no relation out and weigh up to the file", async () => {
    const { facts, total } = await read(jsonl(...records), { limit: 40, prompts: 2, seed: 5 });
    const ofLevel = (level: number) => facts.filter(({ exposures }) => exposures === level);
    expect(total).toBe(400);
    for (const [level, count] of [0, 1, 2].map((one) => [one, one === 2 ? 10 : 40])) {
      expect(Math.abs(ofLevel(level).length - count)).toBeLessThanOrEqual(2);
      const whole = records.filter(({ exposures }) => exposures === level);
      for (const relation of new Set(whole.map((one) => one.relation))) {
        const taken = ofLevel(level).filter((one) => one.relation === relation);
        expect(taken.length).toBeGreaterThan(0);
        expect(taken.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(
          whole.filter((one) => one.relation === relation).length,
        );
      }
    }
    expect(facts.every(({ prompts }) => new Set(prompts.map(({ text }) => text)).size === 2)).toBe(true);
    // candidates come from the whole file, not from the sample
    expect(facts.every(({ candidates }) => candidates.length === 7)).toBe(true);
  });

  it("follow the seed", async () => {
    const subjects = async (seed: number) =>
      (await read(jsonl(...records), { limit: 40, seed })).facts.map(({ subject }) => subject);
    expect(await subjects(1)).toEqual(await subjects(1));
    expect(await subjects(1)).not.toEqual(await subjects(2));
  });
});
