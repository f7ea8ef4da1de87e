/** Every type held against what ggml and gguf-py give for the same blocks (`fixtures/gguf/`), to the last bit. */
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type Dtype, dtypeBits, toFloat32 } from "../tensor-types.ts";
import { dequantise } from "./dequantise.ts";
import { BLOCK_PARTS, halvesOf } from "./parts.ts";
import { BLOCKS, type BlockType } from "./types.ts";

const TYPES = Object.keys(BLOCKS) as BlockType[];

/** @param from `blocks`: as ggml's quantiser writes them; `random-blocks`: of any bytes */
async function golden(
  type: Dtype,
  from = "blocks",
): Promise<{ readonly raw: Uint8Array; readonly values: Float32Array }> {
  const file = await openSafetensors(fixture(`gguf/${from}.safetensors`));
  try {
    return {
      raw: (await file.read(`raw.${type}`)) as Uint8Array,
      values: (await file.read(`value.${type}`)) as Float32Array,
    };
  } finally {
    await file.close();
  }
}

const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe("blocks of values", () => {
  it.each<Dtype>(["F16", "BF16", ...TYPES])("of type %s are what ggml makes of them", async (type) => {
    const { raw, values } = await golden(type);
    expect(raw.length * 8).toBe(values.length * dtypeBits(type));
    expect(bits(toFloat32(type, raw))).toEqual(bits(values));
  });

  it.each(TYPES)("of type %s and any bytes are what gguf-py makes of them", async (type) => {
    const { raw, values } = await golden(type, "random-blocks");
    expect(bits(toFloat32(type, raw))).toEqual(bits(values));
  });

  it.each(TYPES)("of type %s mean the same alone and in a row, wherever they lie", async (type) => {
    const { raw, values } = await golden(type);
    const { bytes, values: inBlock } = BLOCKS[type];
    const shifted = new Uint8Array(raw.length + 1);
    shifted.set(raw, 1);
    for (let block = 0; block * bytes < raw.length; block++) {
      const alone = dequantise(type, shifted.subarray(1 + block * bytes, 1 + (block + 1) * bytes));
      expect(bits(alone)).toEqual(bits(values.subarray(block * inBlock, (block + 1) * inBlock)));
    }
  });

  it.each(TYPES)("of type %s are made of their parts, numbers where they are said to be", async (type) => {
    const { bytes } = BLOCKS[type];
    expect(BLOCK_PARTS[type].reduce((sum, part) => sum + part.bytes, 0)).toBe(bytes);
    const { raw } = await golden(type);
    for (const half of halvesOf(type)) {
      const block = Uint8Array.from(raw.subarray(0, bytes));
      block.set([0, 0x7e], half); // NaN
      expect(dequantise(type, block).some(Number.isNaN)).toBe(true);
    }
  });

  it.each(TYPES)("of type %s that are cut are refused", async (type) => {
    const { raw } = await golden(type);
    expect(() => dequantise(type, raw.subarray(1))).toThrow(LossyscopeError);
    expect(dequantise(type, raw.subarray(0, 0))).toHaveLength(0);
  });
});
