/** A folder of quantised weights as a model: the suite for models, and figures equal to those of the values they stand for. */
import { appendFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { float8Table } from "../formats/float8.ts";
import { measureFiles, sampleText, writeText } from "../measure/model.testing.ts";
import { type Rounding, writeQuantised } from "../measure/quantised.testing.ts";
import { describeModel } from "../ports/model.testing.ts";
import { openFolder } from "./folder.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** Codes of E4M3 by the nearest value, a scale a row. */
const toFloat8: Rounding = (name, shape, values) => {
  const table = float8Table("F8_E4M3");
  const columns = shape[1];
  const scale = Float32Array.from(
    { length: shape[0] },
    (_, row) => values.subarray(row * columns, (row + 1) * columns).reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 448,
  );
  const codes = Uint8Array.from(values, (value, i) => {
    const wanted = value / scale[Math.floor(i / columns)];
    let nearest = 0;
    for (let code = 0; code < 256; code++)
      if (Math.abs(table[code] - wanted) < Math.abs(table[nearest] - wanted)) nearest = code;
    return nearest;
  });
  return {
    parts: [
      { name, dtype: "F8_E4M3", shape, data: codes },
      { name: `${name}_scale`, dtype: "F32", shape: [shape[0], 1], data: scale },
    ],
    values: Float32Array.from(codes, (code, i) => table[code] * scale[Math.floor(i / columns)]),
  };
};

/** Codes of 4 bits from −8, a scale for eight of a row. */
const toPacked: Rounding = (name, shape, values) => {
  const scale = Float32Array.from({ length: values.length / 8 }, (_, group) =>
    values.subarray(8 * group, 8 * group + 8).reduce((most, value) => Math.max(most, Math.abs(value) / 7), 0),
  );
  const codes = Array.from(values, (value, i) => Math.round(value / scale[i >> 3]));
  const packed = new Int32Array(codes.length / 8);
  for (const [i, code] of codes.entries()) packed[i >> 3] |= (code + 8) << (4 * (i & 7));
  const [rows, columns] = shape;
  return {
    parts: [
      { name: `${name}_packed`, dtype: "I32", shape: [rows, columns / 8], data: packed },
      { name: `${name}_scale`, dtype: "F32", shape: [rows, columns / 8], data: scale },
      { name: `${name}_shape`, dtype: "I64", shape: [2], data: BigInt64Array.from(shape, BigInt) },
    ],
    values: Float32Array.from(codes, (code, i) => code * scale[i >> 3]),
  };
};

/** The same of the matrix turned, a scale an output. */
const toGptq: Rounding = (name, [rows, columns], values) => {
  const module = name.replace(/\.weight$/, "");
  const scale = Float32Array.from({ length: rows }, (_, row) =>
    values.subarray(row * columns, (row + 1) * columns).reduce((most, value) => Math.max(most, Math.abs(value) / 7), 0),
  );
  const codes = Array.from(values, (value, i) => Math.round(value / scale[Math.floor(i / columns)]));
  const packed = new Int32Array(codes.length / 8);
  for (const [i, code] of codes.entries()) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    packed[(column >> 3) * rows + row] |= (code + 8) << (4 * (column & 7));
  }
  return {
    parts: [
      { name: `${module}.qweight`, dtype: "I32", shape: [columns / 8, rows], data: packed },
      {
        name: `${module}.qzeros`,
        dtype: "I32",
        shape: [1, rows / 8],
        data: new Int32Array(rows / 8).fill(0x77777777),
      },
      { name: `${module}.scales`, dtype: "F32", shape: [1, rows], data: scale },
    ],
    values: Float32Array.from(codes, (code, i) => code * scale[Math.floor(i / columns)]),
  };
};

/** Codes of 4 bits, two a byte, a scale for 64 of the matrix. */
const toNf4: Rounding = (name, shape, values) => {
  const map = Float32Array.from({ length: 16 }, (_, code) => (code - 8) / 8);
  const absmax = Float32Array.from({ length: Math.ceil(values.length / 64) }, (_, block) =>
    values.subarray(64 * block, 64 * block + 64).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
  const codes = Array.from(values, (value, i) => Math.min(15, Math.round((8 * value) / absmax[i >> 6]) + 8));
  const packed = new Uint8Array(codes.length / 2);
  for (const [i, code] of codes.entries()) packed[i >> 1] |= code << (4 * (1 - (i & 1)));
  const state = new TextEncoder().encode(JSON.stringify({ quant_type: "nf4", blocksize: 64, shape }));
  return {
    parts: [
      { name, dtype: "U8", shape: [packed.length, 1], data: packed },
      { name: `${name}.absmax`, dtype: "F32", shape: [absmax.length], data: absmax },
      { name: `${name}.quant_map`, dtype: "F32", shape: [16], data: map },
      { name: `${name}.quant_state.bitsandbytes__nf4`, dtype: "U8", shape: [state.length], data: state },
    ],
    values: Float32Array.from(codes, (code, i) => map[code] * absmax[i >> 6]),
  };
};

const NF4 = { quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "nf4" };
const GPTQ = { quant_method: "gptq", bits: 4, group_size: -1, desc_act: false };
const PACKED = {
  quant_method: "compressed-tensors",
  format: "pack-quantized",
  config_groups: { group_0: { weights: { num_bits: 4, type: "int", strategy: "group", group_size: 8 } } },
};
const FBGEMM = { quant_method: "fbgemm_fp8" };

describeModel("a folder of 8-bit floats", {
  make: async () => openFolder((await writeQuantised(at("m"), FBGEMM, toFloat8))[0]),
  change: () => appendFileSync(at("m", "quantised", "config.json"), " "),
});

const AS_VALUES = /stored as .*, and run as the float32 values these stand for/;

describe("a folder of quantised weights", () => {
  it.each<[string, object, Rounding, string, RegExp]>([
    ["8-bit floats", FBGEMM, toFloat8, "F8_E4M3", AS_VALUES],
    ["packed codes in groups of eight", PACKED, toPacked, "I32", AS_VALUES],
    ["GPTQ", GPTQ, toGptq, "I32", /run as codes under these, 2 of 14 matrices as the float32 values/],
    ["bitsandbytes", NF4, toNf4, "U8", AS_VALUES],
  ])(
    "%s: gives a text the bits of the values it stands for, and counts what is stored",
    async (_, settings, round, type, note) => {
      const folders = await writeQuantised(at("m"), { ...settings }, round);
      const words = writeText(at("text.txt"), sampleText(3, 300));
      const profiles = [];
      for (const model of folders)
        profiles.push((await measureFiles({ model, text: words, work: `${model}-work` })).profile);
      const [quantised, plain] = profiles;
      const bitsPerByte = [quantised, plain].map(({ coding }) => coding!.overall.bitsPerByte.value!);
      if (note === AS_VALUES) expect(bitsPerByte[0]).toBe(bitsPerByte[1]);
      // Products by codes add in another order.
      else expect(bitsPerByte[0]).toBeCloseTo(bitsPerByte[1], 5);
      expect(quantised.ledger?.parameters).toEqual(plain.ledger?.parameters);
      expect(Object.keys(quantised.ledger?.byDtype ?? {})).toContain(type);
      expect(quantised.ledger!.weightBytes).toBeLessThan(plain.ledger!.weightBytes);
      expect(quantised.ledger?.notes?.join()).toMatch(note);
    },
  );

  it("leaves out biases of zeros that its architecture has no place for, and no others", async () => {
    const withBias =
      (value: number): Rounding =>
      (name, shape, values) => {
        const rounded = toGptq(name, shape, values)!;
        const bias = { name: name.replace("weight", "bias"), dtype: "F32" as const, shape: [shape[0]] };
        return { ...rounded, parts: [...rounded.parts, { ...bias, data: new Float32Array(shape[0]).fill(value) }] };
      };
    const [zeros] = await writeQuantised(at("zeros"), GPTQ, withBias(0));
    expect((await openFolder(zeros)).layers).toBe(2);
    const [ones] = await writeQuantised(at("ones"), GPTQ, withBias(1));
    await expect(openFolder(ones)).rejects.toThrow(/has no place for: .*\.bias/);
    const [biased] = await writeQuantised(at("biased"), GPTQ, toGptq, { attention_bias: true, mlp_bias: true });
    expect((await openFolder(biased)).layers).toBe(2);
  });
});
