/** The stages that a run announces are those that it goes through: every one, in order, and no other. */
import { beforeEach, expect, it, vi } from "vitest";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeText } from "../measure/model.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** Runs a command, and takes from its plain lines the stages that ended: a short one is told of then alone. */
async function stages(...args: readonly string[]): Promise<string[]> {
  const { code, err } = await run(...args, "--threads", "1");
  expect(code, err).toBe(0);
  const lines = err.split("\n").filter((line) => /^\d+ of \d+ {2}/.test(line) && !line.includes(" so far"));
  const ended = lines.flatMap((line) => /^(.*): (?:[^:]* in )?(?:less than )?\d[^:]*$/.exec(line)?.[1] ?? []);
  for (const line of lines) expect(ended.some((stage) => stage === line || line.startsWith(`${stage}: `))).toBe(true);
  const places = ended.map((stage) => stage.split("  ")[0]);
  expect(places).toEqual(ended.map((_, place) => `${place + 1} of ${ended.length}`));
  return ended.map((stage) => stage.slice(stage.indexOf("  ") + 2));
}

const FACT = { subject: "Ada", relation: "born in", value: "Rome", candidates: ["Rome", "Oslo"], priorBits: 1 };

async function everything(): Promise<readonly string[]> {
  const model = await writeLetterModel(at("model"));
  const text = writeText(at("text.txt"), sampleText(12, 90));
  const unseen = writeText(at("unseen.txt"), sampleText(12, 90, 1));
  const prompts = [{ text: "Ada was born in", joint: " ", terminator: "." }];
  const facts = writeText(at("facts.jsonl"), `${JSON.stringify({ ...FACT, prompts })}\n`);
  return [
    ...["measure", model, "--text", text, "--split-on", "\\n\\n", "--entropy", "--like", "lm-eval"],
    ...["--with", "recall", "facts", "--unseen", unseen, "--facts", facts, "--out", at("out")],
  ];
}

it("measure with all that it can be asked for", async () => {
  expect(await stages(...(await everything()))).toEqual([
    "reading the text",
    "reading the unseen text",
    "digest of the weights",
    "model pass",
    "as lm-evaluation-harness",
    "other compressors",
    "entropy of the weights",
    "embedding matrix",
    "recall: repeats and guesses",
    "recall: passages",
    "recall: gist",
    "recall: pass of the unseen text",
    "recall: membership",
    "facts: candidates",
    "facts: answers",
    "code lengths",
    "information plane",
    "frontier",
    "geometry",
    "writing",
  ]);
});

it.each([
  [["--verify"], ["digest of the weights", "compressing", "verifying"]],
  // several batches, each of which is decoded before the next is coded
  [
    ["--verify", "--block", "400", "--batch", "1"],
    ["digest of the weights", "compressing", "verifying"],
  ],
  [["--no-verify"], ["digest of the weights", "compressing"]],
])("compress %j, and decompress", async (options, expected) => {
  const model = await writeLetterModel(at("model"));
  const text = writeText(at("text"), sampleText(9, 100));
  expect(await stages("compress", text, "--model", model, "--context", "32", ...options)).toEqual(expected);
  expect(await stages("decompress", at("text.lsz"), "--model", model, "-o", at("again"))).toEqual([
    "digest of the weights",
    "decompressing",
  ]);
});
