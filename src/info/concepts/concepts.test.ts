/** Figures of labelled rows: against scikit-learn and scipy (`fixtures/concepts`), and on rows whose figures are plain. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../../fixtures.testing.ts";
import { random } from "../../numeric/random.ts";
import { mean } from "../../numeric/sums.ts";
import { ckaByChance, ckaOfGrams } from "../cka.ts";
import { againstChance, SHUFFLES, shuffledLabels } from "./chance.ts";
import { cosinesOf, gramOf, neighbours, purities, silhouettes } from "./clusters.ts";
import { layerConcepts } from "./layer.ts";
import { factored, fitLogistic, predictLogistic } from "./logistic.ts";
import {
  analogies,
  centredGram,
  directionGram,
  hierarchy,
  principalPlaces,
  procrustes,
  reordered,
  superposing,
} from "./relations.ts";
import { unitSharing } from "./sharing.ts";
import { cosine, halfShare, overlapOverChance, participation, topUnits } from "./spread.ts";

interface Cluster {
  readonly width: number;
  readonly rows: number[];
  readonly labels: number[];
  readonly silhouettes: number[];
  readonly purity: number;
  readonly logistic: Record<string, { readonly rightByFold: number[]; readonly loss: number }>;
}
const golden = JSON.parse(readFileSync(fixture("concepts/golden.json"), "utf8")) as {
  readonly clusters: Cluster[];
  readonly procrustes: { count: number; width: number; a: number[]; b: number[]; disparity: number; left: number[] }[];
  readonly cka: { rows: number; a: number[]; b: number[]; cka: number; byChance: number | null }[];
};

const all = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
const normal = (name: string, length: number): Float64Array => {
  const stream = random(name);
  return Float64Array.from({ length }, () => stream.normal());
};

describe.each(golden.clusters)("clusters of rows of width $width", ({ width, rows, labels, ...expected }) => {
  const n = labels.length;
  const classes = Math.max(...labels) + 1;
  const gram = gramOf(rows, n, width);
  const cosines = cosinesOf(gram, n);

  it("have scikit-learn's silhouettes by cosine, 0 for a row alone", () => {
    for (const [i, value] of silhouettes(cosines, labels, classes).entries())
      expect(value).toBeCloseTo(expected.silhouettes[i], 12);
  });

  it("have the purity of scikit-learn's nearest neighbours", () => {
    expect(mean(purities(neighbours(cosines, n, 5), labels))).toBeCloseTo(expected.purity, 12);
  });

  it.each(Object.keys(expected.logistic))("are told apart as scikit-learn's regression does, C = %s", (weight) => {
    const { rightByFold, loss } = expected.logistic[weight];
    const options = { weight: Number(weight), tolerance: 1e-8, iterations: 1000 };
    // Rows of the same inner products do as well as the rows themselves.
    const given = { features: Float64Array.from(rows), width };
    for (const { features, width: own } of [given, factored(gram, n)]) {
      const model = fitLogistic(features, own, all(n), labels, classes, options);
      const nats = labels.map((label, row) => {
        const scores = Array.from({ length: classes }, (_, c) => {
          let score = model[classes * own + c];
          for (let k = 0; k < own; k++) score += model[c * own + k] * features[row * own + k];
          return score;
        });
        return Math.log(scores.reduce((sum, one) => sum + Math.exp(one), 0)) - scores[label];
      });
      expect(mean(nats)).toBeCloseTo(loss, 6);
      for (let fold = 0; fold < 5; fold++) {
        const [fitted, asked] = [all(n).filter((i) => i % 5 !== fold), all(n).filter((i) => i % 5 === fold)];
        const found = fitLogistic(features, own, fitted, labels, classes, options);
        const right = asked.filter((row) => predictLogistic(found, features, own, row, classes) === labels[row]);
        expect(right).toHaveLength(rightByFold[fold]);
      }
    }
  });
});

describe("shuffles", () => {
  it("keep how many rows a label has, and documents whole where each has one label", () => {
    const labels = Int32Array.of(0, 0, 1, 1, 2, 2, 2, 0);
    const documents = Int32Array.of(0, 0, 1, 1, 2, 2, 2, 3);
    const drawn = shuffledLabels(labels, documents, ["test"]);
    expect(drawn).toHaveLength(SHUFFLES);
    for (const shuffled of drawn) {
      expect([...shuffled].sort()).toEqual([...labels].sort());
      expect(shuffled[0]).toBe(shuffled[1]);
      expect([...shuffled.slice(4, 7)]).toEqual([2, 2, 2]);
    }
    expect(new Set(drawn.map(String)).size).toBe(2);
    const mixed = shuffledLabels(labels, new Int32Array(8), ["test"]);
    expect(new Set(mixed.map(String)).size).toBeGreaterThan(100);
  });

  it("give a p-value that counts what equals the figure, and is never 0", () => {
    const shuffled = Float64Array.from({ length: SHUFFLES }, (_, i) => i / SHUFFLES);
    expect(againstChance(2, shuffled).p).toBe(1 / 201);
    expect(againstChance(0.5, shuffled).p).toBe(101 / 201);
    expect(againstChance(0, shuffled, "less").p).toBe(2 / 201);
  });

  it("of labels that say nothing give p-values as often low as high", () => {
    const low = Array.from({ length: 40 }, (_, turn) => {
      const rows = normal(`nothing ${turn}`, 20 * 5);
      const labels = Int32Array.from({ length: 20 }, (_, i) => i % 2);
      const cosines = cosinesOf(gramOf(rows, 20, 5), 20);
      const value = (given: Int32Array): number => mean(silhouettes(cosines, given, 2));
      const shuffled = shuffledLabels(labels, all(20), ["nothing", turn]).map(value);
      return againstChance(value(labels), Float64Array.from(shuffled)).p <= 0.5;
    }).filter(Boolean).length;
    expect(low).toBeGreaterThan(8);
    expect(low).toBeLessThan(32);
  });
});

describe("linear CKA of Gram matrices", () => {
  it.each(golden.cka)("is dcor's, $rows rows, and its null is what all orders give", ({ rows, ...given }) => {
    const [a, b] = [given.a, given.b].map((own) => gramOf(own, rows, own.length / rows));
    expect(ckaOfGrams(a, b, rows)).toBeCloseTo(given.cka, 10);
    if (given.byChance !== null) expect(ckaByChance(rows)).toBeCloseTo(given.byChance, 10);
    expect(ckaOfGrams(a, a, rows)).toBeCloseTo(1, 12);
    expect(ckaOfGrams(a, new Float64Array(rows ** 2).fill(1), rows)).toBeNull();
    expect(ckaOfGrams(centredGram(a, rows), b, rows)).toBeCloseTo(given.cka, 10);
  });
});

describe("relations", () => {
  it.each(golden.procrustes)("leave what scipy's Procrustes leaves, $count concepts", ({ count, width, ...given }) => {
    const [a, b] = [given.a, given.b].map((rows) => centredGram(gramOf(rows, count, width), count));
    expect(procrustes(a, b, count)).toBeCloseTo(given.disparity, 9);
    const { left } = superposing(a, count)!(b)!;
    for (const [at, product] of left.entries()) expect(product).toBeCloseTo(given.left[at], 9);
    expect(procrustes(a, a, count)).toBeCloseTo(0, 12);
    expect(procrustes(a, new Float64Array(count * count), count)).toBeNull();
    const turned = [...Array(count).keys()].reverse();
    expect(procrustes(reordered(a, turned), reordered(b, turned), count)).toBeCloseTo(given.disparity, 9);
  });

  it("find a planted hierarchy, and no more than chance without one", () => {
    const [parents, width] = [Int32Array.of(0, 0, 0, 1, 1, 1, 2, 2, -1), 30];
    const base = normal("parents", 3 * width);
    const rows = Float64Array.from(normal("children", 9 * width), (noise, at) => {
      const parent = parents[Math.floor(at / width)];
      return noise + (parent < 0 ? 0 : 3 * base[parent * width + (at % width)]);
    });
    const means = directionGram(gramOf(rows, 9, width), all(9), 9);
    expect(hierarchy(means, parents, 9)).toBe(1);
    const mixed = hierarchy(means, Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1, -1), 9)!;
    expect(mixed).toBeLessThan(0.5);
    expect(hierarchy(means, Int32Array.of(0, 0, 1, 2, 3, 4, 5, 6, 7), 9)).toBeNull();
  });

  it("solve analogies as the naive search does, all of them where one step leads from each to its pair", () => {
    const [n, width] = [14, 12];
    const naive = (rows: Float64Array, pairs: readonly (readonly [number, number])[]): number => {
      const unit = Array.from({ length: n }, (_, i) => {
        const row = [...rows.subarray(i * width, (i + 1) * width)];
        const size = Math.hypot(...row);
        return row.map((value) => value / size);
      });
      let right = 0;
      for (const [a, b] of pairs)
        for (const [c, d] of pairs) {
          if (a === c) continue;
          const goal = unit[b].map((value, k) => value - unit[a][k] + unit[c][k]);
          const scores = unit.map((row) => row.reduce((sum, value, k) => sum + value * goal[k], 0));
          const others = [...scores.keys()].filter((x) => ![a, b, c].includes(x));
          right += Number(others.reduce((best, x) => (scores[x] > scores[best] ? x : best)) === d);
        }
      return right / (pairs.length * (pairs.length - 1));
    };
    const pairs = [0, 1, 2, 3, 4].map((i) => [i, i + 5] as const);
    const noise = normal("analogies", n * width);
    const step = normal("step", width);
    const planted = noise.map((value, at) => {
      const row = Math.floor(at / width);
      return row >= 5 && row < 10 ? noise[at - 5 * width] + step[at % width] : value;
    });
    for (const rows of [noise, planted]) {
      const cosines = cosinesOf(gramOf(rows, n, width), n);
      expect(analogies(cosines, n, pairs)).toBe(naive(rows, pairs));
    }
    expect(naive(planted, pairs)).toBeGreaterThan(0.8);
  });

  it("map concepts along their principal directions, with the shares of variance", () => {
    const rows = Float64Array.of(3, 0, 0, -3, 0, 0, 0, 1, 0, 0, -1, 0);
    const gram = centredGram(gramOf(rows, 4, 3), 4);
    const { places, shares } = principalPlaces(gram, 4);
    expect(shares[0]).toBeCloseTo(0.9, 12);
    expect(shares[1]).toBeCloseTo(0.1, 12);
    for (const [i, [x, y]] of places.entries()) {
      expect(Math.abs(x)).toBeCloseTo(Math.abs(rows[3 * i]), 12);
      expect(Math.abs(y)).toBeCloseTo(Math.abs(rows[3 * i + 1]), 12);
    }
  });
});

it("parallel texts lie to each other as their counterparts do, more than with other pairs", () => {
  const [size, width] = [10, 6];
  const from = normal("texts", size * width);
  const noise = normal("translated", size * width);
  const rows = [...from, ...from.map((value, at) => 2 - value + 0.3 * noise[at])];
  const labels = Int32Array.from(rows.slice(0, 2 * size), (_, i) => Number(i >= size));
  const pairs = Array.from({ length: size }, (_, i) => [i, size + i] as const);
  const shuffled = Array.from({ length: SHUFFLES }, (_, draw) => {
    const order = random("pairs", draw).shuffle([...pairs.keys()]);
    return pairs.map(([one], i) => [one, pairs[order[i]][1]] as const);
  });
  const none = { parents: Int32Array.of(-1, -1), shuffledParents: [] };
  const labelled = { labels, count: 2, folds: labels.map((_, i) => i % 5), shuffled: [labels], ...none };
  const [found] = layerConcepts(rows, width, { ...labelled, relations: [{ pairs, shuffled }] }).parallel;
  const [a, b] = [rows.slice(0, size * width), rows.slice(size * width)].map((own) => gramOf(own, size, width));
  expect(found!.value).toBeCloseTo(ckaOfGrams(a, b, size)!, 12);
  expect(found!.p).toBe(1 / 201);
  expect(Math.abs(found!.chance)).toBeLessThan(ckaByChance(size));
  const flat = rows.map((value, at) => (at < size * width ? 1 : value));
  expect(layerConcepts(flat, width, { ...labelled, relations: [{ pairs, shuffled }] }).parallel).toEqual([null]);
});

describe("sharing", () => {
  const units = 300;
  const pool = (name: string, own: readonly number[]): Float64Array => {
    const noise = normal(name, units);
    return noise.map((value, j) => 1 + Math.abs(value) + (own.includes(j) ? 9 : 0));
  };
  const pools = (name: string, own: readonly number[], count = 5): Float64Array[] =>
    Array.from({ length: count }, (_, index) => pool(`${name} ${index}`, own));

  it("is what whole vectors give, null and all", () => {
    const things = [pools("a", [1, 2, 3]), pools("b", [3, 4, 5], 6), pools("c", [1, 2, 3])];
    const { top, contributions, pairs, spread } = unitSharing(things, 7);
    expect(top).toBe(3);
    const meanOf = (own: readonly Float64Array[]): Float64Array =>
      own[0].map((_, j) => mean(own.map((values) => values[j])));
    for (const { a, b, ...found } of pairs) {
      const naive = {
        cosine,
        overlap: (x: Float64Array, y: Float64Array) => overlapOverChance(topUnits(x, top), topUnits(y, top), units),
      };
      for (const name of ["cosine", "overlap"] as const) {
        const both = [...things[a], ...things[b]];
        const shuffled = Float64Array.from({ length: SHUFFLES }, (_, draw) => {
          const order = random(7, "shared units", a, b, draw).shuffle([...both.keys()]);
          const dealt = order.map((index) => both[index]);
          const parted = things[a].length;
          return naive[name](meanOf(dealt.slice(0, parted)), meanOf(dealt.slice(parted)));
        });
        const expected = againstChance(naive[name](meanOf(things[a]), meanOf(things[b])), shuffled, "less");
        for (const [key, value] of Object.entries(expected))
          expect(found[name][key as keyof typeof expected]).toBeCloseTo(value, 9);
      }
    }
    // Units of their own speak against chance, the same ones do not.
    expect(pairs[0].cosine.p).toBeLessThan(0.05);
    expect(pairs[1].cosine.p).toBeGreaterThan(0.05);
    expect(spread[0].participation).toBeCloseTo(participation(contributions[0]), 9);
    expect(unitSharing([pools("a", [], 3), pools("b", [])], 0).pairs).toEqual([]);
  });
});

describe("spread", () => {
  it("counts equal units, and one alone", () => {
    expect(participation(new Float64Array(8).fill(3))).toBeCloseTo(8, 12);
    expect(participation([0, 5, 0])).toBe(1);
    expect(participation([0, 0])).toBe(0);
    expect(halfShare(new Float64Array(10).fill(1))).toBe(0.5);
    expect(halfShare([1, 1, 8, 0])).toBe(0.25);
    expect(halfShare([0])).toBeNull();
  });

  it("compares the largest units with chance", () => {
    expect([...topUnits([1, 3, 2, 3], 3)]).toEqual([1, 3, 2]);
    const of = (...units: number[]): Int32Array => Int32Array.from(units);
    expect(overlapOverChance(of(1, 2), of(2, 3), 20)).toBeCloseTo(5, 12);
    expect(overlapOverChance(of(1, 2), of(3, 4), 20)).toBe(0);
    expect(cosine([1, 0, 1], [1, 0, 1])).toBeCloseTo(1, 12);
    expect(cosine([0, 0], [1, 1])).toBe(0);
  });
});
