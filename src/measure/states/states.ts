/**
 * `lossyscope states`: hidden states, logits and losses of tokens, in the layout that `lossyscope estimate` reads
 * (`engines/dump.ts`): one row a token, the documents one after the other, every token once, in the window that
 * `lossyscope measure` takes its state from (METHODS §0).
 *
 * Memory: one window's outputs (`engines/exporter.ts`) and 12 bytes a token. Disk: the file, and as much again while it is
 * put together.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ORIGIN_KEY, type Origin } from "../../engines/dump.ts";
import { type Everything, exportEverything } from "../../engines/exporter.ts";
import { checkWritable } from "../../files/atomic.ts";
import { openSafetensors, type TensorContent, writeSafetensors } from "../../files/safetensors.ts";
import { createSpill, type Spill } from "../../files/spill.ts";
import { toInt32 } from "../../formats/tensor-types.ts";
import type { TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type QuietContext, quietContext } from "../../ports/context.ts";
import type { Prefix, TokenizedDocument } from "../../text/corpus.ts";
import { windowsOf } from "../../text/windows.ts";

const PIECE_BYTES = 1 << 24;

/** Tokens that the model reads in one pass, from position 0. */
export interface Passage {
  readonly document: number;
  readonly domain: string;
  readonly ids: Int32Array;
  /** slots from this one on become rows */
  readonly from: number;
  /** 1 where slot 0 is what opens the window, and no token of the document that is to be scored */
  readonly prefixSlots: 0 | 1;
}

/** Token ids as they are: each sequence a document. */
export const passagesOfIds = (sequences: readonly Int32Array[]): Passage[] =>
  sequences.map((ids, document) => ({ document, domain: "", ids, from: 0, prefixSlots: 0 }));

/** The windows of a measurement. A prefix is a row where the tokenizer adds it, as it is a position of the plane there. */
export const passagesOfDocuments = (
  documents: readonly Pick<TokenizedDocument, "index" | "domain" | "ids">[],
  prefix: Prefix | null,
  { context, overlap }: { readonly context: number; readonly overlap: number },
): Passage[] =>
  documents
    .flatMap(({ index, domain, ids }) =>
      windowsOf(index, ids, prefix, context, overlap).map((window) => ({ ...window, domain })),
    )
    .map(({ document, domain, ids, fresh, prefixSlots }) => ({
      document,
      domain,
      ids,
      from: prefix?.addedByTokenizer ? fresh : Math.max(fresh, prefixSlots),
      prefixSlots,
    }));

/**
 * Reads `input_ids [B,S]` (or `[S]`) of a safetensors file.
 * @throws LossyscopeError `input` where the tensor is missing or has another shape, `io`, `model`
 */
export async function readIds(path: string): Promise<Int32Array[]> {
  const file = await openSafetensors(path);
  try {
    const entry = file.entry("input_ids");
    const [rows, columns] = entry.shape.length === 1 ? [1, entry.shape[0]] : entry.shape;
    if (entry.shape.length > 2 || rows < 1 || columns < 1) {
      throw new LossyscopeError("input", `input_ids in ${path} has shape [${entry.shape}]`, "give it the shape [B,S]");
    }
    const ids = toInt32(entry.dtype, await file.readRange(entry.begin, entry.end));
    return Array.from({ length: rows }, (_, row) => ids.slice(row * columns, (row + 1) * columns));
  } finally {
    await file.close();
  }
}

function* pieces(spill: Spill): Generator<Uint8Array> {
  for (let offset = 0; offset < spill.bytes; offset += PIECE_BYTES) {
    yield spill.read(offset, Math.min(PIECE_BYTES, spill.bytes - offset));
  }
}

/**
 * What each row's token cost: −ln softmax(logits[s−1])[ids[s]] in float64; ln V where nothing comes before it, 0 for what
 * opens the window, which is never scored.
 */
function losses({ ids, from, prefixSlots }: Passage, logits: Float32Array, vocabulary: number): Float32Array {
  return Float32Array.from({ length: ids.length - from }, (_, row) => {
    const slot = from + row;
    if (slot === 0) return prefixSlots === 1 ? 0 : Math.log(vocabulary);
    const before = logits.subarray((slot - 1) * vocabulary, slot * vocabulary);
    let top = Number.NEGATIVE_INFINITY;
    for (const logit of before) top = Math.max(top, logit);
    let total = 0;
    for (const logit of before) total += Math.exp(logit - top);
    return top + Math.log(total) - before[ids[slot]];
  });
}

/** The states of a passage's rows, [rows, L+1, d]. */
function packed({ hiddenStates }: Everything, { ids, from }: Passage, width: number): Float32Array {
  const layers = hiddenStates.length;
  const rows = new Float32Array((ids.length - from) * layers * width);
  for (const [layer, states] of hiddenStates.entries()) {
    for (let slot = from; slot < ids.length; slot++) {
      rows.set(states.subarray(slot * width, (slot + 1) * width), ((slot - from) * layers + layer) * width);
    }
  }
  return rows;
}

/**
 * @returns N: tokens that become rows
 * @throws LossyscopeError `input` where there are none, or an id is outside the vocabulary
 */
export function requireRows({ vocabulary }: Pick<DecoderSpec, "vocabulary">, passages: readonly Passage[]): number {
  const rows = passages.reduce((total, { ids, from }) => total + ids.length - from, 0);
  if (rows < 1) throw new LossyscopeError("input", "there is no token to run");
  for (const { document, ids } of passages) {
    const at = ids.findIndex((id) => id < 0 || id >= vocabulary);
    if (at < 0) continue;
    const place = `[${document}, ${at}]`;
    throw new LossyscopeError("input", `id ${ids[at]} at ${place} is outside the vocabulary of ${count(vocabulary)}`);
  }
  return rows;
}

export interface StatesRequest extends QuietContext {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
  /** those of a document one after the other */
  readonly passages: readonly Passage[];
  readonly out: string;
  /** whether the file holds the logits, V numbers a token; true where not given */
  readonly logits?: boolean;
  readonly onPassage?: (done: number) => void;
  /** what must hold once all has been run */
  readonly check?: () => Promise<void>;
}

/**
 * Writes `hidden_states [N,L+1,d]` (the last layer after the final norm), `token_ids [N]`, `doc [N]` and, where there are
 * several domains, `domain [N]` (I64), `last_block_output [N,d]`, `logits [N,V]` and `nll [N]` (F32).
 * @returns N
 * @throws LossyscopeError `input` on an id outside the vocabulary or beyond the model's positions; `io`; `engine`
 */
export async function writeStates(request: StatesRequest): Promise<number> {
  const { spec, weights, passages, out, onPassage, check } = request;
  const { width, vocabulary } = spec;
  const layers = spec.blocks.length + 1;
  const rows = requireRows(spec, passages);
  const longest = passages.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const tokens = new BigInt64Array(rows);
  const documents = new BigInt64Array(rows);
  const names = [...new Set(passages.map(({ domain }) => domain))];
  const domains = names.length > 1 ? new BigInt64Array(rows) : null;
  let row = 0;
  for (const { document, domain, ids, from } of passages) {
    tokens.set(BigInt64Array.from(ids.subarray(from), BigInt), row);
    const end = row + ids.length - from;
    documents.fill(BigInt(document), row, end);
    domains?.fill(BigInt(names.indexOf(domain)), row, end);
    row = end;
  }

  await checkWritable(out);
  const folder = await mkdtemp(join(dirname(resolve(out)), ".lossyscope-states-"));
  const kept = ["hidden_states", "last_block_output", ...(request.logits === false ? [] : ["logits"]), "nll"] as const;
  const spills = new Map(kept.map((name) => [name as string, createSpill(folder, name)]));
  try {
    let done = 0;
    const sequences = passages.map(({ ids }) => ids);
    for await (const everything of exportEverything(spec, weights, sequences, { longest, ...quietContext(request) })) {
      const passage = passages[done];
      const { lastBlockOutput, logits } = everything;
      spills.get("hidden_states")!.append(packed(everything, passage, width));
      spills.get("last_block_output")!.append(lastBlockOutput.subarray(passage.from * width));
      spills.get("logits")?.append(logits.subarray(passage.from * vocabulary));
      spills.get("nll")!.append(losses(passage, logits, vocabulary));
      done++;
      onPassage?.(done);
    }
    await check?.();
    const shapes: Readonly<Record<(typeof kept)[number], number[]>> = {
      hidden_states: [rows, layers, width],
      last_block_output: [rows, width],
      logits: [rows, vocabulary],
      nll: [rows],
    };
    const prefixRows = passages.some(({ from, prefixSlots }) => from < prefixSlots) ? 1 : 0;
    const origin: Origin = { prefixRows, domains: names };
    const tensors: TensorContent[] = [
      { name: "token_ids", dtype: "I64", shape: [rows], data: tokens },
      { name: "doc", dtype: "I64", shape: [rows], data: documents },
      ...(domains ? [{ name: "domain", dtype: "I64" as const, shape: [rows], data: domains }] : []),
      ...kept.map((name) => ({
        name,
        dtype: "F32" as const,
        shape: shapes[name],
        data: pieces(spills.get(name)!),
      })),
    ];
    await writeSafetensors(out, tensors, { [ORIGIN_KEY]: JSON.stringify(origin) });
    return rows;
  } finally {
    for (const spill of spills.values()) spill.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
