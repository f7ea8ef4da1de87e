import { existsSync, readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { ONE } from "../../info/assignment.ts";
import { entropyOf, meanOf, pluginInformation } from "../../info/naive.testing.ts";
import { random } from "../../numeric/random.ts";
import { type Plane, planeSchema } from "../../profile/plane.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { assignmentsOf, batchesFor, observationOf, requestFor, someDocuments } from "./plane.testing.ts";
import { PlaneProbe, type PlaneRequest } from "./plane.ts";

const at = temporaryFolder();
const place = (resumable = false) => ({ folder: at("spill"), resumable });
const TEXT = someDocuments(Array.from({ length: 30 }, (_, i) => 12 + ((i * 7) % 29)));

async function planeOf(request: PlaneRequest, batches: readonly WindowBatch[] = batchesFor(request)): Promise<Plane> {
  const probe = new PlaneProbe(request, place());
  for (const batch of batches) probe.observe(observationOf(request, batch));
  const plane = await probe.finish();
  probe.dispose();
  expect(planeSchema.parse(plane)).toEqual(plane);
  return plane;
}

/** What the profile has to say, by the definitions: from the text, not from windows. */
function byDefinition(request: PlaneRequest, layer: number, margin = 4) {
  const { documents, prefix } = request;
  const first = prefix?.addedByTokenizer ? -1 : 0;
  const sequences = documents.map(({ ids }) => (first < 0 ? [prefix!.id, ...ids] : [...ids]));
  const places = sequences.flatMap((ids, d) =>
    [...ids.keys()].filter((i) => i >= margin - 1 && i + margin < ids.length).map((i) => ({ d, i })),
  );
  const p = places.map(({ d, i }) => {
    const values = assignmentsOf(request, d, i + first)[layer].subarray(0, request.m);
    return Array.from(values, (value) => Math.floor(value * ONE + 0.5) / ONE);
  });
  const label = (from: number, to: number): string[] =>
    places.map(({ d, i }) => sequences[d].slice(i + from, i + to + 1).join(" "));
  const lnM = Math.log(request.m);
  return {
    positions: places.length,
    entropy: entropyOf(meanOf(p)) / lnM,
    tokenEntropy: p.reduce((total, row) => total + entropyOf(row), 0) / p.length / lnM,
    complexity: (n: number) => pluginInformation(p, label(1 - n, 0)) / lnM,
    expressivity: (n: number) => pluginInformation(p, label(1, n)) / lnM,
    of: (value: (document: number) => string) =>
      pluginInformation(
        p,
        places.map(({ d }) => value(d)),
      ) / lnM,
    distinct: (n: number) => new Set(label(1 - n, 0)).size,
  };
}

describe("PlaneProbe", () => {
  it("keeps by unit what its mean over the blocks is made of, for pairing", async () => {
    const { evaluated, summary, units } = await planeOf(requestFor(TEXT, {}));
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    expect(evaluated!.positions).toHaveLength(units.evaluated);
    expect(sum(evaluated!.complexity) / sum(evaluated!.positions)).toBeCloseTo(summary[1].complexity.value!, 12);
    expect(new Set(evaluated!.complexity).size).toBe(units.evaluated);
  });

  it.each([
    ["no prefix", null],
    ["a prefix of the tokenizer's", { id: 77, addedByTokenizer: true }],
    ["a prefix of ours", { id: 77, addedByTokenizer: false }],
  ])("gives every figure as defined, with %s", async (_, prefix) => {
    const request = requestFor(TEXT, { prefix });
    const plane = await planeOf(request);
    expect(plane).toMatchObject({ referencePoints: 10, unit: "document", absent: null, preNorm: false });
    expect(plane.units.fitted + plane.units.evaluated).toBe(30);
    expect(plane.layers.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    for (const found of plane.layers) {
      const want = byDefinition(request, found.layer);
      expect(plane.positions).toBe(want.positions);
      expect(found.entropy).toBeCloseTo(want.entropy, 10);
      expect(found.tokenEntropy).toBeCloseTo(want.tokenEntropy, 10);
      expect(found.ceiling).toBeCloseTo(want.entropy - want.tokenEntropy, 10);
      expect(found.unexplained).toBeCloseTo(want.entropy - want.complexity(4), 10);
      expect(found.residual).toBeCloseTo(want.entropy - want.tokenEntropy - want.complexity(4), 10);
      for (const n of [1, 2, 3, 4]) {
        const { complexity, expressivity, optimality, regularity, positions, labels } = found.orders[n];
        expect(complexity.plugin).toBeCloseTo(want.complexity(n), 10);
        expect(expressivity.plugin).toBeCloseTo(want.expressivity(n), 10);
        expect(regularity).toBeCloseTo(want.complexity(n) / want.entropy, 10);
        expect(optimality.plugin).toBeCloseTo(want.expressivity(n) / want.complexity(n), 10);
        expect(optimality.heldOut.value).toBeCloseTo(expressivity.heldOut.value! / complexity.heldOut.value!, 12);
        expect(positions).toBe(want.positions);
        expect(labels.input).toBe(want.distinct(n));
        expect(complexity.heldOut.low!).toBeLessThan(complexity.heldOut.value!);
      }
      expect(Object.keys(found.labels)).toEqual(["writer", "domain"]);
      expect(found.labels.writer.plugin).toBeCloseTo(
        want.of((d) => TEXT[d].metadata!.labels.writer),
        10,
      );
      expect(found.labels.domain.plugin).toBeCloseTo(
        want.of((d) => TEXT[d].domain),
        10,
      );
      expect(found.labels.writer.heldOut.value!).toBeLessThan(0.02);
    }
    const [embedding, , last] = plane.layers.map(({ orders }) => orders[1].complexity.heldOut.value!);
    expect(embedding).toBeGreaterThan(last + 0.05);
    for (const n of [1, 4]) {
      const mean = (kind: "complexity" | "expressivity", of: "heldOut" | "plugin") => {
        const values = plane.layers.slice(1).map(({ orders }) => {
          const figure = orders[n][kind][of];
          return typeof figure === "number" ? figure : figure.value!;
        });
        return values.reduce((a, b) => a + b) / values.length;
      };
      const { complexity, expressivity, optimality, ...plugin } = plane.summary[n];
      expect(complexity.value).toBeCloseTo(mean("complexity", "heldOut"), 12);
      expect(expressivity.value).toBeCloseTo(mean("expressivity", "heldOut"), 12);
      expect(optimality.value).toBeCloseTo(expressivity.value! / complexity.value!, 12);
      expect(plugin.complexityPlugin).toBeCloseTo(mean("complexity", "plugin"), 12);
      expect(plugin.optimalityPlugin).toBeCloseTo(mean("expressivity", "plugin") / mean("complexity", "plugin"), 12);
    }
  });

  it("does not depend on windows, batches or their order", async () => {
    const request = requestFor(TEXT, { prefix: { id: 77, addedByTokenizer: true } });
    const expected = await planeOf(request);
    const shuffled = random(1, "batches").shuffle([...batchesFor(request, 13, 30)]);
    expect(await planeOf(request, shuffled)).toEqual(expected);
  });

  it("resumes to the same figures", async () => {
    const request = requestFor(TEXT);
    const batches = batchesFor(request);
    const expected = await planeOf(request, batches);
    const stopped = new PlaneProbe(request, place(true));
    for (const batch of batches.slice(0, 4)) stopped.observe(observationOf(request, batch));
    const snapshot = structuredClone(stopped.snapshot());
    stopped.observe(observationOf(request, batches[4]));
    stopped.close();
    const resumed = new PlaneProbe(request, place(true));
    resumed.restore(snapshot);
    for (const batch of batches.slice(4)) resumed.observe(observationOf(request, batch));
    expect(await resumed.finish()).toEqual(expected);
    expect(expected.spillBytes).toBe(4 * expected.positions * 3 * 10);
    resumed.dispose();
    expect(readdirSync(at("spill"))).toEqual([]);
  });

  it("takes each order's own positions when asked", async () => {
    const request = requestFor(TEXT, { allPositions: true });
    const plane = await planeOf(request);
    const found = plane.layers[1];
    for (const n of [1, 2, 3, 4]) {
      const want = byDefinition(request, 1, n);
      expect(found.orders[n].positions).toBe(want.positions);
      expect(found.orders[n].complexity.plugin).toBeCloseTo(want.complexity(n), 10);
      expect(found.orders[n].expressivity.plugin).toBeCloseTo(want.expressivity(n), 10);
      expect(found.orders[n].regularity).toBeCloseTo(want.complexity(n) / want.entropy, 10);
    }
    expect(found.entropy).toBeCloseTo(byDefinition(request, 1, 1).entropy, 10);
    const longest = byDefinition(request, 1, 4);
    expect(found.unexplained).toBeCloseTo(longest.entropy - longest.complexity(4), 10);
    const narrow = await planeOf(requestFor(TEXT));
    expect(found.orders[4].complexity).toEqual(narrow.layers[1].orders[4].complexity);
  });

  it("shows the spread over further draws of the reference points", async () => {
    const request = requestFor(TEXT, { draws: 3 });
    const plane = await planeOf(request);
    const alone = await planeOf(requestFor(TEXT));
    for (const [layer, found] of plane.layers.entries()) {
      const { draws, ...rest } = found;
      expect(rest).toEqual(alone.layers[layer]);
      expect(draws!.entropy).toHaveLength(2);
      expect(draws!.complexity).toHaveLength(2);
      expect(Math.abs(draws!.complexity[1] - found.orders[1].complexity.heldOut.value!)).toBeGreaterThan(1e-4);
      expect(Math.abs(draws!.complexity[1] - found.orders[1].complexity.heldOut.value!)).toBeLessThan(0.3);
    }
  });

  it("sets order 1 against the frontier of the corpus", async () => {
    const frontier = { vocabulary: 5, clusters: 5, kappa: 16 };
    const plane = await planeOf(requestFor(TEXT, { frontier }));
    expect(plane.frontier).toMatchObject({ vocabulary: 5, kappa: 16 });
    expect(plane.frontier!.points.length).toBeGreaterThan(1);
    for (const { overFrontier, orders } of plane.layers) {
      // Tokens are drawn independently, so the frontier is flat at about zero and the gap is what the states foretell.
      const bits = (orders[1].expressivity.heldOut.value! * plane.lnM) / Math.LN2;
      expect(Math.abs(overFrontier!.value! - bits)).toBeLessThan(0.05);
      expect(overFrontier!.low!).toBeLessThan(overFrontier!.value!);
      expect(overFrontier!.high!).toBeGreaterThan(overFrontier!.value!);
    }
  });

  it("is the same where what needs no model was begun beside it, and ends with the probe", async () => {
    const request = requestFor(TEXT, { frontier: { vocabulary: 5, clusters: 5, kappa: 16 } });
    const apart = await planeOf(request);
    const probe = new PlaneProbe(request, place());
    probe.beginBeside();
    for (const batch of batchesFor(request)) {
      await setImmediate();
      probe.observe(observationOf(request, batch));
    }
    let steps = 0;
    const plane = await probe.finish({ onFrontier: (own) => (steps = own) });
    probe.dispose();
    expect(steps).toBeGreaterThan(0);
    expect({ ...plane, frontier: { ...plane.frontier, seconds: apart.frontier!.seconds } }).toEqual(apart);

    const stopped = new PlaneProbe(request, place());
    stopped.beginBeside();
    for (const batch of batchesFor(request)) stopped.observe(observationOf(request, batch));
    stopped.close();
    await expect(stopped.finish()).rejects.toMatchObject({ fault: "interrupted" });
    stopped.dispose();
  });

  it("says what too few units leave out", async () => {
    const seven = await planeOf(requestFor(someDocuments([9, 2047, 2048, 4200, 12])));
    expect(seven).toMatchObject({ unit: "block", units: { fitted: 5, evaluated: 2 } });
    expect(seven.absent).toMatch(/^no interval: 7 blocks/);
    expect(seven.layers[0].orders[1].complexity.heldOut).toMatchObject({ low: null, high: null });
    const few = await planeOf(
      requestFor(someDocuments([40, 50, 60]), { frontier: { vocabulary: 5, clusters: 5, kappa: 16 } }),
    );
    expect(few.absent).toMatch(/^no held-out figure: 3 blocks/);
    expect(few.frontier).toBeUndefined();
    const { complexity, optimality } = few.layers[0].orders[1];
    expect(complexity).toMatchObject({ heldOut: { value: null, low: null, high: null }, kappa: null, shift: null });
    expect(optimality).toEqual({
      heldOut: { value: null, low: null, high: null },
      plugin: optimality.plugin,
      hollow: false,
    });
  });

  it("leaves documents without a position out of the units", async () => {
    const short = someDocuments([...new Array<number>(25).fill(7), ...new Array<number>(11).fill(30)]);
    expect((await planeOf(requestFor(short))).units).toEqual({ fitted: 9, evaluated: 2 });
  });

  it("refuses a text of short documents, and assignments that are missing or no probabilities", async () => {
    expect(() => new PlaneProbe(requestFor(someDocuments([7, 3])), place())).toThrow(
      "no token has 4 tokens before and after it: the longest of 2 documents has 7",
    );
    const request = requestFor(TEXT);
    const probe = new PlaneProbe(request, place());
    const [batch] = batchesFor(request);
    const observation = observationOf(request, batch);
    expect(() => probe.observe({ ...observation, assignments: undefined })).toThrow("no soft assignments");
    const spoilt = observation.assignments!.map((values) => values.slice());
    spoilt[2].fill(Number.NaN);
    expect(() => probe.observe({ ...observation, assignments: spoilt })).toThrow("a soft assignment is NaN");
    await expect(new PlaneProbe(request, place()).finish()).rejects.toThrow("layer 0 has 0 rows of");
    expect(existsSync(at("spill"))).toBe(false);
  });

  it("stops when asked", async () => {
    const request = requestFor(TEXT);
    const probe = new PlaneProbe(request, place());
    for (const batch of batchesFor(request)) probe.observe(observationOf(request, batch));
    const controller = new AbortController();
    const seen: number[] = [];
    const onLayers = (done: number) => {
      seen.push(done);
      if (done >= 1) controller.abort();
    };
    await expect(probe.finish({ signal: controller.signal, onLayers })).rejects.toThrow("stopped after 1 of");
    expect(seen.filter((done) => done < 1).length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
