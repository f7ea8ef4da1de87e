/** What is written against ggml's own quantiser on the same values (`fixtures/gguf/`), read back by `dequantise`. */
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { random } from "../../numeric/random.ts";
import { dequantise } from "./dequantise.ts";
import { quantise, WRITTEN_BLOCKS } from "./quantise.ts";
import { BLOCKS } from "./types.ts";

async function golden(name: string): Promise<Float32Array> {
  const file = await openSafetensors(fixture("gguf/blocks.safetensors"));
  try {
    return (await file.read(name)) as Float32Array;
  } finally {
    await file.close();
  }
}

const rms = (values: Float32Array, others: Float32Array): number =>
  Math.sqrt(values.reduce((sum, x, i) => sum + (x - others[i]) ** 2, 0) / values.length);

const normal = (length: number, seed: number): Float32Array => {
  const stream = random(seed, "normal");
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - stream.uniform()));
    return 0.02 * radius * Math.cos(2 * Math.PI * stream.uniform());
  });
};

describe.each(WRITTEN_BLOCKS)("blocks of type %s", (type) => {
  it("are no further from the values than ggml's", async () => {
    const source = await golden("source");
    const own = dequantise(type, quantise(type, source));
    expect(rms(source, own)).toBeLessThanOrEqual(1.0001 * rms(source, await golden(`value.${type}`)));
  });

  it("of values that they can hold are these values", async () => {
    const held = await golden(`value.${type}`);
    const again = dequantise(type, quantise(type, held));
    // Not bit for bit: other scales may stand for the same values, and are rounded to 4 to 11 bits.
    expect(rms(held, again)).toBeLessThan(0.3 * rms(await golden("source"), held));
  });

  it("hold zeros, and are the same in a row and alone", () => {
    const { values: size, bytes } = BLOCKS[type];
    expect(new Set(dequantise(type, quantise(type, new Float32Array(2 * size))).map(Math.abs))).toEqual(new Set([0]));
    for (const same of [0.37, -0.37])
      for (const x of dequantise(type, quantise(type, new Float32Array(size).fill(same))))
        expect(Math.abs(x - same)).toBeLessThan(2e-3);
    const values = normal(3 * 256, 1);
    const all = quantise(type, values);
    for (let block = 0; block * size < values.length; block++)
      expect(quantise(type, values.slice(block * size, (block + 1) * size))).toEqual(
        all.slice(block * bytes, (block + 1) * bytes),
      );
  });

  it("are refused for what they cannot hold", () => {
    expect(() => quantise(type, new Float32Array(BLOCKS[type].values + 1))).toThrow(/no whole number of \w+ blocks/);
    expect(() => quantise(type, new Float32Array(BLOCKS[type].values).fill(3e9))).toThrow(/beyond float16/);
  });
});

/** Of normal values, whose best uniform quantisers have been known since Max (1960): an upper bound of what scales may cost. */
const MAX_1960 = { Q2_K: 0.1175, Q3_K: 0.0345, Q4_K: 0.01154 } as const;

describe("blocks of normal values", () => {
  it.each(Object.entries(MAX_1960))(
    "of type %s are near the best uniform quantiser of as many codes",
    (type, bound) => {
      const values = normal(1 << 16, 2);
      const power = rms(values, new Float32Array(values.length)) ** 2;
      const error = rms(
        values,
        dequantise(type as keyof typeof MAX_1960, quantise(type as keyof typeof MAX_1960, values)),
      );
      // Scales of groups of 16 or 32 fit tails that one for all cannot, so that it may be less.
      expect(error ** 2 / power).toBeLessThan(bound);
      expect(error ** 2 / power).toBeGreaterThan(bound / 3);
    },
  );
});
