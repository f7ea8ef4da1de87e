/**
 * A point written out: a folder that transformers reads, in values or in codes that compressed-tensors reads, or a GGUF file
 * that llama.cpp reads. What was written lies under a name of its own beside the place until it was opened again, every
 * tensor held against the point's to the last bit, and the text read with it beside the original; then it is renamed. Whatever
 * ends the run before leaves nothing.
 *
 * Disk: what is written, said before the run where it does not fit.
 */
import { mkdir, readdir, rename, rm, rmdir, stat, statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ioFault, systemCode } from "../../files/faults.ts";
import { removeAtExit } from "../../files/temporary.ts";
import { dtypeBits } from "../../formats/tensor-types.ts";
import type { ModelMatrix } from "../../models/matrices.ts";
import { sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError, unreachable } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { type Model, requireDecoder } from "../../ports/model.ts";
import type { Kept } from "../../squeeze/matrix.ts";
import type { Transform } from "../../squeeze/transform.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { namesFor } from "./rates.ts";
import { nameIn, valuesOf } from "./weights.ts";
import { type Chosen, valueType, type Written } from "./writing/chosen.ts";
import { writeFolder } from "./writing/folder.ts";
import { blocksFor, refuseUnwritableGguf, writeGguf } from "./writing/gguf.ts";
import { refuseUnpackable } from "./writing/packed.ts";
import { writeTrimmed } from "./writing/trimmed.ts";

/** What a point may be written as. */
export const WRITE_FORMATS = ["safetensors", "compressed-tensors", "gguf"] as const;
export type WriteFormat = (typeof WRITE_FORMATS)[number];

export interface WriteRequest {
  /** name of the point */
  readonly point: string;
  /** a folder, or a file that ends in .gguf */
  readonly path: string;
  readonly format: WriteFormat;
  /** type of what is written as values; null: float32 for what the point changes, all else as it was */
  readonly dtype: Kept | null;
}

/** What a place is written as where nothing else is said. */
export const formatOf = (path: string): WriteFormat => (/\.gguf$/i.test(path) ? "gguf" : "safetensors");

/** What a point without the tokens that nothing needs is called. */
export const TRIMMED = "trim";

type Jobs = ReadonlyMap<ModelMatrix, Transform>;

/**
 * Refuses, before anything is read, what could not be written, or nowhere.
 * @param jobs what becomes of the matrices, as far as that is known: of a plan that is not made yet each of its types in turn
 * @throws LossyscopeError `unsupported` where the model or the point has no such form; `usage` where the place is taken or has
 *   another name; `io` where the disk is too small
 */
export async function refuseUnwritable(model: Model, write: WriteRequest, jobs: readonly Jobs[]): Promise<void> {
  const { point, path, format, dtype } = write;
  const { spec, weights: original } = requireDecoder(model, "squeezing");
  if ((format === "gguf") !== (formatOf(path) === "gguf"))
    throw new LossyscopeError(
      "usage",
      format === "gguf" ? `${path} does not end in .gguf` : `${path} is called as a GGUF file, --format says ${format}`,
      format === "gguf" ? "name a file that does" : "name a folder, or pass --format gguf",
    );
  if (format === "gguf") await refuseUnwritableGguf({ model, spec, original });
  else folderOf(model, write);
  if (point === TRIMMED && format !== "safetensors")
    throw new LossyscopeError(
      "unsupported",
      `a trimmed vocabulary is not written as ${format}`,
      "name a folder, and make of that what is wanted",
    );
  if (format === "compressed-tensors") for (const own of jobs) refuseUnpackable(own);
  await refuseTaken(path);
  const needed = jobs.map((own) => bytesOf({ spec, original, jobs: own, format, dtype }));
  if (needed.length > 0) await refuseFull(path, Math.min(...needed));
}

/** The folder of a model in the Hugging Face layout. */
function folderOf({ name, folder, aside }: Model, { point, format }: WriteRequest): string {
  if (folder === null)
    throw new LossyscopeError(
      "unsupported",
      `${name} is no folder in the Hugging Face layout, whose config and tokenizer ${point} could be written beside as ${format}`,
      "name a file that ends in .gguf, or the model's folder",
    );
  if (aside.length > 0)
    throw new LossyscopeError(
      "unsupported",
      `${name} holds more than a text model (${aside.map((one) => one.name).join(", ")}), which would be lost`,
      "name a model of text alone",
    );
  return folder;
}

/** @throws LossyscopeError `usage` where something is there */
async function refuseTaken(path: string): Promise<void> {
  const taken = (what: string): LossyscopeError => new LossyscopeError("usage", what, "name another place for --write");
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return null;
    throw ioFault(error, `write ${path}`);
  });
  if (found === null) return;
  if (formatOf(path) === "gguf" || !found.isDirectory()) throw taken(`${path} is there already`);
  const [first] = await readdir(path).catch((error) => Promise.reject(ioFault(error, `read the folder ${path}`)));
  if (first !== undefined) throw taken(`the folder ${path} is not empty (${first})`);
}

/** @throws LossyscopeError `io` where so much does not fit */
async function refuseFull(path: string, bytes: number): Promise<void> {
  let folder = dirname(resolve(path));
  for (;;) {
    const disk = await statfs(folder).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT" && dirname(folder) !== folder) return null;
      throw ioFault(error, `write ${path}`);
    });
    if (disk === null) {
      folder = dirname(folder);
      continue;
    }
    const free = disk.bavail * disk.bsize;
    if (bytes <= free) return;
    throw new LossyscopeError(
      "io",
      `${path} takes ${sizeText(bytes)}, ${sizeText(free)} are free there`,
      "free space, or name a place on a larger disk",
    );
  }
}

/** Bytes of the tensors, about: codes without the last words of their rows. */
function bytesOf({
  spec,
  original,
  jobs,
  format,
  dtype,
}: Pick<Chosen, "spec" | "original" | "jobs" | "dtype"> & Pick<WriteRequest, "format">): number {
  const bits = new Map(
    [...jobs].map(([matrix, transform]) => [nameIn(original, matrix), bitsOf(matrix, transform, format)] as const),
  );
  return sum(
    [...namesFor(spec, original)].map((name) => {
      const { shape, bytes } = original.locate(name)!;
      const values = shape.reduce((size, one) => size * one, 1);
      if (!bits.has(name))
        return format === "gguf" ? bytes : (values * dtypeBits(valueType({ weights: original, dtype }, name))) / 8;
      return (values * (bits.get(name) ?? dtypeBits(dtype ?? "F32"))) / 8;
    }),
  );
}

/** Bits a value of a matrix that is written as codes; null where it is written as values. */
function bitsOf(matrix: ModelMatrix, transform: Transform, format: WriteFormat): number | null {
  switch (format) {
    case "safetensors":
      return null;
    case "gguf": {
      const type = blocksFor(transform, matrix);
      return type && dtypeBits(type);
    }
    case "compressed-tensors": {
      if (matrix.block === null || transform.kind !== "round") return null;
      const { bits, group, symmetric } = transform;
      return bits + (16 + (symmetric ? 0 : bits)) / (group ?? matrix.columns);
    }
    default:
      return unreachable(format);
  }
}

/** A point that was written, under another name until it is kept. */
export interface Laid {
  /** opened from what was written */
  readonly model: Model;
  /** bytes of its weights */
  readonly bytes: number;
  /** Gives it its name. @throws LossyscopeError `io` */
  keep(): Promise<void>;
  /** Takes it away. */
  drop(): Promise<void>;
}

/**
 * Writes a point, opens it, and holds every tensor of it against the point's.
 * @param texts whose ids the tokenizer of a GGUF file has to give
 * @throws LossyscopeError as `refuseUnwritable`; `model` where what was written does not open; `engine` where a value of it is
 *   not what it has to be. Nothing is left then.
 */
export async function layPoint(chosen: Chosen, write: WriteRequest, texts: readonly string[]): Promise<Laid> {
  const { format } = write;
  return lay(chosen, write, (place) =>
    format === "gguf"
      ? writeGguf(chosen, place, texts)
      : writeFolder(chosen, folderOf(chosen.model, write), place, format === "compressed-tensors"),
  );
}

/**
 * The same of a vocabulary that was trimmed.
 * @param kept ids that stay, rising
 * @param documents whose ids have to be what they were, given anew
 */
export const layTrimmed = (
  chosen: Chosen,
  write: WriteRequest,
  kept: Int32Array,
  documents: readonly TokenizedDocument[],
): Promise<Laid> =>
  lay(chosen, write, (place) => writeTrimmed(chosen, folderOf(chosen.model, write), place, kept, documents));

async function lay(chosen: Chosen, write: WriteRequest, fill: (place: string) => Promise<Written>): Promise<Laid> {
  const { path } = write;
  await refuseUnwritable(chosen.model, write, [chosen.jobs]);
  const place = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const forget = removeAtExit(resolve(place));
  const drop = async (): Promise<void> => {
    await rm(place, { recursive: true, force: true });
    forget();
  };
  try {
    await mkdir(dirname(path), { recursive: true });
    const written = await fill(place);
    await requireWritten(written, write);
    return {
      model: written.model,
      bytes: written.model.weightFileBytes,
      drop,
      async keep() {
        try {
          await refuseTaken(path);
          // An empty folder that is there gives way.
          await rmdir(path).catch(() => undefined);
          await rename(place, path);
        } catch (error) {
          await drop();
          throw ioFault(error, `write ${path}`);
        }
        forget();
      },
    };
  } catch (error) {
    await drop();
    throw ioFault(error, `write ${path}`);
  }
}

/** @throws LossyscopeError `engine` where a value that was written is not the one that the point has */
async function requireWritten({ model, expected }: Written, { point }: WriteRequest): Promise<void> {
  const { spec, weights } = requireDecoder(model, "reading back");
  for (const name of namesFor(spec, weights)) {
    const [found, wanted] = [await valuesOf(weights, name), await expected(name)];
    const at = found.length === wanted.length ? found.findIndex((value, i) => value !== wanted[i]) : found.length;
    if (at < 0) continue;
    throw new LossyscopeError(
      "engine",
      `${point} as it was written has ${found[at]} at element ${at} of ${name}, which has to be ${wanted[at]}`,
      "lossyscope reads or writes wrongly: report it with the model",
    );
  }
}
