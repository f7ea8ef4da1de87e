import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import type { Observation } from "../../ports/observation.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { windowsOf } from "../../text/windows.ts";
import { KeptStates } from "./kept-states.ts";

/** A document cut into tokens of the given numbers of bytes. */
function documentOf(index: number, text: string, cuts: readonly number[]): TokenizedDocument {
  const bytes = Buffer.byteLength(text);
  const ends: number[] = [];
  for (let at = 0, i = 0; at < bytes; i++) ends.push((at = Math.min(bytes, at + cuts[i % cuts.length])));
  return {
    index,
    id: `${index}`,
    domain: "text",
    sha256: text,
    text,
    bytes,
    characters: [...text].length,
    ids: Int32Array.from(ends.keys()),
    byteEnds: Uint32Array.from(ends),
    normalised: false,
    repairs: { bytes: 0, bits: 0 },
  };
}

const WIDTH = 3;
const state = (layer: number, document: number, token: number): number[] => [layer, document, token];

/** All windows of the documents, a batch each, with the states of the rows asked for. */
function observe(kept: KeptStates, documents: readonly TokenizedDocument[], order: (n: number) => number[]): void {
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, { id: 0, addedByTokenizer: true }, 7, 3));
  for (const at of order(windows.length)) {
    const batch = { index: at, windows: [windows[at]] };
    const picked = kept.stateRows(batch);
    const { document, start, fresh, prefixSlots, ids } = windows[at];
    const states = [0, 1].map((layer) =>
      Float32Array.from([...picked].flatMap((row) => state(layer, document, start + fresh + row - prefixSlots))),
    );
    const observation: Observation = { batch, rows: ids.length - fresh, states, pickedRows: picked };
    kept.observe(observation);
  }
}

const values = (kept: KeptStates): number[] =>
  [...kept.states()].flatMap((row) => [...new Float32Array(row.slice().buffer)]);

describe("states kept for comparison", () => {
  const folder = temporaryFolder();
  const texts = ["one two three, four", "naïve Straße 東京 end", "x"];

  it("are those of the tokens that end where a word ends, in the order of the text, whatever came first", () => {
    const documents = texts.map((text, index) => documentOf(index, text, [1]));
    let orders = 0;
    for (const order of [(n: number) => [...Array(n).keys()], (n: number) => [...Array(n).keys()].reverse()]) {
      const kept = new KeptStates(documents, { layers: 2, width: WIDTH }, 0, {
        folder: folder(`order ${orders++}`),
        resumable: true,
      });
      observe(kept, documents, order);
      const ends = kept.rows.map(({ document, byte }) => {
        const before = Buffer.from(texts[document]).subarray(0, byte).toString();
        return before.split(/\s/).at(-1);
      });
      expect(ends).toEqual(["one", "two", "four", "naïve", "Straße", "東京", "end", "x"]);
      expect(values(kept)).toEqual(
        [0, 1].flatMap((layer) => kept.rows.flatMap(({ document, token }) => state(layer, document, token))),
      );
    }
  });

  it("lie at the same bytes for any way of cutting, where a token ends there", () => {
    const fine = new KeptStates([documentOf(0, texts[0], [1])], { layers: 1, width: WIDTH }, 5, {
      folder: folder(),
      resumable: true,
    });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 }), (cuts) => {
        const document = documentOf(0, texts[0], cuts);
        const coarse = new KeptStates([document], { layers: 1, width: WIDTH }, 5, {
          folder: folder(),
          resumable: true,
        });
        const ends = new Set(document.byteEnds);
        expect(coarse.rows.map(({ byte }) => byte)).toEqual(
          fine.rows.map(({ byte }) => byte).filter((byte) => ends.has(byte)),
        );
        coarse.close();
      }),
      { numRuns: 30 },
    );
  });

  it("go on from a snapshot as if nothing had happened", () => {
    const documents = texts.map((text, index) => documentOf(index, text, [2, 1]));
    const shape = { layers: 2, width: WIDTH };
    const whole = new KeptStates(documents, shape, 0, { folder: folder("whole"), resumable: true });
    observe(whole, documents, (n) => [...Array(n).keys()]);
    const first = new KeptStates(documents, shape, 0, { folder: folder(), resumable: true });
    observe(first, documents, (n) => [...Array(n - 2).keys()]);
    const snapshot = structuredClone(first.snapshot());
    observe(first, documents, (n) => [n - 2]);
    first.close();
    const second = new KeptStates(documents, shape, 0, { folder: folder(), resumable: true });
    second.restore(snapshot);
    observe(second, documents, (n) => [n - 2, n - 1]);
    expect(values(second)).toEqual(values(whole));
  });
});
