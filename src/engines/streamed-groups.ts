/**
 * How many batches go through a piece of the weights together: the more, the more seldom all weights are read, and the more
 * states and observations wait.
 */
import type { DecoderSpec } from "../models/spec.ts";

/** Of the states of a group, in the runtime, unless one batch has more. */
const WAITING_BYTES = 2 ** 28;
/** Of what is observed of a group, in a file, unless one batch has more. */
const OBSERVED_BYTES = 2 ** 31;
/** So that progress is seen, and a run that is stopped has lost little. */
const MOST = 32;

/** What is observed of a batch: numbers a layer, and besides. */
export interface Observed {
  /** fresh rows, and numbers of an assignment of each */
  readonly rows: number;
  readonly shares: number;
  readonly moments: boolean;
  /** states, and sums of states */
  readonly states: number;
  /** sums over units, and units of all blocks */
  readonly pools: number;
  readonly units: number;
  readonly likeliest: number;
}

type Shape = Pick<DecoderSpec, "width" | "blocks">;

/** @returns bytes of a batch's observations, about */
export function observedBytes(
  { width, blocks }: Shape,
  { rows, shares, moments, states, pools, units, likeliest }: Observed,
): number {
  const ofLayer = rows * shares + (moments ? width ** 2 + 2 * width : 0) + states * width;
  return 4 * ((blocks.length + 1) * ofLayer + pools * units + rows + 2 * likeliest);
}

/** @returns bytes of the states of a group of batches of so many tokens, at most */
export const waitingBytes = ({ width }: Pick<Shape, "width">, tokens: number): number =>
  Math.max(4 * tokens * width, Math.min(WAITING_BYTES, MOST * 4 * tokens * width));

/** @returns bytes of the observations of a group, at most, of batches that have so many at most and so many in all */
export const groupBytes = (largest: number, all: number): number => Math.min(all, Math.max(largest, OBSERVED_BYTES));

/** Batches that go together, about, of the bytes that one's states and observations take. */
export const togetherOf = (waiting: number, observed: number): number =>
  Math.max(1, Math.min(MOST, Math.floor(WAITING_BYTES / waiting), Math.floor(OBSERVED_BYTES / Math.max(1, observed))));

/** In order, as many together as fit, one at least. @param sizeOf bytes of one's states and of its observations */
export function* groupsOf<T>(
  all: Iterable<T>,
  sizeOf: (one: T) => { readonly waiting: number; readonly observed: number },
): Generator<readonly T[]> {
  let group: T[] = [];
  let [waiting, observed] = [0, 0];
  for (const one of all) {
    const own = sizeOf(one);
    const isFull = waiting + own.waiting > WAITING_BYTES || observed + own.observed > OBSERVED_BYTES;
    if (group.length === MOST || (group.length > 0 && isFull)) {
      yield group;
      group = [];
      [waiting, observed] = [0, 0];
    }
    group.push(one);
    waiting += own.waiting;
    observed += own.observed;
  }
  if (group.length > 0) yield group;
}
