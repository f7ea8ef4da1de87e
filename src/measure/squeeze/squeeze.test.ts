/**
 * Points of a tiny model against folders that hold what they should be, read as any two models are; what is kept of a run that
 * was stopped; and in which order figures are lost, from points made up.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { openCheckpoint } from "../../models/checkpoint.ts";
import { specOf } from "../../models/config.ts";
import { matricesOf } from "../../models/matrices.ts";
import { naiveRun, naiveWeights } from "../../models/naive.testing.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { Point, Squeezing } from "../../profile/squeeze.ts";
import { squeezeSchema } from "../../profile/squeeze.ts";
import { openModel } from "../../references/open.ts";
import { transposed } from "../../squeeze/low-rank.ts";
import { nameOf, squeezed, transformNamed } from "../../squeeze/transform.ts";
import type { Units } from "../../text/units.ts";
import type { Answered } from "../facts/figures.ts";
import { measureLockstep } from "../lockstep/lockstep.ts";
import { measure } from "../measure.ts";
import { editJson, listener, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { budgetNamed, intoOrInstead, mixableApart, refuseBudget } from "./budget.ts";
import { factsLost } from "./facts.ts";
import { enoughOf, frontierOf, orderOfLoss } from "./losses.ts";
import { askedPoints, percentages, refuseImpossible, type Tries, usualGroups } from "./points.ts";
import { type Passages, recallLost } from "./recall.ts";
import type { SqueezeRequest } from "./request.ts";
import { measureSqueezing } from "./squeeze.ts";
import { nameIn, SqueezedWeights, valuesOf } from "./weights.ts";

const at = temporaryFolder();

beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"));
  writeText(at("text"), sampleText(24, 60));
  return () => vi.unstubAllEnvs();
});

const planFor = (text: string) =>
  validatePlan({ text: [{ path: text }], splitOn: "\n\n", plane: null, geometry: false, baselines: false });

const TRIES: Tries = {
  ...{ try: [], groups: ["8"], asymmetric: false, prune: [], patterns: [], rank: [], dropBlocks: [] },
};

async function squeeze(more: Partial<SqueezeRequest> & { readonly tries: Partial<Tries> }): Promise<Squeezing> {
  const { tries, ...rest } = more;
  return measureSqueezing({
    model: await openModel(at("model"), { offline: true }),
    plan: planFor(at("text")),
    points: askedPoints({ ...TRIES, ...tries }),
    ...{ also: [], spared: [], sensitivity: null, bound: false, work: at("work"), resume: false, threads: 1 },
    progress: listener(),
    commandOf: (name) => name,
    ...rest,
  });
}

/** Figures by name, without how long they took. */
const figuresOf = ({ points }: Squeezing) =>
  Object.fromEntries(points.map(({ name, overall, domains, rate }) => [name, { overall, domains, rate }]));

/** The same folder with other tensors. */
async function rewritten(
  name: string,
  change: (tensor: string, values: Float32Array, shape: readonly number[]) => Float32Array,
) {
  await writeModel(at(name));
  const path = join(at(name), "model.safetensors");
  const file = await openSafetensors(path);
  const tensors = await Promise.all(
    [...file.header.tensors.values()].map(async ({ name: tensor, shape }) => ({
      ...{ name: tensor, dtype: "F32" as const, shape },
      data: change(tensor, (await file.read(tensor)) as Float32Array, shape),
    })),
  );
  await file.close();
  await writeSafetensors(path, tensors);
  return openModel(at(name), { offline: true });
}

describe("a point", () => {
  it.each(["q3rowa", "2:4", "rank0.8"])("%s is what a folder of these weights is, to the last bit", async (name) => {
    const transform = transformNamed(name);
    const isForAll = transform.kind === "round";
    const model = await rewritten(`as-${name.replace(":", "-")}`, (tensor, values, [rows, columns]) =>
      columns === undefined || (!isForAll && !tensor.includes("layers"))
        ? values
        : squeezed(transform, { rows, columns, values }, { kept: "F32" }).values,
    );
    const found = await squeeze({ tries: { try: [name] } });
    const reference = await openModel(at("model"), { offline: true });
    const request = { reference, model, plan: planFor(at("text")), threads: 1, progress: listener() };
    const expected = await measureLockstep(request);
    if ("absent" in expected) throw new Error(expected.absent);
    expect(found.points[0].overall).toEqual(expected.overall);
    expect(found.points[0].overall.kl!.value).toBeGreaterThan(0);
  });

  it("without blocks is what a folder without them is; the least harmful goes first", async () => {
    const found = await squeeze({ tries: { dropBlocks: [1] } });
    const singly = await Promise.all(
      [0, 1].map(async (gone) => {
        const model = at(`without-${gone}`);
        await writeModel(model);
        const file = await openSafetensors(join(at("model"), "model.safetensors"));
        const kept = [...file.header.tensors.values()].filter(({ name }) => !name.includes(`layers.${gone}.`));
        const tensors = await Promise.all(
          kept.map(async ({ name, shape }) => ({
            ...{ name: name.replace("layers.1.", "layers.0."), dtype: "F32" as const, shape },
            data: (await file.read(name)) as Float32Array,
          })),
        );
        await file.close();
        await writeSafetensors(join(model, "model.safetensors"), tensors);
        editJson(model, "config.json", (config) => {
          config.num_hidden_layers = 1;
        });
        const reference = await openModel(at("model"), { offline: true });
        const request = { reference, plan: planFor(at("text")), threads: 1, progress: listener() };
        const lockstep = await measureLockstep({ ...request, model: await openModel(model, { offline: true }) });
        if ("absent" in lockstep) throw new Error(lockstep.absent);
        return lockstep.overall;
      }),
    );
    const least = singly[0].kl!.value! < singly[1].kl!.value! ? 0 : 1;
    expect(found.points[0].blocks).toEqual([least]);
    expect(found.points[0].overall).toEqual(singly[least]);
  });

  it("takes the bits of its name for every matrix, and what the file has for everything else", async () => {
    const found = await squeeze({ tries: { try: ["q4g8", "prune50"] }, spared: ["embedding"] });
    const { spec, weights } = requireDecoder(await openModel(at("model"), { offline: true }), "testing");
    const stored = [...weights.names()].reduce((sum, name) => sum + weights.locate(name)!.bytes, 0);
    const of = (own: (part: string, block: number | null) => boolean): number =>
      matricesOf(spec)
        .filter(({ part, block }) => own(part, block))
        .reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    const rounded = of((part) => part !== "embedding");
    const inBlocks = of((_, block) => block !== null);
    const [q4, pruned] = ["q4g8", "prune50"].map((name) => found.points.find((one) => one.name === name)!);
    expect(q4.rate.bytes).toBe(stored - 4 * rounded + rounded / 2 + (2 * rounded) / 8);
    expect(pruned.rate.bytes).toBe(stored - 4 * inBlocks + inBlocks / 8 + 2 * inBlocks);
    expect(q4.rate.codedBytes).toBeLessThan(q4.rate.bytes);
    expect(found.model.rate.bytes).toBe(stored);
    expect(found.model.parameters).toBe(stored / 4);
  });

  it("of GPT-2, whose matrices have a row an input, is squeezed along the inputs", async () => {
    const { config, weights } = await openCheckpoint(fixture("models/gpt2"));
    const spec = specOf(config);
    const matrix = matricesOf(spec).find(({ layout, rows, columns }) => layout === "in-out" && rows !== columns)!;
    const maker = new SqueezedWeights({ spec, weights }, weights, 1);
    const transform = transformNamed("q3row");
    const made = await maker.make({ jobs: new Map([[matrix, transform]]) });
    const name = nameIn(weights, matrix);
    const values = await valuesOf(weights, name);
    const { rows, columns } = matrix;
    const laid = transposed(values, columns, rows);
    const expected = squeezed(transform, { rows, columns, values: laid }, { kept: "F32" }).values;
    expect(await valuesOf(made.weights, name)).toEqual(transposed(expected, rows, columns));
    for (const other of weights.names())
      if (other !== name) expect(made.weights.locate(other)).toEqual(weights.locate(other));
    await maker.close();
  });

  it("that somebody else made is one like any other; the model itself costs exactly nothing", async () => {
    const also = [await openModel(at("model"), { offline: true })];
    const found = await squeeze({ tries: {}, also });
    expect(squeezeSchema.parse(found)).toEqual(found);
    const [{ kind, overall, rate }] = found.points;
    expect([kind, overall.kl!.value, overall.bitsPerByte.value, overall.agreement!.value]).toEqual(["file", 0, 0, 1]);
    expect(rate).toEqual(found.model.rate);
    expect(found.text).toMatchObject({ name: "text", documents: 24, bytes: readFileSync(at("text")).length - 2 * 23 });
    const { profile } = await measure({
      ...{ model: also[0], plan: planFor(at("text")), points: null },
      ...{ threads: 1, work: at("work"), resume: false, progress: listener() },
    });
    expect(found.text.bitsPerByte).toBeCloseTo(profile.coding!.overall.bitsPerByte.value!, 6);
  });
});

describe("a point by the inputs", () => {
  const calibration = [{ path: "", domain: null }];
  beforeEach(() => {
    // Short enough for one window each: position 0 is the prefix.
    writeText(at("other"), sampleText(12, 40, 9));
    calibration[0].path = at("other");
  });

  it("is what a folder is that was made by the naive decoder's own sums over the calibration text", async () => {
    const names = ["wanda50", "wanda2:4", "svdllm0.8"];
    const { spec, values } = await naiveWeights(at("model"));
    const sums = new Map<string, { squares: Float64Array; moments: Float64Array }>();
    for (const text of readFileSync(at("other"), "utf8").split("\n\n"))
      naiveRun(spec, (slot) => values.get(slot)!, [256, ...Buffer.from(text)], {
        reads(x, { weight }) {
          const own = sums.get(weight.names[0]) ?? {
            squares: new Float64Array(x.length),
            moments: new Float64Array((x.length * (x.length + 1)) / 2),
          };
          sums.set(weight.names[0], own);
          for (let i = 0, place = 0; i < x.length; i++) {
            own.squares[i] += x[i] * x[i];
            for (let j = 0; j <= i; j++) own.moments[place++] += x[i] * x[j];
          }
        },
      });
    const found = await squeeze({ tries: { try: names }, calibration });
    expect(found.calibration).toMatchObject({ name: "other", documents: 12, shared: 0 });
    expect(squeezeSchema.parse(found)).toEqual(found);
    for (const name of names) {
      const transform = transformNamed(name);
      const model = await rewritten(`as-${name.replace(":", "-")}`, (tensor, stored, [rows, columns]) =>
        columns === undefined || !tensor.includes("layers")
          ? stored
          : squeezed(transform, { rows, columns, values: stored }, { kept: "F32", inputs: sums.get(tensor)! }).values,
      );
      const reference = await openModel(at("model"), { offline: true });
      const request = { reference, model, plan: planFor(at("text")), threads: 1, progress: listener() };
      const expected = await measureLockstep(request);
      if ("absent" in expected) throw new Error(expected.absent);
      const kl = found.points.find((one) => one.name === name)!.overall.kl!.value!;
      expect(kl / expected.overall.kl!.value!).toBeCloseTo(1, 3);
    }
  });

  it("is refused without a calibration text, or by one that is the measured text or part of it", async () => {
    const tries = { try: ["wanda50"] };
    await expect(squeeze({ tries })).rejects.toThrow(/wanda50 goes by what the inputs .* pass --calibration/);
    const own = (path: string) => squeeze({ tries, calibration: [{ path, domain: null }] });
    await expect(own(at("text"))).rejects.toThrow(/24 documents of 24 are in both, and 100\.0 % of its tokens/);
    // In one piece, and with other text around it, it is no document of the measured text.
    const text = readFileSync(at("text"), "utf8").split("\n\n").slice(3, 5).join(" ");
    writeText(at("part"), `${sampleText(1, 900, 5)} ${text} ${sampleText(1, 900, 6)}`);
    await expect(own(at("part"))).rejects.toThrow(/0 documents of 1 are in both, and [4-9]\.\d % of its tokens/);
    await expect(squeeze({ tries: { try: ["q3g8"] }, calibration })).rejects.toThrow(/nothing that is tried goes by/);
  });
});

describe("a plan of several types", () => {
  it("keeps within its bits, and is judged by documents that it was not made from", async () => {
    const found = await squeeze({
      tries: { try: ["q6g8", "q2g8"] },
      spared: ["mlp", "head"],
      budget: budgetNamed("24"),
    });
    const [mixed] = found.points.filter(({ kind }) => kind === "mixed");
    expect(mixed.rate.bitsPerParameter).toBeLessThanOrEqual(24);
    expect(mixed.plan!.map(({ unit }) => unit)).toEqual(["embedding", "block 0 attention", "block 1 attention"]);
    expect(found.budget).toMatchObject({ point: "mixed24", bitsPerParameter: 24 });
    expect(found.budget!.documents).toBeGreaterThan(0);
    expect(found.budget!.documents).toBeLessThan(24);
    const refused = squeeze({ tries: { try: ["q6g8", "q2g8"] }, budget: budgetNamed("1") });
    await expect(refused).rejects.toThrow(/smallest types tried take .* bits a parameter .*, --budget allows 1/);
    await expect(squeeze({ tries: { try: ["q6g8"] }, budget: budgetNamed("8") })).rejects.toThrow(/fewer than two/);
  });
});

describe("types whose blocks do not divide all rows", () => {
  it("are mixed where they do, with what llama.cpp takes where they do not", async () => {
    await writeModel(at("wide"), { config: { hidden_size: 32, intermediate_size: 256, num_hidden_layers: 1 } });
    const model = await openModel(at("wide"), { offline: true });
    const { spec } = requireDecoder(model, "testing");
    const asked = askedPoints({ ...TRIES, try: ["Q8_0", "Q4_K"] });
    const { points, mixable } = mixableApart(asked, spec, []);
    expect([points.map(({ name }) => name), mixable]).toEqual([["Q8_0"], [{ kind: "blocks", type: "Q4_K" }]]);
    const matrices = matricesOf(spec);
    const named = (columns: number) =>
      new Set(
        [...intoOrInstead(matrices, mixable[0])].flatMap(([one, own]) =>
          one.columns === columns ? [nameOf(own)] : [],
        ),
      );
    expect([named(256), named(32)]).toEqual([new Set(["Q4_K"]), new Set(["Q4_0"])]);
    // Bytes of all: 4.5 bits of either, and float32 for three norms of 32.
    const least = matrices.reduce((sum, { rows, columns }) => sum + (rows * columns * 4.5) / 8, 0) + 3 * 32 * 4;
    const planned = {
      spec,
      weights: requireDecoder(model, "testing").weights,
      parameters: 1e6,
      points,
      mixable,
      spared: [],
    };
    expect(() => refuseBudget(budgetNamed(`${least}B`), planned)).not.toThrow();
    expect(() => refuseBudget(budgetNamed(`${least - 1}B`), planned)).toThrow(/--budget allows/);
    expect(() => refuseBudget(budgetNamed("9"), { ...planned, points: [], mixable: [] })).toThrow(/fewer than two/);
  });
});

describe("what is written", () => {
  it("is a folder of the very figures that were measured, with nothing of it quantised", async () => {
    const write = { point: "q3g8", path: at("written"), format: "safetensors", dtype: null } as const;
    const progress = listener();
    const found = await squeeze({ tries: { try: ["q3g8"] }, write, progress });
    expect(progress.said.at(-1)).toMatch(/written holds q3g8, .*B, read back: KL .* as measured/);
    const written = await openModel(at("written"), { offline: true });
    expect(readdirSync(at("written")).sort()).toEqual(readdirSync(at("model")).sort());
    const reference = await openModel(at("model"), { offline: true });
    const request = { reference, model: written, plan: planFor(at("text")), threads: 1, progress: listener() };
    const expected = await measureLockstep(request);
    expect(expected).toMatchObject({ overall: found.points[0].overall });
  });

  it("is refused before anything runs where it cannot be", async () => {
    const tries = { try: ["q3g8"], dropBlocks: [1] };
    const refused = (point: string, path: string) =>
      squeeze({ tries, write: { point, path, format: "safetensors", dtype: null } });
    await expect(refused("q4g8", at("new"))).rejects.toThrow(/no point is called "q4g8": name one of q3g8/);
    await expect(refused("drop1", at("new"))).rejects.toThrow(/leaves out blocks/);
    await expect(refused("q3g8", at("model"))).rejects.toThrow(/is not empty/);
  });
});

describe("what is lost of facts", () => {
  const facts = Array.from({ length: 40 }, (_, index) => ({
    ...{ subject: `s${index}`, relation: "r", value: "a", candidates: ["a", "b"], prompts: [], priorBits: null },
    ...{ exposures: index < 20 ? 1 : 8, weight: index % 2 === 0 ? 3 : 1 },
  }));
  const answered = (verdicts: (index: number) => boolean, codeBits: number): Answered[] =>
    facts.map((_, fact) => ({
      ...{ fact, chosen: true, confidence: 1, probability: 1, rank: 1, codeBits },
      verdict: verdicts(fact) ? "exact" : "confusion",
    }));

  it("is the difference of the same questions, by how often they were told", () => {
    const before = answered((index) => index >= 20 || index % 2 === 0, 2);
    const after = answered((index) => index >= 25, 3.5);
    const { exact, codeBits, exposures, knowledge } = factsLost(facts, before, after, 0);
    // Of twenty facts told once ten weigh 3 and were right: 30 of 40; of those told 8 times 20 to 24 are lost: 3+1+3+1+3 of 40.
    expect(exposures.map((one) => [one.exposures, one.original, one.exact.value])).toEqual([
      [1, 0.75, -0.75],
      [8, 1, -11 / 40],
    ]);
    expect(exact.value).toBeCloseTo(-(30 + 11) / 80, 12);
    expect(exact.low).toBeLessThan(exact.value!);
    expect(exact.high).toBeGreaterThan(exact.value!);
    // All answers cost the same more: no resample differs.
    expect(codeBits).toEqual({ value: 1.5, low: 1.5, high: 1.5 });
    // No fact has a prior.
    expect(knowledge).toBeNull();
    const priors = facts.map((fact, index) => ({
      ...fact,
      ...{ priorBits: index < 30 ? 5 : null, exposures: index < 10 ? 0 : fact.exposures },
    }));
    // Ten were never told, ten have no prior.
    expect(factsLost(priors, before, after, 0).knowledge).toEqual({
      ...{ facts: 20, original: 3, bits: { value: -1.5, low: -1.5, high: -1.5 } },
    });
    const none = factsLost(facts, before, before, 0);
    expect(none.exact).toEqual({ value: 0, low: 0, high: 0 });
  });
});

describe("what is lost of recall", () => {
  it("is the difference of the same passages, exactly and in bytes before the first wrong one", () => {
    const [prefix, length] = [8, 4];
    const units = { kind: "document", count: 20 } as Units;
    const questions = Array.from({ length: 40 }, (_, index) => ({
      ...{ unit: index % 20, truthBytes: Buffer.alloc(index < 20 ? 4 : 8) },
    })) as unknown as Passages["questions"];
    // Twenty passages of 4 bytes come back whole from the original, twenty of 8 half; of the first ten the last byte goes.
    const before = questions.map((_, index) => ({ exact: index < 20, common: 4 }));
    const after = before.map((one, index) => (index < 10 ? { exact: false, common: 3 } : one));
    const found = recallLost({ questions, prefix, length, units }, before, after, 0);
    expect(found).toMatchObject({ passages: 40, prefix, length, original: 0.5, originalBytes: 160 / 240 });
    expect(found.exact.value).toBe(-0.25);
    expect(found.exact.high).toBeLessThan(0);
    expect(found.bytes!.value).toBeCloseTo(-10 / 240, 12);
    expect(recallLost({ questions, prefix, length, units }, before, before, 0).exact).toEqual({
      ...{ value: 0, low: 0, high: 0 },
    });
  });

  it("is asked of every point as recall asks a model by itself", async () => {
    const recall = { prefixes: [8], length: 4, passages: 12 };
    const withRecall = (path: string) =>
      validatePlan({
        ...{ text: [{ path }], splitOn: "\n\n", plane: null, geometry: false, baselines: false },
        ...{ with: ["recall"], recall },
      });
    const write = { point: "q3g8", path: at("written"), format: "safetensors", dtype: null } as const;
    const found = await squeeze({ tries: { try: ["q3g8"] }, plan: withRecall(at("text")), write });
    const verbatim = async (folder: string) => {
      const { profile } = await measure({
        ...{ model: await openModel(at(folder), { offline: true }), plan: withRecall(at("text")), points: null },
        ...{ threads: 1, work: at("work"), resume: false, progress: listener() },
      });
      return profile.recall!;
    };
    const [before, after] = [await verbatim("model"), await verbatim("written")];
    const lost = found.points[0].recall!;
    expect(lost).toMatchObject({ passages: before.passages, prefix: 8, length: 4 });
    expect(lost.original).toBe(before.verbatim[0].exact.value);
    expect(lost.originalBytes).toBe(before.verbatim[0].commonPrefix.value);
    expect(lost.originalBytes! + lost.bytes!.value!).toBeCloseTo(after.verbatim[0].commonPrefix.value!, 12);
    const tooLong = validatePlan({ ...planFor(at("text")), with: ["recall"], recall: { ...recall, prefixes: [500] } });
    const refused = await squeeze({ tries: { try: ["q3g8"] }, plan: tooLong });
    expect(refused.points[0].recall).toBeNull();
    expect(refused.refusals).toMatchObject([{ figure: "recall", reason: expect.stringMatching(/positions/) }]);
  });
});

describe("a run", () => {
  it("that was stopped goes on with the next point, and ends in the same figures", async () => {
    const tries = { try: ["q8g8", "q2g8"] };
    const whole = await squeeze({ tries });
    const controller = new AbortController();
    const progress = listener();
    const stopping = { ...progress, message: (line: string) => line.startsWith("1 of 2") && controller.abort() };
    await expect(squeeze({ tries, progress: stopping, signal: controller.signal })).rejects.toThrow(/stopped/);
    const heard = listener();
    const resumed = await squeeze({ tries, progress: heard, resume: true });
    expect(figuresOf(resumed)).toEqual(figuresOf(whole));
    expect(heard.said.filter((line) => line.includes("from an earlier run"))).toHaveLength(1);
    expect(heard.began.filter((label) => label.endsWith("token by token"))).toEqual(["point 2 of 2: token by token"]);
    // What was handed over is not kept.
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("says what costs most, and keeps to what is spared", async () => {
    const spared = ["attention", "head"] as const;
    const found = await squeeze({ tries: { try: ["q3g8"] }, spared, sensitivity: transformNamed("q3g8"), bound: true });
    const { sensitivity, bound, points } = found;
    expect(sensitivity!.joint).toBe(points[0].overall.kl!.value);
    expect(sensitivity!.blocks.map(({ name }) => name)).toEqual(["block 0", "block 1"]);
    expect(sensitivity!.kinds.map(({ name }) => name)).toEqual(["embedding", "gate", "up", "down"]);
    for (const { kl } of [...sensitivity!.blocks, ...sensitivity!.kinds]) expect(kl.value).toBeGreaterThan(0);
    expect(bound![0]).toEqual({ bitsPerParameter: 0, error: 1 });
    const near = bound!.find(({ bitsPerParameter }) => bitsPerParameter === 3)!;
    // No code of 3 bits and scales reaches what 3 bits would at best, and none is a hundred times off.
    expect(points[0].weightError).toBeGreaterThan(near.error);
    expect(points[0].weightError).toBeLessThan(100 * near.error);
  });
});

describe("what is asked for", () => {
  it("is points by their names, each once", () => {
    const names = askedPoints({
      ...{ try: ["q4", "Q4_K", "q4g32", "drop3"], groups: ["32", "row"], asymmetric: true },
      ...{ prune: [10, 20], patterns: ["2:4"], rank: [0.9, 64], dropBlocks: [1] },
    }).map(({ name }) => name);
    expect(names).toEqual([
      ...[
        "q4g32",
        "q4g32a",
        "q4row",
        "q4rowa",
        "Q4_K",
        "drop3",
        "prune10",
        "prune20",
        "2:4",
        "rank0.9",
        "rank64",
        "drop1",
      ],
    ]);
    expect(percentages("10..70")).toEqual([10, 20, 30, 40, 50, 60, 70]);
    expect(percentages("5, 50")).toEqual([5, 50]);
    for (const wrong of ["", "0", "100", "70..10", "10..", "half"])
      expect(() => percentages(wrong)).toThrow(LossyscopeError);
  });

  it("is refused with the numbers where a model has not the shapes for it", async () => {
    const { config } = await openCheckpoint(at("model"));
    const spec = specOf(config);
    const refused = (tries: Partial<Tries>) => () => refuseImpossible(askedPoints({ ...TRIES, ...tries }), spec, []);
    expect(refused({ try: ["q4g32"] })).toThrow(/q4g32 takes groups of 32 .* 16 inputs of the embedding/);
    expect(refused({ try: ["Q4_K"] })).toThrow(/groups of 256/);
    expect(refused({ rank: [17] })).toThrow(/rank 16/);
    expect(refused({ dropBlocks: [2] })).toThrow(/of 2 blocks one at least has to stay/);
    expect(refused({ patterns: ["wanda2:4"] })).toThrow(/--calibration/);
    expect(usualGroups(spec)).toEqual(["row"]);
    await expect(squeeze({ tries: {} })).rejects.toThrow(/nothing is to be tried/);
  });
});

const interval = (value: number, spread: number) => ({ value, low: value - spread, high: value + spread });
const pointOf = (name: string, bits: number, lost: number, facts: readonly number[]): Point => {
  const figures = {
    ...{ tokens: 1, bytes: 1, klQuantiles: null, agreement: null },
    ...{ kl: interval(lost + 0.01, 0), bitsPerByte: interval(lost, 0.01), probability: interval(0, 0) },
  };
  return {
    ...{
      name,
      kind: "round",
      command: name,
      weightError: 0,
      overall: figures,
      domains: { all: figures },
      recall: null,
    },
    rate: { bytes: 1, codedBytes: 1, bitsPerParameter: bits, codedBitsPerParameter: bits },
    facts: {
      ...{ exact: interval(0, 0), codeBits: interval(0, 0) },
      exposures: [0, 1, 8, 64].map((exposures, index) => ({
        ...{ exposures, facts: 9, original: exposures === 1 ? 0 : 0.5, codeBits: interval(0, 0) },
        exact: interval(facts[index], 0.05),
      })),
    },
    seconds: { making: 0, reading: 0 },
  };
};

describe("the order of loss", () => {
  const points = [
    pointOf("a", 8, 0, [-1, -1, 0, 0]),
    pointOf("b", 6, 0.002, [-1, -1, -0.1, -0.02]),
    pointOf("worse than c", 5, 0.9, [-1, -1, -1, -1]),
    pointOf("c", 4, 0.03, [-1, -1, -0.02, 0]),
    pointOf("d", 3, 0.2, [-1, -1, -0.3, -0.2]),
  ];

  it("is that of the highest rates from which on down all is lost, along the frontier", () => {
    const frontier = frontierOf(points);
    expect(frontier.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
    const losses = orderOfLoss(frontier).map(({ figure, from, kept }) => [figure, from?.point, kept?.point]);
    expect(losses).toEqual([
      ["bits per byte", "c", "b"],
      // At b eight tellings are worse, at c not: they are lost for good from d on. What was never told, or never known, is not there.
      ["facts told 8 times", "d", "c"],
      ["facts told 64 times", "d", "c"],
    ]);
    expect(enoughOf(frontier, 2)).toEqual({ point: "b", share: 0.01 });
    expect(enoughOf(frontier, 0.1)).toBeNull();
    expect(orderOfLoss([])).toEqual([]);
  });
});
