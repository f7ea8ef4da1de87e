/**
 * Cuts documents into windows, the stretches that go through the model in one pass, and windows into batches
 * (METHODS §0, Window). This is the only place where that is decided; which windows make which batch depends on nothing but
 * the windows and the budget, so it is part of the plan.
 * Memory: 4 bytes a token of every window, which with an overlap of half the window is 8 bytes a token of the text.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Prefix, Window, WindowBatch } from "./corpus.ts";

/**
 * @param document index of the document
 * @param ids [tokens] of the document, without the prefix
 * @param context tokens of a window at most, prefix included
 * @param overlap document tokens that each later window reads again as context; without a prefix at least one
 * @returns windows in order; every token of the document is new in exactly one of them; none for a document without tokens
 * @throws LossyscopeError `usage` where a later window would have no room for a new token
 */
export function windowsOf(
  document: number,
  ids: Int32Array,
  prefix: Prefix | null,
  context: number,
  overlap: number,
): Window[] {
  const prefixSlots = prefix ? 1 : 0;
  const { room, reread } = roomOf(prefix, context, overlap);
  if (!Number.isInteger(context) || !Number.isInteger(overlap) || overlap < 0 || reread >= room) {
    throw new LossyscopeError(
      "usage",
      `a window of ${count(context)} tokens has no room for new ones after ${prefixSlots} of prefix and ${count(reread)} read again`,
      `pass --overlap ${Math.max(0, Math.floor(context / 2) - 1)} or less, or a larger --context`,
    );
  }
  const windows: Window[] = [];
  for (let start = 0, scored = 0; scored < ids.length; start = scored - reread) {
    const end = Math.min(ids.length, start + room);
    const slots = new Int32Array(prefixSlots + end - start);
    if (prefix) slots[0] = prefix.id;
    slots.set(ids.subarray(start, end), prefixSlots);
    windows.push({ document, ids: slots, prefixSlots, start, fresh: scored === 0 ? 0 : prefixSlots + scored - start });
    scored = end;
  }
  return windows;
}

/**
 * First document token of the window in which a token is new.
 * @param room document tokens of a window
 * @param reread of them, in a later window, those read again
 */
export const windowStart = (token: number, room: number, reread: number): number =>
  token < room ? 0 : (Math.floor((token - room) / (room - reread)) + 1) * (room - reread);

/** Document tokens of a window, and those that a later one reads again; without a prefix at least one. */
export const roomOf = (
  prefix: Prefix | null,
  context: number,
  overlap: number,
): { readonly room: number; readonly reread: number } => ({
  room: context - Number(prefix !== null),
  reread: prefix ? overlap : Math.max(1, overlap),
});

/**
 * Windows of like length together, longest first (so that what needs the most memory runs first), corpus order among
 * equals.
 *
 * @param tokenBudget tokens of a batch at most, padding included; a longer window is a batch by itself
 * @param lengthSteps lengths above which the model reads a window otherwise: what is longer than one and what is not
 * are never padded to each other (`models/rotary.ts`)
 */
export function batchesOf(
  windows: readonly Window[],
  tokenBudget: number,
  lengthSteps: readonly number[] = [],
): WindowBatch[] {
  const ordered = [...windows].sort((a, b) => b.ids.length - a.ids.length);
  const stepsBelow = ({ ids }: Window): number => lengthSteps.filter((step) => ids.length > step).length;
  const batches: WindowBatch[] = [];
  for (let first = 0; first < ordered.length; ) {
    const most = Math.max(1, Math.floor(tokenBudget / ordered[first].ids.length));
    const near = ordered.slice(first, first + most);
    const other = near.findIndex((window) => stepsBelow(window) !== stepsBelow(ordered[first]));
    const count = other === -1 ? most : other;
    batches.push({ index: batches.length, windows: ordered.slice(first, first + count) });
    first += count;
  }
  return batches;
}

/** Names a batch for people: where its first window lies. */
export function describeBatch({ windows }: WindowBatch, documents: readonly { readonly id: string }[]): string {
  const { document, start, ids } = windows[0];
  const more = windows.length > 1 ? ` and ${count(windows.length - 1)} more windows` : "";
  return `tokens ${count(start)} to ${count(start + ids.length)} of "${documents[document].id}"${more}`;
}

/** Tokens of the longest window; 0 without one. */
export const longestOf = (batches: readonly WindowBatch[]): number =>
  batches.reduce((most, { windows }) => Math.max(most, ...windows.map(({ ids }) => ids.length)), 0);
