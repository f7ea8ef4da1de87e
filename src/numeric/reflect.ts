/**
 * The reflections of `eigen.ts` on the lower triangle of a symmetric matrix, row by row: half of the time of its spectra goes
 * into the products A u, the other half into taking u qᵀ + q uᵀ away. Two entries at a time in WebAssembly, three times as
 * fast as the loop beside it; the loop where there is no such thing. The same to the last bit either way.
 *
 * Memory: 4·d² + 20·d bytes.
 */
import { type Code, f64, i32, inOrder, kernels, type Local, type Locals, pair, upTo } from "./wasm.ts";

/** Where row i of a lower triangle begins. */
export const rowStart = (row: number): number => (row * (row + 1)) / 2;

export interface Reflecting {
  /** [d(d+1)/2] the triangle, to be filled */
  readonly a: Float64Array;
  /** [d] room for a vector that is no row of it */
  readonly v: Float64Array;
  /**
   * A ← A − u qᵀ − q uᵀ on the leading n × n block, n = u.length, which is H A H for H = 1 − u uᵀ/h, with p = A u / h and
   * q = p − u (uᵀp)/(2h).
   * @param u `v`, or the stretch of `a` that is a row behind the block
   */
  readonly reflect: (u: Float64Array, h: number) => void;
}

/** Room for a d × d matrix and what reflects it. @param alone without WebAssembly */
export function reflecting(d: number, alone = false): Reflecting {
  const sizes = [rowStart(d), d, d];
  const machine = alone ? null : ON_PAIRS.on(8 * (rowStart(d) + 2 * d));
  const memory = machine?.memory ?? new ArrayBuffer(8 * (rowStart(d) + 2 * d));
  let from = 0;
  const [a, v, q] = sizes.map((size) => {
    const part = new Float64Array(memory, from, size);
    from += 8 * size;
    return part;
  });
  const on = (what: "multiply" | "takeAway", loop: (a: Float64Array, u: Float64Array, q: Float64Array) => void) =>
    machine
      ? (u: Float64Array) => machine.run[what](u.byteOffset, q.byteOffset, u.length)
      : (u: Float64Array) => loop(a, u, q);
  const multiply = on("multiply", multiplyBlock);
  const takeAway = on("takeAway", takeFromBlock);
  return {
    a,
    v,
    reflect(u, h) {
      const n = u.length;
      q.fill(0, 0, n);
      multiply(u);
      let along = 0;
      for (let j = 0; j < n; j++) {
        q[j] /= h;
        along += q[j] * u[j];
      }
      along /= 2 * h;
      for (let j = 0; j < n; j++) q[j] -= along * u[j];
      takeAway(u);
    },
  };
}

/** q ← q + A u on the leading block, two rows at a time. */
function multiplyBlock(a: Float64Array, u: Float64Array, q: Float64Array): void {
  const n = u.length;
  const odd = n % 2;
  if (odd) q[0] += a[0] * u[0];
  for (let j = odd; j < n; j += 2) {
    const row = rowStart(j);
    const next = rowStart(j + 1);
    const u0 = u[j];
    const u1 = u[j + 1];
    let dot0 = 0;
    let dot1 = 0;
    for (let k = 0; k < j; k++) {
      const a0 = a[row + k];
      const a1 = a[next + k];
      dot0 += a0 * u[k];
      dot1 += a1 * u[k];
      q[k] += a0 * u0 + a1 * u1;
    }
    const between = a[next + j];
    q[j] += dot0 + a[row + j] * u0 + between * u1;
    q[j + 1] += dot1 + between * u0 + a[next + j + 1] * u1;
  }
}

/** A ← A − u qᵀ − q uᵀ on the leading block, two rows at a time. */
function takeFromBlock(a: Float64Array, u: Float64Array, q: Float64Array): void {
  const n = u.length;
  const odd = n % 2;
  if (odd) a[0] -= 2 * u[0] * q[0];
  for (let j = odd; j < n; j += 2) {
    const row = rowStart(j);
    const next = rowStart(j + 1);
    const u0 = u[j];
    const u1 = u[j + 1];
    const q0 = q[j];
    const q1 = q[j + 1];
    for (let k = 0; k <= j; k++) {
      a[row + k] -= u0 * q[k] + q0 * u[k];
      a[next + k] -= u1 * q[k] + q1 * u[k];
    }
    a[next + j + 1] -= 2 * u1 * q1;
  }
}

/** bytes of so many float64 */
const wide = (count: Code): Code => i32.shiftLeft(count, i32.of(3));

/** The loops' frame: their vectors, n, and addresses of row j, of the row after it, and of places j in u and q. */
function frame({ parameter, local }: Locals) {
  const [u, q, n] = [parameter("i32"), parameter("i32"), parameter("i32")];
  const [j, k, row, next, uj, qj] = Array.from({ length: 6 }, () => local("i32"));
  const [x0, x1] = [local("f64"), local("f64")];
  // 8·j(j + 1)/2
  const start = (at: Code): Code => i32.shiftLeft(i32.mul(at, i32.add(at, i32.of(1))), i32.of(2));
  const beside = (from: Local): Code => i32.add(from.get, wide(k.get));
  const eachRowPair = (body: Code): Code =>
    upTo(
      j,
      n.get,
      2,
      inOrder(
        row.set(start(j.get)),
        next.set(start(i32.add(j.get, i32.of(1)))),
        uj.set(i32.add(u.get, wide(j.get))),
        qj.set(i32.add(q.get, wide(j.get))),
        k.set(i32.of(0)),
        body,
      ),
    );
  return { u, q, n, j, k, row, next, uj, qj, x0, x1, beside, eachRowPair, odd: i32.and(n.get, i32.of(1)) };
}

const { load, store } = f64;
/** to what is there */
const addTo = (address: Code, value: Code, offset = 0): Code =>
  store(address, f64.add(load(address, offset), value), offset);
const takeFrom = (address: Code, value: Code, offset = 0): Code =>
  store(address, f64.sub(load(address, offset), value), offset);
/** x·a + y·b */
const sumOf = <Of extends { readonly add: typeof f64.add; readonly mul: typeof f64.mul }>(
  { add, mul }: Of,
  x: Code,
  a: Code,
  y: Code,
  b: Code,
): Code => add(mul(x, a), mul(y, b));

/** `multiplyBlock` and `takeFromBlock`, two places k at a time; A from address 0 on. */
const ON_PAIRS = kernels({
  multiply(locals) {
    const { u, q, j, k, row, next, uj, qj, x0, x1, beside, eachRowPair, odd } = frame(locals);
    const [both0, both1, inRow, inNext, along, dots] = Array.from({ length: 6 }, () => locals.local("v128"));
    const [dot0, dot1, between] = Array.from({ length: 3 }, () => locals.local("f64"));
    const a0 = load(beside(row));
    const a1 = load(beside(next));
    return inOrder(
      j.set(odd),
      // a block of one: its only entry
      upTo(k, j.get, 1, addTo(q.get, f64.mul(load(i32.of(0)), load(u.get)))),
      eachRowPair(
        inOrder(
          x0.set(load(uj.get)),
          x1.set(load(uj.get, 8)),
          both0.set(pair.both(x0.get)),
          both1.set(pair.both(x1.get)),
          dots.set(pair.of(0)),
          upTo(
            k,
            i32.sub(j.get, i32.of(1)),
            2,
            inOrder(
              inRow.set(pair.load(beside(row))),
              inNext.set(pair.load(beside(next))),
              along.set(pair.load(beside(u))),
              ...([0, 1] as const).map((lane) =>
                dots.set(
                  pair.add(
                    dots.get,
                    pair.mul(pair.pick(inRow.get, lane, inNext.get, lane), pair.pick(along.get, lane, along.get, lane)),
                  ),
                ),
              ),
              pair.store(
                beside(q),
                pair.add(pair.load(beside(q)), sumOf(pair, inRow.get, both0.get, inNext.get, both1.get)),
              ),
            ),
          ),
          dot0.set(pair.lane(dots.get, 0)),
          dot1.set(pair.lane(dots.get, 1)),
          upTo(
            k,
            j.get,
            1,
            inOrder(
              dot0.set(f64.add(dot0.get, f64.mul(a0, load(beside(u))))),
              dot1.set(f64.add(dot1.get, f64.mul(a1, load(beside(u))))),
              addTo(beside(q), sumOf(f64, a0, x0.get, a1, x1.get)),
            ),
          ),
          between.set(a1),
          addTo(qj.get, f64.add(f64.add(dot0.get, f64.mul(a0, x0.get)), f64.mul(between.get, x1.get))),
          addTo(
            qj.get,
            f64.add(f64.add(dot1.get, f64.mul(between.get, x0.get)), f64.mul(load(beside(next), 8), x1.get)),
            8,
          ),
        ),
      ),
    );
  },
  takeAway(locals) {
    const { u, q, j, k, row, next, uj, qj, x0, x1, beside, eachRowPair, odd } = frame(locals);
    const [y0, y1] = [locals.local("f64"), locals.local("f64")];
    const [u0, u1, q0, q1, alongQ, alongU] = Array.from({ length: 6 }, () => locals.local("v128"));
    const twice = (x: Code, y: Code): Code => f64.mul(f64.mul(f64.of(2), x), y);
    const taken = (from: Local, x: Local, y: Local): Code =>
      pair.store(beside(from), pair.sub(pair.load(beside(from)), sumOf(pair, x.get, alongQ.get, y.get, alongU.get)));
    return inOrder(
      j.set(odd),
      upTo(k, j.get, 1, takeFrom(i32.of(0), twice(load(u.get), load(q.get)))),
      eachRowPair(
        inOrder(
          x0.set(load(uj.get)),
          x1.set(load(uj.get, 8)),
          y0.set(load(qj.get)),
          y1.set(load(qj.get, 8)),
          u0.set(pair.both(x0.get)),
          u1.set(pair.both(x1.get)),
          q0.set(pair.both(y0.get)),
          q1.set(pair.both(y1.get)),
          upTo(
            k,
            j.get,
            2,
            inOrder(
              alongQ.set(pair.load(beside(q))),
              alongU.set(pair.load(beside(u))),
              taken(row, u0, q0),
              taken(next, u1, q1),
            ),
          ),
          upTo(
            k,
            i32.add(j.get, i32.of(1)),
            1,
            inOrder(
              takeFrom(beside(row), sumOf(f64, x0.get, load(beside(q)), y0.get, load(beside(u)))),
              takeFrom(beside(next), sumOf(f64, x1.get, load(beside(q)), y1.get, load(beside(u)))),
            ),
          ),
          // k is j + 1 here
          takeFrom(beside(next), twice(x1.get, y1.get)),
        ),
      ),
    );
  },
});
