/**
 * A point as a folder in the Hugging Face layout: the values that it stands for, in float32 or a type that was asked for, or
 * codes under scales as compressed-tensors packs them, with the original's config and its other files.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TensorContent, writeSafetensors } from "../../../files/safetensors.ts";
import { openFolder } from "../../../references/folder.ts";
import { namesFor } from "../rates.ts";
import { valuesOf } from "../weights.ts";
import { asWritten, type Chosen, TORCH_NAMES, valueBytes, valueType, type Written } from "./chosen.ts";
import { type Packable, packable, packedTensors, quantisationConfig } from "./packed.ts";

export const WEIGHTS = "model.safetensors";
/** Weights of any kind, and lists of them: none of the original's is copied. */
export const NOT_COPIED = /(?:\.(?:safetensors|bin|pt|pth|h5|msgpack|onnx|gguf)|\.index\.json)$/;
/** What a config says of how weights are quantised. */
export const QUANTISED = ["quantization_config", "compression_config", "quantization"];

/**
 * @param folder of the original
 * @param out a folder that is not there
 * @param isPacked whether the matrices of the blocks are written as codes
 * @throws LossyscopeError `io`; `model` where what was written does not open, or a value is beyond its type
 */
export async function writeFolder(chosen: Chosen, folder: string, out: string, isPacked: boolean): Promise<Written> {
  const { point, spec, weights, dtype } = chosen;
  const packed = isPacked ? packable(chosen) : new Map<string, Packable>();
  await mkdir(out, { recursive: true });
  for (const name of await readdir(folder, { withFileTypes: true }))
    if (name.isFile() && !NOT_COPIED.test(name.name) && name.name !== "config.json")
      await copyFile(join(folder, name.name), join(out, name.name));
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  for (const key of QUANTISED) delete config[key];
  const type = TORCH_NAMES[dtype ?? "F32"];
  if ("torch_dtype" in config || !("dtype" in config)) config.torch_dtype = type;
  if ("dtype" in config) config.dtype = type;
  if (isPacked) config.quantization_config = quantisationConfig(spec, packed);
  await writeFile(join(out, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const tensors: TensorContent[] = [];
  for (const name of namesFor(spec, weights)) {
    const matrix = packed.get(name);
    if (matrix) tensors.push(...packedTensors(chosen, name, matrix));
    else
      tensors.push({
        ...{ name, dtype: valueType(chosen, name), shape: weights.locate(name)!.shape },
        data: valueBytes(chosen, name),
      });
  }
  await writeSafetensors(join(out, WEIGHTS), tensors, { format: "pt", squeezed: point });
  const model = await openFolder(out, { name: point, revision: null });
  return {
    model,
    async expected(name) {
      const values = await valuesOf(weights, name);
      return packed.has(name) ? values : asWritten(chosen, name, values);
    },
  };
}
