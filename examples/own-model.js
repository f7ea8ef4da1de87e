// Measures a model of your own, of which nothing is known but what tokens cost: here one that expects of the next token what
// its window has had so far, in the tokens of another model.
import { measure, openModel } from "lossyscope";
import { refuseUngiven } from "lossyscope/measure";

const TOKENIZER = "node_modules/lossyscope/specimens/main/step-36246";
const TEXT = "node_modules/lossyscope/docs/guide";

const other = await openModel(TOKENIZER, { offline: true });

/**
 * Nats of the tokens that are new in a window; nothing foretells the first of it.
 * @param {{ readonly ids: Int32Array, readonly fresh: number }} window
 */
function nats({ ids, fresh }) {
  const seen = new Map();
  const all = Array.from(ids, (id, at) => {
    const times = seen.get(id) ?? 0;
    seen.set(id, times + 1);
    return at === 0 ? Number.NaN : -Math.log((times + 1 / other.vocabulary) / (at + 1));
  });
  return all.slice(fresh);
}

/** @returns {import("lossyscope/measure").Engine} */
const create = () => ({
  name: "own",
  runtime: "own",
  gives: new Set(["losses"]),
  width: 1,
  layerCount: 1,
  report: { version: "1", loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 },
  async *run(batches, request) {
    refuseUngiven(this, request);
    for (const batch of batches) {
      const losses = Float32Array.from(batch.windows.flatMap(nats));
      yield { batch, rows: losses.length, losses };
    }
  },
  async close() {},
});

/** @type {import("lossyscope").Model} */
const model = {
  ...other,
  name: "own",
  ...{ architecture: null, layers: null, width: null, positions: null },
  can: new Set(["losses"]),
  runs: { kind: "engine", create },
  weightFileBytes: 0,
  digests: async () => ({ config: null, weights: null, tokenizer: null }),
};

const { coding, refusals } = await measure(model, { text: TEXT, limitBytes: 10_000 });
console.log(`${model.name}: ${coding?.overall.bitsPerByte.value} bits per byte`);
for (const { figure, reason } of refusals) console.log(`no ${figure}: ${reason}`);
