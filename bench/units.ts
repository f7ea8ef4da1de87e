/**
 * What looking at units costs, for a model of SmolLM2-135M's shape with random bfloat16 weights: the whole measured pass with and
 * without sums of units over pools (`--with spread sharing`), and losses with and without a mask of units (`lossyscope ablate`).
 * Their batches take turns; of each the batch counts that took least processor time in the runtime. Beside it the processor time
 * of the figures at the end, which does not grow with the text: of domains, and of concepts a layer.
 *
 *     npm run bench -- units [--rounds 6] [--length 128] [--batch 1024] [--threads 1] [--domains 4]
 *
 * Memory: four runtimes at a time, 1.5 GB each.
 */
import { RuntimeProcess } from "../src/engines/runtime-process.ts";
import { referencePoints } from "../src/info/assignment.ts";
import { shuffledLabels } from "../src/info/concepts/chance.ts";
import { domainSharing, domainSpread, POOLS } from "../src/info/concepts/domains.ts";
import { layerConcepts } from "../src/info/concepts/layer.ts";
import { temperature } from "../src/info/temperature.ts";
import { buildAblationGraph, sitesOf, valuesOf } from "../src/models/ablation.ts";
import { openCheckpoint } from "../src/models/checkpoint.ts";
import { specOf } from "../src/models/config.ts";
import { buildMeasuringGraph, type Heads, type MeasuringGraph } from "../src/models/heads.ts";
import { random } from "../src/numeric/random.ts";
import { numbers, table, timed } from "./report.ts";
import { SMOLLM2_135M, shapedModel } from "./shapes.ts";

const { rounds, length, batch, threads, domains } = numbers({
  rounds: 6,
  length: 128,
  batch: 1024,
  threads: 1,
  domains: 4,
});
const POINTS = 100;
/** texts and concepts of `--concepts all` */
const [TEXTS, CONCEPTS] = [186, 10];

const checkpoint = await openCheckpoint(await shapedModel("smollm2-135m", SMOLLM2_135M));
const spec = specOf(checkpoint.config);
const { weights } = checkpoint;
const rows = Math.max(1, Math.floor(batch / length));
const slots = Array.from({ length: rows * length }, (_, slot) => slot);
const scored = slots.filter((slot) => (slot + 1) % length > 0);
const stream = random(1, "ids");
const ids = slots.map(() => stream.below(spec.vocabulary));

type Feeds = Parameters<RuntimeProcess["run"]>[0];
const vector = (values: readonly number[]) =>
  ({ type: "int64", data: BigInt64Array.from(values, BigInt), dims: [values.length] }) as const;
const floats = (data: Float32Array, ...dims: number[]) => ({ type: "float32", data, dims }) as const;
const loss: Feeds = {
  input_ids: { type: "int64", data: BigInt64Array.from(ids, BigInt), dims: [rows, length] },
  loss_rows: vector(scored),
  loss_targets: vector(scored.map((slot) => ids[slot + 1])),
};
const all: Feeds = { ...loss, rows: vector(slots), moment_rows: vector(slots), state_rows: vector(slots.slice(0, 16)) };
/** each window of a pool of its own, as at most */
const pools = new Float32Array(rows * slots.length);
for (const slot of slots) pools[Math.floor(slot / length) * slots.length + slot] = 1;
const sites = sitesOf(spec, "units");
const mask = Float32Array.from({ length: valuesOf(sites) }, () => Number(stream.uniform() > 0.01));
const masked: Feeds = {
  ...loss,
  mask: floats(mask, mask.length),
  fill: floats(
    mask.map((kept) => 0.01 * (1 - kept)),
    mask.length,
  ),
};

const measuring = (heads: Heads): MeasuringGraph => buildMeasuringGraph(spec, weights, heads, length);
const epsilon = temperature(POINTS, spec.width, "bound");
const assignments = {
  points: Float32Array.from(referencePoints(0, POINTS, spec.width)),
  m: POINTS,
  draws: 1,
  epsilon,
};
const whole = { losses: true, assignments, moments: true, states: true };
const kinds = [
  { name: "whole measured pass", graph: measuring(whole), feeds: all },
  {
    name: "with sums of units",
    graph: measuring({ ...whole, pooledUnits: true }),
    feeds: { ...all, "pool.units": floats(pools, rows, slots.length) },
  },
  { name: "losses", graph: measuring({ losses: true }), feeds: loss },
  {
    name: "losses under a mask of units",
    graph: buildAblationGraph(spec, weights, sites, { longest: length, seen: false }),
    feeds: masked,
  },
];
const runtimes = kinds.map(() => new RuntimeProcess({ threads }));
const best = kinds.map(() => Number.POSITIVE_INFINITY);
try {
  for (const [k, { graph }] of kinds.entries()) await runtimes[k].load(graph.bytes, graph.externalFolder);
  // The first round warms up: what it takes has loading in it.
  const before = kinds.map(() => Number.NEGATIVE_INFINITY);
  for (let round = 0; round <= rounds; round++)
    for (const [k, { graph, feeds, name }] of kinds.entries()) {
      const { cpuSeconds } = await runtimes[k].run(feeds, graph.outputs, name);
      best[k] = Math.min(best[k], cpuSeconds - before[k]);
      before[k] = cpuSeconds;
    }
} finally {
  await Promise.all(runtimes.map((runtime) => runtime.close()));
}
console.log(`windows of ${length}, batches of ${slots.length} tokens, best of ${rounds}, ${threads} threads`);
table([
  ["", "ms a token", "of the one without"],
  ...kinds.map(({ name }, k) => [
    name,
    ((1000 * best[k]) / slots.length).toFixed(3),
    k % 2 === 1 ? (best[k] / best[k - 1]).toFixed(3) : "",
  ]),
]);

const units = valuesOf(sites);
const base = Float64Array.from({ length: units }, () => stream.uniform() ** 4);
const sums = Array.from({ length: domains }, () => {
  const own = base.map((one) => one * (0.5 + stream.uniform()));
  return Array.from({ length: POOLS }, () => own.map((one) => one * (0.9 + 0.2 * stream.uniform())));
});
const spread = await timed(() => sums.map((_, domain) => domainSpread(sums, sites.counts, domain, 0)));
const sharing = await timed(() => domainSharing(sums, 0));
const labels = Int32Array.from({ length: TEXTS }, (_, text) => text % CONCEPTS);
const documents = labels.map((_, text) => text);
const states = Float32Array.from({ length: TEXTS * spec.width }, () => stream.normal());
const concepts = await timed(() =>
  layerConcepts(states, spec.width, {
    labels,
    count: CONCEPTS,
    folds: labels.map((_, text) => Math.floor(text / CONCEPTS) % 5),
    shuffled: shuffledLabels(labels, documents, ["bench"]),
    parents: new Int32Array(CONCEPTS).fill(-1),
    shuffledParents: [],
    relations: [],
  }),
);
console.log(
  `figures at the end: spread of ${domains} domains ${spread.cpuSeconds.toFixed(2)} s, sharing ${sharing.cpuSeconds.toFixed(2)} s, concepts ${concepts.cpuSeconds.toFixed(2)} s a layer (processor)`,
);
