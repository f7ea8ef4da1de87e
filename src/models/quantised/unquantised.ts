/**
 * A folder's weights as the values that they stand for, however its config says they are quantised, and what is to be said
 * of that. Exact is what the format defines of the weights; what it rounds as the model runs (activations, the keys and
 * values kept) is not part of the weights, and stays float32 here.
 */
import { isFloat8 } from "../../formats/float8.ts";
import type { Dtype } from "../../formats/tensor-types.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { type MatrixKind, matrixKinds } from "../gguf/kinds.ts";
import type { StoredTensor, TensorSource } from "../sources/tensor-source.ts";
import { bitsandbytesMatrices } from "./bitsandbytes.ts";
import { dequantised, type QuantisedMatrix } from "./dequantised.ts";
import { gptqMatrices } from "./gptq.ts";
import { groupsOf, type Quantisation, quantisationOf, refuseUnread } from "./methods.ts";
import { mxfp4Matrices } from "./mxfp4.ts";
import { nvfp4Matrices } from "./nvfp4.ts";
import { packedMatrices } from "./packed.ts";
import { scaledMatrices } from "./scaled.ts";

export interface Unquantised {
  /** its `stored` are the tensors given, where some are computed from them */
  readonly weights: TensorSource;
  readonly notes: readonly string[];
  readonly matrices: readonly QuantisedMatrix[];
}

/** Scales of what is rounded as the model runs. */
const RUNNING = /(?:^|\.)(?:(?:input|output|activation|prob|q|k|v)_(?:scale|zero_point|global_scale)|input_scale_ub)$/;
/** Those of them that are of keys and values as they are kept. */
const KEPT = /(?:^|\.)[kv]_(?:scale|zero_point|global_scale)$/;

/**
 * @param config the text model's
 * @param placed names that the model has a place for
 * @throws LossyscopeError `unsupported` for what is not read, by name; `model` where tensors and settings contradict
 *   each other
 */
export async function unquantised(
  config: Readonly<Record<string, unknown>>,
  stored: TensorSource,
  placed: ReadonlySet<string> = new Set(),
): Promise<Unquantised> {
  const quantisation = quantisationOf(config);
  if (!quantisation) return { weights: stored, notes: plain(stored), matrices: [] };
  refuseUnread(config);
  const matrices = await matricesOf(quantisation, stored);
  const running = new Set([...stored.names()].filter((name) => RUNNING.test(name)));
  const left = new Set([...running, ...(await idleBiases(quantisation, stored, matrices, placed))]);
  return {
    weights: dequantised(stored, matrices, left),
    notes: notesOf(quantisation, stored, matrices, running),
    matrices,
  };
}

/** Biases that AutoGPTQ wrote beside every matrix, where the model has none: all zero, else they are not left out. */
async function idleBiases(
  { method }: Quantisation,
  stored: TensorSource,
  matrices: readonly QuantisedMatrix[],
  placed: ReadonlySet<string>,
): Promise<readonly string[]> {
  const idle: string[] = [];
  if (method !== "gptq") return idle;
  for (const { name, shape } of matrices) {
    const bias = name.replace(/weight$/, "bias");
    const tensor = stored.locate(bias);
    if (!tensor || placed.has(bias) || tensor.shape.join() !== String(shape[0])) continue;
    if ((await stored.read(bias, 0, tensor.bytes)).every((byte) => byte === 0)) idle.push(bias);
  }
  return idle;
}

async function matricesOf(quantisation: Quantisation, stored: TensorSource): Promise<readonly QuantisedMatrix[]> {
  switch (quantisation.method) {
    case "gptq":
    case "awq":
      return gptqMatrices(stored, quantisation);
    case "bitsandbytes":
      return bitsandbytesMatrices(stored);
    case "mxfp4":
      return mxfp4Matrices(stored);
    case "compressed-tensors":
      return [
        ...scaledMatrices(stored, quantisation),
        ...(await packedMatrices(stored, quantisation)),
        ...nvfp4Matrices(stored),
      ];
    default:
      return scaledMatrices(stored, quantisation);
  }
}

export interface StoredKinds extends Omit<Unquantised, "matrices"> {
  readonly matrices: readonly MatrixKind[];
  /** how a tensor is stored, its matrices by the method */
  readonly typeOf: (name: string, tensor: Pick<StoredTensor, "dtype">) => string;
}

/** A folder's weights with what its matrices are stored as; null where none is quantised, or how they are is not read. */
export async function storedKinds(
  config: Readonly<Record<string, unknown>>,
  stored: TensorSource,
): Promise<StoredKinds | null> {
  try {
    const { matrices, ...read } = await unquantised(config, stored);
    if (matrices.length === 0) return null;
    const byName = new Map(matrices.map((matrix) => [matrix.name, matrix]));
    const kinds = matrixKinds(read.weights, (name) => {
      const matrix = byName.get(name);
      if (!matrix) return stored.locate(name)!;
      const { dtype } = stored.locate(matrix.codes)!;
      return { dtype, bytes: sum(matrix.parts.map((part) => stored.locate(part)!.bytes)) };
    });
    const { method } = quantisationOf(config)!;
    return { ...read, matrices: kinds, typeOf: (name, { dtype }) => (byName.has(name) ? method : dtype) };
  } catch (error) {
    if (error instanceof LossyscopeError && error.fault !== "io") return null;
    throw error;
  }
}

const listed = (types: Iterable<Dtype>): string => [...new Set(types)].join(", ");

/** Of 8-bit floats that nothing scales. */
function plain(stored: TensorSource): readonly string[] {
  const types = [...stored.names()].map((name) => stored.locate(name)!.dtype).filter(isFloat8);
  return types.length === 0 ? [] : [`stored as ${listed(types)} without scales, and run as float32`];
}

function notesOf(
  quantisation: Quantisation,
  stored: TensorSource,
  matrices: readonly QuantisedMatrix[],
  running: ReadonlySet<string>,
): readonly string[] {
  if (matrices.length === 0) return [`${quantisation.key} names ${quantisation.method}, and no weight is quantised`];
  const types = matrices.map(({ codes }) => stored.locate(codes)!.dtype);
  return [
    `stored as ${listed(types)} with scales (${quantisation.method}), and run as ${runAs(matrices)}`,
    ...([...running].some((name) => !KEPT.test(name)) || roundsActivations(quantisation)
      ? ["activations stay float32, where the format rounds them as the model runs"]
      : []),
    ...([...running].some((name) => KEPT.test(name)) || quantisation.settings.kv_cache_scheme != null
      ? ["keys and values stay float32, where the format keeps them in fewer bits"]
      : []),
  ];
}

/** What the runtime has of them: it multiplies by codes under the scales of groups, and by nothing else that is quantised. */
function runAs(matrices: readonly QuantisedMatrix[]): string {
  const values = "the float32 values these stand for";
  const asCodes = matrices.filter(({ computed }) => computed).length;
  if (asCodes === 0) return values;
  const rest = matrices.length - asCodes;
  if (rest === 0) return "codes under these";
  return `codes under these, ${count(rest)} of ${count(matrices.length)} matrices as ${values}`;
}

/** Methods whose activations are as the model has them; bitsandbytes rounds them where weights are of 8 bits. */
const WEIGHTS_ALONE = ["awq", "gptq", "mxfp4"];

function roundsActivations({ method, settings }: Quantisation): boolean {
  if (method === "bitsandbytes") return settings.load_in_8bit === true;
  if (method !== "compressed-tensors") return !WEIGHTS_ALONE.includes(method);
  return groupsOf(settings).some(({ input_activations: given }) => given !== undefined && given !== null);
}
