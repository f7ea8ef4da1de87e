/**
 * What it takes to turn decoded tokens back into the text byte for byte (METHODS §1, Repairs). A repair is one place: the
 * bytes [start, end) of the text stand where decoding gives `decoded` bytes that differ. It costs 8 bits for each
 * differing byte, of which there are max(end − start, decoded), and one position, log2 of the document's bytes; places
 * that touch are one.
 */
import type { Change } from "./align.ts";

export interface Repair {
  readonly start: number;
  readonly end: number;
  readonly decoded: number;
}

/** @returns differing bytes and their cost in bits, in a document of `documentBytes` bytes */
export function repairCost(repairs: readonly Repair[], documentBytes: number): { bytes: number; bits: number } {
  const bytes = repairs.reduce((sum, { start, end, decoded }) => sum + Math.max(end - start, decoded), 0);
  return { bytes, bits: 8 * bytes + repairs.length * Math.log2(Math.max(1, documentBytes)) };
}

/**
 * Byte offsets of a normalised text in the text it came from. An offset inside a change goes to the change's start: the
 * token that completes a change stands for all of its bytes.
 *
 * @param changes in order, as `align` gives them
 * @returns a function to be called with offsets that do not decrease
 */
export function sourceOffsets(changes: readonly Change[]): (normal: number) => number {
  let next = 0;
  let shift = 0;
  return (normal) => {
    while (next < changes.length && changes[next].normalEnd <= normal && changes[next].normalStart < normal) {
      shift = changes[next].end - changes[next].normalEnd;
      next++;
    }
    const change = changes[next];
    return change && normal >= change.normalStart ? change.start : normal + shift;
  };
}

/** Adds a place after all others; one that touches the last is part of it. */
export function addRepair(repairs: Repair[], { start, end, decoded }: Repair): void {
  const last = repairs.at(-1);
  if (last && start <= last.end) {
    repairs[repairs.length - 1] = { start: last.start, end: Math.max(last.end, end), decoded: last.decoded + decoded };
  } else repairs.push({ start, end, decoded });
}

/**
 * Composes what the normaliser changed with what the tokens do not give back of the normalised text.
 *
 * @param changes text against normalised text, in order
 * @param flaws normalised text against decoded tokens; offsets in the normalised text
 * @returns text against decoded tokens; offsets in the text
 */
export function composeRepairs(changes: readonly Change[], flaws: readonly Repair[]): Repair[] {
  const places = [
    ...changes.map(({ start, end, normalStart, normalEnd }) => ({
      normalStart,
      normalEnd,
      longer: end - start - (normalEnd - normalStart),
      decodedLonger: 0,
    })),
    ...flaws.map(({ start, end, decoded }) => ({
      normalStart: start,
      normalEnd: end,
      longer: 0,
      decodedLonger: decoded - (end - start),
    })),
  ].sort((a, b) => a.normalStart - b.normalStart || a.normalEnd - b.normalEnd);
  const repairs: Repair[] = [];
  let shift = 0;
  for (let i = 0; i < places.length; ) {
    const { normalStart } = places[i];
    const start = normalStart + shift;
    let normalEnd = normalStart;
    let decodedLonger = 0;
    for (; i < places.length && places[i].normalStart <= normalEnd; i++) {
      normalEnd = Math.max(normalEnd, places[i].normalEnd);
      shift += places[i].longer;
      decodedLonger += places[i].decodedLonger;
    }
    repairs.push({ start, end: normalEnd + shift, decoded: normalEnd - normalStart + decodedLonger });
  }
  return repairs;
}
