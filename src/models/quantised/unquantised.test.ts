import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../../numeric/errors.ts";
import { specOf } from "../config.ts";
import { coded, f32, type Held, held } from "./quantised.testing.ts";
import { unquantised } from "./unquantised.ts";

type Tensors = Readonly<Record<string, Held>>;
type Settings = Readonly<Record<string, unknown>>;

const FP8: Settings = { quant_method: "fp8", weight_block_size: [4, 8] };
const SOUND: Tensors = { "x.weight": coded("F8_E4M3", 6, 16), "x.weight_scale_inv": f32([2, 2], 0.5) };

const opened = (quantization_config: unknown, tensors: Tensors) => unquantised({ quantization_config }, held(tensors));

async function faultOf(act: () => unknown): Promise<LossyscopeError> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(LossyscopeError);
    return error as LossyscopeError;
  }
  throw new Error("nothing was refused");
}

describe("a quantised folder", () => {
  it("keeps the other tensors as they are, says what it is stored as, and what runs otherwise", async () => {
    const { weights, notes } = await opened(FP8, { norm: f32([3], 1), ...SOUND, "x.activation_scale": f32([], 2) });
    expect([...weights.names()]).toEqual(["norm", "x.weight"]);
    expect(weights.locate("norm")).toMatchObject({ dtype: "F32", shape: [3] });
    expect(weights.locate("x.activation_scale")).toBeUndefined();
    await expect(weights.read("x.weight_scale_inv", 0, 0)).rejects.toThrow(RangeError);
    expect(notes).toEqual([
      "stored as F8_E4M3 with scales (fp8), and run as the float32 values these stand for",
      "activations stay float32, where the format rounds them as the model runs",
    ]);
  });

  it.each<[string, Settings, Tensors]>([
    ["its settings", { kv_cache_scheme: { num_bits: 8, type: "float" } }, {}],
    ["its tensors", { kv_cache_scheme: null }, { "self_attn.k_scale": f32([1], 2), "self_attn.v_scale": f32([1], 2) }],
  ])("says that keys and values are kept whole, where by %s they would not be", async (_, further, tensors) => {
    const group = { weights: { num_bits: 8, type: "float", strategy: "channel" }, input_activations: null };
    const settings = {
      quant_method: "compressed-tensors",
      format: "float-quantized",
      config_groups: { a: group },
      ...further,
    };
    const own = { "x.weight": SOUND["x.weight"], "x.weight_scale": f32([6, 1], 0.5), ...tensors };
    expect((await opened(settings, own)).notes).toEqual([
      "stored as F8_E4M3 with scales (compressed-tensors), and run as the float32 values these stand for",
      "keys and values stay float32, where the format keeps them in fewer bits",
    ]);
  });

  it("has nothing outside of a tensor", async () => {
    const { weights } = await opened(FP8, SOUND);
    for (const [from, to] of [
      [-1, 1],
      [2, 1],
      [0, 6 * 16 * 4 + 1],
      [Number.NaN, 1],
    ])
      await expect(weights.read("x.weight", from, to)).rejects.toThrow(RangeError);
  });

  it("without a word of it in the config is as it is stored", async () => {
    const stored = held(SOUND);
    expect(await unquantised({}, stored)).toEqual({
      weights: stored,
      notes: ["stored as F8_E4M3 without scales, and run as float32"],
      matrices: [],
    });
  });

  it.each<[string, Settings, Tensors, RegExp]>([
    [
      "scales of another shape",
      FP8,
      { ...SOUND, "x.weight_scale_inv": f32([2, 3], 1) },
      /x\.weight_scale_inv has shape \[2, 3\]; x\.weight of shape \[6, 16\] takes \[2, 2\] by the config/,
    ],
    [
      "one scale where blocks are said",
      FP8,
      { ...SOUND, "x.weight_scale_inv": f32([], 1) },
      /has shape \[\]; .* \[2, 2\]/,
    ],
    ["no scales", FP8, { "x.weight": SOUND["x.weight"] }, /x\.weight is F8_E4M3, and no x\.weight_scale or/],
    ["two tensors of scales", FP8, { ...SOUND, "x.weight_scale": f32([], 1) }, /x\.weight has two tensors of scales/],
    ["a block of none", { ...FP8, weight_block_size: [0, 8] }, SOUND, /weight_block_size is \[0,8\]; expected whole/],
    ["a block of three sizes", { ...FP8, weight_block_size: [1, 2, 3] }, SOUND, /weight_block_size is \[1,2,3\]/],
    [
      "groups of none",
      {
        quant_method: "compressed-tensors",
        format: "float-quantized",
        config_groups: { a: { weights: { strategy: "group", group_size: 0 } } },
      },
      { "x.weight": SOUND["x.weight"], "x.weight_scale": f32([6, 2], 1) },
      /group_size is \[1,0\]/,
    ],
    [
      "no matrix",
      FP8,
      { ...SOUND, "x.weight": coded("F8_E4M3", 2, 6, 16) },
      /x\.weight has shape \[2, 6, 16\], and matrices alone/,
    ],
  ])("is refused with %s", async (_, settings, tensors, message) => {
    expect((await faultOf(() => opened(settings, tensors))).message).toMatch(message);
  });

  it.each([Number.NaN, Infinity])("is refused with a scale of %s, once it comes to it", async (value) => {
    const { weights } = await opened(FP8, { ...SOUND, "x.weight_scale_inv": f32([2, 2], 1, 1, value) });
    await expect(weights.read("x.weight", 0, 4)).rejects.toThrow(
      `x.weight_scale_inv holds "${value}" at element 2, where scales have to be numbers`,
    );
  });
});

const packed = (weights: Settings, format = "pack-quantized"): Settings => ({
  quant_method: "compressed-tensors",
  format,
  config_groups: { a: { weights: { num_bits: 4, strategy: "group", group_size: 8, ...weights } } },
});
const words = (shape: readonly number[], ...values: number[]): Held => ({
  dtype: "I32",
  shape,
  data: Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => values[i % values.length]),
});
const sizes = (...values: number[]): Held => ({
  dtype: "I64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
const PACKED: Tensors = {
  "x.weight_packed": words([6, 2], 0),
  "x.weight_scale": f32([6, 2], 1),
  "x.weight_shape": sizes(6, 16),
};

describe("packed codes", () => {
  it.each<[string, Settings, Tensors, RegExp]>([
    ["no shape", {}, { ...PACKED, "x.weight_shape": f32([1], 1) }, /not integers/],
    ["a shape of three", {}, { ...PACKED, "x.weight_shape": sizes(1, 2, 3) }, /x\.weight_shape holds \[\]/],
    ["a shape of none", {}, { ...PACKED, "x.weight_shape": sizes(6, 0) }, /x\.weight_shape holds \[6,0\]/],
    ["an absurd shape", {}, { ...PACKED, "x.weight_shape": sizes(6, 2 ** 40) }, /outside the 32-bit integers/],
    [
      "more codes than words",
      {},
      { ...PACKED, "x.weight_shape": sizes(6, 17) },
      /x\.weight_packed has shape \[6, 2\], which is not that of \[6, 17\] codes of 4 bits/,
    ],
    [
      "no scales",
      {},
      { ...PACKED, "x.weight_scale": f32([6, 3], 1) },
      /x\.weight_scale has shape \[6, 3\]; .* \[6, 2\]/,
    ],
    ["groups of none", { group_size: 0 }, PACKED, /group_size is \[1,0\]/],
    ["another width", { num_bits: 3 }, PACKED, /packed codes of 3 bits/],
    [
      "zero points that do not fit",
      {},
      { ...PACKED, "x.weight_zero_point": words([6, 2], 0) },
      /x\.weight_zero_point \(I32\) has shape \[6, 2\]; .* takes \[1, 2\]/,
    ],
    [
      "an order that does not fit",
      {},
      { ...PACKED, "x.weight_g_idx": words([15], 0) },
      /x\.weight_g_idx has shape \[15\]/,
    ],
  ])("are refused with %s", async (_, weights, tensors, message) => {
    expect((await faultOf(() => opened(packed(weights), tensors))).message).toMatch(message);
  });

  it.each<[string, Tensors, RegExp]>([
    ["a group that is none", { "x.weight_g_idx": words([16], 0, 2) }, /puts column 1 in group 2 of 2/],
    ["a group below zero", { "x.weight_g_idx": words([16], -2) }, /puts column 0 in group -2 of 2/],
    ["a group of others", { "x.weight_g_idx": words([16], 0) }, /puts 16 columns in group 0, the config makes it 8/],
    ["words that are none", { "x.weight_packed": f32([6, 2], 1) }, /x\.weight_packed is F32, where I32 packs codes/],
  ])("are refused with %s, once it comes to them", async (_, tensors, message) => {
    const { weights } = await opened(packed({}), { ...PACKED, ...tensors });
    expect((await faultOf(() => weights.read("x.weight", 0, 4))).message).toMatch(message);
  });

  const NVFP4: Tensors = {
    "x.weight_packed": coded("U8", 6, 16),
    "x.weight_scale": coded("F8_E4M3", 6, 2),
    "x.weight_global_scale": f32([1], 1),
  };
  it.each<[string, Tensors, RegExp]>([
    ["no scale of the whole", { "x.weight_global_scale": f32([2], 1) }, /x\.weight_global_scale has shape \[2\]/],
    ["scales of another type", { "x.weight_scale": f32([6, 2], 1) }, /x\.weight_scale \(F32\) has shape \[6, 2\]/],
    ["scales of another shape", { "x.weight_scale": coded("F8_E4M3", 6, 1) }, /has shape \[6, 1\]; .* takes \[6, 2\]/],
    ["a scale of zero", { "x.weight_global_scale": f32([1], 0) }, /x\.weight_global_scale is 0, and divides/],
  ])("of 4-bit floats are refused with %s", async (_, tensors, message) => {
    const settings = packed({ strategy: "tensor_group", group_size: 16 }, "nvfp4-pack-quantized");
    const act = async () => (await opened(settings, { ...NVFP4, ...tensors })).weights.read("x.weight", 0, 4);
    expect((await faultOf(act)).message).toMatch(message);
  });
});

const GPTQ: Settings = { quant_method: "gptq", bits: 4, group_size: 8 };
const TURNED: Tensors = {
  "x.qweight": words([2, 8], 0),
  "x.qzeros": words([2, 1], 0x77777777),
  "x.scales": f32([2, 8], 1),
  "x.g_idx": words([16], 0, 1),
};
const AWQ: Settings = { quant_method: "awq", bits: 4, group_size: 8, version: "GEMM" };

describe("turned codes", () => {
  it.each<[string, Settings, Tensors, RegExp]>([
    ["groups of none", { ...GPTQ, group_size: 0 }, TURNED, /group_size is 0; expected/],
    ["another width", { ...GPTQ, bits: 5 }, TURNED, /gptq codes of 5 bits: those of 2, 3, 4, 8/],
    ["no width", { quant_method: "awq" }, TURNED, /awq codes of nothing bits: those of 4/],
    ["no zero points", GPTQ, { ...TURNED, "x.qzeros": words([2, 2], 0) }, /x\.qzeros has shape \[2, 2\]; .* \[2, 1\]/],
    ["no scales", GPTQ, { "x.qweight": TURNED["x.qweight"], "x.qzeros": TURNED["x.qzeros"] }, /x\.scales is missing/],
    ["other groups", { ...GPTQ, group_size: 4 }, TURNED, /x\.qzeros has shape \[2, 1\]; .* takes \[4, 1\]/],
    [
      "an order that does not fit",
      GPTQ,
      { ...TURNED, "x.g_idx": words([8], 0) },
      /x\.g_idx has shape \[8\]; .* \[16\]/,
    ],
    ["no matrix", GPTQ, { ...TURNED, "x.qweight": words([16], 0) }, /x\.qweight has shape \[16\]/],
    ["settings of single modules", { ...GPTQ, dynamic: { "-:x": {} } }, TURNED, /gptq, dynamic/],
    ["another order of nibbles", { ...AWQ, version: "gemv" }, TURNED, /awq, version "gemv"/],
    ["Marlin's order", { ...GPTQ, checkpoint_format: "marlin" }, TURNED, /checkpoint_format "marlin"/],
  ])("are refused with %s", async (_, settings, tensors, message) => {
    expect((await faultOf(() => opened(settings, tensors))).message).toMatch(message);
  });

  it.each<[string, Tensors, RegExp]>([
    ["a group that is none", { "x.g_idx": words([16], 0, 2) }, /x\.g_idx puts column 1 in group 2 of 2/],
    [
      "a zero point that libraries differ on",
      { "x.qzeros": words([2, 1], 0x77f77777) },
      /x\.qzeros stores 15 for output 5/,
    ],
    ["a scale that is none", { "x.scales": f32([2, 8], Number.NaN) }, /x\.scales holds "NaN"/],
    ["words that are none", { "x.qweight": f32([2, 8], 0) }, /x\.qweight is F32/],
  ])("are refused with %s, once it comes to them", async (_, tensors, message) => {
    const { weights } = await opened(GPTQ, { ...TURNED, ...tensors });
    expect((await faultOf(() => weights.read("x.weight", 0, 4))).message).toMatch(message);
  });
});

const BNB: Settings = { quant_method: "bitsandbytes", load_in_4bit: true };
const state = (more: Settings = {}): Held => {
  const data = new TextEncoder().encode(JSON.stringify({ blocksize: 8, shape: [3, 6], ...more }));
  return { dtype: "U8", shape: [data.length], data };
};
const STATE = "x.weight.quant_state.bitsandbytes__nf4";
const FOUR: Tensors = {
  "x.weight": coded("U8", 9, 1),
  "x.weight.absmax": f32([3], 1),
  "x.weight.quant_map": f32([16], 1),
  [STATE]: state(),
};
const NESTED: Tensors = {
  ...FOUR,
  "x.weight.absmax": coded("U8", 3),
  "x.weight.nested_absmax": f32([2], 1),
  "x.weight.nested_quant_map": f32([256], 1),
  [STATE]: state({ nested_blocksize: 2, nested_offset: 0.5 }),
};
const EIGHT: Tensors = { "x.weight": coded("I8", 3, 6), "x.SCB": f32([3], 1) };

describe("codes of bitsandbytes", () => {
  it.each<[string, Tensors, RegExp]>([
    [
      "more codes than bytes",
      { ...FOUR, [STATE]: state({ shape: [3, 7] }) },
      /x\.weight has 9 bytes; \[3, 7\] .* take 11/,
    ],
    ["a shape that is none", { ...FOUR, [STATE]: state({ shape: [3, -6] }) }, /says shape \[3,-6\]/],
    ["a block of none", { ...FOUR, [STATE]: state({ blocksize: 0 }) }, /says blocksize 0; a whole number/],
    ["a state that is none", { ...FOUR, [STATE]: coded("U8", 4) }, /quant_state\.bitsandbytes__nf4 .*JSON/],
    [
      "no scales",
      { ...FOUR, "x.weight.absmax": f32([2], 1) },
      /absmax is F32 of shape \[2\]; F32 of shape \[3\] is wanted/,
    ],
    ["no map", { ...FOUR, "x.weight.quant_map": f32([15], 1) }, /quant_map is F32 of shape \[15\]/],
    ["a nested block of none", { ...NESTED, [STATE]: state({ nested_offset: 1 }) }, /says nested_blocksize nothing/],
    ["no nested scales", { ...NESTED, "x.weight.nested_absmax": f32([3], 1) }, /nested_absmax is F32 of shape \[3\]/],
    ["no scales of rows", { ...EIGHT, "x.SCB": f32([6], 1) }, /x\.SCB is F32 of shape \[6\]; F32 of shape \[3\]/],
    ["no codes", { "x.SCB": f32([6], 1) }, /x\.weight is missing; a matrix of I8 is wanted/],
    ["an order for tensor cores", { ...EIGHT, "x.weight_format": coded("U8") }, /x\.weight is in an order for tensor/],
  ])("are refused with %s", async (_, tensors, message) => {
    expect((await faultOf(() => opened(BNB, tensors))).message).toMatch(message);
  });

  it.each<[string, Tensors]>([
    ["x.weight.absmax", { ...FOUR, "x.weight.absmax": f32([3], 1, Number.NaN) }],
    ["x.weight.nested_absmax", { ...NESTED, "x.weight.nested_absmax": f32([2], 1, Infinity) }],
    ["x.SCB", { ...EIGHT, "x.SCB": f32([3], 1, Number.NaN) }],
  ])("are refused with a %s that is no number, once it comes to it", async (name, tensors) => {
    const { weights } = await opened(BNB, tensors);
    expect((await faultOf(() => weights.read("x.weight", 0, 4))).message).toMatch(`${name} holds`);
  });
});

describe("MXFP4", () => {
  const SOUND: Tensors = { x_blocks: coded("U8", 2, 3, 1, 16), x_scales: coded("U8", 2, 3, 1) };
  it.each<[string, Tensors]>([
    ["no scales", { x_blocks: SOUND.x_blocks }],
    ["scales that do not fit", { ...SOUND, x_scales: coded("U8", 2, 3, 2) }],
    ["blocks of another size", { ...SOUND, x_blocks: coded("U8", 2, 3, 1, 8) }],
    ["another type", { ...SOUND, x_blocks: coded("I8", 2, 3, 1, 16) }],
  ])("is refused with %s", async (_, tensors) => {
    expect((await faultOf(() => opened({ quant_method: "mxfp4" }, tensors))).message).toMatch(
      /x_blocks is .* and x_scales .*; U8 \[experts, outputs, blocks, 16\]/,
    );
  });

  it("is refused with a scale that is no number, once it comes to it", async () => {
    const x_scales = { ...SOUND.x_scales, data: new Uint8Array(6).fill(255) };
    const { weights } = await opened({ quant_method: "mxfp4" }, { ...SOUND, x_scales });
    expect((await faultOf(() => weights.read("x", 0, 4))).message).toMatch(/x_scales holds a scale that is no number/);
  });
});

/** The methods of transformers 5 (`QuantizationMethod`) that are not read. */
const UNREAD = [
  ...["aqlm", "auto-round", "bitnet", "eetq", "fouroversix", "fp_quant", "gemma", "gguf", "higgs", "hqq", "metal"],
  ...["mxfp8", "nvfp4", "quanto", "quark", "quip", "sinq", "spqr", "torchao", "vptq"],
];

describe("what is not read", () => {
  it.each(UNREAD)("%s is refused by its name", async (quant_method) => {
    const { fault, message } = await faultOf(() =>
      specOf({ model_type: "llama", quantization_config: { quant_method } }),
    );
    expect(fault).toBe("unsupported");
    expect(message).toMatch(`the weights are quantised (quantization_config: ${quant_method})`);
  });

  it.each<[Settings, RegExp]>([
    [{ quant_method: "fp8", expert_dtype: "fp4" }, /fp8, expert_dtype "fp4"/],
    [{ quant_method: "modelopt", quant_algo: "W4A8_AWQ" }, /modelopt, quant_algo "W4A8_AWQ"/],
    [{ quant_method: "compressed-tensors", format: "marlin-24" }, /compressed-tensors, format "marlin-24"/],
    [{ quant_method: "compressed-tensors" }, /compressed-tensors, format nothing/],
    [
      { quant_method: "compressed-tensors", format: "float-quantized", transform_config: { config_groups: {} } },
      /transform_config/,
    ],
    [
      { quant_method: "compressed-tensors", format: "float-quantized", sparsity_config: { format: "sparse-bitmask" } },
      /sparsity_config/,
    ],
    [
      {
        quant_method: "compressed-tensors",
        format: "mixed-precision",
        config_groups: { a: { format: "float-quantized" }, b: { format: "marlin-24" } },
      },
      /format "marlin-24"/,
    ],
  ])("%j is refused by the setting", async (quantization_config, message) => {
    for (const refusing of [
      () => specOf({ model_type: "llama", quantization_config }),
      () => unquantised({ quantization_config }, held(SOUND)),
    ])
      expect((await faultOf(refusing)).message).toMatch(message);
  });

  it("settings that are none are refused", async () => {
    expect((await faultOf(() => opened("fp8", SOUND))).message).toMatch(
      /quantization_config to "fp8"; expected an object/,
    );
  });
});
