/** The memory foreseen, held against what the runtime takes and what lives here; and what is refused for want of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { headerBytes, OPENING_BYTES, readHeader, writeHeader } from "../coding/container.ts";
import { RuntimeProcess } from "../engines/runtime-process.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { decoderOf } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { compress } from "./compress.ts";
import { decompress } from "./decompress.ts";
import { batchBytes, codecBytes, type SessionLoad, sessionBytes } from "./memory.ts";
import { writeLetterModel } from "./model.testing.ts";
import { predict } from "./predict.ts";
import { DecodingSession } from "./session.ts";
import { continueText } from "./text.ts";
import { AT_ONCE } from "./walk.ts";

const at = temporaryFolder();
afterEach(() => void vi.restoreAllMocks());

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that are reachable here. */
function live(): number {
  collect();
  // Buffers that the first found dead are gone only once the second begins.
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Largest size of the runtime's processes that have answered since. */
function watchRuntime(): () => number {
  let peak = 0;
  const { run } = RuntimeProcess.prototype;
  vi.spyOn(RuntimeProcess.prototype, "run").mockImplementation(async function (this: RuntimeProcess, ...request) {
    const result = await run.apply(this, request);
    peak = Math.max(peak, result.peakBytes);
    return result;
  });
  return () => peak;
}

// The first: what other tests of this file leave is collected while it watches, and would be taken off.
describe("a file of many batches", () => {
  const BATCH = 2 ** 18;
  const BATCHES = 4;
  const layout = { blockBytes: BATCH / 16, rows: 16, lanes: 1 };
  const windows = { context: 64, overlap: 32, threads: 1 };

  it("needs a batch of memory, not a file's", async () => {
    const model = await openModel(await writeLetterModel(at("model"), { config: { num_hidden_layers: 1 } }));
    // No text: it passes without a step of the model for each byte.
    const plain = new Uint8Array(BATCHES * BATCH).fill(0x80);
    writeFileSync(at("plain"), plain);
    const before = live();
    /** most that lives, by batch */
    const watch = () => {
      const batches = new Array<number>(BATCHES).fill(0);
      const onBytes = (bytes: number): void => {
        const batch = Math.floor((bytes - 1) / BATCH);
        batches[batch] = Math.max(batches[batch], live() - before);
      };
      return { batches, onBytes };
    };
    const [writing, reading] = [watch(), watch()];
    const files = { input: at("plain"), output: at("plain.lsz") };
    await compress(model, { ...files, ...layout, ...windows, verify: true, onBytes: writing.onBytes });
    const back = { input: at("plain.lsz"), output: at("back"), threads: 1, salvage: false };
    await decompress(model, { ...back, onBytes: reading.onBytes });
    expect(readFileSync(at("back")).equals(plain)).toBe(true);
    for (const { batches } of [writing, reading]) {
      expect(Math.max(...batches)).toBeLessThan(batchBytes({ ...layout, plainBytes: plain.length }));
      expect(Math.max(...batches)).toBeGreaterThan(BATCH);
      expect(batches[BATCHES - 1]).toBeLessThan(batches[1] + BATCH / 2);
    }
  });

  it("is foreseen to need a batch", async () => {
    const { spec, weights } = decoderOf(await openModel(await writeLetterModel(at("model"))))!;
    const bytes = (plainBytes: number, sessions = 1): number =>
      codecBytes(spec, weights, { ...layout, plainBytes, longest: 64, together: AT_ONCE, sessions });
    expect(bytes(1e12)).toBe(bytes(BATCH));
    expect(bytes(BATCH)).toBeGreaterThan(bytes(BATCH / 2));
    expect(bytes(BATCH, 2)).toBeGreaterThan(bytes(BATCH));
    const inLanes = { ...layout, rows: 4, lanes: 4, plainBytes: BATCH, longest: 64, together: AT_ONCE, sessions: 1 };
    expect(codecBytes(spec, weights, inLanes) - batchBytes(inLanes)).toBe(
      bytes(BATCH) - batchBytes({ ...layout, plainBytes: BATCH }),
    );
  });
});

describe("a session", () => {
  it.each([
    ["whose cache is most of it", { rows: 64, longest: 512, together: 32 }],
    ["that reads much at once", { rows: 8, longest: 512, together: 512 }],
    ["of one row", { rows: 1, longest: 64, together: 1 }],
  ] as const)("%s takes what was foreseen, and not a third of it", async (_, load) => {
    const config = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 4, num_hidden_layers: 8 };
    const positions = { max_position_embeddings: 512 };
    const model = await openModel(await writeLetterModel(at("model"), { config: { ...config, ...positions } }));
    const { spec, weights } = decoderOf(model)!;
    const peak = watchRuntime();
    const session = await DecodingSession.open({
      spec,
      weights,
      threads: 1,
      prediction: "probabilities",
      longest: load.longest,
    });
    for (let from = 0; from < load.longest; from += load.together)
      await session.advance(Array.from({ length: load.rows }, () => new Int32Array(load.together).fill(97)));
    await session.close();
    const foreseen = sessionBytes(spec, weights, load);
    expect(peak()).toBeLessThan(foreseen);
    expect(peak()).toBeGreaterThan(foreseen / 3);
  });

  it("grows with each thing that it has more of", async () => {
    const { spec, weights } = decoderOf(await openModel(await writeLetterModel(at("model"))))!;
    const bytes = (load: Partial<SessionLoad>): number =>
      sessionBytes(spec, weights, { rows: 8, longest: 640, together: 8, ...load });
    for (const more of [{ rows: 16 }, { longest: 1280 }, { together: 16 }])
      expect(bytes(more)).toBeGreaterThan(bytes({}));
  });
});

describe("what cannot fit is refused before it runs", () => {
  const numbers = /the model needs about [\d.]+ [GTPE]B of memory, this machine has [\d.]+ [GT]B/;

  async function refused(work: Promise<unknown>, next: string): Promise<void> {
    const error = await work.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(LossyscopeError);
    expect(error).toMatchObject({ fault: "memory", message: expect.stringMatching(numbers) });
    expect((error as LossyscopeError).message).toContain(next);
  }

  it("compress, decompress, their foretelling, generate", async () => {
    const load = vi.spyOn(RuntimeProcess.prototype, "load");
    const model = await openModel(
      await writeLetterModel(at("model"), { config: { max_position_embeddings: 2 ** 40 } }),
    );
    const [input, output] = [at("plain"), at("plain.lsz")];
    writeFileSync(input, "letters ".repeat(100));
    const small = { input, blockBytes: 100, rows: 8, context: 64, overlap: 32, threads: 1 };
    const large = { ...small, context: 2 ** 40 };
    const less = "pass a smaller --batch, --lanes, --block or --context, or use a machine with more memory";
    await refused(compress(model, { ...large, output, verify: false }), less);
    await refused(predict(model, large), less);
    const words = continueText(model, {
      prompt: "a",
      temperature: 0,
      topP: 1,
      seed: 0,
      maxTokens: 2 ** 40,
      threads: 1,
    });
    await refused(words.next(), "pass a shorter --prompt, or a smaller --max-tokens");
    expect(load).not.toHaveBeenCalled();

    await compress(model, { ...small, output, verify: false });
    const file = readFileSync(output);
    const sections = OPENING_BYTES + headerBytes(file);
    const header = readHeader(file.subarray(0, OPENING_BYTES), file.subarray(OPENING_BYTES, sections));
    writeFileSync(output, Buffer.concat([writeHeader({ ...header, context: 2 ** 40 }), file.subarray(sections)]));
    load.mockClear();
    const back = decompress(model, { input: output, output: at("back"), threads: 1, salvage: false });
    await refused(back, ": use a machine with more memory");
    expect(load).not.toHaveBeenCalled();
  });
});
