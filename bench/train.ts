/**
 * Training: tokens a second at 32 × 256, against the rate of a plain MatMul in the same run (as a share of the products
 * that a step must do), and against the same step in torch where PEERS_PYTHON names a Python that has it. The peers take
 * turns and the best step of each counts, so that what else a machine does falls on both.
 *
 *     PEERS_PYTHON=python3 npx tsx bench/train.ts
 */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "../src/engines/onnxruntime.ts";
import { Graph } from "../src/graph/graph.ts";
import { matMul } from "../src/graph/ops.ts";
import { initialVector, layoutOf } from "../src/lab/parameters.ts";
import { Rows } from "../src/lab/rows.ts";
import { shapeOf, type TrainingSettings } from "../src/lab/trainer.ts";
import { buildTrainingGraphs } from "../src/lab/training-graph.ts";
import { initialState, TrainingRuntime } from "../src/lab/training-runtime.ts";
import { specOf } from "../src/models/config.ts";
import { random } from "../src/numeric/random.ts";

const ROWS = 32;
const POSITIONS = 256;
const ROUNDS = 3;
const STEPS = 3;
const threads = availableParallelism();
const python = process.env.PEERS_PYTHON;

const llama = (width: number, mlp: number, blocks: number, heads: number, vocabulary: number) => ({
  model_type: "llama",
  hidden_size: width,
  intermediate_size: mlp,
  num_hidden_layers: blocks,
  num_attention_heads: heads,
  num_key_value_heads: heads / 2,
  vocab_size: vocabulary,
  max_position_embeddings: POSITIONS,
  tie_word_embeddings: true,
});
const CONFIGS = [llama(144, 384, 6, 6, 1024), llama(256, 688, 7, 8, 2048)];

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/** Floating-point operations a second of one large product. */
async function matMulRate(): Promise<number> {
  const size = 1024;
  const graph = new Graph();
  graph.output("y", matMul(graph.input("a", "float32", [size, size]), graph.input("b", "float32", [size, size])));
  const session = await InferenceSession.create(graph.encode(), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
  });
  const matrix = new Tensor("float32", new Float32Array(size * size).fill(0.5), [size, size]);
  const times: number[] = [];
  for (let turn = 0; turn < 20; turn++) times.push(await seconds(() => session.run({ a: matrix, b: matrix })));
  return (2 * size ** 3) / Math.min(...times);
}

/** Of the products of a step: every weight forward once and backward twice, and attention over what a position sees. */
function operationsPerToken(config: (typeof CONFIGS)[number], size: number): number {
  const seen = (POSITIONS + 1) / 2;
  return 3 * (2 * size + config.num_hidden_layers * 4 * config.hidden_size * seen);
}

for (const config of CONFIGS) {
  const spec = specOf(config);
  const layout = layoutOf(spec);
  const settings: TrainingSettings = {
    steps: ROUNDS * STEPS,
    rows: ROUNDS * STEPS * ROWS,
    batch: ROWS,
    positions: POSITIONS,
    runTokens: 1024,
    schedule: { rate: 1e-3, warmup: 0, decay: "constant", finalShare: 1 },
    beta1: 0.9,
    beta2: 0.95,
    weightDecay: 0.1,
    clip: 1,
    checkpoints: 2,
    seed: 0,
  };
  const shape = shapeOf(settings);
  const runtime = new TrainingRuntime(layout, shape, { threads });
  await runtime.load(buildTrainingGraphs(spec, layout, shape));
  await runtime.set(initialState(initialVector(layout, config, 0)));
  const generator = random(0, "tokens");
  const ids = Int32Array.from({ length: ROWS * POSITIONS + 1 }, () => generator.below(config.vocab_size));
  const rows = new Rows([ids], { positions: POSITIONS, packing: "stream", prefix: null, shuffled: false, seed: 0 });
  const parts = Array.from({ length: shape.runs }, (_, run) => {
    const first = run * shape.rows;
    return rows.take(first, Math.min(first + shape.rows, ROWS), shape.rows);
  });
  const numbers = { rate: 1e-3, decay: 1e-4, beta1: 0.9, beta2: 0.95, correction1: 0.1, correction2: 0.05 };
  const ours: number[] = [];
  const torch: number[] = [];
  let ceiling = 0;
  for (let round = 0; round < ROUNDS; round++) {
    ceiling = Math.max(ceiling, await matMulRate());
    for (let step = 0; step < STEPS; step++) ours.push(await seconds(() => runtime.step(parts, numbers, "a step")));
    if (!python) continue;
    const script = fileURLToPath(new URL("peer_train.py", import.meta.url));
    const given = [JSON.stringify(config), ...[ROWS, POSITIONS, threads, STEPS].map(String)];
    torch.push(Number(execFileSync(python, [script, ...given], { encoding: "utf8" })));
  }
  await runtime.close();
  const rate = (times: readonly number[]): number => (ROWS * POSITIONS) / Math.min(...times);
  const share = (rate(ours) * operationsPerToken(config, layout.size)) / ceiling;
  console.log(
    [
      `${(layout.size / 1e6).toFixed(2)}M parameters, ${ROWS} × ${POSITIONS}, ${threads} threads:`,
      `${Math.round(rate(ours))} tokens/s,`,
      `${(100 * share).toFixed(0)} % of the MatMul ceiling (${(ceiling / 1e9).toFixed(0)} GFLOP/s);`,
      python
        ? `torch ${Math.round(rate(torch))} tokens/s, ratio ${(rate(ours) / rate(torch)).toFixed(2)}`
        : "no torch: PEERS_PYTHON is not set",
    ].join(" "),
  );
}
