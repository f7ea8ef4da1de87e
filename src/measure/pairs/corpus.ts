/**
 * Pairs of completions as windows of a model (METHODS §2.3 Preference information): prompt and completion are one text, of
 * which the completion's tokens alone are new.
 *
 * Memory: 8 bytes a token, and the windows.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Window } from "../../text/corpus.ts";
import type { PairSet } from "../../text/pairs.ts";
import { windowsOf } from "../../text/windows.ts";
import { type Repair, repairCost } from "../../tokenizer/repairs.ts";
import type { Encoding, Tokenizer } from "../../tokenizer/tokenizer.ts";

/** A prompt with one of its completions, in tokens. */
export interface Completion {
  /** for people */
  readonly id: string;
  /** first token that counts */
  readonly from: number;
  /** tokens that count, bytes that they stand for, bits of their repairs */
  readonly tokens: number;
  readonly bytes: number;
  readonly repairBits: number;
}

export interface PairCorpus {
  readonly set: PairSet;
  /** `document` is the place among the completions */
  readonly windows: readonly Window[];
  /** of pair i the chosen one at 2i, the rejected one at 2i + 1 */
  readonly completions: readonly Completion[];
  /** pairs of which a completion changes the prompt's last tokens */
  readonly joined: number;
}

interface Ground {
  readonly tokenizer: Pick<Tokenizer, "encode" | "prefix">;
  readonly context: number;
  readonly overlap: number;
}

/** @throws LossyscopeError `text` for a completion without tokens; as encoding does */
export function pairCorpus(set: PairSet, { tokenizer, context, overlap }: Ground): PairCorpus {
  const { prefix } = tokenizer;
  const windows: Window[] = [];
  const completions: Completion[] = [];
  let joined = 0;
  for (const { line, prompt, chosen, rejected } of set.pairs) {
    const promptBytes = Buffer.byteLength(prompt);
    const both = [chosen, rejected].map((completion) => tokenizer.encode(prompt + completion));
    const from = sharedTokens(both, promptBytes);
    const start = from === 0 ? 0 : both[0].byteEnds[from - 1];
    if (start < promptBytes) joined++;
    for (const [side, { ids, bytes, repairs }] of both.entries()) {
      const id = `${set.name}, line ${count(line)}, ${side === 0 ? "chosen" : "rejected"}`;
      if (ids.length <= from) throw new LossyscopeError("text", `${id} has no tokens`, "leave the pair out");
      windows.push(...completionWindows(windowsOf(completions.length, ids, prefix, context, overlap), from));
      completions.push({
        id,
        from,
        tokens: ids.length - from,
        bytes: bytes - start,
        repairBits: repairCost(reaching(repairs, start), bytes).bits,
      });
    }
  }
  return { set, windows, completions, joined };
}

/** Tokens that both texts begin with and that end within the prompt. */
function sharedTokens([a, b]: readonly Encoding[], promptBytes: number): number {
  let shared = 0;
  while (
    shared < Math.min(a.ids.length, b.ids.length) &&
    a.ids[shared] === b.ids[shared] &&
    a.byteEnds[shared] === b.byteEnds[shared] &&
    a.byteEnds[shared] <= promptBytes
  )
    shared++;
  return shared;
}

const reaching = (repairs: readonly Repair[], start: number): Repair[] => repairs.filter(({ end }) => end > start);

/** Windows with tokens of the completion, of which these alone are new. */
const completionWindows = (windows: readonly Window[], from: number): Window[] =>
  windows.flatMap((window) => {
    const first = from === 0 ? 0 : window.prefixSlots + from - window.start;
    const fresh = Math.max(window.fresh, first);
    return fresh < window.ids.length ? [{ ...window, fresh }] : [];
  });
