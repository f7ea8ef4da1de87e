/**
 * An .lsz file back to what it was made from (METHODS §1.3), batch after batch. Who cannot compute what the maker computed is
 * told so before anything is written; a block that is not what was written is told from the others, which it cannot harm.
 *
 * Memory: `memory.ts`'s for one codec; of the file a batch at a time.
 */

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import {
  batches,
  blockCount,
  blockEnd,
  crc32,
  type Header,
  headerBytes,
  MOST_BACK,
  OPENING_BYTES,
  readHeader,
  readTable,
  tableBytes,
} from "../coding/container.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { readUpTo } from "../files/ranges.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import type { Model } from "../ports/model.ts";
import { Codec, foreseeCodec, makerOf, type OnBytes } from "./codec.ts";

export interface DecompressOptions extends QuietContext {
  readonly input: string;
  readonly output: string;
  /** whether what is sound is written where blocks are lost, zeros in their place */
  readonly salvage: boolean;
  readonly onBytes?: OnBytes;
  /** told of the plain bytes before the first batch */
  readonly onStart?: (plainBytes: number) => void;
}

/** A block that was lost: plain bytes [start, end). */
export interface LostBlock {
  readonly block: number;
  readonly start: number;
  readonly end: number;
}

export interface Decompressed {
  readonly plainBytes: number;
  readonly blocks: number;
  readonly lost: readonly LostBlock[];
}

/**
 * Gives back the file that an .lsz file was made from.
 * @returns with `salvage`, the blocks that were lost; without, none
 * @throws LossyscopeError `input` for a file that is damaged (naming the blocks) or is none; `model`, `engine` where another
 * model or another runtime made it, or another machine, one that computes other distributions; `memory`; `io`; `interrupted`.
 * Whatever is thrown, nothing is left under the output's name
 */
export async function decompress(model: Model, options: DecompressOptions): Promise<Decompressed> {
  const { input, output, salvage, signal, onBytes = () => {}, onStart = () => {} } = options;
  const file = await open(input).catch((error: unknown) => {
    throw ioFault(error, `read ${input}`);
  });
  let codec: Codec | undefined;
  try {
    const { header, bytes: sectionsStart } = await openHeader(file);
    await compareModels(model, header, signal);
    foreseeCodec(model, { ...header, sessions: 1 });
    codec = await Codec.open(model, { ...header, ...quietContext(options) });
    await compareDistributions(codec, header);
    onStart(header.plainBytes);
    const lost: LostBlock[] = [];
    const hash = createHash("sha256");
    const sections = decodeSections(codec, header, file, { at: sectionsStart, salvage, onBytes });
    await writeAtomic(
      output,
      (async function* () {
        for await (const blocks of sections) {
          lost.push(...blocks.filter(({ sound }) => !sound).map(({ block, start, end }) => ({ block, start, end })));
          if (lost.length > 0 && !salvage) throw damage(lost, blockCount(header), "pass --salvage to keep the others");
          for (const { bytes } of blocks) {
            hash.update(bytes);
            yield bytes;
          }
        }
        if (lost.length === 0 && hash.digest("hex") !== header.plain)
          throw new LossyscopeError(
            "input",
            "the bytes that came out are not those that went in",
            "make the file again",
          );
      })(),
    );
    return { plainBytes: header.plainBytes, blocks: blockCount(header), lost };
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped; ${output} was not written`);
    throw error;
  } finally {
    await codec?.close();
    await file.close();
  }
}

/** What is to be said of lost blocks. */
export function damage(lost: readonly LostBlock[], blocks: number, next?: string): LossyscopeError {
  const which = lost.map(({ block, start, end }) => `block ${block} (bytes ${count(start)} to ${count(end)})`);
  return new LossyscopeError(
    "input",
    `${count(lost.length)} of ${count(blocks)} blocks cannot be read: ${which.join(", ")}`,
    next,
  );
}

async function openHeader(file: FileHandle): Promise<{ readonly header: Header; readonly bytes: number }> {
  const opening = await readUpTo(file, 0, OPENING_BYTES);
  const length = headerBytes(opening);
  const header = readHeader(opening, await readUpTo(file, OPENING_BYTES, length));
  const { size } = await file.stat();
  if (tableBytes(blockCount(header)) > size)
    throw new LossyscopeError(
      "input",
      `the file is cut short: it has ${count(size)} bytes, its ${count(blockCount(header))} blocks take more to list`,
      "fetch or make it again",
    );
  return { header, bytes: OPENING_BYTES + length };
}

async function compareModels(model: Model, header: Header, signal?: AbortSignal): Promise<void> {
  const own = await makerOf(model, signal);
  for (const what of ["weights", "config", "tokenizer"] as const) {
    if (own[what] === header[what]) continue;
    throw new LossyscopeError(
      "model",
      `the file was made with another model: SHA-256 of its ${what} began with ${header[what].slice(0, 12)}, here it is ${own[what].slice(0, 12)}`,
      "pass --model with the one it was made with",
    );
  }
}

async function compareDistributions(codec: Codec, header: Header): Promise<void> {
  if (codec.runtime !== header.runtime)
    throw new LossyscopeError(
      "engine",
      `the file was made with ${header.runtime}, here runs ${codec.runtime}`,
      "use the release of lossyscope that made it",
    );
  if ((await codec.distributions(batches(header)[0]?.count ?? 1)) !== header.distributions)
    throw new LossyscopeError(
      "engine",
      "this machine computes other probabilities than the one that made the file",
      "decompress it on a machine of that kind",
    );
}

/** A block that was read: its place among the plain bytes, and whether its bytes are those that were written. */
interface DecodedBlock extends LostBlock {
  readonly bytes: Uint8Array;
  readonly sound: boolean;
}

/** Which blocks a section holds: their number, the first one's number and first byte. */
interface Place {
  readonly first: number;
  readonly count: number;
  readonly start: number;
}

/**
 * @param salvage whether all blocks from an unreadable table on are lost, instead of an error
 * @throws LossyscopeError `input` for such a table, and where bytes follow the last section
 */
async function* decodeSections(
  codec: Codec,
  header: Header,
  file: FileHandle,
  { at, salvage, onBytes }: { at: number; readonly salvage: boolean; readonly onBytes: OnBytes },
): AsyncGenerator<readonly DecodedBlock[]> {
  let start = 0;
  for (const { first, count } of batches(header)) {
    const table = await readUpTo(file, at, tableBytes(count));
    const codeBytes = readTable(table)?.reduce((sum, entry) => sum + entry.codeBytes, 0) ?? 0;
    const section = Buffer.concat([table, await readUpTo(file, at + table.length, codeBytes)]);
    const place = { first, count, start };
    const blocks = await decodeSection(codec, header, place, section, (bytes) => onBytes(place.start + bytes));
    if (!blocks) {
      if (salvage) yield* allLost(header, place);
      else
        throw new LossyscopeError(
          "input",
          `the file is damaged or cut short from block ${first} of ${blockCount(header)} on`,
          first > 0 ? "pass --salvage to keep those before it" : "fetch or make it again",
        );
      return;
    }
    yield blocks;
    at += section.length;
    start = blocks[count - 1].end;
  }
  if ((await readUpTo(file, at, 1)).length > 0)
    throw new LossyscopeError(
      "input",
      `bytes follow the last block, from byte ${count(at)} on`,
      "fetch the file again",
    );
}

/** Every block from a place on, one at a time. */
function* allLost(header: Header, { first, start }: Place): Generator<readonly DecodedBlock[]> {
  for (let block = first; block < blockCount(header); block++) {
    const end = blockEnd(header, block);
    yield [{ block, start, end, sound: false, bytes: new Uint8Array(end - start) }];
    start = end;
  }
}

/**
 * @param section table and codes, as far as they are there
 * @returns null where the table is not what was written: where the codes lie, and what comes after, cannot be known
 */
export async function decodeSection(
  codec: Codec,
  header: Header,
  { first, count, start: firstByte }: Place,
  section: Uint8Array,
  onBytes?: OnBytes,
): Promise<readonly DecodedBlock[] | null> {
  const entries = readTable(section.subarray(0, tableBytes(count)));
  if (entries?.length !== count || entries.some(({ back }) => back > MOST_BACK)) return null;
  let start = firstByte;
  let at = tableBytes(count);
  const blocks = entries.map(({ back, codeBytes, crc }, b) => {
    const end = blockEnd(header, first + b) - back;
    const code = section.subarray(at, (at += codeBytes));
    const block = { block: first + b, start, end, code, crc, whole: code.length === codeBytes };
    start = end;
    return block;
  });
  const decoded = await codec.decode(
    blocks.map(({ code }) => code),
    blocks.map((block) => block.end - block.start),
    onBytes,
  );
  return blocks.map(({ block, start, end, crc, whole }, b) => {
    const sound = whole && crc32(decoded[b]) === crc;
    return { block, start, end, sound, bytes: sound ? decoded[b] : new Uint8Array(end - start) };
  });
}
