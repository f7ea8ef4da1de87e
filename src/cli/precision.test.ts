/** `measure --fast`: a model that meets its codes with inputs of 8 bits, and what the profile says of that. */
import { readFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const QUICK = ["--no-plane", "--no-geometry", "--no-baselines", "--threads", "1", "--context", "32"];
/** Rows of whole blocks. */
const WIDE = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 2, num_key_value_heads: 2 };

describe("lossyscope measure --fast", () => {
  afterAll(() => vi.unstubAllEnvs());
  beforeEach(async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("cache"));
    await writeModel(at("m"), { config: WIDE });
    await writeGgufModel(at("m.gguf"), at("m"), { as: "Q8_0" });
    writeText(at("text.txt"), sampleText(12, 60));
  });
  const measured = (model: string, ...more: string[]) =>
    run("measure", at(model), "--text", at("text.txt"), "--split-on", "\\n\\n", ...QUICK, ...more);
  const profileAt = (path: string) => parseProfile(readFileSync(path, "utf8"), path);

  it("says what it costs, which over a text that is all first windows is what the figures differ by", async () => {
    const exact = await measured("m.gguf", "--json", at("exact.json"));
    const fast = await measured("m.gguf", "--fast", "--out", at("fast"));
    expect([exact.code, fast.code, fast.err]).toEqual([0, 0, expect.any(String)]);
    expect(fast.out.replaceAll(/\s+/g, " ")).toMatch(/Computed with --precision fast, not exactly: on [\d,]+ tokens/);
    const [one, other] = [profileAt(at("exact.json")), profileAt(at("fast", "profile.json"))];
    expect([one.precision, one.plan.precision, other.plan.precision]).toEqual([undefined, undefined, "fast"]);
    expect(other.id).not.toBe(one.id);
    const { kind, difference } = other.precision!;
    expect([kind, difference.bytes]).toEqual(["fast", one.corpus.bytes]);
    const bitsPerByte = (profile: typeof one): number => profile.coding!.overall.bitsPerByte.value!;
    expect(difference.bitsPerByte).toBeCloseTo(bitsPerByte(other) - bitsPerByte(one), 5);
    expect(difference.largest).toBeGreaterThan(1e-6);
    expect(difference.largest).toBeLessThan(2);
    expect(difference.kl).toBeGreaterThan(0);
    expect(difference.agreement).toBeGreaterThan(0.5);

    const both = [at("exact.json"), at("fast", "profile.json")];
    expect(readFileSync(at("fast", "report.html"), "utf8")).toContain("Computed with --precision fast, not exactly");
    const compared = await run("compare", ...both);
    expect(compared.out.replaceAll(/\s+/g, " ")).toMatch(/precision differs, and with it every figure of the pass/);
    const gated = await run("gate", both[1], "--baseline", both[0], "--max", "coding.overall.bitsPerByte=+1%");
    expect([gated.code, gated.err]).toEqual([
      1,
      expect.stringMatching(/precision differs.*measure both with the same --precision/s),
    ]);
  });

  it.each<[string, string, readonly string[], RegExp]>([
    ["no weights in codes", "m", ["--fast"], /--precision fast rounds what meets weights in codes.*and m has none/],
    [
      "what is stepped",
      "m.gguf",
      ["--fast", "--with", "recall"],
      /--precision fast is of the pass over the text, recall/,
    ],
    ["a shard", "m.gguf", ["--fast", "--shard", "1/2", "--out", "parts"], /--precision fast cannot be cut into shards/],
  ])("is refused for %s", async (_, model, more, message) => {
    const { code, err } = await measured(model, ...more);
    expect(code).toBeGreaterThan(0);
    expect(err).toMatch(message);
  });
});
