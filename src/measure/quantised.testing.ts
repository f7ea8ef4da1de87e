/** Folders of one model, its matrices rounded to what a format stores: quantised, and as the values that this stands for. */
import { join } from "node:path";
import { openSafetensors, type TensorContent, writeSafetensors } from "../files/safetensors.ts";
import type { TensorShape } from "../formats/safetensors.ts";
import { editJson, writeModel } from "./model.testing.ts";

export interface Rounded {
  readonly parts: readonly TensorContent[];
  /** what they stand for, row-major */
  readonly values: Float32Array;
}

/** @returns undefined for what stays as it is */
export type Rounding = (name: string, shape: readonly number[], values: Float32Array) => Rounded | undefined;

/** @returns folders: quantised, and plain */
export async function writeQuantised(
  at: string,
  settings: Readonly<Record<string, unknown>>,
  round: Rounding,
  config: Readonly<Record<string, unknown>> = {},
): Promise<readonly [quantised: string, plain: string]> {
  const folders = [join(at, "quantised"), join(at, "plain")] as const;
  for (const folder of folders) await writeModel(folder, { config });
  const path = join(folders[1], "model.safetensors");
  const file = await openSafetensors(path);
  const quantised: TensorContent[] = [];
  const plain: TensorContent[] = [];
  for (const { name, shape } of file.header.tensors.values()) {
    const values = (await file.read(name)) as Float32Array;
    const rounded = shape.length === 2 && !/embed|lm_head/.test(name) ? round(name, shape, values) : undefined;
    const whole = { name, dtype: "F32", shape } satisfies TensorShape;
    quantised.push(...(rounded?.parts ?? [{ ...whole, data: values }]));
    plain.push({ ...whole, data: rounded?.values ?? values });
  }
  await file.close();
  await writeSafetensors(join(folders[0], "model.safetensors"), quantised);
  await writeSafetensors(path, plain);
  editJson(folders[0], "config.json", (json) => Object.assign(json, { quantization_config: settings }));
  return folders;
}
