/**
 * Files through the codec and back: any bytes, in another process with another number of threads; what is verified; the
 * end in the middle. Sizes and damage have a file of their own. Models: one drawn
 * from a seed that expects letters, and stories260k, trained.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { sampleText } from "../measure/model.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { decoderOf, type Model } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { Beside } from "./beside.ts";
import { codecFolder, DEFAULTS, KINDS } from "./codec.testing.ts";
import { Codec, layoutOf } from "./codec.ts";
import { type CompressOptions, compress } from "./compress.ts";
import { predict } from "./predict.ts";
import { DecodingSession } from "./session.ts";
import { probe } from "./walk.ts";

const { at, letters, compressed, restored, leavesNothing } = codecFolder();
afterEach(() => void vi.restoreAllMocks());

describe("bytes come back in another process with other threads", () => {
  /** Each kind as blocks of one batch, and all kinds at once: batches of every shape. */
  async function hold(model: Model, windows: Pick<CompressOptions, "context" | "overlap">): Promise<void> {
    const writer = await Codec.open(model, { ...windows, threads: 1 });
    const reader = await Codec.open(model, { ...windows, threads: 3 });
    try {
      const blocks = KINDS.map(([, bytes]) => bytes).filter(({ length }) => length > 0);
      for (const batch of [blocks, ...blocks.map((block) => [block])]) {
        const codes = await writer.encode(batch);
        const back = await reader.decode(
          codes,
          batch.map(({ length }) => length),
        );
        expect(back.map((bytes) => Buffer.from(bytes))).toEqual(batch.map((bytes) => Buffer.from(bytes)));
      }
      expect(await reader.distributions(5)).toBe(await writer.distributions(5));
    } finally {
      await Promise.all([writer.close(), reader.close()]);
    }
  }

  it.each([true, false])("a drawn model, whether something opens its windows (%s)", async (prefix) => {
    await hold(await letters("model", { prefix }), DEFAULTS);
  });

  it.skipIf(!hasShared)("stories260k (needs ../shared/fixtures)", async () => {
    await hold(await openModel(shared("models/stories260k")), { context: 128, overlap: 64 });
  });

  it.each(KINDS.slice(0, 3))("a file of %s", async (_, bytes) => {
    const model = await letters();
    const { file } = await compressed(model, bytes, { verify: true });
    expect((await restored(model, file)).bytes).toEqual(Buffer.from(bytes));
  });

  it("a file of a hundred kilobytes of the same, a thousand blocks at once", async () => {
    const bytes = Buffer.from("again and ".repeat(10_000));
    const model = await letters("model", { config: { num_hidden_layers: 1 } });
    const { file, blocks } = await compressed(model, bytes, { blockBytes: 100, rows: 1000, context: 32, overlap: 2 });
    expect(blocks).toBe(1000);
    expect((await restored(model, file)).bytes.equals(bytes)).toBe(true);
  });

  it.each([
    ["one block", { blockBytes: 4096, rows: 1 }],
    ["several blocks in a batch, of several", { blockBytes: 300, rows: 2 }],
    ["lanes that have read nothing before", { blockBytes: 4096, rows: 1, primer: 0 }],
  ])("in lanes: %s", async (_, layout) => {
    const bytes = Buffer.concat([Buffer.from(sampleText(3, 700)), ...KINDS.map(([, kind]) => kind)]);
    for (const prefix of [true, false]) {
      const model = await letters(`prefix ${prefix}`, { prefix, config: { num_hidden_layers: 1 } });
      const { file, lanes } = await compressed(model, bytes, { lanes: 3, primer: 10, ...layout, verify: prefix });
      expect([lanes, file[8]]).toEqual([3, 3]);
      expect((await restored(model, file)).bytes.equals(bytes)).toBe(true);
    }
  });

  it("a file is cut into lanes by its size, and into one where the size of blocks is given", async () => {
    const { spec } = decoderOf(await letters())!;
    const layout = (bytes: number, asked = {}) => layoutOf(spec, bytes, 64, asked);
    expect(layout(5000)).toMatchObject({ lanes: 1, primer: 0, blockBytes: 2 ** 18 });
    expect(layout(65_536)).toMatchObject({ lanes: 7, primer: 16, rows: 9 });
    expect(layout(1e9).lanes).toBe(29);
    expect(layout(65_536, { blockBytes: 4096 })).toMatchObject({ lanes: 1, rows: 64, blockBytes: 4096 });
    expect(layout(65_536, { lanes: 4, rows: 2 })).toMatchObject({ lanes: 4, rows: 2 });
  });

  it("a block that the model would make longer is bytes alone", async () => {
    // This model expects letters.
    const bytes = Buffer.from("0123456789".repeat(400));
    const model = await letters();
    const { file } = await compressed(model, bytes);
    const { codeBits } = await predict(model, { ...DEFAULTS, input: at("plain") });
    expect(file.length).toBeLessThan(bytes.length / 2);
    expect(codeBits / 8).toBeLessThan(file.length);
    expect((await restored(model, file)).bytes).toEqual(bytes);
  });
});

describe("what is verified", () => {
  const bytes = Buffer.from(sampleText(4, 600));

  it.each([{}, { lanes: 3, primer: 8, blockBytes: 600 }])("is decoded while it is written (%o)", async (cut) => {
    const model = await letters("model", { config: { num_hidden_layers: 1 } });
    const windows = { context: 64, overlap: 32, threads: 1, ...cut };
    const [writer, reader] = [await Codec.open(model, windows), await Codec.open(model, windows)];
    try {
      const beside = new Beside();
      let [written, early] = [0, 0];
      const following = reader.follow(beside, [bytes.length], (done) => {
        if (written < bytes.length) early = done;
      });
      const [code] = await writer.encode([bytes], (done) => void (written = done), beside);
      expect(Buffer.from((await following)[0])).toEqual(bytes);
      expect(early).toBeGreaterThan(bytes.length / 4);
      expect(Buffer.from((await reader.decode([code], [bytes.length]))[0])).toEqual(bytes);
    } finally {
      await Promise.all([writer.close(), reader.close()]);
    }
  });

  it("and is refused where the second time gives other numbers", async () => {
    const model = await letters("model", { config: { num_hidden_layers: 1 } });
    const { advance } = DecodingSession.prototype;
    const sessions: DecodingSession[] = [];
    let steps = 0;
    vi.spyOn(DecodingSession.prototype, "advance").mockImplementation(async function (this: DecodingSession, rows) {
      if (!sessions.includes(this)) sessions.push(this);
      const given = await advance.call(this, rows);
      return this === sessions[1] && ++steps > 20 ? given.map((row) => row.slice().reverse()) : given;
    });
    await leavesNothing(
      compressed(model, bytes, { verify: true, lanes: 3, primer: 8, blockBytes: 600 }),
      /block 0 decodes to other bytes than it was made from/,
      "engine",
    );
    expect(existsSync(at("plain.lsz"))).toBe(false);
  });
});

describe("the end in the middle", () => {
  it.each([false, true])("leaves nothing under the name, and says so (verified beside: %s)", async (verify) => {
    const model = await letters();
    const controller = new AbortController();
    const signal = controller.signal;
    writeFileSync(at("plain"), sampleText(4, 600));
    const names = () => readdirSync(at()).filter((name) => name.startsWith(basename(at("plain"))));
    const work = compress(model, {
      ...DEFAULTS,
      input: at("plain"),
      output: at("plain.lsz"),
      verify,
      signal,
      onBytes: (done) => void (done > 300 && controller.abort()),
    });
    await leavesNothing(work, /stopped; .*plain\.lsz was not written/, "interrupted");
    expect(names()).toEqual(["plain"]);
  });
});

describe("distributions are the same, bit for bit, with other threads and in another process", () => {
  // One of every kind of attention, position, norm and MLP.
  const FIXTURES = ["falcon-rw", "gemma2", "gpt2", "mixtral", "olmo2", "stablelm"];

  it.each(FIXTURES)("%s", async (name) => {
    const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
    const spec = specOf(config);
    const windows = { prefix: null, context: 49, overlap: 1, vocabulary: spec.vocabulary };
    const [one, three] = await Promise.all(
      [1, 3].map(async (threads) => {
        const session = await DecodingSession.open({
          spec,
          weights,
          threads,
          prediction: "probabilities",
          longest: 48,
        });
        const steps: (readonly Float32Array[])[] = [];
        for await (const step of probe(session, 5, windows)) steps.push(step);
        await session.close();
        return steps;
      }),
    );
    expect(three).toEqual(one);
  });
});
