/**
 * The codec (METHODS §1.3): batches of blocks to codes and back, through one model in one process. Blocks know nothing of each
 * other; how they lie in a file is `compress.ts`'s and `decompress.ts`'s.
 *
 * Memory: `memory.ts` has the formula; a batch and its codes, and the session's with as many rows as the batch has blocks.
 */

import { createHash } from "node:crypto";
import { type Arithmetic, FIRST, type Products, USUAL } from "../coding/arithmetic.ts";
import type { Header, Maker } from "../coding/container.ts";
import { tokenStarts } from "../coding/quantised.ts";
import { requireMemory } from "../engines/memory.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Beside } from "./beside.ts";
import { BlockDecoder, BlockEncoder, type Code, encodeAsBytes, type Row } from "./block.ts";
import { Beginnings, type Lanes, LanesDecoder, LanesEncoder } from "./lanes.ts";
import { type CodecLoad, cacheBytes, codecBytes } from "./memory.ts";
import { quickestProducts } from "./quickest.ts";
import { DecodingSession } from "./session.ts";
import { asBytes, type Transcript, transcribe } from "./transcript.ts";
import { AT_ONCE, probe, reread, type Windows, walk } from "./walk.ts";

/** Hex characters of the digests that a header keeps. */
const DIGEST = 32;
/** Cache that a batch may take where the number of its rows is not given, and rows that it has at most. */
const CACHE_BYTES = 2 ** 30;
const MOST_ROWS = 64;

/** What of a model is asked for here. */
export const CODING = "coding token by token";

/**
 * How a file is cut where that is not said: bytes of a block, bytes that a lane has at least, and tokens that all lanes of a
 * block have read (docs/decisions/codec-lanes.md).
 */
export const BLOCK_BYTES = 2 ** 18;
const LANE_BYTES = 9000;
const PRIMER = 256;

/** Rows of a batch: as many as the cache has room for. */
export function defaultRows(spec: DecoderSpec, context: number): number {
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(CACHE_BYTES / (cacheBytes(spec) * context))));
}

export type Layout = Pick<Header, "blockBytes" | "rows" | "lanes" | "primer">;

/** What was asked for of a layout. */
export type AskedLayout = { readonly [part in keyof Layout]?: Layout[part] | null };

/**
 * How a file of so many bytes is cut. Blocks whose size is given are one lane each where lanes are not.
 * @param context tokens of a window, of which the primer takes a quarter at most
 */
export function layoutOf(spec: DecoderSpec, plainBytes: number, context: number, asked: AskedLayout): Layout {
  const most = defaultRows(spec, context);
  const blockBytes = asked.blockBytes ?? BLOCK_BYTES;
  const fitting = Math.min(most, Math.floor(Math.min(blockBytes, plainBytes) / LANE_BYTES));
  const lanes = asked.lanes ?? (asked.blockBytes ? 1 : Math.max(1, fitting));
  const rows = asked.rows ?? Math.max(1, Math.floor(most / lanes));
  const primer = lanes === 1 ? 0 : Math.min(asked.primer ?? PRIMER, Math.floor(context / 4));
  return { blockBytes, rows, lanes, primer };
}

/**
 * How a file's steps are computed. Weights in codes are multiplied by as codes where rows are few, and are faster as float32
 * where they are many and half of the memory has room for it (docs/decisions/codec-steps.md).
 * @param model at its precision @param load as the codec will have it
 */
export function arithmeticOf(
  model: Model,
  load: Pick<Header, "plainBytes" | "blockBytes" | "rows" | "lanes" | "context"> & Pick<CodecLoad, "sessions">,
): Arithmetic {
  const { spec, weights, precision } = requireDecoder(model, CODING);
  const asked = { ...load, longest: load.context, together: AT_ONCE };
  const rows = Math.min(load.rows, Math.ceil(load.plainBytes / load.blockBytes)) * load.lanes;
  const needed = (products: Products): number => codecBytes(spec, weights, { ...asked, products });
  return { ...USUAL, products: quickestProducts({ weights, precision }, rows, needed) };
}

/**
 * @param next what would need less, where something can be chosen
 * @throws LossyscopeError `memory` where the machine has less than that many sessions and a batch of blocks need
 */
export function foreseeCodec(
  model: Model,
  load: Pick<Header, "plainBytes" | "blockBytes" | "rows" | "lanes" | "context" | "products"> &
    Pick<CodecLoad, "sessions">,
  next?: string,
): void {
  const { spec, weights } = requireDecoder(model, CODING);
  requireMemory(codecBytes(spec, weights, { ...load, longest: load.context, together: AT_ONCE }), next);
}

export const runtimeName = (version: string): string => `onnxruntime ${version}`;

/** The part of a header that names the model's files. */
export async function makerOf(
  model: Model,
  signal?: AbortSignal,
): Promise<Pick<Maker, "weights" | "config" | "tokenizer">> {
  const { weights, config, tokenizer } = await model.digests({ signal });
  const short = (digest: string | null): string => (digest ?? "").slice(0, DIGEST).padEnd(DIGEST, "0");
  return { weights: short(weights), config: short(config), tokenizer: short(tokenizer) };
}

export interface CodecOptions extends QuietContext, Pick<Header, "context" | "overlap">, Partial<Lanes & Arithmetic> {}

/** Told how many of a batch's bytes are through. */
export type OnBytes = (bytes: number) => void;

export class Codec {
  readonly tokenizer: Tokenizer;
  readonly windows: Windows;
  readonly cut: Lanes;
  /** what the lanes that were written began with */
  readonly beginnings = new Beginnings();
  readonly #session: DecodingSession;

  private constructor(session: DecodingSession, tokenizer: Tokenizer, windows: Windows, cut: Lanes) {
    this.#session = session;
    this.tokenizer = tokenizer;
    this.windows = windows;
    this.cut = cut;
  }

  /**
   * Whoever opens a codec closes it.
   * @throws LossyscopeError as the tokenizer and `DecodingSession.open`; `usage` for windows without room
   */
  static async open(model: Model, options: CodecOptions): Promise<Codec> {
    const { context, overlap, lanes = 1, primer = 0, products = FIRST.products, scaled = FIRST.scaled } = options;
    const { spec, weights } = requireDecoder(model, CODING);
    const tokenizer = await model.tokenizer();
    const windows = { prefix: tokenizer.prefix?.id ?? null, context, overlap, vocabulary: spec.vocabulary };
    reread(windows);
    const session = await DecodingSession.open({
      spec,
      weights,
      ...quietContext(options),
      prediction: "probabilities",
      // A window's last token is predicted and never read.
      longest: context - 1,
      arithmetic: { products, scaled },
    });
    return new Codec(session, tokenizer, windows, { lanes, primer });
  }

  /** Name and version of what computes the distributions. */
  get runtime(): string {
    return runtimeName(this.#session.version);
  }

  /** Digest of the distributions that a batch of so many blocks sees on a fixed sequence of tokens, as they are coded. */
  async distributions(blocks: number): Promise<string> {
    const hash = createHash("sha256");
    const starts = new Uint32Array(this.windows.vocabulary);
    for await (const step of probe(this.#session, blocks * this.cut.lanes, this.windows))
      for (const probabilities of step) {
        tokenStarts(probabilities, starts);
        hash.update(starts);
      }
    return hash.digest("hex").slice(0, DIGEST);
  }

  /**
   * @param beside told of the codes as they grow, each as the model makes it
   * @returns the code of every block; one that the model would make longer than it was is coded as bytes alone
   */
  async encode(blocks: readonly Uint8Array[], onBytes: OnBytes = () => {}, beside?: Beside): Promise<Uint8Array[]> {
    const inLanes = this.cut.lanes > 1;
    const written = (transcript: Transcript, beginnings?: Beginnings) =>
      inLanes ? new LanesEncoder(transcript, this.cut, beginnings) : new BlockEncoder(transcript);
    const coders = blocks.map((block) => written(transcribe(this.tokenizer, block), this.beginnings));
    await this.#walk(coders, blocks, (bytes) => {
      beside?.stepped(coders);
      onBytes(bytes);
    });
    const codes = coders.map((coder) => coder.finish());
    beside?.ended(codes);
    return codes.map((code, b) => {
      if (code.length <= blocks[b].length) return code;
      const bytes = asBytes(blocks[b]);
      return inLanes ? written(bytes).finish() : encodeAsBytes(bytes);
    });
  }

  /** @param lengths of the blocks in bytes @returns what the codes say, sense or not */
  async decode(
    codes: readonly Uint8Array[],
    lengths: readonly number[],
    onBytes: OnBytes = () => {},
  ): Promise<Uint8Array[]> {
    return this.#decode(codes, lengths, onBytes);
  }

  /** Decodes a block that was coded as bytes alone, without the model. */
  decodeAlone(code: Uint8Array, length: number): Uint8Array {
    if (this.cut.lanes > 1) return new LanesDecoder(this.tokenizer, code, length, this.cut).finish();
    const decoder = new BlockDecoder(this.tokenizer, code, length);
    decoder.next(new Float32Array());
    return decoder.finish();
  }

  /** Decodes what another codec writes meanwhile. @returns the blocks as its codes say them */
  async follow(beside: Beside, lengths: readonly number[], onBytes: OnBytes = () => {}): Promise<Uint8Array[]> {
    // The first step's symbols come behind what opens a code.
    await beside.ready(0);
    const codes = lengths.map((_, block) => () => beside.code(block));
    return this.#decode(codes, lengths, onBytes, beside);
  }

  async #decode(
    codes: readonly Code[],
    lengths: readonly number[],
    onBytes: OnBytes,
    beside?: Beside,
  ): Promise<Uint8Array[]> {
    const coders = codes.map((code, b) =>
      this.cut.lanes > 1
        ? new LanesDecoder(this.tokenizer, code, lengths[b], this.cut)
        : new BlockDecoder(this.tokenizer, code, lengths[b]),
    );
    await this.#walk(
      coders,
      lengths.map((length) => ({ length })),
      onBytes,
      beside,
    );
    await beside?.ready();
    return coders.map((coder) => coder.finish());
  }

  #walk(
    coders: readonly ((Row & { readonly share: number }) | LanesEncoder | LanesDecoder)[],
    blocks: readonly { readonly length: number }[],
    onBytes: OnBytes,
    beside?: Beside,
  ): Promise<void> {
    const rows = coders.flatMap((coder) => ("lanes" in coder ? coder.lanes : [coder]));
    const openings = coders.flatMap((coder) => ("lanes" in coder ? [coder.opening] : []));
    const { primer } = this.cut;
    return walk(
      this.#session,
      rows,
      this.windows,
      () => onBytes(coders.reduce((sum, { share }, b) => sum + share * blocks[b].length, 0)),
      primer > 0 ? { rows: openings, tokens: primer } : undefined,
      beside && ((step) => beside.ready(step)),
    );
  }

  /** Ends the runtime. Idempotent. */
  close(): Promise<void> {
    return this.#session.close();
  }
}
