/**
 * What the stages of a measurement were foretold to take against what they took, on stories260k and, where it is named, on
 * another model. The estimate is meant to be right within a factor of two for the whole.
 *
 *     npm run bench -- foresee [--model FOLDER] [--text FILE] [--bytes 100000] [--threads 2] [--recall 0]
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timedTrial } from "../src/engines/trial.ts";
import { costsOf } from "../src/measure/costs.ts";
import { measure } from "../src/measure/measure.ts";
import { openModel } from "../src/measure/model.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { prepare } from "../src/measure/prepare.ts";
import { type ProgressSink, SILENT } from "../src/ports/progress.ts";
import { numbers, table } from "./report.ts";

const SHARED = join(import.meta.dirname, "../../shared/fixtures");
const named = (option: string, usual: string): string => {
  const at = process.argv.indexOf(option);
  return at < 0 ? usual : process.argv.splice(at, 2)[1];
};
const folder = named("--model", join(SHARED, "models/stories260k"));
const text = named("--text", join(SHARED, "text/tinyshakespeare.txt"));
const { bytes, threads, recall } = numbers({ bytes: 100_000, threads: 2, recall: 0 });

/** Adds up what every stage takes. */
function stopwatch(taken: Map<string, number>): ProgressSink {
  let under: { readonly label: string; readonly since: number } | null = null;
  const end = (): void => {
    if (under) taken.set(under.label, (taken.get(under.label) ?? 0) + (performance.now() - under.since) / 1000);
    under = null;
  };
  return {
    ...SILENT,
    start(label) {
      end();
      under = { label, since: performance.now() };
    },
    finish: end,
  };
}

const plan = validatePlan({
  text: [{ path: text }],
  splitOn: "\\n\\n",
  limitBytes: bytes,
  with: recall > 0 ? ["recall"] : [],
});
const model = await openModel(folder, { offline: true });
const request = { model, plan, points: null, threads, work: join(tmpdir(), "lossyscope-bench-foresee"), resume: false };
const prepared = await prepare({ ...request, progress: SILENT });
const rates = await timedTrial(model.spec.width, threads);
const costs = costsOf(request, prepared, prepared.batches, rates);
const taken = new Map<string, number>();
await measure({ ...request, progress: stopwatch(taken) });
const rows = Object.keys(costs).filter((label) => taken.has(label));
const total = (of: (label: string) => number): number => rows.reduce((sum, label) => sum + of(label), 0);
const row = (name: string, foretold: number, took: number): string[] => [
  name,
  foretold.toFixed(2),
  took.toFixed(2),
  (foretold / took).toFixed(2),
];
console.log(rates);
table([
  ["stage", "foretold s", "took s", "ratio"],
  ...rows.map((label) => row(label, costs[label], taken.get(label)!)),
  row(
    "all",
    total((label) => costs[label]),
    total((label) => taken.get(label)!),
  ),
]);
