import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cloudShape } from "../../info/spectrum.ts";
import { twoNN } from "../../info/twonn.ts";
import { random } from "../../numeric/random.ts";
import type { LayerMoments, Observation } from "../../ports/observation.ts";
import type { Prefix, WindowBatch } from "../../text/corpus.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import { GeometryProbe, geometryRows, layerShape } from "./geometry.ts";

const BOS: Prefix = { id: 0, addedByTokenizer: true };

/** The text as windows of 16 tokens, batches of 48; every token of every document new exactly once. */
function batchesFor(tokens: readonly number[], prefix: Prefix | null): WindowBatch[] {
  return batchesOf(
    tokens.flatMap((count, document) => windowsOf(document, new Int32Array(count), prefix, 16, 5)),
    48,
  );
}

/** Document and token of every row of a batch; token −1 is the prefix. */
const rowsIn = (batch: WindowBatch) =>
  batch.windows.flatMap(({ document, ids, start, fresh, prefixSlots }) =>
    Array.from({ length: ids.length - fresh }, (_, i) => ({ document, token: start + fresh + i - prefixSlots })).map(
      ({ document, token }) => ({ document, token: token < start ? -1 : token }),
    ),
  );

const picked = (batches: readonly WindowBatch[], rows: (batch: WindowBatch) => Int32Array) =>
  batches.flatMap((batch) => {
    const all = rowsIn(batch);
    return Array.from(rows(batch), (row) => all[row]);
  });

/** A state that depends on document, token and layer alone; the prefix's is enormous. */
function stateOf(document: number, token: number, layer: number, width: number): Float32Array {
  const { normal } = random(document, token, layer);
  return Float32Array.from({ length: width }, (_, k) => (token < 0 ? 1e4 : 1) * (normal() + (k === 0 ? 2 : 0)));
}

function momentsOf(states: readonly Float32Array[], width: number): LayerMoments {
  const moments = {
    count: states.length,
    sum: new Float32Array(width),
    gram: new Float32Array(width * width),
    unitSum: new Float32Array(width),
  };
  for (const state of states) {
    const norm = Math.hypot(...state);
    state.forEach((x, i) => {
      moments.sum[i] += x;
      moments.unitSum[i] += x / norm;
      for (let j = 0; j < width; j++) moments.gram[i * width + j] += x * state[j];
    });
  }
  return moments;
}

/** What an engine would give for the rows asked for. */
function observationOf(
  batch: WindowBatch,
  rows: ReturnType<typeof geometryRows>,
  layers: number,
  width: number,
): Observation {
  const all = rowsIn(batch);
  const pickedRows = rows.stateRows(batch);
  const statesAt = (wanted: Int32Array, layer: number) =>
    Array.from(wanted, (row) => stateOf(all[row].document, all[row].token, layer, width));
  return {
    batch,
    rows: all.length,
    pickedRows,
    moments: Array.from({ length: layers }, (_, layer) => momentsOf(statesAt(rows.momentRows(batch), layer), width)),
    states: Array.from({ length: layers }, (_, layer) =>
      Float32Array.from(statesAt(pickedRows, layer).flatMap((state) => [...state])),
    ),
  };
}

const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });
const prefixes = fc.constantFrom(BOS, null);

describe("geometryRows", () => {
  it("takes the moments over every token and no prefix", () => {
    fc.assert(
      fc.property(lengths, prefixes, (tokens, prefix) => {
        const rows = geometryRows(tokens, 64, 0);
        const found = picked(batchesFor(tokens, prefix), rows.momentRows);
        const wanted = tokens.flatMap((count, document) =>
          Array.from({ length: count }, (_, token) => `${document}/${token}`),
        );
        expect(found.map(({ document, token }) => `${document}/${token}`).sort()).toEqual(wanted.sort());
        expect(rows.states).toBe("all");
      }),
    );
  });

  it("takes a reservoir of 4·d tokens above d = 1024, and all where there are no more", () => {
    const { below } = random(1, "lengths");
    const tokens = Array.from({ length: 300 }, () => below(60));
    const total = tokens.reduce((a, b) => a + b, 0);
    const batches = batchesFor(tokens, BOS);
    const rows = geometryRows(tokens, 1025, 7);
    expect(rows.states).toBe("reservoir");
    const found = picked(batches, rows.momentRows).map(({ document, token }) => `${document}/${token}`);
    expect(new Set(found).size).toBe(4100);
    expect(found).toHaveLength(4100);
    expect(found.some((name) => name.endsWith("/-1"))).toBe(false);
    expect(geometryRows(tokens, Math.ceil(total / 4), 7).states).toBe("all");
    expect(geometryRows(tokens, 1024, 7).states).toBe("all");
  });

  it("draws every token of the reservoir alike", () => {
    const tokens = [3000, 1, 1000, 0, 150];
    const batches = batchesFor(tokens, null);
    const times = new Map<string, number>();
    const draws = 60;
    for (let seed = 0; seed < draws; seed++) {
      for (const { document, token } of picked(batches, geometryRows(tokens, 1030, seed).momentRows)) {
        const third = document === 0 ? Math.floor(token / 1000) : document + 10;
        times.set(String(third), (times.get(String(third)) ?? 0) + 1);
      }
    }
    const part = 4120 / 4151;
    for (const [third, size] of [
      ["0", 1000],
      ["1", 1000],
      ["2", 1000],
      ["12", 1000],
      ["14", 150],
      ["11", 1],
    ] as const) {
      const deviation = Math.sqrt(draws * size * part * (1 - part));
      expect(Math.abs((times.get(third) ?? 0) - draws * size * part)).toBeLessThan(5 * deviation);
    }
  });

  it("keeps one token a document where there are documents enough", () => {
    const { below } = random(2, "lengths");
    const tokens = Array.from({ length: 3000 }, () => below(8));
    const rows = geometryRows(tokens, 16, 3);
    const found = picked(batchesFor(tokens, BOS), rows.stateRows);
    expect(rows.points).toBe(2048);
    expect(new Set(found.map(({ document }) => document)).size).toBe(2048);
    expect(new Set(found.map(({ token }) => token)).size).toBe(7);
    expect(Math.min(...found.map(({ token }) => token))).toBe(0);
  });

  it("takes several a document, evenly, where they are too few", () => {
    const tokens = [...Array<number>(100).fill(30), 2, 0];
    const found = picked(batchesFor(tokens, null), geometryRows(tokens, 16, 3).stateRows);
    expect(found).toHaveLength(512);
    expect(new Set(found.map(({ document, token }) => `${document}/${token}`)).size).toBe(512);
    const times = tokens.map((_, index) => found.filter(({ document }) => document === index).length);
    expect(times.slice(100)).toEqual([2, 0]);
    expect(Math.max(...times)).toBe(6);
    expect(Math.min(...times.slice(0, 100))).toBe(5);
    expect(geometryRows([4, 3], 16, 0).points).toBe(7);
  });

  it("gives every chosen token a place of its own, the same for the same seed", () => {
    fc.assert(
      fc.property(lengths, prefixes, fc.integer(), (tokens, prefix, seed) => {
        const rows = geometryRows(tokens, 8, seed);
        const batches = batchesFor(tokens, prefix);
        const places = batches.flatMap((batch) => [...rows.statePlaces(batch)]);
        expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: rows.points }, (_, place) => place));
        const again = geometryRows(tokens, 8, seed);
        for (const batch of batches) expect(again.stateRows(batch)).toEqual(rows.stateRows(batch));
      }),
    );
  });
});

describe("GeometryProbe", () => {
  const [layers, width] = [3, 6];
  const tokens = Array.from({ length: 30 }, (_, document) => (document * 7) % 23);
  const rows = geometryRows(tokens, width, 5);
  const batches = batchesFor(tokens, BOS);
  const seen = (some: readonly WindowBatch[]) => {
    const probe = new GeometryProbe(rows, { layers, width });
    for (const batch of some) probe.observe(observationOf(batch, rows, layers, width));
    return probe;
  };

  it("gives the figures of all tokens' states, and TwoNN of the chosen ones", () => {
    const found = seen(batches).gathered().map(layerShape);
    expect(found.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    const names = tokens.flatMap((count, document) => Array.from({ length: count }, (_, token) => [document, token]));
    for (const { layer, positions, centred, anisotropy, twoNN: dimension } of found) {
      expect(positions).toBe(names.length);
      const states = names.map(([document, token]) => stateOf(document, token, layer, width));
      const { count, sum, gram, unitSum } = momentsOf(states, width);
      const lower = Array.from({ length: width }, (_, i) => [...gram.subarray(i * width, i * width + i + 1)]).flat();
      const wanted = cloudShape({
        count,
        sum: Float64Array.from(sum),
        gram: Float64Array.from(lower),
        unitSum: Float64Array.from(unitSum),
      });
      expect(centred!.effectiveRank).toBeCloseTo(wanted.centred!.effectiveRank, 4);
      expect(centred!.stableRank).toBeCloseTo(wanted.centred!.stableRank, 4);
      expect(anisotropy).toBeCloseTo(wanted.anisotropy!, 5);
      // Fewer tokens than points asked for: TwoNN rests on every one of them.
      expect(rows.points).toBe(names.length);
      expect(dimension).toEqual(twoNN(Float32Array.from(states.flatMap((state) => [...state])), width));
    }
  });

  it("is the same in parts, in any order, and resumed", () => {
    const whole = seen(batches).gathered().map(layerShape);
    const cut = Math.floor(batches.length / 3);
    const merged = seen(batches.slice(cut).reverse());
    merged.restore(structuredClone(seen(batches.slice(0, cut)).snapshot()));
    expect(merged.gathered().map(layerShape)).toEqual(whole);

    const resumed = new GeometryProbe(rows, { layers, width });
    resumed.restore(structuredClone(seen(batches.slice(0, cut)).snapshot()));
    for (const batch of batches.slice(cut)) resumed.observe(observationOf(batch, rows, layers, width));
    expect(resumed.gathered().map(layerShape)).toEqual(whole);
  });

  it("refuses to see a batch twice, to end early, and states that are no numbers", () => {
    const probe = seen(batches.slice(1));
    expect(() => probe.gathered()).toThrow(/\d+ of the \d+ tokens chosen for the geometry came/);
    expect(() => probe.observe(observationOf(batches[1], rows, layers, width))).toThrow("came twice");
    const broken = observationOf(batches[0], rows, layers, width);
    broken.moments![1].sum[2] = Number.NaN;
    expect(() => probe.observe(broken)).toThrow("the states of layer 1 are not finite numbers (batch 0)");
    expect(() => probe.restore(new GeometryProbe(rows, { layers: 2, width }).snapshot())).toThrow(
      "the geometry of 2 layers was kept, not of 3",
    );
  });
});
