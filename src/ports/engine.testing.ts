/**
 * What every engine owes those who read its observations (`engine.ts`): one observation a batch, in order; one row a fresh
 * slot, in the order of windows and slots; NaN for the tokens that nothing comes before and no other; results that do not
 * depend on what shares a batch; what it does not give refused by name before anything runs; an end when asked. An engine's
 * test calls this once.
 */
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import type { Engine, EngineRequest } from "./engine.ts";
import type { Need, Observation, Pools } from "./observation.ts";

export interface Subject {
  /** a new engine, for windows of at most eight tokens with ids below `vocabulary` */
  readonly make: () => Promise<Engine>;
  readonly vocabulary: number;
}

const LONGEST = 8;
const M = 5;

/** ids that differ from window to window */
const idsOf = (seed: number, length: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length }, (_, s) => (7 * seed + 3 * s + 1) % vocabulary);

/** Windows of every kind: first and later ones, with a prefix and without, one slot long, of unlike lengths. */
function windowsOf(vocabulary: number): Window[] {
  const kinds: Pick<Window, "prefixSlots" | "start" | "fresh">[] = [
    { prefixSlots: 1, start: 0, fresh: 0 },
    { prefixSlots: 1, start: 4, fresh: 3 },
    { prefixSlots: 0, start: 0, fresh: 0 },
    { prefixSlots: 0, start: 6, fresh: 5 },
    { prefixSlots: 0, start: 0, fresh: 0 },
  ];
  const lengths = [LONGEST, 5, 6, LONGEST, 1];
  return kinds.map((kind, document) => ({ document, ids: idsOf(document, lengths[document], vocabulary), ...kind }));
}

const rowsOf = ({ windows }: WindowBatch): number =>
  windows.reduce((total, { ids, fresh }) => total + ids.length - fresh, 0);

export async function observationsOf(
  engine: Engine,
  batches: Iterable<WindowBatch>,
  request: EngineRequest,
  signal?: AbortSignal,
): Promise<Observation[]> {
  const seen: Observation[] = [];
  for await (const observation of engine.run(batches, request, signal)) seen.push(observation);
  return seen;
}

/** @returns what the work throws, which has to be one of ours */
export async function failure(work: Promise<unknown>): Promise<LossyscopeError> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(LossyscopeError);
  return error as LossyscopeError;
}

/** Two sums: of every second row, and of all rows, each with half as much weight as the one before. */
function poolsOf(batch: WindowBatch): Pools {
  const rows = rowsOf(batch);
  const weights = Float32Array.from({ length: 2 * rows }, (_, at) => (at < rows ? at % 2 : 2 ** -(at - rows)));
  return { count: 2, weights };
}

/** A request for these needs and nothing else; every second row where rows are chosen. */
function requestFor(needs: ReadonlySet<Need>, width: number): EngineRequest {
  const secondRows = (batch: WindowBatch): Int32Array =>
    Int32Array.from({ length: rowsOf(batch) >> 1 }, (_, i) => 2 * i + 1);
  const points = Float32Array.from({ length: M * width }, (_, i) => Math.sin(1 + i));
  return {
    heads: {
      // the likeliest tokens are read off what losses are made of
      losses: needs.has("losses") || needs.has("likeliest"),
      ...(needs.has("likeliest") && { likeliest: 3 }),
      preNorm: false,
      moments: needs.has("moments"),
      ...(needs.has("assignments") && { assignments: { points, m: M, draws: 1, epsilon: 0.5 } }),
    },
    ...(needs.has("moments") && { momentRows: secondRows }),
    ...(needs.has("likeliest") && { likeliestRows: secondRows }),
    ...(needs.has("states") && { stateRows: secondRows }),
    ...(needs.has("pooledStates") && { statePools: poolsOf }),
    ...(needs.has("pooledUnits") && { unitPools: poolsOf }),
  };
}

/** A request for all that an engine gives. */
export const everyNeed = ({ gives, width }: Engine): EngineRequest => requestFor(gives, width);

const NEEDS: readonly Need[] = [
  "losses",
  "likeliest",
  "assignments",
  "moments",
  "states",
  "pooledStates",
  "pooledUnits",
];

/** @param name of the engine, as its tests call it */
export function describeEngine(name: string, { make, vocabulary }: Subject): void {
  const windows = windowsOf(vocabulary);
  const batches: readonly WindowBatch[] = [
    { index: 0, windows: windows.slice(0, 2) },
    { index: 1, windows: windows.slice(2) },
  ];
  /** what the engine gives of all it can give, batch by batch */
  const everything = async (given: readonly WindowBatch[]) => {
    const engine = await make();
    return { engine, seen: await observationsOf(engine, given, requestFor(engine.gives, engine.width)) };
  };

  describe(`${name}, as an engine`, () => {
    it("gives one observation a batch, in order, one row a fresh slot", async () => {
      const { engine, seen } = await everything(batches);
      expect(seen.map(({ batch }) => batch)).toEqual(batches);
      for (const { batch, rows, losses, assignments, moments, states, pickedRows } of seen) {
        expect(rows).toBe(rowsOf(batch));
        expect(losses?.length).toBe(engine.gives.has("losses") ? rows : undefined);
        for (const [need, layers, length] of [
          ["assignments", assignments, rows * M],
          ["states", states, (pickedRows?.length ?? 0) * engine.width],
          ["moments", moments?.map(({ sum }) => sum), engine.width],
        ] as const) {
          const expected = engine.gives.has(need) ? new Array(engine.layerCount).fill(length) : undefined;
          expect(layers?.map((layer) => layer.length)).toEqual(expected);
        }
      }
    });

    it("leaves the loss of a window's first slot open, and no other", async () => {
      const { engine, seen } = await everything(batches);
      if (!engine.gives.has("losses")) return;
      for (const { batch, losses } of seen) {
        const open = batch.windows.flatMap(({ ids, fresh }) =>
          Array.from({ length: ids.length - fresh }, (_, row) => fresh + row === 0),
        );
        expect([...losses!].map(Number.isNaN)).toEqual(open);
        expect([...losses!].every((nats) => Number.isNaN(nats) || nats >= 0)).toBe(true);
      }
    });

    it("gives the likeliest tokens of the rows that are asked for and scored, none dearer than the one that came", async () => {
      const { engine, seen } = await everything(batches);
      if (!engine.gives.has("likeliest")) return;
      for (const { batch, rows, losses, likeliest } of seen) {
        const ids = batch.windows.flatMap((window) => [...window.ids.subarray(window.fresh)]);
        const asked = [...Array(rows).keys()].filter((row) => row % 2 === 1 && !Number.isNaN(losses![row]));
        expect([...likeliest!.rows]).toEqual(asked);
        const { count, tokens, nats } = likeliest!;
        for (const [place, row] of likeliest!.rows.entries()) {
          const own = [...nats.subarray(place * count, (place + 1) * count)];
          expect(own).toEqual(own.toSorted((a, b) => a - b));
          const found = [...tokens.subarray(place * count, (place + 1) * count)];
          expect(new Set(found).size).toBe(count);
          if (found.includes(ids[row])) expect(own[found.indexOf(ids[row])]).toBeCloseTo(losses![row], 5);
          else expect(own[count - 1]).toBeLessThanOrEqual(losses![row]);
        }
      }
    });

    it("gives assignments that are probabilities, and moments that are those of the states", async () => {
      const { engine, seen } = await everything(batches);
      for (const { assignments, moments, states, pickedRows } of seen) {
        for (const layer of assignments ?? []) {
          for (let row = 0; row < layer.length; row += M) {
            const p = [...layer.subarray(row, row + M)];
            expect(Math.min(...p)).toBeGreaterThanOrEqual(0);
            expect(p.reduce((total, share) => total + share)).toBeCloseTo(1, 5);
          }
        }
        if (!moments || !states) continue;
        moments.forEach(({ count, sum, gram }, layer) => {
          expect(count).toBe(pickedRows!.length);
          const { width } = engine;
          const at = (row: number, i: number): number => states[layer][row * width + i];
          const rows = [...pickedRows!.keys()];
          for (const [i, j] of [
            [0, 0],
            [0, width - 1],
            [width - 1, 1],
          ]) {
            expect(sum[i]).toBeCloseTo(
              rows.reduce((total, row) => total + at(row, i), 0),
              3,
            );
            expect(gram[i * width + j]).toBeCloseTo(
              rows.reduce((total, row) => total + at(row, i) * at(row, j), 0),
              3,
            );
          }
        });
      }
    });

    it("gives sums of states that are those of the states", async () => {
      const { engine, seen } = await everything(batches);
      const { gives, width } = engine;
      if (gives.has("pooledUnits"))
        for (const { pooledUnits } of seen) {
          expect(pooledUnits).toHaveLength(engine.layerCount - 1);
          for (const block of pooledUnits!) expect(block.every((size) => size >= 0)).toBe(true);
        }
      if (!gives.has("pooledStates") || !gives.has("states")) return;
      for (const { pooledStates, states } of seen)
        for (const [layer, pooled] of pooledStates!.entries()) {
          expect(pooled).toHaveLength(2 * width);
          for (let i = 0; i < width; i++) {
            const column = states![layer].filter((_, at) => at % width === i);
            expect(pooled[i]).toBeCloseTo(
              column.reduce((total, value) => total + value, 0),
              3,
            );
          }
        }
    });

    it("gives a window's figures whatever shares its batch", async () => {
      const { seen: together } = await everything([{ index: 0, windows }]);
      const { seen: apart } = await everything(windows.map((window, index) => ({ index, windows: [window] })));
      const close = (given: Iterable<number> | undefined, wanted: Iterable<number>): void => {
        for (const [at, value] of [...wanted].entries()) {
          const found = [...given!][at];
          if (Number.isNaN(value)) expect(found).toBeNaN();
          else expect(found).toBeCloseTo(value, 4);
        }
      };
      expect(together[0].rows).toBe(apart.reduce((total, { rows }) => total + rows, 0));
      if (together[0].losses)
        close(
          together[0].losses,
          apart.flatMap(({ losses }) => [...losses!]),
        );
      together[0].assignments?.forEach((layer, i) => {
        close(
          layer,
          apart.flatMap(({ assignments }) => [...assignments![i]]),
        );
      });
    });

    it("gives of the rest what is asked when that alone is asked", async () => {
      for (const need of (await make()).gives) {
        const engine = await make();
        const [seen] = await observationsOf(engine, batches, requestFor(new Set([need]), engine.width));
        const given = need === "likeliest" ? ["losses", need] : [need];
        expect(NEEDS.filter((other) => seen[other] !== undefined)).toEqual(given);
      }
    });

    it("refuses by name what it does not give, before a batch is taken", async () => {
      const { gives } = await make();
      for (const need of NEEDS.filter((candidate) => !gives.has(candidate))) {
        const engine = await make();
        const untouched = (function* (): Generator<WindowBatch> {
          yield* [];
          throw new Error("a batch was taken");
        })();
        const request = requestFor(new Set([need]), engine.width);
        const { fault, message } = await failure(observationsOf(engine, untouched, request));
        expect(fault).toBe("unsupported");
        expect(message).toContain(`the engine ${engine.name} gives`);
        expect(message).toContain(`not ${need}`);
      }
    });

    it("stops when it is asked to, also before it has begun", async () => {
      const endless = (function* (): Generator<WindowBatch> {
        for (let index = 0; ; index++) yield { index, windows: [windows[0]] };
      })();
      const engine = await make();
      const request = requestFor(engine.gives, engine.width);
      const controller = new AbortController();
      const stopped = (async () => {
        for await (const { batch } of engine.run(endless, request, controller.signal)) {
          if (batch.index === 2) controller.abort();
        }
      })();
      expect((await failure(stopped)).fault).toBe("interrupted");
      const late = observationsOf(await make(), batches, request, AbortSignal.abort());
      expect((await failure(late)).fault).toBe("interrupted");
    });

    it("is closed as often as one likes, and after nothing", async () => {
      const { engine } = await everything(batches.slice(0, 1));
      await engine.close();
      await engine.close();
      await (await make()).close();
      expect(await observationsOf(await make(), [], requestFor(engine.gives, engine.width))).toEqual([]);
    });
  });
}
