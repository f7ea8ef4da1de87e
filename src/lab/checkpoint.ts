/**
 * What a training run leaves on the disk: checkpoints `step-N` in the Hugging Face layout, whole or not at all, and beside
 * them all that is needed to go on (`training.safetensors`: parameters and moments in float32, the step, and what run it
 * is). The last state and every checkpoint stay good whatever happens to the next.
 *
 * Disk: 4 bytes · P a checkpoint, 12 bytes · P for the state, twice while it is replaced.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { SINGLE } from "../hub/layout.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type ParameterLayout, tensorsOf } from "./parameters.ts";
import type { TrainingState } from "./training-runtime.ts";

const STATE = "training.safetensors";

export const checkpointFolder = (run: string, step: number): string => join(run, `step-${step}`);

/** @param files config.json and the tokenizer's files, by name */
export async function writeCheckpoint(
  run: string,
  step: number,
  layout: ParameterLayout,
  parameters: Float32Array,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  const target = checkpointFolder(run, step);
  const unfinished = join(run, `.step-${step}.tmp`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    for (const [name, content] of files) await writeAtomic(join(unfinished, name), content);
    const tensors = Array.from(tensorsOf(layout, parameters), ({ name, shape, values }) => ({
      name,
      shape,
      dtype: "F32" as const,
      data: values,
    }));
    await writeSafetensors(join(unfinished, SINGLE), tensors, { format: "pt" });
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw ioFault(error, `write the checkpoint ${target}`);
  }
}

export interface SavedState {
  readonly step: number;
  /** targets of all steps so far */
  readonly tokens: number;
  readonly state: TrainingState;
}

/** @param identity of all that decides the weights */
export async function saveState(run: string, identity: string, { step, tokens, state }: SavedState): Promise<void> {
  const tensors = Object.entries(state).map(([name, data]: [string, Float32Array]) => ({
    name,
    dtype: "F32" as const,
    shape: [data.length],
    data,
  }));
  await writeSafetensors(join(run, STATE), tensors, { identity, step: `${step}`, tokens: `${tokens}` });
}

export const hasState = (run: string): boolean => existsSync(join(run, STATE));

/** @throws LossyscopeError `usage` where the folder holds another run */
export async function readState(run: string, identity: string): Promise<SavedState> {
  const file = await openSafetensors(join(run, STATE));
  try {
    const { metadata } = file.header;
    if (metadata.identity !== identity)
      throw new LossyscopeError(
        "usage",
        `${run} holds a run with another text, config or settings`,
        "repeat the command of that run with --resume, or pass another --out",
      );
    const vector = async (name: string): Promise<Float32Array> => (await file.read(name)) as Float32Array;
    return {
      step: Number(metadata.step),
      tokens: Number(metadata.tokens),
      state: { parameters: await vector("parameters"), mean: await vector("mean"), square: await vector("square") },
    };
  } finally {
    await file.close();
  }
}
