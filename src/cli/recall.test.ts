import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeText } from "../measure/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

async function recall(...more: readonly string[]) {
  const model = await writeLetterModel(at("model"));
  const text = writeText(at("text.txt"), sampleText(12, 60));
  const unseen = writeText(at("unseen.txt"), sampleText(12, 60, 1));
  return run(
    ...["recall", model, "--text", text, "--unseen", unseen, "--split-on", "\\n\\n", "--threads", "1"],
    ...more,
  );
}

describe("lossyscope recall", () => {
  it("leaves a profile and a report with what comes back", async () => {
    const { code, out, err } = await recall("--prefix", "8,4", "--length", "8", "--passages", "20", "--out", at("out"));
    expect(err).toMatch(/wrote .*profile\.json\nwrote .*report\.html/);
    expect(code).toBe(0);
    expect(out).toContain("What comes back of the text: 20 passages of 8 tokens");
    const profile = parseProfile(readFileSync(at("out", "profile.json"), "utf8"), "profile.json");
    expect(profile.plan).toMatchObject({ unseen: [{ path: "unseen.txt" }], recall: { prefixes: [8, 4] } });
    expect(profile.recall!.verbatim.map(({ prefix }) => prefix)).toEqual([4, 8]);
    expect(profile.recall!.membership!.unseen.documents).toBe(12);
    expect(profile.plane).toBeNull();
    expect(readFileSync(at("out", "report.html"), "utf8")).toContain('id="recall"');
  });

  it.each([
    [["--prefix", "8,none"], "--prefix"],
    [["--prefix", "0"], "--prefix"],
    [["--length", "0"], "--length"],
  ])("refuses %j", async (wrong, named) => {
    const { code, err } = await recall(...wrong);
    expect([code, err]).toEqual([2, expect.stringContaining(named)]);
  });
});
