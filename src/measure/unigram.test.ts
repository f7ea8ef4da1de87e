/**
 * A model that can only give losses goes through a measurement whole: what coding tells is told, everything else is refused by
 * name, before the run and in the profile, and what is drawn of it says so.
 */
import { existsSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createEngine } from "../engines/create.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sum } from "../numeric/sums.ts";
import { describeEngine } from "../ports/engine.testing.ts";
import { describeModel } from "../ports/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { foresightSentences } from "../report/foresight.ts";
import { renderReport } from "../report/html.ts";
import { renderTerminal } from "../report/terminal.ts";
import { dryRun, foresightOf } from "./foresight/foresee.ts";
import { measure } from "./measure.ts";
import { figuresOf, listener, sampleText, writeText } from "./model.testing.ts";
import { validatePlan } from "./plan.ts";
import { merge, openParts } from "./shards/merge.ts";
import { measureShard } from "./shards/shard.ts";
import { Shard } from "./shards/share.ts";
import { unigramModel, unigramNats } from "./unigram.testing.ts";

describeModel("a model that gives losses alone", { make: async () => unigramModel() });
describeEngine("the engine that it brings", {
  make: async () => createEngine(unigramModel(), { threads: 1, longest: 8, describe: () => "a batch" }),
  vocabulary: unigramModel().vocabulary,
});

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const FACT = {
  subject: "Ada",
  relation: "born",
  value: "1815",
  prompts: [{ text: "Ada was born in", terminator: "." }],
};

/** Everything that can be asked for, of a text that is long enough for all of it. */
const EVERYTHING = {
  plane: { points: 8 },
  geometry: true,
  entropy: true,
  likeLmEval: true,
  with: ["next-token", "recall", "facts"],
  recall: { prefixes: [4], length: 4, passages: 12 },
};

/** Nothing of that. */
const CODING = {
  ...{ plane: null, geometry: false, baselines: false, likeLmEval: false, entropy: false },
  ...{ with: [], facts: null },
};

function request(plan: Readonly<Record<string, unknown>> = {}) {
  const text = writeText(at("text.txt"), sampleText(24, 150));
  const facts = { path: writeText(at("facts.jsonl"), JSON.stringify(FACT)) };
  return {
    model: unigramModel(),
    plan: validatePlan({ text: [{ path: text }], splitOn: "\n\n", facts, ...EVERYTHING, ...plan }),
    points: null,
    threads: 1,
    resume: false,
    progress: listener(),
    work: at("work"),
  };
}

const REFUSED = {
  ledger: "the model's weights are not at hand",
  "coding.likeLmEval": "the model's weights are not at hand",
  "coding.overall.adjustedRate": "the model's weights are not at hand",
  "coding.overall.breakEven": "the model's weights are not at hand",
  nextToken: "the model does not say which tokens are likeliest",
  plane: "the model does not show its hidden states",
  geometry: "the model does not show its hidden states",
  "passages.expected": "the model does not say which tokens are likeliest",
  recall: "the model cannot be asked to go on with a prompt",
  facts: "the model cannot be asked to go on with a prompt",
};

describe("a model that gives losses alone", () => {
  it("is measured: what its losses tell, and what is missing by name", async () => {
    const { profile, documents, lossesOf } = await measure(request());
    const nats = documents.map(({ ids }) => Array.from(ids, unigramNats));
    for (const { index } of documents) expect([...lossesOf(index)]).toEqual(nats[index]);
    const { overall } = profile.coding!;
    expect(overall.bitsPerByte.value).toBeCloseTo(sum(nats.flat()) / Math.LN2 / overall.bytes, 12);
    expect(overall.bitsPerByte.low).toBeLessThan(overall.bitsPerByte.value!);
    expect(overall.baselines.length).toBeGreaterThan(3);
    expect(overall).toMatchObject({ adjustedRate: null, breakEven: [] });
    expect(profile).toMatchObject({
      schema: "lossyscope.profile/2",
      model: { name: "unigram", architecture: null, layers: null, width: null, vocabulary: 257, positions: 128 },
      ...{ ledger: null, plane: null, geometry: null, nextToken: null, recall: null, facts: null },
      provenance: {
        runtime: { engine: "unigram 1" },
        digests: { config: null, weights: null, tokenizer: null },
      },
    });
    expect(profile.passages.length).toBeGreaterThan(0);
    expect(Object.fromEntries(profile.refusals.map(({ figure, reason }) => [figure, reason]))).toEqual(REFUSED);
    expect(profile.refusals.every(({ remedy }) => remedy === "a model whose weights are at hand")).toBe(true);
    expect(parseProfile(JSON.stringify(profile), "p.json")).toEqual(JSON.parse(JSON.stringify(profile)));
  });

  it("is drawn, with what is missing beside its place", async () => {
    const { profile } = await measure(request());
    const options = { width: 300, colour: false, unicode: true };
    const said = renderTerminal(profile, options).replaceAll("\u00a0", " ");
    expect(said).toMatch(/^unigram writes text\.txt in/);
    const states =
      "plane, geometry: the model does not show its hidden states; it would take a model whose weights are at hand";
    expect(said).toContain(`Missing: ${states}`);
    const page = renderReport(profile);
    for (const [figure, reason] of Object.entries(REFUSED)) {
      expect(said).toContain(figure);
      expect(page).toContain(figure);
      expect(page).toContain(reason.replaceAll("'", "&#39;"));
    }
    for (const written of [said, page.replace(/<(script|style).*?<\/\1>|<div id="methods".*/gs, "")])
      expect(written).not.toMatch(/\b(?:null|undefined|NaN)\b/);
  });

  it("is told of before the run: what will be missing, and that nobody knows how long it takes", async () => {
    const { run, rates } = await dryRun({ ...request(), root: at("work"), option: "--work" });
    expect(run.missing.map(({ figure }) => figure).sort()).toEqual(Object.keys(REFUSED).sort());
    expect(run).toMatchObject({ seconds: null, memoryBytes: null, diskBytes: 0 });
    const [what, how] = foresightSentences(foresightOf([run], rates)).map((one) => one.replaceAll("\u00a0", " "));
    expect(what).toMatch(/^unigram on text\.txt: 24 documents/);
    expect(how).toMatch(/^How long the model takes is not known here \(beside it .*other compressors/);
    expect(existsSync(at("work"))).toBe(false);
  });

  it("comes together from shards as one run has it", async () => {
    const plan = { with: ["next-token"], facts: null, context: { tokens: 40 }, batchTokens: 400 };
    const whole = await measure(request(plan));
    for (const index of [1, 2]) await measureShard({ ...request(plan), shard: new Shard(index, 2), out: at("parts") });
    const { profile } = await merge(openParts([at("parts")]), { threads: 1, progress: listener() });
    expect(figuresOf(profile)).toEqual(figuresOf(whole.profile));
  });

  it("has parts that are told from another's", async () => {
    const plan = { ...CODING, context: { tokens: 40 }, batchTokens: 400 };
    for (const [index, name] of ["one", "two"].entries()) {
      const shard = new Shard(index + 1, 2);
      await measureShard({ ...request(plan), model: unigramModel(name), shard, out: at("strange") });
    }
    expect(() => openParts([at("strange")])).toThrow(
      /are parts of different measurements: the models are not the same/,
    );
  });

  it("is told from others by its name, as nothing else tells it", async () => {
    const ids: string[] = [];
    for (const name of ["one", "one", "two"])
      ids.push((await measure({ ...request(CODING), model: unigramModel(name) })).profile.id);
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false]);
  });

  it("is refused where a file was asked for that it cannot fill", async () => {
    await expect(measure(request({ keep: ["states"] }))).rejects.toThrow(
      "unigram does not show its hidden states: leave out --keep states",
    );
    const mute = { ...unigramModel(), can: new Set<never>() };
    await expect(measure({ ...request(), model: mute })).rejects.toThrow(/does not say what the text's tokens cost/);
  });
});
