/** Which learning rate a step has, and which steps leave a checkpoint. Steps are counted from 1; step 0 is the start. */
import { unreachable } from "../numeric/errors.ts";

export const DECAYS = ["cosine", "linear", "constant"] as const;

export interface Schedule {
  /** η at the end of the warm-up */
  readonly rate: number;
  /** steps over which the rate grows evenly from 0 */
  readonly warmup: number;
  /** how it falls from there to its last value, at the last step */
  readonly decay: (typeof DECAYS)[number];
  /** the last rate as a share of `rate` */
  readonly finalShare: number;
}

/** The learning rate of a step. */
export function rateAt(step: number, steps: number, { rate, warmup, decay, finalShare }: Schedule): number {
  if (step <= warmup) return (rate * step) / warmup;
  const done = (step - warmup) / (steps - warmup);
  const left = (share: number): number => rate * (finalShare + (1 - finalShare) * share);
  switch (decay) {
    case "cosine":
      return left((1 + Math.cos(Math.PI * done)) / 2);
    case "linear":
      return left(1 - done);
    case "constant":
      return rate;
    default:
      return unreachable(decay);
  }
}

/**
 * Step 0, the last step, and between them as many as asked for, evenly apart in ln step.
 * @param count checkpoints in all; fewer come where steps are fewer
 */
export function checkpointSteps(steps: number, count: number): number[] {
  const between = Array.from({ length: Math.max(0, count - 1) }, (_, index) =>
    Math.round(steps ** (count === 2 ? 1 : index / (count - 2))),
  );
  return [...new Set([0, ...between, steps])].sort((a, b) => a - b);
}
