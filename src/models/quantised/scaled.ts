/**
 * Matrices with a code of 8 bits for every value, a float or an integer, in a tensor of the matrix's own name and shape, and
 * their scales in a tensor beside it: `weight_scale`, or `weight_scale_inv`, by which it is multiplied all the same
 * (DeepSeek's name for the inverse of what the values were multiplied by). So store transformers' fp8 and fbgemm_fp8,
 * ModelOpt's FP8, and compressed-tensors' float-quantized and int-quantized.
 */
import { isFloat8 } from "../../formats/float8.ts";
import { type Dtype, toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { StoredTensor, TensorSource } from "../sources/tensor-source.ts";
import { compressedGrid, schemesOf } from "./compressed.ts";
import { computedOf, type OpenedCodes } from "./computed.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import type { Quantisation } from "./methods.ts";
import {
  applyScales,
  BLOCK,
  finiteValues,
  type Grid,
  gridOf,
  isOfGrid,
  misfit,
  type Scales,
  type Shape,
  sizes,
} from "./scales.ts";

/** @throws LossyscopeError `model` where scales do not fit, with both shapes */
export function scaledMatrices(source: TensorSource, quantisation: Quantisation): readonly QuantisedMatrix[] {
  const matrices: QuantisedMatrix[] = [];
  for (const name of source.names()) {
    const tensor = source.locate(name)!;
    if (!isCoded(tensor, quantisation.method) || isSide(name)) continue;
    const [scale, other] = [`${name}_scale`, `${name}_scale_inv`].filter((beside) => source.locate(beside));
    if (scale === undefined || other !== undefined) throw noScale(name, tensor, other);
    matrices.push(scaledMatrix(source, quantisation, name, scale));
  }
  return matrices;
}

/** Scales are floats of 8 bits too where they are powers of two. */
const isSide = (name: string): boolean => /_(?:scale|scale_inv|zero_point)$/.test(name);

const isCoded = ({ dtype }: StoredTensor, method: string): boolean =>
  isFloat8(dtype) || (dtype === "I8" && method === "compressed-tensors");

function noScale(name: string, { dtype }: StoredTensor, other: string | undefined): LossyscopeError {
  return new LossyscopeError(
    "model",
    other === undefined
      ? `the tensor ${name} is ${dtype}, and no ${name}_scale or ${name}_scale_inv is beside it`
      : `the tensor ${name} has two tensors of scales, ${name}_scale and ${other}`,
    "fetch the model again",
  );
}

function scaledMatrix(source: TensorSource, quantisation: Quantisation, name: string, scale: string): QuantisedMatrix {
  const { dtype, shape: stored } = source.locate(name)!;
  const shape = matrixShape(name, stored);
  const scaleShape = source.locate(scale)!.shape;
  const grid = gridsOf(quantisation, shape).find((one) => isOfGrid(scaleShape, one));
  if (!grid) throw misfit(scale, scaleShape, name, shape, gridsOf(quantisation, shape));
  const zero = source.locate(`${name}_zero_point`) ? `${name}_zero_point` : null;
  if (zero !== null && !isOfGrid(source.locate(zero)!.shape, grid))
    throw misfit(zero, source.locate(zero)!.shape, name, shape, [grid]);
  const order = `${name}_g_idx`;
  if (source.locate(order))
    throw new LossyscopeError(
      "unsupported",
      `the columns of ${name} are in groups of an order of their own (${order})`,
      "use the checkpoint in F32, F16 or BF16",
    );
  const columns = shape[1];
  return {
    name,
    codes: name,
    parts: [name, scale, ...(zero === null ? [] : [zero])],
    shape,
    ...(dtype === "I8" ? computedOf({ columns, bits: 8, columnsEach: grid.columnsEach }, opened) : {}),
    async open() {
      const scales = await scalesOf();
      return async (from, to) => {
        const codes = await codesOf(source, name, from * columns, to * columns);
        applyScales(codes, from, columns, scales);
        return codes;
      };
    },
  };

  async function scalesOf(): Promise<Scales> {
    return {
      ...grid!,
      values: await finiteValues(source, scale),
      zeros: zero === null ? null : await codesOf(source, zero, 0, source.locate(zero)!.bytes),
      groupOf: null,
    };
  }

  /** Of whole numbers, 128 higher. */
  async function opened(): Promise<OpenedCodes> {
    const scales = await scalesOf();
    return {
      scales: { ...scales, zeros: scales.zeros?.map((own) => own + 128) ?? null },
      read: async (from, to) => (await source.read(name, from * columns, to * columns)).map((code) => code ^ 128),
    };
  }

  async function codesOf(source: TensorSource, name: string, from: number, to: number): Promise<Float32Array> {
    const bytes = await source.read(name, from, to);
    const type = name === zero ? source.locate(name)!.dtype : dtype;
    return type === "I8" ? Float32Array.from(new Int8Array(bytes.buffer)) : toFloat32(type as Dtype, bytes);
  }
}

/** @throws LossyscopeError `unsupported` for what is no matrix */
function matrixShape(name: string, shape: readonly number[]): Shape {
  if (shape.length === 2) return [shape[0], shape[1]];
  throw new LossyscopeError(
    "unsupported",
    `the quantised tensor ${name} has shape [${shape.join(", ")}], and matrices alone are read so`,
    "use the checkpoint in F32, F16 or BF16",
  );
}

/** How scales may lie over a matrix, by what the config says. */
function gridsOf({ method, settings }: Quantisation, shape: Shape): readonly Grid[] {
  const [rows, columns] = [Math.max(shape[0], 1), Math.max(shape[1], 1)];
  const whole = gridOf(shape, rows, columns);
  const byRow = gridOf(shape, 1, columns);
  switch (method) {
    case "fp8": {
      const block = sizes("weight_block_size", settings.weight_block_size);
      if (block) return [gridOf(shape, ...block)];
      return [whole, byRow, ...(settings.weight_block_size === undefined ? [gridOf(shape, ...BLOCK)] : [])];
    }
    case "fbgemm_fp8":
      return [byRow];
    case "compressed-tensors":
      return schemesOf(settings).map((weights) => compressedGrid(weights, shape));
    default:
      return [whole, byRow];
  }
}
