/**
 * bitsandbytes. Of 4 bits: codes two a byte, the first in its upper half, along the whole matrix; `quant_map` has the value of
 * each, `absmax` the scale of every block of so many, itself in codes of a byte where it is nested: absmax = nested map ·
 * nested absmax + offset. `quant_state` says in JSON the shape and the sizes of blocks. Of 8 bits: whole numbers, of which
 * a row's 127 stands for its `SCB`. Products and sums are rounded to float32 where the library's are.
 */
import { parseJsonObject } from "../../formats/json.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import { finiteValues, type Shape } from "./scales.ts";

const STATE = /^(.*)\.quant_state\.bitsandbytes__(?:nf4|fp4)$/;
const SCB = ".SCB";
const MOST_STATE_BYTES = 1 << 16;
/** 1/127 as the library writes it. */
const OF_127 = Math.fround(7.874015718698502e-3);

interface State {
  readonly shape: Shape;
  readonly block: number;
  /** of `absmax`, where that is in codes */
  readonly nested: { readonly block: number; readonly offset: number } | null;
}

/** @throws LossyscopeError `model` where sizes contradict each other; `io` */
export async function bitsandbytesMatrices(source: TensorSource): Promise<QuantisedMatrix[]> {
  const matrices: QuantisedMatrix[] = [];
  for (const name of source.names()) {
    const [, weight] = STATE.exec(name) ?? [];
    if (weight !== undefined) matrices.push(fourBits(source, weight, name, await stateOf(source, name)));
    else if (name.endsWith(SCB)) matrices.push(await eightBits(source, name.slice(0, -SCB.length)));
  }
  return matrices;
}

const wrong = (what: string): LossyscopeError => new LossyscopeError("model", what, "fetch the model again");

/** Throws where a tensor is not there, or not of this type and shape; a shape of one size may be written as several. */
function hold(source: TensorSource, name: string, dtype: string, shape: readonly number[]): void {
  const found = source.locate(name);
  if (found?.dtype === dtype && found.shape.join() === shape.join()) return;
  const is = found ? `is ${found.dtype} of shape [${found.shape.join(", ")}]` : "is missing";
  throw wrong(`${name} ${is}; ${dtype} of shape [${shape.join(", ")}] is wanted`);
}

async function stateOf(source: TensorSource, name: string): Promise<State> {
  const { dtype, bytes } = source.locate(name)!;
  if (dtype !== "U8" || bytes > MOST_STATE_BYTES)
    throw wrong(`${name} is no JSON: ${dtype}, ${counted(bytes, "byte")} of it`);
  const text = new TextDecoder().decode(await source.read(name, 0, bytes));
  const state = parseJsonObject(text, (why) => wrong(`${name} ${why}`));
  const size = (key: string): number => {
    const value = state[key];
    if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
    throw wrong(`${name} says ${key} ${shown(value)}; a whole number above zero is wanted`);
  };
  const { shape, nested_offset: offset } = state;
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every((one) => Number.isSafeInteger(one) && one > 0))
    throw wrong(`${name} says shape ${shown(shape)}; the two sizes of a matrix are wanted`);
  if (offset !== undefined && !Number.isFinite(offset)) throw wrong(`${name} says nested_offset ${shown(offset)}`);
  return {
    shape: [shape[0], shape[1]],
    block: size("blocksize"),
    nested: offset === undefined ? null : { block: size("nested_blocksize"), offset: Math.fround(offset as number) },
  };
}

function fourBits(source: TensorSource, name: string, state: string, { shape, block, nested }: State): QuantisedMatrix {
  const [rows, columns] = shape;
  const bytes = Math.ceil((rows * columns) / 2);
  const blocks = Math.ceil((rows * columns) / block);
  const part = (called: string): string => `${name}.${called}`;
  const stored = source.locate(name);
  if (stored?.bytes !== bytes)
    throw wrong(
      `${name} ${stored ? `has ${counted(stored.bytes, "byte")}` : "is missing"}; [${shape.join(", ")}] codes of 4 bits take ${count(bytes)}`,
    );
  hold(source, part("quant_map"), "F32", [16]);
  hold(source, part("absmax"), nested ? "U8" : "F32", [blocks]);
  if (nested) {
    hold(source, part("nested_absmax"), "F32", [Math.ceil(blocks / nested.block)]);
    hold(source, part("nested_quant_map"), "F32", [256]);
  }
  return {
    name,
    codes: name,
    parts: [
      ...[name, state, part("quant_map"), part("absmax")],
      ...(nested ? [part("nested_absmax"), part("nested_quant_map")] : []),
    ],
    shape,
    async open() {
      const map = await finiteValues(source, part("quant_map"));
      const scales = nested ? await unnested(nested) : await finiteValues(source, part("absmax"));
      return async (from, to) => {
        const [first, end] = [from * columns, to * columns];
        const start = Math.floor(first / 2);
        const codes = await source.read(name, start, Math.ceil(end / 2));
        const values = new Float32Array(end - first);
        for (let i = first; i < end; i++) {
          const byte = codes[Math.floor(i / 2) - start];
          values[i - first] = map[i % 2 === 0 ? byte >> 4 : byte & 15] * scales[Math.floor(i / block)];
        }
        return values;
      };
    },
  };

  async function unnested({ block: each, offset }: NonNullable<State["nested"]>): Promise<Float32Array> {
    const codes = await source.read(part("absmax"), 0, blocks);
    const map = await finiteValues(source, part("nested_quant_map"));
    const scales = await finiteValues(source, part("nested_absmax"));
    return Float32Array.from(codes, (code, i) => Math.fround(map[code] * scales[Math.floor(i / each)]) + offset);
  }
}

async function eightBits(source: TensorSource, module: string): Promise<QuantisedMatrix> {
  const [name, scale, format] = ["weight", "SCB", "weight_format"].map((part) => `${module}.${part}`);
  const stored = source.locate(name);
  if (stored?.dtype !== "I8" || stored.shape.length !== 2)
    throw wrong(
      `${name} is ${stored ? `${stored.dtype} of shape [${stored.shape.join(", ")}]` : "missing"}; a matrix of I8 is wanted`,
    );
  const [rows, columns] = stored.shape;
  hold(source, scale, "F32", [rows]);
  const order = source.locate(format);
  if (order && (order.bytes !== 1 || (await source.read(format, 0, 1))[0] !== 0))
    throw new LossyscopeError(
      "unsupported",
      `${name} is in an order for tensor cores (${format})`,
      "save the model again by a bitsandbytes of 0.45 or later",
    );
  return {
    name,
    codes: name,
    parts: [name, scale, ...(order ? [format] : [])],
    shape: [rows, columns],
    async open() {
      const scales = await finiteValues(source, scale);
      return async (from, to) => {
        const bytes = await source.read(name, from * columns, to * columns);
        return Float32Array.from(
          new Int8Array(bytes.buffer),
          (code, i) => Math.fround(code * scales[from + Math.floor(i / columns)]) * OF_127,
        );
      };
    },
  };
}
