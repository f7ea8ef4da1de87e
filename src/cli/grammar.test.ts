import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alike } from "./alike.ts";
import { typed } from "./grammar.ts";
import { run } from "./run.testing.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lossyscope-grammar-"));
  mkdirSync(at("model"));
  for (const name of ["my notes.txt", "notes.txt.lsz", "states.safetensors"]) writeFileSync(at(name), "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What standard error says of a line that is no line: usage, and nothing on standard output. */
async function refused(...words: readonly string[]): Promise<string> {
  const { code, out, err } = await run(...words);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/^lossyscope: .*\n$/);
  return err.slice("lossyscope: ".length, -1);
}

describe("a line that no command takes", () => {
  it.each([
    [["mesure"], "there is no command mesure: did you mean lossyscope measure?"],
    [["gaet", "a.json"], "there is no command gaet: did you mean lossyscope gate?"],
    [["distll"], "there is no command distll: did you mean lossyscope distil?"],
    [["measurement"], "there is no command measurement: did you mean lossyscope measure?"],
    [["fit"], "there is no command fit: did you mean lossyscope atlas fit?"],
    [["version"], "there is no command version: did you mean lossyscope --version?"],
    [["nonsense"], "there is no command nonsense: lossyscope --help lists them"],
    [["help", "nonsense"], "there is no command nonsense: lossyscope --help lists them"],
    [["help", "atlas", "ad"], "atlas has no command ad: did you mean lossyscope atlas add?"],
    [["atlas", "ad"], "atlas has no command ad: did you mean lossyscope atlas add?"],
    [["\x1b[31mfoo"], "there is no command '␛[31mfoo': lossyscope --help lists them"],
  ])("%j", async (words, said) => {
    expect(await refused(...words)).toBe(said);
  });

  it("a model is what would be measured, with what was said of it", async () => {
    expect(await refused("./model")).toMatch(/did you mean lossyscope measure \.\/model --text FILE\?$/);
    expect(await refused("org/name", "--text", "a b.txt", "--quiet")).toMatch(
      /did you mean lossyscope measure org\/name --text 'a b\.txt' --quiet\?$/,
    );
    expect(await refused(at("model"))).toContain(`measure ${typed(at("model"))} --text FILE?`);
    expect(await refused("https://huggingface.co/org/name")).toContain(
      "measure https://huggingface.co/org/name --text",
    );
  });

  it("a file is what its name says", async () => {
    expect(await refused(at("my notes.txt"))).toContain(`measure MODEL --text '${at("my notes.txt")}'?`);
    expect(await refused(at("notes.txt.lsz"))).toContain(`decompress ${typed(at("notes.txt.lsz"))} --model MODEL?`);
    expect(await refused(at("states.safetensors"))).toContain(`estimate ${typed(at("states.safetensors"))}?`);
    expect(await refused("profile.json")).toContain("compare profile.json OTHER.json?");
  });
});

describe("an option that a command does not have", () => {
  it.each([
    [["measure", "--txt", "a"], "measure has no option --txt: did you mean --text?"],
    [["measure", "m", "--limit_bytes", "3"], "measure has no option --limit_bytes: did you mean --limit-bytes?"],
    [["measure", "m", "-text", "a"], "-text begins with one dash: write --text"],
    [["measure", "m", "-out", "a"], "-out begins with one dash: write --out"],
    [["measure", "m", "--plane"], "measure has no option --plane: did you mean --no-plane?"],
    [["measure", "m", "--no-resume"], "measure has no option --no-resume: did you mean --resume?"],
    [["measure", "m", "--resume=true"], "--resume takes no value: write --resume alone"],
    [
      ["measure", "m", "--lim", "3"],
      "measure has no option --lim: did you mean --limit-bytes, --limit-documents or --limit-facts?",
    ],
    [
      ["measure", "m", "--prompt", "x"],
      "measure has no option --prompt: did you mean --prompts? --prompt is an option of generate",
    ],
    [["recall", "m", "--set", "x"], "recall has no option --set: --set is an option of choose and predict"],
    [["atlas", "fit", "x", "--zzzz"], "atlas fit has no option --zzzz: lossyscope atlas fit --help lists its options"],
    [["train", "--txt", "a", "--config", "b", "--out", "c"], "train has no option --txt: did you mean --text?"],
    [["-v"], "there is no option -v without a command: did you mean -V?"],
    [
      ["--quiet", "measure", "m"],
      "there is no option --quiet without a command: write it behind the command: lossyscope measure --quiet",
    ],
  ])("%j", async (words, said) => {
    expect(await refused(...words)).toBe(said);
  });

  it("names some of the commands that have it, and counts the others", async () => {
    expect(await refused("--text", "a")).toMatch(/--text is an option of \w+, \w+, \w+ and \d more$/);
  });
});

describe("too few words, and too many", () => {
  it.each([
    [["measure", "--seed"], "--seed needs a value: --seed <n>, seed of everything random"],
    [["measure", "m", "--out", "--json"], /^--out needs a value, and --json follows: --out <folder>, /],
    [["measure", "m", "--text", "--quiet"], /^--text needs a value, and --quiet follows: --text <path...>, /],
    [
      ["inspect", "a", "b"],
      "inspect takes <model> alone, and got a and b: lossyscope inspect --help says what it takes",
    ],
    [
      ["measure", "m", "my notes.txt"],
      "measure takes <model> alone, and got m and 'my notes.txt': did you mean lossyscope measure m --text 'my notes.txt'?",
    ],
    [["atlas", "--json", "fit"], "--json would take fit as its value: write lossyscope atlas fit --json"],
    [["compress", "a", "m"], /did you mean lossyscope compress a --model m\?$/],
    [["demo", "x"], "demo takes nothing but options, and got x: lossyscope demo --help says what it takes"],
    [["atlas", "fit"], "atlas fit needs <set>: name of a calibration set"],
    [["measure"], /^measure needs <model>: folder in the Hugging Face layout, a /],
    [
      ["measure", "--text", "a.txt", "./model"],
      "measure needs <model>, and --text took ./model: name it first: lossyscope measure ./model --text a.txt",
    ],
    [["inspect", "--json", "org/name"], /name it first: lossyscope inspect org\/name --json$/],
    [["compress", "a"], /^compress needs --model <model>: folder in the Hugging Face layout/],
    [["train"], /^train needs --config <file>, --out <folder> and --text <path...>: as in lossyscope train --text /],
  ])("%j", async (words, said) => {
    expect(await refused(...words)).toEqual(said instanceof RegExp ? expect.stringMatching(said) : said);
  });

  it("a value may look like an option where it is tied to one", async () => {
    expect(await refused("generate", "m", "--prompt=--seed", "--max-tokens", "none")).toContain("--max-tokens none");
    expect(await refused("generate", "m", "--prompt", "--seed", "3")).toMatch(/^--prompt needs a value/);
  });
});

describe("a value that an option does not take", () => {
  it.each([
    [["measure", "m", "--seed", "x"], "--seed x: expected a whole number"],
    [["measure", "m", "--context", "1"], "--context 1: expected a whole number of at least 2"],
    [["measure", "m", "--like", "lmeval"], "--like lmeval: expected lm-eval or llama.cpp; did you mean lm-eval?"],
    [
      ["measure", "m", "--with", "recal"],
      "--with recal: expected next-token, spread, sharing, recall or facts; did you mean recall?",
    ],
    [
      ["measure", "m", "--seed", "1' is invalid. so it is"],
      "--seed '1'\\'' is invalid. so it is': expected a whole number",
    ],
  ])("%j", async (words, said) => {
    expect(await refused(...words)).toBe(said);
  });
});

describe("no text", () => {
  const NAMED = "--text FILE…, a folder, or - for standard input";

  it.each([
    ["measure", "./model"],
    ["measure", "org/name", "--out", "x"],
    ["recall", "./model"],
    ["trajectory", "./run"],
    ["train", "--config", "c.json", "--out", "x"],
  ])("%s %s", async (...words) => {
    expect(await refused(...words)).toBe(`name a text: ${NAMED}`);
  });

  it("of what can do without one, what else it takes is said", async () => {
    writeFileSync(`${at("model")}/config.json`, "{}");
    expect(await refused("compare", at("model"), at("model"))).toBe(
      `name a text to measure ${at("model")} on, or its profile: ${NAMED}`,
    );
    expect(await refused("states", "m", "--out", "x")).toBe(`name a text, or token ids with --ids FILE: ${NAMED}`);
  });
});

describe("help", () => {
  it("is of the command that is named, on standard output", async () => {
    const { code, out } = await run("help", "atlas", "fit");
    expect(code).toBe(0);
    expect(out).toMatch(/^Usage: lossyscope atlas fit <set>/);
    expect((await run("help")).out).toMatch(/^Usage: lossyscope <command>/);
    expect((await run("help", "distill")).out).toMatch(/^Usage: lossyscope distil /);
  });

  it("of no command at all is wrong usage, on standard error", async () => {
    const { code, out, err } = await run();
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^Usage: lossyscope <command>/);
  });
});

describe("names alike", () => {
  it.each([
    ["mesure", ["measure", "merge"], ["measure"]],
    ["Measure", ["measure", "merge"], ["measure"]],
    ["me", ["measure", "merge", "gate"], ["measure", "merge"]],
    ["eval", ["recall", "atlas"], []],
    ["ab", ["cd", "fit"], []],
    ["", ["gate"], []],
  ])("%s among %j", (word, names, found) => {
    expect(alike(word, names)).toEqual(found);
  });
});
