/**
 * `lossyscope states`: hidden states, logits and losses of given token ids, written as one safetensors file. Sequences of
 * unequal length are padded on the right: states and logits there are 0, losses NaN, and `lengths` says where.
 *
 * Memory: one sequence's outputs (`engines/exporter.ts`). Disk: the file, and as much again while it is put together.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { exportEverything } from "../engines/exporter.ts";
import { checkWritable } from "../files/atomic.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { createSpill, type Spill } from "../files/spill.ts";
import { toInt32 } from "../formats/safetensors.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { WeightSource } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";

const PIECE_BYTES = 1 << 24;

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

/** −ln softmax(logits[s])[ids[s+1]] in float64, [S−1] */
function losses(logits: Float32Array, ids: Int32Array, vocabulary: number): Float32Array {
  return Float32Array.from({ length: ids.length - 1 }, (_, s) => {
    const row = logits.subarray(s * vocabulary, (s + 1) * vocabulary);
    let top = Number.NEGATIVE_INFINITY;
    for (const logit of row) top = Math.max(top, logit);
    let total = 0;
    for (const logit of row) total += Math.exp(logit - top);
    return top + Math.log(total) - row[ids[s + 1]];
  });
}

export interface StatesRequest {
  readonly spec: DecoderSpec;
  readonly weights: WeightSource;
  readonly sequences: readonly Int32Array[];
  readonly threads: number;
  readonly out: string;
  readonly signal?: AbortSignal;
  readonly onSequence?: (done: number) => void;
  /** what must hold once all has been run */
  readonly check?: () => Promise<void>;
}

/**
 * Writes `input_ids [B,S]` and `lengths [B]` (I64), `hidden_states [L+1,B,S,d]` (last one after the final norm),
 * `last_block_output [B,S,d]`, `logits [B,S,V]`, `nll [B,S−1]` (F32).
 * @throws LossyscopeError `input` on an id outside the vocabulary or beyond the model's positions; `io`; `engine`
 */
export async function writeStates({
  spec,
  weights,
  sequences,
  threads,
  out,
  signal,
  onSequence,
  check,
}: StatesRequest): Promise<void> {
  const { width, vocabulary } = spec;
  const layers = spec.blocks.length + 1;
  const rows = sequences.length;
  const longest = sequences.reduce((most, ids) => Math.max(most, ids.length), 0);
  if (longest < 1) throw new LossyscopeError("input", "there is no token to run");
  sequences.forEach((ids, row) => {
    const at = ids.findIndex((id) => id < 0 || id >= vocabulary);
    if (at < 0) return;
    throw new LossyscopeError("input", `id ${ids[at]} at [${row}, ${at}] is outside the vocabulary of ${vocabulary}`);
  });

  await checkWritable(out);
  const folder = await mkdtemp(join(dirname(resolve(out)), ".lossyscope-states-"));
  const names = [...Array.from({ length: layers }, (_, layer) => `hidden.${layer}`), "block", "logits", "nll"];
  const spills = new Map(names.map((name) => [name, createSpill(folder, name)]));
  const add = (name: string, values: Float32Array, positions: number, wide: number, filler: number): void => {
    const spill = spills.get(name)!;
    spill.append(values);
    if (positions > values.length / wide) spill.append(new Float32Array(positions * wide - values.length).fill(filler));
  };
  try {
    let row = 0;
    for await (const { hiddenStates, lastBlockOutput, logits } of exportEverything(spec, weights, sequences, {
      longest,
      threads,
      signal,
    })) {
      hiddenStates.forEach((states, layer) => {
        add(`hidden.${layer}`, states, longest, width, 0);
      });
      add("block", lastBlockOutput, longest, width, 0);
      add("logits", logits, longest, vocabulary, 0);
      add("nll", losses(logits, sequences[row], vocabulary), longest - 1, 1, Number.NaN);
      row++;
      onSequence?.(row);
    }
    const ids = new BigInt64Array(rows * longest);
    sequences.forEach((sequence, at) => {
      ids.set(BigInt64Array.from(sequence, BigInt), at * longest);
    });
    const hidden = function* (): Generator<Uint8Array> {
      for (let layer = 0; layer < layers; layer++) yield* pieces(spills.get(`hidden.${layer}`)!);
    };
    await check?.();
    await writeSafetensors(out, [
      { name: "input_ids", dtype: "I64", shape: [rows, longest], data: ids },
      {
        name: "lengths",
        dtype: "I64",
        shape: [rows],
        data: BigInt64Array.from(sequences, ({ length }) => BigInt(length)),
      },
      { name: "hidden_states", dtype: "F32", shape: [layers, rows, longest, width], data: hidden() },
      { name: "last_block_output", dtype: "F32", shape: [rows, longest, width], data: pieces(spills.get("block")!) },
      { name: "logits", dtype: "F32", shape: [rows, longest, vocabulary], data: pieces(spills.get("logits")!) },
      { name: "nll", dtype: "F32", shape: [rows, longest - 1], data: pieces(spills.get("nll")!) },
    ]);
  } finally {
    for (const spill of spills.values()) spill.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
