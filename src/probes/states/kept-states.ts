/**
 * States kept for comparing models (METHODS §12): at byte positions where a word ends, at most 4,000 of them, drawn by a
 * hash of document and position alone, so that two models of different tokenizers keep the same ones wherever a token of
 * theirs ends there. What is compared, and how, is `atlas/`'s.
 *
 * Memory: 8 bytes a kept row and one batch's states. Disk: rows · (L+1) · d · 4 bytes while the run goes on.
 */

import { createHash } from "node:crypto";
import { type Spill, type SpillPlace, spillAt } from "../../files/spill.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type Observation, statesOf } from "../../ports/observation.ts";
import { placesBelow } from "../../ports/restored.ts";
import type { TokenizedDocument, WindowBatch } from "../../text/corpus.ts";

const MOST_ROWS = 4000;
/** A letter or digit with white space, or the end of the text, behind it. */
const WORD_END = /[\p{L}\p{N}](?=\s|$)/gu;

/** A byte position that is kept, and the token that ends there. */
interface KeptRow {
  readonly document: number;
  readonly token: number;
  readonly byte: number;
}

/** First 48 bits of a digest: few enough positions collide that the order is the same for every model. */
function rank(sha256: string, byte: number, seed: number): number {
  return createHash("sha256").update(`${seed}\n${sha256}\n${byte}`).digest().readUIntBE(0, 6);
}

/** @returns rows in the order of the text */
export function chooseRows(documents: readonly TokenizedDocument[], seed: number): KeptRow[] {
  const chosen: { readonly document: TokenizedDocument; readonly byte: number; readonly rank: number }[] = [];
  const trim = (): void => {
    chosen.sort((a, b) => a.rank - b.rank);
    chosen.length = Math.min(chosen.length, MOST_ROWS);
  };
  for (const document of documents) {
    let units = 0;
    let byte = 0;
    for (const { index, 0: last } of document.text.matchAll(WORD_END)) {
      byte += Buffer.byteLength(document.text.slice(units, index + last.length));
      units = index + last.length;
      chosen.push({ document, byte, rank: rank(document.sha256, byte, seed) });
    }
    if (chosen.length > 16 * MOST_ROWS) trim();
  }
  trim();
  const rows = chosen.flatMap(({ document: { index, byteEnds }, byte }) => {
    const token = byteEnds.lastIndexOf(byte);
    return token < 0 ? [] : [{ document: index, token, byte }];
  });
  return rows.sort((a, b) => a.document - b.document || a.token - b.token);
}

/** Bytes of so many rows. */
export const keptBytes = (rows: number, { layers, width }: KeptStatesShape): number => 4 * rows * layers * width;

const fileOf = (layer: number): string => `kept-states.${layer}`;

export interface KeptStatesShape {
  /** L + 1 */
  readonly layers: number;
  readonly width: number;
}

export class KeptStates {
  readonly rows: readonly KeptRow[];
  readonly #shape: KeptStatesShape;
  readonly #places = new Map<number, Map<number, number>>();
  readonly #spills: readonly Spill[];
  /** places of the rows that have arrived, in their order */
  #order: number[] = [];

  /** @param place where the rows are while the run goes on */
  constructor(documents: readonly TokenizedDocument[], shape: KeptStatesShape, seed: number, place: SpillPlace) {
    this.#shape = shape;
    this.rows = chooseRows(documents, seed);
    this.rows.forEach(({ document, token }, place) => {
      const tokens = this.#places.get(document) ?? new Map<number, number>();
      this.#places.set(document, tokens.set(token, place));
    });
    this.#spills = Array.from({ length: shape.layers }, (_, layer) => spillAt(place, fileOf(layer)));
  }

  /** Rows of a batch that are kept, with the place of each. */
  #in({ windows }: WindowBatch): { rows: number[]; places: number[] } {
    const rows: number[] = [];
    const places: number[] = [];
    let first = 0;
    for (const { document, ids, start, fresh, prefixSlots } of windows) {
      const tokens = this.#places.get(document);
      for (let slot = Math.max(fresh, prefixSlots); tokens && slot < ids.length; slot++) {
        const place = tokens.get(start + slot - prefixSlots);
        if (place === undefined) continue;
        rows.push(first + slot - fresh);
        places.push(place);
      }
      first += ids.length - fresh;
    }
    return { rows, places };
  }

  /** for `EngineRequest` */
  stateRows(batch: WindowBatch): Int32Array {
    return Int32Array.from(this.#in(batch).rows);
  }

  observe(observation: Observation): void {
    const { rows, places } = this.#in(observation.batch);
    const states = statesOf(observation, Int32Array.from(rows), this.#shape.width);
    for (const [layer, values] of states.entries()) this.#spills[layer].append(values);
    this.#order.push(...places);
  }

  /** Bytes on the disk that some of the batches come to. */
  bytesOf(batches: readonly WindowBatch[]): number {
    const rows = batches.reduce((total, batch) => total + this.#in(batch).rows.length, 0);
    return keptBytes(rows, this.#shape);
  }

  /** The files beside a snapshot, with the bytes of each. */
  filesOf({ order }: { readonly order: readonly number[] }): ReadonlyMap<string, number> {
    const bytes = order.length * this.#rowBytes;
    return new Map(this.#spills.map((_, layer) => [fileOf(layer), bytes]));
  }

  get #rowBytes(): number {
    return this.#shape.width * 4;
  }

  snapshot(): { readonly order: readonly number[] } {
    for (const spill of this.#spills) spill.flush();
    return { order: this.#order };
  }

  /**
   * Takes up rows that lie where this probe's place is, in the order in which they were written.
   * @throws LossyscopeError `io` where they are not among the rows of this one, each once
   */
  restore({ order }: { readonly order: readonly number[] }): void {
    placesBelow(this.rows.length, order, "kept states");
    const bytes = order.length * this.#rowBytes;
    for (const spill of this.#spills) spill.truncate(bytes);
    this.#order = [...order];
  }

  /** Lets go of the files; the run's folder removes them. */
  close(): void {
    for (const spill of this.#spills) spill.close();
  }

  /** [L+1, rows, d] in the order of `rows`, a row at a time. @throws LossyscopeError `engine` where one never came */
  *states(): Generator<Uint8Array> {
    if (this.#order.length !== this.rows.length) {
      throw new LossyscopeError(
        "engine",
        `${count(this.#order.length)} of ${count(this.rows.length)} kept states came`,
      );
    }
    const arrival = new Int32Array(this.rows.length);
    this.#order.forEach((place, at) => {
      arrival[place] = at;
    });
    const rowBytes = this.#rowBytes;
    for (const spill of this.#spills) for (const at of arrival) yield spill.read(at * rowBytes, rowBytes);
  }
}
