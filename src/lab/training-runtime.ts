/**
 * The runtime of a training run: parameters and moments stay in its process, a step sends tokens and brings back the loss
 * and the norm of the gradient. What the steps are is `trainer.ts`'s.
 *
 * Memory here: one run's tokens; a copy of the parameters and moments, 12 bytes · P, while they are read.
 */

import { createRuntime, type Runtime, type RuntimeContext } from "../engines/runtime.ts";
import type { Feed } from "../engines/runtime-messages.ts";
import type { ParameterLayout } from "./parameters.ts";
import type { RowBatch } from "./rows.ts";
import type { TrainingGraph, TrainingShape } from "./training-graph.ts";

/** All that a step goes on from, [P] each. */
export interface TrainingState {
  readonly parameters: Float32Array;
  /** moments of the gradient */
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

export const initialState = (parameters: Float32Array): TrainingState => ({
  parameters,
  mean: new Float32Array(parameters.length),
  square: new Float32Array(parameters.length),
});

/** The numbers of one step (`training-graph.ts`). */
export interface StepNumbers {
  readonly rate: number;
  /** η·λ */
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** 1 − βᵗ */
  readonly correction1: number;
  readonly correction2: number;
}

export interface StepResult {
  /** mean over the step's targets, as training makes it small */
  readonly lossNats: number;
  /** mean loss of the given tokens */
  readonly nllNats: number;
  /** mean divergence from the teacher at the temperature of training */
  readonly klNats: number | null;
  /** of the gradient before clipping */
  readonly norm: number;
}

const scalars = (numbers: Readonly<Record<string, number>>): Record<string, Feed> =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [
      name,
      { type: "float32", data: Float32Array.of(number), dims: [] } as const,
    ]),
  );

export class TrainingRuntime {
  readonly #process: Runtime;
  readonly #layout: ParameterLayout;
  readonly #shape: TrainingShape;
  #graphs: readonly TrainingGraph[] = [];

  constructor(layout: ParameterLayout, shape: TrainingShape, context: RuntimeContext) {
    this.#process = createRuntime(context);
    this.#layout = layout;
    this.#shape = shape;
  }

  /** @throws LossyscopeError `engine` where the runtime does not take a graph */
  async load(graphs: readonly TrainingGraph[]): Promise<void> {
    this.#graphs = graphs;
    for (const { name, bytes, externalFolder } of graphs) {
      await this.#process.load(bytes, externalFolder, [], name);
    }
  }

  async set(state: TrainingState): Promise<void> {
    const vectors = this.#shape.runs === 1 ? state : { ...state, gradients: new Float32Array(this.#layout.size) };
    // One after another: a message holds what it carries several times over.
    for (const [name, data] of Object.entries(vectors)) {
      await this.#process.hold({ [name]: { type: "float32", data, dims: [this.#layout.size] } });
    }
  }

  async get(): Promise<TrainingState> {
    const vector = async (name: string): Promise<Float32Array> => (await this.#process.read([name]))[name].data;
    return { parameters: await vector("parameters"), mean: await vector("mean"), square: await vector("square") };
  }

  /**
   * @param parts one for each run of a step
   * @param subject the step in words, for errors
   */
  async step(parts: readonly RowBatch[], numbers: StepNumbers, subject: string): Promise<StepResult> {
    const tokens = parts.reduce((total, part) => total + part.tokens, 0);
    const sums: Record<string, number> = {};
    const whole = parts.length === 1;
    for (const [index, part] of parts.entries()) {
      const given = whole ? scalars({ ...numbers }) : scalars({ kept: index === 0 ? 0 : 1 });
      const feeds = { ...this.#rows(part, 1 / tokens), ...given };
      await this.#run(whole ? "step" : "gradients", feeds, subject, sums);
    }
    if (!whole) await this.#run("move", scalars({ ...numbers }), subject, sums);
    return { lossNats: sums.loss, nllNats: sums.nll, klNats: sums.kl ?? null, norm: sums.norm };
  }

  /** Mean divergence from the teacher, T = 1, over the targets of some rows; nothing moves. */
  async divergence(part: RowBatch, subject: string): Promise<number> {
    const sums: Record<string, number> = {};
    await this.#run("evaluate", this.#rows(part, 1 / part.tokens), subject, sums);
    return sums.kl;
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  #rows({ ids, targets, real }: RowBatch, share: number): Record<string, Feed> {
    const dims = [this.#shape.rows, this.#shape.positions];
    const shares = Float32Array.from(real, (counts) => counts * share);
    return {
      input_ids: { type: "int64", data: ids, dims },
      targets: { type: "int64", data: targets, dims },
      shares: { type: "float32", data: shares, dims },
    };
  }

  async #run(
    name: TrainingGraph["name"],
    feeds: Record<string, Feed>,
    subject: string,
    sums: Record<string, number>,
  ): Promise<void> {
    const graph = this.#graphs.find((candidate) => candidate.name === name)!;
    const { outputs } = await this.#process.run(feeds, graph.outputs, subject, {
      graph: name,
      // A step may diverge, which is for the trainer to say; what a judge gives does not move.
      nonFinite: name !== "evaluate",
    });
    for (const [output, { data }] of Object.entries(outputs)) sums[output] = (sums[output] ?? 0) + data[0];
  }
}
