/** A measurement of a model behind an address: its figures against the costs themselves, what is missing, and what a stop leaves. */
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Patience } from "../endpoint/client.ts";
import {
  costsOf,
  cutBytes,
  type FakeServer,
  fakeServer,
  hashedNats,
  type ServerOptions,
  send,
  spellByte,
} from "../endpoint/endpoint.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import { figureAt } from "../profile/read.ts";
import { openModel } from "../references/open.ts";
import { dryRun } from "./foresight/foresee.ts";
import { type Measurement, measure } from "./measure.ts";
import { figuresOf, listener, sampleText, writeModel, writeText } from "./model.testing.ts";
import { validatePlan } from "./plan.ts";

const END = 256;
const PATIENCE: Patience = { attempts: 3, firstMs: 1, longestMs: 5, answerMs: 5_000 };
const at = temporaryFolder();
let server: FakeServer;
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  vi.stubEnv("LOSSYSCOPE_API_KEY", "sk-secret");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const documents = sampleText(12, 50).split("\n\n");
const SPLIT = { splitOn: "\n\n", plane: null, geometry: false, baselines: false };

async function asked(options: Partial<ServerOptions> = {}, plan: object = {}) {
  server = await fakeServer({ next: hashedNats, spell: spellByte, positions: 65, ...options });
  const tokenizer = await writeModel(at("tokenizer"));
  const progress = listener();
  return {
    open: () => openModel(server.url, { served: { tokenizer, patience: PATIENCE, price: 2 } }),
    progress,
    plan: validatePlan({ text: [{ path: writeText(at("text.txt"), documents.join("\n\n")) }], ...SPLIT, ...plan }),
    points: null,
    threads: 1,
    work: at("work"),
    resume: false,
  };
}

async function measured({ open, ...request }: Awaited<ReturnType<typeof asked>>): Promise<Measurement> {
  return measure({ model: await open(), ...request });
}

const refusal = async (work: Promise<unknown>): Promise<LossyscopeError> => {
  const error = await work.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LossyscopeError);
  return error as LossyscopeError;
};

describe("a served model", () => {
  it("needs the bits that its costs add up to, whatever serves it and however many windows are under way", async () => {
    const nats = documents.map((text) => sum(costsOf(hashedNats, [END, ...Buffer.from(text)]).slice(1) as number[]));
    const bytes = sum(documents.map((text) => Buffer.byteLength(text)));
    for (const kind of ["vllm", "sglang", "tgi", "openai"] as const) {
      const { profile } = await measured(await asked({ kind, ...(kind === "tgi" && { cut: cutBytes }) }));
      const { coding, provenance, model } = profile;
      expect(coding!.overall.bitsPerByte.value).toBeCloseTo(sum(nats) / Math.LN2 / bytes, 6);
      profile.documents.forEach((document, index) => {
        expect(document.nats).toBeCloseTo(nats[index], 3);
      });
      expect(coding!.repeatability).toEqual({
        bitsPerByte: 0,
        largestNats: 0,
        readings: 3,
        windows: 1,
        tokens: documents.reduce((most, { length }) => Math.max(most, length), 0),
      });
      expect(model).toMatchObject({ name: "served", positions: 64, layers: null });
      expect(provenance.served).toMatchObject({ again: 0, price: (2 * provenance.served!.tokens) / 1e6 });
      expect(JSON.stringify(profile)).not.toContain("secret");
      await server.close();
    }
  });

  it("is refused its layers, ledger and states by name, and has what was likeliest", async () => {
    const { profile } = await measured(await asked({}, { plane: {}, geometry: true, with: ["next-token"] }));
    const missing = profile.refusals.map(({ figure, reason }) => `${figure}: ${reason}`);
    expect(missing).toContain("ledger: the model's weights are not at hand");
    expect(missing).toContain("plane: the model does not show its hidden states");
    expect(missing).toContain("geometry: the model does not show its hidden states");
    const best = documents.flatMap((text) => {
      const ids = [END, ...Buffer.from(text)];
      return ids.slice(1).map((id, place) => {
        const next = hashedNats(ids.slice(0, place + 1));
        return Number(next[id] === Math.min(...next));
      });
    });
    expect(profile.nextToken!.overall.accuracy.value).toBeCloseTo(sum(best) / best.length, 9);
    expect(profile.passages[0].expected!.each).toBe(3);
    expect(figureAt(profile, "coding.repeatability.bitsPerByte")).toMatchObject({ kind: "figure" });
  });

  it("costs completions behind their prompts; what layers tell of them takes states", async () => {
    const pairs = Array.from({ length: 20 }, (_, i) => ({
      prompt: `${i}:`,
      chosen: `yes ${i}`,
      rejected: `no${i * i}`,
    }));
    const path = writeText(at("pairs.jsonl"), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
    const { open, ...request } = await asked({}, { plane: {}, pairs: { path } });
    const model = await open();
    const { run } = await dryRun({ model, ...request, root: at("work"), option: "--work" });
    const already = model.served!.sent().tokens;
    const { profile } = await measure({ model, ...request });
    expect(Math.abs(model.served!.sent().tokens - already - run.sent!.tokens - 50)).toBeLessThan(50);
    for (const side of ["chosen", "rejected"] as const) {
      const nats = pairs.map((pair) => {
        const costs = costsOf(hashedNats, [END, ...Buffer.from(pair.prompt + pair[side])]) as number[];
        return sum(costs.slice(1 + pair.prompt.length));
      });
      const bytes = sum(pairs.map((pair) => pair[side].length));
      expect(profile.preference![side].bitsPerByte.value).toBeCloseTo(sum(nats) / Math.LN2 / bytes, 6);
    }
    expect(profile.preference!.information).toBeNull();
    expect(profile.refusals).toContainEqual(
      expect.objectContaining({
        figure: "preference.information",
        reason: "the model does not show its hidden states",
      }),
    );
  });

  it("gives back what it goes on with, and tells seen text from unseen; gist takes states", async () => {
    const [seen, other] = [sampleText(8, 40, 1), sampleText(8, 40, 2)];
    const { open, ...request } = await asked(
      {},
      { with: ["recall"], recall: { prefixes: [4], length: 6, passages: 6 } },
    );
    const plan = {
      ...request.plan,
      text: [{ path: writeText(at("seen.txt"), seen), domain: null }],
      unseen: [{ path: writeText(at("unseen.txt"), other), domain: null }],
    };
    const { profile } = await measure({ model: await open(), ...request, plan });
    const { recall, refusals } = profile;
    for (const { prompt, came } of recall!.samples) {
      const said: number[] = [];
      while (said.length < 6) {
        const next = hashedNats([END, ...Buffer.from(prompt), ...said]);
        said.push(next.indexOf(Math.min(...next)));
      }
      expect(came).toBe(Buffer.from(said).toString());
    }
    expect(recall!.samples.length).toBeGreaterThan(2);
    const rate = (text: string): number => {
      const parts = text.split("\n\n");
      const nats = parts.map((one) => sum(costsOf(hashedNats, [END, ...Buffer.from(one)]).slice(1) as number[]));
      return sum(nats) / Math.LN2 / sum(parts.map((one) => one.length));
    };
    expect(recall!.membership!.unseen.bitsPerByte.value).toBeCloseTo(rate(other), 5);
    expect(recall!.membership!.gap.value).toBeCloseTo(rate(seen) - rate(other), 5);
    expect(recall!.gist).toBeNull();
    expect(refusals).toContainEqual(
      expect.objectContaining({ figure: "recall.gist", reason: "the model does not show its hidden states" }),
    );
  });

  it("says before what it will send, and after what it has", async () => {
    const { open, ...request } = await asked();
    const before = await open();
    const already = before.served!.sent().tokens;
    const { run } = await dryRun({ model: before, ...request, root: at("work"), option: "--work" });
    expect(before.served!.sent().tokens).toBe(already);
    const { profile } = await measure({ model: before, ...request });
    const { tokens, requests } = profile.provenance.served!;
    // what makes sure that the model is still the same comes beside it
    expect(tokens - already).toBeGreaterThanOrEqual(run.sent!.tokens);
    expect(tokens - already).toBeLessThan(run.sent!.tokens + 100);
    expect(run.sent).toMatchObject({ requests: 12 + 2, price: (2 * run.sent!.tokens) / 1e6 });
    expect(request.progress.said.at(-1)).toMatch(
      new RegExp(`sent ${tokens.toLocaleString("en")} tokens in ${requests} requests: 0\\.\\d+ at`),
    );
  });

  it("that fails in the middle keeps what was paid for, and goes on to the same figures", async () => {
    const request = await asked({}, { batchTokens: 64 });
    const undisturbed = await measured(request);
    let scored = 0;
    server.intercept = (one, response) => {
      if (one.path !== "/v1/completions" || one.body?.return_token_ids || ++scored < 20) return false;
      send(response, 503, { error: "down" });
      return true;
    };
    const error = await refusal(measured(request));
    expect(error.message).toMatch(
      /gave no answer for tokens .* of "text\.txt.*" in 3 attempts \(503: down\).*after \d+ % of the text.*: the same command with --resume goes on from there/s,
    );
    const kept = readdirSync(at("work"));
    expect(kept.some((name) => /^\w{16}$/.test(name))).toBe(true);
    expect(JSON.stringify(error.message)).not.toContain("secret");
    server.intercept = undefined;
    const before = server.asked.length;
    const resumed = await measured({ ...request, resume: true });
    const prompts = server.asked.slice(before).filter(({ body }) => body?.prompt_logprobs !== undefined);
    expect(prompts.length).toBeLessThan(40);
    const timeless = ({ profile }: Measurement) => {
      const { provenance, ...rest } = figuresOf(profile) as Measurement["profile"];
      return { ...rest, provenance: { ...provenance, served: null } };
    };
    expect(timeless(resumed)).toEqual(timeless(undisturbed));
  });

  it("whose values move is refused before its text is sent, or where it has become another", async () => {
    let calls = 0;
    const moving = await asked({
      change: (nats, ids) => (ids[0] === END ? nats.map((one) => one && one + (calls++ % 2)) : nats),
    });
    expect((await refusal(measured(moving))).message).toMatch(
      /values change from call to call: tokens of the text, sent twice/,
    );
    await server.close();
    let other = false;
    const swapped = await asked({ change: (nats) => (other ? nats.map((one) => one && one + 0.5) : nats) });
    const { open, ...request } = swapped;
    const model = await open();
    other = true;
    expect((await refusal(measure({ model, ...request }))).message).toMatch(/is not the one that the run began with/);
  });
});
