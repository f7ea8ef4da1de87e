/**
 * Squared distances from one state to a growing number of others, eight at a time, float64 differences of float32 coordinates
 * added in their order. In WebAssembly the eight go side by side; elsewhere one goes after the other. The same to the last
 * bit, but for those that were abandoned.
 *
 * Memory: 4·n·d bytes, and 8·(n + d).
 */
import { type Code, f64, i32, inOrder, kernels, leaveWhere, pair, upTo, widened } from "../numeric/wasm.ts";

/** States that distances are taken to together. */
export const TOGETHER = 8;
/** Coordinates between two looks at whether to abandon them. */
const STRIDE = 16;

export interface Distances {
  /** [d] the state that distances are taken from */
  readonly own: Float64Array;
  /** [n] those that were taken last */
  readonly squares: Float64Array;
  /** Puts `own` at a place among the others. */
  add(place: number): void;
  /**
   * Takes the distances to the states at `TOGETHER` places from this one on, a multiple of it. Where all of them come to
   * exceed `enough` they stay somewhere above it; those to places that nothing was put at mean nothing.
   */
  measure(from: number, enough: number): void;
}

/** For n states of width d; one user at a time (`kernels`). @param alone without WebAssembly */
export function distances(n: number, d: number, alone: boolean): Distances {
  const places = Math.ceil(n / TOGETHER) * TOGETHER;
  const sizes = [8 * d, 8 * places, 4 * places * d];
  const bytes = sizes.reduce((total, size) => total + size, 0);
  const machine = alone ? null : ON_PAIRS.on(bytes);
  const memory = machine?.memory ?? new ArrayBuffer(bytes);
  const own = new Float64Array(memory, 0, d);
  const squares = new Float64Array(memory, sizes[0], places);
  // [places / TOGETHER, d, TOGETHER]
  const others = new Float32Array(memory, sizes[0] + sizes[1], places * d);
  const startOf = (place: number): number => Math.floor(place / TOGETHER) * TOGETHER * d;
  return {
    own,
    squares: squares.subarray(0, n),
    add(place) {
      for (let k = 0, to = startOf(place) + (place % TOGETHER); k < d; k++, to += TOGETHER) others[to] = own[k];
    },
    measure: machine
      ? (from, enough) => {
          const at = others.byteOffset + 4 * startOf(from);
          machine.run.eight(own.byteOffset, 8 * d, at, squares.byteOffset + 8 * from, enough);
        }
      : (from, enough) => {
          for (let lane = 0; lane < TOGETHER; lane++) {
            squares[from + lane] = squareOf(own, others, startOf(from) + lane, enough);
          }
        },
  };
}

function squareOf(own: Float64Array, others: Float32Array, from: number, enough: number): number {
  let square = 0;
  for (let k = 0, at = from; k < own.length && square <= enough; ) {
    const stop = Math.min(k + STRIDE, own.length);
    for (; k < stop; k++, at += TOGETHER) {
      const difference = own[k] - others[at];
      square += difference * difference;
    }
  }
  return square;
}

const ON_PAIRS = kernels({
  eight({ parameter, local }) {
    const [own, bytes, others, to] = Array.from({ length: 4 }, () => parameter("i32"));
    const enough = parameter("f64");
    const [end, stop] = [local("i32"), local("i32")];
    const [coordinate, some, enoughs, ...squares] = Array.from({ length: 7 }, () => local("v128"));
    const both = pair.both(enough.get);
    const addTo = (square: (typeof squares)[number], two: Code): Code =>
      inOrder(
        some.set(pair.sub(coordinate.get, widened(two))),
        square.set(pair.add(square.get, pair.mul(some.get, some.get))),
      );
    const stored = inOrder(
      ...squares.map((square, index) => pair.store(i32.add(to.get, i32.of(16 * index)), square.get)),
    );
    const areAbove = squares.map((square) => pair.areAbove(square.get, enoughs.get)).reduce(i32.and);
    return inOrder(
      enoughs.set(both),
      end.set(i32.add(own.get, bytes.get)),
      upTo(
        own,
        end.get,
        0,
        inOrder(
          stop.set(i32.least(i32.add(own.get, i32.of(8 * STRIDE)), end.get)),
          upTo(
            own,
            stop.get,
            8,
            inOrder(
              coordinate.set(pair.both(f64.load(own.get))),
              ...[0, 1].flatMap((half) => {
                const four = pair.load(others.get, 16 * half);
                return [addTo(squares[2 * half], four), addTo(squares[2 * half + 1], pair.pick(four, 1, four, 1))];
              }),
              others.set(i32.add(others.get, i32.of(4 * TOGETHER))),
            ),
          ),
          stored,
          leaveWhere(areAbove),
        ),
      ),
    );
  },
});
