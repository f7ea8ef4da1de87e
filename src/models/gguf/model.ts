/**
 * A GGUF file as a model: its config as the folder of the same model has it, its tensors by the folder's names, and the
 * spec. GGUF keeps some tensors otherwise than folders do, so that the spec says so instead of a tensor being written
 * again: norms with their one added (Gemma), Conv1D turned (GPT-2), fused projections in the order queries, keys,
 * values (GPT-NeoX, Falcon), and the rows of a head so that the two that turn together are neighbours (Llama).
 */
import { toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { specOf } from "../config.ts";
import type { OpenedGguf } from "../sources/gguf.ts";
import { equalTensors, type TensorSource } from "../sources/tensor-source.ts";
import type { DecoderSpec } from "../spec.ts";
import { ggufArchitecture } from "./architectures.ts";
import type { Tensors } from "./common.ts";
import { Keys } from "./keys.ts";
import { byFolderNames, folderNames } from "./names.ts";
import { refuseNoModel } from "./no-model.ts";
import { asStored } from "./stored.ts";

export interface GgufModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly spec: DecoderSpec;
  /** by the names of the folder */
  readonly weights: TensorSource;
}

/** Tensors that are read with the config: divisors of the rotation's frequencies. */
const DIVISORS = ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"] as const;
const MOST_DIVISORS = 1 << 16;
const HEAD = "output.weight";
const TABLE = "token_embd.weight";

/**
 * @throws LossyscopeError `unsupported` for an architecture or key that is not read, by name; `model` where metadata
 *   and tensors contradict each other; `io`
 */
export async function ggufModel({ metadata, source }: Pick<OpenedGguf, "metadata" | "source">): Promise<GgufModel> {
  refuseNoModel(metadata, !source.names()[Symbol.iterator]().next().done);
  const name = metadata.get("general.architecture");
  const architecture = ggufArchitecture(name);
  const keys = new Keys(metadata, String(name));
  const divisors = new Map<string, readonly number[]>();
  for (const tensor of DIVISORS) {
    const values = await numbersOf(source, tensor);
    if (values) divisors.set(tensor, values);
  }
  const tensors: Tensors = { locate: (tensor) => source.locate(tensor), numbers: (tensor) => divisors.get(tensor) };
  const stated = architecture.config(keys, tensors);
  const names = architecture.names(keys, tensors);
  keys.refuseOthers();
  const config = (await headIsTable(source)) ? { ...stated, tie_word_embeddings: true } : stated;
  const spec = asStored(specOf(config), {
    neighbours: architecture.neighbours ?? false,
    divisors: divisors.get("rope_freqs.weight"),
  });
  return { config, spec, weights: byFolderNames(source, names, new Set(DIVISORS)) };
}

/**
 * What the folder of a file's model calls every tensor of it, of a stack all that it holds; none of the divisors.
 * @throws LossyscopeError as `ggufModel`
 */
export function ggufNames({
  metadata,
  source,
}: Pick<OpenedGguf, "metadata" | "source">): ReadonlyMap<string, readonly string[]> {
  const name = metadata.get("general.architecture");
  const tensors: Tensors = { locate: (tensor) => source.locate(tensor), numbers: () => undefined };
  const names = ggufArchitecture(name).names(new Keys(metadata, String(name)), tensors);
  return folderNames(source, names, new Set(DIVISORS));
}

/**
 * Whether the head is the table once more: converters have written one for GPT-2. Reads as far as they are equal.
 * @param sampled as `equalTensors` has it
 */
export async function headIsTable(source: TensorSource, sampled = false): Promise<boolean> {
  if (!source.locate(HEAD) || !source.locate(TABLE)) return false;
  return equalTensors(source, HEAD, TABLE, sampled);
}

async function numbersOf(source: TensorSource, name: string): Promise<readonly number[] | undefined> {
  const tensor = source.locate(name);
  if (!tensor) return undefined;
  const numbers =
    tensor.dtype === "F32" && tensor.bytes <= 4 * MOST_DIVISORS
      ? [...toFloat32("F32", await source.read(name, 0, tensor.bytes))]
      : [];
  if (numbers.length > 0 && numbers.every((number) => Number.isFinite(number) && number > 0)) return numbers;
  throw new LossyscopeError(
    "model",
    `the tensor ${name}, ${tensor.dtype} of shape [${tensor.shape.join(", ")}], holds no divisors above zero`,
    "convert the model again",
  );
}
