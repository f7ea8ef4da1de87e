/** What was likeliest in chosen stretches: against a plain table of every token, however the windows fall and the parts come. */
import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Window } from "../../text/corpus.ts";
import { Expectations, type Stretch } from "./expectations.ts";

const EACH = 2;
const spell = (token: number): string => `t${token}`;

/** What a model would hold for likeliest at a token of a document. */
function likeliestAt(document: number, token: number): { tokens: number[]; nats: number[] } {
  const draws = random("likeliest", document, token);
  const first = draws.below(50);
  const share = draws.uniform();
  return { tokens: [first, first + 1], nats: [-Math.log(share), -Math.log(share / 2)] };
}

/** An observation of these windows as the engine would give it for the rows that are asked for. */
function observed(expectations: Expectations, windows: readonly Window[]): Observation {
  const batch = { index: 0, windows };
  const wanted = new Set(expectations.rows(batch));
  const rows: number[] = [];
  const found: { tokens: number[]; nats: number[] }[] = [];
  let row = 0;
  for (const { document, ids, fresh, start, prefixSlots } of windows) {
    for (let slot = fresh; slot < ids.length; slot++, row++) {
      if (!wanted.has(row) || slot === 0) continue;
      rows.push(row);
      found.push(likeliestAt(document, start + slot - prefixSlots));
    }
  }
  const likeliest = {
    rows: Int32Array.from(rows),
    count: EACH,
    tokens: Float32Array.from(found.flatMap(({ tokens }) => tokens)),
    nats: Float32Array.from(found.flatMap(({ nats }) => nats)),
  };
  return { batch, rows: row, likeliest };
}

const window = (document: number, start: number, length: number, fresh: number, prefixSlots: 0 | 1): Window => ({
  document,
  start,
  fresh,
  prefixSlots,
  ids: new Int32Array(length + prefixSlots),
});

const STRETCHES: readonly Stretch[] = [
  { document: 0, first: 0, last: 5 },
  { document: 1, first: 3, last: 9 },
  { document: 1, first: 20, last: 22 },
];
/** Ten tokens of document 0 without prefix, thirty of document 1 with one, in windows that overlap. */
const BATCHES = [
  [window(0, 0, 7, 0, 0), window(1, 0, 12, 0, 1)],
  [window(0, 4, 6, 3, 0)],
  [window(1, 8, 12, 5, 1), window(1, 16, 14, 5, 1)],
];

function seenBy(batches: readonly (readonly Window[])[]): Expectations {
  const expectations = new Expectations(STRETCHES, EACH, spell);
  for (const windows of batches) expectations.observe(observed(expectations, windows));
  return expectations;
}

const allOf = (expectations: Expectations) => STRETCHES.map(({ document, first }) => expectations.of(document, first)!);

describe("expectations", () => {
  it("are those of every token of the stretches, but of one that nothing comes before", () => {
    for (const [at, found] of allOf(seenBy(BATCHES)).entries()) {
      const { document, first, last } = STRETCHES[at];
      expect(found.best).toHaveLength((last - first) * EACH);
      for (let token = first; token < last; token++) {
        const own = [0, 1].map((rank) => (token - first) * EACH + rank);
        const truth = likeliestAt(document, token);
        if (document === 0 && token === 0) {
          expect(own.map((place) => found.best[place])).toEqual([-1, -1]);
          continue;
        }
        expect(own.map((place) => found.tokens[found.best[place]])).toEqual(truth.tokens.map(spell));
        for (const [rank, place] of own.entries())
          expect(found.shares[place]).toBeCloseTo(Math.exp(-truth.nats[rank]), 4);
      }
    }
  });

  it("ask for rows of the stretches alone, in order, and know of no others", () => {
    const expectations = new Expectations(STRETCHES, EACH, spell);
    const rows = BATCHES.map((windows) => [...expectations.rows({ index: 0, windows })]);
    expect(rows.flat()).toHaveLength(5 + 6 + 2);
    for (const own of rows) expect(own).toEqual(own.toSorted((a, b) => a - b));
    expect(expectations.of(1, 0)).toBeUndefined();
    const { likeliest, ...without } = observed(expectations, BATCHES[0]);
    expect(() => expectations.observe(without)).toThrow("no likeliest tokens");
  });

  it("come together from parts, in any order, with the names that the parts gave them", () => {
    const whole = allOf(seenBy(BATCHES));
    const parts = BATCHES.map((batch) => seenBy([batch]).snapshot());
    const joined = new Expectations(STRETCHES, EACH, () => "never spelt here");
    for (const part of [parts[2], parts[0], parts[1]]) joined.restore(part);
    expect(allOf(joined)).toEqual(whole);
  });
});
