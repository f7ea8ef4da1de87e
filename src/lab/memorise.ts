/**
 * Trains a model on n strings of uniform tokens until it keeps no more of them, and measures what it keeps (METHODS §5
 * Capacity). The learning rate is held until twice the steps have brought less than `GAIN` more of what is memorised, then
 * falls to zero over a quarter as many steps again: how long an n takes is found out, not given. Strings are opened by
 * token 0 and drawn over the whole vocabulary, so that a model that knows nothing spends their entropy. Those of a seed
 * begin alike for every n.
 *
 * Memory: 8 bytes a token of the strings, 8 bytes a step; in the runtime as `training-graph.ts`.
 */

import type { DecoderSpec } from "../models/spec.ts";
import { count } from "../numeric/amounts.ts";
import { quantile } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { sum } from "../numeric/sums.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import { openFolder } from "../references/folder.ts";
import type { Prefix } from "../text/corpus.ts";
import { type CapacityRun, type CapacitySettings, memorised } from "./capacity.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { initialVector, layoutOf } from "./parameters.ts";
import { Rows } from "./rows.ts";
import { buildTrainingGraphs } from "./training-graph.ts";
import { initialState, TrainingRuntime } from "./training-runtime.ts";
import { lossesOf } from "./validate.ts";

/** What opens every string. */
const OPENING: Prefix = { id: 0, addedByTokenizer: false };
/** Share of what is memorised that a doubling of the steps must add for training to go on. */
const GAIN = 0.02;
/** Steps before the first look, and between two. */
const FIRST_LOOK = 1000;
const LOOKS = 100;
/** Steps over which the rate falls, as a share of those before. */
const FALL = 0.25;
const WARMUP = 100;
const BETA1 = 0.9;
const BETA2 = 0.95;
const CLIP = 1;

export interface MemoriseJob extends QuietContext {
  /** folder of the checkpoint that is left */
  readonly out: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly spec: DecoderSpec;
  readonly settings: CapacitySettings;
  readonly strings: number;
  readonly seed: number;
  readonly onStep?: (step: number, lossNats: number) => void;
}

/**
 * Draws strings of tokens, uniformly over the vocabulary.
 * @param name tells strings that are learned from others
 */
export function uniformStrings(
  count: number,
  length: number,
  vocabulary: number,
  ...name: readonly (number | string)[]
): Int32Array[] {
  const generator = random(...name);
  return Array.from({ length: count }, () => Int32Array.from({ length }, () => generator.below(vocabulary)));
}

/**
 * Whether a doubling of the steps has brought next to nothing: losses over the last tenth of all steps against those over
 * the last tenth of half of them.
 * @param losses nats a token of each step so far
 * @param most nats of a token: ln V
 */
export function settled(losses: readonly number[], most: number): boolean {
  const steps = losses.length;
  // The median: at a rate that is held, single steps leap.
  const kept = (end: number): number =>
    most - quantile(Float64Array.from(losses.slice(Math.floor(0.9 * end), end)).sort(), 0.5);
  const now = kept(steps);
  return now > 0 && now - kept(Math.floor(steps / 2)) < GAIN * now;
}

/** @throws LossyscopeError `usage` where the model has too few positions for strings of `length` tokens */
export function requirePositions({ positions }: DecoderSpec, length: number): void {
  if (positions === null || length < positions) return;
  throw new LossyscopeError(
    "usage",
    `config.json gives the model ${count(positions)} positions, strings of ${count(length)} tokens and the one before them take ${count(length + 1)}`,
    `pass --length ${positions - 1}`,
  );
}

/**
 * Trains a model on random strings until it keeps no more of them.
 * @throws LossyscopeError `usage` where the model has too few positions, or the loss is no longer a number; `interrupted`;
 * `io`, `engine`
 */
export async function memorise(job: MemoriseJob): Promise<CapacityRun> {
  const { out, config, spec, settings, strings, seed, signal } = job;
  const { length, batch, runTokens } = settings;
  const { vocabulary } = spec;
  requirePositions(spec, length);
  const seen = uniformStrings(strings, length, vocabulary, seed, "strings to learn");
  const layout = layoutOf(spec);
  const together = Math.min(batch, strings);
  const part = Math.min(together, Math.max(1, Math.floor(runTokens / length)));
  const shape = { rows: part, positions: length, runs: Math.ceil(together / part), clip: CLIP };
  const rows = new Rows(seen, { positions: length, packing: "documents", prefix: OPENING, shuffled: true, seed });
  const runtime = new TrainingRuntime(layout, shape, job);
  const losses: number[] = [];
  let heldUntil: number | null = null;
  let enough = false;
  const train = async (): Promise<Float32Array> => {
    await runtime.load(buildTrainingGraphs(spec, layout, shape));
    await runtime.set(initialState(initialVector(layout, config, seed)));
    const longest = Math.max(1, Math.floor(settings.steps / (1 + FALL)));
    const end = (): number => (heldUntil === null ? settings.steps : heldUntil + Math.ceil(FALL * heldUntil));
    for (let step = 1; step <= end(); step++) {
      if (signal?.aborted)
        throw new LossyscopeError("interrupted", `stopped at step ${count(step)} of ${count(strings)} strings`);
      const left = heldUntil === null ? 1 : (end() - step + 1) / (end() - heldUntil + 1);
      const first = (step - 1) * together;
      const parts = Array.from({ length: shape.runs }, (_, run) =>
        rows.take(first + run * part, first + Math.min((run + 1) * part, together), part),
      );
      const { lossNats, norm } = await runtime.step(
        parts,
        {
          rate: settings.rate * left * Math.min(1, step / WARMUP),
          decay: 0,
          beta1: BETA1,
          beta2: BETA2,
          correction1: 1 - BETA1 ** step,
          correction2: 1 - BETA2 ** step,
        },
        `step ${count(step)} of ${count(strings)} strings`,
      );
      if (!Number.isFinite(lossNats) || !Number.isFinite(norm))
        throw diverged(strings, step, `loss ${lossNats}, gradient norm ${norm}`);
      losses.push(lossNats);
      job.onStep?.(step, lossNats);
      if (heldUntil !== null) continue;
      enough = step >= FIRST_LOOK && step % LOOKS === 0 && settled(losses, Math.log(vocabulary));
      if (enough || step === longest) heldUntil = step;
    }
    const { parameters } = await runtime.get();
    if (!parameters.every(Number.isFinite)) throw diverged(strings, losses.length, "parameters beyond all numbers");
    return parameters;
  };
  const parameters = await train().finally(() => runtime.close());
  await writeCheckpoint(out, { config, files: new Map(), layout, dtype: "float32" }, parameters);
  const unseen = uniformStrings(strings, length, vocabulary, seed, "strings never seen");
  const codeLengths = async (of: readonly Int32Array[]): Promise<Float64Array> => {
    const documents = of.map((ids, index) => ({ index, id: `string ${index + 1}`, ids }));
    const nats = await lossesOf(await openFolder(out), {
      documents,
      prefix: OPENING,
      context: length + 1,
      ...quietContext(job),
    });
    return Float64Array.from(nats, (tokens) => sum(tokens));
  };
  return {
    strings,
    seed,
    steps: losses.length,
    settled: enough,
    ...memorised(length * Math.log2(vocabulary), await codeLengths(seen), await codeLengths(unseen)),
  };
}

const diverged = (strings: number, step: number, what: string): LossyscopeError =>
  new LossyscopeError(
    "usage",
    `training on ${count(strings)} strings diverged at step ${count(step)} (${what})`,
    "pass a lower --rate",
  );
