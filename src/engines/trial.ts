/**
 * How fast this machine is just now, by a trial of about a fifth of a second: how long the runtime's process takes to start, how
 * many multiply-adds it makes a second in products as wide as the model's states, and how many a loop of our own makes. What
 * a run will take is estimated from these; nothing else depends on them.
 *
 * Memory: that of a runtime without a model, and 13 MB.
 */

import { tmpdir } from "node:os";
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import { withRuntime } from "./with-runtime.ts";

/** What the machine does, as the trial found it. */
export interface Rates {
  /** seconds until the runtime's process has a graph */
  readonly start: number;
  /** multiply-adds a second of the runtime on all its threads */
  readonly products: number;
  /** multiply-adds a second of a loop of ours, on one thread */
  readonly loop: number;
}

/** Wider products are no faster. */
const WIDEST = 768;
/** Rows of a product: tokens that go through the model together, or a part of them. */
const ROWS = 512;
/** Multiply-adds of a run, about: few enough for a trial, enough for the messages about it to be nothing. */
const A_RUN = 6e7;
/** Each of the two is tried for so long, and once at least. */
const TRIAL_MILLISECONDS = 70;
const LOOP = 4096;

/**
 * @param width d; null where it is not known, and does not matter
 * @throws LossyscopeError `engine` where the runtime does not start; `interrupted`
 */
export async function timedTrial(width: number | null, context: QuietContext): Promise<Rates> {
  const side = Math.max(16, Math.min(WIDEST, width ?? WIDEST));
  const products = Math.min(64, Math.max(1, Math.round(A_RUN / (2 * ROWS * side * side))));
  if (context.signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
  const before = loopRate();
  const found = await runtimeRates(side, products, context);
  // Of two, as a moment in which others have the machine says little of the minutes to come.
  return { ...found, loop: Math.max(before, loopRate()) };
}

async function runtimeRates(side: number, products: number, context: QuietContext): Promise<Omit<Rates, "loop">> {
  const started = performance.now();
  return withRuntime(context, context.signal, async (runtime) => {
    await runtime.load(trialGraph(side, products), tmpdir());
    const start = (performance.now() - started) / 1000;
    const feeds = { x: { type: "float32", data: Float32Array.of(0.5), dims: [1] } } as const;
    const run = () => runtime.run(feeds, ["y"], "the trial");
    await run();
    const { turns, seconds } = await repeated(run);
    return { start, products: (turns * products * 2 * ROWS * side * side) / seconds };
  });
}

/** X·A·B·A·B…, X [rows, d] made of the one number that is fed, A [d, 2d] and B [2d, d]; and of it one number. */
function trialGraph(side: number, products: number): Uint8Array {
  const graph = new Graph();
  const numbers = (): Float32Array => new Float32Array(2 * side * side).fill(1 / side);
  const wide = graph.constant(numbers(), [side, 2 * side]);
  const narrow = graph.constant(numbers(), [2 * side, side]);
  let x = ops.add(graph.constant(new Float32Array(ROWS * side), [ROWS, side]), graph.input("x", "float32", [1]));
  for (let i = 0; i < products; i++) x = ops.matMul(ops.matMul(x, wide), narrow);
  graph.output("y", ops.sum(x, [0, 1], { keep: true }));
  return graph.encode();
}

async function repeated(run: () => Promise<unknown>): Promise<{ readonly turns: number; readonly seconds: number }> {
  const started = performance.now();
  let turns = 0;
  do {
    await run();
    turns++;
  } while (performance.now() - started < TRIAL_MILLISECONDS);
  return { turns, seconds: (performance.now() - started) / 1000 };
}

function loopRate(): number {
  const values = new Float64Array(LOOP).fill(0.5);
  const sums = new Float64Array(LOOP);
  for (let i = 0; i < 400; i++) addSquares(values, sums); // until it is compiled
  const started = performance.now();
  let turns = 0;
  for (; performance.now() - started < TRIAL_MILLISECONDS / 3; turns += 16)
    for (let i = 0; i < 16; i++) addSquares(values, sums);
  return (turns * LOOP * 1000) / (performance.now() - started);
}

function addSquares(values: Float64Array, sums: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i] * values[i];
}
