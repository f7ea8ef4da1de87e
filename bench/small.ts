/**
 * Speed of a whole measurement of a small model (stories260k) on a text, where it is our own bookkeeping that a person waits
 * for: coding alone, then with geometry, then with the plane. `pass` is windows through the model; `all` goes from the plan
 * to the profile. Where the processor seconds of this process are far below the wall's, the runtime is what takes the time.
 *
 *     npm run bench -- small [--bytes 1000000] [--threads 2]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasShared, shared } from "../src/fixtures.testing.ts";
import { measure } from "../src/measure/measure.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { SILENT } from "../src/ports/progress.ts";
import { openModel } from "../src/references/open.ts";
import { megabytes, numbers, table, timed } from "./report.ts";

const { bytes, threads } = numbers({ bytes: 1_000_000, threads: 2 });

const WHAT = {
  coding: { plane: null, geometry: false },
  "coding, geometry": { plane: null },
  "coding, geometry, plane": {},
};

const rows = [["measured", "tokens", "pass, tokens/s", "all, tokens/s", "wall", "processor, here", "peak of both"]];
for (const [name, parts] of Object.entries(hasShared ? WHAT : {})) {
  const work = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
  const model = await openModel(shared("models/stories260k"), { offline: true, onDownload() {} });
  const plan = validatePlan({
    text: [{ path: shared("text/tinyshakespeare.txt") }],
    splitOn: "\n\n",
    limitBytes: bytes,
    baselines: false,
    ...parts,
  });
  const { value, seconds, cpuSeconds } = await timed(() =>
    measure({ model, plan, points: null, threads, work, resume: false, progress: SILENT }),
  );
  rmSync(work, { recursive: true });
  const { tokens } = value.profile.corpus;
  const { tokensPerSecond, peakMemoryBytes } = value.profile.provenance;
  rows.push([
    name,
    String(tokens),
    (tokensPerSecond ?? Number.NaN).toFixed(0),
    (tokens / seconds).toFixed(0),
    `${seconds.toFixed(1)} s`,
    `${cpuSeconds.toFixed(1)} s`,
    megabytes(peakMemoryBytes ?? Number.NaN),
  ]);
}
if (hasShared) table(rows);
else console.error("skipped: stories260k and the text lie in ../shared, which is not here");
