/** Every call gives what its command gives, whatever else either of them fills in. */
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { modelProfile } from "../atlas/sample.testing.ts";
import { run } from "../cli/run.testing.ts";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import * as lossyscope from "../index.ts";
import { editJson, listener, sampleText, writeModel, writeText } from "../measure/model.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** What a command prints with `--json`. */
async function printed(...args: readonly string[]) {
  const { code, out, err } = await run(...args, "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

/** Of a profile what is the same whenever and wherever it is measured. */
const figures = ({ provenance: { digests }, ...rest }: Record<string, unknown> & lossyscope.Profile) =>
  JSON.parse(JSON.stringify({ ...rest, digests }));
const CUT = "\\n\\n";
const small = { plane: { points: 8, frontier: null }, baselines: false, splitOn: CUT, threads: 1 } as const;
const SMALL = ["--points", "8", "--no-frontier", "--no-baselines", "--split-on", CUT, "--threads", "1"];

describe("the library", () => {
  it("measures, and tells how far it is", async () => {
    const model = await writeModel(at("model"), { config: { torch_dtype: "float16" } });
    const text = writeText(at("text.txt"), sampleText(12, 60));
    const progress = listener();
    const profile = await lossyscope.measure(model, { ...small, text, with: ["next-token"], progress });
    expect(profile.nextToken).not.toBeNull();
    expect(progress.began).toContain("reading the text");
    expect(progress.said).toContainEqual(expect.stringMatching(/stored as F32 and read so/));
    const asked = await printed("measure", model, "--text", text, ...SMALL, "--with", "next-token");
    expect(figures(profile)).toEqual(figures(asked));
    const opened = await lossyscope.openModel(model);
    const domains = await lossyscope.measure(opened, { ...small, text: [{ path: text, domain: "verse" }] });
    expect(Object.keys(domains.coding!.domains)).toEqual(["verse"]);
  });

  it("reads with two models side by side, and refuses those of two vocabularies", async () => {
    const [one, two] = [await writeModel(at("one")), await writeModel(at("two"), { config: { num_hidden_layers: 1 } })];
    const text = writeText(at("text.txt"), sampleText(12, 60));
    const found = await lossyscope.lockstep(one, two, { text, splitOn: CUT, threads: 1 });
    const quick = ["--no-plane", "--no-geometry", "--no-baselines", "--split-on", CUT, "--threads", "1"];
    const { pairs } = await printed("compare", one, two, "--text", text, ...quick);
    const timeless = ({ provenance, ...rest }: lossyscope.Lockstep) => rest;
    expect(timeless(found)).toEqual(timeless(pairs[0].lockstep));
    editJson(two, "tokenizer.json", ({ model }) => {
      const { vocab } = model as { vocab: Record<string, number> };
      [vocab.a, vocab.b] = [vocab.b, vocab.a];
    });
    await expect(lossyscope.lockstep(one, two, { text, threads: 1 })).rejects.toThrow(
      /the vocabularies differ in 2 of/,
    );
  });

  it("squeezes a model, and writes the point that was chosen", async () => {
    const model = await writeModel(at("model"));
    const text = writeText(at("text.txt"), sampleText(6, 40));
    const tried = { try: ["q4"], groups: [8], prune: [50], spare: ["embedding"] } as const;
    const write = { point: "q4g8", path: at("written"), dtype: "bfloat16" } as const;
    const how = { splitOn: CUT, threads: 1, work: at("work") };
    const found = await lossyscope.squeeze(model, { text, ...how, ...tried, write });
    const asked = ["--try", "q4", "--groups", "8", "--prune", "50", "--spare", "embedding"];
    const there = ["--split-on", CUT, "--threads", "1", "--work", at("work")];
    const expected = await printed("squeeze", model, "--text", text, ...there, ...asked);
    const points = (one: lossyscope.Squeezing) => one.points.map(({ command, seconds, ...rest }) => rest);
    expect(points(found)).toEqual(points(expected));
    expect(found.enough).toEqual(expected.enough);
    expect((await lossyscope.openModel(at("written"))).config.torch_dtype).toBe("bfloat16");
    await expect(lossyscope.squeeze(model, { text, ...how, try: ["q9"] })).rejects.toThrow(/is called "q9/);
    await expect(lossyscope.squeeze(model, { text, ...how, budget: "4 bits" })).rejects.toThrow(/write 4.5, or 90MB/);
  });

  it("asks what comes back of a text", async () => {
    const model = await writeLetterModel(at("model"));
    const text = writeText(at("text.txt"), sampleText(12, 60));
    const unseen = writeText(at("unseen.txt"), sampleText(12, 60, 1));
    const how = { prefixes: [4, 8], length: 8, passages: 20, splitOn: CUT, threads: 1 };
    const found = await lossyscope.recall(model, { text, unseen, ...how });
    const options = ["--prefix", "8,4", "--length", "8", "--passages", "20", "--split-on", CUT, "--threads", "1"];
    const asked = await printed("recall", model, "--text", text, "--unseen", unseen, ...options);
    expect(found.recall!.membership!.unseen.documents).toBe(12);
    expect(found.recall).toEqual(asked.recall);
    expect(found.plane).toBeNull();
  });

  it("asks for facts", async () => {
    const model = await writeLetterModel(at("model"));
    const records = ["ab", "ca", "bc", "ba"].map((value, index) => ({ subject: `s${index}`, relation: "is", value }));
    const facts = writeText(at("facts.jsonl"), records.map((one) => JSON.stringify(one)).join("\n"));
    const templates = { is: ["{subject} is {value}\n"] };
    const found = await lossyscope.facts(model, { facts, templates, threads: 1, seed: 3 });
    const template = `is=${templates.is[0]}`;
    const asked = await printed(
      "facts",
      model,
      "--facts",
      facts,
      "--template",
      template,
      "--threads",
      "1",
      "--seed",
      "3",
    );
    expect(found.overall.facts).toBe(4);
    expect(found).toEqual(asked.facts);
    expect((await lossyscope.facts(model, { facts, templates, threads: 1, keepText: false })).examples).toEqual([]);
  });

  it("follows a training run", async () => {
    for (const step of [0, 8]) {
      const change = (_: string, values: Float32Array) =>
        values.forEach((one, i) => void (values[i] = one * (1 + step)));
      await writeModel(at("run", `step-${step}`), { change });
    }
    const text = writeText(at("text.txt"), sampleText(12, 60));
    const found = await lossyscope.trajectory(at("run"), { ...small, text, profiles: at("kept") });
    const asked = await printed("trajectory", at("run"), "--text", text, ...SMALL);
    expect(found.steps.map(({ step }) => step)).toEqual([0, 8]);
    expect(JSON.parse(JSON.stringify(found))).toEqual(asked);
    const kept = await lossyscope.readProfile(at("kept", "step-8.json"));
    expect(kept.id).toBe(found.steps[1].profile);
  });

  it("estimates from dumped states", async () => {
    const states = fixture("estimator/clusters_d8.safetensors");
    expect(await lossyscope.estimate(states)).toEqual(await printed("estimate", states));
    const exact = await lossyscope.estimate(states, { temperature: "exact", m: 16 });
    expect(exact).toEqual(await printed("estimate", states, "--temperature", "exact", "--m", "16"));
  });

  it("generates, compresses and gives back", async () => {
    const model = await writeModel(at("model"));
    const { text } = await printed("generate", model, "--prompt", "once", "--max-tokens", "12", "--threads", "1");
    let written = "";
    for await (const piece of lossyscope.generate(model, { prompt: "once", maxTokens: 12, threads: 1 }))
      written += piece;
    expect(written).toBe(text);
    const file = writeText(at("notes.txt"), sampleText(3, 60));
    const sizes = await lossyscope.compress(file, { model, out: at("own.lsz"), blockBytes: 128, threads: 1 });
    expect(sizes).toEqual(await printed("compress", file, "--model", model, "--block", "128", "--threads", "1"));
    expect(readFileSync(at("own.lsz"))).toEqual(readFileSync(at("notes.txt.lsz")));
    await lossyscope.decompress(at("own.lsz"), { model, out: at("back.txt"), threads: 1 });
    expect(readFileSync(at("back.txt"))).toEqual(readFileSync(file));
    await expect(lossyscope.compress(file, { model, out: at("no.lsz"), context: 1000 })).rejects.toThrow(
      /64 positions/,
    );
  });

  it("trains", async () => {
    const config = {
      ...{ model_type: "llama", hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, num_attention_heads: 2 },
      ...{ vocab_size: 290, max_position_embeddings: 64, tie_word_embeddings: true },
    };
    const text = writeText(at("text.txt"), sampleText(40, 60));
    const how = { context: 16, batch: 4, steps: 3, checkpoints: 2, threads: 1 } as const;
    const { last } = await lossyscope.train({ text, config, out: at("own"), ...how });
    const file = writeText(at("config.json"), JSON.stringify(config));
    const options = ["--context", "16", "--batch", "4", "--steps", "3", "--checkpoints", "2", "--threads", "1"];
    const asked = await printed("train", "--text", text, "--config", file, "--out", at("theirs"), ...options);
    expect(last).toEqual({ ...asked, folder: at("own", "step-3") });
    const weights = (run: string) => readFileSync(at(run, "step-3", "model.safetensors"));
    expect(weights("own")).toEqual(weights("theirs"));
    await expect(lossyscope.train({ text, config, out: at("own"), ...how })).rejects.toThrow(/a training run already/);
  });

  it("compares, gates, foresees and chooses", async () => {
    const given = { large: [0.8, 1_000_000], near: [0.803, 500_000], small: [1, 100_000] } as const;
    const profiles = Object.entries(given).map(([name, [bitsPerByte, parameters]]) =>
      modelProfile({ name, bitsPerByte, parameters }),
    );
    const files = profiles.map((profile) => writeText(at(`${profile.model.name}.json`), JSON.stringify(profile)));
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
    // The command looks for states beside the files, which there are none of here.
    const { refusals, ...compared } = await printed("compare", ...files);
    expect(plain(lossyscope.compare(profiles))).toEqual({ ...compared, refusals: refusals.slice(0, 1) });

    const baseline = profiles[0];
    const max = ["coding.overall.bitsPerByte=+1%", "coding.overall.bitsPerByte=3"];
    const checks = lossyscope.gate(profiles[1], { max, baseline });
    const bounds = max.flatMap((one) => ["--max", one]);
    expect(plain(checks)).toEqual(await printed("gate", files[1], "--baseline", files[0], ...bounds));
    expect(lossyscope.gate(profiles[2], { max, baseline }).map(({ outcome }) => outcome)).toEqual(["missed", "held"]);

    const foreseen = await lossyscope.predict(profiles, { set: "llm-compression", extrapolate: true });
    const asked = await printed("predict", ...files, "--set", "llm-compression", "--extrapolate");
    expect(plain(foreseen)).toEqual(asked);
    await expect(lossyscope.predict([baseline, baseline], { set: "llm-compression" })).rejects.toThrow(/both of large/);

    const choice = lossyscope.choose(profiles, { weightBytes: 3e6, facts: [{ model: "near", licence: "MIT" }] });
    const table = writeText(at("prices.csv"), "model,licence\nnear,MIT\n");
    const { predictions: _, ...chosen } = await printed("choose", ...files, "--bytes", "3e6", "--price", table);
    expect(plain(choice)).toEqual(chosen);
  });
});
