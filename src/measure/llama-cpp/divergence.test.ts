/**
 * The table of two models against a second implementation: all logits of both in memory, and sums as the loop of llama.cpp's
 * `kl_divergence` keeps them, in float64; and against the same with the base in 16 bits, as its file has it.
 */
import { describe, expect, it } from "vitest";
import { exportEverything } from "../../engines/exporter.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { u32 } from "../../formats/gguf/gguf.testing.ts";
import { decoderOf, type Model } from "../../ports/model.ts";
import { lockstepSchema } from "../../profile/lockstep.ts";
import { openModel } from "../../references/open.ts";
import { plainText } from "../../report/findings.ts";
import { divergenceBlocks } from "../../report/llama-cpp.ts";
import { writeGgufModel } from "../gguf.testing.ts";
import { measureLockstep } from "../lockstep/lockstep.ts";
import { listener, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";

const at = temporaryFolder();
const CONTEXT = 24;
const FIRST = CONTEXT / 2;

/** [chunks][S, V] */
async function logitsOf(model: Model, chunks: readonly Int32Array[]): Promise<Float32Array[]> {
  const { spec, weights } = decoderOf(model)!;
  const found: Float32Array[] = [];
  for await (const { logits } of exportEverything(spec, weights, chunks, { longest: CONTEXT, threads: 1 }))
    found.push(logits);
  return found;
}

const logSoftmax = (logits: Float32Array): number[] => {
  const most = Math.max(...logits);
  const sum = most + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - most), 0));
  return Array.from(logits, (logit) => logit - sum);
};

/** What its file gives back of them: 16 bits over what is at most 16 nats below the largest. */
const stored = (logits: readonly number[]): number[] => {
  const most = Math.max(...logits);
  const least = Math.max(Math.min(...logits), most - 16);
  const scale = (most - least) / 65535;
  return logits.map((one) => (one > least ? Math.round((one - least) / scale) * scale : 0) + least);
};

interface Naive {
  readonly kept: (logits: readonly number[]) => readonly number[];
  readonly least: number;
}

/** Its sums, and what it makes of them; percentiles of a sorted list. */
function naive(chunks: readonly Int32Array[], base: Float32Array[], own: Float32Array[], { kept, least }: Naive) {
  const sums = { nll: 0, nll2: 0, base: 0, base2: 0, both: 0, kld: 0, kld2: 0, p: 0, p2: 0, p4: 0, same: 0 };
  const [klds, deltas]: number[][] = [[], []];
  for (const [chunk, ids] of chunks.entries())
    for (let place = FIRST; place + 1 < CONTEXT; place++) {
      const row = (all: Float32Array[]) => logSoftmax(all[chunk].subarray(place * 257, (place + 1) * 257));
      const [logP, logQ] = [kept(row(base)), row(own)];
      const [nll, nllBase] = [-logQ[ids[place + 1]], -logP[ids[place + 1]]];
      sums.nll += nll;
      sums.nll2 += nll * nll;
      sums.base += nllBase;
      sums.base2 += nllBase * nllBase;
      sums.both += nll * nllBase;
      const kld = logP.reduce((sum, p, id) => (p > least ? sum + Math.exp(p) * (p - logQ[id]) : sum), 0);
      const delta = Math.exp(-nll) - Math.exp(-nllBase);
      klds.push(kld);
      deltas.push(delta);
      sums.kld += kld;
      sums.kld2 += kld * kld;
      sums.p += delta;
      sums.p2 += delta ** 2;
      sums.p4 += delta ** 4;
      sums.same += Number(logQ.indexOf(Math.max(...logQ)) === logP.indexOf(Math.max(...logP)));
    }
  const count = klds.length;
  const plusMinus = (sum: number, sum2: number) => {
    const value = sum / count;
    return { value, error: Math.sqrt((sum2 / count - value * value) / (count - 1)) };
  };
  const [q, p] = [plusMinus(sums.nll, sums.nll2), plusMinus(sums.base, sums.base2)];
  const covariance = (sums.both / count - (sums.nll / count) * (sums.base / count)) / (count - 1);
  const ratio = Math.exp(q.value - p.value);
  const apart = Math.sqrt(q.error ** 2 + p.error ** 2 - 2 * covariance);
  const model = { value: Math.exp(q.value), error: Math.exp(q.value) * q.error };
  const reference = { value: Math.exp(p.value), error: Math.exp(p.value) * p.error };
  const square = plusMinus(sums.p2, sums.p4);
  const same = sums.same / count;
  const percentiles = (values: number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    const percentile = (fraction: number) => {
      if (fraction === 0.5 && count % 2 === 0) return 0.5 * (sorted[count / 2] + sorted[count / 2 - 1]);
      const place = fraction * (count - 1);
      const whole = Math.floor(place);
      return (1 - place + whole) * sorted[whole] + (place - whole) * sorted[Math.min(whole + 1, count - 1)];
    };
    const at = { p001: 0.001, p01: 0.01, p05: 0.05, p10: 0.1, p25: 0.25, median: 0.5, p75: 0.75, p90: 0.9 };
    const fractions = { minimum: 0, ...at, p95: 0.95, p99: 0.99, p999: 0.999, maximum: 1 };
    return Object.fromEntries(Object.entries(fractions).map(([name, fraction]) => [name, percentile(fraction)]));
  };
  return {
    perplexity: {
      ...{ model, reference, correlation: covariance / (q.error * p.error) },
      logRatio: { value: q.value - p.value, error: apart },
      ratio: { value: ratio, error: ratio * apart },
      difference: {
        value: model.value - reference.value,
        error: Math.sqrt(model.error ** 2 + reference.error ** 2 - 2 * model.value * reference.value * covariance),
      },
    },
    kl: { mean: plusMinus(sums.kld, sums.kld2), quantiles: percentiles(klds) },
    probability: {
      mean: plusMinus(sums.p, sums.p2),
      rms: { value: Math.sqrt(square.value), error: (0.5 / Math.sqrt(square.value)) * square.error },
      quantiles: percentiles(deltas),
      sameTop: { value: same, error: Math.sqrt((same * (1 - same)) / (count - 1)) },
    },
  };
}

/** Numbers of a nested record by their paths. */
const flat = (value: unknown, path = ""): (readonly [string, number])[] =>
  typeof value === "number"
    ? [[path, value]]
    : Object.entries(value as object).flatMap(([name, one]) => flat(one, `${path}.${name}`));

describe.each([false, true])("llama-perplexity's table of two GGUF files, BOS added: %s", (adds) => {
  it("has the figures of its loop over all logits", async () => {
    const metadata = [
      ["tokenizer.ggml.add_bos_token", { type: "bool", value: adds }],
      ["tokenizer.ggml.bos_token_id", u32(256)],
    ] as const;
    const noisy = (name: string, values: Float32Array): void => {
      if (name.includes("mlp")) for (const [i, x] of values.entries()) values[i] = x * (1 + 0.3 * Math.sin(i));
    };
    const [p, q] = [await writeModel(at("p")), await writeModel(at("q"), { change: noisy })];
    const files = [await writeGgufModel(at("p.gguf"), p, undefined, metadata)];
    files.push(await writeGgufModel(at("q.gguf"), q, undefined, metadata));
    const words = sampleText(5, 60);
    const path = writeText(at("text.txt"), `${words}\n`);
    const context = { tokens: CONTEXT, asked: true };
    const plan = validatePlan({ text: [{ path }], splitOn: "\n\n", likeLlamaCpp: true, context });
    const [reference, model] = [await openModel(files[0]), await openModel(files[1])];
    const lockstep = await measureLockstep({ reference, model, plan, threads: 1, progress: listener() });
    const like = lockstepSchema.parse(lockstep).likeLlamaCpp!;

    const bytes = [...Buffer.from(words.replaceAll("\n\n", ""))];
    const all = adds ? [256, ...bytes] : bytes;
    const chunks = Array.from({ length: Math.floor(all.length / CONTEXT) }, (_, chunk) => {
      const own = all.slice(chunk * CONTEXT, (chunk + 1) * CONTEXT);
      return Int32Array.from(adds ? [256, ...own.slice(1)] : own);
    });
    const [base, own] = [await logitsOf(reference, chunks), await logitsOf(model, chunks)];
    expect(like).toMatchObject({ chunks: chunks.length, tokens: 11 * chunks.length, context: CONTEXT });
    expect(like.tokens).toBeGreaterThan(100);
    const exact = flat(naive(chunks, base, own, { kept: (logits) => logits, least: Number.NEGATIVE_INFINITY }));
    const found = new Map(flat({ perplexity: like.perplexity, kl: like.kl, probability: like.probability }));
    expect(found.size).toBe(exact.length);
    // float32 logits of two graphs, and what is left of them where two figures nearly cancel
    for (const [name, value] of exact)
      expect(Math.abs(found.get(name)! - value), name).toBeLessThan(2e-6 + 2e-5 * Math.abs(value));
    const rounded = new Map(flat(naive(chunks, base, own, { kept: stored, least: -16 })));
    expect(rounded.get(".kl.mean.value")! / like.kl.mean.value).toBeCloseTo(1, 3);

    const shown = plainText(divergenceBlocks(like), { width: 100, unicode: true });
    for (const row of [
      /Mean PPL\(Q\) +\d+\.\d{6} ± \d+\.\d{6}/,
      /Cor\(ln\(PPL\(Q\)\), ln\(PPL\(base\)\)\) +\d+\.\d\d%/,
      /99\.9% KLD +\d\.\d{6}\n/,
      /Median KLD +\d\.\d{6}\n/,
      /75\.0% Δp +-?\d\.\d{3}%\n/,
      /Same top p +\d+\.\d{3} ± \d+\.\d{3} %/,
    ])
      expect(shown).toMatch(row);
  });
});

describe("llama-perplexity's table", () => {
  const asked = async (tokens: number, documents: number) => {
    const [p, q] = [await writeModel(at("p")), await writeModel(at("q"))];
    const path = writeText(at("text.txt"), sampleText(documents, 60));
    const plan = validatePlan({ text: [{ path }], likeLlamaCpp: true, context: { tokens, asked: true } });
    const request = { reference: await openModel(p), model: await openModel(q), plan, threads: 1 };
    const found = await measureLockstep({ ...request, progress: listener() });
    return lockstepSchema.parse(found);
  };

  it("of a model beside itself is all zeros and hundreds", async () => {
    const { likeLlamaCpp: like } = await asked(CONTEXT, 5);
    expect(like).toMatchObject({
      perplexity: { logRatio: { value: 0 }, ratio: { value: 1 }, difference: { value: 0 } },
      kl: { mean: { value: 0, error: 0 }, quantiles: { minimum: 0, maximum: 0 } },
      probability: { rms: { value: 0, error: 0 }, sameTop: { value: 1, error: 0 } },
    });
    expect(like!.perplexity.correlation).toBeCloseTo(1, 9);
    expect(like!.perplexity.difference.error).toBeLessThan(1e-6);
  });

  it("is none of fewer than a hundred tokens, which is said", async () => {
    const { likeLlamaCpp, refusals } = await asked(60, 2);
    expect([likeLlamaCpp, refusals]).toEqual([
      null,
      [{ figure: "likeLlamaCpp", reason: expect.stringMatching(/no statistics of fewer than 100 scored tokens/) }],
    ]);
  });
});
