/**
 * Speed of the measured pass for a model of SmolLM2-135M's shape with random bfloat16 weights, at windows of 128 and 512
 * tokens: the matrix products alone (the ceiling), the bare forward pass, losses alone, and all that a measurement takes
 * (losses, soft assignments of all 31 layers to 100 points, moments, states). Their batches take turns, and every rate is
 * that of the batch that took least processor time in the runtime, on one thread unless told otherwise, so that what else the
 * machine does matters least (with more threads the time includes that of threads waiting for work). Then `end to end`:
 * processor time of runtime and probes, the finish of the plane included; and, where there is one, the peer: the same model
 * in transformers and torch with the reference's label accumulation.
 *
 *     npm run bench -- measure [--rounds 8] [--tokens 4096] [--batch 1024] [--threads 1]
 *
 * Memory: four runtimes at a time, 1.5 GB each.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxEngine } from "../src/engines/onnx.ts";
import { RuntimeProcess } from "../src/engines/runtime-process.ts";
import { Graph, type Value } from "../src/graph/graph.ts";
import * as ops from "../src/graph/ops.ts";
import { referencePoints } from "../src/info/assignment.ts";
import { temperature } from "../src/info/temperature.ts";
import { openCheckpoint } from "../src/models/checkpoint.ts";
import { specOf } from "../src/models/config.ts";
import { decoder } from "../src/models/decoder.ts";
import { GraphWeights } from "../src/models/graph-weights.ts";
import { buildMeasuringGraph, type Heads } from "../src/models/heads.ts";
import { random } from "../src/numeric/random.ts";
import { CodingProbe } from "../src/probes/coding/coding.ts";
import { GeometryProbe, geometryRows } from "../src/probes/geometry/geometry.ts";
import { PlaneProbe } from "../src/probes/plane/plane.ts";
import type { TokenizedDocument } from "../src/text/corpus.ts";
import { unitsOf } from "../src/text/units.ts";
import { batchesOf, windowsOf } from "../src/text/windows.ts";
import { peer } from "./peers.ts";
import { megabytes, numbers, table, timed } from "./report.ts";
import { SMOLLM2_135M, shapedModel } from "./shapes.ts";

const { rounds, tokens, batch: batchTokens, threads } = numbers({ rounds: 8, tokens: 4096, batch: 1024, threads: 1 });
const LENGTHS = [128, 512];
const POINTS = 100;
/** first token ids that the random text is drawn from, the k-th of them 1/k as often as the first */
const WORDS = 4096;

const folder = await shapedModel("smollm2-135m", SMOLLM2_135M);
const checkpoint = await openCheckpoint(folder);
const spec = specOf(checkpoint.config);
const { weights } = checkpoint;
const layers = spec.blocks.length + 1;
const epsilon = temperature(POINTS, spec.width, "bound");
const points = Float32Array.from(referencePoints(0, POINTS, spec.width));

/** Parameters of the matrices that every token is multiplied by. */
const {
  hidden_size: d,
  intermediate_size: inner,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
} = SMOLLM2_135M;
const matrices = spec.blocks.length * (2 * d * d + (2 * d * d * kvHeads) / heads + 3 * d * inner) + d * spec.vocabulary;
/** Multiplications and additions of a token's matrix products, those of causal attention included. */
const operations = (length: number): number => 2 * matrices + spec.blocks.length * 4 * d * ((length + 1) / 2);

function someDocuments(length: number): TokenizedDocument[] {
  const stream = random(1, "bench", length);
  return Array.from({ length: Math.ceil(tokens / length) }, (_, index) => ({
    index,
    id: `#${index}`,
    domain: "",
    sha256: "",
    text: "",
    bytes: 4 * length,
    characters: 4 * length,
    ids: Int32Array.from({ length }, () => Math.floor(WORDS ** stream.uniform()) - 1),
    byteEnds: Uint32Array.from({ length }, (_, token) => 4 * (token + 1)),
    normalised: false,
    repairs: { bytes: 0, bits: 0 },
  }));
}

interface Kind {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly folder: string;
  readonly outputs: readonly string[];
  readonly feeds: Parameters<RuntimeProcess["run"]>[0];
}

const vector = (values: readonly number[]) =>
  ({ type: "int64", data: BigInt64Array.from(values, BigInt), dims: [values.length] }) as const;

/** Everything that takes turns, each with the feeds of one batch of windows of this length. */
function kinds(length: number): Kind[] {
  const rows = Math.max(1, Math.floor(batchTokens / length));
  const slots = Array.from({ length: rows * length }, (_, slot) => slot);
  const scored = slots.filter((slot) => (slot + 1) % length > 0);
  const stream = random(1, "ids");
  const ids = slots.map(() => stream.below(spec.vocabulary));
  const input_ids = { type: "int64", data: BigInt64Array.from(ids, BigInt), dims: [rows, length] } as const;
  const loss = { input_ids, loss_rows: vector(scored), loss_targets: vector(scored.map((slot) => ids[slot + 1])) };
  const all = { ...loss, rows: vector(slots), moment_rows: vector(slots), state_rows: vector(slots.slice(0, 16)) };
  const measuring = (name: string, heads: Heads, feeds: Kind["feeds"]): Kind => {
    const { bytes, externalFolder, outputs } = buildMeasuringGraph(spec, weights, heads, length);
    return { name, bytes, folder: externalFolder, outputs, feeds };
  };
  const assignments = { points, m: POINTS, draws: 1, epsilon };
  return [
    ceiling(slots.length),
    forward(length, { input_ids }),
    measuring("losses", { losses: true }, loss),
    measuring("whole measured pass", { losses: true, assignments, moments: true, states: true }, all),
  ];
}

/** Logits of every position, of which only the largest of each chunk leaves the runtime. */
function forward(length: number, feeds: Kind["feeds"]): Kind {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const bound = new GraphWeights(graph, spec, weights);
  const model = decoder({ graph, weights: bound, ids, longest: length }, spec);
  for (const [index, chunk] of model.logits(model.final).entries())
    graph.output(`largest.${index}`, ops.max(chunk, -1));
  return { name: "bare forward pass", bytes: graph.encode(), folder: bound.folder, outputs: graph.outputs, feeds };
}

/** Every matrix by states of its width, and nothing else: one row of each product is fetched so that all are computed. */
function ceiling(count: number): Kind {
  const graph = new Graph();
  const bound = new GraphWeights(graph, spec, weights);
  const wide = graph.input("wide", "float32", ["T", d]);
  const inside = graph.input("inside", "float32", ["T", inner]);
  let products = 0;
  const product = (states: Value, weight: Value): void => {
    const whole = ops.matMul(states, ops.transpose(weight, [1, 0]));
    graph.output(`product.${products++}`, ops.slice(whole, 0, 0, 1));
  };
  for (const { attention, mlp } of spec.blocks) {
    if (attention.projections.kind !== "separate" || mlp.kind !== "gated") throw new Error("not this shape");
    const { query, key, value } = attention.projections;
    for (const { weight } of [query, key, value, attention.output, mlp.gate, mlp.up]) {
      product(wide, bound.value(weight));
    }
    product(inside, bound.value(mlp.down.weight));
  }
  product(wide, bound.value(spec.head.linear.weight));
  const stream = random(1, "states");
  const states = (width: number) => {
    const data = Float32Array.from({ length: count * width }, () => stream.uniform() - 0.5);
    return { type: "float32", data, dims: [count, width] } as const;
  };
  return {
    name: "matrix products",
    bytes: graph.encode(),
    folder: bound.folder,
    outputs: graph.outputs,
    feeds: { wide: states(d), inside: states(inner) },
  };
}

interface Pass {
  readonly name: string;
  /** of the processor for a token of the fastest batch */
  readonly seconds: number;
  readonly peakBytes: number;
}

async function inTurns(length: number): Promise<Pass[]> {
  const all = kinds(length);
  const runtimes = all.map(() => new RuntimeProcess({ threads }));
  const count = Math.max(1, Math.floor(batchTokens / length)) * length;
  try {
    for (const [k, { bytes, folder }] of all.entries()) await runtimes[k].load(bytes, folder);
    const passes = all.map(({ name }) => ({ name, seconds: Number.POSITIVE_INFINITY, peakBytes: 0 }));
    // The first round warms up: what it takes has loading in it.
    const before = all.map(() => Number.NEGATIVE_INFINITY);
    for (let round = 0; round <= rounds; round++) {
      for (const [k, { feeds, outputs, name }] of all.entries()) {
        const { cpuSeconds, peakBytes } = await runtimes[k].run(feeds, outputs, name);
        passes[k] = { name, seconds: Math.min(passes[k].seconds, (cpuSeconds - before[k]) / count), peakBytes };
        before[k] = cpuSeconds;
      }
    }
    return passes;
  } finally {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  }
}

/** Of the processor. */
interface EndToEnd {
  readonly runtimeSeconds: number;
  readonly probesSeconds: number;
  readonly finishSeconds: number;
  /** of the runtime */
  readonly peakBytes: number;
}

/** Engine, probes and the finish of the plane, as a measurement has them; loading the model is left out. */
async function endToEnd(documents: readonly TokenizedDocument[]): Promise<EndToEnd> {
  const lengths = documents.map(({ ids }) => ids.length);
  const longest = Math.max(...lengths);
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, null, longest, 0));
  const engine = new OnnxEngine({ spec, weights, threads, longest, describe: ({ index }) => `batch ${index}` });
  const coding = new CodingProbe(documents, { vocabulary: spec.vocabulary, prefixed: false });
  const rows = geometryRows(lengths, d, 0);
  const geometry = new GeometryProbe(rows, { layers, width: d });
  const plane = new PlaneProbe(
    {
      documents,
      prefix: null,
      units: unitsOf(lengths),
      layers,
      width: d,
      m: POINTS,
      draws: 1,
      source: "seed 0",
      temperature: { rule: "bound", epsilon },
      allPositions: false,
      preNorm: false,
      seed: 0,
      frontier: null,
    },
    { folder: join(tmpdir(), "lossyscope-bench"), resumable: false },
  );
  const heads = { losses: true, preNorm: false, assignments: { points, m: POINTS, draws: 1, epsilon }, moments: true };
  const { momentRows, stateRows } = rows;
  const batches = batchesOf(windows, batchTokens);
  let first = Number.NaN;
  let probesSeconds = 0;
  for await (const observation of engine.run(batches, { heads, momentRows, stateRows })) {
    if (Number.isNaN(first)) first = engine.report.cpuSeconds;
    const { cpuSeconds } = await timed(() => {
      for (const probe of [coding, plane, geometry]) probe.observe(observation);
    });
    probesSeconds += cpuSeconds;
  }
  const finish = await timed(() => plane.finish({ threads }));
  plane.dispose();
  return {
    // The first batch, which loading cannot be told from, is taken for one like the others.
    runtimeSeconds: ((engine.report.cpuSeconds - first) * batches.length) / (batches.length - 1),
    probesSeconds,
    finishSeconds: finish.cpuSeconds,
    peakBytes: engine.report.peakBytes,
  };
}

for (const length of LENGTHS) {
  const [top, bare, ...others] = await inTurns(length);
  const rate = (seconds: number): string => (1 / seconds).toFixed(0);
  const work = (operations: number, seconds: number): number => operations / seconds / 1e9;
  const highest = work(2 * matrices, top.seconds);
  const line = ({ name, seconds, peakBytes }: Pass): string[] => {
    const reached = work(operations(length), seconds);
    const share = `${((100 * reached) / highest).toFixed(0)} %`;
    return [name, rate(seconds), reached.toFixed(0), share, (bare.seconds / seconds).toFixed(3), megabytes(peakBytes)];
  };
  console.log(`\nwindows of ${length}, batches of ${batchTokens} tokens, best of ${rounds}, ${threads} threads`);
  table([
    ["", "tokens/s", "GFLOP/s", "of ceiling", "of bare", "peak of the runtime"],
    [top.name, rate(top.seconds), highest.toFixed(0), "", "", megabytes(top.peakBytes)],
    ...[bare, ...others].map(line),
  ]);
  const documents = someDocuments(length);
  const count = documents.length * length;
  const whole = await endToEnd(documents);
  const ours = count / (whole.runtimeSeconds + whole.probesSeconds + whole.finishSeconds);
  console.log(
    `end to end, ${count} tokens: ${ours.toFixed(0)} tokens/s; runtime ${whole.runtimeSeconds.toFixed(1)} s, probes ${whole.probesSeconds.toFixed(1)} s, finish of the plane ${whole.finishSeconds.toFixed(1)} s; peak of the runtime ${megabytes(whole.peakBytes)}, of this process ${megabytes(process.resourceUsage().maxRSS * 1024)}`,
  );
  const theirs = peer("peer_measure.py", {
    folder,
    threads,
    length,
    rows: Math.max(1, Math.floor(batchTokens / length)),
    points: POINTS,
    epsilon,
    ids: documents.flatMap(({ ids }) => [...ids]),
  });
  if (!theirs) continue;
  const peerRate = count / theirs.endToEndSeconds;
  console.log(
    `peer: forward ${rate(theirs.forwardSecondsPerToken)} tokens/s (ours ${(theirs.forwardSecondsPerToken / bare.seconds).toFixed(2)} ×), end to end ${peerRate.toFixed(0)} tokens/s (ours ${(ours / peerRate).toFixed(2)} ×), peak ${megabytes(theirs.peakBytes)}`,
  );
}
