/**
 * Sizes against what was predicted and what `measure` says, and damage of every kind: in this process, since what is written
 * is the same in any (`codec.test.ts`). Models: one drawn from a seed that expects letters, and stories260k, trained.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { headerBytes, OPENING_BYTES, readHeader, tableBytes, writeHeader } from "../coding/container.ts";
import { hasShared, shared } from "../fixtures.testing.ts";
import { measureFiles, sampleText, writeModel } from "../measure/model.testing.ts";
import type { Model } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { codecFolder, DEFAULTS, KINDS } from "./codec.testing.ts";
import { batchesOf, type CompressOptions } from "./compress.ts";
import { predict } from "./predict.ts";

vi.mock("../engines/runtime.ts", async () => ({
  createRuntime: (await import("../engines/runtime.testing.ts")).runtimeHere,
}));

const { at, letters, compressed, restored, leavesNothing } = codecFolder();

describe("the size", () => {
  const allowed = (bits: number, tokens: number, blocks: number): number =>
    (bits / 8) * 1.001 + (0.001 * tokens) / 8 + 256 + 48 * blocks;

  /** Holds a file against its prediction; @returns the prediction */
  async function hold(model: Model, bytes: Uint8Array, options: Partial<CompressOptions>) {
    const { file, blocks } = await compressed(model, bytes, options);
    const foretold = await predict(model, { ...DEFAULTS, input: at("plain"), ...options });
    expect(foretold.blocks).toBe(blocks);
    expect(file.length).toBeLessThan(allowed(foretold.codeBits, foretold.tokens, blocks));
    expect(file.length).toBeGreaterThan(foretold.codeBits / 8);
    // What is around the codes is known; each code ends in two bytes or so of its own.
    expect(Math.abs(file.length - foretold.fileBytes)).toBeLessThan(4 * blocks + (0.001 * foretold.codeBits) / 8 + 1);
    return { ...foretold, file };
  }

  it.skipIf(!hasShared).each([
    ["tinyshakespeare.txt", 800],
    ["wikitext2-test.txt", 800],
    ["tinyshakespeare.txt", 2000],
  ])("stories260k on 2 kB of %s in blocks of %d (needs ../shared/fixtures)", async (name, blockBytes) => {
    const model = await openModel(shared("models/stories260k"));
    const bytes = readFileSync(shared(`text/${name}`)).subarray(0, 2000);
    const options = { blockBytes, context: 256, overlap: 128 };
    const { codeBits, escaped, blocks, file } = await hold(model, bytes, options);
    expect(codeBits).toBeLessThan(6.5 * bytes.length);
    // A space that opens a block is not told from the one that the tokenizer puts there, so it goes past the tokens.
    expect(escaped).toBeLessThanOrEqual(name.startsWith("wiki") ? blocks : 0);
    expect((await restored(model, file)).bytes).toEqual(Buffer.from(bytes));
    if (blockBytes < bytes.length) return;
    const { profile } = await measureFiles({
      model: shared("models/stories260k"),
      text: at("plain"),
      work: at("work"),
      plan: { splitOn: null, context: { tokens: 256, asked: true }, overlap: 128 },
    });
    const { nats } = profile.coding!.overall;
    // The floor takes 512 of 2^30 from every token, and gives to those that the model holds for all but impossible.
    expect(codeBits / (nats / Math.LN2)).toBeLessThan(1 + 1e-6);
    expect(codeBits / (nats / Math.LN2)).toBeGreaterThan(1 - 1e-3);
  });

  it.each([true, false])("a drawn model, whether something opens its windows (%s)", async (prefix) => {
    const model = await letters("model", { prefix });
    const plain = await hold(model, Buffer.from(sampleText(2, 1500)), {});
    expect(plain.codeBits / plain.plainBytes).toBeLessThan(7);
    const lanes = await hold(model, Buffer.from(sampleText(2, 1500)), { lanes: 3, primer: 8, blockBytes: 2000 });
    expect(lanes.lanes).toBe(3);
    const mixed = await hold(model, KINDS.find(([name]) => name === "text between bytes")![1], {});
    expect(mixed.escaped).toBeGreaterThan(100);
  });
});

describe("damage", () => {
  const bytes = Buffer.from(sampleText(4, 600));
  /** two batches of up to four blocks */
  const options = { rows: 4 };

  let sound: Awaited<ReturnType<typeof compressed>> | undefined;

  async function made() {
    const model = await letters();
    sound ??= await compressed(model, bytes, options);
    const { file, blocks } = sound;
    expect(blocks).toBeGreaterThan(4);
    const sections = OPENING_BYTES + headerBytes(file);
    const header = readHeader(file.subarray(0, OPENING_BYTES), file.subarray(OPENING_BYTES, sections));
    const rewritten = (changes: Partial<typeof header>): Buffer =>
      Buffer.concat([writeHeader({ ...header, ...changes }), file.subarray(sections)]);
    return { model, file, blocks, sections, header, rewritten };
  }
  const flipped = (file: Uint8Array, place: number): Buffer => {
    const copy = Buffer.from(file);
    copy[place] ^= 16;
    return copy;
  };

  it("a block that is damaged loses itself alone, and says so", async () => {
    const { model, file, blocks, sections } = await made();
    const first = Math.floor(blocks / 2);
    const code = sections + tableBytes(first) + 20;
    await leavesNothing(
      restored(model, flipped(file, code)),
      /1 of \d blocks cannot be read: block 0 \(bytes 0 to 400\).*--salvage/,
      "input",
    );
    const { lost, bytes: found } = await restored(model, flipped(file, code), { salvage: true });
    expect(lost).toEqual([{ block: 0, start: 0, end: 400 }]);
    expect(found.subarray(400)).toEqual(bytes.subarray(400));
    expect(found.subarray(0, 400).every((byte) => byte === 0)).toBe(true);
  });

  it("of one block in lanes is its own as well", async () => {
    const model = await letters();
    const { file } = await compressed(model, bytes, { blockBytes: 300, lanes: 4, primer: 16, rows: 4 });
    const sections = OPENING_BYTES + headerBytes(file);
    const tables = sections + tableBytes(Math.ceil(bytes.length / 300));
    for (const place of [tables, tables + 3, tables + 40]) {
      const { lost, bytes: found } = await restored(model, flipped(file, place), { salvage: true });
      expect(lost).toEqual([{ block: 0, start: 0, end: 300 }]);
      expect(found.subarray(300)).toEqual(bytes.subarray(300));
    }
  });

  it("a table that is damaged loses all that follows", async () => {
    const { model, file, blocks, sections } = await made();
    await leavesNothing(restored(model, flipped(file, sections + 1)), /damaged or cut short from block 0 of/, "input");
    const { lost, bytes: found } = await restored(model, flipped(file, sections + 1), { salvage: true });
    expect(lost).toHaveLength(blocks);
    expect(found).toEqual(Buffer.alloc(bytes.length));
  });

  it("is told wherever it is", async () => {
    const { model, file, sections } = await made();
    for (const place of [0, 9, OPENING_BYTES + 20, sections - 1])
      await leavesNothing(restored(model, flipped(file, place)), /./);
    for (const end of [0, 5, 40, sections, sections + 10, file.length - 1])
      await leavesNothing(
        restored(model, file.subarray(0, end)),
        /not an \.lsz file|damaged|cut short|cannot be read/,
        "input",
      );
    await leavesNothing(
      restored(model, Buffer.concat([file, Buffer.from("x")])),
      /bytes follow the last block/,
      "input",
    );
  });

  it("another model, runtime, machine or content is refused", async () => {
    const { file, model, rewritten } = await made();
    const other = await openModel(await writeModel(at("other")));
    await leavesNothing(restored(other, file), /made with another model: SHA-256 of its weights/, "model");
    const wider = await letters("wider", { config: { rms_norm_eps: 1e-6 } });
    await leavesNothing(restored(wider, file), /SHA-256 of its config/, "model");
    await leavesNothing(
      restored(model, rewritten({ runtime: "onnxruntime 0.1" })),
      /made with onnxruntime 0\.1, here runs onnxruntime/,
      "engine",
    );
    await leavesNothing(restored(model, rewritten({ distributions: "0".repeat(32) })), /other probabilities/, "engine");
    await leavesNothing(restored(model, rewritten({ plain: "0".repeat(64) })), /not those that went in/, "input");
    writeFileSync(at("plain"), bytes);
    const layout = { plainBytes: bytes.length, blockBytes: 400, rows: 4 };
    const changed = async (): Promise<void> => {
      for await (const _ of batchesOf(at("plain"), layout, "0".repeat(64)));
    };
    await leavesNothing(changed(), /changed while it was read/, "io");
  });
});
