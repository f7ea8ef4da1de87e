/** Hands a measurement over: the summary or the profile on standard output, files where they were asked for. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { checkWritable, writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import type { Measurement } from "../measure/measure.ts";
import { WRITING } from "../measure/stages.ts";
import type { Profile } from "../profile/profile.ts";
import { renderReport } from "../report/html.ts";
import type { Progress } from "../report/progress.ts";
import { renderTerminal } from "../report/terminal.ts";
import { terminalOptions } from "../report/terminal-options.ts";
import { printed } from "./output.ts";

export interface Delivery {
  readonly out?: string;
  readonly json?: string | true;
  readonly report?: string;
  readonly keep: readonly string[];
}

interface Target {
  readonly path: string;
  readonly write: (path: string, measurement: Measurement) => Promise<void>;
}

const writeProfile = (path: string, { profile }: Measurement): Promise<void> => writeAtomic(path, textOf(profile));
const writeReport = (path: string, { profile }: Measurement): Promise<void> => writeAtomic(path, renderReport(profile));
const textOf = (profile: Profile): string => `${JSON.stringify(profile, null, 1)}\n`;

function targetsOf({ out, json, report, keep }: Delivery): Target[] {
  const targets: Target[] = [];
  if (out !== undefined) {
    targets.push({ path: join(out, "profile.json"), write: writeProfile });
    targets.push({ path: join(out, "report.html"), write: writeReport });
  }
  if (typeof json === "string") targets.push({ path: json, write: writeProfile });
  if (report !== undefined) targets.push({ path: report, write: writeReport });
  if (keep.includes("losses")) targets.push({ path: join(out ?? ".", "losses.safetensors"), write: writeLosses });
  if (keep.includes("states")) targets.push({ path: join(out ?? ".", "states.safetensors"), write: writeStates });
  return targets;
}

/** The files that a measurement is handed over in. */
export const deliveredFiles = (delivery: Delivery): string[] => targetsOf(delivery).map(({ path }) => path);

/**
 * Makes the folder of `--out` and finds out whether every file can be written, before the work that fills them.
 * @throws LossyscopeError `io` naming the one that cannot
 */
export async function prepareDelivery(delivery: Delivery): Promise<void> {
  const { out } = delivery;
  if (out !== undefined) {
    await mkdir(out, { recursive: true }).catch((error) => Promise.reject(ioFault(error, `make the folder ${out}`)));
  }
  for (const path of deliveredFiles(delivery)) await checkWritable(path);
}

/**
 * Writes what was asked for and says where; the profile goes to standard output instead of the summary with `--json`.
 * @throws LossyscopeError `io` where the disk refuses
 */
export async function deliver(measurement: Measurement, delivery: Delivery, progress: Progress): Promise<void> {
  const { profile } = measurement;
  const say = await writeFiles(measurement, delivery, progress);
  const summary = (): string => renderTerminal(profile, terminalOptions(process.stdout, process.env));
  process.stdout.write(delivery.json === true ? textOf(profile) : summary());
  await printed();
  say();
}

/**
 * Writes the files that were asked for.
 * @returns what says where, for when its turn comes
 * @throws LossyscopeError `io` where the disk refuses
 */
export async function writeFiles(
  measurement: Measurement,
  delivery: Delivery,
  progress: Progress,
): Promise<() => void> {
  const targets = targetsOf(delivery);
  if (targets.length > 0) progress.start(WRITING, targets.length, "files");
  for (const [done, { path, write }] of targets.entries()) {
    await write(path, measurement);
    progress.update(done + 1);
  }
  progress.finish();
  return () => {
    for (const { path } of targets) process.stderr.write(`wrote ${path}\n`);
  };
}

/** `nats [N]` of every token, `byte_ends [N]` in its document, `doc [N]` its document's place in the profile. */
async function writeLosses(path: string, { documents, lossesOf }: Measurement): Promise<void> {
  const tokens = documents.reduce((total, { ids }) => total + ids.length, 0);
  const document = new Int32Array(tokens);
  let at = 0;
  for (const { index, ids } of documents) document.fill(index, at, (at += ids.length));
  await writeSafetensors(path, [
    { name: "nats", dtype: "F32", shape: [tokens], data: pieces(documents, ({ index }) => lossesOf(index)) },
    { name: "byte_ends", dtype: "U32", shape: [tokens], data: pieces(documents, ({ byteEnds }) => byteEnds) },
    { name: "doc", dtype: "I32", shape: [tokens], data: document },
  ]);
}

/** `states [L+1, n, d]` where words end, `doc [n]` and `byte_end [n]`: the places, the same for every model on this text. */
async function writeStates(path: string, { keptStates: kept, profile }: Measurement): Promise<void> {
  if (!kept) throw new Error("no states were kept");
  const { rows } = kept;
  const { id, model, plan } = profile;
  await writeSafetensors(
    path,
    [
      { name: "states", dtype: "F32", shape: [model.layers + 1, rows.length, model.width], data: kept.states() },
      { name: "doc", dtype: "I32", shape: [rows.length], data: Int32Array.from(rows, ({ document }) => document) },
      { name: "byte_end", dtype: "U32", shape: [rows.length], data: Uint32Array.from(rows, ({ byte }) => byte) },
    ],
    { profile: id, model: model.name, pre_norm: String(plan.preNorm) },
  );
}

function* pieces<T>(items: readonly T[], of: (item: T) => NodeJS.ArrayBufferView): Generator<NodeJS.ArrayBufferView> {
  for (const item of items) yield of(item);
}
