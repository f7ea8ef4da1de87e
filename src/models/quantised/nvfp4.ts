/**
 * compressed-tensors' `nvfp4-pack-quantized`: floats of 4 bits (E2M1), two a byte with the first in its lower half, along the
 * rows of `weight_packed`; for every 16 a scale in E4M3 (`weight_scale`), which `weight_global_scale` divides. The
 * quotient is rounded to float32, as the library has it, and the product once more.
 */
import { LossyscopeError } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import { applyScales, finiteValues, gridOf, isOfGrid, misfit, type Shape } from "./scales.ts";

const PACKED = ".weight_packed";
const GROUP = 16;
const MAGNITUDES = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
/** E2M1 by its four bits */
export const FLOAT4 = Float32Array.from([...MAGNITUDES, ...MAGNITUDES.map((value) => -value)]);

/** @throws LossyscopeError `model` where sizes contradict each other */
export function nvfp4Matrices(source: TensorSource): QuantisedMatrix[] {
  return [...source.names()]
    .filter((name) => name.endsWith(PACKED) && source.locate(name)!.dtype === "U8")
    .map((name) => matrix(source, name.slice(0, -PACKED.length).concat(".weight")));
}

function matrix(source: TensorSource, name: string): QuantisedMatrix {
  const [packed, scale, global] = ["packed", "scale", "global_scale"].map((part) => `${name}_${part}`);
  const { shape: stored } = source.locate(packed)!;
  if (stored.length !== 2)
    throw new LossyscopeError(
      "unsupported",
      `the quantised tensor ${packed} has shape [${stored.join(", ")}], and matrices alone are read so`,
      "use the checkpoint in F32, F16 or BF16",
    );
  const shape: Shape = [stored[0], 2 * stored[1]];
  const columns = shape[1];
  const grid = gridOf(shape, 1, GROUP);
  const one = gridOf([1, 1], 1, 1);
  const found = source.locate(scale);
  if (found?.dtype !== "F8_E4M3" || !isOfGrid(found.shape, grid))
    throw misfit(`${scale} (${found?.dtype ?? "missing"})`, found?.shape ?? [], name, shape, [grid]);
  const whole = source.locate(global);
  if (!whole || !isOfGrid(whole.shape, one))
    throw misfit(`${global}${whole ? "" : " (missing)"}`, whole?.shape ?? [], name, shape, [one]);
  return {
    name,
    codes: packed,
    parts: [packed, scale, global],
    shape,
    async open() {
      const [divisor] = await finiteValues(source, global);
      if (divisor === 0)
        throw new LossyscopeError(
          "model",
          `${global} is 0, and divides the scales of ${name}`,
          "fetch the model again",
        );
      const values = (await finiteValues(source, scale)).map((value) => value / divisor);
      const scales = { ...grid, values, zeros: null, groupOf: null };
      return async (from, to) => {
        const bytes = await source.read(packed, (from * columns) / 2, (to * columns) / 2);
        const codes = Float32Array.from(
          { length: 2 * bytes.length },
          (_, i) => FLOAT4[(bytes[i >> 1] >> (4 * (i & 1))) & 15],
        );
        applyScales(codes, from, columns, scales);
        return codes;
      };
    },
  };
}
