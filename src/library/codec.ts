/** The codec in one call: files to .lsz files and back (METHODS §1.3), with what is usual where nothing is said. */
import { stat } from "node:fs/promises";
import { type Compressed, type CompressOptions, compress as compressed } from "../decode/compress.ts";
import { type Decompressed, decompress as decompressed } from "../decode/decompress.ts";
import { ioFault } from "../files/faults.ts";
import { contextOf } from "../measure/plan.ts";
import type { Model } from "../ports/model.ts";
import { machineOf, opened, type Run } from "./given.ts";

/** What coding takes where nothing is said; files below `verifiedBytes` are decoded again unless it is asked not to. */
export const CODEC = { context: 1024, verifiedBytes: 1_000_000 } as const;

/**
 * @param asked for, in so many words
 * @param positions of the model
 * @throws LossyscopeError `usage` where the model has fewer positions than were asked for
 */
export function codingWindows(
  asked: { readonly context?: number; readonly overlap?: number },
  positions: number | null,
): Pick<CompressOptions, "context" | "overlap"> {
  const tokens = asked.context ?? CODEC.context;
  const context = contextOf({ tokens, asked: asked.context !== undefined }, positions);
  return { context, overlap: asked.overlap ?? Math.floor(context / 2) };
}

export interface CodecOptions extends Omit<Run, "progress"> {
  /** a folder in the Hugging Face layout, a GGUF file, `org/name[@revision]`, or what `openModel` gave */
  readonly model: string | Model;
  /** the file to write; one that is there is replaced once the new one is whole */
  readonly out: string;
}

export interface CompressFileOptions
  extends CodecOptions,
    Partial<Omit<CompressOptions, "input" | "output" | "threads" | "signal">> {}

/**
 * Compresses a file under a model's probabilities. The same model, release and kind of machine give it back.
 * @throws LossyscopeError as `openModel`; `usage` for windows that the model has no positions for; `memory`, `io`, `engine`;
 * `interrupted`. Whatever is thrown, nothing is written
 */
export async function compress(file: string, options: CompressFileOptions): Promise<Compressed> {
  const { model: given, out, offline, context, overlap, verify, threads, signal, ...asked } = options;
  const { size } = await stat(file).catch((error) => Promise.reject(ioFault(error, `read ${file}`)));
  const model = await opened(given, { offline, signal });
  return compressed(model, {
    blockBytes: null,
    rows: null,
    ...asked,
    threads: machineOf({ threads }).threads,
    signal,
    input: file,
    output: out,
    ...codingWindows({ context, overlap }, model.positions),
    verify: verify ?? size < CODEC.verifiedBytes,
  });
}

export interface DecompressFileOptions extends CodecOptions {
  /** writes what is sound of a damaged file, zeros in place of lost blocks */
  readonly salvage?: boolean;
  /** told of the plain bytes as they come */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Gives back the file that `compress` made an .lsz file from, byte for byte.
 * @returns with `salvage`, the blocks that were lost; without, none
 * @throws LossyscopeError `input` for a file that is damaged or none; `model` or `engine` where another model, release or kind
 * of machine made it; `memory`, `io`; `interrupted`. Whatever is thrown, nothing is written
 */
export async function decompress(file: string, options: DecompressFileOptions): Promise<Decompressed> {
  const { model, out, offline, threads, signal, salvage = false, onBytes } = options;
  return decompressed(await opened(model, { offline, signal }), {
    input: file,
    output: out,
    threads: machineOf({ threads }).threads,
    salvage,
    signal,
    onBytes,
  });
}
