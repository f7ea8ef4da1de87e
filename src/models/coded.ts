/**
 * Matrices that stay as they are stored: codes in groups under scales, multiplied by without becoming float32 first,
 *
 *     value = scale · (code − half) + minimum,   half = 2^(bits − 1)
 *
 * The runtime's product knows codes and scales. What minima add is a product of its own, a group's size smaller:
 * Σ over groups of minimum · Σ of the group's inputs. Either adds in float32, so that results are those of the float32
 * matrix up to the order of sums (docs/decisions/weights-stay-small.md).
 */
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";

/** A matrix [n, k] in groups of g along its rows. */
export interface CodedMatrix extends ops.CodeLayout {
  /** uint8 [n, k/g, g·bits/8]; of 4 bits, the first of two is the lower nibble */
  readonly codes: Value;
  /** [n, k/g] */
  readonly scales: Value;
  /** the same; absent: none */
  readonly minima: Value | undefined;
  /** whether inputs are rounded to 8 bits in groups */
  readonly isFast: boolean;
}

/**
 * [..., k] → [..., n]
 * @param few whether few rows are run at a time: for those the runtime has no fast product by 8 bits in float32
 */
export function codedProduct(x: Value, matrix: CodedMatrix, few: boolean): Value {
  const { codes, scales, minima, isFast, group, bits } = matrix;
  if (bits === 8 && few && !isFast) return inHalves(x, matrix);
  const mapped = ops.matMulCodes(x, codes, scales, { bits, group, isFast });
  return minima ? ops.add(mapped, byGroups(x, minima, group)) : mapped;
}

/** The sums of each group, times a number a group: [..., k] × [n, k/g] → [..., n] */
function byGroups(x: Value, numbers: Value, group: number): Value {
  const groups = numbers.shape[1];
  const sums = ops.sum(ops.reshape(x, [...x.shape.slice(0, -1), groups, group]), -1);
  return ops.matMul(sums, ops.transpose(numbers, [1, 0]));
}

/**
 * By 8 bits as two times 4: code − 128 = 16·(high − 8) + (low − 8) + 8. The halves are made where the graph is loaded.
 */
function inHalves(x: Value, { codes, scales, minima, group }: CodedMatrix): Value {
  const { graph } = x;
  const [rows, groups] = codes.shape.map(Number);
  const byte = (value: number): Value => graph.scalar(value, "uint8");
  const [even, odd] = ops
    .split(ops.reshape(codes, [rows, groups, group / 2, 2]), 3, [1, 1])
    .map((part) => ops.reshape(part, [rows, groups, group / 2]));
  const low = ops.bitwiseOr(ops.bitwiseAnd(even, byte(15)), ops.shiftLeft(odd, byte(4)));
  const high = ops.bitwiseOr(ops.shiftRight(even, byte(4)), ops.bitwiseAnd(odd, byte(240)));
  const layout = { bits: 4, group, isFast: false } as const;
  const times = (factor: number): Value => ops.multiply(scales, graph.scalar(factor));
  const mapped = ops.add(ops.matMulCodes(x, high, times(16), layout), ops.matMulCodes(x, low, scales, layout));
  const middle = minima ? ops.add(times(8), minima) : times(8);
  return ops.add(mapped, byGroups(x, middle, group));
}

/** Rows by index, int64 [...]: [..., k] */
export function codedRows({ codes, scales, minima, bits, group }: CodedMatrix, indices: Value): Value {
  const [rows, groups] = codes.shape.map(Number);
  const flat = ops.reshape(codes, [rows, (groups * group * bits) / 8]);
  const values = ops.gatherCodes(flat, indices, scales, { bits, group });
  if (!minima) return values;
  const outer = [...indices.shape, groups];
  const added = ops.add(ops.reshape(values, [...outer, group]), ops.reshape(ops.gather(minima, indices), [...outer, 1]));
  return ops.reshape(added, values.shape);
}
