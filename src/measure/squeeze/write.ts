/**
 * A point as a folder that transformers reads: the values that it stands for in float32, everything that was left in its own
 * type, and the original's other files. What was written is opened again and read beside the original before it is called
 * written.
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ioFault } from "../../files/faults.ts";
import { writeSafetensors } from "../../files/safetensors.ts";
import type { PlainDtype } from "../../formats/tensor-types.ts";
import { piecesOf, type TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Model } from "../../ports/model.ts";
import { openFolder } from "../../references/folder.ts";
import { namesFor } from "./rates.ts";
import { valuesOf } from "./weights.ts";

const WEIGHTS = "model.safetensors";
/** Weights of any kind, and lists of them: none of the original's is copied. */
const NOT_COPIED = /(?:\.(?:safetensors|bin|pt|pth|h5|msgpack|onnx|gguf)|\.index\.json)$/;

/** @throws LossyscopeError `unsupported` where the original is no folder, or holds more than its text model */
export function refuseUnwritable({ name, folder, aside, runs }: Model, point: string): string {
  if (runs.kind !== "decoder" || folder === null)
    throw new LossyscopeError(
      "unsupported",
      `${name} is no folder in the Hugging Face layout, whose config and tokenizer ${point} could be written beside`,
      "name the model's folder",
    );
  if (aside.length > 0)
    throw new LossyscopeError(
      "unsupported",
      `${name} holds more than a text model (${aside.map((one) => one.name).join(", ")}), which would be lost`,
      "name a model of text alone",
    );
  return folder;
}

/**
 * Writes the weights of a point, and opens them.
 * @param weights as `SqueezedWeights.make` gives them
 * @param out a folder that is not there, or empty
 * @throws LossyscopeError as `refuseUnwritable`; `usage` where something is in the folder; `io`; `model` where what was
 *   written does not open. Nothing is left then.
 */
export async function writePoint(
  model: Model,
  point: string,
  { spec, weights }: { readonly spec: DecoderSpec; readonly weights: TensorSource },
  out: string,
  signal?: AbortSignal,
): Promise<Model> {
  const folder = refuseUnwritable(model, point);
  await refuseFilled(out);
  try {
    await mkdir(out, { recursive: true });
    for (const name of await readdir(folder, { withFileTypes: true }))
      if (name.isFile() && !NOT_COPIED.test(name.name) && name.name !== "config.json")
        await copyFile(join(folder, name.name), join(out, name.name));
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
    for (const key of ["quantization_config", "compression_config", "quantization"]) delete config[key];
    if ("torch_dtype" in config || !("dtype" in config)) config.torch_dtype = "float32";
    if ("dtype" in config) config.dtype = "float32";
    await writeFile(join(out, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
    const tensors = [...namesFor(spec, weights)].map((name) => {
      const { dtype, shape, isComputed } = weights.locate(name)!;
      return isComputed
        ? { name, shape, dtype: "F32" as const, data: computed(weights, name, signal) }
        : { name, shape, dtype: dtype as PlainDtype, data: piecesOf(weights, name, signal) };
    });
    await writeSafetensors(join(out, WEIGHTS), tensors, { format: "pt", squeezed: point });
    return await openFolder(out, { name: point, revision: null });
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    throw ioFault(error, `write the folder ${out}`);
  }
}

async function* computed(weights: TensorSource, name: string, signal?: AbortSignal): AsyncGenerator<Float32Array> {
  yield await valuesOf(weights, name, signal);
}

/** @throws LossyscopeError `usage` where something is there */
export async function refuseFilled(out: string): Promise<void> {
  const there = await readdir(out).catch(() => []);
  if (there.length > 0)
    throw new LossyscopeError("usage", `the folder ${out} is not empty (${there[0]})`, "name another one for --write");
}
