/** `measure --stream-weights`: one block of the weights at a time, with the figures of the model held whole. */
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const QUICK = ["--threads", "1", "--context", "32", "--batch-tokens", "64", "--points", "8", "--no-frontier"];
const WIDE = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 2, num_key_value_heads: 2 };

describe("lossyscope measure --stream-weights", () => {
  beforeEach(async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("cache"));
    await writeModel(at("m"), { config: WIDE });
    await writeGgufModel(at("m.gguf"), at("m"), { as: "Q8_0" });
    writeText(at("text.txt"), sampleText(12, 60));
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => vi.unstubAllEnvs());
  const measured = (model: string, ...more: string[]) =>
    run(
      ...["measure", at(model), "--text", at("text.txt"), "--split-on", "\\n\\n", "--no-baselines"],
      ...[...QUICK, "--force", ...more],
    );
  const profileAt = (name: string) => parseProfile(readFileSync(at(name), "utf8"), name);

  it("gives the same profile, and says how it was run", async () => {
    const how = ["--like", "lm-eval", "--with", "next-token", "--context", "24"];
    const whole = await measured("m.gguf", ...how, "--json", at("whole.json"));
    const streamed = await measured("m.gguf", ...how, "--stream-weights", "--json", at("streamed.json"));
    expect([whole.code, streamed.code, streamed.err]).toEqual([0, 0, expect.any(String)]);
    expect(streamed.err.replaceAll(/\s+/g, " ")).toMatch(/The weights stream, one block at a time \([\d.]+ \S+ read/);
    const [one, other] = [profileAt("whole.json"), profileAt("streamed.json")];
    expect([one.provenance.runtime.weights, other.provenance.runtime.weights]).toEqual([undefined, "streamed"]);
    expect({ ...other, provenance: null }).toEqual({ ...one, provenance: null });
  });

  it("is what happens where the model does not fit into memory otherwise, and is said before", async () => {
    await writeModel(at("deep"), { config: { ...WIDE, intermediate_size: 1024, num_hidden_layers: 8 } });
    const dry = async () => JSON.parse((await measured("deep", "--dry-run", "--json")).out).runs[0];
    const whole = await dry();
    expect(whole.streams).toBeUndefined();
    vi.spyOn(process, "constrainedMemory").mockReturnValue(8e6);
    const streamed = await dry();
    expect(streamed.streams).toEqual({ reads: 1, bytes: expect.any(Number) });
    expect(streamed.memoryBytes).toBeLessThan(whole.memoryBytes);
    const { code, err } = await measured("deep", "--no-plane", "--no-geometry", "--json", at("deep.json"));
    expect([code, err.replaceAll(/\s+/g, " ")]).toEqual([0, expect.stringContaining("The weights stream, one block")]);
    expect(profileAt("deep.json").provenance.runtime.weights).toBe("streamed");

    const stepped = await measured("deep", "--with", "recall");
    expect([stepped.code, stepped.err]).toEqual([
      1,
      expect.stringMatching(/leave out --with recall so that its weights stream/),
    ]);
    vi.spyOn(process, "constrainedMemory").mockReturnValue(2e6);
    const short = await measured("deep", "--no-plane", "--no-geometry");
    expect([short.code, short.err]).toEqual([1, expect.stringMatching(/needs about .* even one block at a time/)]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["steps", ["--with", "recall"], /--with recall needs the weights whole, and --stream-weights reads them piece/],
    ["another precision", ["--fast"], /--precision fast needs the weights whole/],
    ["a model beside it", ["--reference", "m"], /--reference needs the weights whole/],
  ])("is refused beside %s", async (_, more, message) => {
    const own = more.map((one) => (one === "m" ? at("m.gguf") : one));
    const { code, err } = await measured("m.gguf", "--stream-weights", ...own);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
