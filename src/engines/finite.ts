/**
 * The one check of the numbers that a model gives: NaN and infinity are found where they leave the runtime, whatever asked for
 * them, and named by what they are and where they were. What comes behind may count on numbers.
 *
 * Time: 0.4 ns a value, the runtime at work meanwhile: a thousandth of what it takes to compute them.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import type { Fetched } from "./runtime-messages.ts";

/** Where a row of an output belongs, in words; undefined where the output has no rows that belong somewhere. */
export type Where = (output: string, row: number) => string | undefined;

const NEXT =
  "look for NaN, infinity and very large values among the weights; `lossyscope inspect MODEL --entropy` names tensors that hold the first two";

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(?:[pq]\.)?assignment\.(\d+)$/, "a soft assignment of layer $1"],
  [/^moments\.(\d+)\.\w+$/, "a moment of the states of layer $1"],
  [/^(?:hidden_)?states\.(\d+)$/, "a state of layer $1"],
  [/^last_block_output$/, "the last block's output"],
  [/^losses$/, "a loss"],
  [/^logits$/, "a logit"],
  [/^probabilities$/, "a probability"],
];

function nameOf(output: string): string {
  for (const [pattern, name] of NAMES) if (pattern.test(output)) return output.replace(pattern, name);
  return output;
}

/** @returns the place of the first value that is NaN or infinite, −1 where there is none */
export function firstNonFinite(values: Float32Array): number {
  // x · 0 is 0 but for NaN and infinities: four sums that do not wait for each other, and no branch.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += values[i] * 0;
    s1 += values[i + 1] * 0;
    s2 += values[i + 2] * 0;
    s3 += values[i + 3] * 0;
  }
  for (let i = whole; i < values.length; i++) s0 += values[i] * 0;
  return s0 + s1 + s2 + s3 === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/**
 * @param subject what ran, in words; `where` may know better
 * @throws LossyscopeError `model` naming the first value that is none; of layers before what follows from them
 */
export function refuseNonFinite(outputs: Readonly<Record<string, Fetched>>, subject: string, where?: Where): void {
  const bad = Object.entries(outputs).flatMap(([output, { data, dims }]) => {
    const at = firstNonFinite(data);
    return at < 0 ? [] : [{ output, value: data[at], row: Math.floor(at / (data.length / dims[0])) }];
  });
  if (bad.length === 0) return;
  const { output, value, row } = bad.find((one) => /\.\d+/.test(one.output)) ?? bad[0];
  const place = where?.(output, row) ?? subject;
  throw new LossyscopeError("model", `${nameOf(output)} is ${value} at ${place}`, NEXT);
}
