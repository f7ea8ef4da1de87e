/**
 * Matrices that stay as they are stored: codes in groups under scales, multiplied by without becoming float32 first,
 *
 *     value = scale · (code − half) + minimum,   half = 2^(bits − 1)
 *
 * The runtime's product knows codes and scales. What minima add is a product of its own, a group's size smaller:
 * Σ over groups of minimum · Σ of the group's inputs. Either adds in float32, so that results are those of the float32
 * matrix up to the order of sums (docs/decisions/weights-stay-small.md).
 *
 * For few rows at a time the runtime has no fast product by 8 bits in float32. There they are two times four:
 * code − 128 = 16·(high − 8) + (low − 8) + 8, the 8 among the minima.
 */
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";

/** A matrix [n, k] in groups of g along its rows. */
export interface CodedMatrix extends ops.CodeLayout {
  /** uint8 [n, k/g, g·bits/8]; of 4 bits, the first of two is the lower nibble */
  readonly codes: Value;
  /** the lower four bits of 8, where `codes` are the higher four */
  readonly low: Value | undefined;
  /** [n, k/g] */
  readonly scales: Value;
  /** the same; absent: none */
  readonly minima: Value | undefined;
  /** whether inputs are rounded to 8 bits in groups */
  readonly isFast: boolean;
}

/** [..., k] → [..., n] */
export function codedProduct(x: Value, matrix: CodedMatrix): Value {
  const { codes, low, scales, minima, isFast, group, bits } = matrix;
  const mapped = low
    ? ops.add(
        ops.matMulCodes(upper(x), codes, scales, { bits: 4, group, isFast: false }),
        ops.matMulCodes(x, low, scales, { bits: 4, group, isFast: false }),
      )
    : ops.matMulCodes(x, codes, scales, { bits, group, isFast });
  return minima ? ops.add(mapped, byGroups(x, minima, group)) : mapped;
}

/** What the higher four bits count for; scales of their own would be held beside the others. */
const upper = (value: Value): Value => ops.multiply(value, value.graph.scalar(16));

/** The sums of each group, times a number a group: [..., k] × [n, k/g] → [..., n] */
function byGroups(x: Value, numbers: Value, group: number): Value {
  const groups = numbers.shape[1];
  const sums = ops.sum(ops.reshape(x, [...x.shape.slice(0, -1), groups, group]), -1);
  return ops.matMul(sums, ops.transpose(numbers, [1, 0]));
}

/** Rows by index, int64 [...]: [..., k] */
export function codedRows({ codes, low, scales, minima, bits, group }: CodedMatrix, indices: Value): Value {
  const read = (from: Value, layout: ops.CodeLayout): Value => {
    const [rows, groups, bytes] = from.shape.map(Number);
    return ops.gatherCodes(ops.reshape(from, [rows, groups * bytes]), indices, scales, layout);
  };
  const halves = { bits: 4, group } as const;
  const values = low ? ops.add(upper(read(codes, halves)), read(low, halves)) : read(codes, { bits, group });
  if (!minima) return values;
  const outer = [...indices.shape, scales.shape[1]];
  const added = ops.add(
    ops.reshape(values, [...outer, group]),
    ops.reshape(ops.gather(minima, indices), [...outer, 1]),
  );
  return ops.reshape(added, values.shape);
}
