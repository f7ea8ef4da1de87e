/**
 * compressed-tensors' `pack-quantized`: whole codes of 2, 4 or 8 bits, 32 bits a word, along the rows of `weight_packed`;
 * `weight_shape` says how many of a row's codes there are, `weight_scale` has a scale a group, row or tensor,
 * `weight_zero_point` zero points packed along the columns, and `weight_g_idx` the group of each column where activations
 * ordered them. Codes and zero points are stored with half their range added, which their difference does not have.
 * Memory: the words of one matrix.
 */
import { toInt32 } from "../../formats/tensor-types.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import { compressedGrid, schemesOf } from "./compressed.ts";
import { computedOf, type OpenedCodes } from "./computed.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import type { Quantisation } from "./methods.ts";
import { applyScales, finiteValues, type Grid, isOfGrid, misfit, type Shape } from "./scales.ts";
import { codeAt, groupsOfColumns, wordsOf } from "./words.ts";

const PACKED = ".weight_packed";
const WIDTHS = [2, 4, 8];

interface Packing extends Grid {
  readonly bits: number;
}

/** @throws LossyscopeError `model` where sizes contradict each other; `unsupported` for other widths; `io` */
export async function packedMatrices(source: TensorSource, { settings }: Quantisation): Promise<QuantisedMatrix[]> {
  const matrices: QuantisedMatrix[] = [];
  for (const packed of source.names()) {
    if (!packed.endsWith(PACKED) || source.locate(packed)!.dtype === "U8") continue;
    const name = packed.slice(0, -PACKED.length).concat(".weight");
    const shape = await shapeOf(source, name);
    matrices.push(packedMatrix(source, name, shape, packingOf(source, settings, name, shape)));
  }
  return matrices;
}

async function shapeOf(source: TensorSource, name: string): Promise<Shape> {
  const tensor = source.locate(`${name}_shape`);
  const values =
    tensor && tensor.bytes <= 16 ? toInt32(tensor.dtype, await source.read(`${name}_shape`, 0, tensor.bytes)) : [];
  if (values.length === 2 && values[0] > 0 && values[1] > 0) return [values[0], values[1]];
  throw new LossyscopeError(
    "model",
    `${name}_shape ${tensor ? `holds ${shown([...values])}` : "is missing"}, where the two sizes of ${name} are wanted`,
    "fetch the model again",
  );
}

/** The scheme of the config that the stored tensors are of. */
function packingOf(source: TensorSource, settings: Quantisation["settings"], name: string, shape: Shape): Packing {
  const packed = source.locate(`${name}_packed`)!;
  const scale = source.locate(`${name}_scale`);
  const schemes = schemesOf(settings);
  const widths = schemes.map(({ num_bits }) => num_bits).filter((bits) => !WIDTHS.includes(bits as number));
  if (widths.length > 0)
    throw new LossyscopeError(
      "unsupported",
      `the weights are packed codes of ${shown(widths[0])} bits`,
      `those of ${WIDTHS.join(", ")} bits are read`,
    );
  const all = schemes.map((weights) => ({ bits: weights.num_bits as number, ...compressedGrid(weights, shape) }));
  const fitting = all.filter(
    ({ bits }) => packed.shape.join() === [shape[0], Math.ceil((shape[1] * bits) / 32)].join(),
  );
  if (fitting.length === 0)
    throw new LossyscopeError(
      "model",
      `${name}_packed has shape [${packed.shape.join(", ")}], which is not that of [${shape.join(", ")}] codes of ` +
        `${all.map(({ bits }) => bits).join(" or ")} bits`,
      "check that config.json belongs to these weights",
    );
  const found = fitting.find((packing) => scale && isOfGrid(scale.shape, packing));
  if (!found) throw misfit(`${name}_scale`, scale?.shape ?? [], name, shape, fitting);
  return found;
}

function packedMatrix(source: TensorSource, name: string, shape: Shape, packing: Packing): QuantisedMatrix {
  const { bits, shape: grid } = packing;
  const [packed, scale, zero, order] = ["packed", "scale", "zero_point", "g_idx"].map((part) => `${name}_${part}`);
  const columns = shape[1];
  const rowWords = Math.ceil((columns * bits) / 32);
  const zeroTensor = source.locate(zero);
  const isPackedZero = zeroTensor?.dtype === "I32";
  const zeroGrid = isPackedZero ? { ...packing, shape: [Math.ceil((grid[0] * bits) / 32), grid[1]] as const } : packing;
  if (zeroTensor && !(isOfGrid(zeroTensor.shape, zeroGrid) && (isPackedZero || zeroTensor.dtype === "I8")))
    throw misfit(`${zero} (${zeroTensor.dtype})`, zeroTensor.shape, name, shape, [zeroGrid]);
  const orderTensor = source.locate(order);
  if (orderTensor && orderTensor.shape.join() !== String(columns))
    throw misfit(order, orderTensor.shape, name, shape, [{ ...packing, shape: [columns, 1] }]);
  return {
    name,
    codes: packed,
    parts: [packed, scale, zero, order, `${name}_shape`].filter((part) => source.locate(part)),
    shape,
    ...computedOf({ columns, bits, columnsEach: packing.columnsEach }, opened),
    async open() {
      const { scales, read } = await opened();
      return async (from, to) => {
        const codes = Float32Array.from(await read(from, to));
        applyScales(codes, from, columns, scales);
        return codes;
      };
    },
  };

  async function opened(): Promise<OpenedCodes> {
    const words = await wordsOf(source, packed);
    const scales = {
      ...packing,
      values: await finiteValues(source, scale),
      zeros: await zerosOf(),
      groupOf: orderTensor ? await columnsInGroups(source, order, packing) : null,
    };
    const read = (from: number, to: number): Uint8Array => {
      const codes = new Uint8Array((to - from) * columns);
      for (let row = from, i = 0; row < to; row++)
        for (let column = 0; column < columns; column++) codes[i++] = codeAt(words, row * rowWords, 1, column, bits);
      return codes;
    };
    return { scales, read };
  }

  /** [of the grid] with half the range added */
  async function zerosOf(): Promise<Float32Array> {
    const half = 1 << (bits - 1);
    const zeros = new Float32Array(grid[0] * grid[1]).fill(half);
    if (!zeroTensor) return zeros;
    if (!isPackedZero)
      return Float32Array.from(new Int8Array((await source.read(zero, 0, zeroTensor.bytes)).buffer), (z) => z + half);
    const words = await wordsOf(source, zero);
    return zeros.map((_, i) => codeAt(words, i % grid[1], grid[1], Math.floor(i / grid[1]), bits));
  }
}

/**
 * @returns null where the columns are in no order of their own (one is in group −1)
 * @throws LossyscopeError `model` where a group has another number of columns than the config makes it
 */
async function columnsInGroups(
  source: TensorSource,
  name: string,
  { shape: [, groups], columnsEach }: Packing,
): Promise<Int32Array | null> {
  const words = new Int32Array((await wordsOf(source, name)).buffer);
  if (words.includes(-1)) return null;
  const groupOf = await groupsOfColumns(source, name, groups);
  const sizes = new Int32Array(groups);
  for (const group of groupOf) sizes[group]++;
  const bad = sizes.findIndex((size, i) => size !== Math.min(columnsEach, groupOf.length - i * columnsEach));
  if (bad < 0) return groupOf;
  throw new LossyscopeError(
    "model",
    `${name} puts ${count(sizes[bad])} columns in group ${count(bad)}, the config makes it ${count(columnsEach)}`,
    "check that config.json belongs to these weights",
  );
}
