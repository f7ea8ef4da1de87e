/** Files of a model whose weights are codes, computed in every way that a header names; and what is refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { type Arithmetic, USUAL } from "../coding/arithmetic.ts";
import { type Header, headerBytes, OPENING_BYTES, readHeader, writeHeader } from "../coding/container.ts";
import { availableMemory } from "../engines/memory.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { sampleText } from "../measure/model.testing.ts";
import { atPrecision, decoderOf, type Model } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { arithmeticOf } from "./codec.ts";
import { type CompressOptions, compress } from "./compress.ts";
import { decompress } from "./decompress.ts";
import { sessionBytes } from "./memory.ts";
import { writeLetterModel } from "./model.testing.ts";
import { predict } from "./predict.ts";

const at = temporaryFolder();
const SHAPE = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 2, num_hidden_layers: 1 };
const BYTES = Buffer.from(sampleText(3, 250));
const WINDOWS = { context: 40, overlap: 20, threads: 1 };

let numbers: Model;
let codes: Model;
beforeEach(async () => {
  const folder = await writeLetterModel(at("model"), { config: SHAPE });
  await writeGgufModel(at("model.gguf"), folder, { as: "Q8_0" });
  [numbers, codes] = await Promise.all([openModel(folder), openModel(at("model.gguf"))]);
  writeFileSync(at("plain"), BYTES);
});

const cut = (lanes: number) => ({ blockBytes: 4096, rows: 1, lanes, primer: lanes > 1 ? 8 : 0 });

async function compressed(model: Model, options: Partial<CompressOptions>) {
  const files = { input: at("plain"), output: at("plain.lsz") };
  const result = await compress(model, { ...WINDOWS, ...cut(1), verify: false, ...files, ...options });
  const file = readFileSync(at("plain.lsz"));
  const sections = OPENING_BYTES + headerBytes(file);
  const header = readHeader(file.subarray(0, OPENING_BYTES), file.subarray(OPENING_BYTES, sections));
  const rewritten = (change: Partial<Header>) =>
    Buffer.concat([writeHeader({ ...header, ...change }), file.subarray(sections)]);
  return { ...result, file, header, rewritten };
}

async function restored(model: Model, file: Uint8Array): Promise<Buffer> {
  writeFileSync(at("file.lsz"), file);
  await decompress(model, { input: at("file.lsz"), output: at("back"), threads: 3, salvage: false });
  return readFileSync(at("back"));
}

describe("a file of a model whose weights are codes", () => {
  it.each<[Arithmetic["products"], Partial<CompressOptions>]>([
    ["codes", {}],
    ["float32", cut(5)],
    ["fast", { precision: "fast", verify: true }],
    ["int8", { precision: "int8", ...cut(5) }],
  ])("is computed by %s (%o), and says so, and comes back", async (products, options) => {
    const { file, header, precision, plainBytes, fileBytes } = await compressed(codes, options);
    expect([file[8], header.products, header.scaled, precision]).toEqual([
      3,
      products,
      "queries",
      options.precision ?? "exact",
    ]);
    expect((await restored(codes, file)).equals(BYTES)).toBe(true);
    const foretold = await predict(codes, { ...WINDOWS, ...cut(1), ...options, input: at("plain") });
    expect(foretold.precision).toBe(precision);
    expect(Math.abs(foretold.fileBytes - fileBytes)).toBeLessThan(0.005 * plainBytes);
  });

  it("is refused in another way than it was computed in, before anything is written", async () => {
    const { rewritten } = await compressed(codes, {});
    const others: Partial<Header>[] = [{ products: "float32" }, { products: "int8" }, { scaled: "scores" }];
    for (const other of others)
      await expect(restored(codes, rewritten(other))).rejects.toThrow(/computes other probabilities/);
  });

  it("by float32 only where rows are many and memory has room", () => {
    const { spec, weights } = decoderOf(codes)!;
    const load = { plainBytes: 1e5, blockBytes: 1e5, rows: 1, context: 64, sessions: 1 };
    const chosen = (change: object) => arithmeticOf(codes, { ...load, lanes: 8, ...change }).products;
    expect(chosen({})).toBe("float32");
    expect(chosen({ lanes: 1 })).toBe("codes");
    expect(chosen({ lanes: 1, rows: 8, blockBytes: 1e4 })).toBe("float32");
    expect(chosen({ lanes: 1, rows: 8 })).toBe("codes");
    expect(arithmeticOf(atPrecision(codes, "fast"), { ...load, lanes: 8 }).products).toBe("fast");
    const session = sessionBytes(spec, weights, { rows: 8, longest: 64, together: 64, products: "float32" });
    expect(chosen({ sessions: Math.ceil(availableMemory() / 2 / session) + 1 })).toBe("codes");
    expect(arithmeticOf(numbers, { ...load, lanes: 8 })).toEqual(USUAL);
  });
});

describe("--precision fast", () => {
  it("is refused of a model that has no codes, before anything is read", async () => {
    const message = /--precision fast rounds what meets weights in codes of 2 to 8 bits, and model has none/;
    await expect(compressed(numbers, { precision: "fast" })).rejects.toThrow(message);
    const options = { ...WINDOWS, ...cut(1), precision: "fast", input: at("nothing") } as const;
    await expect(predict(numbers, options)).rejects.toThrow(message);
  });
});
