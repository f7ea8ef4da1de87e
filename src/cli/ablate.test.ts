/** `lossyscope ablate` as it is typed: what it writes and says, what it would do, what it refuses. */
import { existsSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { ablationSchema } from "../profile/ablation.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

async function words(...more: readonly string[]): Promise<readonly string[]> {
  const model = await writeModel(at("model"));
  const text = (name: string, seed: number): string =>
    `${name}=${writeText(at(`${name}.txt`), sampleText(12, 60, seed))}`;
  const domains = ["--domain", text("one", 0), "--domain", text("<b>two", 1)];
  return ["ablate", model, ...domains, "--split-on", "\\n\\n", "--threads", "1", "--draws", "5", ...more];
}

describe("ablate", () => {
  it("writes a document that is one, and a page; what is not sound comes before the model", async () => {
    const { code, out, err } = await run(...(await words("--out", at("out"))));
    expect(code, err).toBe(0);
    expect(out).toContain("without those of");
    const found = ablationSchema.parse(JSON.parse(readFileSync(at("out/ablation.json"), "utf8")));
    expect(found.matrix.map(({ domain }) => domain)).toEqual(["<b>two", "one"]);
    expect(found.provenance.masks).toBe(1 + 2 * (1 + 5 + 5));
    expect(found.total).toBe(48);
    const page = readFileSync(at("out/ablation.html"), "utf8");
    expect(page.includes("What each domain needs")).toBe(true);
    expect(page.includes("<b>two")).toBe(false);
    expect(/NaN|>undefined/.test(page.replace(/<script>[\s\S]*<\/script>/g, ""))).toBe(false);
    const again = await run(...(await words("--out", at("out"))));
    expect(again.code).not.toBe(0);
    expect(again.err).toContain("--force");
  });

  it("takes concepts in place of domains, and not both", async () => {
    const words = (concept: string, letters: string): string[] =>
      Array.from({ length: 10 }, (_, index) => JSON.stringify({ concept, text: letters.repeat(2 + index) }));
    const sets = writeText(at("sets.jsonl"), [...words("<i>early", "ab"), ...words("late", "yz")].join("\n"));
    const model = await writeModel(at("model"));
    const typed = ["ablate", model, "--concepts", sets, "--threads", "1", "--draws", "5", "--sites", "heads"];
    const { code, err } = await run(...typed, "--share", "0.5", "--out", at("concepts"));
    expect(code, err).toBe(0);
    const found = ablationSchema.parse(JSON.parse(readFileSync(at("concepts/ablation.json"), "utf8")));
    expect([found.of, found.fill, found.corpus]).toEqual(["concepts", "mean", "sets.jsonl"]);
    const page = readFileSync(at("concepts/ablation.html"), "utf8");
    expect(page.includes("What each concept needs")).toBe(true);
    expect(page.includes("<i>early")).toBe(false);
    const both = await run(...typed, "--text", sets);
    expect(both.code).toBe(2);
    expect(both.err).toContain("leave out one of --concepts and --text or --domain");
    const dry = await run(...typed, "--out", at("dry"), "--dry-run");
    expect(dry.code, dry.err).toBe(0);
  });

  it("says what it would do, and does nothing", async () => {
    const { code, out } = await run(...(await words("--out", at("dry"), "--dry-run")));
    expect(code).toBe(0);
    expect(out).toContain("parts taken away");
    expect(existsSync(at("dry/ablation.json"))).toBe(false);
  });

  it.each([
    [["--share", "0.7"], /expected a part of the whole above 0, at most 0\.5/],
    [["--sites", "layers"], /units, heads or blocks/],
    [["--draws", "2"], /at least 5/],
  ])("refuses %j", async (options, message) => {
    const { code, err } = await run(...(await words(...options)));
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
