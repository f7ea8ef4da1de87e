/**
 * The memory of a million positions, in a process of its own (a test file is one): what a layer takes does not grow with
 * the number of layers, so that one layer stands for the 31 of METHODS' budget, 4 GiB with orders 1–4.
 */
import { expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { someAssignments } from "../../info/naive.testing.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import { requestFor, wordyDocuments } from "./plane.testing.ts";
import { PlaneProbe } from "./plane.ts";

const POSITIONS = 1_000_000;
const LENGTH = 1000;
const m = 100;
/** rows of assignments that tokens share: enough that no two neighbours are alike */
const BANK = 1024;

const at = temporaryFolder();

it("a million positions stay under a gigabyte and a half", { timeout: 300_000 }, async () => {
  const documents = wordyDocuments(Math.ceil(POSITIONS / (LENGTH - 7)), LENGTH);
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const probe = new PlaneProbe(requestFor(documents, { units, layers: 1, m }), { folder: at(), resumable: false });
  expect(probe.spillBytes).toBeGreaterThanOrEqual(4 * m * POSITIONS);
  const bank = Float32Array.from(someAssignments(BANK, m, 1, 3), (value) => value / 2 ** 26);
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, null, LENGTH, 0));
  for (const batch of batchesOf(windows, 8 * LENGTH)) {
    const rows = batch.windows.flatMap(({ ids }) => [...ids]);
    const values = new Float32Array(rows.length * m);
    for (const [row, token] of rows.entries()) {
      const from = ((token * 31 + (rows[row + 1] ?? 0)) % BANK) * m;
      values.set(bank.subarray(from, from + m), row * m);
    }
    probe.observe({ batch, rows: rows.length, assignments: [values] });
  }
  const before = process.resourceUsage().maxRSS;
  const { positions, layers } = await probe.finish();
  const peak = process.resourceUsage().maxRSS * 1024;
  probe.dispose();
  expect(positions).toBeGreaterThanOrEqual(POSITIONS);
  // The labels are as hard as those of text: most 4-grams alone, and yet many that repeat.
  const { input, inputOnce } = layers[0].orders[4].labels;
  expect(inputOnce / positions).toBeGreaterThan(0.5);
  expect(input - inputOnce).toBeGreaterThan(POSITIONS / 100);
  // The table of the layer alone is 400 MB: less than that would mean that nothing was measured.
  expect(peak - before * 1024).toBeGreaterThan(3e8);
  expect(peak).toBeLessThan(1.5 * 2 ** 30);
});
