/**
 * A GGUF file as it is, ours beside llama.cpp's (node-llama-cpp), in turns: tokens of windows that are read a second, and
 * tokens that are stepped through. Ours thrice: codes met by float32 inputs (the default), by inputs of 8 bits (`--fast`),
 * and the same values written out as float32. Ours scores every token of a window; llama.cpp is asked for what comes after
 * it alone. Rates are by the wall, the best and the median of the rounds: the machine must be quiet. Memory: the largest
 * resident size of our runtime's process; of llama.cpp what this process grows by.
 *
 *     REAL_MODEL=model.gguf PEERS_LLAMA=FOLDER npm run bench -- gguf [--window 512] [--windows 8] [--steps 48] [--threads 2] [--rounds 3]
 */
import { readFileSync, statSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { basename } from "node:path";
import { memoryUsage } from "node:process";
import { generate } from "../src/decode/generate.ts";
import { DecodingSession } from "../src/decode/session.ts";
import { OnnxEngine } from "../src/engines/onnx.ts";
import type { TensorSource } from "../src/models/sources/tensor-source.ts";
import { requireDecoder } from "../src/ports/model.ts";
import { openModel } from "../src/references/open.ts";
import { batchesOf, windowsOf } from "../src/text/windows.ts";
import { llama } from "./llama.ts";
import { megabytes, numbers, table } from "./report.ts";

const {
  window,
  windows: count,
  steps,
  threads,
  rounds,
} = numbers({ window: 512, windows: 8, steps: 48, threads: 2, rounds: 3 });
const PROMPT = 16;

/** Seconds for so many tokens, and what they took. */
interface Ran {
  readonly tokens: number;
  readonly seconds: number;
  readonly peakBytes: number | null;
}

/** The same weights as nothing but values: what the runtime reads is float32. */
const asValues = (source: TensorSource): TensorSource => ({
  names: () => source.names(),
  locate(name) {
    const tensor = source.locate(name);
    return tensor && { ...tensor, isComputed: true };
  },
  read: (name, from, to) => source.read(name, from, to),
});

async function main(path: string): Promise<void> {
  const model = await openModel(path, { offline: true, onDownload() {} });
  const { spec, weights } = requireDecoder(model, "the benchmark");
  const tokenizer = await model.tokenizer();
  const pages = ["../README.md", "../docs/METHODS.md"].map((page) =>
    readFileSync(new URL(page, import.meta.url), "utf8"),
  );
  const ids = tokenizer
    .encode(
      pages
        .join("\n\n")
        .repeat(4)
        .slice(0, 8 * count * window),
    )
    .ids.slice(0, count * window);
  const documents = Array.from({ length: count }, (_, d) => ids.slice(d * window, (d + 1) * window));
  const batches = () =>
    batchesOf(
      documents.flatMap((own, d) => windowsOf(d, own, null, window, 0)),
      4 * window,
    );

  const read = (source: TensorSource, precision?: "fast") => async (): Promise<Ran> => {
    const engine = new OnnxEngine({
      spec,
      weights: source,
      precision,
      threads,
      longest: window,
      describe: () => "a batch",
    });
    for await (const _ of engine.run(batches(), { heads: { losses: true, preNorm: false } }));
    const { runSeconds, peakBytes } = engine.report;
    return { tokens: ids.length, seconds: runSeconds, peakBytes };
  };
  const step = (source: TensorSource) => async (): Promise<Ran> => {
    const session = await DecodingSession.open({
      spec,
      weights: source,
      threads,
      prediction: "logits",
      longest: PROMPT + steps,
    });
    try {
      const options = { temperature: 0, topP: 1, seed: 0, maxTokens: steps, ends: new Set<number>() };
      let [first, last] = [0, 0];
      for await (const _ of generate(session, [[...ids.slice(0, PROMPT)]], options)) {
        last = performance.now();
        first ||= last;
      }
      return { tokens: steps - 1, seconds: (last - first) / 1000, peakBytes: null };
    } finally {
      await session.close();
    }
  };

  const before = memoryUsage.rss();
  const peer = await llama(path, threads);
  let grown = 0;
  const theirs = async (prompt: readonly number[], tokens: number) => {
    const spoken = await peer!.speak([prompt], tokens);
    grown = Math.max(grown, memoryUsage.rss() - before);
    return spoken;
  };
  const theyRead = async (): Promise<Ran> => {
    let seconds = 0;
    for (const own of documents) seconds += (await theirs([...own], 1)).promptSeconds;
    return { tokens: ids.length, seconds, peakBytes: grown };
  };
  const theyStep = async (): Promise<Ran> => {
    const { seconds } = await theirs([...ids.slice(0, PROMPT)], steps);
    return { tokens: steps - 1, seconds, peakBytes: grown };
  };

  console.log(
    `${basename(path)}, ${megabytes(statSync(path).size)}; ${threads} threads; load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`,
  );
  const reading: Record<string, () => Promise<Ran>> = {
    "exact, codes": read(weights),
    "--fast, codes": read(weights, "fast"),
    "float32, written out": read(asValues(weights)),
    ...(peer && { "llama.cpp": theyRead }),
  };
  const stepping: Record<string, () => Promise<Ran>> = {
    "exact, codes": step(weights),
    "float32, written out": step(asValues(weights)),
    ...(peer && { "llama.cpp": theyStep }),
  };
  await inTurns(`${count} windows of ${window} tokens read`, reading);
  await inTurns(`${steps} tokens stepped through`, stepping);
  await peer?.close();
}

async function inTurns(what: string, ways: Readonly<Record<string, () => Promise<Ran>>>): Promise<void> {
  const found = new Map<string, { rates: number[]; peakBytes: number | null }>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const { tokens, seconds, peakBytes } = await run();
      const one = found.get(name) ?? { rates: [], peakBytes };
      one.rates.push(tokens / seconds);
      if (peakBytes !== null) one.peakBytes = Math.max(one.peakBytes ?? 0, peakBytes);
      found.set(name, one);
    }
  }
  const sorted = (name: string): number[] => [...(found.get(name)?.rates ?? [])].sort((a, b) => b - a);
  const beside = (name: string, other: string): string => {
    const [own, theirs] = [sorted(name)[0], sorted(other)[0]];
    return theirs === undefined ? "" : (own / theirs).toFixed(2);
  };
  console.log(`\n${what}`);
  table([
    ["", "best, tokens/s", "median", "of float32", "of llama.cpp", "memory"],
    ...[...found].map(([name, { peakBytes }]) => [
      name,
      sorted(name)[0].toFixed(1),
      sorted(name)[rounds >> 1].toFixed(1),
      beside(name, "float32, written out"),
      beside(name, "llama.cpp"),
      peakBytes === null ? "" : megabytes(peakBytes),
    ]),
  ]);
}

const path = process.env.REAL_MODEL;
if (path?.endsWith(".gguf")) await main(path);
else console.error("skipped: set REAL_MODEL to a .gguf file (`npm run real-models` fetches one)");
