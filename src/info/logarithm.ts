/**
 * Natural logarithms by the hundred million, in float64 from a table of 1,024 mantissas and four terms of the series
 * (within 2 units in the last place of 1 of `Math.log`, or of the result where that is larger), two to three times as
 * fast, and again two to three times that where stretches of them go through WebAssembly, to the same bits. One form takes
 * positive doubles, one takes the fixed-point probabilities of `assignment.ts`.
 */
import { type Code, i32, inOrder, kernels, type Local, pair, upTo } from "../numeric/wasm.ts";
import { FRACTION_BITS, ONE } from "./assignment.ts";

const SIZE = 1024;
/** centre of each mantissa's cell: its reciprocal and its logarithm */
const reciprocal = Float64Array.from({ length: SIZE }, (_, cell) => 1 / (1 + (cell + 0.5) / SIZE));
const logarithm = Float64Array.from({ length: SIZE }, (_, cell) => Math.log(1 + (cell + 0.5) / SIZE));
/** 2^(1023 − e) by exponent field; the fields of zero, subnormals and infinities are not served */
const unscale = Float64Array.from({ length: 2047 }, (_, field) => (field === 0 ? 0 : 2 ** (1023 - field)));
/** by leading zeros of a 32-bit integer: what takes it to [1, 2), and the logarithm of what that took out */
const shift = Float64Array.from({ length: 33 }, (_, zeros) => 2 ** (zeros - 31));
const shiftLogarithm = Float64Array.from({ length: 33 }, (_, zeros) => (31 - zeros - FRACTION_BITS) * Math.LN2);

/** index of a double's high half among its two 32-bit words */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0];

const bits = new Float64Array(1);
const halves = new Int32Array(bits.buffer);

/** ln of a normal positive double, as `LogarithmTable.run` has it; of 0 it gives a finite number of no meaning. */
export function naturalLog(value: number): number {
  bits[0] = value;
  const high = halves[HIGH];
  const field = high >>> 20;
  const cell = (high >>> 10) & (SIZE - 1);
  const rest = value * unscale[field] * reciprocal[cell] - 1;
  return (field - 1023) * Math.LN2 + (logarithm[cell] + rest * (1 - rest * (0.5 - rest * (1 / 3 - rest * 0.25))));
}

/**
 * A stretch of doubles and of their logarithms: fill `values`, call `run`, read `logarithms`. Tables share their memory, so
 * that these three are one after the other with no other table's between.
 */
export interface LogarithmTable {
  readonly values: Float64Array;
  readonly logarithms: Float64Array;
  /** ln of the first `count` values, each a normal positive double; of 0 it gives a finite number of no meaning */
  run(count: number): void;
}

/** @param alone without WebAssembly */
export function logarithmTable(length: number, alone = false): LogarithmTable {
  const even = length + (length % 2);
  const machine = alone ? null : ON_PAIRS.on(8 * (2 * SIZE + 2 * even));
  if (!machine) {
    const [values, logarithms] = [new Float64Array(length), new Float64Array(length)];
    return {
      values,
      logarithms,
      run(count) {
        for (let i = 0; i < count; i++) logarithms[i] = naturalLog(values[i]);
      },
    };
  }
  const { memory, run } = machine;
  new Float64Array(memory, 0, CELLS.length).set(CELLS);
  const from = 16 * SIZE;
  const values = new Float64Array(memory, from, length);
  const logarithms = new Float64Array(memory, from + 8 * even, length);
  values.fill(0);
  logarithms.fill(0);
  return {
    values,
    logarithms,
    run(count) {
      const last = count - (count % 2);
      run.logarithms(from, from + 8 * last, from + 8 * even);
      if (last < count) logarithms[last] = naturalLog(values[last]);
    },
  };
}

/** For `pairLogarithm`, by cell: reciprocal, then logarithm. */
export const CELLS = Float64Array.from(
  { length: 2 * SIZE },
  (_, at) => (at % 2 === 0 ? reciprocal : logarithm)[at >> 1],
);

/**
 * `naturalLog` of two values at a time, to the same bits but for zero's.
 * @param value read several times
 * @param cells address of `CELLS`
 * @param spare three locals
 * @returns what is done first, and then the two logarithms
 */
export function pairLogarithm(
  value: Code,
  cells: Code,
  [rest, first, second]: readonly Local[],
): { readonly before: Code; readonly result: Code } {
  const { add, sub, mul } = pair;
  // where the cell of a mantissa's first ten bits lies, in 16 bytes a cell
  const cell = (lane: 0 | 1): Code =>
    i32.add(cells, i32.and(pair.word(pair.shiftRight(value, i32.of(38)), lane), i32.of(16 * (SIZE - 1))));
  const mantissa = pair.or(pair.and(value, pair.bits(0xfffffffffffffn)), pair.bits(0x3ff0000000000000n));
  // 2^52 + field, as its bits are, less what is too much
  const exponent = sub(
    pair.or(pair.shiftRight(value, i32.of(52)), pair.bits(0x4330000000000000n)),
    pair.of(2 ** 52 + 1023),
  );
  const x = rest.get;
  const series = mul(x, sub(pair.of(1), mul(x, sub(pair.of(0.5), mul(x, sub(pair.of(1 / 3), mul(x, pair.of(0.25))))))));
  return {
    before: inOrder(
      first.set(pair.load(cell(0))),
      second.set(pair.load(cell(1))),
      rest.set(sub(mul(mantissa, pair.pick(first.get, 0, second.get, 0)), pair.of(1))),
    ),
    result: add(mul(exponent, pair.of(Math.LN2)), add(pair.pick(first.get, 1, second.get, 1), series)),
  };
}

/** The cells from address 0 on. */
const ON_PAIRS = kernels({
  logarithms({ parameter, local }) {
    const [from, end, to] = [parameter("i32"), parameter("i32"), parameter("i32")];
    const [value, ...spare] = Array.from({ length: 4 }, () => local("v128"));
    const { before, result } = pairLogarithm(value.get, i32.of(0), spare);
    return upTo(
      from,
      end.get,
      16,
      inOrder(value.set(pair.load(from.get)), before, pair.store(to.get, result), to.set(i32.add(to.get, i32.of(16)))),
    );
  },
});

/** −Σ p ln p in nats over the fixed-point probabilities `[from, to)`. */
export function entropyOfFixed(fixed: Uint32Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) {
    const value = fixed[i];
    const zeros = Math.clz32(value);
    const cell = ((value << zeros) >>> 21) & (SIZE - 1);
    const rest = value * shift[zeros] * reciprocal[cell] - 1;
    total -=
      value * (shiftLogarithm[zeros] + logarithm[cell] + rest * (1 - rest * (0.5 - rest * (1 / 3 - rest * 0.25))));
  }
  return total / ONE;
}
