/**
 * A file to an .lsz file (METHODS §1.3), batch after batch, and what it would come to. The plain file is read twice: first
 * for its digest, which opens the new file. Each batch can be decoded again, in a process of its own, while its codes grow,
 * and is written once both are through.
 *
 * Memory: `memory.ts`'s for one codec, or for two where batches are decoded again; of the file a batch at a time.
 */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import {
  batches,
  blockCount,
  blockEnd,
  crc32,
  type Header,
  MOST_BACK,
  writeHeader,
  writeTable,
} from "../coding/container.ts";
import { tryRounding } from "../engines/rounding-trial.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { readChunks, readUpTo } from "../files/ranges.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import { atPrecision, type Model, requireDecoder } from "../ports/model.ts";
import type { PrecisionKind } from "../profile/precision.ts";
import { Beside } from "./beside.ts";
import { arithmeticOf, CODING, Codec, foreseeCodec, layoutOf, makerOf, type OnBytes } from "./codec.ts";
import { partedBytes } from "./transcript.ts";

/** What needs less memory. */
export const LESS = "pass a smaller --batch, --lanes, --block or --context";

/** Precisions that steps gain from. */
export type CodecPrecision = Exclude<PrecisionKind, "sliced">;

export interface CompressOptions extends QuietContext {
  readonly input: string;
  readonly output: string;
  /** each null where the file's size and memory decide (`layoutOf`) */
  readonly blockBytes: number | null;
  /** blocks of a batch at most */
  readonly rows: number | null;
  /** parts of a block that go through the model side by side, and tokens that open it for all of them */
  readonly lanes?: number | null;
  readonly primer?: number | null;
  /** tokens of a window, prefix included, and how many a later one re-reads */
  readonly context: number;
  readonly overlap: number;
  /** how steps are computed, where the file is written and where it is read; absent: exactly */
  readonly precision?: CodecPrecision;
  /** whether every batch is decoded again */
  readonly verify: boolean;
  /** told of the plain bytes that are coded, from 0 on, and at the beginning of each batch */
  readonly onBytes?: OnBytes;
  /** told in the same way of those that were decoded again */
  readonly onVerified?: OnBytes;
}

export interface Compressed {
  readonly plainBytes: number;
  readonly fileBytes: number;
  readonly blocks: number;
  /** of a block */
  readonly lanes: number;
  /** of the file, about: what lanes cost because each begins without what stands before it; null where that cannot be told */
  readonly startBytes: number | null;
  readonly precision: CodecPrecision | "exact";
}

/**
 * Compresses a file under a model's probabilities.
 * @throws LossyscopeError `memory` where the machine has too little; `io` where a file cannot be read or written, or changes
 * meanwhile; `engine` where decoding does not give the bytes back; `interrupted`. Whatever is thrown, nothing is left under
 * the output's name
 */
export async function compress(model: Model, options: CompressOptions): Promise<Compressed> {
  const { input, output, context, overlap, signal, onBytes, onVerified } = options;
  const computed = atPrecision(model, options.precision);
  const plain = await plainDigest(input, signal);
  const cut = layoutOf(requireDecoder(model, CODING).spec, plain.bytes, context, options);
  const layout = { plainBytes: plain.bytes, ...cut };
  const load = { ...layout, context, sessions: options.verify ? 2 : 1 };
  const arithmetic = arithmeticOf(computed, load);
  foreseeCodec(model, { ...load, ...arithmetic }, LESS);
  if (options.precision === "int8") await requireRounding(requireDecoder(model, CODING).spec.width, options);
  const opened: Codec[] = [];
  // Two sessions share the threads; how many there are changes no distribution.
  const openCodec = async (threads = options.threads): Promise<Codec> => {
    const codec = await Codec.open(model, { ...options, ...cut, ...arithmetic, threads });
    opened.push(codec);
    return codec;
  };
  try {
    const half = Math.floor(options.threads / 2);
    const codec = await openCodec(options.verify ? options.threads - half : options.threads);
    const checker = options.verify ? await openCodec(Math.max(1, half)) : null;
    const header: Header = {
      ...(await makerOf(model, signal)),
      ...layout,
      ...arithmetic,
      context,
      overlap,
      plain: plain.digest,
      runtime: codec.runtime,
      distributions: await codec.distributions(batches(layout)[0]?.count ?? 1),
    };
    const opening = writeHeader(header);
    let fileBytes = opening.length;
    await writeAtomic(
      output,
      (async function* () {
        yield opening;
        for await (const batch of batchesOf(input, header, plain.digest)) {
          const { section } = await (checker
            ? encodeChecked(codec, checker, batch, within(batch, onBytes), () => within(batch, onVerified))
            : encodeBatch(codec, batch, within(batch, onBytes)));
          fileBytes += section.length;
          yield section;
        }
        await model.refuseChanges();
      })(),
    );
    const { lanes } = cut;
    const { precision = "exact" } = options;
    const startBytes = lanes > 1 ? codec.beginnings.bytes : 0;
    return {
      plainBytes: plain.bytes,
      fileBytes,
      blocks: blockCount(header),
      lanes,
      startBytes,
      precision,
    };
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped; ${output} was not written`);
    throw error;
  } finally {
    await Promise.all(opened.map((codec) => codec.close()));
  }
}

/** @throws LossyscopeError `engine` where this machine adds products of 8 bits with losses: files would be larger for nothing */
async function requireRounding(width: number, context: QuietContext): Promise<void> {
  const { isRight } = await tryRounding("int8", { width, inner: 4 * width }, quietContext(context));
  if (isRight) return;
  throw new LossyscopeError(
    "engine",
    "--precision int8 is of no use here: this machine does not add products of 8 bits without loss",
    "leave --precision out",
  );
}

/** Blocks that go through the model together, as they lie in a file. */
interface Batch {
  /** number of its first block, and of that block's first byte */
  readonly first: number;
  readonly start: number;
  readonly blocks: readonly Uint8Array[];
  /** how far before its place each block ends */
  readonly back: readonly number[];
}

export async function plainDigest(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly bytes: number; readonly digest: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of readChunks(path, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, digest: hash.digest("hex") };
}

/** Cuts a file into batches of blocks. @throws LossyscopeError `io` where it is not the one that has this digest */
export async function* batchesOf(
  path: string,
  layout: Pick<Header, "plainBytes" | "blockBytes" | "rows">,
  digest: string,
): AsyncGenerator<Batch> {
  const hash = createHash("sha256");
  const file = await open(path).catch((error: unknown) => {
    throw ioFault(error, `read ${path}`);
  });
  try {
    let start = 0;
    for (const { first, count } of batches(layout)) {
      const end = blockEnd(layout, first + count - 1);
      // A character that the last block would part shows in the bytes after it.
      const bytes = await readUpTo(file, start, Math.min(end + MOST_BACK, layout.plainBytes) - start);
      const blocks: Uint8Array[] = [];
      const back: number[] = [];
      for (let at = 0, block = first; block < first + count; block++) {
        const place = blockEnd(layout, block) - start;
        const parted = place + start < layout.plainBytes ? partedBytes(bytes, place) : 0;
        blocks.push(bytes.subarray(at, place - parted));
        back.push(parted);
        at = place - parted;
      }
      for (const block of blocks) hash.update(block);
      yield { first, start, blocks, back };
      start = end - back[count - 1];
    }
  } finally {
    await file.close();
  }
  if (hash.digest("hex") !== digest)
    throw new LossyscopeError("io", `${path} changed while it was read`, "compress it again once it is at rest");
}

/** Of a batch's bytes those of the file. Tells of none at once: a batch begins. */
function within({ start }: Batch, onBytes: OnBytes = () => {}): OnBytes {
  onBytes(start);
  return (bytes) => onBytes(start + bytes);
}

const bytesOf = ({ blocks }: Batch): number => blocks.reduce((total, { length }) => total + length, 0);

/** @returns the section as it stands in the file */
async function encodeBatch(
  codec: Codec,
  batch: Batch,
  onBytes: OnBytes,
  beside?: Beside,
): Promise<{ readonly section: Uint8Array; readonly codes: readonly Uint8Array[] }> {
  const { blocks, back } = batch;
  const codes = await codec.encode(blocks, onBytes, beside);
  onBytes(bytesOf(batch));
  const table = writeTable(codes.map((code, b) => ({ back: back[b], codeBytes: code.length, crc: crc32(blocks[b]) })));
  return { section: Buffer.concat([table, ...codes]), codes };
}

/**
 * Writes a batch while another codec reads it.
 * @param onVerified told of what is read from when all is written on
 * @throws LossyscopeError `engine` where the codes do not give the blocks back
 */
async function encodeChecked(
  codec: Codec,
  checker: Codec,
  batch: Batch,
  onBytes: OnBytes,
  onVerified: () => OnBytes,
): ReturnType<typeof encodeBatch> {
  const beside = new Beside();
  let verified: OnBytes = () => {};
  const lengths = batch.blocks.map(({ length }) => length);
  const reading = checker.follow(beside, lengths, (bytes) => verified(bytes));
  // Where the writer fails, nobody awaits the reader.
  reading.catch(() => {});
  try {
    const encoded = await encodeBatch(codec, batch, onBytes, beside);
    verified = onVerified();
    const followed = await reading;
    // A code that was made anew, of bytes alone, is not the one that was followed.
    const decoded = encoded.codes.map((code, b) =>
      code === beside.code(b) ? followed[b] : checker.decodeAlone(code, lengths[b]),
    );
    requireSame(batch, followed);
    requireSame(batch, decoded);
    verified(bytesOf(batch));
    return encoded;
  } catch (error) {
    beside.failed(error);
    throw error;
  }
}

/** @throws LossyscopeError `engine` where the blocks are not those of the batch */
function requireSame(batch: Batch, decoded: readonly Uint8Array[]): void {
  const wrong = batch.blocks.findIndex((block, b) => Buffer.compare(decoded[b], block) !== 0);
  if (wrong >= 0)
    throw new LossyscopeError(
      "engine",
      `block ${batch.first + wrong} decodes to other bytes than it was made from`,
      "this machine does not compute the same numbers twice; nothing was written",
    );
}
