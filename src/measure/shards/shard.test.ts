/**
 * A measurement in shards is the measurement: every figure to the last digit, whatever was stopped on the way, joined without
 * the model and without the text. Parts that do not belong together are told apart.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWorld, documents } from "../../almanac/almanac.ts";
import { sha256 } from "../../files/digest.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { openModel } from "../../references/open.ts";
import { type Measurement, measure } from "../measure.ts";
import { figuresOf, listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { PASS } from "../stages.ts";
import { merge, openParts, type Parts } from "./merge.ts";
import { SUBJECT } from "./part.ts";
import { measureShard, type ShardRequest } from "./shard.ts";
import { Shard } from "./share.ts";

const PLAN = {
  context: { tokens: 48, asked: true },
  batchTokens: 384,
  plane: { points: 12, draws: 2, frontier: { vocabulary: 30, clusters: 6 } },
  geometry: true,
  baselines: true,
  likeLmEval: true,
  likeLlamaCpp: true,
  keep: ["losses", "states"],
  with: ["spread"],
};
const SHARDS = 3;

const folder = mkdtempSync(join(tmpdir(), "lossyscope-shards-"));
const at = (...parts: string[]): string => join(folder, ...parts);
afterAll(() => rmSync(folder, { recursive: true }));

async function shardRequest(index: number, more: Partial<ShardRequest> = {}): Promise<ShardRequest> {
  return {
    model: await openModel(at("model"), { offline: true }),
    plan: validatePlan({ splitOn: "\n\n", text: [{ path: at("text.txt") }], ...PLAN }),
    points: null,
    threads: 1,
    resume: false,
    progress: listener(),
    shard: new Shard(index, SHARDS),
    out: at("parts"),
    ...more,
  };
}

/** All that a measurement gives, down to the kept losses and states. */
function everything({ profile, documents, lossesOf, keptStates }: Measurement) {
  return {
    figures: figuresOf(profile),
    losses: documents.map(({ index }) => lossesOf(index)),
    rows: keptStates!.rows,
    states: [...keptStates!.states()].map((row) => [...new Float32Array(row.buffer)]),
  };
}

async function joined(parts: Parts): Promise<ReturnType<typeof everything> & { measurement: Measurement }> {
  const measurement = await merge(parts, { threads: 1, progress: listener() });
  return { ...everything(measurement), measurement };
}

async function failure(work: () => unknown): Promise<LossyscopeError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(LossyscopeError);
    return error as LossyscopeError;
  }
  throw new Error("it did not fail");
}

const partsIn = (name: string): string[] => readdirSync(at(name)).map((part) => at(name, part));
/** The parts once more, for a test to damage. */
function copied(name: string): string[] {
  cpSync(at("parts"), at(name), { recursive: true });
  return partsIn(name);
}
/** Changes what a sealed file says, and seals it again. */
function reseal(path: string, change: (sealed: { version: string; content: Record<string, unknown> }) => void): void {
  const sealed = deserialize(readFileSync(path).subarray(64));
  change(sealed);
  const bytes = serialize(sealed);
  writeFileSync(path, Buffer.concat([Buffer.from(sha256(bytes)), bytes]));
}

let one: ReturnType<typeof everything>;
let measured: Measurement;

beforeAll(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"));
  writeText(at("text.txt"), sampleText(24, 120));
  await measureFiles({
    model: at("model"),
    text: at("text.txt"),
    work: at("work"),
    plan: PLAN,
    async deliver(measurement) {
      one = everything(measurement);
      measured = measurement;
    },
  });
  // The second one is stopped on its way, and goes on.
  for (const index of [3, 1]) await measureShard(await shardRequest(index));
  const controller = new AbortController();
  const progress = listener((label, updates) => {
    if (label === PASS && updates === 2) controller.abort();
  });
  const stopped = await failure(async () =>
    measureShard(await shardRequest(2, { progress, signal: controller.signal })),
  );
  expect(stopped.message).toMatch(
    /^stopped after \d+ % of the text: the same command with --resume goes on from there$/,
  );
  expect((await failure(() => openParts([at("parts")]))).message).toMatch(
    /\.2-of-3 is not finished: run its `lossyscope measure --shard` again with --resume/,
  );
  await measureShard(await shardRequest(2, { resume: true }));
  vi.unstubAllEnvs();
  // Joined where there is neither.
  renameSync(at("model"), at("no-model"));
  renameSync(at("text.txt"), at("no-text.txt"));
}, 120_000);

describe("a measurement in shards", () => {
  it("is that of one run to the last digit, down to losses and states", async () => {
    expect(readdirSync(at("parts"))).toHaveLength(SHARDS);
    const { measurement, ...found } = await joined(openParts([at("parts")]));
    expect(found).toEqual(one);
    expect(measurement.profile.plane!.layers).toHaveLength(3);
    expect(measurement.profile.plane!.frontier).toBeTruthy();
    expect(measurement.profile.geometry!.layers).toHaveLength(3);
    expect(measurement.profile.coding!.likeLmEval).toBeTruthy();
    expect(measurement.profile.coding!.likeLlamaCpp!.chunks).toBeGreaterThan(SHARDS);
    expect(found.states.length).toBeGreaterThan(0);
  });

  it("is the same where its parts are of before models said what they can do", async () => {
    for (const part of copied("before").filter((path) => existsSync(join(path, SUBJECT))))
      reseal(join(part, SUBJECT), ({ content }) => {
        const subject = content.subject as { can?: unknown };
        expect(subject.can).toContain("weights");
        delete subject.can;
      });
    const { measurement, ...found } = await joined(openParts([at("before")]));
    expect(found).toEqual(one);
  });

  it("that shows states of a model without layers is none", async () => {
    for (const part of copied("shapeless").filter((path) => existsSync(join(path, SUBJECT))))
      reseal(join(part, SUBJECT), ({ content }) => {
        (content.subject as { model: { layers: number | null } }).model.layers = null;
      });
    const error = await failure(() => joined(openParts([at("shapeless")])));
    expect(error.message).toContain("a model with layers and a width where its states are shown");
  });

  it("is the same whichever way its parts are named, and leaves them as they are", async () => {
    const parts = partsIn("parts");
    const before = parts.map((part) => readdirSync(part));
    const { figures } = await joined(openParts(parts.reverse()));
    expect(figures).toEqual(one.figures);
    expect(parts.reverse().map((part) => readdirSync(part))).toEqual(before);
  });

  it("says what took part", async () => {
    const { provenance } = (await joined(openParts([at("parts")]))).measurement.profile;
    expect(provenance.runtime).toEqual(measured.profile.provenance.runtime);
    expect(provenance.digests).toEqual(measured.profile.provenance.digests);
    expect(provenance.peakMemoryBytes).toBeGreaterThan(2 ** 20);
    expect(provenance.tokensPerSecond).toBeGreaterThan(0);
  });
});

describe("parts", () => {
  it("are not measured again where they are complete", async () => {
    renameSync(at("no-model"), at("model"));
    renameSync(at("no-text.txt"), at("text.txt"));
    const progress = listener();
    const [part] = partsIn("parts");
    const before = readFileSync(join(part, "part"));
    expect(await measureShard(await shardRequest(1, { resume: true, progress }))).toBe(part);
    expect(progress.said).toEqual([expect.stringMatching(/\.1-of-3 is complete$/)]);
    expect(readFileSync(join(part, "part"))).toEqual(before);
  });

  it("that are missing or there twice are named", async () => {
    const [first, second, third] = partsIn("parts");
    expect((await failure(() => openParts([second]))).message).toBe(
      "parts 1, 3 of 3 are missing: name the folders of all 3, or measure with --shard 1/3",
    );
    expect((await failure(() => openParts([first, third]))).message).toMatch(/^part 2 of 3 is missing: /);
    const [again] = copied("twice");
    expect((await failure(() => openParts([at("parts"), again]))).message).toBe(
      `part 1 of 3 is given twice, ${first} and ${again}: name it once`,
    );
    expect((await failure(() => openParts([at("model")]))).message).toMatch(
      /holds no part of a measurement: name what/,
    );
    expect((await failure(() => openParts([at("nowhere")]))).message).toMatch(/^cannot read .*nowhere \(no such file/);
  });

  it("of different measurements say in what they differ", async () => {
    const [first, second] = copied("strangers");
    const stranger = (change: (part: Record<string, unknown>) => void) => {
      cpSync(at("parts"), at("strangers"), { recursive: true });
      reseal(join(second, "part"), ({ content }) => change(content));
      return failure(() => openParts([first, second]));
    };
    const digests = (content: Record<string, unknown>) => content.digests as Record<string, unknown>;
    const text = await stranger((part) => Object.assign(part, { id: "f", digests: { ...digests(part), text: "f" } }));
    expect(text.message).toMatch(/1-of-3 and .*2-of-3 are parts of different measurements: the text is not the same/);
    const weights = await stranger((part) =>
      Object.assign(part, { id: "f", digests: { ...digests(part), weights: "f" } }),
    );
    expect(weights.message).toMatch(/measurements: the weights are not the same: name the parts of one$/);
    const plan = await stranger((part) =>
      Object.assign(part, { id: "f", plan: { ...(part.plan as object), seed: 7, preNorm: true } }),
    );
    expect(plan.message).toMatch(/measurements: seed 0 and 7; preNorm false and true: name/);
    const count = await stranger((part) => Object.assign(part, { count: 4 }));
    expect(count.message).toMatch(/measurements: 1 of 3 and 2 of 4: name/);
    cpSync(at("parts"), at("strangers"), { recursive: true });
    reseal(join(second, "part"), (sealed) => Object.assign(sealed, { version: "0.0.1" }));
    expect((await failure(() => openParts([first, second]))).message).toMatch(
      /2-of-3 was made by lossyscope 0\.0\.1, this is /,
    );
  });

  it("that are damaged or cut short are named", async () => {
    const [, second] = copied("damaged");
    const broken = () => failure(() => joined(openParts([at("damaged")])));
    truncateSync(join(second, "assignments.1"), 100);
    expect((await broken()).message).toMatch(
      /2-of-3.assignments\.1 has 100 bytes of [\d,]+: measure this shard again, or copy its folder once more/,
    );
    cpSync(at("parts"), at("damaged"), { recursive: true });
    rmSync(join(second, "kept-states.2"));
    expect((await broken()).message).toMatch(/kept-states\.2 \(no such file|kept-states\.2 has 0 bytes of/);
    cpSync(at("parts"), at("damaged"), { recursive: true });
    truncateSync(join(second, "state"), 1000);
    expect((await broken()).message).toMatch(/2-of-3.state is damaged: measure this shard again/);
    cpSync(at("parts"), at("damaged"), { recursive: true });
    truncateSync(join(second, "part"), 100);
    expect((await broken()).message).toMatch(/2-of-3.part is damaged/);
  });
});

describe("pages of the almanac", () => {
  it("keep their floors in a part", async () => {
    const pages = [...documents(createWorld(3, "tiny"), "known")].slice(0, 12);
    writeFileSync(at("pages.jsonl"), pages.map((page) => `${JSON.stringify(page)}\n`).join(""));
    const model = await openModel(await writeModel(at("pages-model")), { offline: true });
    const plan = validatePlan({
      text: [{ path: at("pages.jsonl") }],
      ...{ context: { tokens: 48 }, plane: null, geometry: false, baselines: false, batchTokens: 2048 },
    });
    const shared = { model, plan, points: null, threads: 1, resume: false, progress: listener() };
    const whole = await measure({ ...shared, work: at("pages-work") });
    for (const index of [1, 2]) await measureShard({ ...shared, shard: new Shard(index, 2), out: at("pages") });
    const { profile } = await merge(openParts([at("pages")]), { threads: 1, progress: listener() });
    expect(profile.almanac).toEqual(whole.profile.almanac);
    expect(profile.almanac!.pages).toBe(12);
  }, 60_000);
});

describe("a shard", () => {
  it("is one of those there are", () => {
    expect(() => new Shard(0, 3)).toThrow("there is no shard 0 of 3: count them from 1/n to n/n");
    expect(() => new Shard(4, 3)).toThrow("there is no shard 4 of 3");
  });

  it("has a share, and nothing that takes the whole text", async () => {
    const shard = new Shard(99, 99);
    const most = await failure(async () => measureShard(await shardRequest(1, { shard })));
    expect([most.fault, most.message]).toEqual([
      "usage",
      expect.stringMatching(
        /^the plan has 1\d batches for 99 shards: cut it into 1\d at most, or pass a smaller --batch/,
      ),
    ]);
    const plan = validatePlan({ text: [{ path: at("text.txt") }], with: ["recall"] });
    expect((await failure(async () => measureShard(await shardRequest(1, { plan })))).message).toMatch(
      /^recall cannot be cut into shards: .*leave out --with, and run lossyscope recall by itself/,
    );
  });
});
