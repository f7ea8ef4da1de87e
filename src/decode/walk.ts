/**
 * Drives the rows of one batch through a model in step, windows as METHODS §0 cuts them: every row is asked what follows,
 * and reads it, until all are at their end. What runs, and in which shapes, is the same whether rows are written or read,
 * and whatever they hold: batch and positions alone decide, never the tokens (`docs/decisions/codec-distributions.md`).
 *
 * Memory: 4 bytes a token of every row.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import type { Row } from "./block.ts";
import type { DecodingSession } from "./session.ts";

/** Tokens read at once where a window opens with some that are known: bounds the memory of attention. */
export const AT_ONCE = 64;
/** of the probe: tokens read at once, then one by one */
const PROBE_TOGETHER = 32;
const PROBE_STEPS = 16;

/** What is driven. */
export type Stepper = Pick<DecodingSession, "restart" | "advance" | "spread">;

/** What rows have in common: they go on from these, which read so many tokens by themselves first. */
export interface Opening {
  readonly rows: readonly Row[];
  readonly tokens: number;
}

export interface Windows {
  /** id that opens every window, or null */
  readonly prefix: number | null;
  /** tokens of a window, prefix included */
  readonly context: number;
  /** tokens that a later window re-reads */
  readonly overlap: number;
  readonly vocabulary: number;
}

/** Tokens re-read by later windows: without a prefix at least one. @throws LossyscopeError `usage` where nothing is left */
export function reread({ prefix, context, overlap }: Windows): number {
  const tokens = prefix === null ? Math.max(1, overlap) : overlap;
  if (tokens >= context - (prefix === null ? 0 : 1))
    throw new LossyscopeError(
      "usage",
      `a window of ${count(context)} tokens has no room for new ones after ${count(tokens)} read again`,
      "pass a smaller --overlap or a larger --context",
    );
  return tokens;
}

/**
 * Asks the rows until each has given null.
 * @param onStep told after every step
 * @param ready awaited before the rows are asked for the step of that number
 * @param opening as many rows go on from each row of it, in order; those of one that ends in it are at their end too
 * @throws LossyscopeError as `DecodingSession.advance`; whatever a row throws
 */
export async function walk(
  session: Stepper,
  rows: readonly Row[],
  windows: Windows,
  onStep: () => void = () => {},
  opening?: Opening,
  ready?: (step: number) => Promise<void>,
): Promise<void> {
  const { prefix, context, vocabulary } = windows;
  const kept = reread(windows);
  const prefixes = prefix === null ? [] : [prefix];
  const room = context - prefixes.length;
  let asked = opening?.rows ?? rows;
  let history: number[][] = asked.map(() => []);
  let done = asked.map(() => false);
  const open = async (from: number): Promise<Float32Array[] | undefined> => {
    session.restart();
    const known = history.map((ids) => [...prefixes, ...ids.slice(from)]);
    let following: Float32Array[] | undefined;
    for (let at = 0; at < known[0].length; at += AT_ONCE)
      following = await session.advance(known.map((ids) => ids.slice(at, at + AT_ONCE)));
    return following;
  };
  /** where the window ends, among the rows' tokens */
  let end = room;
  // Without a prefix nothing predicts the first token: it is one of V.
  let following = (await open(0)) ?? asked.map(() => new Float32Array(vocabulary).fill(1 / vocabulary));
  for (let tokens = 0; ; ) {
    if (opening && asked === opening.rows && tokens === opening.tokens) {
      const from = rows.map((_, b) => Math.floor((b * asked.length) / rows.length));
      session.spread(from);
      asked = rows;
      history = from.map((b) => [...history[b]]);
      done = from.map((b) => done[b]);
      following = from.map((b) => following[b]);
    }
    await ready?.(tokens);
    asked.forEach((row, b) => {
      const id = done[b] ? null : row.next(following[b]);
      done[b] = id === null;
      // A row at its end reads on, whatever it is: the batch keeps its shape.
      history[b].push(id ?? 0);
    });
    onStep();
    if (done.every(Boolean)) return;
    tokens++;
    if (tokens === end) {
      following = (await open(end - kept))!;
      end += room - kept;
    } else following = await session.advance(history.map((ids) => [ids[tokens - 1]]));
  }
}

/**
 * Distributions on a fixed sequence, row after row at every step: what two machines must agree on to read each other's
 * files.
 * @returns [rows] distributions of every step, in order
 */
export async function* probe(
  session: Stepper,
  rows: number,
  { context, vocabulary }: Windows,
): AsyncGenerator<readonly Float32Array[]> {
  const stream = random(0, "codec probe");
  const length = Math.min(context - 1, PROBE_TOGETHER + PROBE_STEPS);
  const together = Math.min(PROBE_TOGETHER, length);
  const ids = Array.from({ length: rows }, () => Array.from({ length }, () => stream.below(vocabulary)));
  session.restart();
  yield await session.advance(ids.map((row) => row.slice(0, together)));
  for (let at = together; at < length; at++) yield await session.advance(ids.map((row) => [row[at]]));
}
