/**
 * Weights for a config that nobody has trained: every tensor that the spec names, drawn from a seed as transformers
 * initialises them: matrices N(0, `initializer_range`), biases 0, norm scales the identity. Such a model knows nothing;
 * it is the zero point of every figure, and what stands in where only the shape of a model matters (demo, benchmarks).
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { fromFloat32 } from "../formats/tensor-types.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { specOf } from "./config.ts";
import type { NormSpec, TensorSlot } from "./spec.ts";

export interface UntrainedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** values in row-major order; made when asked for, so that only one tensor is in memory at a time */
  values(): Float32Array;
}

type Fill = "normal" | "zero" | "one";

function* slots(node: unknown, fill: Fill): Generator<[TensorSlot, Fill]> {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const item of node) yield* slots(item, fill);
    return;
  }
  if ("names" in node && "shape" in node) {
    yield [node as TensorSlot, fill];
    return;
  }
  const identity: Fill = (node as Partial<NormSpec>).scalePlusOne ? "zero" : "one";
  for (const [key, value] of Object.entries(node)) {
    yield* slots(value, key === "bias" ? "zero" : key === "scale" || key === "scales" ? identity : "normal");
  }
}

/**
 * Draws the tensors of a model that nobody has trained.
 * @param config a Hugging Face config.json, parsed
 * @returns every tensor of the model once, under the first of its names
 * @throws LossyscopeError `unsupported` as `specOf` does
 */
export function untrainedTensors(config: Record<string, unknown>, seed: number): UntrainedTensor[] {
  const deviation = config.initializer_range ?? 0.02;
  if (typeof deviation !== "number" || !(deviation >= 0)) {
    throw new LossyscopeError("model", `initializer_range is ${shown(deviation)}, not a non-negative number`);
  }
  const tensors = new Map<string, UntrainedTensor>();
  for (const [{ names, shape }, fill] of slots(specOf(config), "normal")) {
    const name = names[0];
    if (tensors.has(name)) continue;
    tensors.set(name, {
      name,
      shape,
      values() {
        const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
        if (fill === "one") values.fill(1);
        if (fill === "normal") {
          const generator = random(seed, "weights", name);
          for (let i = 0; i < values.length; i++) values[i] = deviation * generator.normal();
        }
        return values;
      },
    });
  }
  return [...tensors.values()];
}

/** What `torch_dtype` (older) or `dtype` of a config calls the type that the weights are stored in. */
export const STORED_AS = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

export type StoredDtype = keyof typeof STORED_AS;

const isStored = (name: string): name is StoredDtype => Object.hasOwn(STORED_AS, name);

/**
 * Writes `config.json` and `model.safetensors`, in the config's own float type, of such a model into a folder, one tensor
 * in memory at a time. The tokenizer is the caller's.
 * @throws LossyscopeError as `untrainedTensors`; `io` where the disk refuses
 */
export async function writeUntrained(folder: string, config: Record<string, unknown>, seed: number): Promise<void> {
  const named = String(config.dtype ?? config.torch_dtype ?? "float32");
  if (!isStored(named))
    throw new LossyscopeError("model", `weights cannot be written as ${named}`, "use float32, bfloat16 or float16");
  const dtype = STORED_AS[named];
  const tensors = untrainedTensors(config, seed).map(({ name, shape, values }) => ({
    name,
    shape,
    dtype,
    data: (function* () {
      yield fromFloat32(dtype, values());
    })(),
  }));
  await mkdir(folder, { recursive: true });
  await writeAtomic(join(folder, "config.json"), JSON.stringify(config, null, 2));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}
