/** Rows, split and schedule against what they promise. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SourceDocument } from "../text/documents.ts";
import { Rows } from "./rows.ts";
import { checkpointSteps, rateAt } from "./schedule.ts";
import { splitText } from "./split.ts";

describe("rows", () => {
  const documents = fc.array(
    fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 12 }).map((ids) => Int32Array.from(ids)),
    { minLength: 1, maxLength: 6 },
  );
  const options = fc.record({
    packing: fc.constantFrom("stream" as const, "documents" as const),
    positions: fc.integer({ min: 1, max: 7 }),
    shuffled: fc.boolean(),
    seed: fc.nat(),
  });

  it("predict every token of an epoch that has one before it once, each from the one before it", () => {
    fc.assert(
      fc.property(documents, options, fc.nat(3), (given, option, epoch) => {
        const rows = new Rows(given, { ...option, prefix: { id: 0, addedByTokenizer: false } });
        const pairs: string[] = [];
        for (let row = epoch * rows.perEpoch; row < (epoch + 1) * rows.perEpoch; row++) {
          const { ids, targets, real, tokens } = rows.take(row, row + 1, 2);
          expect(real.length).toBe(2 * option.positions);
          expect(real.reduce((sum, each) => sum + each, 0)).toBe(tokens);
          real.forEach((counts, slot) => {
            if (counts) pairs.push(`${ids[slot]} ${targets[slot]}`);
          });
        }
        expect(pairs.length).toBe(rows.tokensPerEpoch);
        // Inside a document the pairs do not depend on the order.
        const inside = given.flatMap((ids) => [...ids].map((id, at) => `${at === 0 ? 0 : ids[at - 1]} ${id}`));
        expect(pairs.filter((pair) => !pair.endsWith(" 0")).sort()).toEqual(inside.sort());
      }),
    );
  });

  it("hold one document each where documents are kept apart", () => {
    fc.assert(
      fc.property(documents, options, fc.boolean(), (given, option, prefixed) => {
        const prefix = prefixed ? { id: 0, addedByTokenizer: false } : null;
        const marked = given.map((ids, at) => ids.map((_, i) => 1000 * (at + 1) + i));
        const rows = new Rows(marked, { ...option, packing: "documents", prefix });
        expect(rows.tokensPerEpoch).toBe(
          marked.reduce((sum, ids) => sum + Math.max(0, ids.length - (prefixed ? 0 : 1)), 0),
        );
        for (let row = 0; row < rows.perEpoch; row++) {
          const { ids, targets, real, tokens } = rows.take(row, row + 1, 1);
          expect(tokens).toBeGreaterThan(0);
          const here = [...real].flatMap((counts, slot) =>
            counts ? [[Number(ids[slot]), Number(targets[slot])]] : [],
          );
          for (const [from, to] of here) expect(from === 0 ? to % 1000 : to - from).toBe(from === 0 ? 0 : 1);
        }
      }),
    );
  });

  it("are the same however they are taken", () => {
    fc.assert(
      fc.property(documents, options, (given, option) => {
        const make = () => new Rows(given, { ...option, prefix: null });
        if (make().perEpoch === 0) return;
        const one = make();
        for (let row = 0; row < 2 * one.perEpoch; row++) one.take(row, row + 1, 1);
        expect(one.take(0, 3, 3)).toEqual(make().take(0, 3, 3));
      }),
    );
  });
});

describe("the split", () => {
  const of = (texts: readonly string[]): SourceDocument[] =>
    texts.map((text, at) => ({ id: `${at}`, domain: "text", text, replaced: 0 }));

  it("draws whole documents where there are many", () => {
    const texts = Array.from({ length: 100 }, (_, at) => "x".repeat(1 + (at % 7)));
    const { train, heldOut } = splitText(of(texts), 0.1, 3);
    expect([...train, ...heldOut].map(({ id }) => id).sort()).toEqual(
      of(texts)
        .map(({ id }) => id)
        .sort(),
    );
    const bytes = heldOut.reduce((sum, { text }) => sum + text.length, 0);
    expect(bytes / texts.join("").length).toBeGreaterThanOrEqual(0.1);
    expect(bytes / texts.join("").length).toBeLessThan(0.13);
    expect(splitText(of(texts), 0.1, 4).heldOut).not.toEqual(heldOut);
  });

  it("cuts the end of few, after a line, never a character", () => {
    const [front, end] = [splitText(of(["one\ntwo\nthree\nfour"]), 0.3, 0), splitText(of(["😀😀😀"]), 0.5, 0)];
    expect([front.train[0].text, front.heldOut[0].text]).toEqual(["one\ntwo\n", "three\nfour"]);
    expect([end.train[0].text, end.heldOut[0].text]).toEqual(["😀", "😀😀"]);
  });

  it("holds nothing out where nothing is asked for", () => {
    expect(splitText(of(["text"]), 0, 0)).toEqual({ train: of(["text"]), heldOut: [] });
  });
});

describe("the schedule", () => {
  const schedule = { rate: 2, warmup: 4, finalShare: 0.1 };
  it("grows evenly, then falls to its last value", () => {
    for (const decay of ["cosine", "linear"] as const) {
      expect([1, 2, 4].map((step) => rateAt(step, 12, { ...schedule, decay }))).toEqual([0.5, 1, 2]);
      expect(rateAt(8, 12, { ...schedule, decay })).toBeCloseTo(1.1, 12);
      expect(rateAt(12, 12, { ...schedule, decay })).toBeCloseTo(0.2, 12);
    }
    expect(rateAt(9, 12, { ...schedule, decay: "constant" })).toBe(2);
    expect(rateAt(6, 12, { ...schedule, decay: "cosine" })).toBeGreaterThan(
      rateAt(6, 12, { ...schedule, decay: "linear" }),
    );
  });

  it("leaves checkpoints at the start, at the end and evenly between in ln step", () => {
    expect(checkpointSteps(1000, 5)).toEqual([0, 1, 10, 100, 1000]);
    expect(checkpointSteps(3, 12)).toEqual([0, 1, 2, 3]);
    expect(checkpointSteps(50, 2)).toEqual([0, 50]);
    expect(checkpointSteps(1, 7)).toEqual([0, 1]);
  });
});
