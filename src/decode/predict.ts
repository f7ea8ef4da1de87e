/**
 * What `compress` would write, from losses alone (METHODS §1.3): the same blocks and windows through the measuring graph, many
 * tokens at a time, which is far quicker than step by step. The floor that every token's share has is reckoned with: where a
 * model is much surprised, the file is smaller than its losses say.
 *
 * Memory: a batch of blocks and its windows (`batchBytes` of `memory.ts`), and the forward pass's (`engines/memory.ts`).
 */
import { USUAL } from "../coding/arithmetic.ts";
import { batches, blockCount, type Header, tableBytes, writeHeader } from "../coding/container.ts";
import { TOTAL } from "../coding/range-coder.ts";
import { requireMemory, runtimeBytes } from "../engines/memory.ts";
import { scoreDocuments } from "../engines/score.ts";
import { sum } from "../numeric/sums.ts";
import { atPrecision, type Model, requireDecoder } from "../ports/model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { escapeBits } from "./block.ts";
import { layoutOf, type OnBytes, runtimeName } from "./codec.ts";
import { batchesOf, type Compressed, type CompressOptions, LESS, plainDigest } from "./compress.ts";
import { Beginnings, escapeBitsInLanes, type Lanes, stretches } from "./lanes.ts";
import { batchBytes } from "./memory.ts";
import { asBytes, type Transcript, transcribe } from "./transcript.ts";

/** Padded tokens that go through the model together. */
const BATCH_TOKENS = 2048;

export type PredictOptions = Omit<CompressOptions, "output" | "verify" | "onVerified">;

export interface Foretold {
  readonly plainBytes: number;
  readonly blocks: number;
  readonly lanes: number;
  /** as `Compressed` has it */
  readonly startBytes: number | null;
  readonly precision: Compressed["precision"];
  readonly tokens: number;
  /** bytes that escape */
  readonly escaped: number;
  /** of all codes, before each is rounded up to whole bytes */
  readonly codeBits: number;
  /** codes and what is around them */
  readonly fileBytes: number;
}

/**
 * Says how large the file would be that `compress` writes.
 * @throws LossyscopeError as `compress` does, where it would before it writes
 */
export async function predict(model: Model, options: PredictOptions): Promise<Foretold> {
  const { input, context, signal, onBytes = () => {} } = options;
  const { spec, weights } = requireDecoder(model, "foretelling the size of a file");
  const { precision = "exact" } = options;
  const read = atPrecision(model, options.precision);
  const tokenizer = await model.tokenizer();
  const plain = await plainDigest(input, signal);
  const cut = layoutOf(spec, plain.bytes, context, options);
  const layout = { plainBytes: plain.bytes, ...cut };
  const pass = runtimeBytes(spec, weights, { longest: context, batchTokens: BATCH_TOKENS });
  requireMemory(pass + batchBytes(layout), LESS);
  const bits: number[] = [];
  let tokens = 0;
  let escaped = 0;
  let runtime = "";
  const beginnings = new Beginnings();
  const escapes = (transcript: Transcript): number =>
    cut.lanes > 1 ? escapeBitsInLanes(transcript, cut) : escapeBits(transcript);
  for await (const { start, blocks } of batchesOf(input, layout, plain.digest)) {
    const transcripts = blocks.map((block) => transcribe(tokenizer, block));
    const { bits: modelBits, ...run } = await lossBits(
      read,
      tokenizer,
      transcripts,
      { ...options, ...cut, beginnings },
      (share) => onBytes(start + share * blocks.reduce((total, { length }) => total + length, 0)),
    );
    runtime = run.runtime;
    transcripts.forEach((transcript, b) => {
      const asText = modelBits[b] + escapes(transcript);
      bits.push(asText <= 8 * blocks[b].length ? asText : escapes(asBytes(blocks[b])));
      tokens += transcript.ids.length;
      escaped += sum(transcript.escapes.map(({ bytes }) => bytes.length));
    });
  }
  const codeBits = sum(bits);
  const tables = sum(batches(layout).map(({ count }) => tableBytes(count)));
  const maker = { weights: "", config: "", tokenizer: "", distributions: "", plain: plain.digest, runtime };
  const header = writeHeader({ ...maker, ...layout, ...USUAL, context, overlap: options.overlap });
  return {
    plainBytes: plain.bytes,
    blocks: blockCount(layout),
    lanes: cut.lanes,
    startBytes: cut.lanes > 1 ? beginnings.bytes : 0,
    precision,
    tokens,
    escaped,
    codeBits,
    fileBytes: header.length + tables + Math.ceil(codeBits / 8),
  };
}

/** Bits of every transcript's tokens under the model; @param onShare told how much is done, 0 to 1 */
async function lossBits(
  model: Model,
  tokenizer: Tokenizer,
  transcripts: readonly Transcript[],
  {
    context,
    overlap,
    threads,
    signal,
    beginnings,
    ...cut
  }: Pick<Header, "context" | "overlap"> &
    Lanes &
    Pick<PredictOptions, "threads" | "signal"> & { readonly beginnings: Beginnings },
  onShare: OnBytes,
): Promise<{ readonly bits: Float64Array; readonly runtime: string }> {
  const { prefix } = tokenizer;
  // A lane reads the block's opening before it, which is charged where it comes first.
  const rows = transcripts.flatMap(({ ids }, block) => {
    const { opening, lanes } = stretches(ids.length, cut);
    const known = ids.subarray(0, opening.end);
    return lanes.map(({ start, end }, lane) => {
      const own = Int32Array.from([...known, ...ids.subarray(start, end)]);
      return { block, ids: own, charged: lane === 0 ? 0 : known.length, opening: known.length };
    });
  });
  const { losses, report } = await scoreDocuments({
    model,
    documents: rows.map(({ block, ids }) => ({ id: `block ${block}`, ids })),
    prefix,
    context,
    overlap,
    threads,
    batchTokens: BATCH_TOKENS,
    signal,
    onWindows: (done, total) => onShare(done / total),
  });
  // Every token has one of 2^30 whatever its probability: 30 bits are the most that one costs.
  const floor = 1 / TOTAL;
  const left = 1 - model.vocabulary * floor;
  const bitsOf = (nats: number): number => -Math.log2(Math.exp(-nats) * left + floor);
  const bits = new Float64Array(transcripts.length);
  rows.forEach(({ block, charged, opening }, row) => {
    const each = Array.from(losses[row], bitsOf);
    // The first token of a row that nothing opens is one of V.
    if (prefix === null && each.length > 0) each[0] = bitsOf(Math.log(model.vocabulary));
    for (let place = opening; place < each.length; place++) beginnings.add(place - opening, each[place]);
    bits[block] += sum(each.slice(charged));
  });
  return { bits, runtime: runtimeName(report?.version ?? "") };
}
