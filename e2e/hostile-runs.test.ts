/**
 * What runs leave for others and for themselves, mutated by the thousand (`src/mutations.testing.ts`): sealed parts, subjects
 * and states, changed behind their seals and sealed again.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../src/files/digest.ts";
import { hold } from "../src/hold.testing.ts";
import { listener, sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { merge, openParts } from "../src/measure/shards/merge.ts";
import { PART, SUBJECT } from "../src/measure/shards/part.ts";
import { measureShard, type ShardRequest } from "../src/measure/shards/shard.ts";
import { Shard } from "../src/measure/shards/share.ts";
import { type Mutant, mutatedBytes, mutatedClone } from "../src/mutations.testing.ts";
import { openModel } from "../src/references/open.ts";

const folder = mkdtempSync(join(tmpdir(), "lossyscope-hostile-"));
const at = (...parts: string[]): string => join(folder, ...parts);
afterAll(() => rmSync(folder, { recursive: true }));

const SHARDS = 2;
const DIGEST = 64;

async function shardRequest(index: number, resume: boolean, out: string): Promise<ShardRequest> {
  const plan = validatePlan({
    splitOn: "\n\n",
    text: [{ path: at("text.txt") }],
    context: { tokens: 48 },
    batchTokens: 96,
    plane: { points: 4, draws: 1, frontier: null },
    geometry: true,
    baselines: false,
    likeLmEval: true,
    keep: ["losses", "states"],
  });
  const model = await openModel(at("model"), { offline: true });
  const shared = { model, plan, points: null, threads: 1, progress: listener() };
  return { ...shared, resume, out, shard: new Shard(index, SHARDS) };
}

beforeAll(async () => {
  await writeModel(at("model"));
  writeText(at("text.txt"), sampleText(7, 60));
  for (let index = 1; index <= SHARDS; index++) await measureShard(await shardRequest(index, false, at("parts")));
});

const seal = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(sha256(bytes), "latin1"), bytes]);
const sealedMutants = (file: Buffer): fc.Arbitrary<Mutant<Buffer>> => {
  const bytes = file.subarray(DIGEST);
  const { version, content } = deserialize(bytes);
  return fc
    .oneof({ arbitrary: mutatedClone(content, 12), weight: 4 }, { arbitrary: mutatedBytes([bytes]), weight: 1 })
    .map(({ content, how }) => ({
      content: seal(Buffer.isBuffer(content) ? content : serialize({ version, content })),
      how,
    }));
};

/** The same with other values. */
function saying(file: Buffer, values: object): Buffer {
  const { version, content } = deserialize(file.subarray(DIGEST));
  return seal(serialize({ version, content: { ...content, ...values } }));
}

describe("parts of a measurement", () => {
  it.each([PART, SUBJECT, "state"])("by what their %s says, sealed again", async (name) => {
    const parts = readdirSync(at("parts")).sort();
    cpSync(at("parts"), at(`of-${name}`), { recursive: true });
    const path = at(`of-${name}`, parts[0], name);
    const left = (): unknown => [readdirSync(at(`of-${name}`)), readdirSync(at(`of-${name}`, parts[0]))];
    const { sound } = await hold(
      sealedMutants(readFileSync(path)),
      async (bytes) => {
        writeFileSync(path, bytes);
        await merge(openParts([at(`of-${name}`)]), { threads: 1, progress: listener() });
      },
      200,
      { left },
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("a run that was stopped", () => {
  it("by the state that it goes on from, sealed again", async () => {
    cpSync(at("parts"), at("stopped"), { recursive: true });
    const [part] = readdirSync(at("stopped")).sort();
    const state = readFileSync(at("parts", part, "state"));
    const request = await shardRequest(1, true, at("stopped"));
    const { sound } = await hold(
      fc.oneof(
        sealedMutants(state),
        fc.nat(2).map((batches) => ({ content: saying(state, { batches }), how: `batches ${batches}` })),
      ),
      async (bytes) => {
        rmSync(at("stopped", part), { recursive: true });
        cpSync(at("parts", part), at("stopped", part), { recursive: true });
        rmSync(at("stopped", part, PART));
        writeFileSync(at("stopped", part, "state"), bytes);
        await measureShard(request);
      },
      20,
      { left: () => readdirSync(at("stopped")).filter((name) => name.endsWith(".lock")) },
    );
    expect(sound).toBeGreaterThan(0);
  });
});
