import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasShared, shared } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { corpusFrontier, frontierAt, type LabelPairs } from "./frontier.ts";

/** The pairs of a table of counts, cell by cell. */
function pairsOf(table: readonly (readonly number[])[]): LabelPairs {
  const x: number[] = [];
  const y: number[] = [];
  table.forEach((row, a) => {
    row.forEach((times, b) => {
      for (let i = 0; i < times; i++) {
        x.push(a);
        y.push(b);
      }
    });
  });
  return { x: Int32Array.from(x), y: Int32Array.from(y) };
}

/** Smoothing so weak that the fitted joint is the table. */
const BARE = { kappa: 1e-9 };
const entropyBits = (p: readonly number[]) => p.reduce((h, q) => (q > 0 ? h - q * Math.log2(q) : h), 0);
const binaryEntropy = (p: number) => entropyBits([p, 1 - p]);

/** I(X;T) and I(Y;T) in bits of an encoder [x][t] on a table, by the definitions. */
function informations(table: readonly (readonly number[])[], encoder: readonly (readonly number[])[]) {
  const total = table.flat().reduce((a, b) => a + b, 0);
  const px = table.map((row) => row.reduce((a, b) => a + b, 0) / total);
  const py = table[0].map((_, y) => table.reduce((a, row) => a + row[y], 0) / total);
  const pt = encoder[0].map((_, t) => encoder.reduce((a, row, x) => a + px[x] * row[t], 0));
  const complexity = entropyBits(pt) - encoder.reduce((a, row, x) => a + px[x] * entropyBits(row), 0);
  let conditional = 0;
  for (let t = 0; t < pt.length; t++) {
    const pyt = py.map((_, y) => table.reduce((a, row, x) => a + (row[y] / total) * encoder[x][t], 0) / pt[t]);
    conditional += pt[t] * entropyBits(pyt);
  }
  return { complexity, expressivity: entropyBits(py) - conditional };
}

const fittedAt = (points: ReturnType<typeof corpusFrontier>["points"], complexity: number) =>
  frontierAt(
    points.map((point) => ({ ...point, expressivity: point.fitted })),
    complexity,
  );

describe("corpusFrontier", () => {
  it("is Mrs Gerber's curve for a binary symmetric channel", () => {
    // The best encoder of a uniform bit is another binary symmetric channel (Witsenhausen & Wyner 1975).
    const flip = 0.1;
    const pairs = pairsOf([
      [45_000, 5_000],
      [5_000, 45_000],
    ]);
    const { points, limit } = corpusFrontier(pairs, pairs, BARE);
    expect(limit).toBeCloseTo(1 - binaryEntropy(flip), 3);
    expect(points.length).toBeGreaterThan(15);
    for (let noise = 0; noise <= 0.5; noise += 0.01) {
      const complexity = 1 - binaryEntropy(noise);
      const wanted = 1 - binaryEntropy(noise * (1 - flip) + (1 - noise) * flip);
      expect(Math.abs(fittedAt(points, complexity) - wanted)).toBeLessThan(1e-3);
    }
  });

  it("is the diagonal up to H(Y) where Y is a function of X", () => {
    const pairs = pairsOf(Array.from({ length: 8 }, (_, x) => [0, 1, 2, 3].map((y) => (y === x % 4 ? 500 : 0))));
    const { points, limit } = corpusFrontier(pairs, pairs, BARE);
    for (const complexity of [0.25, 1, 1.5, 1.9]) expect(fittedAt(points, complexity)).toBeCloseTo(complexity, 2);
    expect(fittedAt(points, 2.1)).toBeCloseTo(2, 2);
    expect(points.at(-1)!.complexity).toBeCloseTo(3, 2);
    expect(limit).toBeCloseTo(2, 2);
  });

  it("is nothing where X says nothing of Y", () => {
    const pairs = pairsOf([
      [40, 60, 100],
      [80, 120, 200],
    ]);
    const { points, limit } = corpusFrontier(pairs, pairs);
    expect(Math.max(...points.map((point) => point.fitted))).toBeLessThan(1e-5);
    expect(Math.abs(limit)).toBeLessThan(1e-3);
    expect(frontierAt(points, 0.5)).toBeLessThan(1e-3);
  });

  it("rises, bends down, and stays under the diagonal, under H(X) and under I(X;Y)", () => {
    const cell = fc.integer({ min: 0, max: 30 });
    const table = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
      .chain(([w, h]) => fc.array(fc.array(cell, { minLength: h, maxLength: h }), { minLength: w, maxLength: w }))
      .filter((rows) => rows.flat().some((times) => times > 0));
    fc.assert(
      fc.property(table, fc.constantFrom(1e-9, 1, 16), fc.constantFrom(2, 3, 128), (rows, kappa, clusters) => {
        const pairs = pairsOf(rows);
        const { points } = corpusFrontier(pairs, pairs, { kappa, clusters });
        expect(points[0]).toEqual({ complexity: 0, expressivity: 0, fitted: 0 });
        for (const { complexity, fitted } of points) expect(fitted).toBeLessThanOrEqual(complexity + 1e-9);
        let slope = Infinity;
        for (let i = 1; i < points.length; i++) {
          const run = points[i].complexity - points[i - 1].complexity;
          const rise = points[i].fitted - points[i - 1].fitted;
          expect(run).toBeGreaterThan(0);
          expect(rise).toBeGreaterThan(0);
          expect(rise / run).toBeLessThanOrEqual(slope + 1e-6);
          slope = rise / run;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("lies above every encoder that chance finds, but for a quarter of the step in slope along each chord", () => {
    const stream = random(1, "encoders");
    for (let trial = 0; trial < 6; trial++) {
      const table = Array.from({ length: 4 }, () => Array.from({ length: 3 }, () => 20 + stream.below(2000)));
      const pairs = pairsOf(table);
      const { points } = corpusFrontier(pairs, pairs, BARE);
      let closest = Infinity;
      for (let i = 0; i < 3000; i++) {
        const sharp = 12 * stream.uniform();
        const encoder = table.map(() => {
          const weights = Array.from({ length: 4 }, () => Math.exp(sharp * stream.normal()));
          const sum = weights.reduce((a, b) => a + b, 0);
          return weights.map((weight) => weight / sum);
        });
        const { complexity, expressivity } = informations(table, encoder);
        const room = fittedAt(points, complexity) - expressivity;
        const next = points.findIndex((point) => point.complexity >= complexity);
        const chord = points[next].complexity - points[next - 1].complexity;
        expect(room).toBeGreaterThan(-0.005 * chord - 1e-4);
        closest = Math.min(closest, room);
      }
      expect(closest).toBeLessThan(0.01);
    }
  });

  it("reads off the fitted curve where the evaluated pairs are the fitted ones", () => {
    const { below } = random(2, "table");
    const pairs = pairsOf(Array.from({ length: 12 }, () => Array.from({ length: 9 }, () => 1 + below(200))));
    for (const { expressivity, fitted } of corpusFrontier(pairs, pairs, BARE).points) {
      expect(expressivity).toBeCloseTo(fitted, 3);
    }
  });

  it("is a mean over evaluated pairs, of tokens never fitted too", () => {
    const fitted = pairsOf([
      [50, 3, 9],
      [4, 60, 2],
      [7, 8, 90],
    ]);
    const one = { x: Int32Array.of(0, 1, 2, 2), y: Int32Array.of(0, 1, 0, 2) };
    const other = { x: Int32Array.of(7, 1), y: Int32Array.of(2, 9) };
    const both = { x: Int32Array.of(...one.x, ...other.x), y: Int32Array.of(...one.y, ...other.y) };
    const [a, b, c] = [one, other, both].map((evaluated) => corpusFrontier(fitted, evaluated).points);
    expect(a.length).toBeGreaterThan(3);
    a.forEach((point, i) => {
      expect(c[i].complexity).toBe(point.complexity);
      expect(c[i].expressivity).toBeCloseTo((4 * point.expressivity + 2 * b[i].expressivity) / 6, 12);
    });
    // p(y|x) = (n_xy + κ b(y)) / (n_x + κ), against the joint's own marginal; classes 0..2 and the rest.
    const kappa = 16;
    const [nx, ny, N] = [[62, 66, 105], [61, 71, 101], 233];
    const base = [...ny, 0].map((n) => (n + 1 / 4) / (N + 1));
    const px = [...nx, 0].map((n) => (n + 1 / 4) / (N + 1));
    const table = [
      [50, 3, 9, 0],
      [4, 60, 2, 0],
      [7, 8, 90, 0],
      [0, 0, 0, 0],
    ];
    const given = table.map((row, x) => row.map((n, y) => (n + kappa * base[y]) / ((nx[x] ?? 0) + kappa)));
    const py = base.map((_, y) => px.reduce((a, p, x) => a + p * given[x][y], 0));
    const cells = [
      [0, 0],
      [1, 1],
      [2, 0],
      [2, 2],
      [3, 2],
      [1, 3],
    ];
    const wanted = cells.reduce((a, [x, y]) => a + Math.log2(given[x][y] / py[y]), 0) / cells.length;
    expect(corpusFrontier(fitted, both).limit).toBeCloseTo(wanted, 12);
  });

  it("keeps the most frequent tokens and makes the others one", () => {
    const { below } = random(3, "rare");
    const table = Array.from({ length: 30 }, () => Array.from({ length: 30 }, () => below(20)));
    const pairs = pairsOf(table);
    const whole = corpusFrontier(pairs, pairs);
    const few = corpusFrontier(pairs, pairs, { vocabulary: 10, clusters: 5 });
    expect(whole.vocabulary).toBe(30);
    expect([few.vocabulary, few.clusters, few.kappa]).toEqual([10, 5, 16]);
    expect(few.points.at(-1)!.fitted).toBeLessThan(whole.points.at(-1)!.fitted);
  });

  it("ends where its numbers leave float64", () => {
    const pairs = pairsOf([
      [3, 0],
      [0, 3],
    ]);
    // κ so small that p(y|x) underflows: 0 · ln 0 is no number
    expect(() => corpusFrontier(pairs, pairs, { kappa: Number.MIN_VALUE })).toThrow("does not close with κ = 5e-324");
    expect(corpusFrontier(pairs, pairs, { kappa: 1e300 }).points.length).toBeGreaterThan(0);
  });

  it("refuses what has no frontier", () => {
    const pairs = pairsOf([[3, 1]]);
    const none = { x: new Int32Array(0), y: new Int32Array(0) };
    expect(() => corpusFrontier(none, pairs)).toThrow("0 fitted values of X and 0 of Y");
    expect(() => corpusFrontier(pairs, { x: new Int32Array(3), y: new Int32Array(2) })).toThrow("3 evaluated values");
    expect(() => corpusFrontier(pairs, pairs, { kappa: 0 })).toThrow("κ = 0");
    expect(() => corpusFrontier(pairs, pairs, { kappa: Infinity })).toThrow("κ = Infinity");
  });

  it.skipIf(!hasShared)("does as well as METHODS §2.6–2.7 say on tinyshakespeare (skipped without ../shared)", () => {
    const read = (path: string) => readFileSync(shared(path), "utf8");
    const tokenizer = new Tokenizer(
      JSON.parse(read("models/stories260k/tokenizer.json")),
      JSON.parse(read("models/stories260k/tokenizer_config.json")),
    );
    const documents = read("text/tinyshakespeare.txt")
      .slice(0, 200_000)
      .split("\n\n")
      .filter((piece) => piece.length > 40)
      .map((piece) => tokenizer.encode(piece).ids)
      .filter((ids) => ids.length >= 12)
      .map((ids) => ids.slice(0, 256));
    random(0, "split").shuffle(documents);
    const inside = (ids: number[]) => ids.slice(3, -4).map((x, i) => [x, ids[i + 4]]);
    const cut = Math.floor(0.8 * documents.length);
    const [fitted, evaluated] = [documents.slice(0, cut), documents.slice(cut)].map((part) => {
      const pairs = part.flatMap(inside);
      return { x: Int32Array.from(pairs, ([x]) => x), y: Int32Array.from(pairs, ([, y]) => y) };
    });
    expect(fitted.x.length + evaluated.x.length).toBe(91_159);

    const { points, limit } = corpusFrontier(fitted, evaluated);
    // The figures there are for another draw of the split; over draws they move by 0.02.
    expect(Math.abs(limit - 2.11)).toBeLessThan(0.06);
    expect(Math.abs(frontierAt(points, 0.49 * Math.log2(100)) - 1.5)).toBeLessThan(0.06);
    expect(Math.abs(frontierAt(points, 0.202 * Math.log2(100)) - 0.77)).toBeLessThan(0.06);
  });
});
