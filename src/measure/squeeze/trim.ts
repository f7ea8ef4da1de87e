/**
 * A model without the tokens that texts do not need (METHODS §7.1): its table of embeddings and its head lose their rows, and
 * what the original gave these tokens is given to the others in proportion. Measured with every row in place and −10⁶ added to
 * the logits of those that are gone, which no float64 sum of exponentials notices.
 *
 * Disk: 4 bytes a token of the vocabulary while it is measured.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../files/cache.ts";
import { ioFault } from "../../files/faults.ts";
import { readRange } from "../../files/ranges.ts";
import { removeAtExit } from "../../files/temporary.ts";
import { codedCounts, hasFields } from "../../formats/coded.ts";
import { piecesOf, type TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec, TensorSlot } from "../../models/spec.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Decoder, Model } from "../../ports/model.ts";
import type { Size } from "../../squeeze/matrix.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { loadDefinition } from "../../tokenizer/tokenizer.ts";
import { keptIds } from "../../tokenizer/trim.ts";
import { valuesOf } from "./weights.ts";

/** @throws LossyscopeError `unsupported` where the head does more than a matrix of a row a token */
export function refuseUntrimmable({ head }: DecoderSpec): void {
  const refuse = (what: string): LossyscopeError =>
    new LossyscopeError("unsupported", `trim: ${what}, so that rows of it cannot be left out alone`, "leave it out");
  if (head.softcap !== undefined) throw refuse("the model bends its logits (softcap)");
  if (head.linear.layout !== "out-in" || head.scale <= 0) throw refuse("the head has no row a token");
}

/** Tokens that the documents need, and what else cannot go; rising. */
export async function tokensNeeded(
  model: Model,
  tokenizer: Tokenizer,
  documents: Iterable<TokenizedDocument>,
): Promise<Int32Array> {
  const used = new Set<number>();
  for (const { ids } of documents) for (const id of ids) used.add(id);
  const { prefix, control } = tokenizer;
  for (const id of [prefix?.id, control.bos, control.eos, ...control.around.before, ...control.around.after])
    if (id !== undefined) used.add(id);
  for (const id of await model.ends()) used.add(id);
  const rows = [...used].filter((id) => id < model.vocabulary);
  if (model.folder === null) return Int32Array.from(rows).sort();
  return keptIds(await loadDefinition(model.folder, model.config), rows).filter((id) => id < model.vocabulary);
}

/** Slots with a row a token. */
export const tokenSlots = ({ embedding, head }: DecoderSpec): readonly TensorSlot[] => [
  embedding.tokens,
  head.linear.weight,
  ...(head.linear.bias ? [head.linear.bias] : []),
];

/** What the rows of tokens that are kept take. */
export async function keptRows(source: TensorSource, name: string, kept: Int32Array): Promise<Size> {
  const { dtype, bytes: all, shape, isComputed } = source.locate(name)!;
  const row = all / shape[0];
  const bytes = (row * kept.length) / (isComputed ? 2 : 1);
  if (isComputed || !hasFields(dtype)) return { bytes, coded: bytes };
  const counts = codedCounts(dtype);
  let [at, from] = [0, 0];
  let rest = new Uint8Array();
  for await (const piece of piecesOf(source, name)) {
    const joined = new Uint8Array(rest.length + piece.length);
    joined.set(rest);
    joined.set(piece, rest.length);
    for (; at < kept.length && (kept[at] + 1) * row <= from + joined.length; at++)
      counts.add(joined.subarray(kept[at] * row - from, (kept[at] + 1) * row - from));
    const whole = Math.floor(joined.length / row) * row;
    rest = joined.slice(whole);
    from += whole;
  }
  return { bytes, coded: counts.bits() / 8 };
}

const BIAS = "lossyscope.gone";
const GONE = -1e6;
let written = 0;

/**
 * The model with nothing left for the tokens that are gone.
 * @param plain the weights as the runtime reads them in place
 * @returns what runs, and what takes the file away that it needs
 */
export async function withoutTokens(
  { spec, weights }: Decoder,
  plain: TensorSource,
  kept: Int32Array,
): Promise<Decoder & { close(): Promise<void> }> {
  const { bias } = spec.head.linear;
  const own = bias ? await valuesOf(weights, bias.names.find((name) => weights.locate(name))!) : null;
  const values = new Float32Array(spec.vocabulary).fill(GONE);
  for (const id of kept) values[id] = own ? own[id] : 0;
  const folder = cacheFolder("squeezed");
  const path = join(folder, `${process.pid}-${written++}.bias`);
  const forget = removeAtExit(path);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(path, values);
  } catch (error) {
    forget();
    throw ioFault(error, `write ${path}`);
  }
  const slot: TensorSlot = { names: [BIAS], shape: [spec.vocabulary] };
  const place = { dtype: "F32", shape: slot.shape, file: path, offset: 0, bytes: values.byteLength } as const;
  const gone = new Set(bias?.names);
  return {
    spec: { ...spec, head: { ...spec.head, linear: { ...spec.head.linear, bias: slot } } },
    weights: {
      names: () => [...[...plain.names()].filter((name) => !gone.has(name)), BIAS],
      locate: (name) => (name === BIAS ? place : gone.has(name) ? undefined : plain.locate(name)),
      read: (name, from, to) => (name === BIAS ? readRange(path, from, to - from) : plain.read(name, from, to)),
    },
    async close() {
      await rm(path, { force: true });
      forget();
    },
  };
}
