/**
 * Geometry of the input embedding matrix (METHODS §3): how tightly its rows are packed, and which tokens lie nearest to a
 * few of them. Reads the matrix from the weights, in pieces.
 *
 * Memory: 4·V·d bytes for the matrix.
 */
import { open } from "node:fs/promises";
import { ioFault } from "../files/faults.ts";
import { type Dtype, toFloat32 } from "../formats/safetensors.ts";
import { nearestRows, packing } from "../info/packing.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { StoredTensor, WeightSource } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import type { Geometry } from "../profile/geometry.ts";

const PIECE_BYTES = 1 << 24;
/** Tokens whose neighbours are named, neighbours of each, and the most frequent tokens that they are drawn from. */
const SHOWN = 8;
const NEAREST = 6;
const FREQUENT = 400;

async function readMatrix({ dtype, shape, file, offset, bytes }: StoredTensor): Promise<Float32Array> {
  const values = new Float32Array(shape[0] * shape[1]);
  const width = bytes / values.length;
  const handle = await open(file, "r").catch((error) => Promise.reject(ioFault(error, `read ${file}`)));
  try {
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, bytes - at));
      for (let done = 0; done < piece.length; ) {
        const { bytesRead } = await handle.read(piece, done, piece.length - done, offset + at + done);
        if (bytesRead === 0)
          throw new LossyscopeError("io", `${file} ended at byte ${offset + at + done}`, "fetch it again");
        done += bytesRead;
      }
      values.set(toFloat32(dtype as Dtype, piece), at / width);
    }
  } finally {
    await handle.close();
  }
  return values;
}

/** Tokens worth a look: some of the text's frequent ones that hold a word, by seed. */
function tokensToShow(counts: Int32Array, textOf: (id: number) => string, seed: number): number[] {
  const words = [...counts.keys()]
    .filter((id) => counts[id] > 0 && /\p{L}{3,}/u.test(textOf(id)))
    .sort((a, b) => counts[b] - counts[a] || a - b)
    .slice(0, FREQUENT);
  return random(seed, "neighbours").shuffle(words).slice(0, SHOWN);
}

/**
 * @param counts [V] occurrences of every token in the text
 * @param textOf what a token stands for, for people
 * @returns null where fewer than two rows have a direction
 */
export async function embeddingGeometry(
  spec: DecoderSpec,
  weights: WeightSource,
  counts: Int32Array,
  textOf: (id: number) => string,
  seed: number,
): Promise<Geometry["embedding"]> {
  const { names, shape } = spec.embedding.tokens;
  const stored = names.map((name) => weights.tensor(name)).find((tensor) => tensor !== undefined);
  if (!stored) throw new LossyscopeError("model", `the embedding matrix ${names[0]} is missing`);
  const matrix = await readMatrix(stored);
  const width = shape[1];
  const packed = packing(matrix, width, seed);
  if (!packed) return null;
  const shown = tokensToShow(counts, textOf, seed);
  const neighbours = nearestRows(matrix, width, shown, NEAREST).map((nearest, i) => ({
    token: textOf(shown[i]),
    id: shown[i],
    nearest: nearest.map(({ id, cosine }) => ({ token: textOf(id), id, cosine })),
  }));
  return { packing: packed, neighbours };
}
