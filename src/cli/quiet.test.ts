/** With `--quiet` a command prints one line and says nothing else; what is asked for as JSON comes as it does without. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const QUICK = ["--no-plane", "--no-geometry", "--no-baselines", "--context", "32", "--threads", "1"];

async function given() {
  const text = writeText(at("text.txt"), sampleText(24, 60));
  const model = await writeLetterModel(at("model"));
  const fact = { subject: "Ada", relation: "born in", value: "Rome", candidates: ["Rome", "Oslo"], priorBits: 1 };
  const prompts = [{ text: "Ada was born in", joint: " ", terminator: "." }];
  const facts = writeText(at("facts.jsonl"), JSON.stringify({ ...fact, prompts }));
  for (const step of [1, 2]) await writeModel(at("run", `step-${step}`));
  return { text, model, facts, reading: ["--text", text, "--split-on", "\\n\\n"] };
}

const COMMANDS: readonly [string, RegExp, (files: Awaited<ReturnType<typeof given>>) => string[]][] = [
  ["measure", /^model .* of its size$/, ({ model, reading }) => [model, ...reading, ...QUICK, "--out", at("out")]],
  [
    "recall",
    /^Shown 4 tokens, it goes on/,
    ({ model, reading }) => [model, ...reading, "--prefix", "4", "--length", "4"],
  ],
  ["facts", /^Of what it is asked it knows /, ({ model, facts }) => [model, "--facts", facts, "--threads", "1"]],
  ["trajectory", /^From step 1 to step 2 run goes/, ({ reading }) => [at("run"), ...reading, ...QUICK]],
  [
    "compare",
    /^run.step-2 (and run.step-1 are tied on this text|needs .* than run.step-1)$/,
    ({ reading }) => [at("run", "step-1"), at("run", "step-2"), ...reading, ...QUICK],
  ],
  ["inspect", /^gpt2: .* parameters in .* of weights, 32\.0 bits a parameter$/, () => [fixture("models/gpt2")]],
  ["estimate", /^clusters_d8\.safetensors: 200 positions/, () => [fixture("estimator/clusters_d8.safetensors")]],
  [
    "states",
    /states\.safetensors: [\d,]+ tokens$/,
    ({ model, text }) => [model, "--text", text, "--out", at("states.safetensors")],
  ],
  ["almanac", /^the almanac of seed 0, tiny: /, () => ["--size", "tiny", "--out", at("almanac")]],
  [
    "compress",
    /text\.txt\.lsz: .* bits a byte, 1 block$/,
    ({ model, text }) => [text, "--model", model, "--context", "32"],
  ],
];

describe("--quiet", () => {
  it.each(COMMANDS)("of %s leaves one line", async (name, line, options) => {
    const ran = await run(name, ...options(await given()), "--quiet");
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out.endsWith("\n")).toBe(true);
    expect(ran.out.slice(0, -1)).toMatch(line);
    expect(ran.out.trimEnd()).not.toContain("\n");
  });

  it("leaves JSON and errors as they are", async () => {
    const { model, reading } = await given();
    const ran = await run("measure", model, ...reading, ...QUICK, "--json", "--quiet");
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(ran.out).corpus.documents).toBe(24);
    expect(await run("measure", at("nowhere"), ...reading, "--quiet")).toMatchObject({
      code: expect.toSatisfy((code: number) => code > 0),
      out: "",
      err: expect.stringMatching(/^lossyscope: .*nowhere/),
    });
  });
});
