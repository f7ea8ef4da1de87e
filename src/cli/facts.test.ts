import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ask } from "../decode/candidates.ts";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { openModel } from "../references/open.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** Facts whose values are what the model says, or one letter more, or nothing that it says. */
async function write(): Promise<{ readonly model: string; readonly facts: string }> {
  const model = await writeLetterModel(at("model"));
  const prompts = Array.from({ length: 45 }, (_, index) => `${"abc".repeat(index % 7)} subject ${index} is`);
  const replies = await ask(
    await openModel(model, { offline: true }),
    prompts.map((prompt) => ({ prompt, joint: "", terminator: "\n", candidates: ["?"] })),
    { threads: 1 },
  );
  const records = prompts.flatMap((text, index) => {
    const said = replies[index].answer;
    // what was trimmed cannot be told
    if (said.length < 16) return [];
    const [own, terminator] = [said.slice(0, 2), said.slice(2, 3)];
    const kinds = [
      { value: own, candidates: [own, `${own}?`], exposures: 8 },
      { value: `${own}?`, candidates: [own, `${own}?`], exposures: 0 },
      { value: `${own}?`, candidates: [`${own}?`, `${own}!`], exposures: 1 },
    ];
    const prompt = { text, joint: "", terminator };
    return [{ subject: `<b>${index}</b>`, relation: "is", prompts: [prompt], priorBits: 1, ...kinds[index % 3] }];
  });
  return { model, facts: writeText(at("facts.jsonl"), records.map((one) => JSON.stringify(one)).join("\n")) };
}

describe("lossyscope facts", () => {
  it("tells what is known from what is made up and what is beside the point, in file, page and terminal", async () => {
    const { model, facts } = await write();
    const { code, out, err } = await run("facts", model, "--facts", facts, "--threads", "1", "--out", at("out"));
    expect(err).toMatch(/wrote .*facts\.json\nwrote .*facts\.html/);
    expect(code).toBe(0);
    expect(out).toContain("Of facts told once it knows 0 %, of those told 8 times 100 %.");
    const { facts: found } = JSON.parse(readFileSync(at("out", "facts.json"), "utf8"));
    const verdicts = found.exposures.map(
      ({ exposures, exact, confusion, offType }: Record<string, { value: number }>) => [
        exposures,
        exact.value,
        confusion.value,
        offType.value,
      ],
    );
    expect(verdicts).toEqual([
      [0, 0, 1, 0],
      [1, 0, 0, 1],
      [8, 1, 0, 0],
    ]);
    expect(found.knowledge.control).toBeGreaterThan(0);
    const page = readFileSync(at("out", "facts.html"), "utf8");
    expect(page).toContain('class="knowing wide"');
    expect(found.examples.length).toBeGreaterThan(5);
    const sure = found.mistakes.map(({ confidence }: { confidence: number }) => confidence);
    expect(sure.length).toBeGreaterThan(0);
    expect(sure).toEqual(sure.toSorted((a: number, b: number) => b - a));
    expect(new Set(found.mistakes.map(({ verdict }: { verdict: string }) => verdict))).toEqual(new Set(["confusion"]));
  });

  it("lands in the profile and the report of measure, and its file in the profile's id", async () => {
    const { model, facts } = await write();
    const text = writeText(at("text.txt"), sampleText(3, 60));
    const measured = async (seen: string, ...more: readonly string[]) => {
      const { code, err } = await run(
        ...["measure", model, "--text", text, "--no-plane", "--no-geometry", "--no-baselines", "--threads", "1"],
        ...["--with", "facts", "--facts", seen, "--out", at("out"), "--force", ...more],
      );
      expect([code, err]).toEqual([0, expect.stringContaining("wrote")]);
      return parseProfile(readFileSync(at("out", "profile.json"), "utf8"), "profile.json");
    };
    const profile = await measured(facts, "--limit-facts", "4");
    expect(profile.plan).toMatchObject({ with: ["facts"], facts: { path: "facts.jsonl", limit: 4 } });
    expect(profile.facts!.exposures.map((one) => one.facts)).toEqual([4, 4, 4]);
    const report = readFileSync(at("out", "report.html"), "utf8");
    expect(report).toContain('id="facts"');
    // The subjects are text, not markup.
    expect(report).not.toMatch(/<b>\d+<\/b>/);
    const [, ...fewer] = readFileSync(facts, "utf8").split("\n");
    const other = await measured(writeText(at("fewer", "facts.jsonl"), fewer.join("\n")), "--no-text");
    expect(other.id).not.toBe(profile.id);
    expect(other.facts!.examples).toEqual([]);
    expect(other.facts!.mistakes).toBeUndefined();
  });

  it("takes tables and templates, and names what is wrong with them", async () => {
    const model = await writeModel(at("model"));
    const table = writeText(at("facts.csv"), "subject,relation,value\nAda,born,1815\nAlan,born,1912\n");
    const templates = writeText(at("templates.csv"), "relation,template\nborn,{subject} was born in\n");
    const asked = (...more: readonly string[]) => run("facts", model, "--threads", "1", "--quiet", ...more);
    const one = await asked("--facts", table, "--templates", templates, "--json");
    expect(JSON.parse(one.out).facts).toMatchObject({ questions: 2, knowledge: null });
    const two = await asked(
      "--facts",
      table,
      "--templates",
      templates,
      "--template",
      "born={subject}: {value};",
      "--json",
    );
    expect(JSON.parse(two.out).facts.questions).toBe(4);
    expect(await asked("--facts", table)).toMatchObject({
      code: 1,
      err: expect.stringContaining("line 2: no prompts"),
    });
    expect(await asked("--template", "born={subject}")).toMatchObject({
      code: 2,
      err: expect.stringContaining("--facts FILE"),
    });
    expect(await asked("--facts", table, "--template", "born")).toMatchObject({
      code: 2,
      err: expect.stringContaining("no template"),
    });
    expect(await asked()).toMatchObject({ code: 2, err: expect.stringContaining("pass --facts FILE") });
    const measured = await run("measure", model, "--text", table, "--with", "facts");
    expect(measured).toMatchObject({ code: 2, err: expect.stringContaining("--with facts --facts FILE") });
  });
});
