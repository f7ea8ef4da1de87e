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

/** Runs a command, and takes from its plain lines the stages that began, each of which must have ended. */
async function stages(...args: readonly string[]): Promise<string[]> {
  const { code, err } = await run(...args, "--threads", "1");
  expect(code, err).toBe(0);
  const began: string[] = [];
  const ended = new Set<string>();
  for (const line of err.split("\n").filter((one) => /^\d+ of \d+ {2}/.test(one))) {
    const stage = began.find((one) => line.startsWith(`${one}: `));
    if (stage === undefined) began.push(line);
    else if (!line.includes(" so far")) ended.add(stage);
  }
  expect([...ended]).toEqual(began);
  const places = began.map((line) => line.split("  ")[0]);
  expect(places).toEqual(began.map((_, place) => `${place + 1} of ${began.length}`));
  return began.map((line) => line.slice(line.indexOf("  ") + 2));
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
