// Compares two models on one text, pair by pair, and holds the second against a threshold, as a build would.
import { compare, gate, measure } from "lossyscope";

const BASELINE = "node_modules/lossyscope/specimens/main/step-36246";
const MODEL = "node_modules/lossyscope/specimens/small/step-36246";
const TEXT = "node_modules/lossyscope/docs/guide";

const how = { text: TEXT, splitOn: "\\n## ", limitBytes: 10_000, plane: null, baselines: false };
const before = await measure(BASELINE, how);
const after = await measure(MODEL, how);

const [pair] = compare([before, after]).pairs;
const { difference, verdict } = pair.overall;
console.log(
  `${pair.model}: ${difference.value} bits per byte more (${difference.low} to ${difference.high}): ${verdict}`,
);
for (const { id, baseline, model } of pair.documents.slice(0, 3)) console.log(`  ${id}: ${baseline} → ${model}`);

const checks = gate(after, { max: ["coding.overall.bitsPerByte=+50%"], baseline: before });
for (const { threshold, outcome, basis } of checks) console.log(`${threshold.path} ${outcome} (${basis})`);
if (checks.some(({ outcome }) => outcome === "missed")) throw new Error("worse than it was");
