/**
 * MXFP4 as gpt-oss stores its experts: floats of 4 bits (E2M1), two a byte with the first in its lower half, [experts, outputs,
 * blocks, 16] in `…_blocks`, and for each block of 32 inputs a power of two, [experts, outputs, blocks] in `…_scales`. The
 * model has them turned: [experts, inputs, outputs]. Memory: one expert as stored and as float32.
 */
import { float8Table } from "../../formats/float8.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import { FLOAT4 } from "./nvfp4.ts";

const BLOCKS = /_blocks$/;
const BYTES = 16;
const NOT_A_NUMBER = 255;

/** @throws LossyscopeError `model` where sizes contradict each other */
export function mxfp4Matrices(source: TensorSource): QuantisedMatrix[] {
  return [...source.names()].filter((name) => BLOCKS.test(name)).map((name) => experts(source, name));
}

function experts(source: TensorSource, blocks: string): QuantisedMatrix {
  const name = blocks.replace(BLOCKS, "");
  const scales = `${name}_scales`;
  const [codes, powers] = [blocks, scales].map((part) => source.locate(part));
  const is = (tensor: typeof codes): string => (tensor ? `${tensor.dtype} [${tensor.shape.join(", ")}]` : "missing");
  const [count = 0, outputs = 0, perRow = 0, bytes = 0, ...more] = codes?.shape ?? [];
  const isSound =
    codes?.dtype === "U8" &&
    powers?.dtype === "U8" &&
    bytes === BYTES &&
    more.length === 0 &&
    count * outputs * perRow > 0;
  if (!isSound || powers.shape.join() !== [count, outputs, perRow].join())
    throw new LossyscopeError(
      "model",
      `${blocks} is ${is(codes)} and ${scales} ${is(powers)}; U8 [experts, outputs, blocks, ${BYTES}] and ` +
        "U8 [experts, outputs, blocks] are wanted",
      "fetch the model again",
    );
  const inputs = 2 * BYTES * perRow;
  return {
    name,
    codes: blocks,
    parts: [blocks, scales],
    shape: [count, inputs, outputs],
    async open() {
      const power = float8Table("F8_E8M0");
      const each = outputs * perRow;
      return async (from, to) => {
        const values = new Float32Array((to - from) * inputs * outputs);
        for (let expert = from; expert < to; expert++) {
          const stored = await source.read(blocks, expert * each * BYTES, (expert + 1) * each * BYTES);
          const exponents = await source.read(scales, expert * each, (expert + 1) * each);
          if (exponents.includes(NOT_A_NUMBER))
            throw new LossyscopeError("model", `${scales} holds a scale that is no number`, "fetch the model again");
          const first = (expert - from) * inputs * outputs;
          for (let i = 0; i < 2 * stored.length; i++) {
            const code = (stored[i >> 1] >> (4 * (i & 1))) & 15;
            const [output, input] = [Math.floor(i / inputs), i % inputs];
            values[first + input * outputs + output] = FLOAT4[code] * power[exponents[i >> 5]];
          }
        }
        return values;
      };
    },
  };
}
