/** Where two models differ most, as people can read it: tokens with what stands before them, and stretches of text. */
import type { Lockstep } from "../../profile/lockstep.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Extreme, Tally } from "./tally.ts";

/** Bytes of a stretch, or a token more; of what is shown before a token. */
const STRETCH_BYTES = 240;
const BEFORE_BYTES = 60;
/** Stretches shown. */
const SHOWN = 5;

export interface Telling {
  readonly documents: readonly TokenizedDocument[];
  /** of a token, as people read it */
  readonly spell: (token: number) => string;
  /** false where no text is to be told */
  readonly keepText: boolean;
}

export function toldTokens(extremes: readonly Extreme[], { documents, spell, keepText }: Telling): Lockstep["tokens"] {
  return extremes.map(({ document: index, token, delta, p, q, both }) => {
    const { id, domain, ids, byteEnds, text } = documents[index];
    const start = byteEnds[token - 1] ?? 0;
    return {
      document: id,
      domain,
      start,
      bytes: byteEnds[token] - start,
      kl: both?.kl ?? null,
      delta,
      before: keepText ? soundEnd(Buffer.from(text).subarray(Math.max(0, start - BEFORE_BYTES), start)) : null,
      text: keepText ? spell(ids[token]) : null,
      p,
      q,
      likeliest: keepText && both ? { p: spell(both.topP), q: spell(both.topQ) } : null,
    };
  });
}

/** Bytes as text, without the character that they begin within, or end within. */
const soundEnd = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString()
    .replace(/^\ufffd+|\ufffd+$/g, "");

interface Stretch {
  readonly document: number;
  /** tokens */
  readonly from: number;
  readonly to: number;
  readonly lost: number;
}

/** Of every document's stretches, one after the other, those that lost most; none that lost nothing. */
export function toldStretches(tally: Tally, both: boolean, { documents, keepText }: Telling): Lockstep["stretches"] {
  let most: Stretch[] = [];
  for (const document of documents) {
    most = [...most, ...stretchesOf(document, tally.lost(document.index))]
      .filter(({ lost }) => lost > 0)
      .sort((a, b) => b.lost - a.lost || a.document - b.document || a.from - b.from)
      .slice(0, SHOWN);
  }
  return most.map(({ document: index, from, to }) => {
    const { id, domain, text, byteEnds } = documents[index];
    const start = byteEnds[from - 1] ?? 0;
    const end = byteEnds[to - 1];
    const lost = [...tally.lost(index).subarray(from, to)];
    const delta = total(tally.delta(index).subarray(from, to));
    return {
      document: id,
      domain,
      start,
      bytes: end - start,
      kl: both ? total(lost) : null,
      delta,
      text: keepText ? Buffer.from(text).subarray(start, end).toString() : null,
      ends: [...byteEnds.subarray(from, to)].map((one) => one - start),
      bits: lost,
    };
  });
}

const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

/** Cut where a token ends, and a character with it. */
function stretchesOf({ index, text, byteEnds }: TokenizedDocument, lost: Float32Array): Stretch[] {
  const bytes = Buffer.from(text);
  const found: Stretch[] = [];
  let from = 0;
  for (let token = 0; token < byteEnds.length; token++) {
    const start = byteEnds[from - 1] ?? 0;
    const end = byteEnds[token];
    const whole = end === bytes.length || (bytes[end] & 0xc0) !== 0x80;
    // tokens that stand for no bytes go with the one before
    const last = token + 1 === byteEnds.length;
    if (!last && (end - start < STRETCH_BYTES || !whole || byteEnds[token + 1] === end)) continue;
    found.push({ document: index, from, to: token + 1, lost: total(lost.subarray(from, token + 1)) });
    from = token + 1;
  }
  return found;
}
