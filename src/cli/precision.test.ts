/** `--precision`, `--fast`: models that are computed otherwise than exactly, and what is said of that. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DecodingSession } from "../decode/session.ts";
import { scoreDocuments } from "../engines/score.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { lockstep } from "../library/lockstep.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { atPrecision, decoderOf } from "../ports/model.ts";
import { parseProfile } from "../profile/read.ts";
import { openModel } from "../references/open.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const QUICK = ["--no-plane", "--no-geometry", "--no-baselines", "--threads", "1", "--context", "32"];
/** Rows of whole blocks. */
const WIDE = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 2, num_key_value_heads: 2 };

const profileOf = (path: string) => parseProfile(readFileSync(path, "utf8"), path);

afterAll(() => vi.unstubAllEnvs());
beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("m"), { config: WIDE });
  await writeGgufModel(at("m.gguf"), at("m"), { as: "Q8_0" });
  writeText(at("text.txt"), sampleText(12, 60));
});

describe("lossyscope measure --precision", () => {
  const measured = (model: string, ...more: string[]) =>
    run("measure", at(model), "--text", at("text.txt"), "--split-on", "\\n\\n", ...QUICK, ...more);

  it("says what it costs, which over a text that is all first windows is what the figures differ by", async () => {
    const exact = await measured("m.gguf", "--json", at("exact.json"));
    const fast = await measured("m.gguf", "--fast", "--out", at("fast"));
    expect([exact.code, fast.code, fast.err]).toEqual([0, 0, expect.any(String)]);
    expect(fast.out.replaceAll(/\s+/g, " ")).toMatch(/Computed with --precision fast, not exactly: on [\d,]+ tokens/);
    const [one, other] = [profileOf(at("exact.json")), profileOf(at("fast", "profile.json"))];
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
    const exact = profileOf(at("exact.json"));
    const largest: Record<string, number> = {};
    for (const how of ["int8", "sliced"]) {
      const { code, err } = await whole(how, "--no-trial", "--json", at(`${how}.json`));
      expect([code, err]).toEqual([0, expect.any(String)]);
      const profile = profileOf(at(`${how}.json`));
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
    const { precision, plan, id } = profileOf(at("slow.json"));
    expect([precision, plan.precision]).toEqual([
      { kind: "exact", asked: "int8", trial: { speed: 0.5, isRight: true } },
      undefined,
    ]);
    expect(slow.out.replaceAll(/\s+/g, " ")).toMatch(/Computed exactly, where --precision int8 was asked for/);
    expect(readFileSync(at("slow.html"), "utf8")).toContain("Computed exactly, where --precision int8 was asked for");
    await run("measure", ...line.slice(0, -2), "--json", at("exact.json"));
    expect(profileOf(at("exact.json")).id).toBe(id);
    const compared = await run("compare", at("slow.json"), at("exact.json"));
    expect(compared.out).not.toMatch(/precision differs/);
    writeFileSync(at(`cache/lossyscope/trials/${trial}`), '{"speed":5,"isRight":false}');
    const wrong = await run("measure", ...line, "--json", at("wrong.json"));
    expect(wrong.err).toMatch(/does not pay: this machine does not add products of 8 bits without loss/);
  });

  it.each<[string, string, readonly string[], RegExp]>([
    ["no weights in codes", "m", ["--fast"], /--precision fast rounds what meets weights in codes.*and m has none/],
    ["a shard", "m.gguf", ["--fast", "--shard", "1/2", "--out", "parts"], /--precision fast cannot be cut into shards/],
  ])("is refused for %s", async (_, model, more, message) => {
    const { code, err } = await measured(model, ...more);
    expect(code).toBeGreaterThan(0);
    expect(err).toMatch(message);
  });
});

describe("lossyscope compare --fast", () => {
  const compared = (models: readonly string[], ...more: string[]) =>
    run(
      "compare",
      ...models.map((model) => at(model)),
      "--fast",
      "--text",
      at("text.txt"),
      "--split-on",
      "\\n\\n",
      ...QUICK,
      ...more,
    );

  it("rounds for those models that have codes, and says for which", async () => {
    const files = ["--out", at("kept"), "--json", at("pair.json"), "--report", at("pair.html")];
    const { code, out } = await compared(["m", "m.gguf"], ...files);
    expect(code).toBe(0);
    const said = /was computed exactly, .* with --precision fast: what that rounds is part of the divergence/;
    expect(out.replaceAll(/\s+/g, " ")).toMatch(said);
    expect(readFileSync(at("pair.html"), "utf8")).toMatch(said);
    const { precision, overall } = JSON.parse(readFileSync(at("pair.json"), "utf8")).pairs[0].lockstep;
    expect(precision).toEqual({ reference: null, model: "fast" });
    expect(overall.kl.value).toBeGreaterThan(0);
    const kinds = ["1-m", "2-m"].map((name) => profileOf(at("kept", name, "profile.json")).precision?.kind);
    expect(kinds).toEqual([undefined, "fast"]);
    const again = await compared(["m", "m.gguf"], "--out", at("kept"), "--resume", "--no-lockstep");
    expect(again.err).toMatch(/1-m.profile.json is taken from an earlier run[\s\S]*2-m.profile.json is taken/);
  });

  it("finds nothing between a model and itself, since both are rounded alike", async () => {
    const options = { text: at("text.txt"), splitOn: "\\n\\n", threads: 1, precision: "fast" } as const;
    const { precision, overall } = await lockstep(at("m.gguf"), at("m.gguf"), options);
    expect(precision).toEqual({ reference: "fast", model: "fast" });
    expect([overall.kl!.value, overall.klQuantiles!.maximum]).toEqual([0, 0]);
  });

  it("is refused where no model has codes, and for profiles", async () => {
    const none = await compared(["m", "m"]);
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/--precision fast .* and m has none/)]);
    const dry = await compared(["m", "m"], "--dry-run");
    expect(dry.err).toMatch(/and m has none/);
    await run("measure", at("m"), "--text", at("text.txt"), ...QUICK, "--json", at("one.json"));
    const profiles = await run("compare", at("one.json"), at("one.json"), "--fast");
    expect([profiles.code, profiles.err]).toEqual([
      2,
      expect.stringMatching(/--fast is for models, and these are profiles/),
    ]);
  });
});

describe("what steps", () => {
  it("is rounded as the pass is, and says so", async () => {
    writeFileSync(
      at("facts.jsonl"),
      ["ab", "cd", "ef"]
        .map((value, i) =>
          JSON.stringify({
            subject: `s${i}`,
            relation: "r",
            value,
            candidates: ["ab", "cd", "ef"],
          }),
        )
        .join("\n"),
    );
    const asked = await run(
      "facts",
      at("m.gguf"),
      "--facts",
      at("facts.jsonl"),
      "--template",
      "r={subject} is",
      "--fast",
      "--json",
    );
    expect([asked.code, asked.err]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(asked.out).facts.notes.join()).toMatch(/rounded to 8 bits \(--fast\)/);
    const few = ["--prefix", "4", "--length", "4", "--passages", "4"];
    const on = ["--text", at("text.txt"), "--threads", "1", "--context", "32", "--fast"];
    const recalled = await run("recall", at("m.gguf"), ...on, ...few, "--json");
    expect(JSON.parse(recalled.out)).toMatchObject({ precision: { kind: "fast" }, recall: { passages: 4 } });
    const written = await run("generate", at("m.gguf"), "--prompt", "a b", "--max-tokens", "3", "--fast", "--json");
    expect(JSON.parse(written.out)).toMatchObject({ precision: "fast", ids: expect.any(Array) });
    for (const command of [
      ["generate"],
      ["facts", "--facts", at("facts.jsonl"), "--template", "r={subject} is"],
      ["recall", "--text", at("text.txt")],
    ]) {
      const [name, ...rest] = command;
      const { code, err } = await run(name, at("m"), ...rest, "--fast");
      expect([code, err]).toEqual([1, expect.stringMatching(/and m has none/)]);
    }
  });

  it("gives by steps what the pass gives over windows, both rounded and neither", async () => {
    const model = await openModel(at("m.gguf"));
    const ids = Int32Array.from(Buffer.from("words and more of them"));
    const found: number[][] = [];
    for (const precision of [undefined, "fast"] as const) {
      const own = atPrecision(model, precision);
      const { losses } = await scoreDocuments({
        ...{ model: own, documents: [{ id: "one", ids }], prefix: null, context: 64, overlap: 0, batchTokens: 64 },
        threads: 1,
      });
      const session = await DecodingSession.open({
        ...{ ...decoderOf(own)!, threads: 1, prediction: "probabilities", longest: ids.length },
      });
      const nats: number[] = [];
      for (const [at, id] of ids.entries()) {
        const [next] = await session.advance([[id]]);
        if (at + 1 < ids.length) nats.push(-Math.log(next[ids[at + 1]]));
      }
      await session.close();
      const apart = nats.map((one, at) => Math.abs(one - losses[0][at + 1]));
      // An input at the edge between two whole numbers may be rounded to either, as sums in another order have it.
      const edges = apart.filter((one) => one > 5e-5).length;
      expect(edges).toBeLessThanOrEqual(precision === "fast" ? nats.length / 4 : 0);
      expect(Math.max(...apart)).toBeLessThan(0.1);
      found.push(nats);
    }
    const furthest = Math.max(...found[0].map((nats, at) => Math.abs(nats - found[1][at])));
    expect(furthest).toBeGreaterThan(1e-4);
    expect(furthest).toBeLessThan(0.5);
  });
});
