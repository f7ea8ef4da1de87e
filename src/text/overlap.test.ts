/** Overlap against a look at every pair of runs, on texts of few tokens where runs do meet. */
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { overlapWith, RUN } from "./overlap.ts";

const document = (ids: readonly number[]) => ({ ids: Int32Array.from(ids), sha256: JSON.stringify(ids) });

/** Whether each token of a text stands in a run that the other has. */
function naive(text: readonly (readonly number[])[], other: readonly (readonly number[])[]): number {
  const runs = other.flatMap((ids) => ids.slice(RUN - 1).map((_, at) => ids.slice(at, at + RUN).join(" ")));
  const marks = text.map((ids) => {
    const isIn = ids.map(() => false);
    for (let at = 0; at + RUN <= ids.length; at++)
      if (runs.includes(ids.slice(at, at + RUN).join(" "))) isIn.fill(true, at, at + RUN);
    if (other.some((one) => one.join() === ids.join())) isIn.fill(true);
    return isIn;
  });
  const all = marks.flat();
  return all.filter(Boolean).length / all.length;
}

describe("overlap", () => {
  it("is that of every pair of runs", () => {
    const stream = random(5, "overlap");
    for (let trial = 0; trial < 20; trial++) {
      const source = Array.from({ length: 400 }, () => stream.below(trial % 2 === 0 ? 2 : 50_000));
      const piece = (): number[] => {
        const from = stream.below(300);
        return source.slice(from, from + 10 + stream.below(90));
      };
      const fresh = (): number[] => Array.from({ length: stream.below(60) }, () => stream.below(50_000));
      const text = Array.from({ length: 4 }, () => [...fresh(), ...piece(), ...fresh()]);
      const other = [piece(), [...fresh(), ...piece()], text[stream.below(4)]];
      const found = overlapWith(text.map(document), other.map(document));
      expect(found.share).toBeCloseTo(naive(text, other), 12);
      expect(found.documents).toBe(1);
    }
  });

  it("is none of texts that have short stretches alone in common, and of nothing", () => {
    const [a, b] = [Array.from({ length: 31 }, (_, i) => i), [9, 8]];
    expect(overlapWith([document([...a, ...b])], [document([...a, 7, ...b])])).toEqual({ documents: 0, share: 0 });
    expect(overlapWith([], [document(a)])).toEqual({ documents: 0, share: 0 });
    expect(overlapWith([document(a)], [document(a)])).toEqual({ documents: 1, share: 1 });
  });
});
