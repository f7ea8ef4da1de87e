/** The next token: by hand, in the suite of probes, and against a naive decoder in float64. */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { measureFiles, writeModel, writeText } from "../../measure/model.testing.ts";
import { validatePlan } from "../../measure/plan.ts";
import { naiveDecoder } from "../../models/naive.testing.ts";
import { random } from "../../numeric/random.ts";
import type { Observation } from "../../ports/observation.ts";
import { describeProbe } from "../../ports/probe.testing.ts";
import type { FinishContext, ProbeContext, ProbeSubject } from "../../ports/probe.ts";
import type { NextToken } from "../../profile/next-token.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import { documentOf } from "../coding/coding.testing.ts";
import { NEXT_TOKEN } from "./probe.ts";

const at = temporaryFolder();
const documents = Array.from({ length: 25 }, (_, index) =>
  documentOf(
    index,
    Array.from({ length: 6 + index }, (_, token) => String.fromCharCode(97 + ((7 * token) % 26))),
    {
      domain: index % 2 === 0 ? "even" : "odd",
    },
  ),
);
const units = unitsOf(documents.map(({ ids }) => ids.length));
const batches = batchesOf(
  documents.flatMap(({ index, ids }) => windowsOf(index, ids, null, 12, 4)),
  40,
);

/** What the model held for likeliest at a token: right or not, and how probable. */
const believed = (document: number, token: number): { readonly right: boolean; readonly probability: number } => {
  const drawn = random(3, document, token);
  return { right: drawn.uniform() < 0.6, probability: 0.02 + 0.97 * drawn.uniform() };
};

/** Two likeliest tokens a row, as where another probe asks for more than one. */
const observations = batches.map((batch): Observation => {
  const rows: number[] = [];
  const tokens: number[] = [];
  const nats: number[] = [];
  let row = 0;
  for (const { document, ids, fresh, start, prefixSlots } of batch.windows) {
    for (let slot = fresh; slot < ids.length; slot++, row++) {
      if (slot === 0) continue;
      const { right, probability } = believed(document, start + slot - prefixSlots);
      rows.push(row);
      tokens.push(right ? ids[slot] : 9999, 9998);
      nats.push(-Math.log(probability), 20);
    }
  }
  const likeliest = {
    rows: Int32Array.from(rows),
    count: 2,
    tokens: Float32Array.from(tokens),
    nats: Float32Array.from(nats),
  };
  return { batch, rows: row, likeliest };
});

const subject: ProbeSubject = {
  plan: validatePlan({ text: [{ path: "-" }], with: ["next-token"] }),
  model: { layers: 1, width: 1, vocabulary: 10_000 },
  can: ["losses", "likeliest"],
  documents,
  prefix: null,
  reference: null,
};
const context: ProbeContext = { units, place: { folders: [] }, points: null, spell: String };

describe("a probe", () => {
  describeProbe({
    make: () => NEXT_TOKEN.create(subject, context)!,
    observations,
    finish: (probe) => probe.finish({} as FinishContext),
  });

  it("is made where it was asked for", () => {
    expect([subject.plan, { ...subject.plan, with: [] }].map(NEXT_TOKEN.asked)).toEqual([true, false]);
  });
});

async function found(): Promise<NextToken> {
  const probe = NEXT_TOKEN.create(subject, context)!;
  for (const observation of observations) probe.observe(observation);
  return (await probe.finish({} as FinishContext)).sections.nextToken!;
}

it("counts hits, confidences and bins as they are defined", async () => {
  const tokens = documents.flatMap(({ index, ids }) => [...ids.keys()].slice(1).map((token) => believed(index, token)));
  const { overall, domains, interval } = await found();
  const mean = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
  expect(overall.tokens).toBe(tokens.length);
  expect(overall.accuracy.value).toBeCloseTo(mean(tokens.map(({ right }) => Number(right))), 12);
  expect(overall.confidence.value).toBeCloseTo(mean(tokens.map(({ probability }) => probability)), 6);
  const error = Array.from({ length: 10 }, (_, bin) => {
    const own = tokens.filter(({ probability }) => probability > bin / 10 && probability <= (bin + 1) / 10);
    expect(overall.bins[bin].tokens).toBe(own.length);
    return Math.abs(own.reduce((total, { right, probability }) => total + Number(right) - probability, 0));
  });
  expect(overall.calibrationError.value).toBeCloseTo(error.reduce((a, b) => a + b, 0) / tokens.length, 6);
  expect(overall.accuracy.low!).toBeLessThan(overall.accuracy.value!);
  expect(interval).toMatchObject({ absent: null, resamples: 2000 });
  expect(domains.even.tokens + domains.odd.tokens).toBe(overall.tokens);
});

it("agrees with a naive decoder in float64, prefix, windows and all", async () => {
  const model = await writeModel(at("model"));
  const text = writeText(
    at("text.jsonl"),
    `${["abcabcabd", "hello, hello", "zz"].map((one) => JSON.stringify({ text: one })).join("\n")}\n`,
  );
  const plan = { with: ["next-token"], plane: null, geometry: false, baselines: false };
  const { profile } = await measureFiles({ model, text, plan, work: at("work") });
  const run = await naiveDecoder(model);
  let [hits, tokens, confidence] = [0, 0, 0];
  for (const one of ["abcabcabd", "hello, hello", "zz"]) {
    const ids = [256, ...Buffer.from(one)];
    const { logits } = run(ids);
    for (let slot = 1; slot < ids.length; slot++) {
      const row = logits[slot - 1];
      const most = Math.max(...row);
      tokens++;
      hits += Number(row.indexOf(most) === ids[slot]);
      confidence += 1 / row.reduce((total, logit) => total + Math.exp(logit - most), 0);
    }
  }
  const { overall } = profile.nextToken!;
  expect(overall.tokens).toBe(tokens);
  expect(overall.accuracy.value).toBeCloseTo(hits / tokens, 12);
  expect(overall.confidence.value).toBeCloseTo(confidence / tokens, 5);
  expect(profile.refusals.map(({ figure }) => figure)).toContain("nextToken.interval");
});
