/**
 * Tokens a second, greedy, against what memory allows: a step reads every weight once, as float32, so no more than the
 * machine's bandwidth over their bytes, times the rows of a batch. The bandwidth is that of copying 256 MB on one core in the
 * same run, each byte read and written. Models: SmolLM2-135M's shape with drawn weights, or the folder given.
 *
 *     npm run bench -- generate [--model FOLDER] [--threads 1] [--tokens 64] [--prompt 16]
 */

import { generate } from "../src/decode/generate.ts";
import { DecodingSession } from "../src/decode/session.ts";
import { openModel } from "../src/measure/model.ts";
import { numbers, table } from "./report.ts";
import { SMOLLM2_135M, shapedModel } from "./shapes.ts";

const ROUNDS = 5;
const COPIED = 2 ** 28;
const BATCHES = [1, 4, 16];

const at = process.argv.indexOf("--model");
const [, given] = at >= 0 ? process.argv.splice(at, 2) : [];
const { threads, tokens, prompt } = numbers({ threads: 1, tokens: 64, prompt: 16 });

/** bytes read or written a second */
function bandwidth(): number {
  const [from, to] = [new Uint8Array(COPIED).fill(1), new Uint8Array(COPIED)];
  const seconds = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    to.set(from);
    return (performance.now() - started) / 1000;
  });
  return (2 * COPIED) / Math.min(...seconds);
}

const { checkpoint, spec, name } = await openModel(given ?? (await shapedModel("smollm2-135m", SMOLLM2_135M)));
const weightBytes = [...checkpoint.weights.names()].reduce((sum, tensor) => {
  const { shape } = checkpoint.weights.tensor(tensor)!;
  return sum + 4 * shape.reduce((product, size) => product * size, 1);
}, 0);
const bytesPerSecond = bandwidth();
console.log(
  `${name}: ${(weightBytes / 1e6).toFixed(0)} MB of float32 weights; ${(bytesPerSecond / 1e9).toFixed(1)} GB/s`,
);
const session = await DecodingSession.open({
  spec,
  weights: checkpoint.weights,
  threads,
  prediction: "logits",
  longest: prompt + tokens,
});
const rows = [["rows", "prompt, tokens/s", "tokens/s", "memory allows", "share"]];
for (const batch of BATCHES) {
  const prompts = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: prompt }, (_, i) => 1 + ((7 * i + b) % 64)),
  );
  const started = performance.now();
  let first = 0;
  let last = 0;
  for await (const _ of generate(session, prompts, {
    temperature: 0,
    topP: 1,
    seed: 0,
    maxTokens: tokens,
    ends: new Set(),
  })) {
    last = performance.now();
    first ||= last;
  }
  const rate = (batch * (tokens - 1)) / ((last - first) / 1000);
  const bound = (batch * bytesPerSecond) / weightBytes;
  rows.push([
    String(batch),
    ((batch * prompt) / ((first - started) / 1000)).toFixed(0),
    rate.toFixed(1),
    bound.toFixed(1),
    (rate / bound).toFixed(2),
  ]);
}
await session.close();
table(rows);
