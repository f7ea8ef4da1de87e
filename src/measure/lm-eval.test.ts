import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentOf, observationOf } from "../probes/coding.testing.ts";
import { LmEvalTally, lmEvalWindows } from "./lm-eval.ts";

const PREFIX = 99;
const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** A window as the harness has it: what is read as context, and what is predicted. */
const pairs = (count: number, maxLength: number) =>
  lmEvalWindows(0, tokens(count), PREFIX, maxLength).map(({ ids, fresh }) => {
    const context = Math.max(fresh, 1);
    return [[...ids.slice(0, context)], [...ids.slice(context)]];
  });

describe("lm-evaluation-harness's windows", () => {
  // Written by its own get_rolling_token_windows (context_len 1) and make_disjoint_window.
  it.each([
    [0, 4, []],
    [1, 4, [[[99], [0]]]],
    [4, 4, [[[99], [0, 1, 2, 3]]]],
    [
      5,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[0, 1, 2, 3], [4]],
      ],
    ],
    [
      10,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[3], [4, 5, 6, 7]],
        [
          [5, 6, 7],
          [8, 9],
        ],
      ],
    ],
    [
      12,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[3], [4, 5, 6, 7]],
        [[7], [8, 9, 10, 11]],
      ],
    ],
    [
      3,
      1,
      [
        [[99], [0]],
        [[0], [1]],
        [[1], [2]],
      ],
    ],
  ])("%i tokens, %i at once", (count, maxLength, expected) => expect(pairs(count, maxLength)).toEqual(expected));

  it("predict every token once, never read more than they may, and name the tokens they hold", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 20 }), (count, maxLength) => {
        const windows = lmEvalWindows(3, tokens(count), PREFIX, maxLength);
        expect(pairs(count, maxLength).flatMap(([, predicted]) => predicted)).toEqual([...tokens(count)]);
        for (const { document, ids, prefixSlots, start } of windows) {
          expect(document).toBe(3);
          expect(ids.length).toBeLessThanOrEqual(maxLength + 1);
          for (let slot = prefixSlots; slot < ids.length; slot++) expect(ids[slot]).toBe(start + slot - prefixSlots);
        }
      }),
    );
  });

  it("refuses windows that predict nothing", () =>
    expect(() => lmEvalWindows(0, tokens(3), PREFIX, 0)).toThrow("predict nothing"));
});

describe("lm-evaluation-harness's figures", () => {
  it("are sums over documents divided once, words split as Python splits them", () => {
    const documents = [
      documentOf(0, ["Two ", "words", ", é!", "\n"]), // Two, words,, é!, and an empty end
      documentOf(1, []),
      documentOf(2, ["a\x1cb\x85c", "\ufeffd"]),
    ];
    const tally = new LmEvalTally(documents);
    const windows = documents.flatMap(({ index, ids }) => lmEvalWindows(index, ids, PREFIX, 2));
    windows.forEach((window, index) => {
      tally.observe(observationOf({ index, windows: [window] }, (document, token) => 1 + document + token / 2));
    });
    const nats = 1 + 1.5 + 2 + 2.5 + 3 + 3.5;
    const bytes = documents.reduce((sum, document) => sum + document.bytes, 0);
    const words = 4 + 1 + 3;
    const figures = tally.finish(2);
    expect(figures.bitsPerByte).toBeCloseTo(nats / bytes / Math.LN2, 12);
    expect(figures.bytePerplexity).toBeCloseTo(Math.exp(nats / bytes), 12);
    expect(figures.wordPerplexity).toBeCloseTo(Math.exp(nats / words), 12);
    expect(figures.why).toContain("windows of 2 ");
  });
});
