/**
 * Weights in GGUF: one file, or a model split over files that are numbered in their names (`-00001-of-00003.gguf`), as
 * one source of tensors by the names that GGUF has for them. Headers are read once; memory about 200 bytes a tensor,
 * and the metadata.
 */
import { basename, dirname, join } from "node:path";
import { mapAtMost } from "../../files/concurrent.ts";
import { systemCode } from "../../files/faults.ts";
import { type GgufFile, readGgufFile } from "../../files/gguf.ts";
import { readRange } from "../../files/ranges.ts";
import type { GgufValue } from "../../formats/gguf/values.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { WeightFile } from "./safetensors.ts";
import { type StoredTensor, type TensorSource, tensorsInFiles } from "./tensor-source.ts";
import { turned } from "./turned.ts";

const OPENED_AT_ONCE = 16;
const MOST_PARTS = 1_000;
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

export interface OpenedGguf {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** by the names that the file has for them */
  readonly source: TensorSource;
  readonly weightFiles: readonly WeightFile[];
}

/** Where files lie: on the disk, or elsewhere. */
export interface GgufPlace {
  /** header of a file */
  readonly open: (path: string) => Promise<GgufFile>;
  /** bytes of a file, by the path that its header came with */
  readonly read: (path: string, offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>;
}

const DISK: GgufPlace = { open: readGgufFile, read: readRange };

/**
 * @param path of the file, or of any part of a split model
 * @throws LossyscopeError `model` where a part is missing, of another model or there twice, or a header is not sound;
 *   `io`; what the place throws
 */
export async function openGguf(path: string, place: GgufPlace = DISK): Promise<OpenedGguf> {
  const parts = partsOf(path);
  const files = await mapAtMost(OPENED_AT_ONCE, parts, (part) =>
    place.open(part).catch((error) => {
      if (parts.length === 1 || systemCode((error as Error).cause) !== "ENOENT") throw error;
      throw new LossyscopeError(
        "model",
        `${basename(path)} is of a model in ${counted(parts.length, "part")}, of which ${basename(part)} is missing`,
        "fetch all of its parts into one folder",
      );
    }),
  );
  checkParts(path, files);
  checkModel(files);
  const tensors = new Map<string, StoredTensor>();
  for (const [index, { path: file, header }] of files.entries()) {
    for (const { name, dtype, shape, begin, end } of header.tensors.values()) {
      const other = tensors.get(name);
      if (other)
        throw new LossyscopeError(
          "model",
          `tensor ${shown(name)} is in ${basename(other.file)} and in ${basename(parts[index])}`,
          "fetch the model again",
        );
      const isTurned = header.byteOrder === "big";
      tensors.set(name, { dtype, shape, file, offset: begin, bytes: end - begin, ...(isTurned && { isTurned }) });
    }
  }
  checkTotal(path, files, tensors.size);
  const source = tensorsInFiles(tensors, place.read);
  return {
    metadata: files[0].header.metadata,
    source: files.some(({ header }) => header.byteOrder === "big") ? turned(source) : source,
    weightFiles: files.map(({ path: file, bytes }, index) => ({ name: basename(parts[index]), path: file, bytes })),
  };
}

/** All parts of the model that a file is of, by its name, in order. */
function partsOf(path: string): readonly string[] {
  const match = PART.exec(basename(path));
  if (!match) return [path];
  const [, stem, number, of] = match;
  const parts = Number(of);
  if (parts < 1 || parts > MOST_PARTS || Number(number) < 1 || Number(number) > parts)
    throw new LossyscopeError(
      "model",
      `${basename(path)} calls itself part ${Number(number)} of ${parts}`,
      "give the file the name it was published under",
    );
  return Array.from({ length: parts }, (_, index) =>
    join(dirname(path), `${stem}-${String(index + 1).padStart(5, "0")}-of-${of}.gguf`),
  );
}

/** A number of the split's own keys. @param absent what it means not to have it */
function splitNumber({ header }: GgufFile, key: string, absent: number, path: string): number {
  const value = header.metadata.get(key) ?? absent;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new LossyscopeError("model", `${path}: its ${key} is ${shown(value)}`, "fetch the file again");
}

/** Holds that every file is the part that its name says. */
function checkParts(path: string, files: readonly GgufFile[]): void {
  for (const [index, file] of files.entries()) {
    const parts = splitNumber(file, "split.count", 1, path) || 1;
    const number = splitNumber(file, "split.no", 0, path);
    if (parts === files.length && number === index) continue;
    const called = files.length === 1 ? "the only one" : `part ${count(index + 1)} of ${count(files.length)}`;
    throw new LossyscopeError(
      "model",
      `${basename(file.path)} is by its name ${called}, and says that it is part ` +
        `${count(number + 1)} of ${count(parts)}`,
      "give the parts the names they were published under, -00001-of-… and so on, in one folder",
    );
  }
}

/** What every part says of its model, where it says it. */
const OF_THE_MODEL = ["general.architecture", "general.name", "general.basename", "general.size_label"] as const;

/** Holds that no part says that it is of another model than the first. */
function checkModel(files: readonly GgufFile[]): void {
  const [first, ...others] = files;
  for (const other of others)
    for (const key of OF_THE_MODEL) {
      const [one, two] = [first, other].map(({ header }) => header.metadata.get(key));
      if (one === undefined || two === undefined || one === two) continue;
      throw new LossyscopeError(
        "model",
        `${basename(other.path)} is of another model than ${basename(first.path)}: its ${key} is ${shown(two)}, not ${shown(one)}`,
        "fetch all parts of one model into one folder",
      );
    }
}

/** Holds that the parts have as many tensors together as they say. */
function checkTotal(path: string, files: readonly GgufFile[], found: number): void {
  for (const file of files) {
    const total = splitNumber(file, "split.tensors.count", found, path);
    if (total === found) continue;
    throw new LossyscopeError(
      "model",
      `${basename(file.path)} is of a model of ${counted(total, "tensor")}, its parts hold ${count(found)}`,
      "fetch all of its parts again",
    );
  }
}
