/**
 * The plane's figures of one layer from its soft assignments: ours (four orders, input and output: plug-in, held out with
 * its back-off, chance correction, intervals) against the reference's accumulation of label sums (three orders, plug-in
 * alone), written out here as it is there, a dictionary from label to sums, and in numpy where there is a Python. Rows and
 * tokens are the same for all; the assignments come from a bank, the text repeats as text does. Seconds are of processor
 * time, which does not mind what else the machine does.
 *
 *     npm run bench -- plane [--most 400000]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { someAssignments } from "../src/info/naive.testing.ts";
import { requestFor, wordyDocuments } from "../src/probes/plane/plane.testing.ts";
import { PlaneProbe } from "../src/probes/plane/plane.ts";
import type { TokenizedDocument } from "../src/text/corpus.ts";
import { unitsOf } from "../src/text/units.ts";
import { batchesOf, windowsOf } from "../src/text/windows.ts";
import { peer } from "./peers.ts";
import { megabytes, numbers, table, timed } from "./report.ts";

const { most } = numbers({ most: 400_000 });
const SIZES = [20_000, 100_000, 400_000].filter((size) => size <= most);
const LENGTH = 1000;
const m = 100;
/** rows of assignments that tokens share */
const BANK = 1024;
const REFERENCE_ORDERS = 3;
/** positions that the reference adds at a time */
const STEP = 512;

const bank = Float32Array.from(someAssignments(BANK, m, 1, 3), (value) => value / 2 ** 26);
const folder = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));

/** Assignments of every token of a document, [tokens, m]. */
function assignmentsOf({ ids }: TokenizedDocument): Float32Array {
  const rows = new Float32Array(ids.length * m);
  for (let token = 0; token < ids.length; token++) {
    const from = ((ids[token] * 31 + (ids[token + 1] ?? 0)) % BANK) * m;
    rows.set(bank.subarray(from, from + m), token * m);
  }
  return rows;
}

/** Processor seconds of the finish with so many layers. */
async function finishSeconds(documents: readonly TokenizedDocument[], layers: number): Promise<number> {
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const probe = new PlaneProbe(requestFor(documents, { units, layers, m }), { folder, resumable: false });
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, null, LENGTH, 0));
  for (const batch of batchesOf(windows, LENGTH)) {
    const values = assignmentsOf(documents[batch.windows[0].document]);
    probe.observe({ batch, rows: LENGTH, assignments: Array.from({ length: layers }, () => values) });
  }
  const { cpuSeconds } = await timed(() => probe.finish());
  probe.dispose();
  return cpuSeconds;
}

/** Σ (n_x/N)·H(P_x) for every order and side, as the reference accumulates it. */
function reference(documents: readonly TokenizedDocument[]): number[] {
  const sums = Array.from({ length: 2 * REFERENCE_ORDERS }, () => new Map<string, { sum: Float32Array; n: number }>());
  let positions = 0;
  for (const document of documents) {
    const { ids } = document;
    const rows = assignmentsOf(document);
    for (let from = REFERENCE_ORDERS - 1; from < LENGTH - REFERENCE_ORDERS; from += STEP) {
      for (let i = from; i < Math.min(from + STEP, LENGTH - REFERENCE_ORDERS); i++, positions++) {
        const row = rows.subarray(i * m, (i + 1) * m);
        for (let n = 1; n <= REFERENCE_ORDERS; n++) {
          for (const [side, gram] of [ids.subarray(i - n + 1, i + 1), ids.subarray(i + 1, i + n + 1)].entries()) {
            const of = sums[2 * (n - 1) + side];
            const label = gram.join(" ");
            let own = of.get(label);
            if (!own) of.set(label, (own = { sum: new Float32Array(m), n: 0 }));
            for (let b = 0; b < m; b++) own.sum[b] += row[b];
            own.n++;
          }
        }
      }
    }
  }
  return sums.map((of) => {
    let total = 0;
    for (const { sum, n } of of.values()) for (const p of sum) if (p > 0) total -= p * Math.log(p / n);
    return total / positions;
  });
}

const rows: string[][] = [
  ["tokens", "ours, a layer", "once", "a layer, 200k", "dictionaries", "numpy", "× dictionaries", "× numpy"],
];
const measured: { documents: TokenizedDocument[]; layer: number; once: number; peak: number }[] = [];
for (const size of SIZES) {
  const documents = wordyDocuments(size / LENGTH, LENGTH);
  const one = await finishSeconds(documents, 1);
  const layer = (await finishSeconds(documents, 3)) - one;
  measured.push({ documents, layer: layer / 2, once: one - layer / 2, peak: process.resourceUsage().maxRSS * 1024 });
}
const peaks: string[] = [];
for (const { documents, layer, once, peak } of measured) {
  const tokens = documents.length * LENGTH;
  const { cpuSeconds } = await timed(() => reference(documents));
  const file = join(folder, "rows");
  writeFileSync(file, Buffer.concat(documents.map((document) => Buffer.from(assignmentsOf(document).buffer))));
  writeFileSync(`${file}.ids`, Buffer.concat(documents.map(({ ids }) => Buffer.from(ids.buffer))));
  const numpy = peer("peer_plane.py", { file, length: LENGTH, points: m, orders: REFERENCE_ORDERS, step: STEP });
  rows.push([
    String(tokens),
    `${layer.toFixed(2)} s`,
    `${once.toFixed(2)} s`,
    `${((layer * 200_000) / tokens).toFixed(2)} s`,
    `${cpuSeconds.toFixed(2)} s`,
    numpy ? `${numpy.seconds.toFixed(2)} s` : "skipped",
    (cpuSeconds / layer).toFixed(1),
    numpy ? (numpy.seconds / layer).toFixed(1) : "",
  ]);
  const dictionaries = process.resourceUsage().maxRSS * 1024;
  peaks.push(
    `${tokens}: ours ${megabytes(peak)}, dictionaries ${dictionaries > measured.at(-1)!.peak ? megabytes(dictionaries) : "no more"}${numpy ? `, numpy ${megabytes(numpy.peakBytes)}` : ""}`,
  );
}
rmSync(folder, { recursive: true });
table(rows);
console.log(`\npeak memory of the process so far; ${peaks.join("; ")}`);
