/**
 * Points written as folders and GGUF files: what any reader of these files finds there is the point, to the last bit; what
 * cannot be written is refused before anything runs; nothing is left of what failed. Values are held against the transforms'
 * own, which squeeze/ tests; files against what the published rules of conversion make (`convert.testing.ts`), which went
 * through llama.cpp; packed words against those that another program packed.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { readGgufFile } from "../../files/gguf.ts";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { dequantise } from "../../formats/blocks/dequantise.ts";
import { openCheckpoint } from "../../models/checkpoint.ts";
import { specOf } from "../../models/config.ts";
import { CONVERSIONS, conversionOf } from "../../models/gguf/conversions.testing.ts";
import { converted } from "../../models/gguf/convert.testing.ts";
import { ggufOfFolder } from "../../models/gguf/written.ts";
import { packColumns, packRows } from "../../models/quantised/pack.ts";
import { requireDecoder } from "../../ports/model.ts";
import { openModel } from "../../references/open.ts";
import { squeezed, transformNamed } from "../../squeeze/transform.ts";
import { writeGgufModel } from "../gguf.testing.ts";
import { editJson, listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { budgetNamed } from "./budget.ts";
import { askedPoints } from "./points.ts";
import type { SqueezeRequest } from "./request.ts";
import { measureSqueezing } from "./squeeze.ts";
import { valuesOf } from "./weights.ts";
import type { WriteRequest } from "./write.ts";
import { blocksFor } from "./writing/gguf.ts";

vi.mock("node:fs/promises", async (original) => {
  const own = await original<typeof import("node:fs/promises")>();
  return { ...own, statfs: vi.fn(own.statfs) };
});

const at = temporaryFolder();
const SIZES = { hidden_size: 32, intermediate_size: 64, num_attention_heads: 2, num_key_value_heads: 1 };

beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"), { config: SIZES });
  writeText(at("text"), sampleText(6, 40));
  return () => vi.unstubAllEnvs();
});

interface Asked extends Partial<Omit<SqueezeRequest, "write">> {
  readonly from?: string;
  readonly tries?: readonly string[];
  readonly dtype?: WriteRequest["dtype"];
}

/** Squeezes and writes. @returns what was said last */
async function write(point: string, name: string, format: WriteRequest["format"], asked: Asked = {}): Promise<string> {
  const { from = at("model"), tries = [point], dtype = null, ...more } = asked;
  const progress = listener();
  const points = askedPoints({
    ...{ try: tries, groups: ["32"], asymmetric: false, prune: [], patterns: [], rank: [], dropBlocks: [] },
  });
  await measureSqueezing({
    model: await openModel(from, { offline: true }),
    plan: validatePlan({
      text: [{ path: at("text") }],
      splitOn: "\n\n",
      plane: null,
      geometry: false,
      baselines: false,
    }),
    ...{ points, also: [], spared: [], sensitivity: null, bound: false, work: at("work"), resume: false, threads: 1 },
    ...{ progress, commandOf: (one: string) => one },
    ...more,
    write: { point, path: at(name), format, dtype },
  });
  return progress.said.at(-1)!;
}

const weightsOf = async (name: string) => requireDecoder(await openModel(name, { offline: true }), "testing").weights;

/** What a transform makes of a tensor of the model. */
async function made(point: string, name: string): Promise<Float32Array> {
  const weights = await weightsOf(at("model"));
  const [rows, columns] = weights.locate(name)!.shape;
  return squeezed(transformNamed(point), { rows, columns, values: await valuesOf(weights, name) }, { kept: "F32" })
    .values;
}

/** In which no file of the run is left. */
const leftIn = (): string[] => readdirSync(at(".")).filter((name) => name.includes("written") || name.endsWith(".tmp"));

const QUERY = "model.layers.1.self_attn.q_proj.weight";
const DOWN = "model.layers.0.mlp.down_proj.weight";
const TABLE = "model.embed_tokens.weight";
const NORM = "model.layers.0.input_layernorm.weight";

describe("a folder of values", () => {
  it("in 16 bits has every value rounded to the nearest, ties to even", async () => {
    expect(await write("q3g32", "written", "safetensors", { dtype: "BF16" })).toMatch(
      /written holds q3g32 in bfloat16, .*B, read back: KL .* bits a token, measured /,
    );
    const file = await openSafetensors(join(at("written"), "model.safetensors"));
    expect(new Set([...file.header.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
    await file.close();
    expect(JSON.parse(readFileSync(join(at("written"), "config.json"), "utf8")).torch_dtype).toBe("bfloat16");
    const written = await valuesOf(await weightsOf(at("written")), QUERY);
    // The nearest of the numbers with 8 significant bits.
    const rounded = (x: number): number => {
      if (x === 0) return 0;
      const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7);
      const [floor, part] = [Math.floor(x / unit), x / unit - Math.floor(x / unit)];
      return unit * (part > 0.5 || (part === 0.5 && floor % 2 !== 0) ? floor + 1 : floor);
    };
    expect([...written]).toEqual(Array.from(await made("q3g32", QUERY), rounded));
  });

  it("whose values are beyond a type is refused, and nothing is left of it", async () => {
    await writeModel(at("large"), { config: SIZES, change: (name, values) => name === NORM && values.fill(1e5) });
    const refused = write("q3g32", "written", "safetensors", { from: at("large"), dtype: "F16" });
    await expect(refused).rejects.toThrow(/input_layernorm.weight holds 100000, which is beyond float16.*bfloat16/);
    expect(leftIn()).toEqual([]);
  });
});

describe("codes of compressed-tensors", () => {
  it.each([
    ["q4g32", { num_bits: 4, symmetric: true, strategy: "group", group_size: 32 }, ["I32", "F16", undefined]],
    ["q8g32a", { num_bits: 8, symmetric: false, strategy: "group", group_size: 32 }, ["I32", "F16", "I32"]],
  ])("%s are read back as the very values", async (point, weights, types) => {
    expect(await write(point, "written", "compressed-tensors")).toMatch(/read back: KL/);
    const config = JSON.parse(readFileSync(join(at("written"), "config.json"), "utf8"));
    expect(config.quantization_config).toMatchObject({
      ...{ quant_method: "compressed-tensors", format: "pack-quantized", ignore: ["lm_head"] },
      config_groups: { group_0: { targets: ["Linear"], weights } },
    });
    const file = await openSafetensors(join(at("written"), "model.safetensors"));
    const parts = ["packed", "scale", "zero_point"].map((part) => file.header.tensors.get(`${QUERY}_${part}`)?.dtype);
    expect(parts).toEqual(types);
    expect(file.header.tensors.get(TABLE)!.dtype).toBe("F32");
    await file.close();
    const read = await weightsOf(at("written"));
    for (const name of [QUERY, DOWN, TABLE]) expect(await valuesOf(read, name)).toEqual(await made(point, name));
  });

  it("of several types are told matrix by matrix", async () => {
    const tries = ["q4row", "q8g32"];
    const budget = budgetNamed("81kB");
    const said = await write("mixed81kB", "written", "compressed-tensors", {
      tries,
      budget,
      spared: ["embedding", "head"],
    });
    expect(said).toMatch(/holds mixed81kB/);
    const { quantization_config: config } = JSON.parse(readFileSync(join(at("written"), "config.json"), "utf8"));
    const groups = Object.values(config.config_groups) as { targets: string[]; weights: Record<string, unknown> }[];
    expect(groups.map(({ weights }) => weights.strategy).sort()).toEqual(["channel", "group"]);
    const named = groups.flatMap(({ targets }) => targets);
    expect(named).toHaveLength(14);
    expect(new Set(named)).toContain(QUERY.replace(".weight", ""));
  });

  it.each(["q3g32", "prune50", "Q8_0"])("do not hold %s", async (point) => {
    await expect(write(point, "written", "compressed-tensors")).rejects.toThrow(
      /compressed-tensors packs whole codes of 4 or 8 bits, and \S+ is none/,
    );
    expect(leftIn()).toEqual([]);
  });

  it.each([
    ["int4-group", 4],
    ["int8-group-zero-points", 8],
    ["int4-channel-zero-points", 4],
  ] as const)("are packed as another program packs them: %s", async (name, bits) => {
    const file = await openSafetensors(fixture(`quantised/matrices/ct-pack-${name}.safetensors`));
    const packed = [...file.header.tensors.keys()].find((tensor) => tensor.endsWith("weight_packed"))!;
    const words = async (tensor: string) => (await file.read(tensor)) as Int32Array;
    const [rows, columns] = Array.from(
      (await file.read(packed.replace("_packed", "_shape"))) as unknown as BigInt64Array,
      Number,
    );
    const theirs = await words(packed);
    const each = 32 / bits;
    const wide = Math.ceil(columns / each);
    const codes = Uint8Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return (theirs[row * wide + Math.floor(column / each)] >>> (bits * (column % each))) & (2 ** bits - 1);
    });
    expect(packRows(codes, rows, columns, bits)).toEqual(theirs);
    const zero = file.header.tensors.get(packed.replace("_packed", "_zero_point"));
    if (zero?.dtype === "I32") {
      const zeros = await words(zero.name);
      const groups = zero.shape[1];
      const points = Uint8Array.from({ length: rows * groups }, (_, i) => {
        const [row, group] = [Math.floor(i / groups), i % groups];
        return (zeros[Math.floor(row / each) * groups + group] >>> (bits * (row % each))) & (2 ** bits - 1);
      });
      expect(packColumns(points, rows, groups, bits)).toEqual(zeros);
    }
    await file.close();
  });
});

describe("a GGUF file", () => {
  it.each([
    ["q4row", "Q4_0"],
    ["prune50", "F32"],
  ])("of a folder holds %s as %s", async (point, type) => {
    expect(await write(point, "written.gguf", "gguf")).toMatch(/written.gguf holds .* read back: KL/);
    const { header } = await readGgufFile(at("written.gguf"));
    const tensor = header.tensors.get("blk.1.attn_q.weight")!;
    expect(tensor.dtype).toBe(type);
    expect(header.tensors.get("blk.0.attn_norm.weight")!.dtype).toBe("F32");
    // Rows (i, i + 8) of a head of 16 stand side by side.
    const plain = await made(point, QUERY);
    const bytes = readFileSync(at("written.gguf")).subarray(tensor.begin, tensor.end);
    const values = type === "F32" ? new Float32Array(Uint8Array.from(bytes).buffer) : dequantise(type as "Q8_0", bytes);
    const turned = Array.from({ length: 32 }, (_, row) => {
      const from = 16 * Math.floor(row / 16) + ((row % 16) >> 1) + 8 * (row & 1);
      return [...plain.subarray(32 * from, 32 * from + 32)];
    }).flat();
    expect([...values].map((one) => one + 0)).toEqual(turned.map((one) => one + 0));
    expect(leftIn()).toEqual(["written.gguf"]);
  });

  it.each([
    ["Q6_K", 256, "Q6_K"],
    ["q3g64", 64, "Q4_0"],
    ["q5row", 96, "Q5_0"],
    ["q7g32", 64, "Q8_0"],
    ["q4g16", 64, null],
    ["q4row", 48, null],
    ["q8g32a", 64, null],
    ["rank0.9", 64, null],
  ])("has blocks for %s in rows of %i: %s", (point, columns, type) =>
    expect(blocksFor(transformNamed(point), { columns })).toBe(type),
  );

  it("of a GGUF keeps its metadata, its tokenizer, and what the point leaves alone", async () => {
    const extra = [["general.name", { type: "string", value: "phi-3 or so" }]] as const;
    await writeGgufModel(at("original.gguf"), at("model"), undefined, extra);
    await write("Q8_0", "written.gguf", "gguf", { from: at("original.gguf"), spared: ["mlp"] });
    const [one, other] = [await readGgufFile(at("original.gguf")), await readGgufFile(at("written.gguf"))];
    const own = (file: typeof one) =>
      [...file.header.metadata].filter(([key]) => !/file_type|quantization_version/.test(key));
    expect(own(other)).toEqual(own(one));
    const bytesOf = ({ path, header }: typeof one, name: string) => {
      const { begin, end } = header.tensors.get(name)!;
      return readFileSync(path).subarray(begin, end);
    };
    for (const name of ["blk.0.ffn_up.weight", "blk.1.attn_norm.weight"])
      expect(bytesOf(other, name)).toEqual(bytesOf(one, name));
    expect(other.header.tensors.get("blk.0.attn_k.weight")!.dtype).toBe("Q8_0");
    const digests = await Promise.all(
      [at("original.gguf"), at("written.gguf")].map(async (path) =>
        (await openModel(path, { offline: true })).digests(),
      ),
    );
    expect(digests[1].tokenizer).toBe(digests[0].tokenizer);
  });

  const SAME = [
    "llama",
    "llama-tied-bf16",
    "llama3-rope-scaling",
    "mistral-sharded",
    "qwen2",
    "qwen3",
    "gpt2",
    "gpt2-hub-names",
  ];
  it.each(SAME)("has the tensors that the published rules make, under their names: %s", async (name) => {
    const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
    const spec = specOf({ ...config, ...CONVERSIONS[name] });
    const { metadata, tensors, further } = ggufOfFolder(spec, weights);
    const rules = await converted(fixture(`models/${name}`), await conversionOf(name));
    const shapes = (list: readonly { readonly name: string; readonly shape: readonly unknown[] }[]) =>
      list.map((one) => `${one.name} ${one.shape.join()}`).sort();
    const own = tensors.map((one) => {
      const { shape } = weights.locate(one.folder)!;
      return { name: one.name, shape: one.isTurned ? shape.toReversed() : shape };
    });
    const rest = further.map((one) => ({ name: one.name, shape: [one.values.length] }));
    expect(shapes([...own, ...rest])).toEqual(shapes(rules.tensors));
    for (const { name: tensor, values } of further) {
      const theirs = rules.tensors.find((one) => one.name === tensor)!.data;
      const numbers = new Float32Array(Uint8Array.from(theirs).buffer);
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(numbers[i], 5);
    }
    const plain = new Map(metadata.map(([key, pair]) => [key, "value" in pair ? pair.value : null]));
    for (const [key, value] of rules.metadata)
      if ("value" in value) expect([key, plain.get(key)]).toEqual([key, value.value]);
  });

  it.each([
    ["gemma2", {}, /architecture gemma2 is none of llama, mistral, qwen2, qwen3, gpt2: it is not written as GGUF/],
    ["llama", { hidden_act: "gelu" }, /has blocks.0.mlp.activation gelu, the file would make it silu/],
    ["mistral-sharded", { sliding_window: 8, max_position_embeddings: 64 }, /a window of 8 positions/],
  ])("is refused where it would be read as another model: %s %j", async (name, change, message) => {
    const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
    expect(() => ggufOfFolder(specOf({ ...config, ...change }), weights)).toThrow(message);
  });
});

describe("a vocabulary without the tokens that nothing needs", () => {
  it("is written with its tokenizer, and reads the text in the bits that were foretold", async () => {
    for (const name of ["tokenizer.json", "tokenizer_config.json"])
      cpSync(fixture(`tokenizers/gpt2/${name}`), join(at("model"), name));
    await writeModel(at("wide"), { config: { ...SIZES, vocab_size: 600, eos_token_id: 0 } });
    cpSync(join(at("wide"), "model.safetensors"), join(at("model"), "model.safetensors"));
    cpSync(join(at("wide"), "config.json"), join(at("model"), "config.json"));
    const text = "The model reads the text, and the text is read by the model.";
    writeText(at("text"), `${text}\n\nThere is no other model in the text.`);
    writeText(at("more"), "information");
    const progress = listener();
    const model = await openModel(at("model"), { offline: true });
    const plan = validatePlan({
      text: [{ path: at("text") }],
      splitOn: "\n\n",
      plane: null,
      geometry: false,
      baselines: false,
    });
    const found = await measureSqueezing({
      ...{ model, plan, points: [{ kind: "trim", name: "trim" }], keep: [{ path: at("more"), domain: null }] },
      ...{ also: [], spared: [], sensitivity: null, bound: false, work: at("work"), resume: false, threads: 1 },
      ...{ progress, commandOf: (one: string) => one },
      write: { point: "trim", path: at("written"), format: "safetensors", dtype: null },
    });
    const [point] = found.points;
    expect(point).toMatchObject({ kind: "trim", overall: { kl: null } });
    expect(point.tokens).toBeGreaterThan(256);
    expect(point.tokens).toBeLessThan(557);
    expect(found.frontier).toEqual([]);
    // Table and head lose a row of float32 a token.
    expect(found.model.rate.bytes - point.rate.bytes).toBe((600 - point.tokens!) * 2 * 32 * 4);
    expect(point.overall.bitsPerByte.value).toBeLessThan(0);
    expect(progress.said.at(-1)).toMatch(new RegExp(`written holds ${point.tokens} of 600 tokens, .*, read back: `));
    // Read alone, by what measures any model: first tokens behind the end of text, as in the original.
    const bits = async (path: string) =>
      (await measureFiles({ model: path, text: at("text"), work: at("work") })).profile.coding!.overall.bitsPerByte
        .value!;
    const [before, after] = [await bits(at("model")), await bits(at("written"))];
    expect(after - before).toBeCloseTo(point.overall.bitsPerByte.value!, 5);
    const tokenizer = await (await openModel(at("written"), { offline: true })).tokenizer();
    expect(tokenizer.vocabularySize).toBe(point.tokens);
    const whole = await model.tokenizer();
    expect(tokenizer.encode("information").ids.length).toBe(whole.encode("information").ids.length);
    await expect(
      measureSqueezing({
        ...{
          model,
          plan,
          points: [{ kind: "trim", name: "trim" }],
          also: [],
          spared: [],
          sensitivity: null,
          bound: false,
        },
        ...{ work: at("work"), resume: false, threads: 1, progress, commandOf: (one: string) => one },
        write: { point: "trim", path: at("written.gguf"), format: "gguf", dtype: null },
      }),
    ).rejects.toThrow(/a trimmed vocabulary is not written as gguf/);
  });
});

describe("a place", () => {
  it("on a disk that is too small is refused with both sizes, before anything runs", async () => {
    vi.mocked(statfs).mockResolvedValueOnce({ bavail: 10, bsize: 1000 } as never);
    // Table and head of 257 rows, two blocks of 9,216 and two norms each, one norm: float32.
    const bytes = 4 * (2 * 257 * 32 + 2 * (9216 + 2 * 32) + 32);
    await expect(write("q4g32", "written", "safetensors")).rejects.toThrow(
      `written takes ${(bytes / 1000).toFixed(0)} kB, 10.0 kB are free there: free space`,
    );
    expect(existsSync(at("work"))).toBe(false);
  });

  it("that is taken, misnamed or no folder is refused before anything runs", async () => {
    writeFileSync(at("there"), "");
    writeFileSync(at("there.gguf"), "");
    await expect(write("q4g32", "model", "safetensors")).rejects.toThrow(/is not empty \(config.json\)/);
    await expect(write("q4g32", "there", "safetensors")).rejects.toThrow(/is there already/);
    await expect(write("q4g32", "there.gguf", "gguf")).rejects.toThrow(/is there already/);
    await expect(write("q4g32", "written", "gguf")).rejects.toThrow(/does not end in .gguf/);
    await expect(write("q4g32", "written.gguf", "safetensors")).rejects.toThrow(/called as a GGUF file/);
    await writeGgufModel(at("original.gguf"), at("model"));
    await expect(write("q4g32", "written", "safetensors", { from: at("original.gguf") })).rejects.toThrow(
      /no folder in the Hugging Face layout.*name a file that ends in .gguf/,
    );
    expect(existsSync(at("work"))).toBe(false);
  });

  it("of a model whose tokenizer llama.cpp has no like of takes no GGUF", async () => {
    editJson(at("model"), "tokenizer.json", (json) => {
      (json.pre_tokenizer as Record<string, unknown>).add_prefix_space = true;
    });
    await expect(write("q4g32", "written.gguf", "gguf")).rejects.toThrow(/no like of the model's tokenizer/);
    expect(leftIn()).toEqual([]);
  });
});
