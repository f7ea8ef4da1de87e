/** Of a mean the interval is Student's; sides add up, and what a figure cannot be is cut off. */
import { expect, it } from "vitest";
import { GROUPS, jackknifeInterval } from "./jackknife.ts";
import { random } from "./random.ts";
import { mean, sum } from "./sums.ts";

const drawn = (name: string): Float64Array => {
  const stream = random("jackknife", name);
  return Float64Array.from({ length: GROUPS }, () => stream.normal());
};
const without = (values: Float64Array): Float64Array =>
  values.map((_, one) => mean(values.filter((_, place) => place !== one)));

it("is the t interval of a mean", () => {
  const values = drawn("one");
  const middle = mean(values);
  const error = Math.sqrt(sum(values.map((one) => (one - middle) ** 2)) / 9 / 10);
  const { low, high } = jackknifeInterval(middle, [without(values)]);
  // The 97.5 % point of Student's t, nine degrees of freedom, as tables have it.
  expect(low).toBeCloseTo(middle - 2.262 * error, 3);
  expect(high).toBeCloseTo(middle + 2.262 * error, 3);
});

it("adds the errors of two sides", () => {
  const [a, b] = [drawn("a"), drawn("b")];
  const reach = (sides: readonly Float64Array[]): number => jackknifeInterval(0, sides).high!;
  expect(reach([without(a), without(b)]) ** 2).toBeCloseTo(reach([without(a)]) ** 2 + reach([without(b)]) ** 2, 12);
});

it("stays within what a figure can be, and is none of other groups or of no figure", () => {
  expect(jackknifeInterval(0, [drawn("wide")], { least: -0.1, most: 0.1 })).toEqual({ value: 0, low: -0.1, high: 0.1 });
  const still = new Float64Array(GROUPS).fill(3);
  expect(jackknifeInterval(3, [still], { step: 1 })).toEqual({ value: 3, low: 2, high: 4 });
  for (const sides of [[], [new Float64Array(4)], [drawn("a"), new Float64Array(9)]])
    expect(jackknifeInterval(1, sides)).toEqual({ value: 1, low: null, high: null });
  expect(jackknifeInterval(Number.NaN, [drawn("a")])).toEqual({ value: null, low: null, high: null });
});
