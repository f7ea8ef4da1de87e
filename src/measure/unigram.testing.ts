/**
 * A model that can give losses and nothing else, with an engine of its own: every byte has the share that it has in English, or a
 * little. What stands in for models of which nobody has the weights.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { type Engine, type EngineContext, refuseUngiven } from "../ports/engine.ts";
import type { Model } from "../ports/model.ts";
import type { Need, Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../tokenizer/bytes.ts";
import { createTokenizer, type Tokenizer, type TokenizerOptions } from "../tokenizer/tokenizer.ts";

const VOCABULARY = 257;
const END = 256;
const COMMON = new Set(Buffer.from(" etaoinshrdlu"));
const weightOf = (id: number): number => (COMMON.has(id) ? 20 : 1);
const TOTAL = Array.from({ length: VOCABULARY }, (_, id) => weightOf(id)).reduce((sum, weight) => sum + weight, 0);

/** What a token costs, whatever stands before it. */
export const unigramNats = (id: number): number => Math.fround(-Math.log(weightOf(id) / TOTAL));

function observation(batch: WindowBatch): Observation {
  const losses = batch.windows.flatMap(({ ids, fresh }) =>
    Array.from(ids.subarray(fresh), (id, row) => (fresh + row === 0 ? Number.NaN : unigramNats(id))),
  );
  return { batch, rows: losses.length, losses: Float32Array.from(losses) };
}

const engineOf = (_context: EngineContext): Engine => ({
  name: "unigram",
  runtime: "unigram",
  gives: new Set<Need>(["losses"]),
  width: 1,
  layerCount: 1,
  report: { version: "1", loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 },
  async *run(batches, request, signal) {
    refuseUngiven(this, request);
    for (const batch of batches) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      yield observation(batch);
    }
  },
  async close() {},
});

const tokenizer = ({ rows = VOCABULARY, ...options }: TokenizerOptions = {}): Tokenizer =>
  createTokenizer(byteLevelTokenizerJson(), {
    ...options,
    rows,
    config: { eos_token_id: END },
    tokenizerConfig: { ...byteLevelTokenizerConfig() },
  });

export const unigramModel = (name = "unigram"): Model => ({
  name,
  revision: null,
  architecture: null,
  layers: null,
  width: null,
  vocabulary: VOCABULARY,
  positions: 128,
  can: new Set(["losses"]),
  runs: { kind: "engine", create: engineOf },
  config: {},
  folder: null,
  weightFileBytes: 0,
  tokenizerFiles: [],
  aside: [],
  notes: [],
  tokenizer: async (options) => tokenizer(options),
  async conversing() {
    throw new LossyscopeError("unsupported", `${name} has no template of conversations`);
  },
  ends: async () => new Set([END]),
  digests: async () => ({ config: null, weights: null, tokenizer: null }),
  async refuseChanges() {},
});
