/**
 * Tokens a second, greedy, against what memory allows: a step reads every weight once, as float32, so no more than the
 * machine's bandwidth over their bytes, times the rows of a batch. The bandwidth is that of copying 256 MB on one core in the
 * same run, each byte read and written. Beside it llama.cpp on the same weights, in float32 too, where it is installed, and
 * whether it says the same. Models: SmolLM2-135M's shape with drawn weights, or the folder given.
 *
 *     PEERS_LLAMA=FOLDER npm run bench -- generate [--model FOLDER] [--threads 1] [--tokens 64] [--prompt 16]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "../src/decode/generate.ts";
import { DecodingSession } from "../src/decode/session.ts";
import { decoderOf } from "../src/ports/model.ts";
import { openModel } from "../src/references/open.ts";
import { writeGguf } from "./gguf-writer.ts";
import { llama, type Speaker, type Spoken } from "./llama.ts";
import { bandwidth, numbers, table } from "./report.ts";
import { SMOLLM2_135M, shapedModel } from "./shapes.ts";

const BATCHES = [1, 4, 16];

const at = process.argv.indexOf("--model");
const [, given] = at >= 0 ? process.argv.splice(at, 2) : [];
const { threads, tokens, prompt } = numbers({ threads: 1, tokens: 64, prompt: 16 });

const model = await openModel(given ?? (await shapedModel("smollm2-135m", SMOLLM2_135M)));
const { spec, weights } = decoderOf(model)!;

async function ours(prompts: readonly (readonly number[])[], session: DecodingSession): Promise<Spoken> {
  const found = prompts.map((): number[] => []);
  const started = performance.now();
  let first = 0;
  let last = 0;
  const options = { temperature: 0, topP: 1, seed: 0, maxTokens: tokens, ends: new Set<number>() };
  for await (const step of generate(session, prompts, options)) {
    last = performance.now();
    first ||= last;
    for (const [row, id] of step.entries()) found[row].push(id!);
  }
  return { tokens: found, promptSeconds: (first - started) / 1000, seconds: (last - first) / 1000 };
}

/** Where what two say parts for the first time, on average over rows, of so many tokens. */
function agreement(a: Spoken, b: Spoken): string {
  const same = a.tokens.map((row, r) => {
    const parted = row.findIndex((id, i) => id !== b.tokens[r][i]);
    return parted < 0 ? row.length : parted;
  });
  return `${(same.reduce((sum, count) => sum + count, 0) / same.length).toFixed(0)} of ${tokens}`;
}

const weightBytes = [...weights.names()].reduce((sum, tensor) => {
  const { shape } = weights.locate(tensor)!;
  return sum + 4 * shape.reduce((product, size) => product * size, 1);
}, 0);
const bytesPerSecond = bandwidth();
console.log(
  `${model.name}: ${(weightBytes / 1e6).toFixed(0)} MB of float32 weights; ${(bytesPerSecond / 1e9).toFixed(1)} GB/s; ${threads} threads; load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`,
);
const session = await DecodingSession.open({ spec, weights, threads, prediction: "logits", longest: prompt + tokens });
const folder = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
let peer: Speaker | undefined;
try {
  const gguf = join(folder, "model.gguf");
  await writeGguf({ config: model.config, weights }, gguf);
  peer = await llama(gguf, threads);
  const rows = [["rows", "", "prompt, tokens/s", "tokens/s", "memory allows", "share", "same tokens"]];
  for (const batch of BATCHES) {
    const prompts = Array.from({ length: batch }, (_, b) =>
      Array.from({ length: prompt }, (_, i) => 1 + ((7 * i + b) % 64)),
    );
    const bound = (batch * bytesPerSecond) / weightBytes;
    const add = (who: string, { promptSeconds, seconds }: Spoken, same: string): void => {
      const rate = (batch * (tokens - 1)) / seconds;
      const read = ((batch * prompt) / promptSeconds).toFixed(0);
      rows.push([String(batch), who, read, rate.toFixed(1), bound.toFixed(1), (rate / bound).toFixed(2), same]);
    };
    const own = await ours(prompts, session);
    add("ours", own, "");
    const other = await peer?.speak(prompts, tokens);
    if (other) add("llama.cpp", other, agreement(own, other));
  }
  table(rows);
} finally {
  await session.close();
  await peer?.close();
  rmSync(folder, { recursive: true });
}
