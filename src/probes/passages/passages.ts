/**
 * The text that a report shows: passages spread over domains and documents by a seed, each with the code length of every
 * token, or the whole corpus where it is short enough. A passage begins and ends where both a token and a character do. Where they lie is known
 * before the model runs.
 *
 * Memory: the bytes of one document at a time, and what is kept: `mostBytes` of text at most, with 16 bytes a token.
 */
import { random } from "../../numeric/random.ts";
import { sum } from "../../numeric/sums.ts";
import type { Profile } from "../../profile/profile.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";

type Passage = Profile["passages"][number];

/** Text that a profile keeps. */
const MOST_BYTES = 200_000;
/** About how long a passage is where not everything is kept. */
const PASSAGE_BYTES = 4_000;
/** A token's nats are kept to 1/10,000: a reader sees two decimals, and the profile stays small. */
const STEPS_PER_NAT = 10_000;

export interface SpanOptions {
  readonly seed: number;
  /** default 200,000 */
  readonly mostBytes?: number;
}

export interface PassageOptions extends SpanOptions {
  /** what was likeliest from that token on */
  readonly expectedOf?: (document: number, first: number) => Passage["expected"];
}

/** Where a passage lies: tokens [first, last) of a document. */
interface Span {
  readonly document: TokenizedDocument;
  readonly first: number;
  readonly last: number;
}

/** @returns where the passages lie, in the order of the corpus, `mostBytes` of text at most */
export function passageSpans(documents: readonly TokenizedDocument[], options: SpanOptions): Span[] {
  const mostBytes = options.mostBytes ?? MOST_BYTES;
  const whole = sum(documents.map(({ bytes }) => bytes)) <= mostBytes;
  const chosen = whole
    ? new Map(documents.filter(({ bytes }) => bytes > 0).map((document) => [document, [0]]))
    : choose(documents, mostBytes, options.seed);
  let room = mostBytes;
  const spans: Span[] = [];
  for (const [document, parts] of [...chosen].sort(([a], [b]) => a.index - b.index)) {
    const bytes = Buffer.from(document.text);
    const count = whole ? 1 : partsOf(document);
    for (const part of parts.sort((a, b) => a - b)) {
      const first = tokensBefore(document, bytes, part / count);
      const last = tokensBefore(document, bytes, (part + 1) / count);
      const length = last > first ? document.byteEnds[last - 1] - startOf(document, first) : 0;
      if (length === 0 || length > room) continue;
      room -= length;
      spans.push({ document, first, last });
    }
  }
  return spans;
}

/**
 * @param documents of the corpus
 * @param lossesOf nats of every token of the document with that index
 * @returns passages in the order of the corpus, `mostBytes` of text at most
 */
export function passagesOf(
  documents: readonly TokenizedDocument[],
  lossesOf: (document: number) => Float32Array,
  options: PassageOptions,
): Passage[] {
  return passageSpans(documents, options).map((span) => cut(span, lossesOf(span.document.index), options));
}

/** The byte that a token begins at. */
const startOf = ({ byteEnds }: TokenizedDocument, token: number): number => (token === 0 ? 0 : byteEnds[token - 1]);

/** How many passages a document is good for. */
const partsOf = ({ bytes }: TokenizedDocument): number => Math.max(1, Math.round(bytes / PASSAGE_BYTES));

/**
 * Chooses parts of documents: domains in turn, within a domain documents in turn, each giving its parts in a random order.
 * @returns by document the numbers of its parts; together, as a token may straddle an edge, somewhat below `mostBytes`
 */
function choose(
  documents: readonly TokenizedDocument[],
  mostBytes: number,
  seed: number,
): Map<TokenizedDocument, number[]> {
  const stream = random(seed, "passages");
  const byDomain = new Map<string, TokenizedDocument[]>();
  for (const document of documents) {
    if (document.bytes === 0) continue;
    const members = byDomain.get(document.domain) ?? [];
    byDomain.set(document.domain, members);
    members.push(document);
  }
  function* inTurn(members: TokenizedDocument[]): Generator<readonly [TokenizedDocument, number]> {
    const orders = stream
      .shuffle(members)
      .map((document) => [document, stream.shuffle(Array.from({ length: partsOf(document) }, (_, i) => i))] as const);
    for (let turn = 0, given = true; given; turn++) {
      given = false;
      for (const [document, order] of orders) {
        if (turn >= order.length) continue;
        given = true;
        yield [document, order[turn]];
      }
    }
  }
  const chosen = new Map<TokenizedDocument, number[]>();
  let room = mostBytes - PASSAGE_BYTES / 2;
  let turns = [...byDomain.values()].map(inTurn);
  while (turns.length > 0) {
    const going: typeof turns = [];
    for (const turn of turns) {
      const next = turn.next();
      if (next.done) continue;
      const [document, part] = next.value;
      room -= document.bytes / partsOf(document);
      if (room < 0) return chosen;
      chosen.set(document, [...(chosen.get(document) ?? []), part]);
      going.push(turn);
    }
    turns = going;
  }
  return chosen;
}

function cut({ document, first, last }: Span, losses: Float32Array, { expectedOf }: PassageOptions): Passage {
  const start = startOf(document, first);
  const nats = losses.subarray(first, last);
  const ends = Array.from(document.byteEnds.subarray(first, last), (end) => end - start);
  const length = ends.at(-1) ?? 0;
  const expected = expectedOf?.(document.index, first);
  return {
    document: document.index,
    start,
    text: Buffer.from(document.text).toString("utf8", start, start + length),
    bitsPerByte: length > 0 ? sum(nats) / Math.LN2 / length : null,
    ends,
    nats: Array.from(nats, (value) => Math.round(value * STEPS_PER_NAT) / STEPS_PER_NAT),
    ...(expected && { expected }),
  };
}

/** How many tokens lie before a fraction of the document: the fewest that end there or later, at a character's end. */
function tokensBefore({ byteEnds }: TokenizedDocument, bytes: Buffer, fraction: number): number {
  if (fraction <= 0) return 0;
  if (fraction >= 1) return byteEnds.length;
  const target = fraction * bytes.length;
  let low = 0;
  let high = byteEnds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byteEnds[middle] < target) low = middle + 1;
    else high = middle;
  }
  let count = low + 1;
  while (count < byteEnds.length && (bytes[byteEnds[count - 1]] & 0xc0) === 0x80) count++;
  return Math.min(count, byteEnds.length);
}
