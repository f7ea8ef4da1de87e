/**
 * The loops of `chance.ts`, which take most of its time: sums of rows, and divergences KL(P_c ‖ P) of their means, of which
 * each is Σ s_b/(c·2^26) ln(s_b/(c·2^26 P_b)) in the order of the bins. In WebAssembly two stretches of a walk go side by side,
 * and rows are added sixteen at a time as the integers they are; elsewhere one goes after the other. The same to the last bit.
 *
 * Memory: 4·rows·m bytes, and 8·m·(steps + 4).
 */
import { i32, inOrder, kernels, type Local, pair, upTo, words } from "../numeric/wasm.ts";
import { ONE } from "./assignment.ts";
import { CELLS, naturalLog, pairLogarithm } from "./logarithm.ts";

/** What a walk is taken with: to be filled, and read, by who walks. Rows are `stride` long: zeros behind the bins. */
export interface ChanceLoops {
  readonly stride: number;
  /** [rows, stride] */
  readonly reservoir: Uint32Array;
  /** [short + 1, stride] sums of the first 0, 1, 2 … steps of a walk; row 0 stays zero */
  readonly prefix: Float64Array;
  /** [stride] sums of all steps so far */
  readonly sums: Float64Array;
  /** [stride] 1/P, 0 where P is */
  readonly inverse: Float64Array;
  /** Adds the rows at these places to `sums`. */
  addPlaces(places: Uint16Array): void;
  /** Adds to a total, one after the other, the divergences of all stretches of so many steps that `prefix` is cut into. */
  divergences(total: number, size: number): number;
  /** of the mean of `size` rows that `sums` has */
  divergence(size: number): number;
}

interface Shape {
  readonly rows: number;
  readonly bins: number;
  /** steps whose sums are kept one by one */
  readonly short: number;
}

/** As integers of 32 bits so many probabilities do not overflow. */
const TOGETHER = 16;
/** words that are added side by side */
const LANES = 4;

/** One user at a time (`kernels`). @param alone without WebAssembly */
export function loops(shape: Shape, alone: boolean): ChanceLoops {
  const stride = Math.ceil(shape.bins / LANES) * LANES;
  const sizes = [2 * CELLS.length, 2 * (shape.short + 1) * stride, 2 * stride, 2 * stride, 4, shape.rows * stride, 512];
  const bytes = sizes.reduce((total, size) => total + 4 * size, 0);
  const machine = alone ? null : ON_PAIRS.on(bytes);
  const memory = machine?.memory ?? new ArrayBuffer(bytes);
  const places: number[] = [];
  sizes.reduce((from, size) => {
    places.push(from);
    return from + 4 * size;
  }, 0);
  const doubles = (part: number): Float64Array => new Float64Array(memory, places[part], sizes[part] / 2);
  const [prefix, sums, inverse, found] = [1, 2, 3, 4].map(doubles);
  const reservoir = new Uint32Array(memory, places[5], sizes[5]);
  const chosen = new Uint16Array(memory, places[6], 2 * sizes[6]);
  for (const part of [prefix, sums, inverse]) part.fill(0);
  reservoir.fill(0);
  doubles(0).set(CELLS);
  const shared = { stride, reservoir, prefix, sums, inverse };
  const scaleOf = (size: number): number => 1 / (size * ONE);
  if (!machine) {
    return {
      ...shared,
      addPlaces(places) {
        for (const place of places) addRow(sums, reservoir, place * stride);
      },
      divergences(total, size) {
        let all = total;
        for (let from = 0; from + size <= shape.short; from += size) {
          all += weighed(prefix, from * stride, (from + size) * stride, scaleOf(size), inverse) * scaleOf(size);
        }
        return all;
      },
      divergence: (size) => weighedSums(sums, scaleOf(size), inverse) * scaleOf(size),
    };
  }
  const { addRows, twoStretches } = machine.run;
  const row = 8 * stride;
  return {
    ...shared,
    addPlaces(places) {
      for (let from = 0; from < places.length; from += chosen.length) {
        const some = places.subarray(from, from + chosen.length);
        chosen.set(some);
        const at = chosen.byteOffset;
        addRows(at, at + 2 * some.length, reservoir.byteOffset, 4 * stride, sums.byteOffset, sums.byteOffset + row);
      }
    },
    divergences(total, size) {
      const scale = scaleOf(size);
      const end = prefix.byteOffset + Math.floor(shape.short / size) * size * row;
      let all = total;
      for (let below = prefix.byteOffset; below < end; below += 2 * size * row) {
        const above = below + size * row;
        const next = Math.min(above, end - size * row);
        twoStretches(below, above, next, next + size * row, inverse.byteOffset, row, scale, found.byteOffset);
        all += found[0] * scale;
        if (next === above) all += found[1] * scale;
      }
      return all;
    },
    divergence(size) {
      const [nothing, own] = [prefix.byteOffset, sums.byteOffset];
      twoStretches(nothing, own, nothing, own, inverse.byteOffset, row, scaleOf(size), found.byteOffset);
      return found[0] * scaleOf(size);
    },
  };
}

function addRow(sums: Float64Array, rows: Uint32Array, row: number): void {
  for (let b = 0; b < sums.length; b++) sums[b] += rows[row + b];
}

function weighed(prefix: Float64Array, below: number, above: number, scale: number, inverse: Float64Array): number {
  let total = 0;
  for (let b = 0; b < inverse.length; b++) {
    const sum = prefix[above + b] - prefix[below + b];
    total += sum * naturalLog(sum * scale * inverse[b]);
  }
  return total;
}

function weighedSums(sums: Float64Array, scale: number, inverse: Float64Array): number {
  let total = 0;
  for (let b = 0; b < sums.length; b++) total += sums[b] * naturalLog(sums[b] * scale * inverse[b]);
  return total;
}

/** All parameters but the scale are addresses, or bytes; the cells of the logarithms lie from address 0 on. */
const ON_PAIRS = kernels({
  /** sums ← sums + the rows at the places `[at, end)` */
  addRows({ parameter, local }) {
    const [at, end, rows, rowBytes, sums, sumsEnd] = Array.from({ length: 6 }, () => parameter("i32"));
    const [place, stop, column, to] = Array.from({ length: 4 }, () => local("i32"));
    const few = local("v128");
    const add = (offset: number, value: Local["get"]) =>
      pair.store(i32.add(to.get, i32.of(offset)), pair.add(pair.load(to.get, offset), words.low(value)));
    return upTo(
      at,
      end.get,
      2 * TOGETHER,
      inOrder(
        // the end of these, or of all
        stop.set(i32.least(i32.add(at.get, i32.of(2 * TOGETHER)), end.get)),
        column.set(rows.get),
        to.set(sums.get),
        upTo(
          to,
          sumsEnd.get,
          8 * LANES,
          inOrder(
            few.set(pair.bits(0n)),
            place.set(at.get),
            upTo(
              place,
              stop.get,
              2,
              few.set(
                words.add(few.get, pair.load(i32.add(column.get, i32.mul(i32.loadShort(place.get), rowBytes.get)))),
              ),
            ),
            add(0, few.get),
            add(16, words.high(few.get)),
            column.set(i32.add(column.get, i32.of(4 * LANES))),
          ),
        ),
      ),
    );
  },
  /** Σ_b s_b ln(s_b·scale·inverse_b) of two stretches, s the sums above less those below; to `to` and behind it */
  twoStretches({ parameter, local }) {
    const [below, above, nextBelow, nextAbove, inverse, rowBytes] = Array.from({ length: 6 }, () => parameter("i32"));
    const scale = parameter("f64");
    const to = parameter("i32");
    const at = local("i32");
    const [one, other, both, value, factors, scales, totals, ...spare] = Array.from({ length: 10 }, () =>
      local("v128"),
    );
    const on = (from: Local) => pair.load(i32.add(from.get, at.get));
    const { before, result } = pairLogarithm(value.get, i32.of(0), spare);
    return inOrder(
      scales.set(pair.both(scale.get)),
      totals.set(pair.of(0)),
      upTo(
        at,
        rowBytes.get,
        16,
        inOrder(
          one.set(pair.sub(on(above), on(below))),
          other.set(pair.sub(on(nextAbove), on(nextBelow))),
          factors.set(on(inverse)),
          ...([0, 1] as const).map((lane) =>
            inOrder(
              both.set(pair.pick(one.get, lane, other.get, lane)),
              value.set(pair.mul(pair.mul(both.get, scales.get), pair.pick(factors.get, lane, factors.get, lane))),
              before,
              totals.set(pair.add(totals.get, pair.mul(both.get, result))),
            ),
          ),
        ),
      ),
      pair.store(to.get, totals.get),
    );
  },
});
