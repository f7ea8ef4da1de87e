/**
 * GPTQ and AWQ (GEMM order): a matrix turned, its inputs along the first dimension. `qweight` packs codes into 32-bit words,
 * GPTQ along the inputs and AWQ along the outputs, eight nibbles a word in the order 0 2 4 6 1 3 5 7; `scales` and packed
 * `qzeros` have a row a group of inputs. GPTQ's first format stores zero points less one; its `g_idx` has the group of every
 * input. Memory: the words of one matrix.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import { computedOf, type OpenedCodes } from "./computed.ts";
import type { QuantisedMatrix } from "./dequantised.ts";
import type { Quantisation } from "./methods.ts";
import { applyScales, finiteValues, type Shape } from "./scales.ts";
import { codeAt, groupsOfColumns, wordsOf } from "./words.ts";

const QWEIGHT = ".qweight";
const GPTQ_WIDTHS = [2, 3, 4, 8];
/** Place in a word of the nibble of every eighth output. */
const AWQ_ORDER = [0, 4, 1, 5, 2, 6, 3, 7];

/** How a method packs. */
interface Packing {
  readonly bits: number;
  /** inputs that share a scale; null: all */
  readonly group: number | null;
  readonly method: "gptq" | "awq";
  /** zero points are stored less one */
  readonly lessOne: boolean;
  /** inputs are in groups by what activations they meet */
  readonly isOrdered: boolean;
}

/** @throws LossyscopeError `model` where sizes contradict each other; `unsupported` for other widths and formats */
export function gptqMatrices(source: TensorSource, quantisation: Quantisation): QuantisedMatrix[] {
  const packing = packingOf(quantisation);
  return [...source.names()]
    .filter((name) => name.endsWith(QWEIGHT))
    .map((name) => matrix(source, name.slice(0, -QWEIGHT.length), packing));
}

function packingOf({ method, settings }: Quantisation): Packing {
  const bits = settings.bits ?? settings.w_bit;
  const size = settings.group_size ?? settings.q_group_size ?? 128;
  if (!(method === "awq" ? [4] : GPTQ_WIDTHS).includes(bits as number))
    throw new LossyscopeError(
      "unsupported",
      `the weights are ${method} codes of ${shown(bits)} bits`,
      `those of ${method === "awq" ? "4" : GPTQ_WIDTHS.join(", ")} bits are read`,
    );
  if (size !== -1 && !(Number.isSafeInteger(size) && (size as number) > 0))
    throw new LossyscopeError(
      "model",
      `the config's group_size is ${shown(size)}; expected a whole number above zero, or -1`,
      "check config.json",
    );
  const format = settings.checkpoint_format ?? settings.format ?? "gptq";
  return {
    bits: bits as number,
    group: size === -1 ? null : (size as number),
    method: method === "awq" ? "awq" : "gptq",
    lessOne: method !== "awq" && format === "gptq",
    isOrdered: settings.desc_act === true && size !== -1,
  };
}

/** Throws where a tensor is not there, or not of this shape. */
function hold(source: TensorSource, name: string, shape: readonly number[], matrix: string): void {
  const found = source.locate(name)?.shape;
  if (found?.join() === shape.join()) return;
  throw new LossyscopeError(
    "model",
    `${name} ${found ? `has shape [${found.join(", ")}]` : "is missing"}; ${matrix} takes [${shape.join(", ")}] by the config`,
    "check that config.json belongs to these weights",
  );
}

function matrix(source: TensorSource, module: string, packing: Packing): QuantisedMatrix {
  const { bits, method } = packing;
  const [qweight, qzeros, scale, order] = ["qweight", "qzeros", "scales", "g_idx"].map((part) => `${module}.${part}`);
  const stored = source.locate(qweight)!.shape;
  const isAwq = method === "awq";
  const [inputs, outputs] = isAwq
    ? [stored[0], (stored[1] * 32) / bits]
    : [Math.floor(((stored[0] ?? 0) * 32) / bits), stored[1]];
  if (stored.length !== 2 || inputs === 0 || outputs === 0)
    throw new LossyscopeError(
      "model",
      `${qweight} has shape [${stored.join(", ")}], which is that of no matrix`,
      "fetch the model again",
    );
  const columnsEach = packing.group ?? inputs;
  const groups = Math.ceil(inputs / columnsEach);
  const name = `${module}.weight`;
  const called = `${name} of ${count(outputs)} outputs and ${count(inputs)} inputs`;
  if (!isAwq) hold(source, qweight, [Math.ceil((inputs * bits) / 32), outputs], called);
  hold(source, qzeros, [groups, Math.ceil((outputs * bits) / 32)], called);
  hold(source, scale, [groups, outputs], called);
  const hasOrder = source.locate(order) !== undefined;
  if (hasOrder) hold(source, order, [inputs], called);
  if (hasOrder && isAwq)
    throw new LossyscopeError("unsupported", `${order} puts inputs in an order, which AWQ has none of`);
  const shape: Shape = [outputs, inputs];
  return {
    name,
    codes: qweight,
    parts: [qweight, qzeros, scale, ...(hasOrder ? [order] : [])],
    shape,
    ...(packing.isOrdered ? {} : computedOf({ columns: inputs, bits, columnsEach }, opened)),
    async open() {
      const { scales, read } = await opened();
      return async (from, to) => {
        const codes = Float32Array.from(await read(from, to));
        applyScales(codes, from, inputs, scales);
        return codes;
      };
    },
  };

  async function opened(): Promise<OpenedCodes> {
    const words = await wordsOf(source, qweight);
    const scales = {
      rowsEach: 1,
      columnsEach,
      shape: [outputs, groups] as const,
      values: turned(await finiteValues(source, scale)),
      zeros: turned(await zerosOf()),
      groupOf: hasOrder ? await groupsOfColumns(source, order, groups) : null,
    };
    const read = (from: number, to: number): Uint8Array => {
      const codes = new Uint8Array((to - from) * inputs);
      for (let output = from, i = 0; output < to; output++)
        for (let input = 0; input < inputs; input++)
          codes[i++] = isAwq ? nibble(words, input, output) : codeAt(words, output, outputs, input, bits);
      return codes;
    };
    return { scales, read };
  }

  /** [groups, outputs] → [outputs, groups] */
  function turned(values: Float32Array): Float32Array {
    return values.map((_, i) => values[(i % groups) * outputs + Math.floor(i / groups)]);
  }

  function nibble(words: Uint32Array, row: number, output: number): number {
    return (words[(row * outputs) / 8 + (output >> 3)] >>> (4 * AWQ_ORDER[output & 7])) & 15;
  }

  /**
   * [groups, outputs]
   * @throws LossyscopeError `unsupported` where one is the largest code, stored less one: some libraries make it 0 and
   *   some one more than any code
   */
  async function zerosOf(): Promise<Float32Array> {
    const words = await wordsOf(source, qzeros);
    const zeros = new Float32Array(groups * outputs);
    const rowWords = words.length / groups;
    for (let i = 0; i < zeros.length; i++) {
      const [group, output] = [Math.floor(i / outputs), i % outputs];
      zeros[i] = isAwq ? nibble(words, group, output) : codeAt(words, group * rowWords, 1, output, bits);
    }
    if (!packing.lessOne) return zeros;
    const most = 2 ** bits - 1;
    const wrapped = zeros.indexOf(most);
    if (wrapped >= 0)
      throw new LossyscopeError(
        "unsupported",
        `${qzeros} stores ${most} for output ${count(wrapped % outputs)}, a zero point that is ${most + 1} to some libraries and 0 to others`,
        "convert the model to gptq_v2",
      );
    return zeros.map((zero) => zero + 1);
  }
}
