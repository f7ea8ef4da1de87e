/**
 * Whether products by whole numbers pay on this machine (`models/rounded.ts`): the two products of a model's MLP both ways, in
 * turns, the best of either; and whether sums are right. Processors without instructions for bytes add two products in sixteen
 * bits, where they do not fit. Takes about half a second, and is remembered in the user's cache folder: a run that is gone on
 * with is computed as it was begun. What is remembered and not sound is not believed. One thread is tried, whatever the run has:
 * threads that wait for each other where others have the machine say nothing of products.
 *
 * Memory: that of a runtime without a model, and 10·d·f bytes.
 */
import { mkdir, readFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { cacheFolder } from "../files/cache.ts";
import { sha256 } from "../files/digest.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { LARGEST, type RoundedMatrix, RoundedProducts, type Rounding } from "../models/rounded.ts";
import { random } from "../numeric/random.ts";
import type { QuietContext } from "../ports/context.ts";
import { withRuntime } from "./with-runtime.ts";

export interface RoundingTrial {
  /** times as fast as float32 products */
  readonly speed: number;
  /** whether whole numbers are added without loss */
  readonly isRight: boolean;
}

/** Rows of a product: tokens that go through the model together, or a part of them. */
const ROWS = 512;
const WIDEST = 2048;
const ROUNDS = 6;
/** Of either way, in a round. */
const MILLISECONDS = 25;

/**
 * @param shape width of the states, and of what an MLP maps down
 * @throws LossyscopeError `engine` where the runtime does not start; `interrupted`
 */
export async function tryRounding(
  rounding: Rounding,
  shape: { readonly width: number; readonly inner: number },
  context: QuietContext,
): Promise<RoundingTrial> {
  const [width, inner] = [shape.width, shape.inner].map((size) => Math.max(16, Math.min(WIDEST, size)));
  return withRuntime({ ...context, threads: 1 }, context.signal, async (runtime) => {
    const { version } = await runtime.load(graphOf("exact", width, inner), tmpdir(), [], "exact");
    const machine = [cpus()[0]?.model, process.arch, version, rounding, width, inner];
    const remembered = join(cacheFolder("trials"), sha256(machine.join("\n")));
    const known = await readFile(remembered, "utf8").then(soundly, () => null);
    if (known) return known;
    await runtime.load(graphOf(rounding, width, inner), tmpdir(), [], "rounded");
    const feeds = { x: { type: "float32", data: Float32Array.of(1), dims: [1] } } as const;
    const run = async (graph: string) => runtime.run(feeds, ["y", "sum"], "the trial", { graph });
    const { outputs } = await run("rounded");
    const isRight = Math.abs(outputs.sum.data[0] / width - 1) < 1e-4;
    const best = { exact: Number.POSITIVE_INFINITY, rounded: Number.POSITIVE_INFINITY };
    for (let round = 0; round < ROUNDS; round++)
      for (const graph of ["exact", "rounded"] as const)
        for (const began = performance.now(); performance.now() - began < MILLISECONDS; )
          best[graph] = Math.min(best[graph], (await run(graph)).seconds);
    const found = { speed: Number((best.exact / best.rounded).toPrecision(3)), isRight };
    // Remembering is a convenience: a cache that cannot be written to costs time, not the answer.
    await mkdir(cacheFolder("trials"), { recursive: true })
      .then(() => writeAtomic(remembered, JSON.stringify(found)))
      .catch(() => undefined);
    return found;
  });
}

function soundly(text: string): RoundingTrial | null {
  const [, speed, isRight] = /^\{"speed":(\d+(?:\.\d+)?),"isRight":(true|false)\}$/.exec(text) ?? [];
  return speed === undefined ? null : { speed: Number(speed), isRight: isRight === "true" };
}

/**
 * `y`, of X·A·B one number, X [rows, d], A [d, f] and B [f, d]; `sum`, of as many ones as the states are wide by as many, which
 * takes the largest whole numbers on both sides.
 */
function graphOf(kind: Rounding | "exact", width: number, inner: number): Uint8Array {
  const graph = new Graph();
  const stream = random(1, "trial", width, inner);
  const numbers = (count: number): Int8Array => Int8Array.from({ length: count }, () => stream.below(255) - LARGEST);
  const products = new RoundedProducts();
  const scales = (rows: number, scale: number): Value => graph.constant(new Float32Array(rows).fill(scale), [rows]);
  const matrix = (first: Int8Array, rows: number, columns: number, scale: number): RoundedMatrix => ({
    first: graph.bytes(first, [rows, columns]),
    second: kind === "sliced" ? graph.bytes(numbers(rows * columns), [rows, columns]) : undefined,
    scales: scales(rows, scale),
  });
  const product = (x: Value, rows: number, columns: number): Value => {
    const values = numbers(rows * columns);
    if (kind !== "exact") return products.product(x, matrix(values, rows, columns, 1e-3));
    const floats = graph.constant(
      Float32Array.from(values, (value) => value * 1e-3),
      [rows, columns],
    );
    return ops.matMul(x, ops.transpose(floats, [1, 0]));
  };
  const fed = graph.input("x", "float32", [1]);
  const states = Float32Array.from({ length: ROWS * width }, () => stream.below(255) - LARGEST);
  const x = ops.multiply(graph.constant(states, [ROWS, width]), fed);
  graph.output("y", ops.sum(product(product(x, inner, width), width, inner), [0, 1], { keep: true }));
  const ones = ops.multiply(graph.constant(new Float32Array(width).fill(1), [1, width]), fed);
  const largest = new Int8Array(16 * width).fill(LARGEST);
  const of: RoundedMatrix = {
    first: graph.bytes(largest, [16, width]),
    second: kind === "sliced" ? graph.bytes(new Int8Array(16 * width), [16, width]) : undefined,
    scales: scales(16, 1 / LARGEST),
  };
  const sums = kind === "exact" ? ops.sum(ones, -1, { keep: true }) : products.product(ones, of);
  graph.output("sum", ops.reshape(ops.slice(sums, 1, 0, 1), [1]));
  return graph.encode();
}
