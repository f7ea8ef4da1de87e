/** A small text, and an engine's view of it: assignments that know the current token and a little of the next. */
import { referencePoints } from "../../info/assignment.ts";
import { random } from "../../numeric/random.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Prefix, TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import { metadata } from "../../text/metadata.testing.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import type { PlaneRequest } from "./plane.ts";

const WIDTH = 8;

export function someDocuments(lengths: readonly number[], vocabulary = 5): TokenizedDocument[] {
  const stream = random(3, "documents");
  return lengths.map((length, index) => ({
    index,
    id: `text#${index}`,
    domain: index % 3 === 0 ? "verse" : "prose",
    sha256: "",
    text: "",
    bytes: length,
    characters: length,
    ids: Int32Array.from({ length }, () => Math.floor(vocabulary * stream.uniform() ** 2)),
    byteEnds: Uint32Array.from({ length }, (_, token) => token + 1),
    normalised: false,
    repairs: { bytes: 0, bits: 0 },
    metadata: metadata({ labels: { writer: index % 2 === 0 ? "even" : "odd" } }),
  }));
}

export function requestFor(documents: readonly TokenizedDocument[], more: Partial<PlaneRequest> = {}): PlaneRequest {
  return {
    documents,
    prefix: null,
    units: unitsOf(documents.map(({ ids }) => ids.length)),
    layers: 3,
    width: WIDTH,
    m: 10,
    draws: 1,
    source: "seed 0",
    temperature: { rule: "bound", epsilon: 0.3 },
    allPositions: false,
    preNorm: false,
    seed: 0,
    frontier: null,
    ...more,
  };
}

export function batchesFor({ documents, prefix }: PlaneRequest, context = 20, tokens = 64): WindowBatch[] {
  return batchesOf(
    documents.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, Math.floor(context / 3))),
    tokens,
  );
}

/** Softmax of a state that leans toward the token's own direction, less so in later layers, and toward the next one's. */
export function assignmentsOf(request: PlaneRequest, document: number, token: number): Float32Array[] {
  const { documents, prefix, layers, m, draws } = request;
  const { ids } = documents[document];
  const id = (at: number): number => (at < 0 ? (prefix as Prefix).id : (ids[at] ?? -1));
  const noise = random(1, "noise", document, token);
  return Array.from({ length: layers }, (_, layer) => {
    const own = random(2, "token", id(token));
    const next = random(2, "token", id(token + 1));
    const state = Float64Array.from(
      { length: WIDTH },
      () => (3 - layer) * own.normal() + 0.7 * next.normal() + 0.5 * layer * noise.normal(),
    );
    return Float32Array.from(
      Array.from({ length: draws }, (_, draw) => {
        const points = referencePoints(draw, m, WIDTH);
        const weights = Array.from({ length: m }, (_, point) =>
          Math.exp(state.reduce((dot, value, i) => dot + value * points[point * WIDTH + i], 0)),
        );
        const total = weights.reduce((a, b) => a + b);
        return weights.map((weight) => weight / total);
      }).flat(),
    );
  });
}

export function observationOf(request: PlaneRequest, batch: WindowBatch): Observation {
  const rows = batch.windows.flatMap(({ document, ids, fresh, start, prefixSlots }) =>
    Array.from(ids.subarray(fresh), (_, i) => assignmentsOf(request, document, start + fresh + i - prefixSlots)),
  );
  const assignments = Array.from({ length: request.layers }, (_, layer) =>
    Float32Array.from(rows.flatMap((row) => [...row[layer]])),
  );
  return { batch, rows: rows.length, assignments };
}

/** A text whose tokens are as uneven as words are, and come again in phrases: a third of the 4-grams repeat. */
export function wordyDocuments(count: number, length: number): TokenizedDocument[] {
  const stream = random(1, "words");
  const word = (): number => Math.floor(50_000 ** stream.uniform());
  const phrases = Array.from({ length: 20_000 }, () => Int32Array.from({ length: 6 }, word));
  const byteEnds = Uint32Array.from({ length }, (_, token) => token + 1);
  return Array.from({ length: count }, (_, index) => {
    const ids = new Int32Array(length);
    for (let token = 0; token < length; ) {
      const next = stream.uniform() < 0.1 ? phrases[stream.below(phrases.length)] : Int32Array.of(word());
      ids.set(next.subarray(0, length - token), token);
      token += next.length;
    }
    const text = { id: `#${index}`, domain: "", sha256: "", text: "", bytes: length, characters: length };
    return { index, ...text, ids, byteEnds, normalised: false, repairs: { bytes: 0, bits: 0 } };
  });
}
