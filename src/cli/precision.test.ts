/** `measure --precision`: a model that is computed otherwise than exactly, and what the profile says of that. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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

describe("lossyscope measure --precision", () => {
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
    const { kind, difference: found } = other.precision!;
    const difference = found!;
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

  it("takes whole numbers of any weights, and says of the plane too what they cost", async () => {
    const whole = (how: string, ...more: string[]) =>
      run(
        ...["measure", at("m"), "--text", at("text.txt"), "--split-on", "\\n\\n", "--threads", "1", "--context", "32"],
        ...["--no-geometry", "--no-baselines", "--no-frontier", "--quiet", "--precision", how, ...more],
      );
    await whole("exact", "--json", at("exact.json"));
    const exact = profileAt(at("exact.json"));
    const largest: Record<string, number> = {};
    for (const how of ["int8", "sliced"]) {
      const { code, err } = await whole(how, "--no-trial", "--json", at(`${how}.json`));
      expect([code, err]).toEqual([0, expect.any(String)]);
      const profile = profileAt(at(`${how}.json`));
      const { kind, trial, difference } = profile.precision!;
      expect([kind, trial, profile.plan.precision]).toEqual([how, undefined, how]);
      const bits = ({ coding }: typeof profile): number => coding!.overall.bitsPerByte.value!;
      expect(difference!.bitsPerByte).toBeCloseTo(bits(profile) - bits(exact), 5);
      largest[how] = difference!.largest;
      // All of the text is first windows: layer by layer the plane differs by what the profiles differ by.
      const { figures, positions } = difference!.plane!;
      expect(positions).toBe(exact.plane!.positions);
      const { layer, largest: entropy } = figures.entropy;
      expect(entropy).toBeCloseTo(profile.plane!.layers[layer].entropy - exact.plane!.layers[layer].entropy, 6);
      const plugin = figures["complexityPlugin.1"];
      const of = ({ plane }: typeof profile): number => plane!.layers[plugin.layer].orders[1].complexity.plugin;
      expect(plugin.largest).toBeCloseTo(of(profile) - of(exact), 6);
      expect(Object.keys(figures)).toEqual(expect.arrayContaining(["expressivityPlugin.1", "regularity.2", "ceiling"]));
    }
    expect(largest.sliced).toBeLessThan(largest.int8 / 10);
    expect(largest.sliced).toBeGreaterThan(0);
  });

  it("is exact where a trial finds that it does not pay, and says so", async () => {
    const line = [at("m"), "--text", at("text.txt"), ...QUICK, "--precision", "int8"];
    await run("measure", ...line, "--json", at("first.json"));
    const [trial] = readdirSync(at("cache/lossyscope/trials"));
    writeFileSync(at(`cache/lossyscope/trials/${trial}`), '{"speed":0.5,"isRight":true}');
    const slow = await run("measure", ...line, "--json", at("slow.json"), "--report", at("slow.html"));
    expect(slow.err).toMatch(/--precision int8 does not pay: its products are 0.500 times as fast/);
    const { precision, plan, id } = profileAt(at("slow.json"));
    expect([precision, plan.precision]).toEqual([
      { kind: "exact", asked: "int8", trial: { speed: 0.5, isRight: true } },
      undefined,
    ]);
    expect(slow.out.replaceAll(/\s+/g, " ")).toMatch(/Computed exactly, where --precision int8 was asked for/);
    expect(readFileSync(at("slow.html"), "utf8")).toContain("Computed exactly, where --precision int8 was asked for");
    await run("measure", ...line.slice(0, -2), "--json", at("exact.json"));
    expect(profileAt(at("exact.json")).id).toBe(id);
    const compared = await run("compare", at("slow.json"), at("exact.json"));
    expect(compared.out).not.toMatch(/precision differs/);
    writeFileSync(at(`cache/lossyscope/trials/${trial}`), '{"speed":5,"isRight":false}');
    const wrong = await run("measure", ...line, "--json", at("wrong.json"));
    expect(wrong.err).toMatch(/does not pay: this machine does not add products of 8 bits without loss/);
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
