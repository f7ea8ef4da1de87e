/** Hands a measurement over: the summary or the profile on standard output, files where they were asked for. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import type { Measurement } from "../measure/measure.ts";
import { renderReport } from "../report/html.ts";
import { renderTerminal, terminalOptions } from "../report/terminal.ts";

export interface Delivery {
  readonly out?: string;
  readonly json?: string | true;
  readonly report?: string;
  readonly keep: readonly string[];
}

/** Writes what was asked for and says where; the profile goes to standard output instead of the summary with `--json`. */
export async function deliver(measurement: Measurement, { out, json, report, keep }: Delivery): Promise<void> {
  const { profile } = measurement;
  const text = `${JSON.stringify(profile, null, 1)}\n`;
  const files: { path: string; write: (path: string) => Promise<void> }[] = [];
  const profileFile = (path: string) => files.push({ path, write: (to) => writeAtomic(to, text) });
  const reportFile = (path: string) => files.push({ path, write: (to) => writeAtomic(to, renderReport(profile)) });
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    profileFile(join(out, "profile.json"));
    reportFile(join(out, "report.html"));
  }
  if (typeof json === "string") profileFile(json);
  if (report !== undefined) reportFile(report);
  if (keep.includes("losses")) {
    files.push({ path: join(out ?? ".", "losses.safetensors"), write: (path) => writeLosses(path, measurement) });
  }
  for (const { path, write } of files) await write(path);
  process.stdout.write(json === true ? text : renderTerminal(profile, terminalOptions(process.stdout, process.env)));
  for (const { path } of files) process.stderr.write(`wrote ${path}\n`);
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

function* pieces<T>(items: readonly T[], of: (item: T) => NodeJS.ArrayBufferView): Generator<NodeJS.ArrayBufferView> {
  for (const item of items) yield of(item);
}
