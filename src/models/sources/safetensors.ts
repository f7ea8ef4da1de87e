/** Weights in safetensors: one file, or shards, as one source. Headers are read once; memory about 200 bytes a tensor. */
import { realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { mapAtMost } from "../../files/concurrent.ts";
import { ioFault, systemCode } from "../../files/faults.ts";
import { openSafetensors } from "../../files/safetensors.ts";
import type { TensorEntry } from "../../formats/safetensors.ts";
import { counted } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type StoredTensor, type TensorSource, tensorsInFiles } from "./tensor-source.ts";

const OPENED_AT_ONCE = 16;

export interface WeightFile {
  /** as the folder calls it */
  readonly name: string;
  /** absolute, links resolved */
  readonly path: string;
  readonly bytes: number;
}

/** A file whose header was read. */
export interface Shard {
  readonly file: WeightFile;
  readonly entries: Iterable<TensorEntry>;
  /** tensors that the index places in it */
  readonly expected: readonly string[];
}

/**
 * @param shards files of the folder by name, each with the tensors that the index places in it
 * @throws LossyscopeError `model` where a file is missing or unsound, and as `gatherTensors` does; `io`
 */
export async function openShards(
  folder: string,
  shards: ReadonlyMap<string, readonly string[]>,
): Promise<{ readonly source: TensorSource; readonly weightFiles: readonly WeightFile[] }> {
  const opened = await mapAtMost(OPENED_AT_ONCE, [...shards], ([name, tensors]) => openShard(folder, name, tensors));
  return { source: gatherTensors(opened), weightFiles: opened.map(({ file }) => file) };
}

async function openShard(folder: string, name: string, expected: readonly string[]): Promise<Shard> {
  const path = await realpath(join(folder, name)).catch((error) => {
    if (systemCode(error) !== "ENOENT") throw ioFault(error, `read ${join(folder, name)}`);
    throw new LossyscopeError(
      "model",
      `${folder} lacks ${name}${expected.length > 0 ? `, which holds ${counted(expected.length, "tensor")}` : ""}`,
      "fetch the model again",
    );
  });
  const file = await openSafetensors(path);
  await file.close();
  return { file: { name, path, bytes: file.bytes }, entries: file.header.tensors.values(), expected };
}

/**
 * All tensors of a model's files as one source.
 * @throws LossyscopeError `model` where a tensor is in two files, or not in the file that the index says
 */
export function gatherTensors(shards: readonly Shard[]): TensorSource {
  const tensors = new Map<string, StoredTensor>();
  for (const { file, entries, expected } of shards) {
    for (const { name, dtype, shape, begin, end } of entries) {
      const other = tensors.get(name);
      if (other) {
        throw new LossyscopeError(
          "model",
          `tensor ${name} is in ${basename(other.file)} and in ${file.name}`,
          "fetch the model again",
        );
      }
      tensors.set(name, { dtype, shape, file: file.path, offset: begin, bytes: end - begin });
    }
    for (const name of expected) {
      if (tensors.get(name)?.file === file.path) continue;
      throw new LossyscopeError(
        "model",
        `the index places tensor ${name} in ${file.name}, which does not have it`,
        "fetch the model again",
      );
    }
  }
  return tensorsInFiles(tensors);
}
