/**
 * The same bytes as several models coded them. Their tokens end at different bytes; where all of them end, the code
 * lengths since the last such place belong to the same bytes and can be set against each other (METHODS §12). Text comes
 * from the passages that profiles keep, so what can be aligned is what every profile kept.
 *
 * Memory: 8 bytes a kept token and model.
 */
import { groupBy } from "../numeric/groups.ts";
import type { Profile } from "../profile/profile.ts";

type Passage = Profile["passages"][number];

/** Bytes [start, start + bytes) of a document, and what each model's tokens on them cost. */
export interface Stretch {
  /** index in the first profile's documents */
  readonly document: number;
  readonly start: number;
  readonly bytes: number;
  readonly text: string;
  /** [models] */
  readonly nats: readonly number[];
  /** [models] tokens as the passages of a profile have them, ends from the stretch's start */
  readonly tokens: readonly { readonly ends: readonly number[]; readonly nats: readonly number[] }[];
}

/** Documents by content: the n-th with the same bytes is the same document. */
export function documentKeys(profile: Profile): string[] {
  const seen = new Map<string, number>();
  return profile.documents.map(({ sha256 }) => {
    const nth = seen.get(sha256) ?? 0;
    seen.set(sha256, nth + 1);
    return `${sha256}#${nth}`;
  });
}

/** A passage with what may be asked of it by byte of the document. */
interface Coded {
  readonly passage: Passage;
  /** byte of the document → index of the first token that ends behind it */
  readonly after: Map<number, number>;
}

function coded(passage: Passage): Coded {
  const after = new Map([[passage.start, 0]]);
  // tokens that stand for no bytes go with the one before; at the start there is none
  for (const [token, end] of passage.ends.entries()) if (end > 0) after.set(passage.start + end, token + 1);
  return { passage, after };
}

const endOf = ({ start, ends }: Passage): number => start + (ends.at(-1) ?? 0);

/** The stretch between two bytes at which a token of every model ends. */
function stretch(document: number, all: readonly Coded[], bytes: Uint8Array, from: number, to: number): Stretch {
  const offset = all[0].passage.start;
  const tokens = all.map(({ passage, after }) => {
    const [first, last] = [after.get(from)!, after.get(to)!];
    return {
      ends: passage.ends.slice(first, last).map((end) => end + passage.start - from),
      nats: passage.nats.slice(first, last),
    };
  });
  return {
    document,
    start: from,
    bytes: to - from,
    text: new TextDecoder().decode(bytes.subarray(from - offset, to - offset)),
    nats: tokens.map(({ nats }) => nats.reduce((sum, value) => sum + value, 0)),
    tokens,
  };
}

/** Bytes that a stretch may run on in search of a place between words. */
const SEARCH = 80;
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a;

/**
 * Cuts what all passages share into stretches of about `size` bytes, from one common token end to another, where it can be
 * at a space. What is left over at the end joins the stretch before, if it is shorter than half of one.
 */
function cut(document: number, passages: readonly Passage[], size: number): Stretch[] {
  const all = passages.map(coded);
  const [first, ...others] = all;
  const bytes = new TextEncoder().encode(first.passage.text);
  const offset = first.passage.start;
  const low = Math.max(...passages.map(({ start }) => start));
  const high = Math.min(...passages.map(endOf));
  const places = [...first.after.keys()]
    .filter((place) => place >= low && place <= high && others.every(({ after }) => after.has(place)))
    // a token may end inside a character; text is cut between characters only
    .filter((place) => (bytes[place - offset] & 0xc0) !== 0x80)
    .sort((a, b) => a - b);
  const edges: number[] = places.slice(0, 1);
  for (const place of places) {
    const length = place - edges[edges.length - 1];
    const between = isSpace(bytes[place - offset]) || isSpace(bytes[place - offset - 1]);
    if (length >= size && (between || length >= size + SEARCH)) edges.push(place);
  }
  const last = places.at(-1);
  if (last !== undefined && last > edges[edges.length - 1]) {
    if (edges.length > 1 && last - edges[edges.length - 1] < size / 2) edges[edges.length - 1] = last;
    else edges.push(last);
  }
  return edges.slice(1).map((to, index) => stretch(document, all, bytes, edges[index], to));
}

/**
 * Stretches of about `size` bytes of all the text that every profile kept, in the order of the first one's passages.
 * @param profiles of the same documents, in any order
 */
export function alignedStretches(profiles: readonly Profile[], size: number): Stretch[] {
  const [first, ...others] = profiles.map((profile) => {
    const keys = documentKeys(profile);
    return groupBy(profile.passages, ({ document }) => keys[document]);
  });
  const found: Stretch[] = [];
  for (const [key, passages] of first) {
    for (const passage of passages) {
      // every way to pick one passage of each model that shares bytes with this one
      let picks: Passage[][] = [[passage]];
      for (const other of others) {
        picks = picks.flatMap((pick) =>
          (other.get(key) ?? [])
            .filter((one) => pick.every((mine) => one.start < endOf(mine) && mine.start < endOf(one)))
            .map((one) => [...pick, one]),
        );
      }
      for (const pick of picks) found.push(...cut(passage.document, pick, size));
    }
  }
  return found;
}
