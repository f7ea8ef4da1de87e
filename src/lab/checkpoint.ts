/**
 * What a training run leaves on the disk: checkpoints `step-N` in the Hugging Face layout, whole or not at all, in float32
 * or rounded from it to 16 bits; and beside them all that is needed to go on (`training.safetensors`: parameters and
 * moments in float32, the step, and what run it is). The last state and every checkpoint stay good whatever happens to the
 * next.
 *
 * Disk: 4 or 2 bytes · P a checkpoint, 12 bytes · P for the state, twice while it is replaced.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { fromFloat32 } from "../formats/tensor-types.ts";
import { SINGLE } from "../hub/layout.ts";
import { STORED_AS, type StoredDtype } from "../models/untrained.ts";
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import { type ParameterLayout, tensorsOf } from "./parameters.ts";
import type { TrainingState } from "./training-runtime.ts";

/** All that is needed to go on, beside the checkpoints. */
export const STATE = "training.safetensors";
/** The log of a run, beside its checkpoints: one line a step and a checkpoint. */
export const RUN_LOG = "log.jsonl";

/** A line of it. One that is no record, as the last of a run that was killed may be, has nothing in it. */
export function logged(line: string): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line || "{}"));
  } catch {
    return {};
  }
}

/** The smallest magnitude that float16 rounds to infinity. */
const FLOAT16_INFINITE = 65520;

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const checkpointFolder = (run: string, step: number): string => join(run, `step-${step}`);

/** What is the same in every checkpoint of a run. */
export interface CheckpointForm {
  /** of the model; `torch_dtype` is set to what is written */
  readonly config: Readonly<Record<string, unknown>>;
  /** beside config and weights, by name: those of the tokenizer, generation_config.json */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly layout: ParameterLayout;
  /** 16 bits: rounded to nearest, ties to even */
  readonly dtype: StoredDtype;
}

/**
 * @param parameters [P]
 * @throws LossyscopeError `model` where 16 bits do not hold a parameter that float32 holds; `io`
 */
export async function writeCheckpoint(
  target: string,
  { config, files, layout, dtype }: CheckpointForm,
  parameters: Float32Array,
): Promise<void> {
  const unfinished = join(dirname(target), `.${basename(target)}.tmp`);
  const { dtype: _, ...rest } = config;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await writeAtomic(join(unfinished, "config.json"), json({ ...rest, torch_dtype: dtype }));
    for (const [name, content] of files) await writeAtomic(join(unfinished, name), content);
    const tensors = Array.from(tensorsOf(layout, parameters), ({ name, shape, values }) => ({
      name,
      shape,
      dtype: STORED_AS[dtype],
      data: rounded(name, values, dtype),
    }));
    await writeSafetensors(join(unfinished, SINGLE), tensors, { format: "pt" });
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw ioFault(error, `write the checkpoint ${target}`);
  }
}

function rounded(name: string, values: Float32Array, dtype: StoredDtype): Uint8Array {
  const beyond = dtype === "float16" ? values.find((value) => Math.abs(value) >= FLOAT16_INFINITE) : undefined;
  if (beyond !== undefined)
    throw new LossyscopeError(
      "model",
      `${name} holds ${beyond.toPrecision(4)}, float16 ends at 65,504`,
      "pass --dtype bfloat16, or float32",
    );
  return fromFloat32(STORED_AS[dtype], values);
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

/** What a run has left in a folder, the state first, without which the rest is none to go on with. */
export function leftIn(run: string): string[] {
  const names = existsSync(run) ? readdirSync(run) : [];
  const isCheckpoint = (name: string): boolean => /^step-\d+$/.test(name) && existsSync(join(run, name, "config.json"));
  const checkpoints = names.filter(isCheckpoint).sort();
  return [...[STATE, RUN_LOG].filter((name) => names.includes(name)), ...checkpoints].map((name) => join(run, name));
}

/**
 * @param how whether the run is to go on, or another one may take its place
 * @throws LossyscopeError `usage` where the folder holds a run, and neither is so
 */
export function requireFree(run: string, how: { readonly resume: boolean; readonly replace?: boolean }): void {
  if (how.resume || how.replace || leftIn(run).length === 0) return;
  throw new LossyscopeError(
    "usage",
    `${run} holds a training run already`,
    "pass --resume to go on with it, --force to replace it, or another --out",
  );
}

const digits = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const savedSchema = z.object({ step: digits, tokens: digits });

/**
 * @param steps of the whole run
 * @throws LossyscopeError `usage` where the folder holds another run, `io` where its state is none of this layout
 */
export async function readState(
  run: string,
  identity: string,
  { size }: Pick<ParameterLayout, "size">,
  steps: number,
): Promise<SavedState> {
  const path = join(run, STATE);
  const damaged = (why: string): LossyscopeError =>
    new LossyscopeError("io", `${path} is damaged (${why})`, "train afresh with --force, or pass another --out");
  const file = await openSafetensors(path);
  try {
    const { metadata } = file.header;
    if (metadata.identity !== identity)
      throw new LossyscopeError(
        "usage",
        `${run} holds a run with another text, config or settings`,
        "repeat the command of that run with --resume, or pass another --out",
      );
    const { step, tokens } = checked(savedSchema, metadata, damaged);
    if (step > steps) throw damaged(`it is at step ${count(step)} of ${count(steps)}`);
    const vector = async (name: string): Promise<Float32Array> => {
      const values = file.header.tensors.has(name) ? await file.read(name) : null;
      if (!(values instanceof Float32Array) || values.length !== size || values.some(Number.isNaN))
        throw damaged(`${name} are not ${counted(size, "number")} in float32`);
      return values;
    };
    return {
      step,
      tokens,
      state: { parameters: await vector("parameters"), mean: await vector("mean"), square: await vector("square") },
    };
  } finally {
    await file.close();
  }
}
